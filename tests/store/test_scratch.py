"""Folders for temporary files: gone afterwards, by the next one where their process was killed."""

from __future__ import annotations

import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from negatives.errors import RunError
from negatives.store.scratch import scratch_folder

HOLDING = """
from negatives.store.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "run").mkdir()
    (folder / "run" / "part").write_text("half")
    print(folder, flush=True)
    input()
"""

INTERRUPTED = """
import shutil
from negatives.store.scratch import scratch_folder
remove = shutil.rmtree
def interrupted(*_, **__):
    shutil.rmtree = remove
    raise KeyboardInterrupt
shutil.rmtree = interrupted
with scratch_folder() as folder:
    (folder / "file").touch()
"""


@pytest.fixture(autouse=True)
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the system has temporary files, here and in processes that are started."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_it_is_empty_and_nobody_elses_and_gone_whatever_ends_the_work(system: Path) -> None:
    for end in (None, ValueError, KeyboardInterrupt):
        try:
            with scratch_folder() as folder, scratch_folder() as other:
                assert folder != other
                assert folder.parent == system
                assert stat.S_IMODE(folder.stat().st_mode) == 0o700
                assert not any(folder.iterdir())
                (folder / "below").mkdir()
                (folder / "below" / "file").touch()
                if end:
                    raise end
        except (ValueError, KeyboardInterrupt):
            assert end
        assert not any(system.iterdir())


def test_an_interruption_while_it_is_removed_leaves_nothing_either(system: Path) -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, check=False)
    assert b"KeyboardInterrupt" in done.stderr
    assert not any(system.iterdir())


def test_the_next_one_removes_those_of_killed_processes_and_no_others(system: Path) -> None:
    foreign = system / "negatives-of-mine"
    foreign.mkdir()
    command = [sys.executable, "-c", HOLDING]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        theirs = Path(process.stdout.readline().decode().strip())
        with scratch_folder() as ours:
            assert {*system.iterdir()} == {foreign, theirs, ours}
        assert (theirs / "run" / "part").is_file(), "its process is at work"
        process.kill()
        process.wait()
        assert theirs.is_dir()
    with scratch_folder() as ours:
        assert {*system.iterdir()} == {foreign, ours}


def test_where_none_can_be_made_the_place_is_named(
    system: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(system / "gone"))
    with pytest.raises(RunError) as error, scratch_folder():
        pass
    assert str(system / "gone") in error.value.where
