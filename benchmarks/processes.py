"""A measurement in a process of its own: no tool profits from, or pays for, another's memory."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def measure(job: Callable[[], Any], held: int = 0) -> dict[str, Any]:
    """Seconds, CPU-seconds and extra MB of `job`, with what it returns (a dict) beside them.

    Extra memory is the peak of the process less what it held before, less `held` bytes.
    """
    before = status("VmRSS:")
    wall, used = time.perf_counter(), time.process_time()
    found = job()
    wall, used = time.perf_counter() - wall, time.process_time() - used
    extra = (status("VmHWM:") - before - held) / 2**20
    return {"seconds": wall, "cpu": used, "extra_mb": extra, **found}


def told(result: Mapping[str, Any]) -> None:
    """Hand a result to the process that asked for it."""
    print(json.dumps(result))


def ask(module: str, *arguments: object) -> dict[str, Any]:
    """The result of `python -m module one ARGUMENTS`."""
    command = [sys.executable, "-m", module, "one", *map(str, arguments)]
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    result: dict[str, Any] = json.loads(output.splitlines()[-1])
    print(module, *arguments, result, file=sys.stderr, flush=True)
    return result


def in_turn(
    module: str, tools: tuple[str, ...], repeats: int, *arguments: object
) -> dict[str, list[dict[str, Any]]]:
    """Results of every tool, one after the other, `repeats` times over."""
    found: dict[str, list[dict[str, Any]]] = {tool: [] for tool in tools}
    for _ in range(repeats):
        for tool in tools:
            found[tool].append(ask(module, tool, *arguments))
    return found


def median(results: list[dict[str, Any]], what: str) -> float:
    """Median of one figure."""
    return statistics.median(float(result[what]) for result in results)


def status(field: str) -> int:
    """Bytes of a field of /proc/self/status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    return 0
