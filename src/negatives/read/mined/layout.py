"""Which columns of a file hold what: decided once, for every command that reads the file.

| layout         | columns                                                                      |
|----------------|------------------------------------------------------------------------------|
| pairs          | query or anchor, positive (or answer, passage, document ...)                 |
| triplet        | anchor or query, positive, negative                                          |
| n-tuple        | the same with negative_1 .. negative_n                                       |
| lists          | query, positive(s), negatives as a list                                      |
| flagembedding  | query, pos, neg                                                              |
| tevatron       | query, positive_passages, negative_passages: objects; or document ids        |
| dpr            | question, positive_ctxs, hard_negative_ctxs, negative_ctxs: objects          |
| messages       | messages, positive_messages, negative_messages                               |
| preference     | prompt, chosen, rejected                                                     |
| labeled-pair   | a query, a document, label (above 0 a positive); prompt, completion, label   |
| labeled-list   | query, documents, labels                                                     |
| scored-list    | query_id, document_ids, scores: a collection says which are positives        |
| qrels          | query-id, corpus-id, score (above 0 a positive); or TREC's four columns      |
| run, trec-run  | ids, and every line a negative                                               |
| interactions   | user_id, item_id, perhaps rating, timestamp: ids of which there are no texts |

Documents may be texts, ids (of names in _id, or whole numbers), objects of both, or lists of these
by the system that found them. Objects never become texts, nor ids, nor numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from negatives.read.file_options import AS_NAMED, FileOptions
from negatives.read.mined.columns import Column
from negatives.read.mined.names import (
    ITEMS,
    MOMENTS,
    RATINGS,
    SESSIONS,
    USERS,
    like_documents,
    like_labels,
    like_negatives,
    plain,
    role_of,
)
from negatives.read.mined.parts import Form, Part
from negatives.read.mined.sides import Sides

Shape = Literal["wide", "pair", "list"]

INTERACTIONS: Final = "interactions"
_BY_ENDING: Final = {"_ctxs": "dpr", "_messages": "messages", "rejected": "preference"}


@dataclass(frozen=True, slots=True)
class Layout:
    """How the rows of a file are laid out.

    `wide`: a row holds a query with its positives and negatives. `pair`: a query, one document, a
    label. `list`: a query, documents, their labels. `label` is empty where every row is a negative;
    in a wide layout it is the relevance of the positives. `scores`: a column of scores, one a
    document of the row; `time`: one of the moments of the rows. `notes`: what a reader of the file
    should know. Without `negatives` the file is one of pairs. `relevant_from`: the least label that
    is relevant, where that was said.
    """

    name: str
    shape: Shape
    query: str = ""
    query_id: str = ""
    positives: tuple[Part, ...] = ()
    negatives: tuple[Part, ...] = ()
    label: str = ""
    scores: str = ""
    query_form: Form = "plain"
    notes: tuple[str, ...] = ()
    relevant_from: float | None = None
    time: str = ""

    @property
    def columns(self) -> list[str]:
        """The columns to read."""
        parts = [*self.positives, *self.negatives]
        names = [part.column for part in parts] + [part.scores for part in parts]
        names = [self.query, self.query_id, *names, self.label, self.scores, self.time]
        return list(dict.fromkeys(name for name in names if name))

    @property
    def fixed(self) -> bool:
        """Whether a row must have as many negatives as the others: a column for each."""
        return self.shape == "wide" and not any(part.listed for part in self.negatives)

    @property
    def by_id(self) -> bool:
        """Whether queries or documents come by their ids alone."""
        documents = (*self.positives, *self.negatives)
        return not self.query or all(part.kind == "id" for part in documents)


def layout_of(
    columns: Mapping[str, Column],
    where: str,
    options: FileOptions = AS_NAMED,
    ids: frozenset[str] = frozenset(),
) -> Layout:
    """The layout of a file with these columns; `DataError` where none is understood.

    `ids`: columns of texts that are known to be ids.
    """
    return _Deciding(columns, where, options, ids).layout()


class _Deciding(Sides):
    """The layout of one file, from its columns by their roles."""

    def layout(self) -> Layout:
        """The layout; every column that is left is looked at once more."""
        self._refuse_what_holds_no_pairs()
        self._notes: list[str] = []
        made = self._interactions()
        if made is None:
            made = self._lines_of_trec() or self._documents_with_labels() or self._wide()
            self._look_at_the_rest(made)
        least = self._options.relevant_from
        if least is not None and not made.label:
            raise self._refused(
                f"what is relevant was said to begin at {least:g}, and no column has labels or "
                "scores of which that could be said",
                "leave that out, or name the column score",
            )
        return replace(made, notes=(*self._notes,), relevant_from=least)

    # ---- the shapes ------------------------------------------------------------------------------

    def _interactions(self) -> Layout | None:
        """Users and items: ids of which nobody has a text.

        Where a side was said to be another column, it is that one, if this holds ids too.
        """
        user, item, rating, time = (
            self._named(names) for names in (USERS, ITEMS, RATINGS, MOMENTS)
        )
        if not user and not self._roles.get("query"):  # else what was asked in a session
            user = self._named(SESSIONS)
        if not user and not item:
            return None
        told = {side: self._columns[name] for name, side in self._side_of.items()}
        if any(not self._told_role(side, each).endswith("_id") for side, each in told.items()):
            return None
        user = [told["query"]] if "query" in told else user
        item = [told["positive"]] if "positive" in told else item
        if not user or not item or "negative" in told:
            return None
        called = {"user": user, "item": item, "rating": rating, "time": time}
        for what, columns in called.items():
            if columns:
                self._only(what, columns)
        self._refuse_no_ids(user[0], item[0])
        used = {column.name for columns in called.values() for column in columns}
        left = [name for name in self._columns if name not in used]
        if left:
            said = ", ".join(map(repr, left))
            counts = "" if rating else ": every row counts as one positive"
            self._notes.append(
                f"column{'s' * (len(left) > 1)} {said} {'are' if left[1:] else 'is'} not used"
                + counts
            )
        part, when = (Part(item[0].name, "id", False),), time[0].name if time else ""
        if rating:
            label = self._label(rating[0]).name
            return Layout(INTERACTIONS, "pair", "", user[0].name, (), part, label, time=when)
        return Layout(INTERACTIONS, "wide", "", user[0].name, part, time=when)

    def _named(self, names: tuple[str, ...]) -> list[Column]:
        """The columns that have one of the names."""
        return [self._columns[self._names[name]] for name in names if name in self._names]

    def _lines_of_trec(self) -> Layout | None:
        """A run's negatives.parquet, TREC's run, and judgements: ids only."""
        there = {*self._names}
        query, doc = self._one("query_id"), self._one("document_id")
        if not (query and doc) or self._roles.get("query") or self._roles.get("negative"):
            return None
        if doc.depth or self._roles.get("document") or self._roles.get("positive"):
            return None
        part = self._part(doc, by_id=True)
        if {"rank", "tag"} <= there or "position" in there:
            name = "trec-run" if "tag" in there else "run"
            return Layout(name, "pair", "", query.name, (), (part,))
        label = self._one("label") or self._one("score")
        if label is None:
            return None
        return Layout("qrels", "pair", "", query.name, (), (part,), self._label(label).name)

    def _documents_with_labels(self) -> Layout | None:
        """Labelled pairs and lists: documents of both sides in one column, and what each is."""
        if self._roles.get("negative") or self._roles.get("negative_id"):
            return None
        labels = self._roles.get("label") or self._roles.get("score")
        if not labels:
            return None
        label = self._only("label", labels)
        parts = self._positives()
        if not parts:
            return None
        query, query_id, form = self._query()
        if not label.depth:
            self._label(label)
        elif label.depth > 1 or label.holds not in ("whole", "fraction", "truth", "nothing"):
            raise self._refused(f"column {label.name!r} holds {label}, and no labels")
        elif not self._roles.get("label") and self._options.relevant_from is None:
            if all(part.kind == "id" for part in parts):
                return Layout("scored-list", "list", query, query_id, (), parts, scores=label.name)
            raise self._refused(
                f"documents with {label.name!r} and no labels: scores of a teacher do not tell "
                "which are negatives",
                "add a column labels: above 0 is a positive, 0 a negative; or say from which score "
                "on a document is relevant (--relevant-from)",
            )
        shape: Shape = "list" if label.depth else "pair"
        name = f"labeled-{shape}"
        return Layout(name, shape, query, query_id, (), parts, label.name, query_form=form)

    def _wide(self) -> Layout:
        """A query with its positives, and its negatives where there are some."""
        negatives = self._sides("negative", "negative_id")
        positives = self._positives()
        self._refuse_sideless(positives)
        asked = bool(self._roles.get("query") or self._roles.get("query_id") or self._messages())
        missing = ([] if asked else ["query"]) + ([] if positives else ["positive"])
        if missing:
            found = self._by_place(missing)
            if not positives:
                positives = found[-1:]
            if not asked:
                self._roles["query"] = [self._columns[found[0].column]]
        query, query_id, form = self._query()
        label, scores = self._labels_beside(bool(negatives))
        name = self._name(positives, negatives)
        return Layout(name, "wide", query, query_id, positives, negatives, label, scores, form)

    def _refuse_sideless(self, positives: tuple[Part, ...]) -> None:
        """Lists, objects and ids that no label and no name puts on a side may be anything."""
        for part in positives:
            role = role_of(part.column)
            sideless = part.listed or part.form != "plain"
            if sideless and role in ("document", "document_id") and "positive" not in self._told:
                raise self._sideless(self._columns[part.column])
            if role == "document_id" and len(positives) == 1 and "positive" not in self._told:
                self._notes.append(f"column {part.column!r} was taken as the positive's id")

    def _name(self, positives: tuple[Part, ...], negatives: tuple[Part, ...]) -> str:
        if not negatives:
            return "pairs"
        columns = [plain(part.column) for part in (*positives, *negatives)]
        if any(name.endswith(("_passages", "_document_ids")) for name in columns) and any(
            part.kind != "text" for part in negatives
        ):
            return "tevatron"
        for ending, name in _BY_ENDING.items():
            if any(column.endswith(ending) for column in columns):
                return name
        if {"query", "pos", "neg"} <= {*self._names}:
            return "flagembedding"
        if any(part.listed for part in negatives):
            return "lists"
        texts = [part for part in negatives if part.kind != "id"] or negatives
        return "triplet" if len(texts) == 1 else "n-tuple"

    # ---- what has no name that is known ----------------------------------------------------------

    def _by_place(self, missing: list[str]) -> tuple[Part, ...]:
        """The text columns left over, where they are exactly as many as what is missing."""
        used = {column.name for columns in self._roles.values() for column in columns}
        free = [column for name, column in self._columns.items() if name not in used]
        texts = [column for column in free if column.holds in ("text", "object")]
        alike = all(c.is_worded and not c.is_constant and not c.depth for c in texts)
        odd = [column for column in texts if like_documents(column.name)]
        odd += self._roles.get("label", []) + self._roles.get("score", [])
        if len(texts) != len(missing) or not alike or odd:
            raise self._missing(missing[-1], texts)
        for key, column in zip(missing, texts, strict=True):
            self._notes.append(f"column {column.name!r} was taken as the {key}, by its place")
        return tuple(self._part(column, False) for column in texts)

    def _look_at_the_rest(self, made: Layout) -> None:
        """Columns that the layout does not use: what may be documents of a side is refused."""
        by_name = any(role_of(part.column) == "positive" for part in made.positives)
        judged = by_name or made.negatives or made.label or self._told
        for name, column in self._columns.items():
            if name in made.columns:
                continue
            if not judged and (column.holds == "truth" or like_labels(name)):
                raise self._unclear(column)
            if column.holds not in ("text", "object"):
                continue
            known = role_of(name) in ("query", "positive", "negative") and not self._told
            texts = column.depth > 0 or column.is_worded or column.holds == "object"
            like = like_negatives(name) or (like_documents(name) and not by_name)
            like = like and not self._told
            if known or (like and texts):
                raise self._sideless(column)
            if column.is_worded and plain(name) not in _ABOUT:
                self._notes.append(f"column {name!r} holds texts that are not used")


_ABOUT: Final = frozenset(
    (
        *("prompt", "instruction", "type", "task", "dataset", "source", "subset", "split"),
        *("language", "lang", "url", "system", "metadata", "category", "domain", "answers"),
    )
)
"""Columns about a row, which nobody takes for its texts."""
