"""What a run was made from: its collection, read again, and checked to be the same."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from negatives.errors import DataError, RunError
from negatives.read import load
from negatives.schema import Collection
from negatives.store.fingerprints import fingerprints
from negatives.store.run import Run, differences


def collection_of(run: Run) -> Collection:
    """The collection the run was made from; it is read and compared once, and stays with `run`."""
    found = run.at_hand or _read_again(run.path, run.manifest.inputs)
    if not run.compared:
        differing = differences(run.manifest.inputs, fingerprints(found))
        if differing:
            raise RunError(
                f"the data is not what the run was made from: {', '.join(differing)} changed",
                where=str(run.path),
                mend="restore the data, or mine again with --overwrite",
            )
        run.at_hand, run.compared = found, True
    return found


def _read_again(path: Path, inputs: Mapping[str, Any]) -> Collection:
    origin = inputs.get("origin")
    if not origin:
        raise RunError(
            "the run was made from a collection in memory, so its texts are not at hand",
            where=str(path),
            mend="open it with Run(path, collection=...)",
        )
    corpus = inputs.get("beside") or None
    try:
        if not inputs.get("quarantined"):
            return load(origin, corpus=corpus)
        with tempfile.TemporaryDirectory() as folder:
            return load(origin, quarantine=Path(folder) / "set-aside.jsonl", corpus=corpus)
    except DataError as error:
        raise RunError(
            f"the data that the run was made from cannot be read any more: {error.what}",
            where=error.where,
            mend="restore the data, or mine again with another --out",
        ) from None
