"""What `--corpus` names: the texts that belong to the ids of a file, and more documents to mine.

A collection in any form (its judgements of the file's queries count too), a BEIR folder without
judgements, or a file of documents alone (JSON lines with an id and a text).
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from negatives.read.address import parse
from negatives.read.beir import read_texts
from negatives.read.files import ending, first_existing, stem
from negatives.read.findings import Findings
from negatives.read.jsonl import first_record
from negatives.schema import QRELS, QUERIES, Collection


def texts_alone(path: Path) -> Collection | None:
    """The texts of a folder without judgements, or of a file of documents; None where it is else.

    The collection may lack queries, and has no judgements.
    """
    if path.is_file() and _holds_documents(path):
        return _of(stem(path), path, None)
    if path.is_dir() and not (path / "qrels").is_dir():
        documents = first_existing(path, "corpus.jsonl")
        if documents is not None and parse(path).format == "beir":
            return _of(path.resolve().name, documents, first_existing(path, "queries.jsonl"))
    return None


def _holds_documents(path: Path) -> bool:
    if ending(path) not in (".jsonl", ".ndjson"):
        return False
    names = {*first_record(path)}
    return (
        bool(names & {"text", "contents", "body"})
        and bool(names & {"_id", "id", "docid", "docno", "doc_id"})
        and not names & {"query", "anchor", "question"}
    )


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
