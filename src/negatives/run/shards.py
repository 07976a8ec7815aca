"""What is done to one shard of queries: find candidates, judge them, pick among them.

Each function takes frames and gives a frame; reading, writing and resuming happen around them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from negatives.arrays import Keys, Places
from negatives.errors import RecipeError, WorkError
from negatives.opening import Proposer, Ruling
from negatives.run.reference_scorer import ReferenceScorer
from negatives.schema import (
    ELIGIBLE,
    KEPT,
    LEDGER_HEAD,
    LEDGER_TAIL,
    NEGATIVES,
    POSITIVE,
    Collection,
    Columns,
    Rows,
    check_ledger,
)
from negatives.schema import PAIR as IDS
from negatives.stage import Picker
from negatives.store.ledger import among
from negatives.store.mapped import let_go_of_all

PAIR = ["query", "doc"]
OPINION = ("verdict", "rule", "reason")


def find_shard(
    collection: Collection,
    proposers: Mapping[str, Proposer],
    queries: Rows,
    never: Mapping[str, Rows] | None = None,
) -> tuple[pl.DataFrame, dict[str, float]]:
    """Candidates of all sources and the positives, one row a pair, and each source's seconds.

    Columns: query, doc, sources, and for each source its rank (null where it did not propose the
    pair) and score (of every pair with text, where the source can score any pair), and log_q.
    `never`: by source, the documents of which it has nothing to compare; without it, those that
    nobody can propose.
    """
    seconds: dict[str, float] = {}
    proposed: dict[str, pl.DataFrame] = {}
    empty = {
        label: pl.Series((never or {}).get(label, collection.empty_docs), dtype=pl.UInt32)
        for label in proposers
    }
    for label, proposer in proposers.items():
        began = time.perf_counter()
        candidates = proposer.propose(queries, proposed)
        proposed[label] = candidates.filter(~pl.col("doc").is_in(empty[label].implode()))
        let_go_of_all()  # the next one reads files of its own
        seconds[label] = time.perf_counter() - began
    positives = collection.positives.filter(pl.col("query").is_in(pl.Series(queries).implode()))
    keys = {label: _pair_keys(frame) for label, frame in proposed.items()}
    every = np.unique(np.concatenate([_pair_keys(positives), *keys.values()]))
    query, doc = (every >> np.uint64(32)).astype(np.uint32), every.astype(np.uint32)
    columns: dict[str, pl.Series] = {}
    log_q = pl.Series("log_q", [None], dtype=pl.Float32).new_from_index(0, len(every))
    by_set = np.zeros(len(every), np.int64)
    for number, (label, proposer) in enumerate(proposers.items()):
        began = time.perf_counter()
        place = np.searchsorted(every, keys[label])
        at = np.full(len(every), -1)
        at[place] = np.arange(len(place))
        rows = pl.Series(at).set(pl.Series(at < 0), None)
        by_set += (at >= 0).astype(np.int64) << number
        found = proposed[label].select(pl.all().gather(rows))
        columns[f"{label}_rank"] = found["rank"]
        columns[f"{label}_score"] = _complete(found["score"], query, doc, proposer, empty[label])
        if "log_q" in found.columns:
            log_q = found.select(pl.coalesce(log_q, pl.col("log_q").cast(pl.Float32))).to_series()
        seconds[label] += time.perf_counter() - began
    made = pl.DataFrame({"query": query, "doc": doc, "sources": _sets(list(proposers), by_set)})
    return made.with_columns(**columns, log_q=log_q), seconds


def _pair_keys(rows: pl.DataFrame) -> Keys:
    """uint64[n], which sort as (query, doc) do."""
    query, doc = (rows[name].to_numpy().astype(np.uint64) for name in PAIR)
    return query << np.uint64(32) | doc


def _sets(labels: Sequence[str], by_set: Places) -> pl.Series:
    """Lists of labels: bit i of each number says whether the i-th is in it."""
    numbers, place = np.unique(by_set, return_inverse=True)
    lists = [[name for i, name in enumerate(labels) if number >> i & 1] for number in numbers]
    return pl.Series(lists, dtype=pl.List(pl.String)).gather(place)


def no_candidates(labels: Sequence[str]) -> pl.DataFrame:
    """What `find_shard` gives for no queries."""
    scores: Columns = {
        f"{label}_{part}": dtype
        for label in labels
        for part, dtype in (("rank", pl.Int32), ("score", pl.Float32))
    }
    columns: Columns = {
        "query": pl.UInt32,
        "doc": pl.UInt32,
        "sources": pl.List(pl.String),
        **scores,
        "log_q": pl.Float32,
    }
    return pl.DataFrame(schema=columns)


def _complete(
    score: pl.Series, query: Rows, doc: Rows, proposer: Proposer, empty: pl.Series
) -> pl.Series:
    """Fill in the scores of pairs that other sources proposed; a text-less document has none."""
    gaps = np.flatnonzero(score.is_null() & ~pl.Series(doc).is_in(empty.implode()))
    scores = proposer.score(query[gaps], doc[gaps])
    if scores is None or not len(gaps):
        return score
    return score.scatter(gaps, pl.Series(scores, dtype=pl.Float32))


def judge_shard(
    collection: Collection, rulings: Sequence[tuple[str, Ruling]], found: pl.DataFrame
) -> pl.DataFrame:
    """The rows with relevance, the judges' evidence, and the first verdict, its rule and reason.

    A rule has the kind of its judge for a name, unless the judge names one of several of its own.
    """
    rows = found.join(collection.judged, on=PAIR, how="left", maintain_order="left").with_columns(
        pl.lit(None, pl.String).alias(name) for name in OPINION
    )
    for kind, ruling in rulings:
        opinion = ruling.judge(rows)
        let_go_of_all()  # the next one reads files of its own
        if len(opinion) != len(rows):
            raise WorkError(f"judge {kind!r} returned {len(opinion)} rows for {len(rows)}")
        given = [name in opinion.columns for name in OPINION]
        if given[0] != given[2] or given[1] > given[0]:
            raise WorkError(f"judge {kind!r} returned a verdict without a reason, or the reverse")
        new = [name for name in opinion.columns if name not in OPINION]
        for name in new:
            if name in rows.columns:
                raise RecipeError(
                    f"two stages write the column {name!r}",
                    where=f"judge {kind}",
                    fix="leave one of them out of the recipe",
                )
        if "verdict" in opinion.columns and "rule" not in opinion.columns:
            opinion = opinion.with_columns(
                rule=pl.when(pl.col("verdict").is_not_null()).then(pl.lit(kind))
            )
        said = {name: f"_{name}" for name in OPINION if name in opinion.columns}
        first = pl.col("verdict").is_null()
        rows = (
            pl.concat([rows, opinion.rename(said)], how="horizontal")
            .with_columns(
                pl.when(first).then(new).otherwise(name).alias(name) for name, new in said.items()
            )
            .drop(said.values())
        )
    return rows


def ledger_shard(
    collection: Collection,
    reference: ReferenceScorer,
    judged: pl.DataFrame,
    estimated: pl.DataFrame | None,
) -> pl.DataFrame:
    """One part of the ledger, by ids: judged rows with hardness, p_relevant and its evidence."""
    if estimated is None:
        estimated = pl.DataFrame({"p_relevant": pl.Series([None] * len(judged), dtype=pl.Float32)})
    for name in estimated.columns:
        if name in judged.columns:
            raise RecipeError(
                f"two stages write the column {name!r}",
                where="estimate",
                fix="leave one of them out of the recipe",
            )
    judged = pl.concat([judged, estimated], how="horizontal")
    ends = ("relevance", "sources", *LEDGER_TAIL)
    middle = [name for name in judged.columns if name not in (*PAIR, *ends)]
    part = collection.ids_of(
        judged.with_columns(
            pl.col("verdict").fill_null(ELIGIBLE), pl.col("rule", "reason").fill_null("")
        ).with_columns(reference.hardness())
    ).select(*LEDGER_HEAD, *middle, *LEDGER_TAIL)
    return check_ledger(part)


def columns_to_pick_by(picker: Picker, reference: str) -> list[str] | None:
    """What `pick_shard` needs of the ledger's columns; None: all."""
    if picker.reads is None:
        return None
    score = [f"{reference}_score"] if reference else []
    taken = [name for name in NEGATIVES if name not in ("position", "score")]
    return list(dict.fromkeys([*taken, *score, "verdict", "rule", *picker.reads]))


def pick_shard(
    picker: Picker, seed: int, reference: str, documents: int, part: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The negatives of one ledger part, and what each query short of them lacks.

    The second frame has query_id, missing, and cause: the rule that took most of the query's
    candidates; `picker` where that left some aside; `candidates` where fewer were proposed than
    asked for; or `corpus` where all of its `documents` were.
    """
    kept = part.filter(pl.col("verdict").is_in(KEPT))
    chosen = picker.pick(kept, seed)
    if len(chosen) != len(among(kept.select(IDS), chosen.select(IDS).unique())):
        raise WorkError(f"picker {picker.kind!r} chose a pair twice, or one that was not kept")
    score = pl.col(f"{reference}_score") if reference else pl.lit(None)
    negatives = chosen.with_columns(
        position=pl.int_range(pl.len()).over("query_id"), score=score
    ).select(pl.col(name).cast(dtype) for name, dtype in NEGATIVES.items())
    return negatives, _shortfall(part, negatives, picker.per_query, documents)


def _shortfall(
    part: pl.DataFrame, negatives: pl.DataFrame, asked: int, documents: int
) -> pl.DataFrame:
    delivered = negatives.group_by("query_id").agg(delivered=pl.len())
    short = (
        part.select("query_id")
        .unique()
        .join(delivered, on="query_id", how="left")
        .select("query_id", missing=asked - pl.col("delivered").fill_null(0).cast(pl.Int64))
        .filter(pl.col("missing") > 0)
    )
    if short.is_empty():
        return short.with_columns(cause=pl.lit(None, pl.String))
    seen = part.join(short, on="query_id", how="semi")
    seen_of = seen.group_by("query_id").agg(seen=pl.len())
    rows = seen.filter(pl.col("verdict") != POSITIVE)
    proposed = rows.group_by("query_id").agg(
        proposed=pl.len(), kept=pl.col("verdict").is_in(KEPT).sum().cast(pl.Int64)
    )
    takers = (
        rows.filter(~pl.col("verdict").is_in(KEPT))
        .select("query_id", cause="rule")
        .group_by("query_id", "cause")
        .len()
        .sort("query_id", "len", "cause", descending=[False, True, False])
        .unique("query_id", keep="first", maintain_order=True)
    )
    # Where rules took all that was proposed, more documents or candidates are not what is missing.
    all_taken = (pl.col("kept") == 0) & (pl.col("proposed") > 0)
    enough = (pl.col("proposed").fill_null(0) >= asked) | all_taken.fill_null(False)
    left_aside = pl.col("kept").fill_null(0) > asked - pl.col("missing")
    return (
        short.join(seen_of, on="query_id", how="left")
        .join(proposed, on="query_id", how="left")
        .join(takers, on="query_id", how="left")
        .select(
            "query_id",
            "missing",
            cause=pl.when(left_aside)
            .then(pl.lit("picker"))
            .when(enough)
            .then("cause")
            .when(pl.col("seen") >= documents)
            .then(pl.lit("corpus"))
            .fill_null("candidates"),
        )
        .sort("query_id")
    )
