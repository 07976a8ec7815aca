"""Tiles: what is found in ranges of documents and joined is what one search of everything finds."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negatives.machine import Machine
from negatives.search.excluded import Excluded
from negatives.search.searcher import ExactSearch
from negatives.search.shortlist import NO_DOC
from negatives.search.tiles import Joined, Tile, joined, search_tile
from negatives.store.vectors import open_vectors, write_vectors


def same(left: Tile, right: Tile) -> bool:
    return all(
        a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
        for a, b in zip(left, right, strict=True)
    )


@pytest.mark.slow
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 30), cuts=st.sets(st.integers(1, 59)))
@settings(max_examples=40)
def test_joined_tiles_are_the_whole_search_in_any_order_and_grouping(
    seed: int, k: int, cuts: set[int]
) -> None:
    draw = np.random.default_rng(seed)
    # Few different vectors, so that many scores tie; some documents are banned, some pairs too.
    docs = draw.integers(-1, 2, (60, 3)).astype(np.float32)
    queries = draw.integers(-1, 2, (5, 3)).astype(np.float32)
    banned = np.unique(draw.integers(0, 60, draw.integers(0, 58))).astype(np.uint32)
    pairs = np.unique(draw.integers(0, (5, 60), (40, 2)), axis=0).astype(np.uint32)
    excluded = Excluded(pairs[:, 0].copy(), pairs[:, 1].copy())
    search = ExactSearch(docs, banned, Machine(), lambda _: None)
    whole = search.search(queries, k, excluded)
    ends = [0, *sorted(cuts), 60]
    tiles = [
        search_tile(search, queries, k, excluded, start, stop) for start, stop in pairwise(ends)
    ]
    assert same(Joined(tiles).search(queries, k, excluded), whole)
    assert same(joined([tiles[n] for n in draw.permutation(len(tiles))], k), whole)
    folded = tiles[0]
    for tile in tiles[1:]:
        folded = joined([folded, tile], k)
    assert same(joined([folded], k), whole)


def test_of_a_file_only_the_range_is_read(tmp_path: Path) -> None:
    docs = np.random.default_rng(0).normal(size=(500, 8)).astype(np.float32)
    path = tmp_path / "docs.npy"
    write_vectors(path, 500, 8, [docs])
    search = ExactSearch(open_vectors(path), np.array([130], np.uint32), Machine(), lambda _: None)
    nothing = Excluded(np.empty(0, np.uint32), np.empty(0, np.uint32))
    found, scores = search_tile(search, docs[:3], 4, nothing, 120, 300)
    assert found.min() >= 120
    assert found.max() < 300
    assert 130 not in found
    expected = np.sort(np.delete(docs[120:300], 10, axis=0) @ docs[:3].T, axis=0)[::-1][:4].T
    assert np.allclose(scores, expected, atol=1e-5)
    few, _ = search_tile(search, docs[:3], 4, nothing, 129, 131)
    assert few.tolist() == [[129]] * 3
    assert NO_DOC not in found
