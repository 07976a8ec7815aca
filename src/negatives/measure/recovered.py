"""How well each judge of a run tells planted false negatives from the other candidates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.run.picked import parts_with_picks
from negatives.schema import DUPLICATE, REJECTED
from negatives.stats.auc import auc
from negatives.store.run import Run

ALL: Final = "all"
LIKELY: Final = 0.5
"""A pair at least this probably relevant counts as told by p_relevant."""
_COPY: Final = "repeat"
"""The one rule that says nothing of relevance: the text is another candidate's."""
COLUMNS: Final = {
    "by": pl.String,
    "name": pl.String,
    "kind": pl.String,
    "planted": pl.UInt32,
    "caught": pl.UInt32,
    "recall": pl.Float64,
    "precision": pl.Float64,
    "auc": pl.Float64,
}


def recovered(run: Run, truth: pl.DataFrame) -> pl.DataFrame:
    """One row for each thing that could tell the planted pairs, and kind; kind `all` sums up.

    `truth`: query_id, doc_id, kind, as `plant` returns it. `by` is `source` (proposed at all),
    `rule` (set aside, by name), `p_relevant` (at least `LIKELY`), `evidence` (a column, by AUC) or
    `picker` (became a negative: the only row that should be low). `planted` counts those that are
    candidates, but for `source`, where it counts all. `precision` is planted pairs among those
    told, given for all kinds together: the others may be relevant too, so it is a lower bound.
    """
    rows = _rows(run, truth.rename({"kind": "_kind"}))
    kinds = [ALL, *sorted(truth["kind"].unique())]
    found = []
    for kind in kinds:
        there = len(truth) if kind == ALL else int((truth["kind"] == kind).sum())
        found.append(_caught("source", "candidates", kind, there, _of(rows, kind).height, None))
        for by, name, told in _told(rows):
            hits = int(_mask(rows, kind)[told].sum())
            all_told = int(told.sum()) if kind == ALL else None
            found.append(_caught(by, name, kind, _of(rows, kind).height, hits, all_told))
        for name, direction in _evidence(run, rows).items():
            auc = _auc(rows[name].cast(pl.Float64).to_numpy() * direction, rows, kind)
            row = _caught("evidence", name, kind, _of(rows, kind).height, None, None)
            found.append({**row, "auc": auc})
    return pl.DataFrame(found, schema=COLUMNS)


def _rows(run: Run, truth: pl.DataFrame) -> pl.DataFrame:
    """Unlabelled candidates of the queries that something was planted for; null: not planted."""
    parts = [
        part.filter(pl.col("relevance").is_null())
        .join(truth.select("query_id").unique(), on="query_id", how="semi")
        .join(truth, on=["query_id", "doc_id"], how="left", maintain_order="left")
        for part in parts_with_picks(run)
    ]
    return pl.concat(parts)


def _of(rows: pl.DataFrame, kind: str) -> pl.DataFrame:
    return rows.filter(pl.Series(_mask(rows, kind)))


def _mask(rows: pl.DataFrame, kind: str) -> NDArray[np.bool_]:
    planted = rows["_kind"]
    chosen = planted.is_not_null() if kind == ALL else (planted == kind).fill_null(False)
    return chosen.to_numpy()


def _told(rows: pl.DataFrame) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    aside = rows["verdict"].is_in([DUPLICATE, REJECTED]).to_numpy()
    rule = rows["rule"]
    for name in sorted(set(rule.filter(pl.Series(aside))) - {_COPY}):
        yield "rule", name, aside & (rule == name).to_numpy()
    if rows["p_relevant"].null_count() < len(rows):
        yield (
            "p_relevant",
            f"at least {LIKELY}",
            ((rows["p_relevant"] >= LIKELY).fill_null(False).to_numpy()),
        )
    yield "picker", "negatives", rows["position"].is_not_null().to_numpy()


def _evidence(run: Run, rows: pl.DataFrame) -> dict[str, int]:
    """Columns that rise (1) or fall (-1) with relevance."""
    named = {f"{source.label}_score": 1 for source in run.recipe.find}
    named |= {"hardness": 1, "p_relevant": 1}
    for judge in run.recipe.judge:
        named |= {name: sign for name, sign in judge.evidence.items() if sign}
    return {
        name: sign
        for name, sign in named.items()
        if name in rows.columns and rows[name].null_count() < len(rows)
    }


def _auc(values: NDArray[np.float64], rows: pl.DataFrame, kind: str) -> float | None:
    """Probability that a planted pair has the higher value than one that is not; ties count half.

    A pair without a value comes below all others.
    """
    mine, others = _mask(rows, kind), ~_mask(rows, ALL)
    if not mine.any() or not others.any():
        return None
    filled = np.nan_to_num(values, nan=-np.inf)
    return auc(filled[mine], filled[others])


def _caught(
    by: str, name: str, kind: str, planted: int, caught: int | None, told: int | None
) -> dict[str, Any]:
    return {
        "by": by,
        "name": name,
        "kind": kind,
        "planted": planted,
        "caught": caught,
        "recall": caught / planted if planted and caught is not None else None,
        "precision": caught / told if told and caught is not None else None,
        "auc": None,
    }
