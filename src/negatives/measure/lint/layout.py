"""Which columns of a mined file hold what: the shapes that trainers read, told by their names.

| layout         | columns                                                                      |
|----------------|------------------------------------------------------------------------------|
| triplet        | anchor or query, positive, negative                                          |
| n-tuple        | anchor or query, positive, negative_1 .. negative_n                          |
| lists          | query, positive(s), negatives as a list                                      |
| flagembedding  | query, pos, neg                                                              |
| tevatron       | query, positive_passages, negative_passages; or query_text and document ids  |
| labeled-pair   | a text, another text, label (above 0 a positive)                             |
| labeled-list   | query, docs, labels                                                          |
| qrels          | query-id, corpus-id, score (above 0 a positive); or TREC's four columns      |
| trec-run       | TREC's six columns: every line a negative                                    |

Columns of ids in place of texts end in _id (anchor_id, positive_id, negative_1_id, doc_ids).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import polars as pl

from negatives.errors import DataError
from negatives.read.columns import NEGATIVE, POSITIVE, QUERY, QUERY_ID
from negatives.read.frames import is_text
from negatives.read.qrels import DOC_NAMES, SCORE_NAMES

Kind = Literal["text", "id", "passage"]
Shape = Literal["wide", "pair", "list"]

NEGATIVE_ID: Final = re.compile(r"(hard[_-]?)?neg(ative)?s?[_-]?(\d*)[_-]ids?")
LABELS: Final = ("label", "labels", "score", "relevance", "rel")
_MEND: Final = (
    "name the columns anchor, positive and negative (or negative_1, negative_2 ...); or query, "
    "pos, neg; or two texts and a label"
)


@dataclass(frozen=True, slots=True)
class Part:
    """A column with documents of one side: one a row, or a list of them."""

    column: str
    kind: Kind
    listed: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """How the rows of a file are laid out.

    `wide`: a row holds a query with its positives and negatives. `pair`: a query, one document, a
    label. `list`: a query, documents, their labels. `label` is empty where every row is a negative.
    """

    name: str
    shape: Shape
    query: str = ""
    query_id: str = ""
    positives: tuple[Part, ...] = ()
    negatives: tuple[Part, ...] = ()
    label: str = ""

    @property
    def columns(self) -> list[str]:
        """The columns to read."""
        parts = [part.column for part in (*self.positives, *self.negatives)]
        names = [self.query, self.query_id, *parts, self.label]
        return list(dict.fromkeys(name for name in names if name))

    @property
    def fixed(self) -> bool:
        """Whether a row must have as many negatives as the others: a column for each."""
        return self.shape == "wide" and not any(part.listed for part in self.negatives)

    @property
    def has_texts(self) -> bool:
        """Whether documents come as texts, and not only as ids."""
        return any(part.kind != "id" for part in self.negatives)


def layout_of(columns: Mapping[str, Any], where: str) -> Layout:
    """The layout of a file with these columns (name -> polars type); `DataError` if none fits."""
    if not columns:
        raise DataError("the file holds no rows", where=where)
    lower = {name.lower(): name for name in reversed([*columns])}
    if "_id" in lower and "text" in lower:
        raise DataError(
            "this file holds documents or queries, not negatives",
            where=where,
            mend="name the mined file, and the folder with --data",
        )
    for recognise in (_tevatron, _labelled_lists, _wide, _ledger, _judgements, _labelled_pairs):
        found = recognise(columns, lower)
        if found is not None:
            return _checked(found, columns, where)
    raise DataError(
        f"no column holds negatives among {', '.join(map(repr, columns))}", where=where, mend=_MEND
    )


def _checked(layout: Layout, columns: Mapping[str, Any], where: str) -> Layout:
    if not (layout.query or layout.query_id):
        raise DataError(
            f"no column holds the query among {', '.join(map(repr, columns))}",
            where=where,
            mend=_MEND,
        )
    if layout.shape == "wide" and not layout.positives:
        raise DataError(
            f"no column holds the positive among {', '.join(map(repr, columns))}",
            where=where,
            mend=_MEND,
        )
    return layout


def _tevatron(columns: Mapping[str, Any], lower: Mapping[str, str]) -> Layout | None:
    sides: list[tuple[Part, ...]] = []
    for side in ("positive", "negative"):
        if f"{side}_passages" in lower:
            sides.append((Part(lower[f"{side}_passages"], "passage", True),))
        elif f"{side}_document_ids" in lower:
            sides.append((Part(lower[f"{side}_document_ids"], "id", True),))
        else:
            return None
    query = _first(lower, ("query", "query_text"))
    return Layout("tevatron", "wide", query, _first(lower, QUERY_ID), sides[0], sides[1])


def _labelled_lists(columns: Mapping[str, Any], lower: Mapping[str, str]) -> Layout | None:
    label = _first(lower, ("labels", "label", "scores"))
    docs = _first(lower, ("docs", "documents", "passages", "texts", "doc_ids"))
    if not (label and docs and _is_list(columns[label]) and _is_list(columns[docs])):
        return None
    part = Part(docs, "id" if docs.lower() == "doc_ids" else "text", True)
    query = _first(lower, QUERY)
    return Layout("labeled-list", "list", query, _first(lower, QUERY_ID), (), (part,), label)


def _wide(columns: Mapping[str, Any], lower: Mapping[str, str]) -> Layout | None:
    texts = _numbered(columns, NEGATIVE, "text")
    ids = _numbered(columns, NEGATIVE_ID, "id")
    if not (texts or ids):
        return None
    negatives = texts + ids
    query, query_id = _first(lower, QUERY), _first(lower, (*QUERY_ID, "query_ids"))
    positive = _first(lower, (*POSITIVE, "positives"))
    positive_id = _first(lower, ("positive_id", "positive_ids", "pos_id", "pos_ids"))
    taken = {query, query_id, positive, positive_id, *(part.column for part in negatives)}
    free = [n for n, t in columns.items() if n not in taken and is_text(t)]
    if not (query or query_id) and free:
        query = free.pop(0)
    if not (positive or positive_id) and free:
        positive = free.pop(0)
    positives = []
    if positive:
        positives.append(Part(positive, "text", _is_list(columns[positive])))
    if positive_id:
        positives.append(Part(positive_id, "id", _is_list(columns[positive_id])))
    return Layout(
        _name(lower, negatives), "wide", query, query_id, tuple(positives), tuple(negatives)
    )


def _name(lower: Mapping[str, str], negatives: list[Part]) -> str:
    if any(part.listed for part in negatives):
        return "flagembedding" if {"query", "pos", "neg"} <= {*lower} else "lists"
    return "triplet" if len(negatives) == 1 else "n-tuple"


def _ledger(columns: Mapping[str, Any], lower: Mapping[str, str]) -> Layout | None:
    """A run's negatives.parquet, and TREC's run: ids, and every row is a negative."""
    if not {"query_id", "doc_id"} <= {*lower}:
        return None
    if not ({"position"} <= {*lower} or {"rank", "tag"} <= {*lower}):
        return None
    name = "trec-run" if "tag" in lower else "run"
    doc = Part(lower["doc_id"], "id", False)
    return Layout(name, "pair", "", lower["query_id"], (), (doc,))


def _judgements(columns: Mapping[str, Any], lower: Mapping[str, str]) -> Layout | None:
    query, doc = _first(lower, QUERY_ID), _first(lower, DOC_NAMES)
    score = _first(lower, SCORE_NAMES)
    if not (query and doc and score):
        return None
    return Layout("qrels", "pair", "", query, (), (Part(doc, "id", False),), score)


def _labelled_pairs(columns: Mapping[str, Any], lower: Mapping[str, str]) -> Layout | None:
    label = _first(lower, LABELS)
    if not label:
        return None
    if {"anchor_id", "passage_id"} <= {*lower}:
        doc = Part(lower["passage_id"], "id", False)
        return Layout("labeled-pair", "pair", "", lower["anchor_id"], (), (doc,), label)
    texts = [name for name, kind in columns.items() if is_text(kind) and name != label]
    query = _first(lower, QUERY) or next(iter(texts), "")
    rest = [name for name in texts if name != query]
    known = [name for name in rest if name.lower() in (*POSITIVE, "text2", "doc", "text")]
    if not (query and rest):
        return None
    doc = Part((known or rest)[0], "text", False)
    return Layout("labeled-pair", "pair", query, _first(lower, QUERY_ID), (), (doc,), label)


def _numbered(columns: Mapping[str, Any], pattern: re.Pattern[str], kind: Kind) -> list[Part]:
    """Columns whose names fit, by their numbers."""
    found = [name for name in columns if pattern.fullmatch(name.lower())]
    found.sort(key=lambda name: (int(re.sub(r"\D", "", name) or 0), name))
    return [Part(name, kind, _is_list(columns[name])) for name in found]


def _first(lower: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((lower[name] for name in names if name in lower), "")


def _is_list(dtype: Any) -> bool:
    return isinstance(dtype, pl.List | pl.Array)
