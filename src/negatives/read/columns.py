"""Which column of a pair file is what: the table of names, and the rule where no name is known.

| column      | names (upper or lower case)                                                       |
|-------------|-----------------------------------------------------------------------------------|
| query       | query, anchor, question, sentence1                                                |
| positive    | positive, pos, answer, passage, document, sentence2                               |
| negatives   | negative, negatives, neg, hard_negative(s), each also with a number: negative_1   |
| query id    | query_id, query-id, qid, anchor_id                                                |
| document id | positive_id, doc_id, doc-id, docid, corpus_id, corpus-id, pos_id                  |
| relevance   | relevance, label, score: whole numbers, above 0 relevant, else a judged negative  |

Where the query or the positive has none of these names, the first text columns left over are
taken in their order, and a note says which.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from negatives.errors import DataError
from negatives.read.findings import Findings
from negatives.read.jsonl import Field

QUERY: Final = ("query", "anchor", "question", "sentence1")
POSITIVE: Final = ("positive", "pos", "answer", "passage", "document", "sentence2")
NEGATIVE: Final = re.compile(r"(hard[_-]?)?neg(ative)?s?[_-]?(\d*)")
QUERY_ID: Final = ("query_id", "query-id", "qid", "anchor_id")
POSITIVE_ID: Final = (
    "positive_id",
    "doc_id",
    "doc-id",
    "docid",
    "corpus_id",
    "corpus-id",
    "pos_id",
)
RELEVANCE: Final = ("relevance", "label", "score")

_MEND: Final = "name the columns query and positive (and negative_1, negative_2 ... if there are)"


def resolve(columns: Mapping[str, bool], where: str, findings: Findings) -> dict[str, Field]:
    """Fields of a pair file from its columns: name -> whether it holds text (or a list of texts).

    Keys: query, positive, and where there are such columns query_id, positive_id, relevance,
    negative_0, negative_1 ...
    """
    if "_id" in columns and "text" in columns:
        raise DataError(
            "this file holds documents or queries, not pairs",
            where=where,
            mend="name the folder: corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv go together",
        )
    lower = {name.lower(): name for name in reversed([*columns])}
    negatives = sorted((name for name in columns if is_negative(name)), key=_number)
    named = {
        key: _first(lower, names)
        for key, names in (
            ("query", QUERY),
            ("positive", POSITIVE),
            ("query_id", QUERY_ID),
            ("positive_id", POSITIVE_ID),
            ("relevance", RELEVANCE),
        )
    }
    taken = {*named.values(), *negatives}
    free = [name for name, is_text in columns.items() if is_text and name not in taken]
    unnamed = [key for key in ("query", "positive") if named[key] is None]
    if len(free) < len(unnamed):
        raise DataError(
            f"no column for the {unnamed[-1]} among {', '.join(map(repr, columns)) or 'none'}",
            where=where,
            mend=_MEND,
        )
    for key, name in zip(unnamed, free, strict=False):
        named[key] = name
        note = f"column {name!r} was taken as the {key}, by its place"
        findings.note(note, note, 1)
    fields = {"query": Field(str(named["query"]), "text")}
    fields["positive"] = Field(str(named["positive"]), "texts")
    if named["query_id"]:
        fields["query_id"] = Field(named["query_id"], "id")
    if named["positive_id"]:
        fields["positive_id"] = Field(named["positive_id"], "ids")
    if named["relevance"]:
        fields["relevance"] = Field(named["relevance"], "number")
    for at, name in enumerate(negatives):
        fields[f"negative_{at}"] = Field(name, "texts", required=False)
    return fields


def is_negative(name: str) -> bool:
    """Whether a column holds given negatives, by its name."""
    return NEGATIVE.fullmatch(name.lower()) is not None


def is_known(name: str) -> bool:
    """Whether the table of names has a column name."""
    names = (*QUERY, *POSITIVE, *QUERY_ID, *POSITIVE_ID, *RELEVANCE)
    return name.lower() in names or is_negative(name)


def _first(lower: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((lower[name] for name in names if name in lower), None)


def _number(name: str) -> tuple[int, str]:
    digits = re.sub(r"\D", "", name)
    return int(digits or 0), name
