"""A taxonomy: which documents are narrower than which, read from a field or from a file of edges.

A node is a document, or a group that documents belong to and that is none itself. A node may have
several parents (a graph without cycles), so a sibling by one of them may be an ancestor by another.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Bools, Keys, Places, Ragged, spread
from negatives.chance import id_hashes
from negatives.errors import DataError
from negatives.read.table import ids_of, read_table
from negatives.schema import Collection, Needs
from negatives.settings import FileName
from negatives.wording import plural

PARENT: Final = "parent"
CHILD: Final = "child"
FIRST: Final = 5

Edges = Annotated[
    FileName,
    Meta(description="file of children and their parents, by id; empty: the field `parent`"),
]
"""The setting of stages that go by a taxonomy."""

OF_THE_FIELD: Final = Needs(
    docs=(PARENT,),
    instead="give every one of the documents a parent, or name a file with a child and its parent "
    "in each row: --set {stage}.edges=broader.tsv",
)


def needs(edges: str) -> Needs:
    """What documents must have for a taxonomy: the field `parent`, unless a file says it all."""
    return Needs() if edges else OF_THE_FIELD


@dataclass(frozen=True)
class Taxonomy:
    """Nodes by number: documents by their rows, then groups that are no documents.

    `up`: the parents of each node; `down`: its children, in the order of the hashes of their ids.
    """

    ids: pl.Series
    docs: int
    up: Ragged[np.int64]
    down: Ragged[np.int64]
    depth: Places
    """int64[nodes]: 1 of a root, else 1 more than that of its deepest parent."""

    @staticmethod
    def of(collection: Collection, edges: str = "") -> Taxonomy:
        """The taxonomy that the field `parent` of the documents tells, or the file `edges`.

        A file is CSV, TSV, JSONL or Parquet: its columns `child` and `parent`, or its first two.
        Raises `DataError` for a row without two ids, for a cycle, and where no document is in it.
        """
        where = edges or f"collection {collection.name!r}, field {PARENT!r}"
        pairs = _from_file(Path(edges)) if edges else _from_field(collection)
        docs = collection.corpus["doc_id"]
        others = pl.concat([pairs[CHILD], pairs[PARENT]]).unique().sort()
        ids = pl.concat([docs, others.filter(~others.is_in(docs.implode()))])
        number = pl.DataFrame({"id": ids}).with_row_index("node")
        child, parent = (
            pairs.select(id=name)
            .join(number, on="id", how="left", maintain_order="left")["node"]
            .to_numpy()
            .astype(np.int64)
            for name in (CHILD, PARENT)
        )
        if not (child < len(docs)).any():
            raise DataError(
                f"none of the {len(docs):,} documents has a parent"
                + (f": the file names {', '.join(pairs[CHILD][:FIRST])}" if len(pairs) else ""),
                where=where,
                fix="name children by the ids that the documents have",
            )
        up = Ragged.of_owners(child, parent, len(ids))
        order = np.argsort(id_hashes(ids)[child], kind="stable")
        down = Ragged.of_owners(parent[order], child[order], len(ids))
        return Taxonomy(ids, len(docs), up, down, _depths(ids, up, down, where))

    @cached_property
    def hashes(self) -> Keys:
        """uint64[nodes]: of their ids."""
        return id_hashes(self.ids)

    def above(self, owner: Places, node: Places) -> tuple[Places, Places]:
        """Every (owner, ancestor) of the pairs (owner, node), each once; a node is not its own."""
        size = len(self.ids)
        found = np.empty(0, np.int64)
        new = np.unique(owner * size + node)
        while len(new):
            parents = self.up.take(new % size)
            reached = np.unique(np.repeat(new // size, parents.lengths) * size + parents.values)
            new = np.setdiff1d(reached, found, assume_unique=True)
            found = np.union1d(found, new)
        return found // size, found % size

    def related(
        self, known: tuple[Places, Places], pairs: tuple[Places, Places]
    ) -> tuple[Bools, Bools]:
        """Of each of `pairs` (owner, node): whether it is above, and below, a `known` of its owner.

        Both hold owners and nodes as int64[n]. A known node is above and below itself.
        """
        size = len(self.ids)
        owner, node = pairs
        keys, theirs = owner * size + node, known[0] * size + known[1]
        high_owner, high = self.above(*known)
        is_above = np.isin(keys, np.union1d(theirs, high_owner * size + high))
        row, ancestor = self.above(np.arange(len(node)), node)
        below = np.isin(owner[row] * size + ancestor, theirs)
        is_below = np.isin(keys, theirs)
        is_below[row[below]] = True
        return is_above, is_below

    def children_from(self, node: Places, key: Keys, most: int) -> tuple[Places, Places]:
        """Some children of each node: `most` at most, the first whose hash is `key` or more.

        After the last child comes the first, as on a circle. Returns which of the nodes each child
        is of, and the child. A child that is added or gone changes no other but the last.
        """
        start, end = self.down.starts[node], self.down.starts[node + 1]
        hashes = self.hashes[self.down.values]
        low, high = start.copy(), end.copy()
        while (low < high).any():
            middle = (low + high) >> 1
            small = (low < high) & (hashes.take(middle, mode="clip") < key)
            high = np.where((low < high) & ~small, middle, high)
            low = np.where(small, middle + 1, low)
        count = end - start
        taken = np.minimum(count, most)
        which = np.repeat(np.arange(len(node)), taken)
        turn = spread(low - start, taken) % count[which]
        return which, self.down.values[start[which] + turn]


def _from_field(collection: Collection) -> pl.DataFrame:
    """child, parent, of the documents that have one."""
    return (
        collection.corpus.select(child="doc_id", parent=pl.col(PARENT).cast(pl.String))
        .filter(pl.col(PARENT).str.strip_chars() != "")
        .unique(maintain_order=True)
    )


def _from_file(path: Path) -> pl.DataFrame:
    """child, parent, each pair once."""
    table = read_table(path)
    names = [CHILD, PARENT] if {CHILD, PARENT} <= {*table.columns} else table.columns[:2]
    if len(names) < 2:
        raise DataError(
            "expected two columns: a child and its parent",
            where=str(path),
            fix="write two ids in each row, under the names child and parent",
        )
    pairs = pl.select(
        ids_of(table, name, path).str.strip_chars().alias(new)
        for name, new in zip(names, (CHILD, PARENT), strict=True)
    )
    lacking = pairs.select(((pl.col(pl.String) == "").fill_null(True)).any())  # by column
    if any(lacking.row(0)):
        rows = pairs.with_row_index("row", 1).filter(
            pl.any_horizontal((pl.col(CHILD, PARENT) == "").fill_null(True))
        )["row"]
        raise DataError(
            plural(len(rows), "row lacks", "rows lack")
            + f" a child or a parent: {', '.join(map(str, rows[:FIRST]))}",
            where=str(path),
            fix="write two ids in each row; a root needs no row",
        )
    return pairs.unique(maintain_order=True)


def _depths(ids: pl.Series, up: Ragged[np.int64], down: Ragged[np.int64], where: str) -> Places:
    """Level by level from the roots, each node after all its parents; `DataError` for a cycle."""
    left = up.lengths.copy()
    depth = np.zeros(len(ids), np.int64)
    level, nodes = 0, np.flatnonzero(left == 0)
    while len(nodes):
        level += 1
        depth[nodes] = level
        below = down.take(nodes).values
        np.subtract.at(left, below, 1)
        nodes = np.unique(below)[left[np.unique(below)] == 0]
    if (depth == 0).any():
        raise DataError(
            f"a document is its own ancestor: {_cycle(ids, up, depth)}",
            where=where,
            fix="take one of these edges out",
        )
    return depth


def _cycle(ids: pl.Series, up: Ragged[np.int64], depth: Places) -> str:
    """One cycle among the nodes that have no depth: from child to parent."""
    node = int(np.flatnonzero(depth == 0)[0])
    met: list[int] = []
    while node not in met:
        met.append(node)
        node = next(int(each) for each in up[node] if depth[each] == 0)
    return " -> ".join(ids[each] for each in [*met[met.index(node) :], node])
