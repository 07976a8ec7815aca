"""The words of texts as the bm25s library takes them: lower case, no stop words, stems."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from negatives.schema import Rows

_WORD = re.compile(r"\b\w\w+\b")
_LEFT_OUT = np.iinfo(np.uint32).max
_TEXTS = 4096  # texts whose words are strings at one time


@dataclass(frozen=True, slots=True)
class Words:
    """How texts become words; `stemmer` is a Snowball language, empty for whole words."""

    stemmer: str
    stop_words: frozenset[str]

    def counted(self, texts: Iterable[str]) -> tuple[list[str], Rows, Rows, Rows]:
        """Which words are how often in which text.

        Returns the different words in order, and for each word of each text once: the word's place
        among them, the text's place, and the number of times; sorted by word, then text. All
        uint32[n].
        """
        seen = _Seen()
        parts, sizes = [], []
        texts = iter(texts)
        while some := [_WORD.findall(text.lower()) for text in islice(texts, _TEXTS)]:
            sizes.append(np.fromiter(map(len, some), np.int64, len(some)))
            found = map(seen.__getitem__, chain.from_iterable(some))
            parts.append(np.fromiter(found, np.uint32, int(sizes[-1].sum())))
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

    def _reduced(self, words: list[str]) -> tuple[list[str], NDArray[np.uint32]]:
        """The different stems in order, and the place of each word's stem among them."""
        stems = [word for word in words if word not in self.stop_words]
        places = np.full(len(words), _LEFT_OUT, np.uint32)
        kept = np.fromiter((word not in self.stop_words for word in words), bool, len(words))
        if self.stemmer:
            import Stemmer

            stems = Stemmer.Stemmer(self.stemmer).stemWords(stems)
        ordered = sorted(set(stems))
        place = dict(zip(ordered, range(len(ordered)), strict=True))
        places[kept] = np.fromiter(map(place.__getitem__, stems), np.uint32, len(stems))
        return ordered, places


class _Seen(dict[str, int]):
    """Numbers words in the order in which they are first looked up."""

    def __missing__(self, word: str) -> int:
        self[word] = number = len(self)
        return number


def stop_words(language: str) -> frozenset[str]:
    """The stop words bm25s has for a language, such as `english`."""
    short = {"english": "EN"}.get(language, language.upper())
    return frozenset(_tables()[f"STOPWORDS_{short}"])


@cache
def _tables() -> dict[str, Any]:
    """bm25s's module of stop words by itself: the whole package takes a second to import."""
    package = find_spec("bm25s")
    assert package is not None
    return runpy.run_path(str(Path(str(package.origin)).with_name("stopwords.py")))
