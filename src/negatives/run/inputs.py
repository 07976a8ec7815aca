"""What a run was made from: its collection, read again, and checked to be the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl
from msgspec.structs import asdict

from negatives.errors import DataError, RunError
from negatives.read import load
from negatives.schema import PAIR, WRITTEN, Collection
from negatives.store.facts import Inputs
from negatives.store.fingerprints import changes, fingerprints
from negatives.store.handed_over import fingerprint_of
from negatives.store.manifest import Manifest
from negatives.store.named_files import changed, image_files
from negatives.store.run import GENERATED_FILE, Run
from negatives.store.scratch import scratch_folder
from negatives.store.work_folder import differences

GENERATED_ID: Final = "gen:"
"""How the ids of documents begin that were written for a run."""


def collection_of(run: Run) -> Collection:
    """The collection the run was made from, and the documents that were written on the way.

    It is read and compared once, and stays with `run`.
    """
    collection = _made_from(run)
    if GENERATED_FILE not in run.manifest.files:
        return collection
    if run.whole is None:
        run.whole = with_generated(collection, run.generated)
    return run.whole


def refuse_other_images(run: Run) -> None:
    """Raise `RunError` where an image of the collection is another under its old name, or is gone.

    For who judges, learns or passes on what the run says of images: no table tells it, and all of
    them are read. A report, and people who look at a run, do with those that are left.
    """
    differing = changed(run.manifest.facts.named, image_files(_made_from(run)))
    if differing:
        raise RunError(
            "the data is not what the run was made from: "
            + ", ".join(f"{what} changed" for what in differing),
            where=str(run.path),
            fix="restore the images, or mine again with --overwrite",
        )


def data_of(manifest: Manifest) -> str:
    """The fingerprint of what `collection_of` gives, by which other processes know it."""
    made = manifest.files.get(GENERATED_FILE)
    return fingerprint_of(manifest.inputs, *([] if made is None else [made.hash]))


def with_generated(collection: Collection, table: pl.DataFrame) -> Collection:
    """The collection with the documents of a table of written ones (`GENERATED`)."""
    row = pl.int_range(pl.len(), dtype=pl.UInt32) + len(collection.corpus)
    new = table.select("doc_id", "text", row.cast(pl.UInt32).alias("row"))
    corpus = pl.concat([collection.corpus, new], how="diagonal").sort("doc_id")
    written = table.select(WRITTEN.keys()).sort(PAIR)
    return replace(collection, corpus=corpus, written=written)


def _made_from(run: Run) -> Collection:
    """The collection the run was made from."""
    found = run.at_hand or _read_again(run.path, run.manifest.inputs)
    if not run.compared:
        before, now = asdict(run.manifest.inputs), fingerprints(found)
        differing = differences(before, now)
        if differing:
            raise RunError(
                "the data is not what the run was made from: " + changes(differing, before, now),
                where=str(run.path),
                fix="restore the data, or mine again with --overwrite",
            )
        run.at_hand, run.compared = found, True
    return found


def _read_again(path: Path, inputs: Inputs) -> Collection:
    if not inputs.origin:
        raise RunError(
            "the run was made from a collection in memory, so its texts are not at hand",
            where=str(path),
            fix="open it with Run(path, collection=...), which takes what mine took",
        )
    try:
        if not inputs.quarantined:
            return load(inputs.origin, **inputs.read_with)
        with scratch_folder() as folder:
            aside = folder / "set-aside.jsonl"
            return load(inputs.origin, quarantine=aside, **inputs.read_with)
    except DataError as error:
        raise RunError(
            f"the data that the run was made from cannot be read any more: {error.what}",
            where=error.where,
            fix="restore the data, or mine again with another --out",
        ) from None
