"""Runs that are killed, locked out, or run out of disk."""

from __future__ import annotations

import math
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

import negatives as neg
from negatives.errors import DiskFull, RunError
from negatives.store.lock import locked
from negatives.store.manifest import RUNNING, Manifest, read_manifest
from tests.killing import kill_when, start_python
from tests.run.test_mine import contents

COMMAND = [
    sys.executable, "-m", "negatives.cli", "mine", "cranfield", "--recipe", "default",
    "--set", "shard=8", "--quiet", "--threads", "1",
]  # fmt: skip


RUN = """
import sys, time
import negatives as neg
from negatives.events import Progress
from negatives.models import embedding
from negatives.recipe import load_recipe
from negatives.recipe_changes import override
from negatives.search import postings
postings._SMALL = 0  # so that the index is built by other processes too
embedding.CHUNK_TEXTS = 100
def hear(stage):
    print(f"{stage}\\t{time.monotonic()}", flush=True)
    if stage == "encode":  # so brief otherwise that a busy machine kills too late for it
        time.sleep(0.03)
hear("index")
neg.mine("cranfield", sys.argv[1], recipe=override(load_recipe("default"), ["shard=25"]), threads=2,
         emit=lambda event: hear(event.stage.split()[0]) if isinstance(event, Progress) else None)
hear("end")
"""

KILLS = {"index": 1, "encode": 2, "find": 2, "judge": 2, "end": 0}
"""Of each phase; the one that begins with judging picks and writes too."""


def heard(log: Path) -> dict[str, float]:
    """The phases that a run has begun, and when."""
    begun: dict[str, float] = {}
    for line in log.read_text().splitlines() if log.exists() else []:
        stage, tab, moment = line.partition("\t")
        if tab and stage in KILLS:
            begun.setdefault(stage, float(moment or "inf"))
    return begun


@pytest.mark.slow
def test_killed_in_every_phase_again_and_again_a_run_ends_in_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begin(name: str) -> subprocess.Popen[bytes]:
        monkeypatch.setenv("NEGATIVES_CACHE", str(tmp_path / f"cache-{name}"))
        (tmp_path / f"{name}.log").unlink(missing_ok=True)
        return start_python(RUN, tmp_path / name, log=tmp_path / f"{name}.log")

    assert begin("whole").wait() == 0
    begun = heard(tmp_path / "whole.log")
    chance, log = random.Random(0), tmp_path / "killed.log"
    killed: Counter[str] = Counter()
    for place, (phase, following) in enumerate(pairwise(KILLS)):
        # What is finished stays so: a phase is gone through by steps of a few kills.
        step = (begun[following] - begun[phase]) / KILLS[phase]
        for _ in range(KILLS[phase]):
            delay = chance.uniform(0, step)

            def moment(wanted: Sequence[str] = tuple(KILLS)[place:], delay: float = delay) -> bool:
                begun = heard(log)
                return time.monotonic() > delay + min(begun.get(w, math.inf) for w in wanted)

            if kill_when(begin("killed"), moment):
                killed[list(heard(log))[-1]] += 1
    assert killed.total() >= 5
    assert all(killed[phase] >= 1 for phase in ("encode", "find", "judge")), killed
    assert begin("killed").wait() == 0
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    assert [path.name for path in (tmp_path / "killed").rglob(".partial-*")] == []


@pytest.mark.slow
def test_a_second_process_on_one_run_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with locked(out):
        refused = subprocess.run([*COMMAND, "--out", str(out)], capture_output=True, text=True)
    assert refused.returncode == 2
    assert "another process is working on this run" in refused.stderr
    assert str(os.getpid()) in refused.stderr


def interrupted(run: Path) -> Manifest:
    """As if the ledger of a finished run was not whole."""
    manifest = read_manifest(run)
    assert manifest is not None
    manifest.status = RUNNING
    manifest.save(run)
    return manifest


@pytest.mark.slow
def test_an_unfinished_run_says_how_to_finish_it(tmp_path: Path) -> None:
    made = neg.mine("cranfield", tmp_path / "run", recipe="bm25")
    interrupted(made.path)
    with pytest.raises(RunError, match="the run is unfinished") as caught:
        neg.Run(made.path)
    assert caught.value.fix == (
        f"negatives mine cranfield --recipe {made.path}/recipe.toml --out {made.path}   finishes it"
    )
    assert len(neg.mine("cranfield", made.path, recipe="bm25").negatives) == len(made.negatives)


@pytest.mark.slow
def test_changed_weights_under_the_same_name_do_not_finish_an_old_run(tmp_path: Path) -> None:
    made = neg.mine("cranfield", tmp_path / "run", recipe="ance-static")
    manifest = interrupted(made.path)
    manifest.facts.fingerprints["dense"] = "another-encoder"
    manifest.save(made.path)
    with pytest.raises(RunError, match=r"what .* reads, or how, has changed since this run"):
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
