"""Errors of grammar as people make them: words that are confused, left out, or change places.

A text keeps its subject and its words of content; only its little words, the number of a noun and
the order of two neighbours are wrong. The sets are of English, after the types that texts of
learners are annotated with: articles and determiners, prepositions, number of nouns, agreement,
verb forms, word choice and word order.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

import numpy as np
import polars as pl

from negatives.arrays import Bools, Doubles
from negatives.chance import id_hashes, mix, stream_key, uniforms

_SETS: Final = """
a an the|this that these those|much many|few little|each every all
in on at|of for|to for|with by from|of into|about of
is are be|was were been|has have having|do does did|can could|will would|may might
make makes making made|use uses using used|take takes taking took|give gives giving gave
get gets getting got|go goes going went|show shows showing showed|find finds finding found
need needs needing needed|help helps helping helped|cause causes causing caused
their there|its it's|then than|who which|other another|affect effect|less fewer
"""
CONFUSED: Final[dict[str, tuple[str, ...]]] = {}
"""A word -> those it is taken for."""
for _words in map(str.split, _SETS.replace("\n", "|").split("|")):
    for _word in _words:
        _others = (each for each in _words if each != _word)
        CONFUSED[_word] = (*CONFUSED.get(_word, ()), *_others)
_LEFT_OUT: Final = frozenset(["a", "an", "the", "in", "on", "at", "of", "for", "to"])
_BEFORE_NOUNS: Final = frozenset(
    ["a", "an", "the", "this", "that", "these", "those", "many", "few", "all", "its", "their"]
)
_NOUN: Final = re.compile(r"(?!.*[iu]s$)[a-z]{3,}[a-rt-z]s?")
_WORD: Final = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)*")


def with_errors(
    texts: pl.Series, ids: pl.Series, *, share: float, at_least: int, seed: int
) -> pl.Series:
    """The texts with an error at each place that allows one, with probability `share`.

    A text has `at_least` so many where it has the places; one that has none stays as it is. The
    draws depend on the seed and on `ids`, the id of each text. With share and at_least 0 the texts
    come back.

    >>> import polars as pl
    >>> said = pl.Series(["This is the cause of most of the failures in the wing."])
    >>> with_errors(said, pl.Series(["d1"]), share=0.2, at_least=3, seed=0).to_list()
    ['This is cause the of most of the failure in wing.']
    """
    key = stream_key(seed, "text/grammar-errors")
    made = []
    for text, hashed in zip(texts.fill_null("").to_list(), id_hashes(ids), strict=True):
        places = _places(text)
        numbers = np.arange(2 * len(places), dtype=np.uint64)
        where, which = uniforms(mix(numbers) ^ hashed, key).reshape(2, -1)
        bound = np.sort(where)[min(at_least, len(where)) - 1] if at_least and len(where) else 0.0
        made.append(_written(text, places, where <= max(share, bound), which))
    return pl.Series(texts.name, made, dtype=pl.String)


_Place = tuple[int, list[tuple[int, str]]]
"""Where an error can begin; of each that can be made there, where it ends and what it says."""


def _places(text: str) -> list[_Place]:
    places: list[_Place] = []
    before = ""
    for word, following in pairwise([*_WORD.finditer(text), None]):
        assert word is not None
        said = word[0].lower()
        errors = [(word.end(), _like(word[0], each)) for each in CONFUSED.get(said, ())]
        if errors and following and text[word.end() : following.start()] == " ":
            if said in _LEFT_OUT:
                errors.append((following.end(), _like(word[0], following[0])))
            errors.append((following.end(), f"{_like(word[0], following[0])} {said}"))
        elif not errors and before in _BEFORE_NOUNS and _NOUN.fullmatch(word[0]):
            errors = [(word.end(), said[:-1] if said.endswith("s") else f"{said}s")]
        if errors:
            places.append((word.start(), errors))
        before = said
    return places


def _like(word: str, other: str) -> str:
    """`other` with a capital where `word` has one."""
    return other[0].upper() + other[1:] if word[0].isupper() else other


def _written(text: str, places: list[_Place], chosen: Bools, which: Doubles) -> str:
    parts, at = [], 0
    for (start, errors), draw, wanted in zip(places, which.tolist(), chosen.tolist(), strict=True):
        if wanted and start >= at:
            end, said = errors[int(draw * len(errors))]
            parts += [text[at:start], said]
            at = end
    return "".join([*parts, text[at:]])
