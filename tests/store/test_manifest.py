"""The manifest: a file is in a run once the manifest says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import polars as pl
import pytest

from negatives.errors import RunError
from negatives.store.atomic import file_hash
from negatives.store.facts import Counts, Facts, Inputs, Notes
from negatives.store.manifest import NAME, FileEntry, Manifest, read_manifest


def test_what_is_saved_is_read_back_the_same(tmp_path: Path) -> None:
    made = Manifest(
        versions={"negatives": "1"},
        inputs=Inputs(name="Größe", recipe={"find": [{"kind": "bm25", "k1": 1.2}]}),
        counts=Counts(queries=3),
        facts=Facts(tuning={"price": 0.5, "none": None}),
        cost={"calls": 2},
    )
    made.spend("find", rows=10, seconds=1.5, peak_mb=100.0)
    made.warn("careful")
    made.save(tmp_path)
    assert read_manifest(tmp_path) == made


def test_no_manifest_is_none(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"schema_version": 3, "counts": []}', b"\xff\xfe"]
)
def test_a_manifest_that_cannot_be_read_is_named_with_its_mend(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(RunError, match="the manifest cannot be read: ") as caught:
        read_manifest(tmp_path)
    assert caught.value.where == str(tmp_path / NAME)
    assert caught.value.fix == "run the same mine command with --overwrite: it makes the run anew"


def test_a_manifest_of_another_format_is_refused_and_not_guessed_at(tmp_path: Path) -> None:
    Manifest(schema_version=99).save(tmp_path)
    with pytest.raises(RunError) as caught:
        read_manifest(tmp_path)
    assert str(caught.value) == (
        "the run has format 99; this version of negatives reads 3\n"
        f"  where: {tmp_path / NAME}\n"
        "  fix:   use the version that made it, or run the same mine command with --overwrite: it "
        "makes the run anew"
    )


def test_a_file_of_somebody_else_s_called_manifest_is_no_run(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text('{"name": "my web app", "icons": []}')
    with pytest.raises(RunError, match="this is not the manifest of a run"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: setattr(m.counts, "queries", 4),
        lambda m: m.files["a.parquet"].__setattr__("rows", 5),
        lambda m: m.warnings.clear(),
        lambda m: setattr(m.facts, "reference", "bm25"),
        lambda m: setattr(m, "status", "done"),
    ],
)
def test_whatever_else_writes_into_a_manifest_is_found_out(
    tmp_path: Path, change: Callable[[Manifest], None]
) -> None:
    made = Manifest(counts=Counts(queries=3), warnings=["careful"])
    made.files["a.parquet"] = FileEntry(rows=1, size=1, hash="")
    made.save(tmp_path)
    change(made)
    (tmp_path / NAME).write_bytes(msgspec.json.encode(made))
    with pytest.raises(RunError, match="something else has changed it") as caught:
        read_manifest(tmp_path)
    assert caught.value.fix == "run the same mine command again: it makes the run anew"


def test_a_manifest_written_with_other_white_space_is_the_same(tmp_path: Path) -> None:
    Manifest(counts=Counts(queries=3), facts=Facts(reference_deviation=0.1)).save(tmp_path)
    path = tmp_path / NAME
    path.write_text(json.dumps(json.loads(path.read_text())))
    assert read_manifest(tmp_path) is not None


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "candidates/../../x", "", "C:\\x", "a\\b"])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    Manifest(files={name: FileEntry(rows=1, size=1, hash="")}).save(tmp_path)
    with pytest.raises(RunError, match="names a file that is not of this run"):
        read_manifest(tmp_path)


def test_a_finished_file_is_entered_with_its_rows_size_and_hash(tmp_path: Path) -> None:
    path = tmp_path / "candidates" / "part-00000.parquet"
    name = "candidates/part-00000.parquet"
    path.parent.mkdir()
    pl.DataFrame({"row": range(4)}).write_parquet(path)
    whole = path.read_bytes()
    manifest = Manifest()
    assert not manifest.holds(tmp_path, path)  # there, but not said to be finished
    manifest.enter(tmp_path, path, 4)
    assert manifest.files == {
        name: FileEntry(rows=4, size=path.stat().st_size, hash=file_hash(path))
    }
    assert manifest.holds(tmp_path, path)
    assert manifest.changed(tmp_path, name) == ""
    path.write_bytes(whole[:-1])
    assert manifest.missing(tmp_path, name) == (
        f"has {len(whole) - 1:,} bytes, and {len(whole):,} were written"
    )
    path.write_bytes(b"x" * len(whole))
    assert manifest.missing(tmp_path, name) == "is no table of 4 rows any more"
    path.write_bytes(whole[:4] + b"x" + whole[5:])
    assert manifest.missing(tmp_path, name) == ""  # it takes reading to see that
    assert manifest.changed(tmp_path, name) == "is not what was written: its bytes have changed"
    path.unlink()
    assert manifest.missing(tmp_path, name) == "is gone"
    path.mkdir()
    assert manifest.missing(tmp_path, name) == "is no file any more"


def test_a_link_that_leads_out_of_the_run_is_not_followed(tmp_path: Path) -> None:
    run, elsewhere = tmp_path / "run", tmp_path / "elsewhere.parquet"
    run.mkdir()
    path = run / "negatives.parquet"
    pl.DataFrame({"row": [1]}).write_parquet(path)
    manifest = Manifest()
    manifest.enter(run, path, 1)
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    assert manifest.missing(run, path.name) == "is a link that leads out of the run"
    (tmp_path / "link").symlink_to(run)  # the run itself may be a link
    path.unlink()
    elsewhere.rename(path)
    assert manifest.changed(tmp_path / "link", path.name) == ""


def test_what_a_stage_cost_adds_up_but_for_its_peak(tmp_path: Path) -> None:
    manifest = Manifest()
    manifest.spend("find", rows=10, seconds=1.0, peak_mb=50.0)
    manifest.spend("find", rows=5, seconds=0.25, peak_mb=40.0)
    entry = manifest.stages["find"]
    assert (entry.rows, entry.seconds, entry.peak_mb) == (15, 1.25, 50.0)


def test_a_warning_is_kept_once() -> None:
    manifest = Manifest()
    manifest.warn("careful")
    manifest.warn("careful")
    assert manifest.warnings == ["careful"]


def test_two_manifests_do_not_share_their_tables() -> None:
    Manifest().counts.queries = 1
    Manifest().notes.keep("read", {"texts": 3})
    assert Manifest() == Manifest(counts=Counts(), notes=Notes())


def test_it_is_json_that_a_person_can_read(tmp_path: Path) -> None:
    Manifest(counts=Counts(queries=3)).save(tmp_path)
    written = (tmp_path / NAME).read_text("utf-8")
    assert json.loads(written)["counts"] == {"queries": 3}
    assert '\n  "status": "running"' in written
