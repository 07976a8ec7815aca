"""What `--corpus` names: the texts that belong to the ids of a file, and more documents to mine.

A collection in any form (its judgements of the file's queries count too), a BEIR folder without
judgements, or a file of documents alone (JSON lines or Parquet, with an id and a text).
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from negatives.read.address import parse
from negatives.read.beir import TEXT_FILES, columns_of, one_of, read_texts
from negatives.read.files import ending, stem
from negatives.read.findings import Findings
from negatives.schema import QRELS, QUERIES, Collection


def texts_alone(path: Path) -> Collection | None:
    """The texts of a folder without judgements, or of a file of documents; None where it is else.

    The collection may lack queries, and has no judgements.
    """
    if path.is_file() and _holds_documents(path):
        return _of(stem(path), path, None)
    if path.is_dir() and not (path / "qrels").is_dir():
        documents = one_of(path, "corpus", TEXT_FILES)
        if documents is not None and parse(path).format == "beir":
            return _of(path.resolve().name, documents, one_of(path, "queries", TEXT_FILES))
    return None


def _holds_documents(path: Path) -> bool:
    if ending(path) not in (".jsonl", ".ndjson", ".parquet"):
        return False
    names = columns_of(path)
    texts, ids, asked = (
        any(name in names for name in some)
        for some in (
            ("text", "contents", "body"),
            ("_id", "id", "docid", "docno", "doc_id"),
            ("query", "anchor", "question"),
        )
    )
    return texts and ids and not asked


def _of(name: str, documents: Path, queries: Path | None) -> Collection:
    findings = Findings()
    asked = pl.DataFrame(schema=QUERIES)
    if queries is not None:
        asked = read_texts(queries, "query_id", findings).drop("file", "line").sort("query_id")
    found = read_texts(documents, "doc_id", findings).drop("file", "line")
    return Collection(
        name=name,
        split="",
        corpus=found.unique("doc_id", keep="first").sort("doc_id"),
        queries=asked,
        qrels=pl.DataFrame(schema=QRELS),
    )
