"""Consistency: how many reformulations' lists hold a document, and what fusing them gives."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest

from negatives.errors import DataError, RecipeError
from negatives.events import Event, Warned
from negatives.judge.consistency import Consistency
from negatives.opening import JudgeContext
from tests.build import collection
from tests.judge.likened import by_id, pairs

DATA = collection(
    dict.fromkeys("abcd", "text"), {"q1": "one", "q2": "two"}, [("q1", "a", 1), ("q2", "a", 1)]
)


def run_file(path: Path, *lists: tuple[str, str, str]) -> str:
    """A TREC run: (query, name, documents best first as one text)."""
    lines = [
        f"{query} Q0 {doc} {rank} {10 - rank} {name}\n"
        for query, name, docs in lists
        for rank, doc in enumerate(docs, 1)
    ]
    path.write_text("".join(lines))
    return str(path)


def context(heard: list[Event] | None = None) -> JudgeContext:
    emit = (lambda event: None) if heard is None else heard.append
    return JudgeContext(collection=DATA, scratch=Path(), emit=emit)


def judged(stage: Consistency, column: str, query: str = "q1") -> dict[str, object]:
    rows = pairs(DATA, query)
    opinion = stage.open(context()).judge(rows)
    assert len(opinion) == len(rows)
    return by_id(DATA, rows, opinion[column])


def test_the_share_of_lists_within_the_ranks_is_the_evidence(tmp_path: Path) -> None:
    path = run_file(tmp_path / "r.run", ("q1", "one", "abc"), ("q1", "two", "bca"))
    stage = Consistency(lists=[path], ranks=2)
    assert judged(stage, "consistency") == {"a": 0.5, "b": 1.0, "c": 0.5, "d": 0.0}


def test_fusing_gives_the_published_numbers(tmp_path: Path) -> None:
    # Ranks 1 and 3: 0.0322665; 2 and 2: 0.0322581; rank 1 in one list only: 0.0163934.
    path = run_file(tmp_path / "r.run", ("q1", "one", "abd"), ("q1", "two", "cbad"))
    found = judged(Consistency(lists=[path]), "reformulated_rrf")
    assert found["a"] == pytest.approx(0.0322665, abs=1e-7)
    assert found["b"] == pytest.approx(0.0322581, abs=1e-7)
    assert found["c"] == pytest.approx(0.0163934, abs=1e-7)


def test_lists_may_come_in_several_files_of_one_name_each(tmp_path: Path) -> None:
    paths = [
        run_file(tmp_path / "1.run", ("q1", "run", "ab")),
        run_file(tmp_path / "2.run", ("q1", "run", "b")),
    ]
    together = run_file(tmp_path / "3.run", ("q1", "x", "ab"), ("q1", "y", "b"))
    for column in ("consistency", "reformulated_rrf"):
        apart = judged(Consistency(lists=paths), column)
        assert apart == judged(Consistency(lists=paths[::-1]), column)
        assert apart == judged(Consistency(lists=[together]), column)
    assert judged(Consistency(lists=paths), "consistency")["b"] == 1.0


def test_order_is_by_score_and_a_document_listed_twice_counts_once(tmp_path: Path) -> None:
    path = tmp_path / "r.run"
    path.write_text(
        "q1 Q0 a 0 1.5 x\nq1\tQ0\tb\t0\t2.5\tx\nq1 Q0 b 0 0.5 x\n\nq1 Q0 c 0 1.5 x\nq1 Q0 a 0 7 y\n"
    )
    stage = Consistency(lists=[str(path)], ranks=2)
    assert judged(stage, "consistency") == {"a": 1.0, "b": 0.5, "c": 0.0, "d": 0.0}
    assert judged(stage, "reformulated_rrf")["b"] == pytest.approx(1 / 61)


def test_a_query_with_too_few_lists_has_no_evidence(tmp_path: Path) -> None:
    path = run_file(
        tmp_path / "r.run", ("q1", "one", "ab"), ("q2", "one", "ab"), ("q2", "two", "ab")
    )
    stage = Consistency(lists=[path], reject=0.5)
    assert set(judged(stage, "consistency").values()) == {None}
    assert set(judged(stage, "verdict").values()) == {None}
    assert judged(stage, "consistency", "q2")["b"] == 1.0
    assert judged(Consistency(lists=[path], fewest=1), "consistency")["b"] == 1.0


def test_what_most_reformulations_find_can_be_rejected_but_never_a_judged_pair(
    tmp_path: Path,
) -> None:
    path = run_file(tmp_path / "r.run", ("q1", "one", "ab"), ("q1", "two", "abc"))
    stage = Consistency(lists=[path], reject=0.6)
    assert judged(stage, "verdict") == {"a": None, "b": "rejected", "c": None, "d": None}
    assert judged(stage, "reason")["b"] == "consistency: 2 of 2 reformulations rank it within 30"
    assert stage.fix == "raise consistency reject above 0.6"


def test_gzip_is_read_too(tmp_path: Path) -> None:
    plain = run_file(tmp_path / "r.run", ("q1", "one", "ab"), ("q1", "two", "ba"))
    packed = tmp_path / "r.run.gz"
    packed.write_bytes(gzip.compress(Path(plain).read_bytes()))
    assert judged(Consistency(lists=[str(packed)]), "consistency") == judged(
        Consistency(lists=[plain]), "consistency"
    )


def test_lines_of_other_collections_are_counted_and_left_out(tmp_path: Path) -> None:
    path = run_file(tmp_path / "r.run", ("q1", "one", "ab"), ("q1", "two", "az"), ("q9", "x", "a"))
    heard: list[Event] = []
    Consistency(lists=[path]).open(context(heard))
    assert heard == [Warned("consistency: 2 of 5 lines name no pair of the collection")]


def test_a_list_of_another_collection_altogether_is_an_error(tmp_path: Path) -> None:
    path = run_file(tmp_path / "r.run", ("7", "one", "xyz"))
    with pytest.raises(DataError) as caught:
        Consistency(lists=[path]).open(context())
    assert str(caught.value) == (
        "no line names a query and a document of collection 'made'\n"
        f"  where: {path}\n"
        "  fix:   use the ids of the collection; a reformulation has its original's id"
    )


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("q1 Q0 a 1 0.5", "expected 6 columns"),
        ("q1 Q0 a 1 high x", "'high'"),
        ("q1 Q0 a 1 nan x", "'nan'"),
        ("q1 Q0 a 1 0.5 x y", "expected 6 columns"),
    ],
)
def test_a_line_that_is_no_ranked_document_is_named(tmp_path: Path, line: str, what: str) -> None:
    path = tmp_path / "r.run"
    path.write_text(f"q1 Q0 a 1 0.5 x\n\n{line}\n")
    with pytest.raises(DataError) as caught:
        Consistency(lists=[str(path)]).open(context())
    assert f"where: {path}, line 3: {what}" in str(caught.value)


def test_a_file_that_is_missing_or_empty_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        Consistency(lists=[str(tmp_path / "none.run")]).open(context())
    empty = tmp_path / "empty.run"
    empty.touch()
    with pytest.raises(DataError, match="the file of ranked lists is empty"):
        Consistency(lists=[str(empty)]).open(context())
    with pytest.raises(RecipeError, match="no lists are given"):
        Consistency(lists=[])


def test_neither_order_nor_other_queries_change_anything(tmp_path: Path) -> None:
    path = run_file(
        tmp_path / "r.run", ("q1", "one", "abc"), ("q1", "two", "bca"), ("q2", "one", "d")
    )
    ruling = Consistency(lists=[path], ranks=2, reject=0.5).open(context())
    rows = pairs(DATA)
    whole = ruling.judge(rows)
    assert ruling.judge(rows.reverse()).reverse().equals(whole)
    parts = [ruling.judge(part) for part in rows.partition_by("query", maintain_order=True)]
    assert pl.concat(parts).equals(whole)
    assert ruling.judge(rows.clear()).is_empty()
