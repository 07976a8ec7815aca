"""Pairs to be read: which they are, what is said of them, and that hostile texts do no harm."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import negatives as neg
from negatives.errors import InputError
from negatives.show.pair_text import print_examples
from tests.build import collection
from tests.show.made import HOSTILE, mined


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> neg.Run:
    return mined(tmp_path_factory.mktemp("examples") / "run", judges=[neg.NearDuplicate()])


def pairs(found: Any) -> list[tuple[str, str]]:
    return [(q["query_id"], pair["doc_id"]) for q in found.queries for pair in q["pairs"]]


def test_the_worst_are_the_hardest_where_nobody_knows_more(run: neg.Run) -> None:
    found = run.examples(3)
    hardest = run.negatives.join(
        run.candidates().filter(pl.col("verdict") == "eligible").select("query_id", "doc_id")
        .collect(), on=["query_id", "doc_id"], how="semi",
    ).with_columns(of=pl.col("sources").list.len())  # fmt: skip
    by = ["of", "hardness", "query_id", "doc_id"]
    expected = hardest.sort(by, descending=[True, True, False, False], nulls_last=True).head(3)
    assert sorted(pairs(found)) == sorted(expected.select("query_id", "doc_id").rows())
    assert len(found) == 3
    assert "that are hardest" in found.title


def test_a_query_has_its_negatives_in_order_its_positives_and_what_became_of_the_rest(
    run: neg.Run,
) -> None:
    found = run.examples(query="q0")
    (query,) = found.queries
    own = run.negatives.filter(pl.col("query_id") == "q0").sort("position")
    assert [pair["doc_id"] for pair in query["pairs"]] == own["doc_id"].to_list()
    assert [pair["position"] for pair in query["pairs"]] == own["position"].to_list()
    assert query["positives_in_all"] == 2
    rows = run.candidates().filter(pl.col("query_id") == "q0").collect()
    for name, number in rows.group_by("verdict").len().iter_rows():
        if name not in ("eligible", "judged-negative"):
            assert f"{number} {name}" in found.notes[0]


def test_a_pair_says_what_became_of_it_whether_it_was_picked_or_not(run: neg.Run) -> None:
    for row in run.candidates().filter(pl.col("query_id") == "q1").collect().iter_rows(named=True):
        (query,) = run.examples(query="q1", doc=row["doc_id"]).queries
        (pair,) = query["pairs"]
        assert (pair["verdict"], pair["rule"], pair["reason"]) == (
            row["verdict"], row["rule"], row["reason"],
        )  # fmt: skip
        assert {each["source"] for each in pair["sources"]} >= {*(row["sources"] or [])}
    all_of_it = {*run.candidates().filter(pl.col("query_id") == "q1").collect()["doc_id"]}
    (other, *_) = sorted({f"d{n:02}" for n in range(16)} - all_of_it)
    absent = run.examples(query="q1", doc=other)
    assert len(absent) == 0
    assert absent.notes == ("no source has proposed this pair, and it is not judged",)


def test_a_document_shows_every_query_that_has_it(run: neg.Run) -> None:
    (doc, *_) = run.negatives["doc_id"].mode()
    found = run.examples(doc=doc)
    own = run.negatives.filter(pl.col("doc_id") == doc).select("query_id", "doc_id")
    assert sorted(pairs(found)) == sorted(own.rows())


def test_drawn_at_random_they_are_the_same_for_the_same_seed(run: neg.Run) -> None:
    first, again = run.examples(5, order="random", seed=1), run.examples(5, order="random", seed=1)
    assert pairs(first) == pairs(again)
    assert len(set(pairs(first))) == 5
    assert pairs(run.examples(5, order="random", seed=2)) != pairs(first)
    assert len(run.examples(10_000, order="random")) == len(run.negatives)


def test_a_name_is_an_id_or_a_text_or_enough_of_it(run: neg.Run) -> None:
    assert run.examples(query="WHAT is known of  beam").queries[0]["query_id"] == "q6"
    for wrong, hint in (
        ("what is known", "7 queries hold"),
        ("q00", "did you mean one of these?"),
        ("a shell, is it known", 'q1 ("what is known of shell")'),
        ("zzz", "give an id, or words of the text, of a query"),
    ):
        with pytest.raises(InputError) as refused:
            run.examples(query=wrong)
        assert hint in str(refused.value)
    with pytest.raises(InputError, match="there is no document 'd99'"):
        run.examples(doc="d99")
    with pytest.raises(InputError, match="0 pairs"):
        run.examples(0)


def test_what_the_data_says_steers_no_terminal_and_no_page(tmp_path: Path) -> None:
    evil = f"\x1b]0;owned\x07 \u202egnp.exe [bold]{HOSTILE}"
    made = collection(
        {"d0": evil, "d1": f"other {evil}", "d2": "plain"}, {"q\x1b0": f"ask {evil}"},
        [("q\x1b0", "d0", 1)],
    )  # fmt: skip
    run = neg.mine(made, tmp_path / "run", sources=[neg.BM25(top=3)], pick=neg.Top(per_query=2))
    found = run.examples()
    out = io.StringIO()
    print_examples(found, out)
    for text in (out.getvalue(), repr(found), found._repr_html_(), run._repr_html_()):
        assert not {"\x1b", "\x07", "\u202e"} & {*text}
    assert "[bold]" in out.getvalue()
    assert "<script>" not in found._repr_html_()


def test_lines_are_as_wide_as_the_terminal(run: neg.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for width in (40, 80):
        monkeypatch.setenv("COLUMNS", str(width))
        out = io.StringIO()
        print_examples(run.examples(3), out)
        assert max(map(len, out.getvalue().splitlines())) <= width


def test_a_run_whose_data_is_gone_still_shows_its_evidence(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder).mkdir()
    rows = [
        {"query": "a wing lifts", "positive": "the lift of a wing"},
        {"query": "a shell buckles", "positive": "the wing and the shell"},
    ]
    (folder / "pairs.jsonl").write_text("\n".join(map(json.dumps, rows)))
    made = neg.mine(str(folder / "pairs.jsonl"), tmp_path / "run", recipe="bm25")
    assert "the wing and the shell" in repr(made.examples())
    (folder / "pairs.jsonl").unlink()
    told = repr(neg.Run(tmp_path / "run").examples())
    assert "no texts: the data that the run was made from cannot be read any more" in told
    assert "bm25" in told


def test_nobody_says_hardest_where_nothing_scores(tmp_path: Path) -> None:
    run = mined(tmp_path / "run", [neg.Random(top=4)], pick=neg.RandomPick(per_query=2))
    title = run.examples(3).title
    assert title == "3 of 16 negatives, of which nobody knows how hard they are"
