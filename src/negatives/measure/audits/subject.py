"""What is audited: the negatives of a run, or of a mined file, with the collection they are of."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import polars as pl

from negatives.errors import DataError, InputError
from negatives.events import Emit, silent
from negatives.measure.truth import read_truth, refuse_strangers, truth_of
from negatives.read import load
from negatives.read.loading import Data
from negatives.read.memory import is_named
from negatives.run.inputs import collection_of
from negatives.schema import JUDGED_NEGATIVE, PAIR, POSITIVE, Collection
from negatives.stats.bootstrap import check_confidence
from negatives.store.run import Run, is_run

CONFIDENCE: Final = 0.95


@dataclass(frozen=True)
class Subject:
    """`negatives`: query_id, doc_id, each pair once, and of a run the further columns of
    `Run.negatives`. `truth`: judgements that whoever mined did not see, as `read_truth` gives them.
    Intervals hold with `confidence`; all that is drawn is drawn by `seed`.

    >>> import polars as pl
    >>> from negatives.measure.audits import subject_of
    >>> columns = {"query": ["why"], "positive": ["It is so."], "negative": ["No."]}
    >>> len(subject_of(pl.DataFrame(columns)).negatives)
    1
    """

    name: str
    collection: Collection
    negatives: pl.DataFrame
    run: Run | None = None
    truth: pl.DataFrame | None = None
    confidence: float = CONFIDENCE
    seed: int = 0
    emit: Emit = field(default=silent, repr=False, compare=False)
    """Who hears how far a check is."""

    @cached_property
    def unlabelled(self) -> pl.DataFrame:
        """The run's candidates that nobody has judged: query_id, doc_id, p_relevant, sources."""
        return self._ledger(~pl.col("verdict").is_in([POSITIVE, JUDGED_NEGATIVE]))

    @cached_property
    def known(self) -> pl.DataFrame:
        """The known positives that a source proposed, p_relevant as if they were unlabelled."""
        return self._ledger((pl.col("verdict") == POSITIVE) & (pl.col("sources").list.len() > 0))

    @property
    def of_run(self) -> Run:
        """The run that it is; `InputError` where it is a file."""
        if self.run is None:
            raise InputError("a file has no ledger", where=self.name, fix="name the run")
        return self.run

    def _ledger(self, which: pl.Expr) -> pl.DataFrame:
        rows = pl.scan_parquet(self.of_run.parts, glob=False).filter(which)
        p = pl.col("p_relevant").cast(pl.Float64)
        return rows.select(*PAIR, p, "sources").collect()


def subject_of(
    data: Data,
    *,
    corpus: Data = None,
    truth: Data = None,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> Subject:
    """A run, or a mined file in any form that `load` reads, as what checks are asked about.

    `corpus` has the texts of a file of ids. The negatives of a file are those it gives and those it
    labels 0; there may be none. `truth`: as for `negatives.measure.audit.audit`. `DataError` where
    there is neither a negative nor a positive.
    """
    check_confidence(confidence)
    run = _run(data)
    if run is not None:
        if corpus is not None:
            raise InputError(
                "a run knows its texts", where=str(run.path), fix="leave the corpus out"
            )
        collection = collection_of(run)
        judged = None if truth is None else truth_of(run, truth)
        if judged is not None:
            refuse_strangers(judged, collection, _name(truth))
        return Subject(str(run.path), collection, run.negatives, run, judged, confidence, seed)
    collection = load(data, corpus=corpus)
    given = collection.given.select(PAIR)
    zero = collection.qrels.filter(pl.col("relevance") == 0).select(PAIR)
    negatives = pl.concat([given, zero]).unique().sort(PAIR)
    name = str(data) if is_named(data) else collection.name
    if negatives.is_empty() and collection.positives.is_empty():
        raise DataError(
            "there is no negative to audit, and no positive",
            where=name,
            fix="name a run, or a file of mined negatives (rows labelled 0, or a column of them)",
        )
    judged = None if truth is None else read_truth(truth)
    if judged is not None:
        refuse_strangers(judged, collection, _name(truth))
    return Subject(name, collection, negatives, None, judged, confidence, seed)


def _name(truth: Any) -> str:
    return str(truth) if is_named(truth) else "truth"


def _run(data: Any) -> Run | None:
    """The run that it is, or that lies there; None: it is another sort of data."""
    if isinstance(data, Run):
        return data
    return Run(data) if is_named(data) and is_run(Path(data)) else None
