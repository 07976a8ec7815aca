"""Runs that are killed, locked out, or run out of disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import negatives as neg
from negatives.errors import DiskFull, RunError
from negatives.store.lock import locked
from tests.run.test_mine import contents

COMMAND = [
    sys.executable, "-m", "negatives.cli", "mine", "cranfield", "--recipe", "default",
    "--set", "shard=8", "--quiet", "--threads", "1",
]  # fmt: skip


def start(out: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*COMMAND, "--out", str(out)], stdout=subprocess.DEVNULL)


def finished_files(out: Path) -> int:
    """How far a run has come: index, vectors and parts that lie under their final names."""
    return sum(1 for path in out.rglob("*") if path.is_file() and ".partial-" not in str(path))


@pytest.mark.slow
def test_killed_at_any_moment_and_run_again_a_run_ends_in_the_same_bytes(tmp_path: Path) -> None:
    assert start(tmp_path / "whole").wait() == 0
    out = tmp_path / "killed"
    killed = 0
    for files in (1, 4, 9, 14, 20, 30, 41, 42, 50, 60, 70, 74):
        process = start(out)
        while process.poll() is None and finished_files(out) < files:
            time.sleep(0.002)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            killed += 1
        assert process.wait() in (0, -signal.SIGKILL)
    assert killed >= 8
    assert start(out).wait() == 0
    assert contents(out) == contents(tmp_path / "whole")
    assert [path.name for path in out.rglob(".partial-*")] == []


def test_a_second_process_on_one_run_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with locked(out):
        refused = subprocess.run([*COMMAND, "--out", str(out)], capture_output=True, text=True)
    assert refused.returncode == 2
    assert "another process is working on this run" in refused.stderr
    assert str(os.getpid()) in refused.stderr


def test_an_unfinished_run_says_how_to_finish_it(tmp_path: Path) -> None:
    made = neg.mine("cranfield", tmp_path / "run", recipe="bm25")
    manifest = tmp_path / "run" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"status": "done"', '"status": "running"'))
    with pytest.raises(RunError, match="run the same mine command again"):
        neg.Run(made.path)
    assert len(neg.mine("cranfield", made.path, recipe="bm25").negatives) == len(made.negatives)


def test_changed_weights_under_the_same_name_do_not_finish_an_old_run(tmp_path: Path) -> None:
    made = neg.mine("cranfield", tmp_path / "run", recipe="ance-static")
    manifest = tmp_path / "run" / "manifest.json"
    other = manifest.read_text().replace('"status": "done"', '"status": "running"')
    before = made.manifest.facts["fingerprints"]["dense"]
    manifest.write_text(other.replace(before, "another-encoder"))
    with pytest.raises(RunError, match="fingerprints changed since this run was begun"):
        neg.mine("cranfield", made.path, recipe="ance-static")


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Path:
    """A real file system of 2 MB; skipped where one cannot be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("no permission to mount a small file system")
    return folder


@pytest.mark.slow
def test_a_full_disk_is_one_clear_error_and_nothing_is_half_written(tiny_disk: Path) -> None:
    try:
        with pytest.raises(DiskFull) as full:
            neg.mine("cranfield", tiny_disk / "run", recipe="default")
        assert "no space left on the disk" in str(full.value)
        assert "finished parts are kept" in str(full.value)
        assert full.value.exit_code == 1
        assert [path for path in tiny_disk.rglob(".partial-*") if path.is_file()] == []
        assert not (tiny_disk / "run" / "negatives.parquet").exists()
    finally:
        subprocess.run(["umount", "-l", str(tiny_disk)], check=False)


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(RunError, match="this is a file, not a folder"):
        neg.mine("cranfield", blocked, recipe="bm25")
    with pytest.raises(RunError, match="cannot write"):
        neg.mine("cranfield", blocked / "run", recipe="bm25")
