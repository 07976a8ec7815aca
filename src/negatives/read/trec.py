"""A folder of TREC files.

| what   | files                                            | form                                |
|--------|--------------------------------------------------|-------------------------------------|
| corpus | corpus.* or collection.*, else the only .jsonl   | JSONL, Parquet or TSV (id, text)    |
| topics | topics*, *.topics, queries*.tsv                  | TSV, JSONL or markup: `topics.py`   |
| qrels  | qrels*, *.qrels                                  | four columns, ASCII white space     |
| run    | *.run, run.*, run-*                              | six columns; optional               |

What remains of a file name without these words and endings is its split: qrels.dev.txt is dev,
qrels.txt is all. Topics and runs are matched to qrels by split; a file of split all serves every
split. TSV texts are taken as they are: quotation marks mean nothing. A run is what some system
ranked: its documents are given as candidates, without those judged relevant.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import polars as pl

from negatives.errors import DataError
from negatives.read.address import Address, topic_files
from negatives.read.files import ending, matching
from negatives.read.findings import Findings
from negatives.read.gathered import Tables, gather
from negatives.read.packing import plain_name
from negatives.read.qrels import read_trec_qrels
from negatives.read.texts import read_texts
from negatives.read.topics import read_lines, read_topics
from negatives.read.trec_run import read_ranked
from negatives.schema import Collection

ALL: Final = "all"
_KINDS: Final = ("qrels", "qrel", "topics", "topic", "queries", "query", "run", "corpus")
_ENDINGS: Final = ("txt", "tsv", "trec", "xml", "jsonl", "ndjson", "json")


def splits(address: Address) -> list[str]:
    """The splits that the names of the qrels files tell."""
    return sorted(map(split_of, _qrels(address.path)))


def read(address: Address, split: str, findings: Findings) -> Collection:
    """The collection of one split."""
    folder = address.path
    qrels = [read_trec_qrels(path, findings) for path in _of(_qrels(folder), split, only=True)]
    findings.done()
    topics = _of(topic_files(folder), split)
    if not topics:
        raise DataError(f"there are no topics for split {split!r}", where=str(folder))
    queries = pl.concat([read_topics(path, findings) for path in topics], how="diagonal")
    corpus = _corpus(folder, findings)
    runs = [read_ranked(path, findings) for path in _of(_runs(folder), split)]
    findings.done()
    judged = pl.concat(qrels)
    tables = Tables(corpus=corpus, queries=queries, qrels=judged)
    if runs:
        relevant = judged.filter(pl.col("relevance") > 0)
        given = pl.concat(runs).join(
            relevant, on=["query_id", "doc_id"], how="anti", maintain_order="left"
        )
        tables = Tables(corpus=corpus, queries=queries, qrels=judged, given=given)
    return gather(address.name, split, tables, findings)


def split_of(path: Path) -> str:
    """The split that a file name tells: what remains without the words of its kind."""
    left = [
        word
        for word in re.split(r"[._-]+", plain_name(path))
        if word.lower() not in (*_KINDS, *_ENDINGS)
    ]
    return "-".join(left) or ALL


def _of(files: list[Path], split: str, *, only: bool = False) -> list[Path]:
    """The files of `split`, else those of every split."""
    own = [path for path in files if split_of(path) == split]
    if own or only:
        return own
    return [path for path in files if split_of(path) == ALL] or (files if len(files) == 1 else [])


def _qrels(folder: Path) -> list[Path]:
    return matching(folder, "qrels*", "*.qrels") or matching(folder / "qrels", "*")


def _runs(folder: Path) -> list[Path]:
    return matching(folder, "*.run", "run.*", "run-*")


def _corpus(folder: Path, findings: Findings) -> pl.DataFrame:
    named = matching(folder, "corpus.*", "collection.*")
    found = named or matching(folder, "*.jsonl")
    if len(found) != 1:
        raise DataError(
            "there is no corpus" if not found else f"{len(found)} files could be the corpus",
            where=str(folder),
            fix="name it corpus.jsonl or corpus.tsv (or .gz)",
        )
    if ending(found[0]) in (".jsonl", ".ndjson", ".json", ".parquet"):
        return read_texts(found[0], "doc_id", findings)
    return read_lines(found[0], "doc_id", findings)
