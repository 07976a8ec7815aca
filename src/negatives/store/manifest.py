"""manifest.json: what a run directory holds. A file is in the run once the manifest says so.

Nothing in a folder is believed because it lies there. Every file is entered with its size, rows and
hash, and the manifest ends with a hash of itself; what does not agree with them is not read.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Final

import msgspec
import polars as pl

from negatives.errors import RunError
from negatives.faults import raise_spent
from negatives.store.atomic import file_hash, write_json
from negatives.store.facts import Counts, Facts, Inputs, Notes

NAME = "manifest.json"
SCHEMA_VERSION = 3

RUNNING: Final = "running"
"""The ledger is not whole."""
PICKING: Final = "picking"
"""The ledger is whole; what is picked from it is not."""
REPORTING: Final = "reporting"
"""Only the report is missing."""
DONE: Final = "done"
"""Everything is there."""

ANEW: Final = "run the same mine command with --overwrite: it makes the run anew"


class FileEntry(msgspec.Struct, kw_only=True):
    """A finished file: rows of a table, size in bytes, and hash of its bytes."""

    rows: int
    size: int
    hash: str


class StageEntry(msgspec.Struct, kw_only=True):
    """What one stage cost: rows it made, seconds, peak memory of the process in MB at its end."""

    rows: int = 0
    seconds: float = 0.0
    peak_mb: float = 0.0


class Manifest(msgspec.Struct, kw_only=True):
    """The state of a run. `hash` is that of everything else in it."""

    schema_version: int = SCHEMA_VERSION
    status: str = RUNNING
    versions: dict[str, str] = {}
    inputs: Inputs = msgspec.field(default_factory=Inputs)
    counts: Counts = msgspec.field(default_factory=Counts)
    stages: dict[str, StageEntry] = {}
    files: dict[str, FileEntry] = {}
    facts: Facts = msgspec.field(default_factory=Facts)
    notes: Notes = msgspec.field(default_factory=Notes)
    warnings: list[str] = []
    cost: dict[str, int | float] = {}
    hash: str = ""

    def enter(self, run: Path, path: Path, rows: int) -> None:
        """Record that `path` is finished; call `save` to make it so."""
        self.files[path.relative_to(run).as_posix()] = FileEntry(
            rows=rows, size=path.stat().st_size, hash=file_hash(path)
        )

    def missing(self, run: Path, name: str) -> str:
        """Why the file called `name` is not the one that was entered, without reading it whole.

        Looks at where it is, its size, and the rows of a table. Empty where nothing is wrong.
        """
        path, entry = run / name, self.files[name]
        if not path.exists():
            return "is gone"
        if not path.resolve().is_relative_to(run.resolve()):
            return "is a link that leads out of the run"
        if not path.is_file():
            return "is no file any more"
        if not os.access(path, os.R_OK):
            return "cannot be read: permission denied"
        size = path.stat().st_size
        if size != entry.size:
            return f"has {size:,} bytes, and {entry.size:,} were written"
        if path.suffix == ".parquet" and table_rows(path) != entry.rows:
            return f"is no table of {entry.rows:,} rows any more"
        return ""

    def changed(self, run: Path, name: str) -> str:
        """Why the file called `name` is not the one that was entered, byte for byte."""
        if problem := self.missing(run, name):
            return problem
        differs = file_hash(run / name) != self.files[name].hash
        return "is not what was written: its bytes have changed" if differs else ""

    def holds(self, run: Path, path: Path) -> bool:
        """Whether `path` is a finished file of the run, still there."""
        name = path.relative_to(run).as_posix()
        return name in self.files and not self.missing(run, name)

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
        self.hash = self.digest()
        write_json(run / NAME, self)

    def digest(self) -> str:
        """Blake2b-128 of everything but `hash`; white space does not matter."""
        rest = msgspec.structs.replace(self, hash="")
        return hashlib.blake2b(msgspec.json.encode(rest), digest_size=16).hexdigest()


class _Head(msgspec.Struct):
    """What is read first, for another version's manifest may have other fields."""

    schema_version: int | None = None


def read_manifest(run: Path) -> Manifest | None:
    """The manifest of a run directory, as it was saved; None where there is none."""
    manifest = decode_manifest(run)
    if manifest is not None and manifest.hash != manifest.digest():
        raise RunError(
            "the manifest is not as this run has written it: something else has changed it",
            where=str(run / NAME),
            fix="run the same mine command again: it makes the run anew",
        )
    return manifest


def decode_manifest(run: Path) -> Manifest | None:
    """The manifest of a run directory, even if something else has changed it."""
    path = run / NAME
    try:
        if run.exists() and not run.is_dir():
            raise RunError("this is a file, not a run", where=str(run), fix="name a run directory")
        if path.exists() and not path.is_file():
            raise RunError("the manifest is no regular file", where=str(path), fix=ANEW)
        manifest = _decoded(path.read_bytes(), path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RunError(
            f"the manifest cannot be read: {error.strerror}",
            where=str(path),
            fix="check that the folder can be read",
        ) from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RunError(f"the manifest cannot be read: {error}", where=str(path), fix=ANEW) from None
    for name in manifest.files:
        if _leads_out(name):
            raise RunError(
                f"the manifest names a file that is not of this run: {name!r}",
                where=str(path),
                fix=ANEW,
            )
    return manifest


def _decoded(data: bytes, path: Path) -> Manifest:
    """The manifest in these bytes; `RunError` where they are of another format."""
    version = msgspec.json.decode(data, type=_Head).schema_version
    if version is None:
        raise RunError(
            "this is not the manifest of a run", where=str(path), fix="name a run directory"
        )
    if version != SCHEMA_VERSION:
        raise RunError(
            f"the run has format {version}; this version of negatives reads {SCHEMA_VERSION}",
            where=str(path),
            fix=f"use the version that made it, or {ANEW}",
        )
    return msgspec.json.decode(data, type=Manifest)


def table_rows(path: Path) -> int | None:
    """Rows of a table by its footer; None where there is no whole table."""
    try:
        return int(pl.scan_parquet(path, glob=False).select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise_spent(error)
        return None


def _leads_out(name: str) -> bool:
    """Whether a name in the manifest is not that of a file in or below the run's folder."""
    pure = PurePosixPath(name)
    absolute = pure.is_absolute() or PureWindowsPath(name).anchor != ""
    return absolute or ".." in pure.parts or "\\" in name or "\0" in name or not pure.name
