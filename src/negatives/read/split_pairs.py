"""The positives of a collection parted into train, dev and test, each query having some in each.

Where users or entities go by their ids, what is to be foretold is further positives of the same
queries, and not those of new ones: by chance, the last of each query, or all after a moment. The
triples of a graph are parted so, each with the two questions that it answers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
import polars as pl

from negatives.chance import id_hashes, mix, stream_key, uniforms
from negatives.errors import DataError, InputError
from negatives.read.triples import is_graph, triples_of
from negatives.schema import PAIR, Collection
from negatives.wording import plural

ByPairs = Literal["pairs", "last", "time"]
"""How positives are parted: by chance; the last of each query; or those after a moment."""

SIDES: Final = ("train", "dev", "test")


@dataclass(frozen=True)
class PairSplit:
    """`sides`: the collection by side, train first; `notes`: what was left out of them."""

    sides: dict[str, Collection]
    notes: list[str]

    def figures(self) -> dict[str, Any]:
        """How many queries and positives each side has."""
        return {
            "sides": {
                name: {"queries": len(side.mined_queries), "positives": len(side.positives)}
                for name, side in self.sides.items()
            },
            "notes": self.notes,
        }


def split_pairs(
    collection: Collection, by: ByPairs, dev: float = 0.1, test: float = 0.0, seed: int = 0
) -> PairSplit:
    """The sides. Every query keeps a positive in train, and what is not positive stays there; of a
    graph, every entity and every relation keeps a triple.

    `pairs`: dev and test are about those shares of the positives. `last`: the last positive of each
    query is of test, the one before it of dev, where they have a share above 0. `time`: the last
    positives of all, by those shares; queries and documents that are not in train are left out.
    Raises `DataError` where a side would be empty, or no times are known, and `InputError` for
    shares below 0, of 0 alone, or above 1 together.
    """
    positive = collection.qrels.filter(pl.col("relevance") > 0).select(PAIR).sort(PAIR)
    asked = {"test": test, "dev": dev}
    wanted = {name: share for name, share in asked.items() if share}
    shares = [*wanted.values()]
    taken = max if by == "last" else sum
    if not (shares and min(shares) >= 0 and taken(shares) <= 1):
        raise InputError(
            f"dev {dev:g} and test {test:g} are no shares of the positives, or leave none",
            fix="give shares such as --dev 0.1 --test 0.1",
        )
    if by == "pairs":
        dealt, notes = _by_chance(collection, positive, wanted, seed), []
    else:
        timed = _timed(collection, positive)
        dealt = _last(timed, wanted) if by == "last" else _after(timed, wanted)
        notes = _ties(timed, dealt) if by == "last" else []
    if by == "time":
        dealt, notes = _known_in_train(dealt)
    sides: dict[str, Collection] = {}
    for name in SIDES:
        if name == "train" or name in wanted:
            pairs = dealt.filter(pl.col("side") == name)
            if pairs.is_empty():
                raise DataError(
                    f"{name} would be empty: of {len(positive):,} positives none can be parted "
                    f"off by {by}",
                    where=collection.origin or collection.name,
                    fix=f"give another share, or --{name} 0 for no {name}; a query keeps one "
                    "positive in train, at least",
                )
            sides[name] = _side(collection, name, pairs.select(PAIR))
    return PairSplit(sides, notes)


def _side(collection: Collection, name: str, pairs: pl.DataFrame) -> Collection:
    """The collection with some of its positives; the first side has all that is not positive."""
    relevant = collection.qrels.filter(pl.col("relevance") > 0).join(pairs, on=PAIR, how="semi")
    others = collection.qrels.filter(pl.col("relevance") <= 0)
    train = name == "train"
    queries = collection.queries.join(pairs, on="query_id", how="semi", maintain_order="left")
    return replace(
        collection,
        split=name,
        queries=collection.queries if train else queries,
        qrels=(pl.concat([relevant, others]) if train else relevant).sort(PAIR),
        given=collection.given if train else collection.given.clear(),
        times=collection.times.join(pairs, on=PAIR, how="semi"),
        origin="",
        read_with={},
    )


def _by_chance(
    collection: Collection, positive: pl.DataFrame, wanted: dict[str, float], seed: int
) -> pl.DataFrame:
    """query_id, doc_id, side: by a draw of each pair's own; the last of each query stays in train.

    The two pairs of a triple have one draw, and the last of each entity and relation stays; so it
    is with the two of an edge where all edges are there both ways, and with its ends.
    """
    held_by: tuple[tuple[str, ...], ...] = (("query_id",),)
    parts = positive
    if is_graph(collection):
        parts, held_by = triples_of(collection, positive), (("head", "tail"), ("relation",))
    elif _both_ways(positive):
        parts, held_by = _undirected(positive), (("head", "tail"),)
    keys = np.zeros(len(parts), np.uint64)
    for part in reversed(parts.columns):
        keys = mix(id_hashes(parts[part]) ^ keys)
    drawn = pl.Series("drawn", uniforms(keys, stream_key(seed, "split/pairs")))
    side, low = pl.lit("train"), 0.0
    for name, share in wanted.items():
        inside = (pl.col("drawn") >= low) & (pl.col("drawn") < low + share)
        side, low = pl.when(inside).then(pl.lit(name)).otherwise(side), low + share
    kept = np.zeros(len(parts), np.bool_)
    for columns in held_by:
        each = pl.concat([parts.select(pl.col(one).alias("id"), drawn) for one in columns])
        last = each.select(pl.col("drawn") == pl.col("drawn").max().over("id")).to_series()
        kept |= last.to_numpy().reshape(len(columns), -1).any(axis=0)
    dealt = positive.with_columns(drawn, kept=pl.Series(kept))
    return dealt.select(*PAIR, side=pl.when("kept").then(pl.lit("train")).otherwise(side))


def _both_ways(positive: pl.DataFrame) -> bool:
    """Whether each pair is there the other way round too, as the edges of an undirected graph."""
    turned = positive.select(query_id="doc_id", doc_id="query_id")
    return len(positive.join(turned, on=PAIR, how="semi")) == len(positive)


def _undirected(positive: pl.DataFrame) -> pl.DataFrame:
    """head, tail: the ends of each edge, the same whichever of them asks."""
    return positive.select(head=pl.min_horizontal(PAIR), tail=pl.max_horizontal(PAIR))


def _timed(collection: Collection, positive: pl.DataFrame) -> pl.DataFrame:
    """The positives with their times, from old to new; of equal ones the last id comes last."""
    timed = positive.join(collection.times, on=PAIR, how="left")
    without = timed.filter(pl.col("time").is_null())
    if len(without):
        none = len(without) == len(timed)
        raise DataError(
            "nothing says when the positives came to be"
            if none
            else f"{len(without):,} of {len(timed):,} positives have no time",
            where=collection.origin or collection.name,
            fix="give the file of interactions a column timestamp; or --by pairs, which needs none",
        )
    return timed.sort("time", *PAIR)


def _last(timed: pl.DataFrame, wanted: dict[str, float]) -> pl.DataFrame:
    """The last of each query to the first side that is wanted, and so on; one stays in train."""
    after = pl.int_range(pl.len(), dtype=pl.Int64).reverse().over("query_id")
    size = pl.len().over("query_id")
    side = pl.lit("train")
    for place, name in enumerate(wanted):
        theirs = (after == place) & (size > place + 1)
        side = pl.when(theirs).then(pl.lit(name)).otherwise(side)
    return timed.with_columns(side=side).drop("time")


def _ties(timed: pl.DataFrame, dealt: pl.DataFrame) -> list[str]:
    """A note of queries of which positives of one moment are on two sides."""
    sides = timed.join(dealt, on=PAIR).group_by("query_id", "time").agg(pl.col("side").n_unique())
    tied = sides.filter(pl.col("side") > 1)["query_id"].n_unique()
    if not tied:
        return []
    return [
        f"the last positives of {plural(tied, 'query', 'queries')} of "
        f"{timed['query_id'].n_unique():,} came at one moment: their ids say which is the last"
    ]


def _after(timed: pl.DataFrame, wanted: dict[str, float]) -> pl.DataFrame:
    """The newest share of all to test, the one before it to dev; one moment is on one side."""
    times = timed["time"].to_numpy()
    side = np.full(len(times), "train", dtype="<U5")
    last = len(times)
    for name, share in wanted.items():
        first = max(0, last - round(share * len(times)))
        first = int(np.searchsorted(times, times[first], side="left")) if first < last else last
        side[first:last], last = name, first
    return timed.with_columns(side=pl.Series(side)).drop("time")


def _known_in_train(dealt: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Without later pairs of queries or documents that train knows nothing of; and how many."""
    train = dealt.filter(pl.col("side") == "train")
    kept = pl.lit(True)
    for key in PAIR:
        kept = kept & pl.col(key).is_in(train[key].unique().implode())
    left = dealt.filter(kept)
    gone = len(dealt) - len(left)
    if not gone:
        return left, []
    return left, [
        f"{gone:,} of {len(dealt) - len(train):,} later positives are of queries or documents that "
        "have none before: they are left out, for nothing could be learned of them"
    ]
