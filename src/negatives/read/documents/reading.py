"""Documents in any form as passages: one collection, or one file that is written as they come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl

from negatives.bounded import check_ordinary
from negatives.errors import DataError, MissingExtra, nearest_path
from negatives.events import Emit, Progress, Warned, silent
from negatives.read.address import parse
from negatives.read.beir import one_of
from negatives.read.convert import refuse_to_replace
from negatives.read.documents.cut import Cutting, passages
from negatives.read.documents.decoding import check_encoding
from negatives.read.documents.folder import (
    FILES,
    Skipped,
    documents_in,
    is_document,
    parts_of,
    refuse_nothing,
)
from negatives.read.documents.parts import Part, Unreadable
from negatives.read.documents.tables import rows_of, table_of_documents
from negatives.read.files import ending, reading
from negatives.read.findings import Findings
from negatives.read.loading import known_texts
from negatives.read.memory import is_named
from negatives.read.texts import ENDINGS
from negatives.schema import CORPUS, QRELS, QUERIES, Collection
from negatives.store.atomic import file_hash, writing_folder
from negatives.store.fingerprints import table_hash

NUMBER: Final = "#"
"""Between a document's id and the number of its passage, from 1."""
DOCUMENT: Final = "parent"
"""The field of a passage that names its document."""
CORPUS_FILE: Final = "corpus.jsonl"
ACCOUNT: Final = "passages.json"
_BLOCK: Final = 1 << 22
"""Characters of passages that are held before they are written."""


@dataclass
class Passages:
    """What was read: so many `documents` and `passages`; `skipped`: what was passed over, and why.

    `without`: documents in which there is no text.
    """

    documents: int = 0
    passages: int = 0
    skipped: Skipped = field(default_factory=Skipped)

    def figures(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "documents": self.documents,
            "passages": self.passages,
            "skipped": [
                {"reason": reason, "count": count, "first": self.skipped.first[reason]}
                for reason, count in self.skipped.counts.items()
            ],
        }


@dataclass(frozen=True)
class _Document:
    name: str
    title: str
    parts: Iterator[Part]
    fields: dict[str, Any]


def read_passages(
    docs: Any,
    *,
    length: int | None = None,
    encoding: str = "utf-8",
    name: str = "",
    emit: Emit = silent,
) -> Collection:
    """The passages of documents as a collection without queries.

    `docs`: a folder, a file, or a table with a document a row, in any form. Each passage has the
    field `parent`, its document's id, and `title`, which stands before its text as well. `length`:
    characters of a passage, at most. `encoding`: of files that are not UTF-8. What is passed over
    is a `Warned` event.
    """
    account = Passages()
    frames = []
    for rows in _blocks(docs, length, encoding, account, emit):
        titled = pl.col("title").fill_null("")
        text = pl.when(titled != "").then(titled + " " + pl.col("text")).otherwise("text")
        frames.append(pl.DataFrame(rows, infer_schema_length=None).with_columns(text.alias("text")))
    if account.skipped:
        emit(Warned(f"passed over: {account.skipped.told()}"))
    table = pl.concat(frames, how="diagonal_relaxed").with_row_index("row").sort("_id")
    table = table.rename({"_id": "doc_id"})
    return Collection(
        name=name or (Path(docs).resolve().name if is_named(docs) else "documents"),
        split="",
        corpus=table.select(*CORPUS, pl.exclude(*CORPUS)).cast({"row": pl.UInt32}),
        queries=pl.DataFrame(schema=QUERIES),
        qrels=pl.DataFrame(schema=QRELS),
        identity="text",
    )


def write_passages(
    docs: Any,
    out: str | Path,
    *,
    length: int | None = None,
    encoding: str = "utf-8",
    emit: Emit = silent,
) -> Passages:
    """Write the passages of documents into a new folder: corpus.jsonl, and passages.json of counts.

    They are written as they are read, so that documents of any size fit into little memory. The
    folder is a collection without queries: `negatives make` takes it.
    """
    out = Path(out)
    refuse_to_replace(out)
    account, encoder = Passages(), msgspec.json.Encoder()
    blocks = _blocks(docs, length, encoding, account, emit)
    first = next(blocks)  # nothing is written where nothing can be read
    with writing_folder(out) as folder:
        with (folder / CORPUS_FILE).open("wb") as file:
            for rows in chain([first], blocks):
                file.write(encoder.encode_lines(rows))
        (folder / ACCOUNT).write_bytes(
            msgspec.json.format(msgspec.json.encode(account.figures()), indent=1)
        )
    return account


def fingerprint(docs: Any) -> str:
    """Blake2b-128 of the documents: of their names and of all bytes of them."""
    path = Path(docs) if is_named(docs) else None
    if path is None or not path.exists():
        return table_hash(table_of_documents(_corpus_of(docs), Findings()))
    check_ordinary(path)
    corpus = one_of(path, "corpus", ENDINGS) if path.is_dir() else path
    files = documents_in(path, Skipped()) if corpus is None else [(corpus.name, corpus)]
    digest = blake2b(digest_size=16)
    for name, file in files:
        with reading(file):
            digest.update(f"{name}\0{file_hash(file)}\0".encode())
    return digest.hexdigest()


def _blocks(
    docs: Any, length: int | None, encoding: str, account: Passages, emit: Emit
) -> Iterator[list[dict[str, Any]]]:
    """Rows of passages, many at a time; `DataError` where there are none in the end."""
    cutting = Cutting() if length is None else Cutting(length)
    code = check_encoding(encoding)
    rows, size = list[dict[str, Any]](), 0
    for document in _documents(docs, code, account, emit):
        number = 0
        try:
            for number, passage in enumerate(passages(document.parts, cutting, document.title), 1):
                row = {
                    "_id": f"{document.name}{NUMBER}{number}",
                    "title": passage.title,
                    "text": passage.text,
                    DOCUMENT: document.name,
                }
                rows.append(document.fields | row)
                size += len(passage.text)
                account.passages += 1
                if size > _BLOCK:
                    emit(Progress("cut", account.passages, 0, "passages"))
                    yield rows
                    rows, size = [], 0
        except Unreadable as error:
            account.skipped.add(error.reason, document.name, error.fix)
        except MissingExtra as error:
            account.skipped.add(f"PDF, for which {error.what}", document.name, error.fix)
        except DataError as error:
            if document.name == _only(docs):
                raise
            account.skipped.add(error.what, document.name, error.fix)
        else:
            account.documents += number > 0
            if not number:
                account.skipped.add("without text", document.name)
    if not account.passages:
        raise refuse_nothing(str(docs) if is_named(docs) else "", account.skipped, _sort(docs))
    yield rows


def _documents(docs: Any, encoding: str, account: Passages, emit: Emit) -> Iterator[_Document]:
    path = Path(docs) if is_named(docs) else None
    if path is None or not path.exists():
        yield from _of_table(_corpus_of(docs), emit)
        return
    check_ordinary(path)
    if path.is_dir():
        corpus = one_of(path, "corpus", ENDINGS)
        if corpus is not None:
            yield from _of_table(corpus, emit)
            return
        found = documents_in(path, account.skipped)
        for done, (name, file) in enumerate(found, 1):
            yield _Document(name, "", _later(file, encoding), {})
            emit(Progress("read documents", done, len(found), "documents"))
    elif is_document(path):
        yield _Document(path.name, "", _later(path, encoding), {})
    elif ending(path) in ENDINGS:
        yield from _of_table(path, emit)
    else:
        raise refuse_nothing(str(path), account.skipped, f"a file that ends in {path.suffix!r}")


def _corpus_of(docs: Any) -> Any:
    """What holds the documents: a table that is handed over, or a collection by its name."""
    if isinstance(docs, Collection):
        return docs.corpus
    if not is_named(docs):
        return docs
    try:
        parse(docs)
    except DataError as error:
        fix = nearest_path(Path(docs), f"name a folder with files of {FILES}, or a file of texts")
        raise DataError(error.what, where=error.where, fix=fix) from None
    return known_texts(docs).corpus


def _later(path: Path, encoding: str) -> Iterator[Part]:
    """The parts of a file, which is opened when the first is asked for."""
    yield from parts_of(path, encoding)


def _of_table(data: Any, emit: Emit) -> Iterator[_Document]:
    table = table_of_documents(data, Findings())
    for done, (name, title, parts, fields) in enumerate(rows_of(table), 1):
        yield _Document(name, title, parts, fields)
        if done % 1000 == 0 or done == len(table):
            emit(Progress("read documents", done, len(table), "documents"))


def _only(docs: Any) -> str:
    """The name of the document where a single file is named."""
    return Path(docs).name if is_named(docs) and Path(docs).is_file() else ""


def _sort(docs: Any) -> str:
    if not is_named(docs):
        return "the table"
    return "the folder" if Path(docs).is_dir() else "the file"
