"""Edit distances of many names at once, against the table of Levenshtein in plain loops."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.text.edit_distance import LONGEST, Names


def naive(one: str, other: str) -> int:
    """Edits between two texts."""
    before = list(range(len(other) + 1))
    for place, letter in enumerate(one, 1):
        row = [place]
        for at, theirs in enumerate(other, 1):
            row.append(min(before[at] + 1, row[-1] + 1, before[at - 1] + (letter != theirs)))
        before = row
    return before[-1]


letters = st.text("abäж😀 ", max_size=70)


@given(letters, st.lists(letters, max_size=6))
def test_they_are_those_of_the_naive_table(name: str, names: list[str]) -> None:
    found = Names.of(pl.Series(names, dtype=pl.String)).distances(name)
    assert found.tolist() == [naive(name[:LONGEST], each[:LONGEST]) for each in names]


@pytest.mark.recipe("skill-extraction")
def test_the_page_of_skill_extraction_by_hand() -> None:
    names = Names.of(pl.Series(["javascript", "python", "jira", "Java", None]))
    assert names.distances("java").tolist() == [6, 6, 2, 0, 4]
