"""What a page says of a pair: its texts, folded where they are long, and why it is asked about."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from negatives.schema import Collection
from negatives.wording import count, figure, percent

FOLDED: Final = 1_500
"""Characters of a text on the page, before more are asked for,"""
PIECE: Final = 20_000
"""and so many more each time."""
SHORT: Final = 600
"""Characters of a known positive."""
SHOWN: Final = 8
"""Known positives on the page."""
_STEERING: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
"""Characters that have no shape and change what is around them. Marks of direction (U+200E, U+200F)
are part of how some languages are written, and reach no further than the text they stand in."""


@dataclass(frozen=True)
class Text:
    """A part of a text: from which character on, and how many it has in all."""

    text: str
    at: int
    end: int
    characters: int

    @property
    def more(self) -> int:
        """Characters that are left."""
        return self.characters - self.end


def piece(whole: str, at: int, longest: int) -> Text:
    """At most so many characters from a place on, cut after a word where there is one."""
    at = min(max(at, 0), len(whole))
    end = min(at + longest, len(whole))
    if end < len(whole):
        space = max(whole.rfind(" ", at, end), whole.rfind("\n", at, end))
        if space > at + longest // 2:
            end = space + 1
    return Text(visible(whole[at:end]), at, end, len(whole))


def visible(text: str) -> str:
    """The text with characters that steer what is around them written out."""
    return _STEERING.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


class Texts:
    """The texts of a collection, each fetched by its row when it is asked for."""

    def __init__(self, collection: Collection) -> None:
        self._sides = {
            "query": (collection.queries, collection.queries["query_id"]),
            "doc": (collection.corpus, collection.corpus["doc_id"]),
        }
        qrels = collection.qrels.filter(pl.col("relevance") > 0)
        self._positives = qrels.sort(
            "query_id", "relevance", "doc_id", descending=[False, True, False]
        )

    def whole(self, side: str, id: str) -> str:
        """A text; where there is none, what else is known, but for an image or a series, which is
        shown.
        """
        frame, ids = self._sides[side]
        place = ids.search_sorted(id)
        if place >= len(ids) or ids[place] != id:
            return ""
        row = frame.row(place, named=True)
        if text := row.get("text"):
            return str(text)
        rest = {
            name: value for name, value in row.items() if name not in _OWN and value is not None
        }
        return "\n".join(f"{name}: {value}" for name, value in rest.items())

    def positives(self, query: str) -> list[str]:
        """Ids of the known positives of a query, the most relevant first."""
        ids = self._positives["query_id"]
        first, last = ids.search_sorted(query, "left"), ids.search_sorted(query, "right")
        return self._positives["doc_id"][first:last].to_list()


_OWN: Final = ("doc_id", "query_id", "row", "text", "image", "series")


def why(row: dict[str, Any], order: str, unknown: int, per_query: int) -> list[str]:
    """Why a pair is asked about, and what speaks for its being relevant, a sentence each."""
    said = []
    if order == "random":
        said.append(f"Drawn at random from the {count(unknown)} negatives that nobody has judged.")
    elif row.get("position") is not None:
        said.append("One of the chosen negatives whose verdict tells much of the others.")
    else:
        said.append("Nearly chosen as a negative: its verdict tells much of those that are.")
    if (p := row.get("p_relevant")) is not None:
        said.append(
            f"Of a hundred pairs with evidence like this, about {_hundred(p)} are relevant."
        )
    if (hardness := row.get("hardness")) is not None:
        level = "above" if hardness >= 0 else "below"
        far = f"{figure(abs(hardness))} deviations {level}"
        said.append(f"It scores {far} the query's lowest known positive.")
    if (position := row.get("position")) is not None:
        said.append(f"It is negative {position + 1} of {per_query} of this query.")
    ranks = [
        f"{source} (rank {rank:,})"
        for source in row.get("sources") or []
        if (rank := row.get(f"{source}_rank")) is not None
    ]
    if ranks:
        said.append(f"Found by {', '.join(ranks)}.")
    return said


def _hundred(p: float) -> str:
    return f"{100 * p:.0f}" if 0.0095 <= p < 0.995 else percent(p).removesuffix("%")
