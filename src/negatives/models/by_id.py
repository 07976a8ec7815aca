"""Vectors that were learned by id: an encoder that reads no text, and looks ids up.

A folder of them holds `factors.json` (how they are compared), `ids.parquet` (side, id: the rows of
the tables, in order) and `model.safetensors`, with the tables `queries` and `docs`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

import msgspec
import numpy as np
import polars as pl

from negatives.arrays import Floats
from negatives.bounded import read_small
from negatives.errors import DataError
from negatives.models.encoder import Encoded
from negatives.read.frames import parquet_schema
from negatives.schema import Side
from negatives.store.atomic import file_hash, write_json, writing
from negatives.store.headers import read_tensors

ABOUT: Final = "factors.json"
IDS: Final = "ids.parquet"
TABLES: Final = "model.safetensors"
SIDES: Final[tuple[Side, Side]] = ("queries", "docs")
FIRST: Final = 5
_LARGEST: Final = 1 << 16


class Factors(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What `factors.json` says: `dim` numbers of a row are its vector, the rest is the loss's."""

    dim: int
    similarity: Literal["cosine", "dot"]
    parts: int = 1


def names_ids(spec: str) -> bool:
    """Whether an encoder's name is that of a folder of vectors by id."""
    return (Path(spec) / ABOUT).is_file()


def read_about(folder: Path) -> Factors:
    """What the folder says of its vectors; `DataError` where that cannot be read."""
    path = folder / ABOUT
    try:
        return msgspec.json.decode(read_small(path, _LARGEST).encode(), type=Factors)
    except msgspec.MsgspecError as error:
        raise DataError(f"no vectors by id: {error}", where=str(path), fix=_AGAIN) from None


_AGAIN: Final = "train again, or copy the folder anew"


def read_ids(folder: Path) -> dict[Side, pl.Series]:
    """The ids of each side, in the order of its table."""
    path = folder / IDS
    if dict(parquet_schema(path)) != {"side": pl.String, "id": pl.String}:
        raise DataError("no table of a side and an id in each row", where=str(path), fix=_AGAIN)
    table = pl.read_parquet(path, glob=False)
    return {side: table.filter(pl.col("side") == side)["id"] for side in SIDES}


def write_ids(folder: Path, ids: dict[Side, pl.Series]) -> None:
    """Write the ids of each side."""
    parts = [pl.DataFrame({"side": [side] * len(ids[side]), "id": ids[side]}) for side in SIDES]
    with writing(folder / IDS) as temporary:
        pl.concat(parts).write_parquet(temporary)


def write_about(folder: Path, about: Factors) -> None:
    """Write what is said of the vectors."""
    write_json(folder / ABOUT, msgspec.to_builtins(about))


@dataclass(frozen=True)
class IdTable:
    """One side's vectors, by id: an encoder whose texts are ids."""

    folder: str
    side: Side
    ids: pl.Series
    vectors: Floats
    fingerprint: str

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return int(self.vectors.shape[1])

    @cached_property
    def _rows(self) -> pl.DataFrame:
        return pl.DataFrame({"id": self.ids}).with_row_index("row")

    def knows(self, ids: pl.Series) -> pl.Series:
        """bool[n]: whether there is a vector of each id."""
        return ids.is_in(self.ids.implode())

    def of(self, ids: pl.Series) -> Floats:
        """float32[n, dim]; `DataError` listing the first ids that have no vector."""
        asked = pl.DataFrame({"id": ids})
        rows = asked.join(self._rows, on="id", how="left", maintain_order="left")["row"]
        missing = ids.filter(rows.is_null())
        if len(missing):
            listed = ", ".join(map(repr, missing[:FIRST]))
            raise DataError(
                f"{len(missing):,} of {len(ids):,} {self.side} have no vector, for the model was "
                f"trained without them: {listed}",
                where=self.folder,
                fix="train on data that has them, such as a folder whose train and test files "
                "share their items; or leave them out of this",
            )
        return np.ascontiguousarray(self.vectors[rows.to_numpy()])

    def encode(self, texts: Sequence[str]) -> Encoded:
        """float32[ids, dim]: the vector of each id."""
        made = self.of(pl.Series(texts, dtype=pl.String))
        return Encoded(made, np.zeros(len(made), np.bool_))


class IdEncoder:
    """A folder of vectors by id, opened.

    >>> from negatives.models.by_id import IdEncoder
    >>> IdEncoder.by_id
    True
    """

    by_id: Final = True
    """What it reads is ids, and no texts."""

    def __init__(self, folder: str | Path) -> None:
        path = Path(folder)
        about, ids = read_about(path), read_ids(path)
        tensors = read_tensors(path / TABLES)
        self.similarity = about.similarity
        self.dim = about.dim
        said = hashlib.blake2b(digest_size=16)
        for name in (ABOUT, IDS, TABLES):
            said.update(file_hash(path / name).encode())
        self.fingerprint = f"by-id-{said.hexdigest()}"
        made = []
        for side in SIDES:
            table = tensors.get(side)
            wide = about.dim * about.parts
            if table is None or table.dtype != "F32" or table.shape != (len(ids[side]), wide):
                held = "none" if table is None else f"{table.dtype} {list(table.shape)}"
                raise DataError(
                    f"no table of {len(ids[side]):,} {side} and {wide} numbers each: {held}",
                    where=str(path / TABLES),
                    fix=_AGAIN,
                )
            whole = np.memmap(path / TABLES, "<f4", "r", table.begin, table.shape)
            vectors: Floats = whole[:, : about.dim]
            made.append(IdTable(str(folder), side, ids[side], vectors, self.fingerprint))
        self.sides = (made[0], made[1])

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Refused: which of the two tables is meant cannot be told."""
        raise DataError(
            "vectors by id are of queries or of documents, and it was not said of which",
            where=self.sides[0].folder,
            fix="take encoder.sides, which has a table for each",
        )
