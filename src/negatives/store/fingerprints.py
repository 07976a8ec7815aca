"""What a run was made from, as hashes of declared values."""

from __future__ import annotations

import hashlib

import polars as pl

from negatives.errors import DataError
from negatives.schema import Collection

_BLOCK = 8192


def fingerprints(collection: Collection) -> dict[str, str]:
    """Table -> blake2b-128 of its ids, texts and judgements."""
    return {
        "split": collection.split,
        "corpus": _hash(collection.corpus.select("doc_id", "text")),
        "queries": _hash(collection.queries.select("query_id", "text")),
        "qrels": _hash(collection.qrels),
        "given": _hash(collection.given),
    }


def refuse_unlabelled(collection: Collection) -> None:
    """Raise `DataError` where no query has a positive: nothing can be mined, or learnt, from it."""
    if len(collection.mined_queries) == 0:
        raise DataError(
            "no query has a positive",
            where=collection.origin or collection.name,
            mend="add judgements above 0, or name another split",
        )


def _hash(table: pl.DataFrame) -> str:
    """Column by column, block by block, so that no second copy of the texts is made."""
    digest = hashlib.blake2b(digest_size=16)
    for column in table.iter_columns():
        for start in range(0, len(column), _BLOCK):
            block = column[start : start + _BLOCK].cast(pl.String)
            lengths = block.str.len_bytes().to_numpy()
            digest.update(lengths.astype("<u4").tobytes())
            digest.update("".join(block.to_list()).encode())
    return digest.hexdigest()
