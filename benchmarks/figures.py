"""The measured figures of recipes that the package brings: what `negatives recipes show` tells.

Each page of results gives its own; what stood there of the same page is replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

FIGURES = Path("src/negatives/recipes/figures.json")


def package(page: str, found: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
    """Put the figures of docs/results/PAGE.md into the package: some of each recipe."""
    source = f"docs/results/{page}.md"
    before = msgspec.json.decode(FIGURES.read_bytes())
    kept = {
        name: [each for each in figures if each["from"].partition("#")[0] != source]
        for name, figures in before.items()
    }
    for name, figures in found.items():
        place = f"{source}#{{stage}}"
        kept.setdefault(name, []).extend(
            {"from": place.format(stage=each["stage"]), **each} for each in figures
        )
    told = {name: figures for name, figures in sorted(kept.items()) if figures}
    FIGURES.write_bytes(msgspec.json.format(msgspec.json.encode(told), indent=1) + b"\n")
