"""A collection as files that other processes map: written once, by the process that has read it.

Tables are uncompressed Arrow files, so that a worker takes no memory for a corpus but for the pages
that it reads. What they were written from is said by the fingerprint in `collection.json`, which is
written last.
"""

from __future__ import annotations

import hashlib
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, get_type_hints

import msgspec
import polars as pl

from negatives.errors import WorkError
from negatives.faults import AGAIN
from negatives.schema import Collection
from negatives.store.atomic import write_text, writing
from negatives.store.facts import Inputs

_ABOUT: Final = "collection.json"


def fingerprint_of(inputs: Inputs, *more: str) -> str:
    """A hash of all that a run says it is made from, and of what else a collection holds."""
    return hashlib.blake2b(msgspec.json.encode((inputs, more)), digest_size=16).hexdigest()


def hand_over(collection: Collection, folder: Path, fingerprint: str) -> None:
    """Write the tables and all else of a collection into `folder`, unless they are there."""
    if _about(folder).get("fingerprint") == fingerprint:
        return
    about: dict[str, Any] = {"fingerprint": fingerprint}
    (folder / _ABOUT).unlink(missing_ok=True)  # of another collection, which is overwritten
    for each in fields(Collection):
        value = getattr(collection, each.name)
        if isinstance(value, pl.DataFrame):
            with writing(folder / f"{each.name}.arrow") as temporary:
                value.rechunk().write_ipc(temporary, compression="uncompressed")
        else:
            about[each.name] = value
    write_text(folder / _ABOUT, msgspec.json.encode(about).decode())


def taken_over(folder: Path, fingerprint: str) -> Collection:
    """The collection in `folder`, mapped; `WorkError` where it is not the one that was meant."""
    about = _about(folder)
    if about.get("fingerprint") != fingerprint:
        raise WorkError(
            "the collection that was written for the workers is not there",
            where=str(folder),
            fix=f"give a folder that all workers reach by the same path, and {AGAIN}",
        )
    types = get_type_hints(Collection)
    made: dict[str, Any] = {
        each.name: msgspec.convert(about[each.name], types[each.name])
        if each.name in about
        else pl.read_ipc(folder / f"{each.name}.arrow")
        for each in fields(Collection)
    }
    return Collection(**made)


def _about(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = msgspec.json.decode((folder / _ABOUT).read_bytes())
    except (OSError, msgspec.DecodeError):
        return {}
    return found
