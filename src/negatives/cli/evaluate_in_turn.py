"""negatives evaluate of several collections: a line for each, and their mean."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from negatives.cli.data_options import DataOptions
from negatives.cli.options import refuse_said
from negatives.cli.streams import print_json

if TYPE_CHECKING:
    from negatives.find.dense import Dense
    from negatives.measure.evaluation import Setting
    from negatives.read.quarantine import Quarantine


def evaluate_in_turn(
    data: list[str],
    model: str | Dense,
    metric: list[str] | None,
    save: Path | None,
    json: bool,
    reading: DataOptions,
    *,
    alone: dict[str, Any],
    quarantine: Quarantine | None,
    protocols: list[Setting],
    known: Literal["leave-out", "keep"] | None,
    **how: Any,
) -> None:
    """A line for each collection, and their mean; `alone`: options of one collection."""
    from negatives.cli.listen import listening
    from negatives.measure.evaluation import METRICS
    from negatives.measure.several import evaluate_several

    refuse_said(
        alone,
        "this is of one collection, and several are named",
        "leave it out, or evaluate on one at a time",
    )
    with listening() as emit:
        found = evaluate_several(
            model,
            [
                reading.load(each, quarantine=quarantine, lost="count") if reading.said() else each
                for each in data
            ],
            metrics=metric or METRICS,
            save=save,
            quarantine=quarantine,
            protocols=protocols,
            known=known,
            emit=emit,
            **how,
        )
    if json:
        print_json(found)
        return
    names = list(found["mean over sets"])
    width = max(len("mean over sets"), *(len(row["data"]) for row in found["sets"]))
    print(f"{found['model']}\n")
    print(f"{'':<{width}}  queries  " + "  ".join(f"{name:>7}" for name in names))
    for row in found["sets"]:
        cells = (f"{row['metrics'][name]['value']:{max(7, len(name))}.3f}" for name in names)
        print(f"{row['data']:<{width}}  {row['queries']:>7,}  " + "  ".join(cells))
    cells = (f"{found['mean over sets'][name]:{max(7, len(name))}.3f}" for name in names)
    print(f"{'mean over sets':<{width}}  {'':>7}  " + "  ".join(cells))
