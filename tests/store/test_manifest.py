"""The manifest: a file is in a run once the manifest says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from negatives.errors import RunError
from negatives.store.atomic import file_hash
from negatives.store.manifest import NAME, FileEntry, Manifest, read_manifest


def test_what_is_saved_is_read_back_the_same(tmp_path: Path) -> None:
    made = Manifest(
        versions={"negatives": "1"},
        inputs={"name": "Größe", "recipe": {"find": [{"kind": "bm25", "k1": 1.2}]}},
        counts={"queries": 3},
        facts={"shortfall": []},
        cost={"calls": 2},
    )
    made.spend("find", rows=10, seconds=1.5, peak_mb=100.0)
    made.warn("careful")
    made.save(tmp_path)
    assert read_manifest(tmp_path) == made


def test_no_manifest_is_none(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) is None


@pytest.mark.parametrize("content", [b"", b"{", b'{"counts": []}', b"\xff\xfe"])
def test_a_manifest_that_cannot_be_read_is_named_with_its_mend(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(RunError, match="the manifest cannot be read: ") as caught:
        read_manifest(tmp_path)
    assert caught.value.where == str(tmp_path / NAME)
    assert caught.value.mend == "start the run again with --overwrite"


def test_a_manifest_of_another_format_is_refused_and_not_guessed_at(tmp_path: Path) -> None:
    Manifest(schema_version=99).save(tmp_path)
    with pytest.raises(RunError) as caught:
        read_manifest(tmp_path)
    assert str(caught.value) == (
        "the run has format 99; this version of negatives reads 1\n"
        f"  where: {tmp_path / NAME}\n"
        "  mend:  use the version that made it, or start the run again with --overwrite"
    )


def test_a_finished_file_is_entered_with_its_rows_and_hash(tmp_path: Path) -> None:
    path = tmp_path / "candidates" / "part-00000.parquet"
    path.parent.mkdir()
    path.write_bytes(b"rows")
    manifest = Manifest()
    assert not manifest.holds(tmp_path, path)  # there, but not said to be finished
    manifest.enter(tmp_path, path, 4)
    assert manifest.files == {
        "candidates/part-00000.parquet": FileEntry(rows=4, hash=file_hash(path))
    }
    assert manifest.holds(tmp_path, path)
    path.unlink()
    assert not manifest.holds(tmp_path, path)  # said to be finished, but gone


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
    Manifest().counts["queries"] = 1
    assert Manifest().counts == {}


def test_it_is_json_that_a_person_can_read(tmp_path: Path) -> None:
    Manifest(counts={"queries": 3}).save(tmp_path)
    written = (tmp_path / NAME).read_text("utf-8")
    assert json.loads(written)["counts"] == {"queries": 3}
    assert '\n  "status": "running"' in written
