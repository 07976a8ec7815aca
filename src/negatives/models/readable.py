"""Whether an encoder can read a collection: asked of its tokenizer, by a sample of each side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from negatives.errors import DataError
from negatives.events import Noted, Warned
from negatives.models.encoder import Encoder, sides
from negatives.models.reading import Reads
from negatives.opening import Context
from negatives.text.keys import text_keys
from negatives.text.languages import Languages, languages_of, sampled

SAMPLE: Final = 500
"""Texts of each side, those with the lowest hashes of ids."""
CHARACTERS: Final = 1000
"""Of each text, from its beginning."""
LEAST: Final = 0.5
"""The share of the letters that must have pieces, averaged over the texts; below is an error."""
ENOUGH: Final = 0.9
"""From here on nothing is said, unless single texts cannot be read."""
SOME_TEXTS: Final = 0.01
"""The share of texts that cannot be read at all from which on it is said."""
MANY_TEXTS: Final = 0.2
"""The share of texts that are spelled letter by letter, or in another language, likewise."""
PROBE: Final = "a model learns what something is from what it is not"


@dataclass(frozen=True, slots=True)
class _Read:
    """How a sample of one side is read: `share` of its letters; shares of texts not read at all
    (`none`), and letter by letter (`spelled`).
    """

    what: str
    texts: int
    share: float
    none: float
    spelled: float
    languages: Languages


def check_readable(encoder: Encoder, context: Context, *, name: str, label: str) -> None:
    """Raise `DataError` where `encoder`, called `name`, cannot read a side of the collection.

    Where it reads one only in part, the user is warned. An encoder whose tokenizer cannot be asked,
    such as one behind an endpoint, is taken at its word.
    """
    collection = context.collection
    mined = collection.queries[collection.mined_queries]
    read = [
        found
        for side, frame, what in zip(
            sides(encoder), (mined, collection.corpus), ("queries", "corpus"), strict=True
        )
        if (found := _read(side, frame, what)) is not None
    ]
    for found in read:
        figures = {
            "texts": found.texts,
            "letters with pieces": round(found.share, 4),
            "texts not read": round(found.none, 4),
            "texts spelled by letters": round(found.spelled, 4),
            "languages": dict(found.languages.shares),
        }
        context.emit(Noted(f"read {label} {found.what}", figures))
    worst = min(read, key=lambda found: found.share, default=None)
    if worst is not None and worst.share < LEAST:
        raise DataError(
            f"the encoder {name} cannot read the {worst.what}: it has pieces of words for "
            f"{worst.share:.0%} of the letters ({worst.languages})",
            where=f"{label}, collection {collection.name!r}",
            fix=f"name an encoder that reads these languages with --encoder{_built_in(name)}; or "
            "go without one: --recipe bm25",
        )
    problems = [problem for found in reversed(read) if (problem := _problem(found, encoder))]
    if problems:  # of both sides it is the same, most often: of the corpus, it matters more
        context.emit(Warned(f"{label}: {name} {problems[0]}; see --encoder"))


KEPT: Final = 8
_FOUND: dict[tuple[str, str, bytes], _Read | None] = {}
"""How the last few sides were read: a run asks before it opens a source, and when it does."""


def _built_in(name: str) -> str:
    return " (the built-in one reads English)" if name == "static" else ""


def _read(encoder: Encoder, side: pl.DataFrame, what: str) -> _Read | None:
    """How the side is read; None where the encoder cannot be asked, or there is no text."""
    if not isinstance(encoder, Reads):
        return None
    filled = side.filter(pl.col("text").str.strip_chars() != "")
    texts = [text[:CHARACTERS] for text in sampled(filled, SAMPLE)]
    key = encoder.fingerprint, what, text_keys(pl.Series(texts, dtype=pl.String)).tobytes()
    if key not in _FOUND:
        while len(_FOUND) >= KEPT:
            _FOUND.pop(next(iter(_FOUND)))
        _FOUND[key] = _found(encoder, texts, what)
    return _FOUND[key]


def _found(encoder: Reads, texts: list[str], what: str) -> _Read | None:
    reading, probe = encoder.reading(texts), encoder.reading([PROBE])
    if reading is None or probe is None or not texts:
        return None
    shares = reading.shares
    # One that spells its own language letter by letter was made to read so.
    spelled = 0.0 if probe.spelled.any() else float(reading.spelled.mean())
    return _Read(
        what=what,
        texts=len(texts),
        share=float(np.mean(shares, dtype=np.float64)),
        none=float((shares < LEAST).mean()),
        spelled=spelled,
        languages=languages_of(texts),
    )


def _problem(found: _Read, encoder: Encoder) -> str:
    """What is wrong with how a side is read; empty where nothing is."""
    sample = f"of {found.texts:,} texts of the {found.what} looked at ({found.languages})"
    if found.share < ENOUGH:
        return f"has pieces of words for only {found.share:.0%} of the letters {sample}"
    if found.none >= SOME_TEXTS:
        return f"cannot read {found.none:.1%} {sample}: such texts all have nearly the same vector"
    if found.spelled >= MANY_TEXTS:
        return (
            f"reads {found.spelled:.0%} {sample} letter by letter: it has hardly learned "
            "their language"
        )
    reads = getattr(encoder, "languages", ())
    foreign = sum(
        share
        for language, share in found.languages.shares.items()
        if reads and language not in reads and language in found.languages.of_script.values()
    )
    if foreign >= MANY_TEXTS:
        return (
            f"reads {', '.join(reads)} only, and {foreign:.0%} of the letters {sample} are of "
            "other languages: its scores say little"
        )
    return ""
