"""The query, or the document, that somebody means: by its id, its text, or enough of its text."""

from __future__ import annotations

import difflib
import re
from typing import Final, Literal

import polars as pl

from negatives.errors import InputError
from negatives.text.naming import called, is_made

_OFFERED: Final = 5
"""Near ones that are named, at most."""
_COMPARED: Final = 5_000
"""Ids that are compared letter by letter, at most."""
_WORDS: Final = 8
"""Words of what was asked for that are looked for in texts."""


def find_named(
    what: Literal["query", "document"], name: str, frame: pl.DataFrame | None, known: bool
) -> str:
    """The id that `name` means; `InputError`, which names the nearest, where it means none or many.

    `frame` has the ids and texts of a side, None where they are not at hand; `known`: whether the
    ledger has this id.
    """
    if known:
        return name
    if frame is None:
        raise InputError(f"the run has no {what} {name!r}", fix=f"give the id of a {what}")
    key = frame.columns[0]
    if len(frame.filter(pl.col(key) == name)):
        if what == "document":
            return name
        raise InputError(
            f"no negatives were looked for, for query {name!r}: it has no positive",
            fix="give a query that has one",
        )
    alike = _holding(frame, name)
    if len(alike) == 1:
        return str(alike[key][0])
    if len(alike):
        several = "queries" if what == "query" else "documents"
        raise InputError(
            f"{len(alike):,} {several} hold {name!r}",
            fix=f"give more of the text, or the id, of one of these:{_listed(alike)}",
        )
    near = _near_ids(frame[key], name)
    if len(near):
        close = frame.filter(pl.col(key).is_in(near.implode()))
    else:
        close = _of_like_words(frame, name)
    raise InputError(
        f"there is no {what} {name!r}",
        fix=f"did you mean one of these?{_listed(close)}"
        if len(close)
        else f"give an id, or words of the text, of a {what}",
    )


def _holding(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """Those whose text is `name`, whatever its case; else those that hold it."""
    wanted = " ".join(name.lower().split())
    if "text" not in frame.columns or not wanted:
        return frame.clear()
    text = pl.col("text").str.to_lowercase()
    same = frame.filter(text.str.strip_chars() == wanted)
    if len(same):
        return same
    return frame.filter(text.str.contains(wanted, literal=True))


def _near_ids(ids: pl.Series, name: str) -> pl.Series:
    """Ids of nearly these letters, of those that have about as many and share an end with it."""
    length = pl.col("id").str.len_chars()
    near = (length - pl.lit(len(name), pl.Int64)).abs() <= 2
    ends = pl.col("id").str.starts_with(name[:2]) | pl.col("id").str.ends_with(name[-2:])
    some = pl.DataFrame({"id": ids}).filter(near & ends).head(_COMPARED)["id"].to_list()
    readable = [one for one in some if not is_made(one)]
    close = difflib.get_close_matches(name, readable, n=_OFFERED, cutoff=0.6)
    return pl.Series(close, dtype=pl.String)


def _of_like_words(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """Those whose texts hold the most of the words, longer words counting more."""
    words = list(dict.fromkeys(re.findall(r"\w{4,}", name.lower())))[:_WORDS]
    if "text" not in frame.columns or not words:
        return frame.clear()
    text = pl.col("text").str.to_lowercase()
    hits = pl.sum_horizontal(
        text.str.contains(word, literal=True).cast(pl.Int32) * len(word) for word in words
    )
    found = frame.with_columns(hits=hits).filter(pl.col("hits") > 0)
    return found.sort("hits", descending=True, maintain_order=True).head(_OFFERED)


def _listed(frame: pl.DataFrame) -> str:
    """Each with the beginning of its text, a line each."""
    key = frame.columns[0]
    texts = frame["text"].to_list() if "text" in frame.columns else [None] * len(frame)
    lines = [
        called(name, text)
        for name, text in zip(frame[key].head(_OFFERED), texts[:_OFFERED], strict=True)
    ]
    more = len(frame) - len(lines)
    more_lines = [f"and {more:,} more"] if more > 0 else []
    return "".join(f"\n         {line}" for line in [*lines, *more_lines])
