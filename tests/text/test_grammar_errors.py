"""Errors of grammar change little words, and are the same for the same seed and ids."""

from __future__ import annotations

import re

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from negatives.text.grammar_errors import CONFUSED, with_errors

WORDS = ["the", "of", "is", "a", "wing", "causes", "Their", "lift,", "heat", "in", "results", "who"]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join)


def wrong(text: str, *, share: float, at_least: int, seed: int = 0, id_: str = "d") -> str:
    """The text with errors."""
    made = with_errors(
        pl.Series([text]), pl.Series([id_]), share=share, at_least=at_least, seed=seed
    )
    return str(made[0])


@given(TEXTS)
def test_without_a_share_and_a_number_a_text_comes_back(text: str) -> None:
    assert wrong(text, share=0, at_least=0) == text


@given(TEXTS, st.floats(0, 1), st.integers(0, 5))
def test_only_little_words_the_number_of_nouns_and_the_order_change(
    text: str, share: float, at_least: int
) -> None:
    def content(of: str) -> list[str]:
        words = [re.sub(r"\W", "", each).lower() for each in of.split()]
        return sorted(each.removesuffix("s") for each in words if each not in CONFUSED)

    assert content(wrong(text, share=share, at_least=at_least)) == content(text)


@given(st.integers(0, 5), st.integers(0, 50))
def test_there_are_so_many_errors_where_there_are_the_places(at_least: int, seed: int) -> None:
    parts = "There, then, who, could, may, do, was, show, with."
    made = wrong(parts, share=0, at_least=at_least, seed=seed)
    differ = sum(a != b for a, b in zip(parts.split(), made.split(), strict=True))
    assert differ == at_least


def test_the_draws_depend_on_seed_and_id_alone() -> None:
    said = "This is the cause of most of the failures in the wing of the aircraft."
    texts, ids = pl.Series([said] * 20), pl.Series([f"d{n}" for n in range(20)])
    made = with_errors(texts, ids, share=0.2, at_least=2, seed=1)
    again = with_errors(texts.reverse(), ids.reverse(), share=0.2, at_least=2, seed=1)
    assert made.to_list() == again.reverse().to_list()
    assert made.n_unique() > 10
    assert with_errors(texts, ids, share=0.2, at_least=2, seed=2).to_list() != made.to_list()


def test_a_text_without_a_place_stays_as_it_is() -> None:
    for text in ("", "Zahnschmerzen", "歯が痛い", "12 kN"):
        assert wrong(text, share=1, at_least=4) == text
