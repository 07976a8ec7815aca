"""Self-awareness: the owner most like the query speaks, never the query itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from negatives.errors import RecipeError
from negatives.find.bm25 import BM25
from negatives.judge import likeness as module
from negatives.judge.self_aware import SelfAware
from negatives.opening import JudgeContext
from tests.build import collection
from tests.judge.likened import by_id, likened, pairs, turned

OWNERS = {"q1": 0.9, "q2": 0.2, "q3": 0.5, "q4": 0.1}


def toy(scratch: Path) -> JudgeContext:
    """Four documents whose owners are so alike to q0, one that two own, one that nobody owns."""
    queries = {"q0": (1.0, 0.0)} | {name: turned(like) for name, like in OWNERS.items()}
    docs = {f"d{n}": (1.0, 0.0) for n in range(7)}
    qrels = [(f"q{n}", f"d{n}", 1) for n in range(5)]
    return likened(scratch, queries, docs, [*qrels, ("q2", "d5", 1), ("q3", "d5", 1)])


def test_the_likeness_of_each_owner_is_the_evidence(tmp_path: Path) -> None:
    context = toy(tmp_path)
    rows = pairs(context.collection, "q0")
    opinion = SelfAware().open(context).judge(rows)
    assert len(opinion) == len(rows)
    found = by_id(context.collection, rows, opinion["self_aware"])
    for number, like in enumerate(OWNERS.values(), 1):
        assert found[f"d{number}"] == pytest.approx(like, abs=1e-3)
    assert opinion["verdict"].null_count() == len(rows)


def test_of_several_owners_the_most_similar_counts(tmp_path: Path) -> None:
    context = toy(tmp_path)
    rows = pairs(context.collection, "q0")
    opinion = SelfAware(0.3).open(context).judge(rows)
    assert by_id(context.collection, rows, opinion["self_aware"])["d5"] == pytest.approx(
        0.5, abs=1e-3
    )
    reason = by_id(context.collection, rows, opinion["reason"])["d5"]
    assert str(reason).startswith("self-aware: a positive of query q3, alike 0.5")


@pytest.mark.recipe("self-aware-negatives")
def test_the_documents_whose_owners_are_least_like_the_query_stay(tmp_path: Path) -> None:
    # The method's worked example: owners at 0.9, 0.2, 0.5, 0.1, and two are wanted: q4 and q2.
    context = toy(tmp_path)
    rows = pairs(context.collection, "q0")
    verdicts = by_id(context.collection, rows, SelfAware(0.3).open(context).judge(rows)["verdict"])
    assert [name for name, verdict in verdicts.items() if verdict is None] == [
        "d0", "d2", "d4", "d6",
    ]  # fmt: skip


def test_what_nobody_owns_is_kept_or_left_out_as_the_method_does(tmp_path: Path) -> None:
    context = toy(tmp_path)
    rows = pairs(context.collection, "q0")
    found = by_id(context.collection, rows, SelfAware().open(context).judge(rows)["self_aware"])
    assert found["d6"] is None
    opinion = SelfAware(unowned="reject").open(context).judge(rows)
    assert by_id(context.collection, rows, opinion["verdict"]) == {
        "d0": None, "d1": None, "d2": None, "d3": None, "d4": None, "d5": None, "d6": "rejected",
    }  # fmt: skip


def test_a_query_never_owns_its_own_positive(tmp_path: Path) -> None:
    # d0 belongs to q0 alone: whether or not the pair is labelled, it has no other owner.
    context = toy(tmp_path)
    rows = pairs(context.collection, "q0")
    found = by_id(context.collection, rows, SelfAware().open(context).judge(rows)["self_aware"])
    assert found["d0"] is None
    rows = pairs(context.collection, "q2")
    found = by_id(context.collection, rows, SelfAware().open(context).judge(rows)["self_aware"])
    assert found["d5"] == pytest.approx(0.2 * 0.5 + np.sqrt(0.96 * 0.75), abs=2e-3)  # q2 with q3


def test_a_judgement_is_never_overruled(tmp_path: Path) -> None:
    context = likened(
        tmp_path,
        {"q0": (1.0, 0.0), "q1": (1.0, 0.0)},
        {"a": (1.0, 0.0), "b": (1.0, 0.0), "c": (1.0, 0.0)},
        [("q0", "a", 1), ("q1", "a", 1), ("q1", "b", 1), ("q1", "c", 1), ("q0", "b", 0)],
    )
    rows = pairs(context.collection, "q0")
    opinion = SelfAware(0.5).open(context).judge(rows)
    assert opinion["verdict"].to_list() == [None, None, "rejected"]


def test_neither_order_nor_the_size_of_a_block_nor_other_queries_change_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = toy(tmp_path)
    rows = pairs(context.collection)
    ruling = SelfAware(0.3).open(context)
    whole = ruling.judge(rows)
    assert ruling.judge(rows.reverse()).reverse().equals(whole)
    parts = [ruling.judge(part) for part in rows.partition_by("query", maintain_order=True)]
    assert pl.concat(parts).equals(whole)
    monkeypatch.setattr(module, "_PAIRS", 2)
    assert ruling.judge(rows).equals(whole)


def test_it_is_rehearsed_on_no_rows_before_any_source_is_open(tmp_path: Path) -> None:
    context = toy(tmp_path)
    early = JudgeContext(collection=context.collection, scratch=tmp_path, reference="dense")
    opinion = SelfAware(0.5).open(early).judge(pairs(context.collection).clear())
    assert opinion.columns == ["self_aware", "verdict", "reason"]
    assert opinion.is_empty()


def test_without_a_source_that_compares_queries_it_says_what_to_add(tmp_path: Path) -> None:
    context = toy(tmp_path)
    lexical = BM25().open(context)
    rows = pairs(context.collection)
    without = JudgeContext(
        collection=context.collection, scratch=tmp_path, sources={"bm25": lexical}
    )
    with pytest.raises(RecipeError) as caught:
        SelfAware(0.5).open(without).judge(rows)
    assert str(caught.value) == (
        'self-aware needs a dense source\n  fix:   add a [[find]] stage of kind "dense"'
    )
    with pytest.raises(RecipeError, match="source 'bm25' cannot say how alike two texts are"):
        SelfAware(of="bm25").open(without).judge(rows)
    with pytest.raises(RecipeError) as caught:
        SelfAware(of="dens").open(context).judge(rows)
    assert caught.value.fix == "did you mean 'dense'?"


@pytest.mark.slow
def test_for_evidence_alone_queries_are_compared_by_their_words_where_none_has_vectors(
    tmp_path: Path,
) -> None:
    data = collection(
        {"a": "one", "b": "two", "c": "three"},
        {"q1": "怎么申请护照", "q2": "如何申请护照", "q3": "交通违章怎么处理"},
        [("q1", "a", 1), ("q2", "b", 1), ("q3", "c", 1)],
    )
    rows = pairs(data)
    without = JudgeContext(collection=data, scratch=tmp_path)
    opinion = SelfAware().open(without).judge(rows)
    found = data.ids_of(rows.select("query", "doc").with_columns(opinion))
    of = {(q, d): s for q, d, s in found.select("query_id", "doc_id", "self_aware").iter_rows()}
    assert of["q1", "b"] > of["q1", "c"] > 0
    assert of["q1", "a"] is None
    assert found["verdict"].null_count() == len(found)


def test_the_advice_names_the_setting_that_rejects() -> None:
    assert SelfAware(0.8).fix == "raise self-aware maximum above 0.8"
    assert SelfAware(unowned="reject").fix == 'set self-aware unowned = "keep"'
