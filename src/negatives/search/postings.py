"""Building a lexical index on disk: for each word, the documents that have it and its weight there.

Blocks of documents become sorted pieces of files, in parallel; then the pieces are merged, a range
of words at a time. Neither the memory nor the number of processes changes a byte of the index, and
a build that was killed goes on after the last finished piece.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.arrays import Doubles, Floats, Places, Rows, by_volume, starts_of
from negatives.search.words import Words
from negatives.store.atomic import TEMPORARY, explained, sync, write_text, writing
from negatives.store.mapped import open_array
from negatives.workers import share_out

Variant = Literal["lucene", "robertson", "atire"]

STARTS, DOCS, WEIGHTS, WORDS = "starts.npy", "docs.npy", "weights.npy", "words"
_TEXT_COST = 24  # bytes held for a byte of a piece's text, words of three letters at the worst
_POSTING_COST = 64  # bytes held for a posting of the range of words being merged
_PIECE = 8 * 2**20  # bytes of text; larger pieces are no faster
_RANGE = 2 * 2**20  # postings; likewise
_SMALL = 32 * 2**20  # bytes of text that one process has read before others are of any use


@dataclass(frozen=True, slots=True)
class Formula:
    """BM25's weight of a word in a document, in one of three variants.

    As printed by Kamphuis, de Vries, Boytsov and Lin (ECIR 2020), and computed to the same bits as
    by the bm25s library.
    """

    k1: float
    b: float
    variant: Variant

    def rarity(self, having: Places, docs: int) -> Floats:
        """float32[n]: the factor of words that so many of all documents have."""
        different, place = np.unique(having, return_inverse=True)
        return np.array([self._idf(int(df), docs) for df in different], np.float32)[place]

    def _idf(self, df: int, docs: int) -> float:
        if self.variant == "atire":
            return math.log(docs / df)
        odds = (docs - df + 0.5) / (df + 0.5)
        return math.log(1 + odds) if self.variant == "lucene" else math.log(max(odds, 1))

    def penalty(self, lengths: Places) -> Doubles:
        """float64[docs]: what is added to a word's count below the line, by words in a document."""
        average = lengths.mean()
        damping: Doubles = self.k1 * ((1 - self.b) + self.b * lengths / average)
        return damping

    def weights(self, rarity: Floats, times: Rows, penalty: Doubles) -> Floats:
        """float32[n]: weights of words found so often in documents of such penalties."""
        count = times.astype(np.float32)
        above = count * np.float32(self.k1 + 1) if self.variant == "atire" else count
        return (rarity * (above / (count + penalty))).astype(np.float32)


def build_postings(
    folder: Path,
    texts: pl.Series,
    words: Words,
    formula: Formula,
    *,
    processes: int = 1,
    memory: int = 512 * 2**20,
    progress: Callable[[int], None] = lambda done: None,
) -> bool:
    """Index `texts` in `folder`, whole or not at all; false if there is no word in them.

    starts: int64[words + 1]; docs: uint32, ascending in each word's part; weights: float32; words:
    one a line, in order of code points.
    Holds about `memory` bytes, the different words and a few numbers for each document.
    """
    pieces = folder.with_name(f"{folder.name}-pieces")
    unfinished = folder.with_name(f"{TEMPORARY}{folder.name}")
    with explained(folder):
        shutil.rmtree(unfinished, ignore_errors=True)
        names = list(_pieces(pieces, texts, words, processes, memory, progress))
        found = _merge(unfinished, names, len(texts), formula, memory)
        if found:
            unfinished.rename(folder)
            sync(folder.parent)
        shutil.rmtree(pieces, ignore_errors=True)
    return found


def _pieces(
    folder: Path,
    texts: pl.Series,
    words: Words,
    processes: int,
    memory: int,
    progress: Callable[[int], None],
) -> Iterator[_Piece]:
    """Every piece, in the order of the documents; those that are there already are kept."""
    lengths = texts.str.len_bytes().to_numpy().astype(np.int64)
    processes = processes if lengths.sum() > _SMALL else 1
    size = int(np.clip(memory // (_TEXT_COST * processes), 2**16, _PIECE))
    pieces = [
        _Piece(folder / f"{start}-{stop}", start, stop) for start, stop in by_volume(lengths, size)
    ]
    missing = [piece for piece in pieces if not piece.done]
    work = ((piece, texts[piece.start : piece.stop].to_list()) for piece in missing)
    for piece in share_out(partial(_write_piece, words), work, min(processes, len(missing))):
        progress(piece.stop)
    yield from pieces


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some documents' words (a text file) and postings (uint32[3, n]: word, document, times)."""

    path: Path
    start: int
    stop: int

    @property
    def done(self) -> bool:
        return self.postings.exists()

    @property
    def postings(self) -> Path:
        return self.path.with_suffix(".npy")

    @property
    def words(self) -> list[str]:
        return self.path.with_suffix(".words").read_text("utf-8").split("\n")[:-1]


def _write_piece(words: Words, item: tuple[_Piece, list[str]]) -> _Piece:
    piece, texts = item
    found, word, doc, times = words.counted(texts)
    doc += np.uint32(piece.start)
    write_text(piece.path.with_suffix(".words"), "".join(f"{each}\n" for each in found))
    with writing(piece.postings) as temporary, temporary.open("wb") as file:
        np.save(file, np.stack([word, doc, times]), allow_pickle=False)
    return piece


def _merge(folder: Path, pieces: list[_Piece], docs: int, formula: Formula, memory: int) -> bool:
    """Write the index of all the pieces into `folder`; false if they hold no word."""
    ordered = sorted(set[str]().union(*(piece.words for piece in pieces)))
    if not ordered:
        return False
    place = dict(zip(ordered, range(len(ordered)), strict=True))
    # Words are in order here and there, so that a piece stays sorted when it is renumbered.
    numbers = [np.array([place[word] for word in piece.words], np.uint32) for piece in pieces]
    having, lengths = np.zeros(len(ordered), np.int64), np.zeros(docs, np.int64)
    for piece, number in zip(pieces, numbers, strict=True):
        word, doc, times = _part(piece, 0, len(number))
        having[number] += np.bincount(word, minlength=len(number))
        if len(doc):
            low, high = int(doc.min()), int(doc.max()) + 1
            counted = np.bincount(doc - np.uint32(low), weights=times, minlength=high - low)
            lengths[low:high] += counted.astype(np.int64)
    starts = starts_of(having)
    rarity, penalty = formula.rarity(having, docs), formula.penalty(lengths)
    size = int(np.clip(memory // _POSTING_COST, 1024, _RANGE))
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        files = [stack.enter_context(writing(folder / name)) for name in (DOCS, WEIGHTS)]
        outputs = [stack.enter_context(file.open("wb")) for file in files]
        for output, kind in zip(outputs, ("<u4", "<f4"), strict=True):
            header = {"descr": kind, "fortran_order": False, "shape": (int(starts[-1]),)}
            np.lib.format.write_array_header_1_0(output, header)
        for first, last in by_volume(having, size):
            doc, times = _range(pieces, numbers, starts, first, last)
            weights = formula.weights(
                np.repeat(rarity[first:last], having[first:last]), times, penalty[doc]
            )
            outputs[0].write(doc.tobytes())
            outputs[1].write(weights.tobytes())
        for output in outputs:
            output.flush()
    with writing(folder / STARTS) as temporary, temporary.open("wb") as file:
        np.save(file, starts, allow_pickle=False)
    write_text(folder / WORDS, "".join(f"{word}\n" for word in ordered))
    return True


def _range(
    pieces: list[_Piece], numbers: list[Rows], starts: Places, first: int, last: int
) -> tuple[Rows, Rows]:
    """Documents and counts of the words `first` to `last`, by word, then document."""
    count = int(starts[last] - starts[first])
    docs, times = np.empty(count, np.uint32), np.empty(count, np.uint32)
    heads = starts[first:last] - starts[first]
    for piece, number in zip(pieces, numbers, strict=True):
        low, high = np.searchsorted(number, [first, last])
        word, doc, many = _part(piece, int(low), int(high))
        if not len(word):
            continue
        word = number[word] - np.uint32(first)
        sizes = np.bincount(word, minlength=last - first)
        places = (heads - starts_of(sizes)[:-1])[word] + np.arange(len(word))
        docs[places], times[places] = doc, many
        heads += sizes
    return docs, times


def _part(piece: _Piece, low: int, high: int) -> NDArray[np.uint32]:
    """uint32[3, n]: the postings of the piece's own words `low` to `high`, read into memory."""
    postings = open_array(piece.postings)
    start, stop = np.searchsorted(postings[0], np.array([low, high], np.uint32))
    part: NDArray[np.uint32] = np.array(postings[:, start:stop])
    return part
