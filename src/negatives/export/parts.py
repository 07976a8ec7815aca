"""The texts behind the ids of a file, as tables of their own: only those that its rows name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import polars as pl

from negatives.export.ask import Ask, Part
from negatives.export.blocks import positive_pairs
from negatives.export.sizes import with_texts_only

_BLOCK: Final = 16_384


def documents(ask: Ask, name: str, about: str, *, id: str, text: str = "text") -> Part:
    """The documents that the rows name: an id and a text, in columns of these names."""
    return _part(
        name, about, id, text, lambda: _named(ask, "doc_id"), lambda ids: ask.texts.docs(ids)
    )


def queries(ask: Ask, name: str, about: str, *, id: str, text: str = "text") -> Part:
    """The queries that the rows name."""
    return _part(
        name, about, id, text, lambda: _named(ask, "query_id"), lambda ids: ask.texts.queries(ids)
    )


def _part(
    name: str,
    about: str,
    id: str,
    text: str,
    ids: Callable[[], pl.Series],
    texts: Callable[[pl.Series], pl.Series],
) -> Part:
    def frames() -> Iterator[pl.DataFrame]:
        every = ids()
        for start in range(0, len(every), _BLOCK):
            some = every[start : start + _BLOCK]
            yield pl.DataFrame({id: some, text: texts(some)})

    return Part(name, about, {id: pl.String, text: pl.String}, frames)


def _named(ask: Ask, side: str) -> pl.Series:
    """The ids of one side of all pairs whose query has a positive and a negative, in order."""
    positives = positive_pairs(ask.run, ask.run.parts, ask.positives).select("query_id", "doc_id")
    negatives = pl.scan_parquet(ask.run.negatives_file, glob=False).select("query_id", "doc_id")
    if not ask.ids:
        positives, negatives = (with_texts_only(each, ask) for each in (positives, negatives))
    pairs = pl.concat(
        [
            positives.join(negatives, on="query_id", how="semi"),
            negatives.join(positives, on="query_id", how="semi"),
        ]
    )
    return pairs.select(side).unique().sort(side).collect()[side]
