"""The real share of false negatives, where judgements that the run did not see are at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import polars as pl

from negatives.errors import DataError
from negatives.measure.estimate import share
from negatives.measure.judgements import judgements_alone
from negatives.read import load
from negatives.read.findings import Findings
from negatives.read.memory import is_named, qrels_of
from negatives.read.other_splits import other_splits
from negatives.run.inputs import collection_of
from negatives.schema import PAIR, QRELS, Collection
from negatives.store.run import Run

OTHER_SPLITS: Final = "other-splits"
"""Stands for all other splits of the data that a run was mined from."""


def truth_of(run: Run, truth: Any) -> pl.DataFrame:
    """What `truth` says, as `read_truth` reads it; or what all other splits of the run's data say.

    Raises `DataError` where there are no other splits, and where nothing is said of any query that
    the run has negatives of: a share of none would be read as the share of all.
    """
    if not is_named(truth) or str(truth) != OTHER_SPLITS or Path(OTHER_SPLITS).exists():
        return _of_these(run, read_truth(truth), str(truth) if is_named(truth) else "truth")
    collection = collection_of(run)
    found = [each.qrels for each in other_splits(collection)]
    if not found:
        raise DataError(
            "the data that the run was mined from have no other splits",
            where=collection.origin or f"collection {collection.name!r}",
            fix="name judgements: --truth FILE, or --truth DATA@test",
        )
    joined = read_truth(pl.concat([pl.DataFrame(schema=dict(QRELS)), *found]))
    return _of_these(run, joined, OTHER_SPLITS)


def _of_these(run: Run, found: pl.DataFrame, where: str) -> pl.DataFrame:
    """What was found, once it says something of a query of the run."""
    asked = run.negatives["query_id"]
    if len(asked) and not found["query_id"].is_in(asked.implode()).any():
        first = ", ".join(map(repr, asked.unique().sort()[:3]))
        raise DataError(
            f"none of the judgements is of a query that the run has negatives of: {first}, ...",
            where=where,
            fix="name judgements of the queries that were mined",
        )
    return found


def refuse_strangers(found: pl.DataFrame, collection: Collection, where: str) -> None:
    """`DataError` where no judgement is of a query, or none of a document, of the collection."""
    for column, side, what in (
        ("query_id", collection.queries, "query"),
        ("doc_id", collection.corpus, "document"),
    ):
        ids = side[column]
        if len(ids) and not found[column].is_in(ids.implode()).any():
            first = ", ".join(map(repr, ids.sort()[:3]))
            raise DataError(
                f"none of the judgements is of a {what} that is there: {first}, ...",
                where=where,
                fix="name judgements by these ids; a file of texts has made-up ones, so that one "
                "of ids is needed, with --corpus",
            )


def read_truth(truth: Any) -> pl.DataFrame:
    """query_id, doc_id, relevance (the highest, where a pair is judged twice) of a qrels file.

    Pairs of a relevance below 0 are left out: they were pooled, and nobody has judged them.
    BEIR's three columns with or without a header, or TREC's four; or a frame of those columns, or
    a dictionary such as `{query_id: doc_ids}`. Or a collection in any form, such as DATA@test.
    """
    if isinstance(truth, pl.DataFrame):
        missing = [name for name in (*PAIR, "relevance") if name not in truth.columns]
        if missing:
            raise DataError(
                f"the truth has no column {', '.join(missing)}",
                where="truth",
                fix="give query_id, doc_id and relevance",
            )
        table = truth
    elif isinstance(truth, Collection):
        table = truth.qrels
    elif not is_named(truth):
        table = qrels_of(truth, Findings())
    elif Path(truth).is_file():
        table = judgements_alone(truth, Findings())
    else:
        table = load(truth, lost="count").qrels
    table = table.filter(pl.col("relevance") >= 0)
    return table.group_by(PAIR).agg(pl.col("relevance").max()).sort(PAIR)


def against(negatives: pl.DataFrame, truth: pl.DataFrame) -> dict[str, Any]:
    """How many negatives are judged relevant, judged not relevant, and unjudged; and the shares.

    `share` is of all negatives, as if what is unjudged was not relevant: it is too low where the
    judging is incomplete. `share of judged` is of those judged: too high where only likely pairs
    were. The real share is between the two, if the judgements are right.
    """
    judged = negatives.select(PAIR).join(truth, on=PAIR, how="left")["relevance"]
    relevant, known = int((judged > 0).sum()), int(judged.is_not_null().sum())
    there = negatives["query_id"].unique()
    return {
        "relevant": relevant,
        "not relevant": known - relevant,
        "unjudged": len(negatives) - known,
        "share": share(relevant, len(negatives)),
        "share of judged": share(relevant, known),
        "queries judged": int(there.is_in(truth["query_id"].unique().implode()).sum()),
        "queries": len(there),
    }
