"""The encoder in the package: a text's vector is the mean of the vectors of its word pieces.

A table distilled from all-MiniLM-L6-v2 by `scripts/distil_static.py`; `static/README.md` says from
what and under which licence. numpy only, one core, no download.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from negatives.arrays import Floats, starts_of
from negatives.errors import DataError
from negatives.models.encoder import Encoded
from negatives.models.reading import Reading, counted
from negatives.models.wordpiece import WordPiece
from negatives.read.files import telling
from negatives.store.atomic import file_hash

BUNDLED = Path(__file__).parent / "static"
TABLE = "table.safetensors"
PIECES = "pieces.txt"

LANGUAGES = ("en",)
"""What it reads: it was made from an English model and English texts."""

BLOCK = 8192
"""Pieces whose rows are gathered at once (or one text's, if more): 8 MB, about a cache."""


class StaticEncoder:
    """Means of a table's rows.

    `folder` holds `table.safetensors` (`table`: int8[pieces, dim], `scale`: float32[pieces], the
    factor of each row) and `pieces.txt` (one piece a line, in the table's order). Of a long text
    the first `max_pieces` pieces count. A text without any known piece gets the mean of the table;
    an empty one gets zeros. The vectors are not normalised to length 1. `table` is public, so that
    it can be trained further: float32[pieces, dim].

    A text's vector does not depend, to the bit, on the texts encoded with it.
    """

    def __init__(self, folder: Path = BUNDLED, *, max_pieces: int = 512) -> None:
        self._folder = folder
        self._max_pieces = max_pieces
        fix = "reinstall the package, or make the table again: scripts/distil_static.py"
        with telling("no static encoder could be read", folder, fix):
            tensors = load_file(folder / TABLE)
            quantised, scale = tensors["table"], tensors["scale"]
            pieces = (folder / PIECES).read_text("utf-8").splitlines()
        if quantised.ndim != 2 or scale.shape != quantised.shape[:1]:
            raise DataError(
                f"a table of shape {quantised.shape} with factors of shape {scale.shape}",
                where=str(folder),
            )
        if len(pieces) != len(quantised):
            raise DataError(
                f"{len(quantised)} rows in the table and {len(pieces)} pieces",
                where=str(folder),
                fix="install the package again",
            )
        self.table: Floats = quantised.astype(np.float32) * scale.astype(np.float32)[:, None]
        self._tokenizer = WordPiece(pieces)

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return int(self.table.shape[1])

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the table and of its pieces."""
        hashes = [file_hash(self._folder / name) for name in (TABLE, PIECES)]
        return f"static-{self._max_pieces}-{hashes[0]}-{hashes[1]}"

    @cached_property
    def _unknown(self) -> Floats:
        mean: Floats = self.table.mean(axis=0)
        return mean

    def pieces(self, text: str) -> list[int]:
        """Rows of `table` that make up a text, in order."""
        return self._tokenizer.split(text)[: self._max_pieces]

    languages = LANGUAGES

    def reading(self, texts: Sequence[str]) -> Reading:
        """What of each text the table has pieces for."""
        rows = [self._tokenizer.spelled(text) for text in texts]
        known = [np.array(has, bool) for _, has, _ in rows]
        return counted([text for text, _, _ in rows], known, [pieces for *_, pieces in rows])

    def encode(self, texts: Sequence[str]) -> Encoded:
        """A vector of each text; zeros only where it is empty."""
        vectors = np.zeros((len(texts), self.dim), np.float32)
        truncated = np.zeros(len(texts), bool)
        block: list[list[int]] = []
        done = held = 0
        for row, text in enumerate(texts):
            pieces = self._tokenizer.split(text)
            if len(pieces) > self._max_pieces:
                truncated[row] = True
                del pieces[self._max_pieces :]
            block.append(pieces)
            held += len(pieces)
            if held >= BLOCK:
                self._sum(block, vectors[done : done + len(block)])
                done += len(block)
                block, held = [], 0
        self._sum(block, vectors[done:])
        return Encoded(self._filled(vectors, texts), truncated)

    def _sum(self, block: list[list[int]], into: Floats) -> None:
        """Write the mean of the rows of each text's pieces; a text without pieces is left alone.

        Longest first, the n-th pieces of all texts that have so many are added at once: each text
        is summed in the order of its pieces, whatever its neighbours.
        """
        lengths = np.fromiter(map(len, block), np.int64, len(block))
        order = np.argsort(-lengths, kind="stable")
        order = order[: np.count_nonzero(lengths)]
        if not len(order):
            return
        pieces = np.fromiter(chain.from_iterable(block), np.int32, int(lengths.sum()))
        places = starts_of(lengths)[order]
        sums = self.table[pieces[places]]
        added = np.empty_like(sums)
        longest = -lengths[order]
        for number in range(1, -int(longest[0])):
            many = int(np.searchsorted(longest, -number))
            np.take(self.table, pieces[places[:many] + number], 0, added[:many], mode="clip")
            sums[:many] += added[:many]
        into[order] = sums / lengths[order, None].astype(np.float32)

    def _filled(self, vectors: Floats, texts: Sequence[str]) -> Floats:
        """Give the texts that are not empty, and yet have no known piece, the table's mean."""
        for row in np.flatnonzero(~vectors.any(axis=1)):
            if texts[int(row)].strip():
                vectors[row] = self._unknown
        return vectors
