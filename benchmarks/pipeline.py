"""Mining from the command line, from start to report, next to another state of this code.

Each mining is a process of its own, the old code and the new one in turn, in one run. Seconds, CPU
seconds and peak memory are of the whole process and its children: start-up, reading, writing and
the report included. Memory beyond the collection is the peak less what a process of the same code
holds that has loaded the collection and nothing else. NEGATIVES_BENCH_OLD names the folder of
another checkout; without it the new code stands alone.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.data import CACHE, folder
from benchmarks.page import write_page

REPEATS = int(os.environ.get("NEGATIVES_BENCH_REPEATS", "3"))
OLD = os.environ.get("NEGATIVES_BENCH_OLD", "")
STAGES = ("find", "judge", "prepare", "fit", "estimate", "pick")
LOADED = (
    "import sys; from negatives.cli import app; import negatives as neg; "
    "neg.Collection.load(sys.argv[1])"
)


@dataclass(frozen=True)
class Job:
    """One mining: of what, with which options, and what the target for it was."""

    name: str
    data: str
    options: tuple[str, ...] = ()
    target: str = ""
    repeats: int = REPEATS

    @property
    def source(self) -> str:
        """The collection's folder and split."""
        plain, at, split = self.data.partition("@")
        return f"{folder(plain)}{at}{split}"


JOBS = (
    Job("cranfield", "cranfield", target="3 s, 300 MB"),
    Job("medquad", "medquad@train", target="25 s, CPU / wall at least 1.7"),
    Job("medquad, ance-static", "medquad@train", ("--recipe", "ance-static"), "15 s"),
    Job("medquad, 64 MB", "medquad@train", ("--memory", "64MB"), "at most 160 MB beyond", 1),
    Job("scale_debian", "scale_debian", target="120 s, 1 GB", repeats=1),
)


def mined(job: Job, code: Path, out: Path) -> dict[str, Any]:
    """Figures of one mining by the code in a checkout."""
    command = ["mine", job.source, "--out", str(out), "--overwrite", *job.options]
    figures = _run(code, ["-m", "negatives.cli", *command])
    stages = json.loads((out / "manifest.json").read_text())["stages"]
    spent = dict.fromkeys(STAGES, 0.0)
    for name, stage in stages.items():
        if (first := name.split(" ")[0]) in spent:
            spent[first] += stage["seconds"]
    return figures | {"stages": spent}


def _run(code: Path, arguments: Sequence[str]) -> dict[str, float]:
    """Wall and CPU seconds and the peak MB of a process of Python, and of those it starts."""
    environment = os.environ | {"PYTHONPATH": str(code / "src"), "HF_HUB_OFFLINE": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # as users have it
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(arguments)} ended with {process.returncode} in {code}")
    return {"seconds": wall, "cpu": used.ru_utime + used.ru_stime, "mb": _megabytes(used)}


def _megabytes(used: resource.struct_rusage) -> float:
    return used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def measured(job: Job, codes: dict[str, Path], out: Path) -> dict[str, dict[str, Any]]:
    """Medians of the figures of every code, measured in turn."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in codes}
    for _ in range(job.repeats):
        for name, code in codes.items():
            found[name].append(mined(job, code, out / name))
            print(job.name, name, found[name][-1], file=sys.stderr, flush=True)
    medians: dict[str, dict[str, Any]] = {}
    for name, results in found.items():
        held = _run(codes[name], ["-c", LOADED, job.source])["mb"]
        made: dict[str, Any] = {
            key: statistics.median(result[key] for result in results)
            for key in ("seconds", "cpu", "mb")
        }
        made["beyond"] = made["mb"] - held
        made["stages"] = {
            stage: statistics.median(result["stages"][stage] for result in results)
            for stage in STAGES
        }
        medians[name] = made
    return medians


def _kept(job: Job, codes: dict[str, Path], out: Path) -> dict[str, dict[str, Any]]:
    """The medians of a job, measured once, so that a long benchmark can go on."""
    path = CACHE / "pipeline" / f"{job.name}.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(measured(job, codes, out)))
    found: dict[str, dict[str, Any]] = json.loads(path.read_text())
    return found


def main() -> None:
    """Every job, and the page."""
    codes = {"old": Path(OLD)} if OLD else {}
    codes["new"] = Path.cwd()
    rows = [
        "| job | code | seconds | CPU seconds | CPU / wall | peak MB | beyond the collection | "
        "find | judge | prepare | fit | estimate | pick | runs | target |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    wanted = os.environ.get("NEGATIVES_BENCH_JOBS", "").split(",")
    with tempfile.TemporaryDirectory() as scratch:
        for job in JOBS:
            if wanted != [""] and job.name not in wanted:
                continue
            for name, made in _kept(job, codes, Path(scratch)).items():
                stages = " | ".join(f"{made['stages'][stage]:.1f}" for stage in STAGES)
                rows.append(
                    f"| {job.name} | {name} | {made['seconds']:.1f} | {made['cpu']:.1f} | "
                    f"{made['cpu'] / made['seconds']:.2f} | {made['mb']:.0f} | "
                    f"{made['beyond']:.0f} | {stages} | {job.repeats} | {job.target} |"
                )
                print(rows[-1], flush=True)
    write_page("pipeline", "The whole pipeline", __doc__, rows)
