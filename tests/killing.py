"""Processes that are killed while they work, by a signal that nothing can answer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

PATIENCE = 10.0
"""Seconds that what a dead process leaves is given to end."""


def start(command: Sequence[str], log: Path | None = None) -> subprocess.Popen[bytes]:
    """A process in a session of its own, which those that it starts belong to as well."""
    with (log or Path(os.devnull)).open("wb") as output:
        return subprocess.Popen(command, stdout=output, start_new_session=True)


def start_python(code: str, *arguments: object, log: Path | None = None) -> subprocess.Popen[bytes]:
    """`python -c CODE ARGUMENTS`, as `start`."""
    return start([sys.executable, "-c", code, *map(str, arguments)], log)


def kill_when(process: subprocess.Popen[bytes], moment: Callable[[], bool]) -> bool:
    """Kill it as soon as the moment has come, and wait; False where it finished its work before.

    Whatever it started must end with it.
    """
    while process.poll() is None and not moment():
        time.sleep(0.004)
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
    ended = process.wait()
    assert ended in (0, -signal.SIGKILL)
    assert not left_over(process), "a process has outlived the one that started it"
    return ended != 0


def left_over(process: subprocess.Popen[bytes]) -> list[int]:
    """Ids of the processes of its session that do not end; nothing where /proc cannot tell."""
    until = time.monotonic() + PATIENCE
    while (alive := _of_session(process.pid)) and time.monotonic() < until:
        time.sleep(0.004)
    return alive


def _of_session(session: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, of = path.read_text().rpartition(")")[2].split()[:4]
        except OSError:  # gone meanwhile
            continue
        if int(of) == session and state not in "ZX":
            found.append(int(path.parent.name))
    return found
