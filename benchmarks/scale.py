"""Whole commands as a user runs them: seconds and peak memory of a fresh process.

The command line is timed from outside; peak memory is that of the process (resident, mapped files
included). Start-up is the time of `negatives --help`.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.data import folder
from benchmarks.page import write_page

TARGETS = {
    "import negatives": "0.3 s",
    "negatives --help": "0.5 s",
    "mine cranfield": "5 s after start-up",
    "mine scale_debian": "240 s, 1,536 MB",
}


def timed(command: list[str]) -> tuple[float, float]:
    """Wall seconds and peak MB of one process."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def main() -> None:
    """Time each command several times (the long one once), and write the page."""
    cli = [sys.executable, "-m", "negatives.cli"]
    with tempfile.TemporaryDirectory() as name:
        mine = [*cli, "mine", "--quiet", "--overwrite"]
        debian = Path(name) / "debian"
        jobs = {
            "import negatives": ([sys.executable, "-c", "import negatives"], 7),
            "negatives --help": ([*cli, "--help"], 7),
            "mine cranfield": ([*mine, "cranfield", "--out", f"{name}/cranfield"], 5),
            "mine scale_debian": ([*mine, str(folder("scale_debian")), "--out", str(debian)], 1),
        }
        rows = []
        for job, (command, times) in jobs.items():
            found = [timed(command) for _ in range(times)]
            seconds = statistics.median(seconds for seconds, _ in found)
            peak = max(peak for _, peak in found)
            rows.append(f"| {job} | {seconds:.2f} | {peak:,.0f} | {TARGETS[job]} | {times} |")
            print(rows[-1], flush=True)
        manifest = json.loads((debian / "manifest.json").read_text())
    counts, stages = manifest["counts"], manifest["stages"]
    body = [
        "| command (default recipe) | seconds (median) | peak MB | target | runs |",
        "|---|---|---|---|---|",
        *rows,
        "",
        f"scale_debian: {counts['queries']:,} queries, {counts['candidates']:,} candidates, "
        f"{counts['negatives']:,} of {counts['asked']:,} negatives asked for. By stage:",
        "",
        "| stage | seconds | peak MB so far |",
        "|---|---|---|",
        *(
            f"| {stage} | {entry['seconds']:.1f} | {entry['peak_mb']:,.0f} |"
            for stage, entry in stages.items()
        ),
    ]
    write_page("scale", "Time and memory of whole commands", __doc__, body)


if __name__ == "__main__":
    main()
