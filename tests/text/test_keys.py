"""When two texts are the same, and which runs of words they are made of."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.text import keys as module
from negatives.text.keys import normalised_keys, shingles, text_keys
from tests.each import for_each

alike = [
    ("Lift and drag.", "lift AND drag"),
    ("lift  and\n\tdrag", "lift and drag"),
    ('"lift", and-drag!', "lift and drag"),
    ("ﬁlm", "film"),  # a ligature
    ("Ｌｉｆｔ", "lift"),  # full-width letters
    ("x²", "x2"),
    ("cafe\u0301", "café"),  # combining accent
    ("ΛΌΓΟΣ", "λόγος"),
    ("STRASSE", "Straße"),
    ("IŞIK İZMİR", "ışık izmir"),
    ("the soft\u00adhyphen", "the softhyphen"),
    (
        "zero\u200bwidth \u2066join\u200d\u200cers\u2069 \ufeffword\u2060joiner",
        "zerowidth joiners wordjoiner",
    ),
    ("e\u200b\u0301t\u00e9", "été"),  # an accent behind a character that nobody sees
    ("caf&eacute; &amp; &#98;ar&nbsp;&shy;", "café bar"),
    ("&amp;lt;b&amp;gt; &amp;uuml;", "b ü"),  # encoded twice
    ("\u201cquoted\u201d it\u2019s", "'quoted' it's"),
    ("non\u00a0breaking\u2003space", "non breaking space"),
    ("كتـــاب", "كتاب"),  # stretched
    ("مُحَمَّد", "محمد"),  # vowel points
    ("שָׁלוֹם", "שלום"),
    ("海洋 为什么，有盐？", "海洋为什么有盐"),
    ("GPU 的性能", "GPU的性能"),
    ("สวัสดี\u200bครับ", "สวัสดีครับ"),
    ("ﾊﾟﾝ", "パン"),  # half-width
    ("❤\ufe0f", "❤"),
    ("  ", ""),
]
different = [
    ("lift and drag", "lift and drags"),
    ("lift drag", "liftdrag"),
    ("lift drag", "drag lift"),
    ("café", "cafe"),
    ("1.5", "15"),
    ("!!", "??"),  # texts of symbols only equal their like
    ("+ 1", "+ 2"),
    ("हिन्दी", "हिनदा"),  # vowel signs are letters of their own
    ("कि", "की"),
    ("ก่า", "ก้า"),
    ("☕", "❤"),
    ("é", "e"),
    ("AT&T; shop", "AT shop"),
    ("海洋", "洋海"),
]


GOLDEN_KEYS = [
    16294208416658607535,
    39898768554013150,
    2552418710372247967,
    13019573285005238074,
    15453161047146005080,
    11874961947723047134,
]
GOLDEN_SHINGLES = [380373085, 2061240737, 1196040138, 2909153843]


def same(left: str, right: str) -> bool:
    one, other = normalised_keys(pl.Series([left, right]))
    return bool(one == other)


@for_each(("left", "right"), alike)
def test_these_are_the_same_text(left: str, right: str) -> None:
    assert same(left, right)


@for_each(("left", "right"), different)
def test_these_are_not(left: str, right: str) -> None:
    assert not same(left, right)


def test_keys_are_the_same_whatever_library_computes_them() -> None:
    texts = ["", "a", "lift and drag", "Straße", "海洋", "x" * 4000]
    assert text_keys(pl.Series(texts)).tolist() == GOLDEN_KEYS
    found = shingles(pl.Series(["Lift and drag!", "海洋为"]), 2)
    assert (found.values.tolist(), found.starts.tolist()) == (GOLDEN_SHINGLES, [0, 2, 4])


@pytest.mark.slow
@given(st.lists(st.text(max_size=30), max_size=20))
def test_a_key_depends_on_its_own_text_only(many: list[str]) -> None:
    together = text_keys(pl.Series(many, dtype=pl.String)).tolist()
    assert together == [text_keys(pl.Series([text]))[0] for text in many]
    assert (len(set(together)), len(together)) == (len(set(many)), len(many))


def test_symbols_equal_the_same_symbols() -> None:
    assert same(" !! ", "!!")


def test_exact_keys_tell_every_difference() -> None:
    keys = text_keys(pl.Series(["a", "a", "A", "a ", ""]))
    assert keys[0] == keys[1]
    assert len(set(keys.tolist())) == 4


def normalised(text: str) -> str:
    """The words of a text, by plain Python."""
    folded = unicodedata.normalize("NFKC", text).lower()
    words = "".join(c if unicodedata.category(c)[0] in "LN" else " " for c in folded)
    return " ".join(words.split()) or folded.strip()


letters = st.text(st.sampled_from("abcB. ,-\nÉ1"), max_size=15)


@pytest.mark.slow
@given(st.lists(letters, min_size=1, max_size=20))
def test_keys_are_equal_exactly_where_plain_normalisation_is(many: list[str]) -> None:
    keys = normalised_keys(pl.Series(many)).tolist()
    plain = [normalised(text) for text in many]
    for n, key in enumerate(keys):
        for m, other in enumerate(keys):
            assert (key == other) == (plain[n] == plain[m])


@pytest.mark.slow
@given(st.text(st.characters(max_codepoint=127, exclude_characters="&"), max_size=30))
def test_plain_ascii_is_normalised_as_any_other_text(text: str) -> None:
    with_word = f"{text} a"
    assert same(with_word, f"{with_word} \u2014")  # a dash, which is no word, and no ASCII


def plain_shingles(text: str, words: int) -> set[tuple[str, ...]]:
    split = normalised(text).split()  # a text of signs alone keeps its white space
    if not split:
        return set()
    if len(split) < words:
        return {tuple(split)}
    return {tuple(split[n : n + words]) for n in range(len(split) - words + 1)}


phrases = st.lists(st.sampled_from(["a", "b", "c", "Dd", "!", ""]), max_size=10).map(" ".join)


@pytest.mark.slow
@given(st.lists(phrases, max_size=12), st.integers(1, 4))
def test_shingles_are_the_distinct_runs_of_words(many: list[str], words: int) -> None:
    found = shingles(pl.Series(many, dtype=pl.String), words)
    assert len(found) == len(many)
    assert found.starts[-1] == len(found.values)
    for n, text in enumerate(many):
        mine = found[n]
        expected = plain_shingles(text, words)
        assert (np.diff(mine.astype(np.int64)) > 0).all()  # sorted, each once
        assert len(mine) == len(expected)
        # Equal runs have equal values in every text; different ones, different values.
        for other, theirs in enumerate(many):
            shared = np.intersect1d(mine, found[other])
            assert len(shared) == len(expected & plain_shingles(theirs, words))


@pytest.mark.slow
@given(st.lists(phrases, max_size=12), st.integers(1, 5))
def test_the_size_of_a_block_changes_nothing(many: list[str], block: int) -> None:
    series = pl.Series(many, dtype=pl.String)
    found = shingles(series, 2)
    keys = normalised_keys(series)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK", block)
        again = shingles(series, 2)
        np.testing.assert_array_equal(normalised_keys(series), keys)
    np.testing.assert_array_equal(again.values, found.values)
    np.testing.assert_array_equal(again.starts, found.starts)


def test_the_order_of_words_in_a_run_matters() -> None:
    found = shingles(pl.Series(["red fish", "fish red"]), 2)
    assert len(np.intersect1d(found[0], found[1])) == 0


def test_a_text_without_words_has_no_shingles() -> None:
    assert shingles(pl.Series(["", " \n", "a"]), 2).lengths.tolist() == [0, 0, 1]


def test_punctuation_regex_of_python_and_here_agree_on_letters_and_digits() -> None:
    sample = "Strasse №5 — naïve ½ x_y αβγ 数学 ١٢"
    words = re.sub(r"[\W_]+", " ", unicodedata.normalize("NFKC", sample).lower()).strip()
    assert same(sample, words)
