"""What columns are called: one table, for pair files and for mined files alike.

| column       | names, in upper or lower case, with `_`, `-` or a space                          |
|--------------|----------------------------------------------------------------------------------|
| query        | query, anchor, question, sentence1, sent0, query_text, text1                     |
| positive     | positive(s), pos, chosen; positive_ or relevant_ with passages, docs, texts ...  |
| negatives    | negative(s), neg, hard_negative(s), rejected, rejected_response(s); each also    |
|              | with a number: negative_1, hn_1                                                  |
| a document   | passage, document, doc, answer, text, sentence2, sent1, text2; response or       |
|              | completion, whose query is prompt where none is there                            |
| query id     | query_id, qid, anchor_id, question_id                                            |
| document ids | positive_id, negative_id, negative_1_id; doc_id, corpus_id, document_ids, pid    |
| label        | label(s), relevance, rel, grade, gold_label, judgment, is_relevant, is_positive, |
|              | is_duplicate ..., or score: whole numbers, or true and false                     |
| scores       | pos_scores, neg_scores; scores beside documents of both sides                    |

A file with a column of users (user, user_id, uid; without one, session_id) and one of items (item,
item_id, movie_id, product_id ...) is one of interactions: every row is a positive, or `rating` says
which are, and `timestamp` (or time, date ...) when it came to be.

A document that is on no side by its name is a positive where a row has one and no label. Where a
query or a positive has none of these names, the only text column left over is taken, and a note
says so; several are refused, and so is every column that may hold documents and is not understood.
A label above 0 is a positive, 0 a judged negative, below 0 no judgement. A column must also hold
what its name says.
"""

from __future__ import annotations

import re
from typing import Final, Literal

Role = Literal[
    "query",
    "query_id",
    "positive",
    "positive_id",
    "negative",
    "negative_id",
    "document",
    "document_id",
    "label",
    "score",
    "positive_scores",
    "negative_scores",
]

NAMES: Final[dict[Role, tuple[str, ...]]] = {
    "query": ("query", "anchor", "question", "sentence1", "sent0", "query_text", "text1"),
    "query_id": ("query_id", "qid", "anchor_id", "question_id", "queryid", "query_ids"),
    "positive": (
        "positive",
        "positives",
        "pos",
        "chosen",
        *(
            f"{side}_{what}{many}"
            for side in ("positive", "pos", "relevant")
            for what in ("passage", "doc", "document", "text", "ctx", "context")
            for many in ("", "s")
        ),
        "positive_message",
        "positive_messages",
    ),
    "positive_id": (
        *("positive_id", "positive_ids", "pos_id", "pos_ids", "positive_document_ids"),
        *("positive_doc_ids", "positive_passage_ids", "positive_pids", "pos_pids"),
    ),
    "document": (
        *("passage", "document", "doc", "answer", "sentence2", "sent1", "text2", "text"),
        *("passages", "documents", "docs", "texts", "response", "completion"),
    ),
    "document_id": (
        *("doc_id", "docid", "corpus_id", "document_id", "passage_id", "pid", "did"),
        *("doc_ids", "docids", "corpus_ids", "document_ids", "passage_ids", "pids"),
    ),
    "label": (
        *("label", "labels", "relevance", "relevances", "rel", "grade", "grades"),
        *("rating", "ratings", "gold_label", "gold_labels", "judgment", "judgement"),
        *(
            f"is_{what}"
            for what in ("relevant", "positive", "correct", "duplicate", "match", "selected")
        ),
    ),
    "score": ("score", "scores", "ce_score", "ce_scores", "teacher_score", "teacher_scores"),
    "positive_scores": (
        "pos_scores",
        "positive_scores",
        "pos_score",
        "positive_score",
        "document_score",
    ),
    "negative_scores": (
        "neg_scores",
        "negative_scores",
        "neg_score",
        "negative_score",
        "negatives_scores",
    ),
}

_THINGS: Final = (
    *(
        "movie",
        "product",
        "artist",
        "track",
        "song",
        "book",
        "business",
        "venue",
        "location",
        "poi",
    ),
    *("game", "app", "video", "recipe", "article", "news"),
)
USERS: Final = (
    *("user", "user_id", "userid", "uid", "user_idx", "customer_id", "customerid"),
    *("reviewer_id", "reviewerid", "visitor_id", "visitorid"),
)
SESSIONS: Final = ("session_id", "sessionid")
"""What somebody had at once, where nobody says who it was."""
ITEMS: Final = (
    *("item", "item_id", "itemid", "iid", "item_idx"),
    *(f"{what}_id" for what in (*_THINGS,)),
    *(f"{what}id" for what in (*_THINGS,)),
    *("asin", "parent_asin"),
)
RATINGS: Final = ("rating", "ratings", "relevance", "label")
MOMENTS: Final = (
    *("timestamp", "time", "datetime", "date", "ts", "unix_timestamp", "event_time", "timestamps"),
)
"""Columns of a file of interactions; every other is not used."""

_NEGATIVE: Final = (
    r"((hard|random|easy|mined|bm25)_?)?neg(ative)?s?"
    r"(_(passage|ctx|context|doc|document|text|message)s?)?"
)
NEGATIVE: Final = re.compile(
    rf"{_NEGATIVE}_?\d*|hn_?\d+|rejected(_(response|passage|doc|document|text)s?)?"
    r"|irrelevant_(passage|doc|document|text)s?"
)
NEGATIVE_ID: Final = re.compile(rf"{_NEGATIVE}(_?\d*_ids?|_ids?_?\d*|_pids?)")

_LIKE_NEGATIVES: Final = re.compile(
    r"(^|_)(neg|negatives?|hns?|rejected|wrong|incorrect|bad|distractors?|irrelevant)(_|\d|$)"
)
_LIKE_DOCUMENTS: Final = re.compile(
    r"(^|_)(good|chosen|candidates?|contexts?|ctxs?|passages?|docs?|documents?|responses?|"
    r"completions?|positives?|answer|correct_answers?)(_|\d|$)"
)

_LIKE_LABELS: Final = re.compile(
    r"(^|_)(labels?|relevan\w*|rel|qrels?|grades?|gold|truth|targets?|judge?ments?|is|scores?|"
    r"similar\w*|duplicates?|match\w*|correct|selected|positive|class|y)(_|\d|$)"
)

PASSAGE_TEXT: Final = ("text", "contents", "content", "passage", "passage_text", "document", "body")
PASSAGE_ID: Final = (
    *("docid", "doc_id", "pid", "passage_id", "psg_id", "document_id", "docno", "_id", "id"),
)
PASSAGE_SCORE: Final = ("score", "ce_score", "scores", "ce_scores")

_ROLES: Final[dict[str, Role]] = {name: role for role, names in NAMES.items() for name in names}


def plain(name: str) -> str:
    """A name as it is compared; what RecBole writes after it is its type."""
    bare = re.sub(r":(token|float)(_seq)?$", "", name.strip().lower())
    return re.sub(r"[-.\s]+", "_", bare)


def role_of(name: str) -> Role | None:
    """The role a column may have by its name; None where the name says nothing."""
    name = plain(name)
    if name in _ROLES:
        return _ROLES[name]
    if NEGATIVE.fullmatch(name):
        return "negative"
    return "negative_id" if NEGATIVE_ID.fullmatch(name) else None


def like_negatives(name: str) -> bool:
    """Whether a column that is not known by its name may hold negatives all the same."""
    return _LIKE_NEGATIVES.search(plain(name)) is not None


def like_documents(name: str) -> bool:
    """Whether a column may hold documents, by its name, of either side."""
    return like_negatives(name) or _LIKE_DOCUMENTS.search(plain(name)) is not None


def like_labels(name: str) -> bool:
    """Whether a column that is not known by its name may say which documents are relevant."""
    return _LIKE_LABELS.search(plain(name)) is not None


def number_of(name: str) -> int:
    """The number at the end of a name such as negative_3; 0 where there is none."""
    digits = re.sub(r"\D", "", plain(name).replace("bm25", ""))
    return int(digits or 0)
