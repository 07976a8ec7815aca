"""Slots of words: what is counted, what is drawn, and how a text is put together again."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.chance import id_hashes
from negatives.errors import InputError
from negatives.text.slots import Slots, Tokens, rewritten
from negatives.text.word_classes import ATTRIBUTES, FUNCTION_WORDS, RELATIONS, read_classes

TEXTS = st.lists(st.lists(st.sampled_from(["A", "a", "dog", "cat", ",", "2"]), max_size=6))


def hashed(word: str) -> int:
    return int(id_hashes(pl.Series([word]))[0])


@given(TEXTS)
def test_slots_are_counted_as_by_hand(words: list[list[str]]) -> None:
    texts = pl.Series([" ".join(each) for each in words], dtype=pl.String)
    tokens = Tokens.of(texts)
    every = np.concatenate([tokens.narrow, *tokens.wide])
    slots = Slots.of(texts, every)
    expected: Counter[tuple[str, ...]] = Counter()
    of_token: list[list[tuple[str, ...]]] = [[], [], []]
    for each in words:
        said = ["", "", *(word.lower() if not n else word for n, word in enumerate(each)), "", ""]
        for n in range(2, len(said) - 2):
            a, b, word, c, d = said[n - 2 : n + 3]
            for kind, key in enumerate([("n", b, c), ("l", a, b, c), ("r", b, c, d)]):
                expected[(*key, word)] += 1
                of_token[kind].append((*key, word))
    for slot, keys in zip((tokens.narrow, *tokens.wide), of_token, strict=True):
        assert slots.counts(slot, tokens.word).tolist() == [expected[key] for key in keys]
    assert int(slots.count.sum()) == 3 * len(tokens.word)
    assert slots.counts(tokens.narrow, tokens.word + np.uint64(1)).sum() == 0


def test_a_word_is_drawn_as_often_as_it_stands_in_the_slot() -> None:
    texts = pl.Series(["a dog ran"] * 3 + ["a cat ran"] + ["a hen sat"])
    tokens = Tokens.of(texts)
    slots = Slots.of(texts, tokens.narrow[1:2])
    draws = (np.arange(400) + 0.5) / 400
    found = slots.drawn(np.repeat(tokens.narrow[1:2], 400), draws)
    assert Counter(slots.spelled[word] for word in found.tolist()) == {"dog": 300, "cat": 100}
    assert slots.drawn(np.array([1], np.uint64), np.array([0.5])).tolist() == [0]
    only = slots.only(id_hashes(pl.Series(["cat"])))
    assert {only.spelled[word] for word in only.drawn(tokens.narrow[1:2], draws[:1]).tolist()} == {
        "cat"
    }


@given(st.text(alphabet="aB1., éİß'ä\u0915\u093f中\n", max_size=30))
def test_a_text_without_changes_is_put_together_as_it_was(text: str) -> None:
    assert rewritten(text, {}) == text
    count = len(Tokens.of(pl.Series([text])).word)
    assert rewritten(text, {count + 99: "x"}) is None
    for place in range(count):
        changed = rewritten(text, {place: "x"})
        assert changed is not None
        assert len(re.findall("[xX]", changed)) == 1


def test_a_first_word_keeps_its_capital_and_a_name_is_another_word() -> None:
    assert rewritten("Dogs and cats.", {0: "hens"}) == "Hens and cats."
    word = Tokens.of(pl.Series(["Mark it", "to Mark", "to mark"])).word.tolist()
    assert word[0] == word[5] == hashed("mark")
    assert word[3] == hashed("Mark")


def test_no_english_word_is_in_two_classes() -> None:
    words = [word for each in ATTRIBUTES + RELATIONS for sense in each for word in sense]
    assert len(words) == len(set(words))
    assert not {word for each in ATTRIBUTES for sense in each for word in sense} & FUNCTION_WORDS


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "names no classes"),
        ("red blue\nblue green", "'blue' is there twice"),
        ("red blue\nbig/large", "'big' is alone"),
    ],
)
def test_a_file_of_classes_that_says_nothing_is_refused(
    tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "words.txt"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_classes(path)
    with pytest.raises(InputError, match="no classes of words can be read"):
        read_classes(tmp_path / "none.txt")
    path.write_text("rot grün/hellgrün\nGroß klein\n")
    assert read_classes(path) == ((("rot",), ("grün", "hellgrün")), (("groß",), ("klein",)))
