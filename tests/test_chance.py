"""Chance: numbers that follow from the seed and the ids alone, today and in ten years."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from negatives.chance import id_hashes, mix, pair_uniforms, span_hashes, stream_key, uniforms

WORD = 2**64
ids = st.lists(st.text(max_size=12), min_size=1, max_size=30)


def plain_mix(value: int) -> int:
    """splitmix64's finaliser on Python's integers."""
    value = (value + 0x9E3779B97F4A7C15) % WORD
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) % WORD
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) % WORD
    return value ^ (value >> 31)


def plain_hash(text: str) -> int:
    """Sum of (byte + 1) B^(place + 1), plus the length, then mixed."""
    total = len(text.encode())
    for place, byte in enumerate(text.encode()):
        total += (byte + 1) * pow(0x100000001B3, place + 1, WORD)
    return plain_mix(total % WORD)


@given(ids)
def test_a_hash_is_that_of_the_naive_formula(names: list[str]) -> None:
    assert id_hashes(pl.Series(names)).tolist() == [plain_hash(name) for name in names]


def plain_span_hash(content: bytes) -> int:
    """Eight bytes at a time, each mixed with its place; their sum and the length, mixed."""
    total = len(content)
    for place in range(0, len(content), 8):
        word = int.from_bytes(content[place : place + 8], "little")
        total += plain_mix(word ^ plain_mix(place // 8))
    return plain_mix(total % WORD)


@given(st.lists(st.binary(max_size=80), max_size=20))
def test_a_hash_of_bytes_is_that_of_the_naive_formula(many: list[bytes]) -> None:
    lengths = np.array([len(each) for each in many], np.int64)
    found = span_hashes(b"".join(many), np.cumsum(lengths) - lengths, lengths)
    assert found.tolist() == [plain_span_hash(each) for each in many]


@given(ids)
def test_a_hash_does_not_depend_on_the_ids_beside_it(names: list[str]) -> None:
    together = id_hashes(pl.Series(names)).tolist()
    assert together == [id_hashes(pl.Series([name]))[0] for name in names]


def test_hashes_never_change() -> None:
    # Written down once: a run resumed with a later version must draw the same negatives.
    assert id_hashes(pl.Series(["", "q1", "doc-42", "Übergröße", "文書"])).tolist() == [
        16294208416658607535,
        15792864898553079413,
        12023423768650012070,
        17078005009188124321,
        14304866903678497210,
    ]


def test_draws_never_change() -> None:
    pairs = pl.DataFrame({"query_id": ["q1", "q1", "q2"], "doc_id": ["d1", "d2", "d1"]})
    assert pair_uniforms(pairs, 7, "pick/random").tolist() == [
        0.44222277201307103,
        0.5588500772280208,
        0.37872200898789365,
    ]


def test_mixing_agrees_with_the_published_sequence() -> None:
    # splitmix64 seeded with 1234567 (Vigna's reference implementation) begins with these.
    steps = np.uint64(1234567) + np.arange(3, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert mix(steps).tolist() == expected


def test_no_id_no_hash() -> None:
    assert id_hashes(pl.Series([], dtype=pl.String)).tolist() == []


def test_near_ids_have_unrelated_hashes() -> None:
    hashes = id_hashes(pl.Series([str(n) for n in range(100_000)]))
    assert len(np.unique(hashes)) == 100_000
    flipped = np.bitwise_count(hashes[1:] ^ hashes[:-1])
    assert abs(flipped.mean() - 32) < 0.1  # half of 64 bits


def unmixed(value: int) -> int:
    """The hash whose finalised form is `value`: mix, undone step by step."""
    for shift, factor in ((31, 0x94D049BB133111EB), (27, 0xBF58476D1CE4E5B9), (30, 1)):
        original = value
        for _ in range(64 // shift + 1):
            value = original ^ (value >> shift)
        value = value * pow(factor, -1, WORD) % WORD
    return (value - 0x9E3779B97F4A7C15) % WORD


def test_uniforms_lie_strictly_between_0_and_1_even_where_all_bits_agree() -> None:
    extremes = np.array([unmixed(0), unmixed(WORD - 1)], np.uint64)
    assert mix(extremes).tolist() == [0, WORD - 1]
    low, high = uniforms(extremes, np.uint64(0))
    assert 0 < low < 2**-50
    assert 1 - 2**-50 < high < 1


def test_uniforms_are_uniform() -> None:
    pairs = pl.DataFrame(
        {
            "query_id": [f"q{n % 100}" for n in range(50_000)],
            "doc_id": [f"d{n // 100}" for n in range(50_000)],
        }
    )
    counts = np.histogram(pair_uniforms(pairs, 0, "test"), bins=50, range=(0, 1))[0]
    chi_square = ((counts - 1_000) ** 2 / 1_000).sum()
    assert chi_square < 85.4  # 49 degrees of freedom, p = 0.001


def test_a_draw_does_not_depend_on_the_order_of_the_rows() -> None:
    pairs = pl.DataFrame({"query_id": ["a", "b", "c", "a"], "doc_id": ["x", "x", "y", "y"]})
    forward = pair_uniforms(pairs, 3, "s")
    np.testing.assert_array_equal(pair_uniforms(pairs.reverse(), 3, "s"), forward[::-1])


def test_query_and_document_do_not_trade_places() -> None:
    pairs = pl.DataFrame({"query_id": ["a", "b"], "doc_id": ["b", "a"]})
    one, other = pair_uniforms(pairs, 0, "s")
    assert one != other


def test_streams_and_seeds_are_unrelated() -> None:
    hashes = id_hashes(pl.Series([str(n) for n in range(20_000)]))
    base = uniforms(hashes, stream_key(0, "find/random"))
    for other in (stream_key(1, "find/random"), stream_key(0, "pick/random")):
        correlation = np.corrcoef(base, uniforms(hashes, other))[0, 1]
        assert abs(correlation) < 0.03  # four standard errors of 1 / sqrt(20,000)
