"""One model on several collections: a table, its mean over collections, and the runs behind it.

As benchmarks of several collections are reported (Kamalloo et al., 2023, on BEIR): each collection
counts once, however many queries it has, and whoever doubts a figure can measure the run again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from negatives.errors import InputError
from negatives.events import Emit
from negatives.listening import shown, watched
from negatives.measure.estimate import rounded
from negatives.measure.evaluation import METRICS, evaluate, refuse_unjudged
from negatives.measure.judgements import is_judgements
from negatives.measure.metric_names import parse_metrics
from negatives.measure.ranking import called
from negatives.read import as_collection
from negatives.read.memory import is_named
from negatives.read.quarantine import Quarantine, as_quarantine
from negatives.store.atomic import file_hash, prepare_file, write_json

FIGURES: Final = "evaluations.json"


@watched
def evaluate_several(
    model: Any,
    data: Sequence[Any],
    *,
    metrics: Sequence[str] = METRICS,
    save: str | Path | None = None,
    quarantine: str | Path | Quarantine | None = None,
    emit: Emit = shown,
    **how: Any,
) -> dict[str, Any]:
    """`evaluate` on each collection, and the mean over collections of each metric.

    `save` is a folder for the runs, one file a collection (NAME-SPLIT.run), and evaluations.json
    with their hashes. `quarantine`: a file for the bad rows of all, which else are an error. `how`:
    further settings of `evaluate`. Each is read before the first is measured, so that what is wrong
    with the last is said at once.

    Raises `InputError` where two collections have one name, `DataError` where one cannot be read or
    has no positive.
    """
    folder = None if save is None else Path(save)
    if folder is not None:
        prepare_file(folder / FIGURES)
    parse_metrics(metrics)
    aside = as_quarantine(quarantine)
    _refuse_unusable(data, aside)
    rows: list[dict[str, Any]] = []
    for each in data:
        found = evaluate(
            model, each, metrics=metrics, quarantine=aside, emit=emit,
            save_run=None if folder is None else folder / f"set-{len(rows)}.run", **how,
        ).figures  # fmt: skip
        row = {"data": found["data"], "queries": found["queries"], "metrics": found["metrics"]}
        row["judged"] = found["judged"]["Judged@10"]
        if folder is not None:
            path = folder / f"{found['data'].replace('@', '-').replace('/', '-')}.run"
            (folder / f"set-{len(rows)}.run").replace(path)
            row["run"] = {"file": path.name, "blake2b": file_hash(path)}
        rows.append(row)
    means = {
        name: rounded(float(np.mean([row["metrics"][name]["value"] for row in rows])))
        for name in rows[0]["metrics"]
    }
    figures = {"model": found["model"], "sets": rows, "mean over sets": means}
    if folder is not None:
        write_json(folder / FIGURES, figures)
    return figures


def _refuse_unusable(data: Sequence[Any], aside: Quarantine | None) -> None:
    """Raise `InputError` for what could only fail when others have been measured."""
    names: list[str] = []
    for each in data:
        if is_named(each) and is_judgements(each):
            continue  # read with the run that it judges
        collection = as_collection(each, quarantine=aside, lost="count")
        refuse_unjudged(collection, "no query has a positive")
        names.append(called(collection))
        if names.count(names[-1]) > 1:
            raise InputError(f"two collections are called {names[-1]}", fix="name each once")
