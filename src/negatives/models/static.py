"""The encoder in the package: a text's vector is the mean of the vectors of its word pieces.

A table distilled from all-MiniLM-L6-v2 by `scripts/distil_static.py`; `static/README.md` says from
what and under which licence. numpy and polars only, no download.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from negatives.arrays import Floats, Ragged, by_volume
from negatives.errors import DataError
from negatives.models.encoder import Encoded
from negatives.models.reading import Reading
from negatives.models.wordpiece import WordPiece
from negatives.read.files import telling
from negatives.store.atomic import file_hash

BUNDLED = Path(__file__).parent / "static"
TABLE = "table.safetensors"
PIECES = "pieces.txt"

LANGUAGES = ("en",)
"""What it reads: it was made from an English model and English texts."""

BLOCK = 2**21
"""Characters of the texts that are taken apart, and summed, at one time."""


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
        self._quantised, self._scale = quantised, scale.astype(np.float32)
        self._tokenizer = WordPiece(pieces)

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return int(self._quantised.shape[1])

    @cached_property
    def table(self) -> Floats:
        """float32[pieces, dim], made when the first text is encoded."""
        made: Floats = self._quantised.astype(np.float32)
        made *= self._scale[:, None]
        return made

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

    def split_all(self, texts: Sequence[str]) -> Ragged[np.int32]:
        """Rows of `table` that make up each text, in order."""
        return self._tokenizer.split_all(texts)

    languages = LANGUAGES

    def reading(self, texts: Sequence[str]) -> Reading:
        """What of each text the table has pieces for."""
        letters, unread, pieces, syllables = self._tokenizer.reads(texts)
        return Reading(letters, unread, pieces, 2 * syllables > letters)

    def encode(self, texts: Sequence[str]) -> Encoded:
        """A vector of each text; zeros only where it is empty."""
        vectors = np.zeros((len(texts), self.dim), np.float32)
        truncated = np.zeros(len(texts), bool)
        for start, stop in by_volume(np.fromiter(map(len, texts), np.int64, len(texts)), BLOCK):
            pieces = self._tokenizer.split_all(texts[start:stop])
            truncated[start:stop] = pieces.lengths > self._max_pieces
            self._sum(pieces, vectors[start:stop])
        # What is not empty, and yet has no known piece, gets the table's mean.
        for row in np.flatnonzero(~vectors.any(axis=1)).tolist():
            if texts[row].strip():
                vectors[row] = self._unknown
        return Encoded(vectors, truncated)

    def _sum(self, pieces: Ragged[np.int32], into: Floats) -> None:
        """Write the mean of the rows of each text's pieces; a text without pieces is left alone.

        Longest first, the n-th pieces of all texts that have so many are added at once: each text
        is summed in the order of its pieces, whatever its neighbours.
        """
        lengths = np.minimum(pieces.lengths, self._max_pieces)
        order = np.argsort(-lengths, kind="stable")
        order = order[: np.count_nonzero(lengths)]
        if not len(order):
            return
        places = pieces.starts[order]
        sums = self.table[pieces.values[places]]
        added = np.empty_like(sums)
        longest = -lengths[order]
        having = np.searchsorted(longest, -np.arange(-longest[0]))  # more than n pieces
        for number, many in enumerate(having.tolist()[1:], 1):
            rows = pieces.values[places[:many] + number]
            self.table.take(rows, 0, added[:many], "clip")
            sums[:many] += added[:many]
        into[order] = sums / lengths[order, None].astype(np.float32)
