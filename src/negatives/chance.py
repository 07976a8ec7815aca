"""Random numbers that depend on the seed and on ids, and on nothing else.

A draw for a pair is a hash of (seed, stream, query id, doc id): the same whatever the order of the
rows, the size of a shard or the number of workers. Keys are computed here, vectorised, so that
they do not change with a library's version.
"""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.arrays import Keys, Places, by_volume, places_within, starts_of

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_BASE = 0x00000100000001B3
_FIRST_BYTES = np.array([(1 << 8 * n) - 1 for n in range(9)], np.uint64)
"""Masks of the first n bytes of a little-endian word."""
_CACHED = 1 << 15
"""Words of eight bytes that are hashed at one time, so that intermediates stay in a cache."""
_SHORT = 4
"""Words of a span that are hashed span by span; of a longer one, the rest by itself."""


def id_hashes(ids: pl.Series) -> Keys:
    """uint64[n] hash of each id's UTF-8 bytes (a polynomial in 2^64, finalised by splitmix64)."""
    if ids.is_empty():
        return np.empty(0, np.uint64)
    lengths = ids.str.len_bytes().to_numpy().astype(np.int64)
    joined = np.frombuffer("".join(ids.to_list()).encode("utf-8"), np.uint8)
    longest = int(lengths.max(initial=0))
    powers = np.cumprod(np.full(longest + 1, _BASE, np.uint64))
    starts = starts_of(lengths)
    terms = (joined.astype(np.uint64) + np.uint64(1)) * powers[places_within(lengths)]
    sums = np.concatenate([[np.uint64(0)], np.cumsum(terms, dtype=np.uint64)])
    total = sums[starts[1:]] - sums[starts[:-1]]
    return mix(total + lengths.astype(np.uint64))


def mix(values: Keys) -> Keys:
    """The finaliser of splitmix64 (Steele, Lea and Flood, 2014): each bit in moves each bit out."""
    mixed = values + _MULTIPLIER
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def span_hashes(content: bytes, starts: Places, lengths: Places) -> Keys:
    """uint64[n] hash of each span of `content`: `lengths[i]` bytes from `starts[i]`.

    Eight bytes at a time, each mixed with its place in the span; the sum, and the length, mixed.
    """
    padded = np.frombuffer(content + bytes(8), np.uint8)
    words = np.ndarray(len(content) + 1, "<u8", padded, strides=(1,))
    hashes = np.empty(len(starts), np.uint64)
    for first, last in by_volume((lengths + 7) // 8, _CACHED):
        part = slice(first, last)
        hashes[part] = _spans(words, starts[part], lengths[part])
    return hashes


def _spans(words: Keys, starts: Places, lengths: Places) -> Keys:
    """The same of some spans; `words`: the eight bytes from each place on."""
    sums = np.zeros(len(starts), np.uint64)
    longer = np.arange(len(starts))
    for place in range(_SHORT):  # most spans are words of a language: one step, or two
        longer = longer[lengths[longer] > 8 * place]
        if not len(longer):
            break
        inside = np.minimum(lengths[longer] - 8 * place, 8)
        word = words[starts[longer] + 8 * place] & _FIRST_BYTES[inside]
        sums[longer] += mix(word ^ mix(np.array([place], np.uint64)))
    longer = longer[lengths[longer] > 8 * _SHORT]
    if len(longer):
        counts = (lengths[longer] + 7) // 8 - _SHORT
        ends = starts_of(counts)
        places = places_within(counts) + _SHORT
        inside = np.minimum(np.repeat(lengths[longer], counts) - 8 * places, 8)
        word = words[np.repeat(starts[longer], counts) + 8 * places] & _FIRST_BYTES[inside]
        mixed = mix(word ^ mix(places.astype(np.uint64)))
        up_to = np.concatenate([np.zeros(1, np.uint64), np.cumsum(mixed, dtype=np.uint64)])
        sums[longer] += up_to[ends[1:]] - up_to[ends[:-1]]
    return mix(sums + lengths.astype(np.uint64))


def stream_key(seed: int, stream: str) -> np.uint64:
    """A 64-bit key for one named stream of a seed; streams of one seed are independent."""
    digest = hashlib.blake2b(f"{seed}/{stream}".encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


def uniforms(hashes: Keys, key: np.uint64) -> NDArray[np.float64]:
    """float64[n] in (0, 1), never 0 or 1, from hashes and a stream key."""
    bits = mix(hashes ^ key) >> np.uint64(12)  # 52 of them: adding a half to 53 rounds up to 1
    return (bits.astype(np.float64) + 0.5) * 2.0**-52


def pair_uniforms(pairs: pl.DataFrame, seed: int, stream: str) -> NDArray[np.float64]:
    """float64[n] in (0, 1), one for each row's (query_id, doc_id)."""
    hashes = mix(_of_runs(pairs["query_id"])) ^ id_hashes(pairs["doc_id"])
    return uniforms(hashes, stream_key(seed, stream))


def _of_runs(ids: pl.Series) -> Keys:
    """`id_hashes` of ids that mostly repeat the one before: each run of them is hashed once."""
    runs = ids.rle().struct.unnest()
    return np.repeat(id_hashes(runs["value"]), runs["len"].to_numpy())
