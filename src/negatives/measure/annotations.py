"""Pairs to be judged, and judgements, in the JSON of Label Studio and of Argilla.

Written are Label Studio's tasks and Argilla's records. Read is what those tools export: Label
Studio's JSON and JSON-MIN, Argilla's records (`dataset.records.to_json`). In both the answer is one
of relevant, partly, not, unsure; which pair it is of stands in the task's data, or in the record's
metadata, and comes back unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import polars as pl

from negatives.errors import DataError
from negatives.read.files import blocks, reading
from negatives.schema import PAIR

Form = Literal["table", "label-studio", "argilla"]
FORMS: Final[tuple[Form, ...]] = ("table", "label-studio", "argilla")
_ABOUT: Final = (*PAIR, "order", "picks")
_WRONG: Final = "export the project as JSON from Label Studio, or with records.to_json from Argilla"


def tasks(sample: pl.DataFrame, form: Form) -> list[dict[str, Any]]:
    """Pairs with their texts as tasks of Label Studio, or records of Argilla."""
    rows = sample.iter_rows(named=True)
    if form == "label-studio":
        return [{"data": {name: row[name] for name in (*_ABOUT, *_TEXTS)}} for row in rows]
    return [
        {
            "id": f"pair-{number}",
            "fields": {name: row[name] for name in _TEXTS},
            "metadata": {name: row[name] for name in _ABOUT},
            "suggestions": {},
            "responses": {},
            "vectors": {},
        }
        for number, row in enumerate(rows, start=1)
    ]


_TEXTS: Final = ("query", "document")


def annotated(path: Path) -> pl.DataFrame:
    """The answers in a file that Label Studio or Argilla has exported, one row an answer.

    query_id, doc_id, relevant (as a word; null where nothing was answered), reviewer, time, order
    and picks. `DataError` where it is neither.
    """
    with reading(path):
        content = b"".join(blocks(path))
    try:
        items = json.loads(content)
    except ValueError as error:
        raise DataError(f"this is no JSON: {error}", where=str(path), fix=_WRONG) from None
    if not isinstance(items, list):
        raise DataError("this is no list of tasks or records", where=str(path), fix=_WRONG)
    rows: list[dict[str, str | None]] = []
    for number, item in enumerate(items, start=1):
        where = f"{path}, item {number:,}"
        if not isinstance(item, dict):
            raise DataError("an item is neither a task nor a record", where=where, fix=_WRONG)
        about, answers = _item(item, where)
        for name in PAIR:
            if not isinstance(about.get(name), str | int):
                raise DataError(f"an item has no {name}", where=where, fix=_LOST)
        pair: dict[str, str | None] = {name: str(about.get(name) or "") for name in _ABOUT}
        found = [answer | pair for answer in answers]
        rows += found or [{"relevant": None, "reviewer": "", "time": "", **pair}]
    return pl.DataFrame(rows, schema=dict.fromkeys(_COLUMNS, pl.String))


_COLUMNS: Final = (*PAIR, "relevant", "reviewer", "time", "order", "picks")
_LOST: Final = "import the pairs as `negatives judge RUN --ask 60 -o FILE.json` writes them"


def _item(
    item: dict[str, Any], where: str
) -> tuple[Mapping[str, Any], list[dict[str, str | None]]]:
    """What a task or a record is about, and the answers it holds."""
    if isinstance(item.get("data"), dict) and isinstance(item.get("annotations"), list | None):
        return item["data"], list(_of_task(item.get("annotations") or [], where))
    if isinstance(item.get("metadata"), dict) and "fields" in item:
        return item["metadata"], list(_of_record(item.get("responses") or {}, where))
    if "annotation_id" in item and "doc_id" in item:  # JSON-MIN
        words = [item[name] for name in ("verdict", "choice", "relevant") if name in item]
        answer = {
            "relevant": _word(words[0], where) if words else None,
            "reviewer": _who(item.get("annotator")),
            "time": str(item.get("created_at") or ""),
        }
        return item, [answer]
    raise DataError("an item is neither a task nor a record", where=where, fix=_WRONG)


def _of_task(annotations: list[Any], where: str) -> Iterator[dict[str, str | None]]:
    for each in annotations:
        if not isinstance(each, dict):
            raise DataError("an annotation is no object", where=where, fix=_WRONG)
        if each.get("was_cancelled"):
            continue
        values = [
            result["value"]
            for result in each.get("result") or []
            if isinstance(result, dict) and isinstance(result.get("value"), dict)
        ]
        words = [value["choices"] for value in values if "choices" in value]
        yield {
            "relevant": _word(words[0], where) if words else None,
            "reviewer": _who(each.get("completed_by")),
            "time": str(each.get("created_at") or ""),
        }


def _of_record(responses: Any, where: str) -> Iterator[dict[str, str | None]]:
    """Responses by question (Argilla 2), or a list of them with `values` by question (before)."""
    flat: list[tuple[Any, Any, str]] = []
    if isinstance(responses, dict):
        for given in responses.values():
            for each in given if isinstance(given, list) else [given]:
                if isinstance(each, dict):
                    flat.append((each.get("value"), each.get("user_id"), each.get("status") or ""))
    elif isinstance(responses, list):
        for each in responses:
            if isinstance(each, dict) and isinstance(each.get("values"), dict):
                for value in each["values"].values():
                    inner = value.get("value") if isinstance(value, dict) else value
                    flat.append((inner, each.get("user_id"), each.get("status") or ""))
    for value, user, status in flat:
        if status not in ("draft", "discarded"):
            yield {"relevant": _word(value, where), "reviewer": _who(user), "time": ""}


def _word(value: Any, where: str) -> str | None:
    """The one word that was chosen."""
    if isinstance(value, dict):
        value = value.get("choices")
    if isinstance(value, list):
        if len(value) > 1:
            raise DataError("a pair has several verdicts in one answer", where=where, fix=_ONE)
        value = value[0] if value else None
    if value is not None and not isinstance(value, str):
        raise DataError(f"a verdict is {value!r}, which is no word", where=where, fix=_ONE)
    return value


_ONE: Final = "make the question a single choice of relevant, partly, not, unsure"


def _who(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("email") or value.get("username") or value.get("id")
    return "" if value is None else str(value)
