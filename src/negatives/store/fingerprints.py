"""What a run was made from, as hashes of declared values."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final

import polars as pl

from negatives.errors import DataError
from negatives.schema import Collection

_BLOCK = 8192
_AT_ONCE = 1024  # texts of a block that are put together at one time


def fingerprints(collection: Collection) -> dict[str, str]:
    """Table -> blake2b-128 of its ids, texts and judgements; of fields where there are any."""
    made = {
        "split": collection.split,
        "corpus": table_hash(_told_by(collection.corpus)),
        **label_fingerprints(collection),
        "given": table_hash(collection.given),
    }
    made["identity"] = "id" if collection.identity == "id" else ""
    for name, frame in (("corpus", collection.corpus), ("query", collection.queries)):
        fields = sorted({*frame.columns} - {"doc_id", "query_id", "text", "row"})
        told = f"{', '.join(fields)}: {table_hash(frame.select(fields))}" if fields else ""
        made[f"{name}_fields"] = told
    return made


def label_fingerprints(collection: Collection) -> dict[str, str]:
    """The same of the queries and the judgements alone: what a model is trained with, or judged by.

    Of items by ids two splits may well have the same queries.
    """
    return {
        "queries": table_hash(_told_by(collection.queries)),
        "qrels": table_hash(collection.qrels),
    }


_CALLED: Final = {"corpus_fields": "fields of the corpus", "query_fields": "fields of the queries"}


def table_called(name: str) -> str:
    """What a name that `fingerprints` gives is called in messages."""
    return _CALLED.get(name, name)


def changes(differing: Iterable[str], before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What is not as it was, in words; of fields whether one is gone, such as that of images."""
    told = []
    for name in differing:
        had, has = ({*said[name].split(": ")[0].split(", ")} - {""} for said in (before, now))
        gone = ", ".join(sorted(had - has)) if name in _CALLED else ""
        side = "documents" if name == "corpus_fields" else "queries"
        told.append(
            f"the {side} have no {gone} any more" if gone else f"{table_called(name)} changed"
        )
    return ", ".join(told)


def refuse_unlabelled(collection: Collection) -> None:
    """Raise `DataError` where no query has a positive: nothing can be mined, or learnt, from it."""
    if len(collection.mined_queries) == 0:
        raise DataError(
            "no query has a positive",
            where=collection.origin or collection.name,
            fix="add judgements above 0, or name another split",
        )


def _told_by(frame: pl.DataFrame) -> pl.DataFrame:
    """The ids, and the texts where there are some."""
    return frame.select(name for name in ("doc_id", "query_id", "text") if name in frame.columns)


def table_hash(table: pl.DataFrame) -> str:
    """Blake2b-128 of the values of a table.

    Column by column, block by block, so that no second copy of the texts is made.
    """
    digest = hashlib.blake2b(digest_size=16)
    for column in table.iter_columns():
        for start in range(0, len(column), _BLOCK):
            block = column[start : start + _BLOCK].cast(pl.String).fill_null("\0")
            lengths = block.str.len_bytes().to_numpy()
            digest.update(lengths.astype("<u4").tobytes())
            for at in range(0, len(block), _AT_ONCE):
                digest.update("".join(block[at : at + _AT_ONCE].to_list()).encode())
    return digest.hexdigest()
