"""Ids and what they stand for, as dictionaries: texts by id, and documents by query.

As evaluators of retrieval take them: `{query_id: text}`, `{doc_id: text}` or `{doc_id: {"title":
..., "text": ...}}`, and `{query_id: doc_ids}` or `{query_id: {doc_id: relevance}}`. A JSON file may
hold such an object, or all three of them by their names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec
import polars as pl

from negatives.errors import DataError
from negatives.read.files import blocks, ending
from negatives.read.findings import BAD_SCORE, MISSING, WRONG_TYPE, Findings
from negatives.read.grades import LIMIT, whole_number
from negatives.read.jsonl import UNDECODED
from negatives.read.limits import LONGEST_LINE, too_long

TEXT_NAMES: Final = ("text", "contents", "body", "content")
PARTS: Final = ("corpus", "queries")
JUDGED: Final = ("qrels", "relevant_docs", "judgements", "judgments")
"""What the third part may be called."""

_OF_A_ROW: Final = {"text", "query", "question", "anchor", "positive", "_id", "id", "answer"}
"""A JSON object of these is a row, and no dictionary of texts by their ids."""

_PLACED: Final[dict[str, Any]] = {"row": pl.UInt32, "file": pl.UInt32, "line": pl.UInt32}
_NO_ID: Final = "ids are texts, whole numbers or UUIDs"


def id_of(value: object) -> str | None:
    """An id as text; None where a value is none: an empty text, a fraction, true, nothing."""
    if isinstance(value, str):
        return value if value and is_unicode(value) else None
    if isinstance(value, bool):
        return None
    if isinstance(value, int | UUID):
        return str(value)
    if hasattr(value, "item") and not isinstance(value, Mapping):  # a number of numpy
        return id_of(value.item())
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return None


def is_unicode(text: str) -> bool:
    """Whether a text can be written down: it has no half of a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def texts_of_mapping(
    texts: Mapping[Any, Any], key: str, where: str, findings: Findings
) -> pl.DataFrame:
    """`key`, text, row, file, line of texts by their ids; bad ones are reported."""
    file = findings.file(where, "row")
    ids, said, places = list[str](), list[str](), list[int]()
    for number, (name, value) in enumerate(texts.items(), 1):
        own, text = id_of(name), _text(value)
        if own is None:
            findings.add(WRONG_TYPE, file, number, f"{name!r} is no id: {_NO_ID}", repr(name))
        elif text is not None and not is_unicode(text):
            reason = f"the text of {own!r} is no Unicode: {_shown(text)}"
            findings.add(WRONG_TYPE, file, number, reason, {key: own})
        elif text is None:
            reason = f"{own!r} has no text, but {_shown(value)}"
            findings.add(MISSING, file, number, reason, {key: own})
        else:
            ids.append(own)
            said.append(text.strip())
            places.append(number)
        findings.enough()
    line = pl.Series(places, dtype=pl.UInt32)
    table = pl.DataFrame({key: ids, "text": said}, schema={key: pl.String, "text": pl.String})
    place = pl.DataFrame({"row": line - 1, "line": line})
    return table.hstack(place.with_columns(file=pl.lit(file, dtype=pl.UInt32)).select(*_PLACED))


def judgements_of_mapping(
    judged: Mapping[Any, Any], where: str, findings: Findings
) -> pl.DataFrame:
    """query_id, doc_id, relevance, file, line of documents by query; bad ones are reported."""
    return judgements(_pairs(judged), where, findings)


def judgements(rows: Iterable[Any], where: str, findings: Findings) -> pl.DataFrame:
    """The same of tuples of a query, a document and perhaps a relevance."""
    file = findings.file(where, "row")
    kept = []
    for number, row in enumerate(rows, 1):
        if not isinstance(row, tuple | list) or len(row) not in (2, 3):
            reason = f"not a query, a document and a relevance, but {_shown(row)}"
            findings.add(WRONG_TYPE, file, number, reason, repr(row))
            continue
        query, doc, grade = id_of(row[0]), id_of(row[1]), _grade(row[2] if len(row) > 2 else 1)
        if query is None or doc is None:
            odd = row[0] if query is None else row[1]
            reason = f"{_shown(odd)} is no id: {_NO_ID}"
            findings.add(WRONG_TYPE, file, number, reason, repr(row))
        elif grade is None:
            reason = f"relevance is {_shown(row[2])}"
            findings.add(BAD_SCORE, file, number, reason, [query, doc, repr(row[2])])
        else:
            kept.append((query, doc, grade, file, number))
        findings.enough()
    schema = {"query_id": pl.String, "doc_id": pl.String, "relevance": pl.Int32}
    return pl.DataFrame(kept, {**schema, "file": pl.UInt32, "line": pl.UInt32}, orient="row")


def is_mapping(path: Path) -> bool:
    """Whether a file is one JSON object of texts by ids, and not a row on each line."""
    if ending(path) != ".json":
        return False
    head = next(blocks(path, 1 << 16), b"").lstrip()
    line, _, rest = head.partition(b"\n")
    if not head.startswith(b"{") or (rest.strip() and isinstance(_decoded(line), dict)):
        return False
    whole = _whole(path)
    return isinstance(whole, dict) and (parts_in(whole) is not None or _is_texts(whole))


def holds_parts(path: Path) -> bool:
    """Whether a file is one JSON object of queries, corpus and judgements."""
    return is_mapping(path) and parts_in(mapping_in(path)) is not None


def mapping_in(path: Path) -> dict[str, Any]:
    """The JSON object in a file; `DataError` where it is cut off or is none."""
    found = _whole(path)
    if isinstance(found, dict):
        return found
    raise DataError(
        "not one whole JSON object",
        where=str(path),
        fix="write or copy it again: a file that was cut off cannot be read",
    )


def parts_in(data: Mapping[Any, Any]) -> tuple[Any, Any, Any] | None:
    """Queries, corpus and judgements, where a dictionary has all three by their names."""
    judged = next((name for name in JUDGED if name in data), None)
    if judged is None or not all(name in data for name in PARTS):
        return None
    return data["queries"], data["corpus"], data[judged]


def _whole(path: Path) -> object:
    parts, size = [], 0
    for block in blocks(path):
        parts.append(block)
        size += len(block)
        if size > 16 * LONGEST_LINE:
            raise too_long(path)
    return _decoded(b"".join(parts))


def _decoded(text: bytes) -> object:
    try:
        return msgspec.json.decode(text)
    except UNDECODED:
        return None


def _is_texts(whole: Mapping[str, Any]) -> bool:
    texts = all(_text(value) is not None for value in whole.values())
    return bool(whole) and texts and not {*whole} & _OF_A_ROW


def _pairs(judged: Mapping[Any, Any]) -> Iterator[tuple[Any, ...]]:
    for query, docs in judged.items():
        if isinstance(docs, Mapping):
            yield from ((query, doc, grade) for doc, grade in docs.items())
        elif isinstance(docs, AbstractSet | list | tuple):
            # a set has no order of its own, and messages name the same rows each time
            ordered = sorted(docs, key=str) if isinstance(docs, AbstractSet) else docs
            yield from ((query, doc) for doc in ordered)
        else:
            yield query, docs


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if not isinstance(value, Mapping):
        return None
    text = next((value[name] for name in TEXT_NAMES if name in value), None)
    title = value.get("title") or ""
    if not isinstance(text, str) or not isinstance(title, str):
        return None
    return f"{title.strip()} {text}" if title.strip() else text


def _grade(value: object) -> int | None:
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool | int | float):
        return int(value) if -LIMIT <= value < LIMIT and value == int(value) else None
    return whole_number(value) if isinstance(value, str) else None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:60] + "..."
