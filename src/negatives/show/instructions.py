"""Instructions of labels as a Markdown file, for people who judge and for models' prompts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import polars as pl

from negatives.measure.estimate import rounded
from negatives.measure.instructions import CHOSEN, NAME, SETS, Instruction, Instructions
from negatives.printable import printable
from negatives.schema import CONTENT, Collection
from negatives.stats.bootstrap import interval
from negatives.wording import plural

LONGEST: Final = 300
"""Characters of an item,"""
TITLE: Final = 80
"""of a label's name,"""
_OTHERS: Final = 3
"""and labels that a near miss has, at most."""
_MARKUP: Final = re.compile(r"[\\`*<\[]|^[#>+-]|^(?=\d+[.)])")
"""What would be more than itself in Markdown, at the places where texts stand."""


def markdown(made: Instructions) -> str:
    """The whole file, a section a label; the same bytes of the same instructions."""
    labels = _Labels(made.collection)
    parts = [
        f"# What the labels of {_plain(made.collection.name, TITLE)} mean",
        "Examples and words that, as queries, find the items of each label best among all others "
        f"(encoder: {_plain(made.encoder, TITLE)}; average precision on items that were not used, "
        f"{_found(made, CHOSEN)}; by the label's own name {_found(made, NAME)}). They "
        "are told from the labels alone, and where these are wrong or missing, they are too: a "
        "near miss may be an item whose label was forgotten. Read them before others judge by "
        "them.",
    ]
    for each in made.categories:
        parts += _section(each, labels)
    return "\n\n".join(parts) + "\n"


def figures(made: Instructions) -> dict[str, Any]:
    """Plain values: what was found, and of how many labels nothing is told, and why."""
    data = made.collection
    docs, queries = data.ids("docs"), data.ids("queries")
    means = {}
    for name in SETS:
        found = interval(made.values(name), seed=made.wanted.seed)
        means[name] = {key: rounded(getattr(found, key)) for key in ("value", "low", "high")}
    return {
        "labels": len(made.categories),
        "left out": dict(made.left_out),
        "encoder": made.encoder,
        "average precision on items held out": means,
        "instructions": [
            {
                "doc_id": docs[each.doc],
                "items": each.items,
                "held out": len(each.held_out),
                "examples": [queries[row] for row in each.examples],
                "words": list(each.words),
                "near misses": [queries[row] for row in each.near],
                "average precision": {name: rounded(value) for name, value in each.found.items()},
            }
            for each in made.categories
        ],
    }


def _section(each: Instruction, labels: _Labels) -> Iterator[str]:
    name, whole = labels.name(each.doc), labels.text(each.doc)
    yield f"## {name}"
    if whole and whole != name:
        yield whole
    yield (
        f"Label `{labels.id(each.doc)}`, {plural(each.items, 'item')}. By what follows, items that "
        f"were not used are found with an average precision of {each.found[CHOSEN]:.2f}; by its "
        f"own name, {each.found[NAME]:.2f}."
    )
    if words := [_plain(word, TITLE) for word in each.words]:
        yield f"Words for it: {'; '.join(words)}."
    yield "It is the label of:"
    yield "\n".join(f"- {labels.item(row)}" for row in each.examples)
    if each.near:
        yield "It is not the label of these, though they are near:"
        yield "\n".join(
            f"- {labels.item(row)} Labelled: {labels.others(row)}." for row in each.near
        )


class _Labels:
    """How labels and items are shown."""

    def __init__(self, data: Collection) -> None:
        self._data = data
        self._of = data.positives

    def id(self, doc: int) -> str:
        return _line(self._data.ids("docs")[doc], TITLE).replace("`", "'")

    def name(self, doc: int) -> str:
        """Its title, or else how its text begins, or its id."""
        title = self._data.corpus["title"][doc] if self._data.has("docs", "title") else ""
        return _plain(title or "", TITLE) or self.text(doc, TITLE) or _plain(self.id(doc), TITLE)

    def text(self, doc: int, longest: int = LONGEST) -> str:
        return _content(self._data.corpus, doc, longest)

    def item(self, query: int) -> str:
        id = _line(self._data.ids("queries")[query], TITLE).replace("`", "'")
        return " ".join(filter(None, (_content(self._data.queries, query, LONGEST), f"(`{id}`)")))

    def others(self, query: int) -> str:
        """The names of its labels."""
        docs = self._of.filter(pl.col("query") == query)["doc"].to_list()
        named = [self.name(doc) for doc in docs[:_OTHERS]]
        return "; ".join([*named, *([f"{len(docs) - _OTHERS} more"] if docs[_OTHERS:] else [])])


def _content(frame: pl.DataFrame, row: int, longest: int) -> str:
    """The text, or else the path of the image, or the series."""
    held = (frame[name][row] for name in CONTENT if name in frame.columns)
    return next((plain for each in held if (plain := _plain(each, longest))), "")


def _line(text: str, longest: int) -> str:
    """The beginning of a text in one line, without what steers a terminal or a page."""
    whole = " ".join(text[: 4 * longest].split())
    cut = whole if len(whole) <= longest else f"{whole[:longest].rstrip()} ..."
    return printable(cut)


def _plain(text: str, longest: int) -> str:
    """The same as Markdown that shows just that."""
    return _MARKUP.sub(lambda found: f"\\{found[0]}", _line(text, longest))


def _found(made: Instructions, name: str) -> str:
    return f"{made.values(name).mean():.3f} on average"
