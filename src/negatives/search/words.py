"""The words of texts: lower case, no stop words, stems.

Plain ASCII is taken as the bm25s library takes it. Other texts are composed first (NFKC), and marks
such as vowel signs stay on their letters. Where words are written without spaces, characters and
pairs of neighbours stand for words (as Lucene's CJK analyser has it, with the single characters of
Chinese and Korean and the marked letters of Burmese besides, which are often words).
A text in several scripts is taken run by run. In a text without words each sign, such as an emoji,
is a word, unless they are all of ASCII.
"""

from __future__ import annotations

import re
import runpy
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from itertools import chain, islice
from operator import add
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Ragged, Rows, starts_of
from negatives.text.numbered import numbered
from negatives.text.scripts import (
    BURMESE,
    HAN,
    HANGUL,
    KANA,
    SOUTH_EAST_ASIAN,
    ignored,
    marks,
    script,
)

EVERY = ""
"""Stands for all scripts."""

_WORD = re.compile(r"\b\w\w+\b")
_PLAIN = "[0-9a-z_]{2,}"  # the same of lower-case ASCII, for polars
_GLUED = HAN + KANA + HANGUL + SOUTH_EAST_ASIAN
_SIGN = re.compile(r"[^\w\s\x00-\x1f\x7f-\x9f]")
_LEFT_OUT = np.iinfo(np.uint32).max
_NO_MEMORY = 0  # of words that were stemmed before: each comes once, and remembering it costs more
_TEXTS = 4096  # texts whose words are strings at one time


@dataclass(frozen=True, slots=True)
class Words:
    """How texts become words.

    `stemmers`: a Snowball language for each script that has one, or for `EVERY` script; words of
    the others stay whole. `characters`: words are taken apart into runs of so many characters, 0:
    they are not.
    """

    stemmers: Mapping[str, str] = field(default_factory=dict)
    stop_words: frozenset[str] = frozenset()
    characters: int = 0

    def counted(self, texts: Iterable[str]) -> tuple[list[str], Rows, Rows, Rows]:
        """Which words are how often in which text.

        Returns the different words in order, and for each word of each text once: the word's place
        among them, the text's place, and the number of times; sorted by word, then text. All
        uint32[n].
        """
        seen = _Seen()
        parts, sizes = [], []
        texts = iter(texts)
        if "turkish" in self.stemmers.values():
            texts = map(_dotless, texts)
        while some := list(islice(texts, _TEXTS)):
            found = self._numbered(some, seen)
            parts.append(found.values)
            sizes.append(found.lengths)
        if not parts:
            nothing = np.empty(0, np.uint32)
            return [], nothing, nothing, nothing
        words, places = self._reduced(list(seen))
        word = places[np.concatenate(parts)]
        size = np.concatenate(sizes)
        text = np.repeat(np.arange(len(size), dtype=np.uint64), size)
        kept = word != _LEFT_OUT
        key = (word[kept].astype(np.uint64) << np.uint64(32)) | text[kept]
        key.sort()
        first = np.flatnonzero(np.diff(key, prepend=key[:1] + np.uint64(1)))
        times = np.diff(first, append=len(key)).astype(np.uint32)
        key = key[first]
        return words, (key >> np.uint64(32)).astype(np.uint32), key.astype(np.uint32), times

    def _numbered(self, texts: list[str], seen: _Seen) -> Ragged[np.uint32]:
        """The numbers that the words of each text, or the runs of characters, have in `seen`."""
        found = numbered(texts, _PLAIN, split)
        if not self.characters:
            numbers = np.array([seen[word] for word in found.different], np.uint32)
            return Ragged(found.of_text.starts, numbers[found.of_text.values])
        runs = list(map(self._apart, found.different))
        starts = starts_of(np.array(list(map(len, runs)), np.int64))
        numbers = np.array([seen[run] for run in chain.from_iterable(runs)], np.uint32)
        return found.replaced(Ragged(starts, numbers))

    def _apart(self, word: str) -> list[str]:
        """The runs of characters of a word."""
        if word in self.stop_words:
            return []
        size = self.characters
        return [word[start : start + size] for start in range(max(1, len(word) - size + 1))]

    def _reduced(self, words: list[str]) -> tuple[list[str], NDArray[np.uint32]]:
        """The different stems in order, and the place of each word's stem among them."""
        stems = [word for word in words if word not in self.stop_words]
        places = np.full(len(words), _LEFT_OUT, np.uint32)
        kept = np.fromiter((word not in self.stop_words for word in words), bool, len(words))
        stems = self._stems(stems)
        ordered = sorted(set(stems))
        place = dict(zip(ordered, range(len(ordered)), strict=True))
        places[kept] = np.fromiter(map(place.__getitem__, stems), np.uint32, len(stems))
        return ordered, places

    def _stems(self, words: list[str]) -> list[str]:
        """The stem of each word, by the stemmer of its script."""
        if not self.stemmers:
            return words
        import Stemmer

        if EVERY in self.stemmers:
            return list(Stemmer.Stemmer(self.stemmers[EVERY], _NO_MEMORY).stemWords(words))
        places: dict[str, list[int]] = defaultdict(list)
        for place, word in enumerate(words):
            places[script(word[0])].append(place)
        stems = list(words)
        for written, language in self.stemmers.items():
            mine = places[written]
            stemmer = Stemmer.Stemmer(language, _NO_MEMORY)
            found = stemmer.stemWords([words[place] for place in mine])
            for place, stem in zip(mine, found, strict=True):
                stems[place] = stem
        return stems


def _dotless(text: str) -> str:
    """The text with the two letters lower case that are otherwise in Turkish."""
    return text.replace("I", "ı").replace("İ", "i")


def split(text: str) -> list[str]:
    """The words of a text, in order, before any is left out or reduced."""
    if text.isascii():
        return _WORD.findall(text.lower())
    text = unicodedata.normalize("NFKC", ignored().sub("", text)).lower().replace("i̇", "i")
    if not _patterns().glued.search(text):
        if words := _patterns().word.findall(text):
            return words
        signs = _SIGN.findall(text)
        return [] if "".join(signs).isascii() else signs
    return list(chain.from_iterable(map(_parts, _patterns().run.findall(text))))


def _parts(run: str) -> Iterable[str]:
    """The words of one run: itself, or what stands for words where it has no spaces."""
    if not _patterns().glued.match(run):
        return (run,)
    if _patterns().cluster.match(run):
        run_of: list[str] | str = _patterns().cluster.findall(run)
        singles: Iterator[str] = filter(_patterns().syllable.match, run_of)
    else:
        run_of, singles = run, iter(_patterns().character.findall(run))
    return chain(singles, map(add, run_of, run_of[1:])) if len(run_of) > 1 else run_of


@dataclass(frozen=True, slots=True)
class _Patterns:
    """`word`: two letters or more, with their marks; `run`: a word, or neighbours of one kind that
    are written without spaces; `cluster`: a letter of South-East Asia with its marks; `glued`: a
    character that has no space after it; `character`: one that is often a word; `syllable`: a
    cluster of Burmese that is.
    """

    word: re.Pattern[str]
    run: re.Pattern[str]
    cluster: re.Pattern[str]
    glued: re.Pattern[str]
    character: re.Pattern[str]
    syllable: re.Pattern[str]


@cache
def _patterns() -> _Patterns:
    """Made when first needed: plain English needs none of them."""
    letter = rf"[\w{marks()}]"
    spaced = rf"(?:(?![{_GLUED}]){letter})"
    cluster = rf"[{SOUTH_EAST_ASIAN}][{marks()}]*"
    runs = (f"[{HAN}{KANA}]+", f"[{HANGUL}]+", f"(?:{cluster})+", f"{spaced}{spaced}+")
    return _Patterns(
        word=re.compile(rf"\w{letter}+"),
        run=re.compile("|".join(runs)),
        cluster=re.compile(cluster),
        glued=re.compile(f"[{_GLUED}]"),
        character=re.compile(f"[{HAN}{HANGUL}]"),
        syllable=re.compile(f"[{BURMESE}][{marks()}]"),
    )


class _Seen(dict[str, int]):
    """Numbers words in the order in which they are first looked up."""

    def __missing__(self, word: str) -> int:
        self[word] = number = len(self)
        return number


def stop_words(language: str) -> frozenset[str]:
    """The stop words bm25s has for a language, such as `english`; of some it has none."""
    short = {"english": "EN"}.get(language, language.upper())
    return frozenset(_tables().get(f"STOPWORDS_{short}", ()))


@cache
def _tables() -> dict[str, Any]:
    """bm25s's module of stop words by itself: the whole package takes a second to import."""
    package = find_spec("bm25s")
    assert package is not None
    return runpy.run_path(str(Path(str(package.origin)).with_name("stopwords.py")))
