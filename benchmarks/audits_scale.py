"""The checks that need no language model, on a million triplets: those of benchmark `lint`, five
negatives a query, 200,000 documents, with a thousand defects of each kind. One process reads the
file and asks one check after the other.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.lint import made
from benchmarks.page import write_page
from benchmarks.processes import ask, measure, told

CHECKS = ("poisoning", "shortcuts", "benchmark-noise", "shared-errors", "blind")
TARGET = 60


def one(path: str) -> dict[str, Any]:
    """Seconds and CPU-seconds of reading, and of each check."""
    from benchmarks.processes import status
    from negatives.measure.audits import Subject, subject_of
    from negatives.measure.audits import ask as put

    held: list[Subject] = []

    def read() -> dict[str, Any]:
        held.append(subject_of(path))
        return {"alarm": ""}

    def check(name: str) -> dict[str, Any]:
        alarm = put(held[0], [name])[name].alarm
        return {"alarm": {True: "yes", False: "no", None: "not known"}[alarm]}

    found = {"reading the file": measure(read)}
    found |= {name: measure(partial(check, name)) for name in CHECKS}
    return {"found": found, "peak_mb": status("VmHWM:") / 2**20}


def main() -> None:
    """Measure, and write the page."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "triplets.parquet"
        made(distinct=False)[0].write_parquet(path)
        result = ask("benchmarks.audits_scale", path)
    lines = [
        f"Peak memory of the process: {result['peak_mb']:,.0f} MB. Target: {TARGET} seconds for a "
        "check. `blind`, `shortcuts` and `benchmark-noise` look at a sample of a large file, whose "
        "size is told in `--json`. Other work of the machine makes seconds longer than CPU-seconds "
        "on one core. Positives of these triplets are on any document, which `benchmark-noise` "
        "is right to see. `equity` and `verifier-bound` are asked of runs, and are not here.",
        "",
        "| | seconds | CPU-seconds | alarm |",
        "|---|---:|---:|---|",
    ]
    for name, each in result["found"].items():
        lines.append(f"| {name} | {each['seconds']:.1f} | {each['cpu']:.1f} | {each['alarm']} |")
    write_page("audits-scale", "Audits of a million pairs", __doc__, lines)


if __name__ == "__main__":
    told(one(sys.argv[2]))
