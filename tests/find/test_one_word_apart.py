"""one-word-apart: positives of queries that differ in one word, and of no others."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import negatives as neg
from negatives.events import Event, Warned
from negatives.find.one_word_apart import OneWordApart, apart_of
from negatives.schema import Collection
from negatives.text.word_classes import FUNCTION_WORDS
from tests.build import collection, context


def asked(texts: list[str]) -> Collection:
    """Each text a query with a document of its own."""
    names = [f"{number:02}" for number in range(len(texts))]
    return collection(
        {f"d{name}": "x" for name in names},
        {f"q{name}": text for name, text in zip(names, texts, strict=True)},
        [(f"q{name}", f"d{name}", 1) for name in names],
    )


@pytest.mark.recipe("generative-negative-mining")
def test_what_is_proposed_is_right_of_a_text_with_another_word_in_one_place() -> None:
    data = asked(
        [
            "A man on a brown horse.",
            "A man on a white horse.",
            "A man on a white horse, running.",
            "A man on the brown horse.",
            "a woman on a brown horse.",
        ]
    )
    found = apart_of(data, 10, 0)
    assert {*found.rows()} == {(0, 1), (1, 0), (0, 4), (4, 0)}, "of a and the nothing is made"


def one_apart(first: str, second: str) -> bool:
    """By looking at every word."""
    a, b = first.split(), second.split()
    unlike = [(x, y) for x, y in zip(a, b, strict=False) if x != y]
    content = all(not {*each} & FUNCTION_WORDS for each in unlike)
    return len(a) == len(b) > 1 and len(unlike) == 1 and content


TEXTS = [
    " ".join(each) for size in (1, 2, 3) for each in product(["cat", "dog", "the"], repeat=size)
]


@given(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=12, unique=True), st.integers(0, 9))
@settings(max_examples=60)
def test_pairs_are_those_that_a_comparison_of_all_finds(texts: list[str], seed: int) -> None:
    expected = {
        (a, b)
        for a, one in enumerate(texts)
        for b, other in enumerate(texts)
        if one_apart(one, other)
    }
    assert {*apart_of(asked(texts), 50, seed).rows()} == expected


def test_of_many_some_are_drawn_and_by_ids_alone() -> None:
    texts = [f"a flag of {chr(97 + at) * 3}land" for at in range(20)]
    found = apart_of(asked(texts), 3, 0)
    assert found.group_by("query").len()["len"].to_list() == [3] * 20
    assert found.equals(apart_of(asked(texts), 3, 0))
    assert not found.equals(apart_of(asked(texts), 3, 1))
    more = apart_of(asked([*texts, "nothing of the sort"]), 3, 0)
    assert more.equals(found)


def test_a_document_that_is_right_of_both_is_not_proposed() -> None:
    data = collection(
        {"x": "x", "y": "y"}, {"a": "a red cup", "b": "a blue cup"},
        [("a", "x", 1), ("b", "x", 1), ("b", "y", 1)],
    )  # fmt: skip
    ids = data.ids_of(apart_of(data, 5, 0)).select("query_id", "doc_id")
    assert ids.rows() == [("a", "y")]


def test_queries_that_stand_alone_are_told(tmp_path: Path) -> None:
    said: list[Event] = []
    data = asked(["a red cup", "a blue cup", "nothing else"])
    OneWordApart().open(replace(context(data, tmp_path), emit=said.append))
    (warned,) = [each for each in said if isinstance(each, Warned)]
    assert "1 of 3 queries have none that differs in one word" in warned.text


def test_it_reads_queries_of_images(tmp_path: Path) -> None:
    rows = '{"image": "1.jpg", "caption": "a red cup"}\n{"image": "2.jpg", "caption": "a blue cup"}'
    (tmp_path / "c.jsonl").write_text(rows)
    run = neg.mine(
        tmp_path / "c.jsonl", tmp_path / "run",
        recipe=neg.Recipe(find=(OneWordApart(),), pick=neg.Top(per_query=1)),
    )  # fmt: skip
    assert sorted(run.negatives["doc_id"]) == ["1.jpg", "2.jpg"]
