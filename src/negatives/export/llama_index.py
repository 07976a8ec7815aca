"""LlamaIndex's EmbeddingQAFinetuneDataset: queries, corpus and relevant_docs in one JSON object.

It has no place for negatives: they are in its corpus, where a measure on it has them to tell apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

import msgspec
import polars as pl

from negatives.export.ask import EACH_QUERY, Ask, PairFormat, Part
from negatives.export.blocks import ExportBlock
from negatives.export.pairs import with_texts
from negatives.export.parts import documents

_SLICE: Final = 1024


def rows(block: ExportBlock, ask: Ask) -> pl.DataFrame:
    """query_id, query, relevant_docs: one row a query, the ids of its positives."""
    pairs = with_texts(block, ask.texts).by_query()
    return pairs.select("query_id", "query", pl.col("doc_id").alias("relevant_docs"))


def corpus(ask: Ask) -> tuple[Part, ...]:
    """All documents that are a positive or a negative."""
    return (documents(ask, "corpus", "the corpus of the dataset", id="doc_id"),)


def write_dataset(path: Path, frames: Iterator[pl.DataFrame], parts: Sequence[Part]) -> None:
    """One JSON object, as `EmbeddingQAFinetuneDataset.from_json` reads it."""
    relevant: list[pl.DataFrame] = []  # ids only

    def queries() -> Iterator[pl.DataFrame]:
        for frame in frames:
            relevant.append(frame.select("query_id", "relevant_docs"))
            yield frame.select("query_id", "query")

    with path.open("wb") as file:
        for start, tables in (
            (b'{"queries":', queries()),
            (b',"corpus":', parts[0].frames()),
            (b',"relevant_docs":', iter(relevant)),
        ):
            file.write(start)
            _write_mapping(file, tables)
        file.write(b',"mode":"text"}\n')


def _write_mapping(file: BinaryIO, tables: Iterator[pl.DataFrame]) -> None:
    """An object of each id of the first column and what the second holds."""
    separator = b"{"
    for table in tables:
        for some in table.iter_slices(_SLICE):
            made = dict(zip(some.to_series(0), some.to_series(1).to_list(), strict=True))
            file.write(separator + msgspec.json.encode(made)[1:-1])
            separator = b","
    file.write(b"{}" if separator == b"{" else b"}")


FORMATS: Final = {
    "llama-index": PairFormat(
        "LlamaIndex EmbeddingQAFinetuneDataset: queries, corpus (with negatives), relevant_docs",
        (".json",),
        rows,
        rows_of_query=EACH_QUERY,
        no_ids="llama-index holds ids already",
        scores="never",
        no_scores=("llama-index has no place for scores", "leave out scores"),
        others=corpus,
        packed=write_dataset,
    ),
}
