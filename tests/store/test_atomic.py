"""Atomic files: whole or not at all, and a clear word when the system says no."""

from __future__ import annotations

import errno
import os
import subprocess
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from negatives.cli.app import run
from negatives.errors import DiskFull, InputError, RecipeError, RunError
from negatives.learn.base_models import Base
from negatives.store import atomic
from negatives.store.atomic import (
    TEMPORARY,
    explained,
    file_hash,
    remove_abandoned,
    remove_partial,
    write_text,
    writing,
    writing_folder,
)
from negatives.store.lock import locked
from negatives.store.replies import AboutReplies, open_replies


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_there_whole_with_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file.txt"
    write_text(path, "Größe")
    assert path.read_bytes() == "Größe".encode()
    assert names(path.parent) == ["file.txt"]


def test_until_it_is_whole_the_old_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")
    with writing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.parent == path.parent  # a rename, never a copy
    assert path.read_text() == "new"


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")

    def write_half() -> None:
        with writing(path) as temporary:
            temporary.write_text("half")
            raise InterruptedError

    with pytest.raises(InterruptedError):
        write_half()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]


def test_two_writers_of_one_file_do_not_share_a_temporary(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    with writing(path) as one, writing(path) as other:
        assert one != other
        one.write_text("one")
        other.write_text("other")
    assert path.read_text() == "one"  # the outer one ends last
    assert names(tmp_path) == ["file.txt"]


def test_what_killed_writers_left_is_removed_files_and_folders_alike(tmp_path: Path) -> None:
    deep = tmp_path / ".work" / "find-bm25"
    (deep / f"{TEMPORARY}index-1").mkdir(parents=True)
    (deep / f"{TEMPORARY}index-1" / "data.npy").write_text("half an index")
    (tmp_path / f"{TEMPORARY}abc-negatives.parquet").write_text("half")
    (tmp_path / "negatives.parquet").write_text("whole")
    remove_partial(tmp_path)
    assert names(deep) == []
    assert names(tmp_path) == [".work", "negatives.parquet"]


def test_a_file_where_a_folder_is_needed_is_an_error_of_the_run(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(RunError, match="cannot write") as caught:
        write_text(tmp_path / "taken" / "file.txt", "x")
    assert caught.value.where == str(tmp_path / "taken" / "file.txt")


def test_a_folder_where_a_file_is_needed_is_an_error_of_the_run(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(RunError, match="cannot write"):
        write_text(tmp_path / "taken", "x")
    assert names(tmp_path) == ["taken"]


@pytest.fixture
def locked_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that may not be written to; root gives its rights up for as long."""
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o500)
    before = os.geteuid()
    if before == 0:
        os.seteuid(65_534)
    yield folder
    os.seteuid(before)


def test_no_permission_is_an_error_of_the_run_with_its_mend(locked_folder: Path) -> None:
    path = locked_folder / "negatives.txt"
    with pytest.raises(RunError) as caught:
        write_text(path, "x")
    assert str(caught.value) == (
        f"no permission to write\n  where: {path}\n"
        "  fix:   choose another place, or change its permissions"
    )


def mounted(folder: Path, options: str) -> None:
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of 64 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        mounted(folder, "size=64k")
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)  # torch keeps a file that it failed


def write_table(path: Path) -> None:
    noise = np.random.default_rng(0).normal(size=100_000)
    pl.DataFrame({"x": noise}).write_parquet(path)


def sink_table(path: Path) -> None:
    noise = np.random.default_rng(0).normal(size=100_000)
    pl.LazyFrame({"x": noise}).sink_parquet(path)


def write_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.zeros(100_000))


def write_bytes(path: Path) -> None:
    path.write_bytes(b"x" * 1_000_000)


@pytest.mark.parametrize("write", [write_table, sink_table, write_array, write_bytes])
def test_a_full_disk_is_one_clear_error_and_nothing_half_written(
    small_disk: Path, write: object
) -> None:
    assert callable(write)
    write_text(small_disk / "finished.txt", "kept")
    with pytest.raises(DiskFull) as caught, writing(small_disk / "part") as temporary:
        write(temporary)
    assert str(caught.value) == (
        f"no space left on the disk\n  where: {small_disk / 'part'}\n"
        "  fix:   free some space and run the same command again: finished parts are kept"
    )
    assert names(small_disk) == ["finished.txt"]


@pytest.mark.parametrize("write", [write_table, write_bytes])
def test_a_cache_whose_disk_is_full_is_told_how_to_move(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None]
) -> None:
    monkeypatch.setenv("NEGATIVES_CACHE", str(small_disk))
    where = small_disk / "embeddings" / "part"
    with pytest.raises(DiskFull) as caught, writing(where) as temporary:
        write(temporary)
    assert str(caught.value) == (
        f"no space left on the disk\n  where: {where}\n"
        "  fix:   free some space, or set NEGATIVES_CACHE to a folder on another disk, and run the "
        "same command again: finished parts are kept"
    )


def test_replies_of_a_cache_whose_disk_is_full_are_told_how_to_move(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEGATIVES_CACHE", str(small_disk))

    def keep(number: int) -> None:
        about = AboutReplies(model="m", prompt="p", hash="h")
        with open_replies(tmp_path, about) as replies:
            replies.add(number.to_bytes(16, "big"), b"x" * 10_000)

    with pytest.raises(DiskFull, match="or set NEGATIVES_CACHE to a folder") as caught:
        deque(map(keep, range(1000)), 0)
    assert caught.value.where.startswith(str(small_disk))


def test_what_another_has_written_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"

    def write_at_once() -> None:
        with writing(path, new=True) as mine:
            mine.write_text("mine")
            with writing(path, new=True) as theirs:
                theirs.write_text("theirs")

    with pytest.raises(InputError) as caught:
        write_at_once()
    assert caught.value.what == "another process has written this file meanwhile"
    assert caught.value.where == str(path)
    assert (path.read_text(), names(tmp_path)) == ("theirs", ["sample.csv"])


def lock(folder: Path) -> None:
    with locked(folder):
        pass


def save_model(folder: Path) -> None:
    Base("", _Weights(), None, None).save(folder)


@pytest.mark.parametrize("write", [lock, save_model])
def test_a_full_disk_is_named_by_what_writes_without_a_name_of_its_own(
    small_disk: Path, write: Callable[[Path], None]
) -> None:
    with suppress(OSError), (small_disk / "filling").open("wb", buffering=0) as file:
        while file.write(b"x" * 4096):
            pass
    with pytest.raises(DiskFull) as caught:
        write(small_disk)
    assert caught.value.where.startswith(str(small_disk))


class _Weights:
    """What a library writes, whose errors name no file."""

    def save_pretrained(self, folder: str, create_model_card: bool) -> None:
        with (Path(folder) / "weights").open("wb") as file:
            file.write(b"x" * 100_000)


@pytest.mark.slow
def test_a_disk_that_a_checkpoint_fills_is_full_as_well(small_disk: Path) -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(DiskFull) as caught, explained(small_disk / "optimizer.pt"):
        torch.save(torch.zeros(100_000), small_disk / "optimizer.pt")
    assert caught.value.what == "no space left on the disk"


@pytest.mark.parametrize("command", [
    ("evaluate", "bm25", "cranfield", "--save-run", "PLACE"),
    ("evaluate", "bm25", "cranfield", "--per-query", "PLACE"),
    ("report", "RUN", "--against", "OTHER", "-o", "PLACE"),
    ("data", "describe", "cranfield", "--quarantine", "PLACE"),
])  # fmt: skip
def test_a_pipe_is_not_replaced_by_a_file(
    tmp_path: Path, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "pipe.csv"  # as /dev/null is, or what the shell makes of >(...)
    os.mkfifo(place)
    assert run([str(place) if word == "PLACE" else word for word in command]) == 2
    assert place.is_fifo()
    told = capsys.readouterr().err
    assert str(place) in told
    assert "fix:" in told


def test_a_read_only_disk_is_not_written_to(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(RunError) as caught:
        write_text(small_disk / "file.txt", "x")
    assert caught.value.what == "no permission to write: the file system is read-only"


def test_an_exceeded_quota_is_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(DiskFull), explained(tmp_path / "file"):
        raise OSError(errno.EDQUOT, "Disk quota exceeded")


def test_errors_of_this_library_pass_unchanged(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="mine"), explained(tmp_path / "file"):
        raise RecipeError("mine")


def test_other_errors_pass_unchanged(tmp_path: Path) -> None:
    with pytest.raises(KeyError), explained(tmp_path / "file"):
        raise KeyError("unknown")


def test_a_hash_is_that_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"")
    assert file_hash(path) == "cae66941d9efbd404e4d88758ea67670"  # BLAKE2b-128 of nothing
    path.write_bytes(b"x" * 3_000_000)
    first = file_hash(path)
    path.write_bytes(b"x" * 2_999_999 + b"y")
    assert file_hash(path) != first


def test_a_large_file_is_hashed_again_only_when_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, read = tmp_path / "vectors.npy", list[Path]()
    hashed = atomic._hashed

    def counted(path: Path) -> str:
        read.append(path)
        return hashed(path)

    monkeypatch.setattr(atomic, "_LARGE", 4)
    monkeypatch.setattr(atomic, "_hashed", counted)
    path.write_bytes(b"abcd")
    before = file_hash(path)
    assert (file_hash(path), len(read)) == (before, 1)
    path.write_bytes(b"abce")
    os.utime(path, ns=(0, 1))
    assert file_hash(path) == hashed(path) != before
    path.write_bytes(b"abc")  # so small that its times may not tell
    for _ in range(2):
        assert file_hash(path) == hashed(path)
    assert len(read) == 4


def test_what_a_killed_writer_left_goes_and_what_another_writes_stays(tmp_path: Path) -> None:
    out = tmp_path / "out[1].jsonl"
    abandoned = [
        tmp_path / f"{TEMPORARY}0-out[1].jsonl",
        tmp_path / f"{TEMPORARY}1-out[1].jsonl",
    ]
    abandoned[0].write_text("half")
    abandoned[1].mkdir()
    (abandoned[1] / "part").write_text("half")
    other = tmp_path / f"{TEMPORARY}0-other.jsonl"
    other.write_text("of another file")
    with writing(out) as temporary:
        remove_abandoned(out)
        assert sorted(tmp_path.iterdir()) == sorted([temporary, other])
        temporary.write_text("whole")
    assert out.read_text() == "whole"


def test_what_is_taken_for_abandoned_before_it_is_held_is_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")
    hold, held = fcntl.flock, list[int]()

    def late(descriptor: int, how: int) -> None:
        if not held:  # another process looks around in between
            for path in tmp_path.iterdir():
                path.unlink()
        held.append(descriptor)
        hold(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", late)
    write_text(tmp_path / "file.txt", "whole")
    assert len(held) == 2
    assert names(tmp_path) == ["file.txt"]
    assert (tmp_path / "file.txt").read_text() == "whole"


def test_a_folder_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    with suppress(ZeroDivisionError), writing_folder(tmp_path / "out") as temporary:
        (temporary / "half").write_text("half")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    with writing_folder(tmp_path / "out") as temporary:
        remove_abandoned(tmp_path / "out")
        (temporary / "whole").write_text("whole")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["whole"]
