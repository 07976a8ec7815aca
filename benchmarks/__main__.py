"""python -m benchmarks [NAME ...]: measure, and write docs/results/NAME.md; without names, all."""

from __future__ import annotations

import importlib
import sys

NAMES = ("encoders", "coverage", "downstream", "samplers", "search", "speed", "scale")


def main(names: list[str]) -> None:
    """Run the named benchmarks in order."""
    for name in names:
        if name not in NAMES:
            sys.exit(f"no benchmark {name!r}; there are {', '.join(NAMES)}")
    for name in names or NAMES:
        importlib.import_module(f"benchmarks.{name}").main()


main(sys.argv[1:])
