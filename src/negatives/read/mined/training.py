"""Anybody's file of mined negatives as a collection and its negatives."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from negatives.needs import check_needs
from negatives.read.file_options import AS_NAMED, FileOptions
from negatives.read.findings import Findings
from negatives.read.loading import Data, known_texts
from negatives.read.mined.rows import MinedFile, mined_file
from negatives.read.pair_files import collected
from negatives.schema import TEXTS, Collection
from negatives.text.keys import normalised_keys


def read_mined_file(
    path: Path, corpus: Data = None, queries: Data = None, options: FileOptions = AS_NAMED
) -> tuple[Collection, pl.DataFrame]:
    """The collection that the file makes, and query_id, doc_id, position, p_relevant.

    Every layout that `negatives lint` reads; `corpus` names what has the texts of ids. A text that
    is a positive of a query anywhere in the file is one everywhere, case, punctuation and white
    space aside.
    """
    known = None if corpus is None and queries is None else known_texts(corpus, queries)
    if known is not None:
        check_needs(known, TEXTS, "training on a file of ids")
    return read_mined(mined_file(path, known, options))


def read_mined(file: MinedFile) -> tuple[Collection, pl.DataFrame]:
    """The same of a file, or a table, that was understood."""
    collection, mined = collected(file.path.name, "train", [file], Findings())
    query, doc = _keys(collection.queries, "query_id"), _keys(collection.corpus, "doc_id")
    relevant = collection.qrels.filter(pl.col("relevance") > 0)

    def keyed(pairs: pl.DataFrame) -> pl.DataFrame:
        asks = query.rename({"key": "asks"})
        shows = doc.rename({"key": "shows"})
        made = pairs.join(asks, on="query_id", maintain_order="left")
        return made.join(shows, on="doc_id", maintain_order="left")

    mined = keyed(mined).join(
        keyed(relevant), on=["asks", "shows"], how="anti", maintain_order="left"
    )
    mined = mined.select("query_id", "doc_id").sort("query_id", maintain_order=True)
    return collection, mined.with_columns(
        position=pl.int_range(pl.len()).over("query_id").cast(pl.Int16),
        p_relevant=pl.lit(None, pl.Float32),
    )


def _keys(texts: pl.DataFrame, name: str) -> pl.DataFrame:
    """name and normalised key of each text that is not empty."""
    there = texts.filter(pl.col("text") != "")
    return there.select(name, key=pl.Series(normalised_keys(there["text"])))
