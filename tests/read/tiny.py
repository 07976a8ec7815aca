"""Tiny collections written to a folder, and the words of the error a user would read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from negatives.errors import DataError
from negatives.read import load

CORPUS = [
    {"_id": "d1", "title": "Cats", "text": "purr"},
    {"_id": "d2", "title": "", "text": "Dogs bark"},
    {"_id": "d3", "text": "Cows moo"},
]
QUERIES = [{"_id": "q1", "text": "what purrs"}, {"_id": "q2", "text": "what barks"}]
QRELS = "query-id\tcorpus-id\tscore\nq1\td1\t2\nq2\td2\t1\nq2\td3\t0\n"


def lines(rows: Iterable[Any]) -> str:
    """Rows as JSON lines; a string is taken as a line as it is."""
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)


def beir(
    folder: Path,
    corpus: Iterable[Any] = CORPUS,
    queries: Iterable[Any] = QUERIES,
    qrels: str | Mapping[str, str] = QRELS,
) -> Path:
    """Write a BEIR folder; one qrels text is the split train."""
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    (folder / "corpus.jsonl").write_text(lines(corpus), "utf-8")
    (folder / "queries.jsonl").write_text(lines(queries), "utf-8")
    for split, text in ({"train": qrels} if isinstance(qrels, str) else qrels).items():
        (folder / "qrels" / f"{split}.tsv").write_text(text, "utf-8")
    return folder


def complaint(data: str | Path, **options: Any) -> str:
    """What the user reads when `data` cannot be loaded."""
    with pytest.raises(DataError) as caught:
        load(data, **options)
    assert caught.value.exit_code == 2
    return str(caught.value)
