"""8-bit products: integers are exact, bounds hold, and nothing that counts is sieved out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from negatives.arrays import Floats
from negatives.search import backends, int8_product
from negatives.search.bfloat16_product import Bfloat16
from negatives.search.blas import Blas
from negatives.search.exact import top_k
from negatives.search.int8_product import MOST, ZERO, Int8, open_session
from negatives.search.product import Nominated
from tests.each import for_each
from tests.search.test_exact import Pairs, spread

EXTREMES_OF_DOC = st.sampled_from([0, 1, ZERO, 254, 255])
EXTREMES_OF_QUERY = st.sampled_from([-MOST, MOST])


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(1, 5), st.integers(1, 70), st.integers(1, 6))
def test_integers_are_multiplied_exactly_at_their_extremes(
    data: st.DataObject, queries: int, width: int, docs: int
) -> None:
    left = data.draw(arrays(np.int8, (queries, width), elements=EXTREMES_OF_QUERY))
    right = data.draw(arrays(np.uint8, (docs, width), elements=EXTREMES_OF_DOC))
    assert_exact(left, right)


@for_each("doc", [0, 255])
@for_each("query", [-MOST, MOST])
@for_each("width", [1, 31, 384, 4096])
def test_no_sum_of_all_extremes_saturates(width: int, query: int, doc: int) -> None:
    assert_exact(np.full((33, width), query, np.int8), np.full((70, width), doc, np.uint8))


def assert_exact(queries: NDArray[np.int8], docs: NDArray[np.uint8]) -> None:
    (cells,) = open_session(queries).run(None, {"docs": docs})
    expected = (docs.astype(np.int64) - ZERO) @ queries.T.astype(np.int64)
    np.testing.assert_array_equal(cells, expected)


def sieved(queries: Floats, docs: Floats, bar: Floats, shut: Pairs) -> Nominated:
    """What is nominated where the sieve never leaves a block to float32."""
    query, column = np.array(sorted(shut), np.int64).reshape(-1, 2).T
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(int8_product, "_SHARE", np.inf)
        return Int8(block=len(docs)).open(queries).above(docs, bar, query, column)


component = st.floats(-300, 300, width=16) | st.sampled_from([0.0, -0.0, 6e-8, -65504.0, 1.0])


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.data(), st.integers(1, 5), st.integers(1, 6), st.integers(1, 30))
def test_every_pair_that_reaches_the_bar_is_nominated_and_none_promised_more_than_it_scores(
    data: st.DataObject, width: int, queries: int, docs: int
) -> None:
    left = data.draw(arrays(np.float32, (queries, width), elements=component))
    right = data.draw(arrays(np.float32, (docs, width), elements=component))
    places = st.tuples(st.integers(0, queries - 1), st.integers(0, docs - 1))
    shut = data.draw(st.sets(places))
    scores = left.astype(np.float64) @ right.astype(np.float64).T
    # Bars that are met exactly, by the very pair that is to be found.
    bar = scores[np.arange(queries), data.draw(st.integers(0, docs - 1))].astype(np.float32)
    found = sieved(left, right, bar, shut)
    nominated = set(zip(found.query.tolist(), found.column.tolist(), strict=True))
    reaching = set(zip(*map(np.ndarray.tolist, np.nonzero(scores >= bar[:, None])), strict=True))
    assert reaching - shut <= nominated
    assert not nominated & shut
    true = scores[found.query, found.column]
    assert (found.lowest <= true).all()
    assert (true - found.lowest <= 2.001 * found.slack[found.query] + 1e-30).all()


def test_of_vectors_of_an_encoder_few_are_nominated_in_vain() -> None:
    queries, docs = spread(20, 256, seed=30), spread(2_000, 256, seed=31)
    scores = queries @ docs.T
    bar = np.sort(scores, axis=1)[:, -10].copy()
    assert len(sieved(queries, docs, bar, set()).query) <= 10 * len(queries) + 5


@pytest.mark.parametrize("scale", [1.0, 300.0, 2e-4])
@pytest.mark.parametrize("workers", [1, 3])
def test_it_changes_no_bit_of_what_is_found(scale: float, workers: int) -> None:
    queries, docs = spread(50, 64, seed=20), spread(30_000, 64, seed=21)
    docs = docs * np.float32(scale)
    docs[7_000:7_300] = docs[:300]  # copies, so that ties are broken too
    banned = np.arange(0, 900, 3, dtype=np.uint32)
    rows, scores = top_k(queries, docs, 40, banned=banned)
    again = top_k(queries, docs, 40, banned=banned, backend=Int8(workers=workers, block=512))
    np.testing.assert_array_equal(again[0], rows)
    np.testing.assert_array_equal(again[1], scores)


def test_where_all_is_alike_it_leaves_the_blocks_to_float32_in_bounded_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sieves = []
    real = int8_product.Int8Product._sieved

    def counted(*given: Any) -> Any:
        sieves.append(given)
        return real(*given)

    monkeypatch.setattr(int8_product.Int8Product, "_sieved", counted)
    docs = np.repeat(spread(1, 32, seed=3), 60_000, axis=0)
    docs += (np.arange(60_000) % 7 / 4096).astype(np.float32)[:, None]
    queries = spread(16, 32, seed=4)
    rows, scores = top_k(queries, docs, 300, backend=Int8(block=512))
    expected = top_k(queries, docs, 300)
    np.testing.assert_array_equal(rows, expected[0])
    np.testing.assert_array_equal(scores, expected[1])
    assert 1 <= len(sieves) < 20  # of more than a hundred blocks


@pytest.mark.parametrize(
    ("operations", "wanted", "native", "expected"),
    [
        (1e9, 1e-6, False, Blas),
        (1e13, 1e-6, False, Int8),
        (1e13, 1e-2, False, Blas),
        (1e13, 1e-6, True, Bfloat16),
    ],
)
def test_the_processor_and_the_work_decide_what_multiplies(
    monkeypatch: pytest.MonkeyPatch, operations: float, wanted: float, native: bool, expected: type
) -> None:
    monkeypatch.setattr(backends, "multiplies_bfloat16", lambda: native)
    monkeypatch.setattr(backends, "has_gpu", lambda: False)
    assert isinstance(backends.choose_backend("auto", operations, wanted, 1), expected)


def test_only_tiles_of_bfloat16_are_multiplied_by_torch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(backends, "_ABOUT", tmp_path / "cpuinfo")
    found = []
    for flags in (None, "fpu avx512_bf16 avx512_vnni", "fpu amx_bf16 amx_tile"):
        if flags is not None:
            (tmp_path / "cpuinfo").write_text(f"model name : x\nflags : {flags}\nbugs : amx_bf16\n")
        backends.multiplies_bfloat16.cache_clear()
        found.append(backends.multiplies_bfloat16())
    backends.multiplies_bfloat16.cache_clear()
    assert found == [False, False, True]
