"""From the two sides of a collection to the float32 files that a dense search reads.

Texts are encoded through the embedding store, so that none is encoded twice (vectors that are given
are for `given`). A side ends as one file of the run's scratch folder.

A run that is killed and started again ends in the same bytes, though a text's vector may depend on
the texts that it is encoded with. The chunks are planned over all distinct texts of a side, in the
order of the collection, whatever is stored; of a chunk, what is missing is encoded together and
stored whole or not at all. Chunks of a side have no text in common, so what one run has stored of
the other chunks does not change what is missing of this one. Texts of both sides under one prompt
are the queries': the queries are always finished before the corpus is begun. So at each chunk a run
finds missing what a run never killed finds missing, and encodes the same lists. What other runs
stored before does count: a text keeps the vector that it got first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from negatives.arrays import Bools, Floats, Keys, Places, Rows, by_volume
from negatives.cache_folder import VARIABLE
from negatives.engine import LOCAL, Lazily, carried_out
from negatives.errors import InputError
from negatives.events import Noted, Progress, Warned
from negatives.models.by_id import IdEncoder
from negatives.models.checks import check_vectors
from negatives.models.embed_by_id import embed_by_id
from negatives.models.embedded import Embedded as Embedded
from negatives.models.embedded import Similarity as Similarity
from negatives.models.embedded import key_of as key_of
from negatives.models.encode_texts import EncodeTexts, Numbered, OpenAgain
from negatives.models.encoder import Encoded, Encoder, reading, sides
from negatives.models.images import check_there, file_keys
from negatives.models.readable import check_readable
from negatives.models.representable import representable
from negatives.needs import check_needs
from negatives.opening import Context
from negatives.schema import TEXTS, Collection, Needs, Side
from negatives.stats.lengths import normalised
from negatives.store.embedding_shards import text_keys
from negatives.store.embeddings import (
    About,
    EmbeddingStore,
    Space,
    store_folder,
    writable,
)
from negatives.store.vectors import open_vectors, write_vectors

Ready = Callable[[Iterator[Floats]], Iterator[Floats]]

BLOCK: Final = 4096
"""Vectors that are gathered at once, where memory allows."""
CHUNK_TEXTS: Final = 8192
CHUNK_TEXT_BYTES: Final = 4 * 2**20
CHUNK_VECTOR_BYTES: Final = 16 * 2**20
"""What one call of an encoder gets and gives, at most; no setting, for results may depend on it."""
PROBE: Final = "a model learns what something is from what it is not"
CUT: Final = 0.01
"""The share of texts read only in part from which on the user is told."""


@dataclass(frozen=True, slots=True)
class _Side:
    """The texts of one side, with the ids to name them by; `what`: "queries" or "corpus"."""

    what: str
    ids: pl.Series
    texts: pl.Series
    prompt: str
    encoder: Encoder
    again: OpenAgain | None
    content: str = "text"
    """What the texts are: texts, paths of images, or time series."""

    def chunk(self, number: int, rows: Rows) -> Numbered:
        """The texts at `rows` as they are encoded, with the number of their chunk."""
        return number, [self.prompt + text for text in self.texts.gather(rows).to_list()]

    def keys(self) -> Keys:
        """Keys of the texts, or of what the files of images hold."""
        if self.content == "image":
            return file_keys(self.texts)
        parts = [
            text_keys(self.texts[n : n + BLOCK].to_list()) for n in range(0, len(self.texts), BLOCK)
        ]
        return np.concatenate([text_keys([]), *parts])


def embed(
    encoder: Encoder,
    context: Context,
    *,
    name: str,
    label: str,
    query_prompt: str = "",
    doc_prompt: str = "",
    similarity: Similarity = "cosine",
    again: OpenAgain | None = None,
) -> Embedded:
    """Both sides by `encoder`, which the user called `name`; `label` is the source's.

    The context's engine encodes where `again` can open the same encoder in another process.

    Emits progress, and for each side a `Noted("encode LABEL queries")`, `... corpus`: texts,
    distinct, from_store, encoded (distinct texts), truncated (texts) and seconds. Raises
    `DataError` naming the first texts whose vectors have a NaN, an infinity or nothing but zeros,
    and where the encoder cannot read the texts of a side. Vectors that were learned by id are
    looked up, and compared as they were trained to be, whatever `similarity` says.
    """
    if isinstance(encoder, IdEncoder):
        return embed_by_id(encoder, context, label)
    read = needs_of(encoder, context.collection)
    check_needs(context.collection, read, f"the encoder {name}", where=label)
    of_queries, of_docs = sides(encoder)
    both = (
        _side("queries", of_queries, read, context.collection, query_prompt, again),
        _side("docs", of_docs, read, context.collection, doc_prompt, again),
    )
    if read == TEXTS:
        check_readable(encoder, context, name=name, label=label)
    store = _open_store(context)
    with ExitStack() as stack:
        spaces = [stack.enter_context(store.space(_about(side, name))) for side in both]
        # A served model that has changed gets a space of another name.
        generations = [space.folder.name.partition("-")[2] for space in spaces]
        parts = (encoder.fingerprint, query_prompt, doc_prompt, similarity)
        key = key_of(*parts, *filter(None, generations))
        made: list[Floats] = []
        for side, space in zip(both, spaces, strict=True):
            path = context.scratch / f"{_FILES[side.what]}-{key}.npy"
            if not path.exists():
                task = _Task(context, side, space, f"encoder {name}", label)
                task.carry_out(path, partial(_ready, task, similarity, both[0].ids, made))
            made.append(open_vectors(path))
    return Embedded(key, made[0], made[1], read)


def needs_of(encoder: Encoder, collection: Collection) -> Needs:
    """What an encoder reads of the two sides: texts, or the first it can read that a side has."""
    contents = tuple(getattr(encoder, "contents", ("text",)))
    of_docs, of_queries = (
        next((each for each in contents if collection.has(side, each)), "text")
        for side in ("docs", "queries")
    )
    return Needs((of_docs,), (of_queries,))


def _side(
    side: Side,
    encoder: Encoder,
    read: Needs,
    collection: Collection,
    prompt: str,
    again: OpenAgain | None,
) -> _Side:
    """What is encoded of a side, with the ids of it; a prompt goes before texts alone."""
    content = (read.docs if side == "docs" else read.queries)[0]
    what = "corpus" if side == "docs" else side
    found = collection.image_paths(side) if content == "image" else collection.frame(side)[content]
    ids = collection.ids(side)
    if side == "queries":
        found, ids = found.gather(collection.mined_queries), ids.gather(collection.mined_queries)
    if content == "image":
        check_there(found, ids, what)
    prompt = prompt if content == "text" else ""
    return _Side(what, ids, found, prompt, reading(encoder, content), again, content)


def _ready(
    task: _Task,
    similarity: Similarity,
    query_ids: pl.Series,
    queries: list[Floats],
    blocks: Iterator[Floats],
) -> Iterator[Floats]:
    """A side's vectors as they are compared; `queries`: those of the queries, if there yet."""
    if similarity == "cosine":
        return map(normalised, blocks)
    if not queries:
        return blocks
    return representable(blocks, queries[0], query_ids, task.side.ids, task.where)


_FILES: Final = {"queries": "queries", "corpus": "docs"}


def _open_store(context: Context) -> EmbeddingStore:
    """The shared store; one of the run's own where that is switched off or cannot be written."""
    own = EmbeddingStore(context.scratch / "embeddings", context.machine.memory)
    try:
        folder = store_folder()
    except InputError as error:
        context.emit(Warned(f"vectors are not shared with other runs: {error.what}; {error.fix}"))
        return own
    if folder is None:
        return own
    if not writable(folder):
        context.emit(
            Warned(
                f"vectors are not shared with other runs: {folder} cannot be written; set "
                f"{VARIABLE} to a folder, or to off"
            )
        )
        return own
    return EmbeddingStore(folder, context.machine.memory)


def _about(side: _Side, name: str) -> About:
    encoder, prompt = side.encoder, side.prompt
    probe: tuple[float, ...] = ()
    if getattr(encoder, "remote", False):
        probe = tuple(encoder.encode([prompt + PROBE]).vectors[0].tolist())
    return About(
        fingerprint=encoder.fingerprint, encoder=name, prompt=prompt, dim=encoder.dim, probe=probe
    )


@dataclass(frozen=True, slots=True)
class _Task:
    """One side to be encoded into `space`, and gathered from there."""

    context: Context
    side: _Side
    space: Space
    where: str
    label: str

    def carry_out(self, path: Path, ready: Ready) -> None:
        """Write the side's vectors, made `ready`, encoding what the store lacks."""
        began = time.perf_counter()
        keys = self.side.keys()
        first, of_text = distinct(keys)
        places, encoded = self._placed(keys[first], first, of_text)
        truncated = self._gather(path, places[of_text], ready)
        texts = len(of_text)
        self.context.emit(
            Noted(
                f"encode {self.label} {self.side.what}",
                {
                    "texts": texts,
                    "distinct": len(first),
                    "from_store": len(first) - encoded,
                    "encoded": encoded,
                    "truncated": truncated,
                    "seconds": round(time.perf_counter() - began, 4),
                },
            )
        )
        if truncated > CUT * texts:
            self.context.emit(
                Warned(
                    f"{truncated:,} of {texts:,} texts of the {self.side.what} are longer than "
                    f"{self.where} reads: they are compared by their beginnings only"
                )
            )

    def _placed(self, keys: Keys, first: Rows, of_text: Rows) -> tuple[Places, int]:
        """Where the vector of each distinct text is stored, and how many had to be encoded."""
        places = self.space.locate(keys)
        missing = places < 0
        copies = np.bincount(of_text, minlength=len(keys))
        done = int(copies[~missing].sum())
        if not missing.any():  # another source, or another run, has encoded them
            return places, 0
        self._tell(done)
        lengths = self.side.texts.gather(first).str.len_bytes().to_numpy().astype(np.int64)
        bounds = chunks(lengths, self.side.encoder.dim)
        lacking = [start + np.flatnonzero(missing[start:stop]) for start, stop in bounds]
        lacking = [chunk for chunk in lacking if len(chunk)]
        for number, made, events in carried_out(
            LOCAL if self.side.again is None else self.context.engine,
            EncodeTexts(
                self.side.encoder, self.side.again, self.side.what == "corpus", self.side.content
            ),
            Lazily(len(lacking), lambda place: self.side.chunk(place, first[lacking[place]])),
            do=f"encode {self.side.what}: texts of",
            name=lambda item: self._named(first[lacking[item[0]]]),
            where=self.where,
        ):
            chunk = lacking[number]
            for event in events:
                self.context.emit(event)
            self._keep(keys[chunk], first[chunk], made)
            done += int(copies[chunk].sum())
            self._tell(done)
        return self.space.locate(keys), int(missing.sum())

    def _named(self, rows: Rows) -> str:
        ids = self.side.ids.gather(rows[[0, -1]])
        return f"{ids[0]} to {ids[1]}"

    def _keep(self, keys: Keys, rows: Rows, made: Encoded) -> None:
        """Store the vectors of the distinct texts at `rows`, unless one cannot be compared."""
        texts = self.side.texts.gather(rows)
        ids, empty = self.side.ids.gather(rows), is_empty(texts)
        check_vectors(made.vectors, ids, self.side.what, self.where, allowed_zero=empty)
        self.space.append(keys, made.vectors, made.truncated)

    def _gather(self, path: Path, places: Places, ready: Ready) -> int:
        """Write the vectors at `places` to the file; how many of them are of truncated texts."""
        size = max(64, min(BLOCK, self.context.machine.memory // (64 * self.space.dim)))
        cut = 0

        def blocks() -> Iterator[Floats]:
            nonlocal cut
            for start in range(0, len(places), size):
                vectors, truncated = self.space.read(places[start : start + size])
                cut += int(truncated.sum())
                yield vectors

        write_vectors(path, len(places), self.space.dim, ready(blocks()))
        return cut

    def _tell(self, done: int) -> None:
        stage = f"encode {self.side.what} ({self.label})"
        self.context.emit(Progress(stage, done, len(self.side.texts), "texts"))


def chunks(lengths: Places, dim: int) -> Iterator[tuple[int, int]]:
    """Bounds of the chunks of texts that are encoded together; `lengths`: bytes of each text."""
    most = max(1, min(CHUNK_TEXTS, CHUNK_VECTOR_BYTES // (4 * dim)))
    return by_volume(lengths, CHUNK_TEXT_BYTES, most)


def distinct(keys: Keys) -> tuple[Rows, Rows]:
    """Rows at which a key comes first, ascending; and for every row, which of those it repeats."""
    rows = pl.DataFrame({"high": keys[:, 0], "low": keys[:, 1]}).with_row_index("row")
    first = rows.unique(["high", "low"], keep="first", maintain_order=True)
    numbered = first.with_row_index("number")
    repeats = rows.join(numbered, on=["high", "low"], how="left", maintain_order="left")
    return first["row"].to_numpy(), repeats["number"].to_numpy()


def is_empty(texts: pl.Series) -> Bools:
    """bool[n]: whether a text is nothing but blanks."""
    return (texts.str.strip_chars().str.len_bytes() == 0).to_numpy()
