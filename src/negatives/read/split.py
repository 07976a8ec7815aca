"""The queries of a collection parted into train, dev and test, so that nothing leaks.

Two queries are on one side where their normalised texts are the same, or where they have a positive
of the same normalised text: what is so linked, through however many others, is one group, and
groups are never parted. In an order drawn by the seed and the groups' own ids, each goes to the
first side that has room for it: test, then dev; all that is left is train. Captions of one image
stay together, too. Where documents go by ids alone (items that many users share), sharing one says
nothing, and only queries are compared.
Of passages, two queries may also be kept on one side where their positives are of one document.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from negatives.chance import id_hashes, stream_key, uniforms
from negatives.errors import DataError, InputError
from negatives.needs import check_needs
from negatives.read.convert import convert_splits
from negatives.read.split_pairs import PairSplit
from negatives.read.triples import is_graph
from negatives.schema import Collection, Needs

By = Literal["texts", "query", "parent"]
"""What keeps queries together: their texts and those of their positives; their texts alone; or
those and the documents that their positives are passages of (`parent`)."""

PARENT: Final = "parent"

ENOUGH: Final = 0.5
"""Of the share that was asked for: with less than that a user is told."""


@dataclass(frozen=True)
class Split:
    """`sides`: the collection by side, train first; `groups`, and the queries of the largest.

    `shared`: what links the queries of a group.
    """

    sides: dict[str, Collection]
    groups: int
    largest: int
    asked: dict[str, int]
    shared: str = "texts"

    def figures(self) -> dict[str, Any]:
        """How many queries and positives each side has, and how the queries hang together."""
        return {
            "sides": {
                name: {
                    "queries": len(side.mined_queries),
                    "positives": len(side.positives),
                    "asked": self.asked.get(name),
                }
                for name, side in self.sides.items()
            },
            "groups": self.groups,
            "largest_group": self.largest,
            "notes": self.notes,
        }

    @property
    def notes(self) -> list[str]:
        """What a user should know: a side that is much smaller than asked, and why."""
        sizes = {name: len(side.mined_queries) for name, side in self.sides.items()}
        small = [name for name, asked in self.asked.items() if sizes[name] < ENOUGH * asked]
        if not small:
            return []
        said = " and ".join(
            f"{name} has {sizes[name]:,}, not {self.asked[name]:,}" for name in small
        )
        return [
            f"{said} queries: {self.largest:,} of {sum(sizes.values()):,} are linked by "
            f"{self.shared} that they share, and stay together"
        ]


def split(
    collection: Collection, dev: float = 0.1, test: float = 0.0, seed: int = 0, by: By = "texts"
) -> Split:
    """The sides: dev and test with about those shares of the queries that have a positive.

    Raises `DataError` where a side would be empty, and `InputError` for the triples of a graph,
    which are parted by pairs.
    """
    if by not in get_args(By):
        raise InputError(f"queries are not kept together by {by!r}", fix="texts, query, or parent")
    if is_graph(collection):
        raise InputError(
            "each triple asks for both of its sides: were its questions parted, train would answer "
            "those of dev",
            where=collection.origin or collection.name,
            fix="part the triples: --by pairs, in Python negatives.read.split_pairs.split_pairs",
        )
    if by == PARENT:
        check_needs(
            collection,
            Needs(docs=(PARENT,)),
            "splitting by documents",
            fix="give each passage the field `parent`, as `negatives data passages` does; or --by "
            "texts",
        )
    if not (0 <= dev < 1 and 0 <= test < 1 and 0 < dev + test < 1):
        raise InputError(
            f"dev {dev:g} and test {test:g} leave nothing, or nothing for train",
            fix="give shares such as --dev 0.1 --test 0.1",
        )
    asked = collection.queries["query_id"]
    mined = collection.mined_queries
    group = _groups(collection, by)
    positive = np.zeros(len(asked), np.bool_)
    positive[mined] = True
    sizes = np.bincount(group[positive], minlength=group.max(initial=-1) + 1)
    wanted = {"test": test, "dev": dev}
    counts = {name: max(1, round(share * len(mined))) for name, share in wanted.items() if share}
    side_of = _dealt(asked, group, sizes, counts, seed)
    sides: dict[str, Collection] = {}
    for name in ("train", "dev", "test"):
        if name != "train" and name not in counts:
            continue
        there = asked.filter(pl.Series(side_of == name))
        sides[name] = _side(collection, name, there)
    shared = "texts or documents" if by == PARENT else "texts"
    made = Split(sides, int((sizes > 0).sum()), int(sizes.max(initial=0)), counts, shared)
    for name, side in sides.items():
        if len(side.mined_queries) == 0:
            raise DataError(
                f"{name} would be empty: of {len(mined):,} queries with a positive, "
                f"{made.largest:,} are linked by {shared} that they share, and stay together",
                where=collection.origin or collection.name,
                fix="give another share"
                + "; or keep only the same queries together: --by query" * (by == "texts"),
            )
    return made


def write_split(made: Split | PairSplit, out: str | Path) -> Path:
    """The sides as one BEIR folder: qrels/train.tsv, qrels/dev.tsv ..."""
    return convert_splits(list(made.sides.values()), out)


def _side(collection: Collection, name: str, asked: pl.Series) -> Collection:
    """The collection with the judgements of some queries, without queries of other sides."""
    own = asked.implode()
    judged = collection.qrels["query_id"].unique().implode()
    of_side = pl.col("query_id").is_in(own)
    return replace(
        collection,
        split=name,
        queries=collection.queries.filter(of_side | ~pl.col("query_id").is_in(judged)),
        qrels=collection.qrels.filter(of_side),
        given=collection.given.filter(of_side),
        origin="",
        read_with={},
    )


def _groups(collection: Collection, by: By) -> NDArray[np.int64]:
    """int64[queries]: a number that is the same for queries that stay together."""
    count = len(collection.queries)
    _, same = np.unique(collection.keys("queries"), return_inverse=True)
    texts = same.reshape(-1).astype(np.int64)
    query, node = np.arange(count), count + texts
    pairs = collection.positives
    for number in _linking(collection, by):
        shown = number[pairs["doc"].to_numpy()]
        query = np.concatenate([query, pairs["query"].to_numpy().astype(np.int64)])
        node = np.concatenate([node, int(node.max(initial=count)) + 1 + shown])
    size = int(node.max(initial=0)) + 1
    graph = coo_array((np.ones(len(query), np.int8), (query, node)), shape=(size, size))
    _, labels = connected_components(graph, directed=False)
    return np.asarray(labels[:count], np.int64)


def _linking(collection: Collection, by: By) -> Iterator[NDArray[np.int64]]:
    """int64[docs] each: numbers that are the same where positives keep their queries together."""
    shows = collection.has("docs", "image") or collection.has("queries", "image")
    if by != "query" and (collection.identity == "text" or shows):
        _, same = np.unique(collection.keys("docs"), return_inverse=True)
        yield same.reshape(-1).astype(np.int64)
    if by == PARENT:
        parents = collection.corpus[PARENT].cast(pl.String)
        # A passage without a document is one of its own.
        named = pl.coalesce(PARENT, pl.format("passage {}", "doc_id"))
        own = collection.corpus.select("doc_id").with_columns(parents).select(named)
        yield own.to_series().rank("dense").cast(pl.Int64).to_numpy()


def _dealt(
    ids: pl.Series,
    group: NDArray[np.int64],
    sizes: NDArray[np.int64],
    counts: dict[str, int],
    seed: int,
) -> NDArray[np.str_]:
    """str[queries]: the side of each; groups are drawn by the least id that is in them."""
    first = np.full(len(sizes), len(ids), np.int64)
    np.minimum.at(first, group, np.arange(len(ids)))  # ids are sorted: the first is the least
    drawn = uniforms(id_hashes(ids.gather(first)), stream_key(seed, "split"))
    side = np.full(len(sizes), "train", dtype="<U5")
    left = dict(counts)
    for at in np.argsort(drawn, kind="stable"):
        for name, room in left.items():
            if 0 < sizes[at] <= room:
                side[at], left[name] = name, room - int(sizes[at])
                break
        if not any(left.values()):
            break
    return side[group]
