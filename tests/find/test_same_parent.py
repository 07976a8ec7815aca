"""same-parent: siblings, then cousins, and nothing above or below a positive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given

from negatives.errors import DataError
from negatives.events import Event, Noted, Warned
from negatives.find.same_parent import SameParent
from negatives.run import mine
from negatives.schema import Collection
from tests.build import collection, context
from tests.read.test_taxonomy import Edges, above, graphs, written

TREE: Edges = {
    "A": {"root"}, "B": {"root"}, "a1": {"A"}, "a2": {"A"}, "a3": {"A"}, "b1": {"B"}
}  # fmt: skip


def labelled(edges: Edges, positives: Sequence[str]) -> Collection:
    """The concepts as documents, and one query with these positives."""
    names = sorted({*edges} | {up for ups in edges.values() for up in ups})
    pairs = [("q", name, 1) for name in positives]
    return collection({name: f"text of {name}" for name in names}, {"q": "?"}, pairs)


def proposed(folder: Path, edges: Edges, positives: Sequence[str], **settings: Any) -> pl.DataFrame:
    """doc_id, rank, score of what is proposed for the one query."""
    data = labelled(edges, positives)
    stage = SameParent(edges=written(folder, edges), **settings)
    found = stage.open(context(data, folder)).propose(data.mined_queries, {})
    return data.ids_of(found).select("doc_id", "rank", "score")


@pytest.mark.recipe("skill-extraction")
def test_the_page_of_taxonomies_by_hand(tmp_path: Path) -> None:
    siblings = proposed(tmp_path, TREE, ["a1"])
    assert {*siblings["doc_id"]} == {"a2", "a3"}
    assert siblings["score"].to_list() == pytest.approx([2 * 2 / (3 + 3)] * 2)
    cousins = proposed(tmp_path, TREE, ["a1"], up=2)
    assert {*cousins["doc_id"][:2]} == {"a2", "a3"}
    assert cousins.row(2) == ("b1", 3, pytest.approx(2 * 1 / (3 + 3)))
    assert len(cousins) == 3
    assert proposed(tmp_path, TREE, ["a1", "a2"])["doc_id"].to_list() == ["a3"]
    assert proposed(tmp_path, TREE, ["b1"]).is_empty()  # an only child
    assert {*proposed(tmp_path, TREE, ["b1"], up=2)["doc_id"]} == {"a1", "a2", "a3"}


def test_a_sibling_by_one_parent_that_is_an_ancestor_by_another_is_left_out(tmp_path: Path) -> None:
    edges: Edges = {"x": {"p", "s"}, "s": {"p"}, "t": {"p"}}
    assert proposed(tmp_path, edges, ["x"])["doc_id"].to_list() == ["t"]


def kin(edges: Edges, positives: Sequence[str], up: int) -> dict[str, int]:
    """Concept -> in which ring it is, naively."""
    names = {*edges} | {each for ups in edges.values() for each in ups}
    barred = {*positives} | {each for one in positives for each in above(edges, one)}
    barred |= {name for name in names if above(edges, name) & {*positives}}

    def steps(name: str, count: int) -> set[str]:
        if not count:
            return {name}
        return {each for up in edges.get(name, ()) for each in steps(up, count - 1)}

    rings: dict[str, int] = {}
    for ring in range(1, up + 1):
        meeting = {each for one in positives for each in steps(one, ring)}
        for name in sorted(names - barred - {*rings}):
            if steps(name, ring) & meeting:
                rings[name] = ring
    return rings


@given(graphs())
def test_rings_are_those_of_a_naive_walk(
    tmp_path_factory: pytest.TempPathFactory, edges: Edges
) -> None:
    folder = tmp_path_factory.mktemp("kin")
    names = sorted(edges)
    for positives in (names[-1:], names[:2]):
        for up in (1, 2):
            found = proposed(folder, edges, positives, up=up)["doc_id"].to_list()
            wanted = kin(edges, positives, up)
            assert {*found} == {*wanted}
            assert [wanted[name] for name in found] == sorted(wanted[name] for name in found)


def test_a_document_of_another_parent_changes_no_draw(tmp_path: Path) -> None:
    wide: Edges = {f"w{n:02}": {"W"} for n in range(40)} | {"v": {"V"}}
    before = proposed(tmp_path, wide, ["w00"], top=5)
    after = proposed(tmp_path, wide | {"v2": {"V"}, "aa": {"V"}}, ["w00"], top=5)
    assert before.equals(after)
    assert len(before) == 5


def test_draws_of_one_group_differ_from_query_to_query(tmp_path: Path) -> None:
    docs = {f"w{n:02}": "text" for n in range(60)}
    pairs = [(f"q{n:02}", "w00", 1) for n in range(30)]
    data = collection(docs, {query: "?" for query, _, _ in pairs}, pairs)
    data = replace(data, corpus=data.corpus.with_columns(parent=pl.lit("W")))
    found = SameParent(top=3).open(context(data, tmp_path)).propose(data.mined_queries, {})
    drawn = np.bincount(found["doc"].to_numpy(), minlength=60)
    assert drawn[0] == 0
    assert (drawn > 0).sum() > 25


def test_queries_without_a_sibling_are_counted_and_told(tmp_path: Path) -> None:
    said: list[Event] = []
    data = labelled(TREE, ["b1"])
    opened = replace(context(data, tmp_path), emit=said.append)
    SameParent(edges=written(tmp_path, TREE)).open(opened)
    noted = [event for event in said if isinstance(event, Noted)]
    assert noted[0].value == {
        "documents": 7,
        "with a parent": 6,
        "groups that are no documents": 0,
        "queries without a sibling": 1,
    }
    warned = [event.text for event in said if isinstance(event, Warned)]
    assert warned == [
        "same-parent: the positives of 1 of 1 queries have no sibling, so nothing is proposed for "
        "these; find.same-parent.up = 2 takes cousins, and another source, such as random, fills up"
    ]


def test_a_collection_without_parents_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        mine(labelled(TREE, ["a1"]), tmp_path / "run", sources=[SameParent()])
    assert str(caught.value) == (
        "same-parent needs the parent of the documents, and these have none\n"
        "  where: find same-parent, collection 'made'\n"
        "  fix:   give every one of the documents a parent, or name a file with a child and its "
        "parent in each row: --set find.same-parent.edges=broader.tsv"
    )
    assert not (tmp_path / "run").exists()
