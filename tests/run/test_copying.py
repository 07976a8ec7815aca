"""Another policy beside the first: the run stays as it was, and the copy is a run of its own."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

import negatives as neg
from negatives.errors import NegativesError, RunError
from negatives.run import copying
from negatives.run.copying import copied
from negatives.run.reviews import REVIEWS
from negatives.store import lock
from negatives.tiny import collection
from tests.cli.commands import negatives


@pytest.fixture
def run(tmp_path: Path) -> neg.Run:
    sources = [neg.BM25(top=4)]
    return neg.mine(collection(), tmp_path / "run", sources=sources, pick=neg.Top(per_query=2))


def bytes_of(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_a_policy_tried_elsewhere_leaves_the_run_as_it_was(run: neg.Run, tmp_path: Path) -> None:
    (run.path / REVIEWS).write_text("")
    before = bytes_of(run.path)
    other = run.repick(neg.Top(per_query=1), out=tmp_path / "deep" / "one")
    assert bytes_of(run.path) == before
    assert (len(other.negatives), len(neg.Run(run.path).negatives)) == (3, 6)
    part = "candidates/part-00000.parquet"
    assert (other.path / part).samefile(run.path / part)  # the ledger takes its room once
    assert not (other.path / REVIEWS).samefile(run.path / REVIEWS)  # each adds verdicts to its own
    # What the copy becomes is what picking in place makes of the run.
    again = run.repick(neg.Top(per_query=1))
    names = ("negatives.parquet", part, "recipe.toml")
    assert [bytes_of(other.path)[name] for name in names] == [
        bytes_of(again.path)[name] for name in names
    ]
    told = negatives("diff", run.path, other.path, "--json").stdout
    assert json.loads(told)["negatives"]["only_first"] == 0


def test_a_file_system_without_links_and_a_copy_that_is_stopped(
    run: neg.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "link", refused)
    other = run.repick(neg.Top(per_query=1), out=tmp_path / "other")
    assert len(other.negatives) == 3
    monkeypatch.setattr(shutil, "copy2", stopped)
    with pytest.raises(KeyboardInterrupt):
        run.repick(neg.Top(per_query=1), out=tmp_path / "third")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "run"]


def test_a_pick_that_is_refused_leaves_no_copy_and_none_is_made_in_the_run(
    run: neg.Run, tmp_path: Path
) -> None:
    (tmp_path / "dead").symlink_to(tmp_path / "nowhere" / "deep")
    (run.path / "dangling").symlink_to(tmp_path / "nothing")
    for out, pick, said in (
        ("other", neg.Top(by="no_such_column"), "no_such_column"),
        ("run/inside", neg.Top(per_query=1), "not copied into its own folder"),
        ("dead", neg.Top(per_query=1), "a link to"),
    ):
        with pytest.raises(NegativesError, match=said):
            run.repick(pick, out=tmp_path / out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dead", "run"]
    assert len(run.repick(neg.Top(per_query=1), out=tmp_path / "other").negatives) == 3


def test_what_is_there_is_not_written_over(run: neg.Run, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "note.txt").write_text("mine")
    said = negatives("pick", run.path, "--out", tmp_path / "there")
    assert said.returncode == 2
    assert "something is there already" in said.stderr
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["note.txt"]


def test_a_run_that_may_only_be_read_is_copied_and_its_copy_may_be_written(
    run: neg.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run.path / REVIEWS).write_text("")
    paths = [run.path, *run.path.rglob("*")]
    for path in paths:
        path.chmod(path.stat().st_mode & ~0o222)
    # root may write wherever it likes, so that what the system says to others is said here
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) != run.path)
    try:
        before = {path.name for path in run.path.iterdir()}
        with monkeypatch.context() as patch:
            patch.setattr(lock, "_opened", lambda folder: pytest.fail(f"{folder} is written to"))
            out = copied(run, tmp_path / "other")
        assert {path.name for path in run.path.iterdir()} == before
        assert all(path.stat().st_mode & 0o200 for path in (out, *out.rglob("*")) if path.is_dir())
        assert (out / REVIEWS).stat().st_mode & 0o200
        other = neg.Run(out, collection=run.collection).repick(neg.Top(per_query=1))
        assert len(other.negatives) == 3
        monkeypatch.setattr(copying, "holder", lambda _: "17")
        with pytest.raises(
            RunError, match=r"another process is working on this run \(process 17\)"
        ):
            copied(run, tmp_path / "third")
    finally:
        for path in paths:
            path.chmod(path.stat().st_mode | 0o200)
