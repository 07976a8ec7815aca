"""manifest.json: what a run directory holds. A file is in the run once the manifest says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from negatives.errors import RunError
from negatives.store.atomic import file_hash, writing

NAME = "manifest.json"
SCHEMA_VERSION = 1


class FileEntry(msgspec.Struct, kw_only=True):
    """A finished file: rows and hash of its bytes."""

    rows: int
    hash: str


class StageEntry(msgspec.Struct, kw_only=True):
    """What one stage cost: rows it made, seconds, peak memory of the process in MB at its end."""

    rows: int = 0
    seconds: float = 0.0
    peak_mb: float = 0.0


class Manifest(msgspec.Struct, kw_only=True):
    """The state of a run."""

    schema_version: int = SCHEMA_VERSION
    status: str = "running"
    versions: dict[str, str] = {}
    inputs: dict[str, Any] = {}
    counts: dict[str, int] = {}
    stages: dict[str, StageEntry] = {}
    files: dict[str, FileEntry] = {}
    facts: dict[str, Any] = {}
    notes: dict[str, Any] = {}
    warnings: list[str] = []
    cost: dict[str, int] = {}

    def enter(self, run: Path, path: Path, rows: int) -> None:
        """Record that `path` is finished; call `save` to make it so."""
        self.files[path.relative_to(run).as_posix()] = FileEntry(rows=rows, hash=file_hash(path))

    def holds(self, run: Path, path: Path) -> bool:
        """Whether `path` is a finished file of the run, still there."""
        return path.relative_to(run).as_posix() in self.files and path.is_file()

    def spend(self, stage: str, *, rows: int, seconds: float, peak_mb: float) -> None:
        """Add to what a stage cost."""
        entry = self.stages.setdefault(stage, StageEntry())
        entry.rows += rows
        entry.seconds = round(entry.seconds + seconds, 4)
        entry.peak_mb = round(max(entry.peak_mb, peak_mb), 1)

    def warn(self, text: str) -> None:
        """Keep a warning, once."""
        if text not in self.warnings:
            self.warnings.append(text)

    def save(self, run: Path) -> None:
        """Write the manifest atomically."""
        with writing(run / NAME) as temporary:
            temporary.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=2))


def read_manifest(run: Path) -> Manifest | None:
    """The manifest of a run directory; None where there is none."""
    path = run / NAME
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, OSError) as error:
        raise RunError(
            f"the manifest cannot be read: {error}",
            where=str(path),
            mend="start the run again with --overwrite",
        ) from None
    if manifest.schema_version != SCHEMA_VERSION:
        raise RunError(
            f"the run has format {manifest.schema_version}; this version of negatives reads "
            f"{SCHEMA_VERSION}",
            where=str(path),
            mend="use the version that made it, or start the run again with --overwrite",
        )
    return manifest
