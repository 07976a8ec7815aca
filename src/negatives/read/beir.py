"""A BEIR folder: corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv; each may be packed (.gz, .bz2, .xz).

Each may be a Parquet or CSV file of the same columns instead: corpus.parquet and queries.parquet
(`_id`, `text`, perhaps `title`), qrels/SPLIT.parquet (`query-id`, `corpus-id`, `score`); what else
columns may be called is in `texts.py`. Ids may be whole numbers.

The text of a document is its title, a space and its text, stripped. Rows of nothing but ids and
fields (`fields.py`) are read as such: what they are of goes by its id. A folder with several splits
usually keeps the queries of all of them in one file: those judged only in other splits are left
out. `given/SPLIT.tsv` (query-id, corpus-id) is this library's own addition: negatives that came
with the data, so that converting a collection loses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl

from negatives.errors import DataError
from negatives.read.address import Address, holds
from negatives.read.delimited import records
from negatives.read.files import first_existing, matching, stem
from negatives.read.findings import RAGGED, Findings
from negatives.read.gathered import NO_GIVEN, Tables, gather
from negatives.read.jsonl import PLACE
from negatives.read.qrels import read_qrels
from negatives.read.texts import ENDINGS, read_texts
from negatives.schema import Collection

QRELS_FILES: Final = (".tsv", ".parquet", ".jsonl", ".csv")
"""Files of judgements."""


def splits(address: Address) -> list[str]:
    """The splits that have a qrels file, in name order."""
    found = matching(address.path / "qrels", *(f"*{end}" for end in QRELS_FILES))
    return sorted({stem(path) for path in found})


def read(address: Address, split: str, findings: Findings) -> Collection:
    """The collection of one split."""
    folder = address.path
    corpus = _side(address, "corpus", "doc_id", findings)
    queries = _side(address, "queries", "query_id", findings)
    qrels = read_qrels(_needed(folder / "qrels", split, QRELS_FILES), findings)
    findings.done()
    tables = Tables(
        corpus=corpus,
        queries=queries,
        qrels=qrels,
        given=_given(folder / "given", split, findings),
        elsewhere=_judged_elsewhere(folder / "qrels", splits(address), split),
        identity="id" if address.by_id else None,
    )
    return gather(address.name, split, tables, findings)


def _side(address: Address, name: str, key: str, findings: Findings) -> pl.DataFrame:
    """The documents, or the queries; with `ids:` and without their file, those that are judged."""
    path = one_of(address.path, name, ENDINGS)
    if path is None and address.by_id:
        folder = address.path / "qrels"
        files = matching(folder, *(f"*{end}" for end in QRELS_FILES))
        named = pl.concat([read_qrels(each, findings) for each in files])
        first = named.unique(key, keep="first", maintain_order=True)
        return first.with_row_index("row").select(key, *PLACE)
    needed = _needed(address.path, name, ENDINGS)
    return read_texts(needed, key, findings, by_id=address.by_id)


def one_of(folder: Path, name: str, endings: Sequence[str]) -> Path | None:
    """The file of that name in a folder, in one format; `DataError` where it is there in two."""
    each = (first_existing(folder, f"{name}{end}") for end in endings)
    found = [path for path in each if path is not None]
    if found[1:]:
        raise DataError(
            f"the folder has {found[0].name} and {found[1].name}: which is meant is not known",
            where=str(folder),
            fix="keep the one that is meant",
        )
    return found[0] if found else None


def _needed(folder: Path, name: str, endings: Sequence[str]) -> Path:
    path = one_of(folder, name, endings)
    if path is None:
        raise DataError(
            f"the folder has no {name}{endings[0]}",
            where=f"{folder} (it holds {holds(folder)})",
            fix="a BEIR folder holds corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv, each also "
            "packed (.gz, .bz2, .xz) or as .parquet, .csv or .json",
        )
    return path


def _judged_elsewhere(folder: Path, names: list[str], split: str) -> pl.Series:
    """Ids of the queries that other splits judge; faults there are not this split's concern."""
    ids = [pl.Series(dtype=pl.String)]
    for name in names:
        path = one_of(folder, name, QRELS_FILES)
        if name != split and path is not None:
            ids.append(read_qrels(path, Findings(set_aside=True))["query_id"].unique())
    return pl.concat(ids)


def _given(folder: Path, split: str, findings: Findings) -> pl.DataFrame:
    path = first_existing(folder, f"{split}.tsv")
    kept = []
    if path is not None:
        file = findings.file(path)
        rows = records(path, "\t", findings)
        next(rows, None)
        for line, row in rows:
            if len(row) == 2:
                kept.append((*row, file, line))
            else:
                findings.add(RAGGED, file, line, f"expected 2 columns, found {len(row)}", row)
        findings.done()
    return pl.DataFrame(kept, schema=NO_GIVEN, orient="row")
