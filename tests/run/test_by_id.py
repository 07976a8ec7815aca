"""A collection of ids is mined, exported and linted; no interaction is ever a negative."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import negatives as neg
from negatives.api import Run
from negatives.schema import Collection, Identity
from tests.cli.commands import negatives

USERS, ITEMS = 40, 60


@pytest.fixture(scope="module")
def plays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Users and items that are both called by numbers, some items far more often than others."""
    draw = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("plays") / "plays.tsv"
    rows = [
        f"{user}\t{item}\n"
        for user in range(USERS)
        for item in sorted({*(draw.beta(1, 3, int(draw.integers(1, 20))) * ITEMS).astype(int)})
    ]
    rows += [f"{USERS}\t{item}\n" for item in range(ITEMS)]
    path.write_text("user_id\titem_id\n" + "".join(rows))
    return path


@pytest.fixture(scope="module")
def run(plays: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("by-id") / "run"
    said = negatives("mine", plays, "--out", out, "--recipe", "popularity")
    assert said.returncode == 0, said.stderr
    return Run(out)


def interactions(path: Path) -> set[tuple[str, str]]:
    lines = path.read_text().splitlines()[1:]
    return {(fields[0], fields[1]) for fields in (line.split("\t") for line in lines)}


def check_exact(run: Run, path: Path) -> None:
    """By naive look-ups: no interaction among the negatives; all that were asked for are there."""
    known = interactions(path)
    items = {item for _, item in known}
    chosen = run.negatives.select("query_id", "doc_id").rows()
    assert not [pair for pair in chosen if pair in known]
    assert len({*chosen}) == len(chosen)
    for user in {user for user, _ in known}:
        free = len(items - {item for other, item in known if other == user})
        assert sum(asked == user for asked, _ in chosen) == min(7, free)


def test_no_interaction_is_a_negative_and_nobody_is_left_short(run: Run, plays: Path) -> None:
    check_exact(run, plays)


def test_documents_are_as_likely_to_be_drawn_as_they_are_popular(run: Run) -> None:
    drawn = run.candidates().filter(pl.col("popularity_rank") <= 5).collect()
    counts = run.collection.positives.group_by("doc").len().sort("len", "doc")["doc"]
    names = run.collection.corpus["doc_id"]
    popular = drawn["doc_id"].is_in(names.gather(counts.tail(15)).implode()).sum()
    rare = drawn["doc_id"].is_in(names.gather(counts.head(15)).implode()).sum()
    assert popular > 2 * rare


def test_user_seven_and_item_seven_have_nothing_in_common(run: Run) -> None:
    verdicts = run.candidates().collect()["verdict"].unique().to_list()
    assert sorted(verdicts) == ["eligible", "positive"]


def test_exports_hold_ids_and_a_format_of_texts_says_how(run: Run, tmp_path: Path) -> None:
    said = negatives("export", run.path, "--format", "triplet", "-o", tmp_path / "t.parquet")
    assert said.returncode == 2
    assert said.stderr.startswith("error: the queries have no texts to export\n")
    assert "fix:   export ids instead of texts: --ids\n" in said.stderr
    said = negatives(
        "export", run.path, "--format", "triplet", "--ids", "-o", tmp_path / "t.parquet"
    )
    assert said.returncode == 0, said.stderr
    assert pl.read_parquet(tmp_path / "t.parquet").columns == [
        "anchor_id", "positive_id", "negative_id",
    ]  # fmt: skip
    said = negatives("export", run.path, "--format", "masks", "-o", tmp_path / "m.parquet")
    assert said.returncode == 0, said.stderr
    masks = pl.read_parquet(tmp_path / "m.parquet")
    for user, items in masks.sort("query_id").rows():
        known = run.collection.qrels.filter(query_id=user)["doc_id"]
        assert sorted(items) == sorted(known)


def test_lint_finds_nothing_in_the_run_and_an_interaction_that_is_planted(
    run: Run, plays: Path, tmp_path: Path
) -> None:
    assert negatives("lint", run.path).returncode == 0
    planted = tmp_path / "planted.tsv"
    planted.write_text(plays.read_text().splitlines()[1] + "\t59\n")
    user, item, other = planted.read_text().strip().split("\t")
    planted.write_text(
        f"query_id\tpositive_id\tnegative_id\n{user}\t{item}\t{item}\n{user}\t{item}\t{other}\n"
    )
    said = negatives("lint", planted, "--data", plays, "--json")
    assert '"rule": "positive-as-negative"' in said.stdout or "positive" in said.stdout
    assert said.returncode == 1


def test_what_reads_texts_refuses_ids(run: Run, plays: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"  # a model that is refused as well, once it is opened
    broken.mkdir()
    (broken / "config.json").write_text("{}")
    learns = ("--out", tmp_path / "out", "--model", broken)
    for words in (
        ("train", plays, *learns),
        ("train", run.path, *learns),
        ("compare", plays, "--recipes", "popularity", "--on", plays, *learns),
        ("evaluate", "static", plays),
        ("evaluate", "bm25", plays),
        ("data", "plant", plays, "-o", tmp_path / "planted"),
    ):
        said = negatives(*map(str, words))
        assert said.returncode == 2, said.stderr
        assert "the documents, and these have nothing but their ids" in said.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["broken"]


@pytest.mark.slow
def test_a_document_without_a_text_is_proposed_by_what_needs_none(tmp_path: Path) -> None:
    frame = pl.DataFrame({"doc_id": ["a", "b", "c"], "text": ["one word", "", "one more"],
                          "row": [0, 1, 2]}, schema_overrides={"row": pl.UInt32})  # fmt: skip
    asked = pl.DataFrame({"query_id": ["q"], "text": ["one"], "row": [0]},
                         schema_overrides={"row": pl.UInt32})  # fmt: skip
    qrels = pl.DataFrame({"query_id": ["q"], "doc_id": ["a"], "relevance": [1]},
                         schema_overrides={"relevance": pl.Int32})  # fmt: skip
    both = ["bm25", "random"]
    expected: dict[Identity, dict[str, list[str]]] = {
        "text": {"c": both}, "id": {"b": ["random"], "c": both}
    }  # fmt: skip
    for identity, found in expected.items():
        made = Collection("made", "train", frame, asked, qrels, identity=identity)
        sources = [neg.BM25(), neg.Random()]
        run = neg.mine(made, tmp_path / identity, sources=sources)
        rows = run.candidates().collect()
        proposed = dict(
            rows.filter(pl.col("doc_id") != "a").select("doc_id", "sources").iter_rows()
        )
        assert proposed == found


@pytest.mark.slow
def test_lastfm_is_mined_in_full(tmp_path: Path) -> None:
    folder = Path(os.environ.get("NEGATIVES_DATA", "")) / "lastfm"
    if not folder.is_dir():
        pytest.skip("set NEGATIVES_DATA to a folder that holds lastfm")
    run = neg.mine(folder, tmp_path / "run", recipe="popularity")
    known = interactions(folder / "train.tsv")
    chosen = run.negatives.select("query_id", "doc_id").rows()
    assert len(chosen) == 7 * 1878
    assert not known & {*chosen}
