"""A folder of TREC files.

| what   | files                                            | form                                |
|--------|--------------------------------------------------|-------------------------------------|
| corpus | corpus.* or collection.*, else the only .jsonl   | JSONL (id, text, title) or TSV      |
| topics | topics*, *.topics, queries*.tsv                  | TSV (id, text) or <top> markup      |
| qrels  | qrels*, *.qrels                                  | four columns, white space           |
| run    | *.run, run.*, run-*                              | six columns; optional               |

What remains of a file name without these words and endings is its split: qrels.dev.txt is dev,
qrels.txt is all. Topics and runs are matched to qrels by split; a file of split all serves every
split. The text of a <top> is its title, or else its description. TSV texts are taken as they are:
quotation marks mean nothing. A run is what some system ranked: its documents are given as
candidates, without those judged relevant.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import polars as pl

from negatives.errors import DataError
from negatives.read.address import Address, topic_files
from negatives.read.beir import read_texts
from negatives.read.files import Lines, ending, matching
from negatives.read.findings import MISSING, RAGGED, Findings
from negatives.read.gathered import Tables, gather
from negatives.read.jsonl import PLACE
from negatives.read.packing import plain_name
from negatives.read.qrels import read_run, read_trec_qrels
from negatives.schema import Collection

ALL: Final = "all"
_KINDS: Final = ("qrels", "qrel", "topics", "topic", "queries", "query", "run", "corpus")
_ENDINGS: Final = ("txt", "tsv", "trec", "xml", "jsonl", "ndjson", "json")
_TAG: Final = re.compile(r"<(num|title|desc)>(.*?)(?=<(?:/?\w+)>|\Z)", re.DOTALL | re.IGNORECASE)
_LABEL: Final = re.compile(r"^\s*(number|topic|description)\s*:", re.IGNORECASE)


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
    queries = pl.concat([read_topics(path, findings) for path in topics])
    corpus = _corpus(folder, findings)
    runs = [read_run(path, findings) for path in _of(_runs(folder), split)]
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
            mend="name it corpus.jsonl or corpus.tsv (or .gz)",
        )
    if ending(found[0]) in (".jsonl", ".ndjson", ".json"):
        return read_texts(found[0], "doc_id", findings)
    return read_tsv(found[0], "doc_id", findings)


def read_tsv(path: Path, key: str, findings: Findings) -> pl.DataFrame:
    """`key`, text, row, file, line of a file of `id TAB text`; further tabs belong to the text."""
    file = findings.file(path)
    lines = Lines(path, findings)
    kept = []
    row = 0
    for line in lines:
        if not line.strip():
            continue
        name, tab, text = line.rstrip("\r\n").partition("\t")
        if not tab:
            findings.add(
                RAGGED, file, lines.number, "expected id, tab, text: there is no tab", line
            )
        elif not name:
            findings.add(MISSING, file, lines.number, "the id is empty", line)
        else:
            kept.append((name, text, row, file, lines.number))
        row += 1
    findings.done()
    return _table(kept, key)


def read_topics(path: Path, findings: Findings) -> pl.DataFrame:
    """query_id, text, row, file, line of topics: TSV, or <top> markup."""
    head = next((line for line in Lines(path, Findings(set_aside=True)) if line.strip()), "")
    if not head.lstrip().startswith("<"):
        return read_tsv(path, "query_id", findings)
    file = findings.file(path)
    kept = []
    lines = Lines(path, findings)
    topic: list[str] = []
    start = row = 0
    for line in lines:
        if line.lstrip().lower().startswith("<top>"):
            topic, start = [], lines.number
        topic.append(line)
        if "</top>" in line.lower():
            name, text = _topic("".join(topic))
            if name:
                kept.append((name, text, row, file, start))
            else:
                findings.add(MISSING, file, start, "the topic has no <num>", "".join(topic))
            row += 1
            topic = []
    if "".join(topic).strip().lower().startswith("<top>"):
        findings.add(RAGGED, file, start, "the topic has no </top>", "".join(topic))
    findings.done()
    return _table(kept, "query_id")


def _table(rows: list[tuple[str, str, int, int, int]], key: str) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema={key: pl.String, "text": pl.String} | PLACE, orient="row")
    return frame.with_columns(pl.col("text").str.strip_chars())


def _topic(markup: str) -> tuple[str, str]:
    parts = {
        tag.lower(): " ".join(_LABEL.sub("", body).split()) for tag, body in _TAG.findall(markup)
    }
    return parts.get("num", ""), parts.get("title") or parts.get("desc", "")
