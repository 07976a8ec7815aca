"""Reference models on several collections: one table, and each collection counts once.

As BEIR's reproducible reference models are reported (Kamalloo et al., 2023): `bm25`, the static
table of the package and all-MiniLM-L6-v2, by `negatives evaluate MODEL DATA DATA ...`, with the
depth that is its default. Collections whose labels are sparse say by *judged* how many of the ten
shown have one at all. Nothing was chosen on these queries; medquad and esco_skills are
read on their dev splits. A 95% interval by the bootstrap over queries stands beside each figure; of
a mean over collections there is none, for five collections are no sample of anything.

The runs are kept in .cache/benchmarks/several with their hashes, and whoever doubts a figure can
measure one again: `negatives evaluate FILE.run DATA`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from benchmarks.data import CACHE, load
from benchmarks.learning import minilm
from benchmarks.page import write_page
from negatives.measure.several import FIGURES, evaluate_several
from negatives.schema import Collection

METRICS = ("nDCG@10", "R@100")
DATA = ("cranfield", "cisi", "med", "medquad@dev", "esco_skills@dev_tech")


def main() -> None:
    """Evaluate, and write the page."""
    models = {"bm25": "bm25", "static": "static", "MiniLM": minilm()}
    data = [load(name) for name in DATA]
    found = {name: kept(name, model, data) for name, model in models.items()}
    lines = []
    for metric in METRICS:
        lines += [f"## {metric}", "", f"| model | {' | '.join(DATA)} | mean |"]
        lines.append("|---" * (len(DATA) + 2) + "|")
        for name, table in found.items():
            cells = [_cell(row["metrics"][metric]) for row in table["sets"]]
            lines.append(
                f"| {name} | {' | '.join(cells)} | {table['mean over sets'][metric]:.3f} |"
            )
        lines.append("")
    lines += ["## Judged among the first ten", "", f"| model | {' | '.join(DATA)} |"]
    lines.append("|---" * (len(DATA) + 1) + "|")
    for name, table in found.items():
        judged = " | ".join(f"{row['judged']:.0%}" for row in table["sets"])
        lines.append(f"| {name} | {judged} |")
    write_page("several", "Reference models on several collections", __doc__, lines)


def kept(name: str, model: str, data: Sequence[Collection]) -> dict[str, Any]:
    """The figures of a model on all collections, measured once."""
    folder = CACHE / "several" / name
    if not (folder / FIGURES).is_file():
        evaluate_several(model, data, metrics=METRICS, save=folder)
    found: dict[str, Any] = json.loads((folder / FIGURES).read_bytes())
    return found


def _cell(value: dict[str, Any]) -> str:
    return f"{value['value']:.3f} ({value['low']:.3f} to {value['high']:.3f})"


if __name__ == "__main__":
    main()
