"""Metrics that the ir-measures library computes: a thin way to it and back.

The library is handed nothing that it could stumble over: settings are checked here, and whatever it
raises becomes an `InputError`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.errors import InputError
from negatives.optional import require

EXTRA: Final = "ir"
HIGHEST_GRADE: Final = 10_000
"""pytrec_eval counts the judgements of every grade up to the highest: with more it does not end."""

_SHARES: Final = ("p", "alpha", "recall")
_ABOVE_ZERO: Final = ("cutoff", "rel", "max_rel", "T", "beta")


@dataclass(frozen=True)
class IrMeasure:
    """A measure of the library; `str` of it is its name there."""

    measure: Any
    total: bool = False

    def __str__(self) -> str:
        return str(self.measure)

    def of_ranking(
        self, ranking: pl.DataFrame, qrels: pl.DataFrame, queries: pl.Series
    ) -> NDArray[np.float64]:
        """float64[queries]: 0 for a query that the ranking lacks.

        `ranking`: query_id, doc_id, rank; `qrels`: query_id, doc_id, relevance. Ranks are handed
        over as scores, so that the library's ways with ties do not matter. A relevance below 0 is
        handed over: to trec_eval, which computes these, it means pooled but unjudged.
        """
        library = require("ir_measures", extra=EXTRA)
        highest = qrels["relevance"].max()
        if isinstance(highest, int) and highest > HIGHEST_GRADE:
            raise InputError(
                f"the metric {self} takes grades of relevance up to {HIGHEST_GRADE:,}: "
                f"the judgements have {highest:,}",
                fix="use smaller grades, or name nDCG@10, which takes any",
            )
        run: dict[str, dict[str, float]] = {}
        for query, doc, rank in ranking.select("query_id", "doc_id", "rank").iter_rows():
            run.setdefault(query, {})[doc] = -float(rank)
        known: dict[str, dict[str, int]] = {}
        # Where nothing at all is judged, pytrec_eval reads and writes beyond its memory.
        judged = qrels.filter(pl.col("relevance").max().over("query_id") >= 0)
        for query, doc, relevance in judged.select("query_id", "doc_id", "relevance").iter_rows():
            known.setdefault(query, {})[doc] = relevance
        try:
            made = list(library.iter_calc([self.measure], known, run))
            values = {each.query_id: float(each.value) for each in made}
        except Exception as error:  # of many packages and programs, which raise what they will
            if isinstance(error, MemoryError):
                raise
            said = f": {error}".splitlines()[0] if str(error) else ""
            raise InputError(
                f"the metric {self} cannot be computed: ir-measures ended with "
                f"{type(error).__name__}{said}",
                fix="name another metric, such as nDCG@10",
            ) from None
        return np.array([values.get(query, 0.0) for query in queries], np.float64)


def ir_measure(name: str, settings: Mapping[str, object], at: object, text: str) -> IrMeasure:
    """The library's measure `name`, with settings that it takes; `text` is how it was asked for."""
    library = require("ir_measures", extra=EXTRA)
    known = library.measures.registry[name]
    _refuse_subtopics(library, known, text)
    given = {**known.params, **settings, **({} if at is None else {known.AT_PARAM: at})}
    checked = {key: _checked(known, key, value, text) for key, value in given.items()}
    lacking = [key for key, of in known.SUPPORTED_PARAMS.items() if of.required]
    _refuse_lacking([key for key in lacking if key not in checked], known, text)
    measure = type(known)(**checked)
    if not library.DefaultPipeline.supports(measure):
        _refuse_unsupported(library, measure, text)
    return IrMeasure(measure, "Sum" in type(measure.aggregator()).__name__)


def ir_names() -> list[str]:
    """Names of the library's measures, without parameters."""
    return list(require("ir_measures", extra=EXTRA).measures.registry)


def _checked(known: Any, key: str, value: Any, text: str) -> Any:
    """`value` as the library wants it; `InputError` where it is no value of that setting."""
    if key not in known.SUPPORTED_PARAMS:
        has = ", ".join(known.SUPPORTED_PARAMS)
        raise InputError(
            f"the metric {text!r} has no setting {key!r}",
            fix=f"it has {has}" if has else "it has none: leave it out",
        )
    if key == "cutoff" and value == 0 and type(value) is int:
        raise InputError(f"a 0 in the metric {text!r}", fix="cutoffs and rel begin at 1")
    of = known.SUPPORTED_PARAMS[key]
    if of.dtype is float and type(value) is int:
        value = float(value)
    wrong = InputError(f"{key}={value!r} in the metric {text!r}", fix=_wanted(key, of))
    if of.dtype is not None and type(value) is not of.dtype:
        raise wrong
    if not of.validate(value):
        raise wrong
    if isinstance(value, dict):
        if not all(type(each) is int for pair in value.items() for each in pair):
            raise wrong
        if any(each < 0 or each > HIGHEST_GRADE for each in value.values()):
            raise wrong
    if isinstance(value, float | int) and not isinstance(value, bool):
        low = key in _ABOVE_ZERO and value <= 0
        high = key in _SHARES and value > 1
        if not math.isfinite(value) or value < 0 or abs(value) >= 2**31 or low or high:
            raise wrong
    if key == "recall" and round(value, 2) != value:
        # trec_eval rounds it, and so would answer another question than was asked.
        raise InputError(
            f"{key}={value!r} in the metric {text!r} has more than two decimals",
            fix="round it, as in IPrec@0.25",
        )
    return value


def _wanted(key: str, of: Any) -> str:
    if key in _SHARES:
        return "give a number of 0 to 1"
    if isinstance(of.choices, list | tuple):
        return f"give {' or '.join(map(repr, of.choices))}"
    if of.dtype is dict:
        return "give whole numbers for grades, as in nDCG(gains={1: 1, 2: 3})@10"
    named = {int: "a whole number", float: "a number", bool: "True or False"}
    above = " above 0" if key in _ABOVE_ZERO else ""
    return f"give {named.get(of.dtype, 'another value')}{above}"


def _refuse_lacking(lacking: list[str], known: Any, text: str) -> None:
    if not lacking:
        return
    example = {"cutoff": 10, "max_rel": 3, "recall": 0.1}
    settings = ",".join(f"{key}={example.get(key, 1)}" for key in lacking if key != known.AT_PARAM)
    at = f"@{example.get(known.AT_PARAM, 1)}" if known.AT_PARAM in lacking else ""
    what = ", ".join(f"{key} ({known.SUPPORTED_PARAMS[key].desc})" for key in lacking)
    name = str(known.NAME)
    raise InputError(
        f"the metric {text!r} lacks {what}",
        fix=f"write {name}{f'({settings})' if settings else ''}{at}, say",
    )


def _refuse_subtopics(library: Any, known: Any, text: str) -> None:
    of_subtopics = library.providers.registry["pyndeval"].SUPPORTED_MEASURES
    if any(known.NAME == each.NAME for each in of_subtopics):
        raise InputError(
            f"the metric {text!r} needs judgements by subtopic, which are not read",
            fix="name a metric of whole queries, such as nDCG@10",
        )


def _refuse_unsupported(library: Any, measure: Any, text: str) -> None:
    """Say which package would compute it, or that none would."""
    able = [each for each in library.DefaultPipeline.providers if each.supports(measure)]
    commands = [each.install_instructions() for each in able if each.install_instructions()]
    if commands:
        raise InputError(
            f"the metric {text!r} needs a package that is not installed", fix=commands[0]
        )
    raise InputError(
        f"the metric {text!r} with these settings is computed by no package that ir-measures knows",
        fix="give other settings, or name another metric, such as nDCG@10",
    )
