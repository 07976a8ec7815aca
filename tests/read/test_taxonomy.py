"""A taxonomy from a field or a file of edges; naive walks through a dictionary are the oracle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.errors import DataError
from negatives.read.taxonomy import Taxonomy
from negatives.schema import Collection
from tests.build import collection

Edges = dict[str, set[str]]


def concepts(edges: Edges) -> Collection:
    """A collection whose documents are the concepts of some edges, child -> parents."""
    names = sorted({*edges} | {up for ups in edges.values() for up in ups})
    return collection({name: name for name in names}, {"q": "?"}, [("q", names[0], 1)])


def written(folder: Path, edges: Edges) -> str:
    """The edges as a file."""
    path = folder / "edges.tsv"
    rows = [f"{child}\t{up}" for child, ups in edges.items() for up in sorted(ups)]
    path.write_text("\n".join(["child\tparent", *rows]) + "\n")
    return str(path)


def above(edges: Edges, name: str) -> set[str]:
    """All ancestors, by recursion."""
    return {each for up in edges.get(name, set()) for each in {up} | above(edges, up)}


@st.composite
def graphs(draw: st.DrawFn) -> Edges:
    """Graphs without cycles: parents come before their children in the alphabet."""
    size = draw(st.integers(2, 9))
    made = {
        f"n{child}": {f"n{up}" for up in draw(st.sets(st.integers(0, child - 1), max_size=3))}
        for child in range(1, size)
    }
    return made if any(made.values()) else {"n1": {"n0"}}


@given(graphs())
def test_ancestors_and_descendants_are_those_of_a_naive_walk(
    tmp_path_factory: pytest.TempPathFactory, edges: Edges
) -> None:
    data = concepts(edges)
    found = Taxonomy.of(data, written(tmp_path_factory.mktemp("edges"), edges))
    names = found.ids.to_list()
    rows = np.arange(len(names))
    owner, node = found.above(rows, rows)
    walked = {(a, b) for a in names for b in above(edges, a)}
    assert {(names[a], names[b]) for a, b in zip(owner, node, strict=True)} == walked
    every = np.repeat(rows, len(names)), np.tile(rows, len(names))
    is_above, is_below = found.related((rows, rows), every)
    for known, other, up, down in zip(*every, is_above, is_below, strict=True):
        assert up == (known == other or (names[known], names[other]) in walked)
        assert down == (known == other or (names[other], names[known]) in walked)
    depth = {name: int(each) for name, each in zip(names, found.depth, strict=True)}
    for name in names:
        assert depth[name] == 1 + max((depth[up] for up in edges.get(name, ())), default=0)


def test_the_field_parent_and_a_file_of_the_same_edges_are_one_taxonomy(tmp_path: Path) -> None:
    edges: Edges = {"a1": {"A"}, "a2": {"A"}, "A": {"root"}}
    data = collection({"a1": "", "a2": "", "A": ""}, {"q": "?"}, [("q", "a1", 1)])
    parents = pl.Series("parent", ["root", "A", "A"])  # of A, a1, a2: in the order of the ids
    by_field = Taxonomy.of(replace(data, corpus=data.corpus.with_columns(parents)))
    by_file = Taxonomy.of(data, written(tmp_path, edges))
    for found in (by_field, by_file):
        assert found.ids.to_list() == ["A", "a1", "a2", "root"]
        assert found.depth.tolist() == [2, 3, 3, 1]
        assert found.docs == 3


def test_some_children_are_the_next_ones_on_a_circle(tmp_path: Path) -> None:
    edges: Edges = {f"c{n}": {"p"} for n in range(9)}
    found = Taxonomy.of(concepts(edges), written(tmp_path, edges))
    parent = np.array([found.ids.to_list().index("p")])
    circle = sorted((int(found.hashes[row]), row) for row in range(9))
    for start in (0, 4, 8):
        key = np.array([circle[start][0]], np.uint64)
        which, child = found.children_from(parent, key, 3)
        assert which.tolist() == [0, 0, 0]
        assert child.tolist() == [circle[(start + step) % 9][1] for step in range(3)]
    after_all = np.array([circle[-1][0]], np.uint64) + np.uint64(1)
    assert found.children_from(parent, after_all, 1)[1].tolist() == [circle[0][1]]
    assert len(found.children_from(parent, after_all, 20)[1]) == 9


def test_what_is_no_taxonomy_is_refused(tmp_path: Path) -> None:
    data = collection({"a": "", "b": "", "c": ""}, {"q": "?"}, [("q", "a", 1)])

    def refusal(text: str, name: str = "edges.tsv") -> str:
        (tmp_path / name).write_text(text)
        with pytest.raises(DataError) as caught:
            Taxonomy.of(data, str(tmp_path / name))
        return str(caught.value).replace(f"{tmp_path}/", "")

    assert refusal("child\tparent\na\tb\nb\tc\nc\ta\n") == (
        "a document is its own ancestor: a -> b -> c -> a\n"
        "  where: edges.tsv\n"
        "  fix:   take one of these edges out"
    )
    assert "a -> a" in refusal("child\tparent\na\ta\n")
    assert refusal("child\tparent\nx\ty\nz\ty\n") == (
        "none of the 3 documents has a parent: the file names x, z\n"
        "  where: edges.tsv\n"
        "  fix:   name children by the ids that the documents have"
    )
    assert "2 rows lack a child or a parent: 2, 3" in refusal("child\tparent\na\tb\na\t\n\tb\n")
    assert "expected two columns: a child and its parent" in refusal("child\na\n")
    assert "column 'child' holds lists, and no ids" in refusal(
        '{"child": ["a"], "parent": "b"}\n', "edges.jsonl"
    )
    assert "tells no format of a table" in refusal("a b", "edges.txt")


def test_other_columns_and_names_of_columns_do_no_harm(tmp_path: Path) -> None:
    data = collection({"a": "", "b": ""}, {"q": "?"}, [("q", "a", 1)])
    path = tmp_path / "broader.csv"
    for text in ("x,y\na,b\n", "weight,parent,child\n1,b,a\n"):
        path.write_text(text)
        assert Taxonomy.of(data, str(path)).depth.tolist() == [2, 1]
