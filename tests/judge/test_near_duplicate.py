"""Near-duplicates: planted edits are found, and the shortcut never changes the answer."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.arrays import Ragged, by_volume
from negatives.judge import near_duplicate as module
from negatives.judge.near_duplicate import NearDuplicate, jaccard, signatures
from negatives.schema import Collection
from negatives.text.keys import shingles
from tests.build import collection, context

WORDS = [f"w{n}" for n in range(40)]
TEXT = " ".join(WORDS)
"""40 different words: 39 runs of two. Changing one word inside breaks two of them."""


def edited(*places: int) -> str:
    return " ".join("changed" if n in places else word for n, word in enumerate(WORDS))


DATA = collection(
    {
        "copy-0": TEXT,
        "copy-1": edited(20),
        "copy-2": edited(10, 30),
        "copy-3": edited(5, 15, 25),
        "copy-9": edited(*range(0, 40, 4)),
        "other": "nothing in common with the rest of them",
        "positive": TEXT,
        "second": "nothing in common with the rest of us",
        "third": "x y z",
    },
    {"q1": "query", "q2": "another"},
    [("q1", "positive", 1), ("q1", "second", 1), ("q1", "copy-2", 0), ("q2", "third", 1)],
)


def table(data: Collection) -> pl.DataFrame:
    """Every pair of a query and a document, as the runner would hand it over."""
    return (
        data.queries.with_row_index("query")
        .select("query")
        .join(data.corpus.with_row_index("doc").select("doc"), how="cross")
        .join(data.judged, on=["query", "doc"], how="left", maintain_order="left")
        .sort("query", "doc")
    )


def judged(scratch: Path, stage: NearDuplicate, data: Collection = DATA) -> pl.DataFrame:
    rows = table(data)
    opinion = stage.open(context(data, scratch)).judge(rows)
    assert len(opinion) == len(rows)
    return data.ids_of(pl.concat([rows, opinion], how="horizontal"))


def similarity(frame: pl.DataFrame, query: str) -> dict[str, float | None]:
    mine = frame.filter(pl.col("query_id") == query)
    return dict(mine.select("doc_id", "near_duplicate").iter_rows())


def copies(frame: pl.DataFrame) -> set[tuple[str, str]]:
    found = frame.filter(pl.col("verdict") == "duplicate")
    return set(found.select("query_id", "doc_id").iter_rows())


def test_similarity_is_the_share_of_runs_in_common(tmp_path: Path) -> None:
    found = similarity(judged(tmp_path, NearDuplicate(threshold=0.1)), "q1")
    assert found["copy-0"] == 1.0
    assert found["copy-1"] == pytest.approx(37 / 41)  # 37 shared of 39 + 39 - 37
    assert found["copy-3"] == pytest.approx(33 / 45)
    assert found["other"] == pytest.approx(6 / 8)  # with the second positive: the closest counts


def test_planted_copies_are_duplicates_and_looser_ones_are_not(tmp_path: Path) -> None:
    # 37 / 41 = 0.90 and 33 / 45 = 0.73; copy-2 is judged, so it is left alone.
    assert copies(judged(tmp_path, NearDuplicate())) == {("q1", "copy-0"), ("q1", "copy-1")}


def test_a_lower_threshold_finds_all_that_a_higher_one_finds(tmp_path: Path) -> None:
    before: set[tuple[str, str]] = set()
    sizes = []
    for threshold in (1.0, 0.9, 0.8, 0.7, 0.3, 0.01):
        found = copies(judged(tmp_path, NearDuplicate(threshold=threshold)))
        assert before <= found
        before = found
        sizes.append(len(found))
    # copy-0 at 1; copy-1 at 0.90; copy-3 at 0.73 and other at 0.75; copy-9 at 20 / 58 = 0.34.
    assert sizes == [1, 2, 2, 4, 5, 5]


def test_the_reason_names_the_positive_and_the_similarity(tmp_path: Path) -> None:
    frame = judged(tmp_path, NearDuplicate(threshold=0.7)).filter(pl.col("query_id") == "q1")
    reasons = dict(frame.select("doc_id", "reason").iter_rows())
    assert reasons["copy-1"] == "near-duplicate: Jaccard 0.9 with positive positive"
    assert reasons["other"] == "near-duplicate: Jaccard 0.75 with positive second"
    assert reasons["third"] is None


def test_another_querys_positives_do_not_matter(tmp_path: Path) -> None:
    found = copies(judged(tmp_path, NearDuplicate(threshold=0.01)))
    assert {query for query, _ in found} == {"q1"}


def test_of_judged_pairs_the_likeness_to_other_positives_is_told_without_a_verdict(
    tmp_path: Path,
) -> None:
    frame = judged(tmp_path, NearDuplicate()).filter(pl.col("relevance").is_not_null())
    assert frame["verdict"].null_count() == len(frame)
    copies = frame.filter(NearDuplicate().copies)
    assert 0 < len(copies) < len(frame)


def test_longer_runs_of_words_are_stricter(tmp_path: Path) -> None:
    # Runs of three: 38, of which a changed word breaks three: 35 / 41.
    found = similarity(judged(tmp_path, NearDuplicate(words=3, threshold=0.1)), "q1")
    assert found["copy-1"] == pytest.approx(35 / 41)


def test_the_order_of_the_rows_changes_nothing(tmp_path: Path) -> None:
    ruling = NearDuplicate().open(context(DATA, tmp_path))
    rows = table(DATA)
    assert ruling.judge(rows.reverse()).reverse().equals(ruling.judge(rows))


def test_the_size_of_a_block_changes_nothing(tmp_path: Path) -> None:
    whole = judged(tmp_path / "whole", NearDuplicate(threshold=0.3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_PAIRS", 3)
        patch.setattr(module, "_CACHED", 2)
        patch.setattr(by_volume, "__defaults__", (5, None))
        assert judged(tmp_path / "small", NearDuplicate(threshold=0.3)).equals(whole)


def test_signatures_are_kept_for_the_next_start(tmp_path: Path) -> None:
    first = judged(tmp_path, NearDuplicate())
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(before) == 3
    assert judged(tmp_path, NearDuplicate(threshold=0.81)).equals(first)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_the_advice_is_to_raise_the_threshold() -> None:
    assert NearDuplicate(threshold=0.75).fix == "raise near-duplicate threshold above 0.75"


sets = st.lists(st.sets(st.integers(0, 30), max_size=12), min_size=1, max_size=8)


@pytest.mark.slow
@given(sets, st.data())
def test_jaccard_is_intersection_over_union(groups: list[set[int]], data: st.DataObject) -> None:
    values = np.array([value for group in groups for value in sorted(group)], np.uint32)
    offsets = np.cumsum([0, *(len(group) for group in groups)])
    side = st.lists(st.integers(0, len(groups) - 1), min_size=10, max_size=10)
    left, right = data.draw(side), data.draw(side)
    found = jaccard(Ragged(offsets, values), np.array(left, np.uint32), np.array(right, np.uint32))
    for n, (one, other) in enumerate(zip(left, right, strict=True)):
        union = groups[one] | groups[other]
        expected = len(groups[one] & groups[other]) / len(union) if union else 0.0
        assert found[n] == np.float32(expected)


def test_signatures_estimate_the_similarity_without_bias() -> None:
    rng = np.random.default_rng(0)
    texts = []
    for _ in range(300):
        words = [f"w{n}" for n in rng.integers(0, 10_000, 60)]
        changed = list(words)
        for place in rng.integers(0, 60, rng.integers(0, 25)):
            changed[place] = "changed"
        texts += [" ".join(words), " ".join(changed)]
    runs = shingles(pl.Series(texts), 2)
    signed = signatures(runs)
    pairs = np.arange(600, dtype=np.uint32).reshape(300, 2)
    left, right = pairs[:, 0], pairs[:, 1]
    truth = jaccard(runs, left, right)
    error = (signed[left] == signed[right]).mean(axis=1) - truth
    assert abs(error.mean()) < 0.012  # four standard errors of 0.05 / sqrt(300)
    assert np.abs(error).max() < 0.25  # the slack below the threshold that is still compared


def test_a_document_without_words_resembles_nothing_not_even_its_like(tmp_path: Path) -> None:
    data = collection({"a": "", "b": " ", "c": "x"}, {"q": "query"}, [("q", "a", 1)])
    frame = judged(tmp_path, NearDuplicate(threshold=0.01), data)
    assert copies(frame) == set()


@pytest.mark.parametrize("filler", [0, 1, 3])
def test_the_signature_is_only_a_shortcut(filler: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(filler)
    corpus, texts = {}, []
    for n in range(60):
        kept = [word if rng.random() > n / 200 else f"x{n}" for word in WORDS]
        corpus[f"d{n:02}"] = " ".join(kept)
        texts.append(kept)
    data = collection(corpus, {"q": "query"}, [("q", "d00", 1)])
    found = copies(judged(tmp_path, NearDuplicate(), data))

    def runs(words: list[str]) -> set[tuple[str, str]]:
        return set(pairwise(words))

    first = runs(texts[0])
    expected = {
        ("q", f"d{n:02}")
        for n in range(1, 60)
        if len(runs(texts[n]) & first) / len(runs(texts[n]) | first) >= 0.8
    }
    assert found == expected
    assert len(found) > 5
