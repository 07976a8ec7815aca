"""Ids that look the same and are not: other code points for a letter, marks that nobody sees.

And those that a spreadsheet, or a table of numbers, has made of others: 7 of 007, and 7.0 of 7.
"""

from __future__ import annotations

import polars as pl

_UNSEEN = r"[\p{Cf}\p{Cc}\p{Z}]"


def look_alike(ids: pl.Series, known: pl.Series) -> dict[str, str]:
    """What to say, in brackets, of each of a few `ids` that is not `known` where one like it is."""
    wanted, there = _seen(ids), _seen(known)
    alike = there.is_in(wanted.implode())
    by_look = dict(zip(there.filter(alike), known.filter(alike), strict=True))
    return {
        name: f" ({by_look[look]!a} is, which looks like {name!a})"
        for name, look in zip(ids, wanted, strict=True)
        if look in by_look
    }


def _seen(ids: pl.Series) -> pl.Series:
    seen = ids.str.normalize("NFKC").str.replace_all(_UNSEEN, "")
    return seen.str.replace(r"^0*(\d+)(\.0+)?$", "$1")
