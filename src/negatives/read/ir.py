"""Collections of the `ir_datasets` catalogue: `ir_datasets:NAME`.

Where NAME has no judgements itself, its children that have are its splits: `ir_datasets:NAME@dev`
is NAME/dev.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final

import polars as pl

from negatives.errors import DataError, nearest
from negatives.optional import require
from negatives.read.address import Address
from negatives.read.files import telling
from negatives.read.findings import BAD_SCORE, MISSING, Findings
from negatives.read.gathered import Tables, gather
from negatives.read.grades import whole_number
from negatives.read.jsonl import PLACE
from negatives.read.qrels import SCHEMA
from negatives.schema import Collection

ITSELF: Final = "all"
CHUNK: Final = 50_000

Record = tuple[object, ...]


def splits(address: Address) -> list[str]:
    """The children that have judgements, or `all` for a dataset that has them itself."""
    with _catalogue(address) as catalogue:
        if _load(catalogue, address.name).has_qrels():
            return [ITSELF]
        head = f"{address.name}/"
        children = [name for name in catalogue.registry if name.startswith(head)]
        return sorted(
            name.removeprefix(head) for name in children if catalogue.load(name).has_qrels()
        )


def read(address: Address, split: str, findings: Findings) -> Collection:
    """The collection of one split."""
    with _catalogue(address) as catalogue:
        name = address.name if split == ITSELF else f"{address.name}/{split}"
        dataset = _load(catalogue, name)
        if not (dataset.has_docs() and dataset.has_queries()):
            raise DataError("the dataset has no documents or no queries", where=name)
        tables = Tables(
            corpus=_texts(dataset.docs_iter(), "doc_id", f"{name} (docs)", findings),
            queries=_texts(dataset.queries_iter(), "query_id", f"{name} (queries)", findings),
            qrels=_qrels(dataset.qrels_iter(), f"{name} (qrels)", findings),
        )
        findings.done()
        return gather(address.name, split, tables, findings)


@contextmanager
def _catalogue(address: Address) -> Iterator[Any]:
    """The library; downloads, archives and parsers each raise their own errors."""
    catalogue = require("ir_datasets", extra="ir")
    fix = "check the connection, and whether the dataset must be obtained by hand"
    with telling("ir_datasets cannot provide it", address.name, fix):
        yield catalogue


def _load(catalogue: Any, name: str) -> Any:
    try:
        return catalogue.load(name)
    except KeyError:
        fix = nearest(name, catalogue.registry)
        if not fix.startswith("did you mean"):
            fix = "see the catalogue of ir_datasets for the names there are"
        raise DataError("ir_datasets knows no such dataset", where=name, fix=fix) from None


def _texts(items: Iterable[Any], key: str, where: str, findings: Findings) -> pl.DataFrame:
    def record(item: Any) -> Record | str:
        name = getattr(item, key)
        text = item.default_text() if hasattr(item, "default_text") else _text(item)
        if name is None or name == "":
            return "it has no id"
        return "it has no text" if text is None else (str(name), text)

    return _table(items, record, {key: pl.String, "text": pl.String} | PLACE, where, findings)


def _text(item: Any) -> str | None:
    parts = [getattr(item, name, None) for name in ("title", "text", "query")]
    return " ".join(part for part in parts if part) if any(p is not None for p in parts) else None


def _qrels(items: Iterable[Any], where: str, findings: Findings) -> pl.DataFrame:
    def record(item: Any) -> Record | str:
        grade = whole_number(item.relevance)
        if grade is None:
            return f"relevance is {item.relevance!r}"
        return str(item.query_id), str(item.doc_id), grade

    schema = {"query_id": pl.String, "doc_id": pl.String, "relevance": pl.Int32} | PLACE
    return _table(items, record, schema, where, findings).select(list(SCHEMA))


def _table(
    items: Iterable[Any],
    record: Callable[[Any], Record | str],
    schema: dict[str, Any],
    where: str,
    findings: Findings,
) -> pl.DataFrame:
    """Rows of what `record` makes of each item, with their places; a string says what is wrong."""
    file = findings.file(where, "row")
    fault = BAD_SCORE if "relevance" in schema else MISSING
    tables = [pl.DataFrame(schema=schema)]
    numbered = enumerate(items)
    while chunk := list(islice(numbered, CHUNK)):
        kept = []
        for row, item in chunk:
            made = record(item)
            if isinstance(made, str):
                findings.add(fault, file, row + 1, made, str(item))
            else:
                kept.append((*made, row, file, row + 1))
        findings.enough()
        table = pl.DataFrame(kept, schema=schema, orient="row")
        tables.append(table.with_columns(pl.col(r"^text$").str.strip_chars()))
    return pl.concat(tables, rechunk=False)
