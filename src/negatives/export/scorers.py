"""Whose scores an export writes: the sources of a run, and the judges that score pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from negatives.errors import InputError, nearest
from negatives.stage import Judge, build
from negatives.store.run import Run

_SCORE: Final = "_score"


@dataclass(frozen=True)
class Scorer:
    """Something that has scored pairs of a run: its name, and the column of the ledger."""

    name: str
    column: str


def scorer_of(run: Run, asked: bool | str) -> Scorer:
    """The scorer of that name; for True the run's teacher: its last reranker, else its reference.

    Raises `InputError` with the names there are.
    """
    there = scorers(run)
    if not there:
        raise InputError(
            "no source of this run gives scores that could be written",
            where=str(run.path),
            fix="mine with a source that scores every pair, as bm25 and dense do",
        )
    if asked is True:
        return there[0]
    for scorer in there:
        if asked in (scorer.name, scorer.column):
            return scorer
    names = [scorer.name for scorer in there]
    raise InputError(
        f"nothing in this run that scores pairs is called {str(asked)!r}",
        where=str(run.path),
        fix=nearest(str(asked), names),
    )


def scorers(run: Run) -> list[Scorer]:
    """Everything that has scored pairs of this run: the run's teacher first."""
    if not run.parts:
        return []
    columns = pl.scan_parquet(run.parts[0], glob=False).collect_schema().names()
    judges = [column for judge in _judges(run) for column in judge.scores]
    reference = run.manifest.facts.reference
    first = [*judges, *([f"{reference}{_SCORE}"] if reference else [])]
    sources = [name.removesuffix("_rank") + _SCORE for name in columns if name.endswith("_rank")]
    named = [column for column in dict.fromkeys([*first, *sources]) if column in columns]
    part = pl.scan_parquet(run.parts, glob=False)
    given = part.select(pl.col(named).is_not_null().any()).collect().row(0) if named else ()
    return [
        Scorer(column.removesuffix(_SCORE), column)
        for column, any_given in zip(named, given, strict=True)
        if any_given or column == f"{reference}{_SCORE}"
    ]


def reference(run: Run) -> Scorer | None:
    """The source whose scores a run compares pairs by; None where there is none."""
    name = run.manifest.facts.reference
    return Scorer(name, f"{name}{_SCORE}") if name else None


def _judges(run: Run) -> list[Judge]:
    """The judges of a run, the last first; one that was asked after mining came last."""
    inputs, cascade = run.manifest.inputs, run.manifest.facts.cascade
    judges = [*run.recipe.judge] if inputs.recipe is not None else []
    if cascade is not None:
        judge = build("judge", cascade.judge)
        judges += [judge] if isinstance(judge, Judge) else []
    return judges[::-1]
