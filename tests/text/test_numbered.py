"""The words of many texts, against Python's own regular expressions."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.arrays import Ragged
from negatives.models.wordpiece import _PLAIN as SIGNS_TOO
from negatives.models.wordpiece import WORD
from negatives.search.words import _PLAIN as LETTERS
from negatives.search.words import split
from negatives.text.numbered import Numbered, numbered

ASCII = st.text(alphabet=st.characters(max_codepoint=127), max_size=60)
texts = st.lists(st.one_of(ASCII, st.text(max_size=30)), max_size=12)


def words(found: Numbered) -> list[list[str]]:
    return [[found.different[n] for n in found.of_text[t]] for t in range(len(found.of_text))]


@pytest.mark.slow
@given(texts)
def test_they_are_those_of_each_text_by_itself(many: list[str]) -> None:
    lower = [text.lower() for text in many]
    assert words(numbered(lower, SIGNS_TOO, WORD.findall)) == list(map(WORD.findall, lower))
    assert words(numbered(many, LETTERS, split)) == list(map(split, many))


def test_each_different_word_has_one_number() -> None:
    found = numbered(["Lift and drag", "drag, and île"], LETTERS, re.compile(r"\w+").findall)
    assert sorted(found.different) == ["and", "drag", "lift", "île"]


def test_words_are_counted_and_replaced_text_by_text() -> None:
    found = numbered(["a bb", "", "bb bb"], "[a-z]+", str.split)
    lengths = np.array([len(word) for word in found.different], np.int64)
    assert found.summed(lengths[:, None]).tolist() == [[3, 0, 4]]
    letters = {"a": [1], "bb": [2, 2]}
    values = [letters[word] for word in found.different]
    starts = np.cumsum([0, *map(len, values)])
    replaced = found.replaced(Ragged(starts, np.concatenate(values)))
    assert [replaced[text].tolist() for text in range(3)] == [[1, 2, 2], [], [2, 2, 2, 2]]
