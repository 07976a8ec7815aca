"""Likeness to the query's other positives, as if the pair's own label was not known."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negatives.arrays import Floats, Rows
from negatives.estimate.other_positives import MOST, Draws, compare


def like(left: Rows, right: Rows) -> Floats:
    found: Floats = (1 / (1 + np.abs(left.astype(float) - right.astype(float)))).astype(np.float32)
    return found


NAMES = pl.Series([f"n{number}" for number in range(200)])
DRAWS = Draws(NAMES, NAMES, 0)


def rows(queries: list[tuple[int, list[tuple[int, bool]]]]) -> pl.DataFrame:
    cells = [
        (query, doc, 1 if positive else None) for query, docs in queries for doc, positive in docs
    ]
    return pl.DataFrame(
        cells,
        schema={"query": pl.UInt32, "doc": pl.UInt32, "relevance": pl.Int32},
        orient="row",
    )


WORLDS = st.lists(
    st.dictionaries(st.integers(0, 60), st.booleans(), min_size=1, max_size=20),
    min_size=1,
    max_size=4,
).map(lambda world: rows([(n, sorted(docs.items())) for n, docs in enumerate(world)]))


@pytest.mark.slow
@settings(deadline=None)
@given(WORLDS)
def test_known_is_the_likeness_to_all_positives_but_the_pair_itself(table: pl.DataFrame) -> None:
    found = compare(table, {"x": like}, DRAWS)
    for place, (query, doc, _) in enumerate(table.iter_rows()):
        others = table.filter(
            (pl.col("query") == query) & (pl.col("relevance") > 0) & (pl.col("doc") != doc)
        )["doc"].to_numpy()
        row = found.row(place, named=True)
        assert row["known_others"] == len(others)
        if len(others) == 0:
            assert row["known_x_max"] is None
            continue
        likeness = np.sort(like(np.full(len(others), doc, np.uint32), others))[::-1]
        assert np.isclose(row["known_x_max"], likeness[0])
        assert np.isclose(row["known_x_mean"], likeness.mean())
        assert np.isclose(row["known_x_top"], likeness[:3].mean())


@pytest.mark.slow
@settings(deadline=None)
@given(WORLDS)
def test_in_the_held_view_labelled_and_unlabelled_pairs_see_equally_many(
    table: pl.DataFrame,
) -> None:
    found = pl.concat([table, compare(table, {"x": like}, DRAWS)], how="horizontal")
    for part in found.partition_by("query"):
        positives = (part["relevance"].fill_null(0) > 0).sum()
        assert set(part["held_others"].to_list()) <= {max(positives - 1, 0)}


def test_a_query_of_very_many_positives_tells_no_label_by_the_count() -> None:
    table = rows([(0, [(doc, doc % 2 == 0) for doc in range(6 * MOST)])])
    found = compare(table, {"x": like}, DRAWS)
    assert found["held_others"].unique().to_list() == [MOST - 1]
    labelled = (table["relevance"].fill_null(0) > 0).to_numpy()
    assert (found["known_others"].to_numpy()[labelled] == MOST - 1).all()
    assert (found["known_others"].to_numpy()[~labelled] == MOST).all()


def test_no_rows_give_no_rows_with_the_same_columns() -> None:
    nothing = rows([])
    assert (
        compare(nothing, {"x": like}, DRAWS).columns
        == compare(rows([(0, [(1, True)])]), {"x": like}, DRAWS).columns
    )
