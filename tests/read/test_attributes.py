"""Pairs by several attributes at once."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.errors import NegativesError
from negatives.learn.sequence.examples import Responses, compared
from negatives.learn.sequence.preference import DPO
from negatives.read import load
from negatives.read.responses.attributes import HELPSTEER2, preferred

RATED = st.tuples(st.sampled_from("pq"), st.sampled_from("abcd"), st.integers(0, 4),
                  st.integers(0, 4))  # fmt: skip
WEIGHTS = {"correctness": 1.0, "verbosity": -0.25}


def frame(rows: list[tuple[str, str, int, int]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["prompt", "response", *WEIGHTS], orient="row")


@pytest.mark.method("preference-data")
@given(st.lists(RATED, min_size=2, max_size=8), st.booleans())
def test_a_pair_is_one_by_its_ratings_and_by_nothing_else(
    rows: list[tuple[str, str, int, int]], every: bool
) -> None:
    expected = [
        (a[0], a[1], b[1], a[2] - 0.25 * a[3] - b[2] + 0.25 * b[3])
        for a, b in permutations(rows, 2)
        if a[0] == b[0]
        and a[1] != b[1]
        and a[2] - 0.25 * a[3] - b[2] + 0.25 * b[3] >= 1
        and (not every or (a[2] >= b[2] and a[3] <= b[3]))
    ]
    if not expected:
        with pytest.raises(NegativesError, match="is preferred"):
            preferred(frame(rows), WEIGHTS, least=1.0, every=every)
    else:
        found = preferred(frame(rows), WEIGHTS, least=1.0, every=every)
        assert sorted(found.rows()) == sorted(expected)


def test_rows_of_helpsteer_become_examples_of_a_preference_loss(tmp_path: Path) -> None:
    rows = pl.DataFrame(
        {
            "prompt": ["c#"] * 2,
            "response": ["C# is a language", "I do not know"],
            **{name: [4 - (name == "verbosity"), 1] for name in HELPSTEER2},
        }
    )
    preferred(rows).write_ndjson(tmp_path / "pairs.jsonl")
    found = compared(Responses.of(load(tmp_path / "pairs.jsonl")), DPO(), 1)
    assert found.of(0) == ("c#", ["C# is a language"], ["I do not know"])


def test_what_nobody_can_weigh_is_refused() -> None:
    rows = frame([("p", "a", 1, 1), ("p", "b", 2, 1)])
    cases: list[tuple[pl.DataFrame, dict[str, float], dict[str, Any], str]] = [
        (rows.drop("verbosity"), WEIGHTS, {}, "lack 'verbosity'"),
        (rows.with_columns(verbosity=pl.lit("much")), WEIGHTS, {}, "no number for 'verbosity'"),
        (rows.with_columns(verbosity=pl.lit(float("nan"))), WEIGHTS, {}, "no number"),
        (rows, {}, {}, "prefer nothing"),
        (rows, WEIGHTS, {"least": 0.0}, "prefer nothing"),
    ]
    for given_rows, weights, more, said in cases:
        with pytest.raises(NegativesError, match=said):
            preferred(given_rows, weights, **more)
