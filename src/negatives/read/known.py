"""What is named beside a file of ids: the texts that belong to them, and more documents to mine.

`--corpus`: a collection in any form (its judgements of the file's queries count too), a BEIR folder
without judgements, or a file or a table of documents alone, with an id and a text, or a text.
`--queries`: a file or a table of queries.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from negatives.errors import DataError
from negatives.read.address import parse
from negatives.read.beir import one_of
from negatives.read.files import ending, stem
from negatives.read.findings import Findings
from negatives.read.gathered import in_order
from negatives.read.mappings import is_mapping, mapping_in, parts_in
from negatives.read.memory import is_named, side_of
from negatives.read.texts import ENDINGS, columns_of, holds_texts
from negatives.schema import CORPUS, QRELS, QUERIES, Collection


def sides(corpus: Any, queries: Any, findings: Findings) -> Collection | None:
    """The texts of documents and queries by themselves; None where `corpus` is a whole collection.

    The collection may lack either, and has no judgements.
    """
    name = "queries" if corpus is None else "corpus"
    if is_named(corpus):
        path = Path(corpus)
        name = stem(path)
        if path.is_dir():
            if (path / "qrels").is_dir() or parse(path).format != "beir":
                return None
            corpus = one_of(path, "corpus", ENDINGS)
            queries = one_of(path, "queries", ENDINGS) if queries is None else queries
            name = path.resolve().name
        elif not _holds_documents(path):
            return None
    elif isinstance(corpus, Collection):
        return None
    made = {
        key: pl.DataFrame(schema=columns)
        if data is None
        else in_order(side_of(data, key, findings, made=True), key, findings).drop("file", "line")
        for key, data, columns in (("doc_id", corpus, CORPUS), ("query_id", queries, QUERIES))
    }
    findings.done()
    return Collection(
        name=name,
        split="",
        corpus=made["doc_id"],
        queries=made["query_id"],
        qrels=pl.DataFrame(schema=QRELS),
        notes=findings.notes,
    )


def _holds_documents(path: Path) -> bool:
    if not path.is_file() or ending(path) not in ENDINGS:
        return False
    if is_mapping(path):
        return parts_in(mapping_in(path)) is None
    try:
        return holds_texts(columns_of(path), "doc_id")
    except DataError:  # its columns are no texts'; whoever reads collections says what it is
        return False
