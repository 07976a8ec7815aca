"""The lock: one process to a run, and free again however its holder died."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from negatives.errors import RunError
from negatives.store.atomic import writing
from negatives.store.lock import locked, shared

HOLD = """
import sys, time
from pathlib import Path
from negatives.store.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""
TRY = """
import sys
from pathlib import Path
from negatives.errors import RunError
from negatives.store.lock import locked
try:
    with locked(Path(sys.argv[1])):
        print("mine")
except RunError as error:
    print(error)
"""


def attempt(folder: Path) -> str:
    command = [sys.executable, "-c", TRY, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the folder."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_process_is_refused_and_told_who_works_there(tmp_path: Path) -> None:
    with locked(tmp_path):
        assert attempt(tmp_path) == (
            f"another process is working on this run (process {os.getpid()})\n"
            f"  where: {tmp_path}\n"
            "  fix:   wait for it to end, or choose another --out"
        )


def test_once_the_first_is_done_the_second_may_work(tmp_path: Path) -> None:
    with locked(tmp_path):
        pass
    assert attempt(tmp_path) == "mine"


def test_a_failure_inside_frees_the_lock(tmp_path: Path) -> None:
    with pytest.raises(KeyError), locked(tmp_path):
        raise KeyError
    assert attempt(tmp_path) == "mine"


def test_a_killed_holder_frees_the_lock(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    with pytest.raises(RunError, match=rf"process {holder.pid}"), locked(tmp_path):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert attempt(tmp_path) == "mine"


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    with locked(tmp_path / "new" / "run"):
        assert (tmp_path / "new" / "run").is_dir()


def test_a_longer_process_number_leaves_no_trace_behind(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text("99999999999999")
    with locked(tmp_path):
        assert (tmp_path / ".lock").read_text() == str(os.getpid())


def test_those_who_share_a_folder_do_not_wait_for_each_other(tmp_path: Path) -> None:
    with shared(tmp_path), shared(tmp_path):
        assert "another process is working" in attempt(tmp_path)
    assert attempt(tmp_path) == "mine"


def test_who_wants_to_share_waits_for_one_who_has_the_folder_alone(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    program = HOLD.replace("locked", "shared").replace("time.sleep(60)", "")
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as waiting:
        assert waiting.stdout is not None
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(1)
        holder.send_signal(signal.SIGKILL)
        assert waiting.stdout.readline() == "held\n"


def test_what_a_killed_holder_left_is_removed_and_not_what_is_being_written(
    tmp_path: Path,
) -> None:
    below = tmp_path / "run" / "candidates"
    below.mkdir(parents=True)
    for held in (locked, shared):
        (below / ".partial-1-part.parquet").write_bytes(b"half")
        (tmp_path / "run" / ".partial-2-model").mkdir()
        with writing(below / "whole.txt") as temporary:
            temporary.write_text("all of it")
            with held(tmp_path / "run"):
                left = [path.name for path in (tmp_path / "run").rglob(".partial-*")]
                assert left == [temporary.name]
        assert (below / "whole.txt").read_text() == "all of it"
