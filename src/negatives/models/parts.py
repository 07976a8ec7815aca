"""Long texts by their parts, by any encoder: each part is read, and the text is their mean.

A model reads the beginning of a text, and the rest is lost. Here a text is cut into parts of so
many words, each is encoded, and their mean is the vector of the text: the frozen form of the
hierarchical encoders that read judgements and reports (Santosh, Haddad and Grabmair, 2024). A text
of one part has the encoder's own vector, and the order of the parts does not matter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Final

import numpy as np

from negatives.arrays import starts_of
from negatives.errors import RecipeError
from negatives.models.encoder import Encoded, Encoder, sides
from negatives.models.reading import Reading, Reads
from negatives.text.scripts import UNSPACED

PREFIX: Final = "parts:"
WORDS: Final = 200
"""Words of a part where the specification names no number: few models read less."""

_UNIT: Final = re.compile(rf"[{UNSPACED}]|[^\s{UNSPACED}]+")
"""A word; where words are written without spaces, a character."""


def taken_apart(spec: str) -> tuple[int, str]:
    """The words of a part and the encoder of `parts:WORDS:NAME`, or of `parts:NAME`."""
    words, colon, name = spec[len(PREFIX) :].partition(":")
    if not (colon and words.isascii() and words.isdigit()):
        words, name = str(WORDS), spec[len(PREFIX) :]
    if int(words) < 1 or not name.strip() or name.lower().startswith(PREFIX):
        raise RecipeError(
            "parts are of at least one word, and of an encoder that reads them",
            where=f"the encoder {spec!r}",
            fix=f"write {PREFIX}{WORDS}:static, for example",
        )
    return int(words), name


class PartsEncoder:
    """An encoder whose texts are cut into parts of `words` words; their vectors are averaged."""

    def __init__(self, encoder: Encoder, words: int = WORDS) -> None:
        self._encoder, self._words = encoder, words

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return self._encoder.dim

    @property
    def fingerprint(self) -> str:
        """The encoder's, and how long parts are."""
        return f"parts-{self._words}-{self._encoder.fingerprint}"

    @property
    def remote(self) -> bool:
        """Whether the encoder is behind an endpoint, where it may change."""
        return bool(getattr(self._encoder, "remote", False))

    @property
    def languages(self) -> tuple[str, ...]:
        """What the encoder reads, where it says so."""
        found: tuple[str, ...] = getattr(self._encoder, "languages", ())
        return found

    @cached_property
    def sides(self) -> tuple[PartsEncoder, PartsEncoder] | None:
        """The encoders of queries and of documents, where the model has a side for each."""
        queries, docs = sides(self._encoder)
        if queries is docs:
            return None
        return PartsEncoder(queries, self._words), PartsEncoder(docs, self._words)

    def reading(self, texts: Sequence[str]) -> Reading | None:
        """What the encoder's tokenizer makes of the texts; None where it cannot be asked."""
        return self._encoder.reading(texts) if isinstance(self._encoder, Reads) else None

    def encode(self, texts: Sequence[str]) -> Encoded:
        """The mean of the vectors of each text's parts; read in part only where a part is."""
        cut = [parts_of(text, self._words) for text in texts]
        made = self._encoder.encode([part for parts in cut for part in parts])
        if not texts:
            return made
        counts = np.array([len(parts) for parts in cut])
        begins = starts_of(counts)[:-1]
        sums = np.add.reduceat(made.vectors, begins, axis=0, dtype=np.float64)
        means = (sums / counts[:, None]).astype(np.float32)
        means[counts == 1] = made.vectors[begins[counts == 1]]
        return Encoded(means, np.logical_or.reduceat(made.truncated, begins))


def parts_of(text: str, words: int) -> list[str]:
    """The text in parts of `words` words, the last of what is left; one part where it is short."""
    if len(text) <= words:  # a word has a character, at least
        return [text]
    begins = [unit.start() for unit in _UNIT.finditer(text)][::words]
    ends = [*begins[1:], len(text)]
    return [text[begin:end].rstrip() for begin, end in zip([0, *begins[1:]], ends, strict=True)]
