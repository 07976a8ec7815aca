"""Parts of a ledger, read some whole queries at a time, and pairs found in them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.schema import PAIR
from negatives.store.ledger import among, blocks


def ledger(lengths: list[int]) -> pl.DataFrame:
    """Queries with so many pairs each."""
    rows = [
        (f"q{query:02}", f"d{doc}") for query, many in enumerate(lengths) for doc in range(many)
    ]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(PAIR, pl.String), orient="row")
    return frame.with_row_index("number")


@pytest.mark.slow
@given(st.lists(st.integers(1, 9), max_size=12), st.integers(1, 20))
def test_blocks_are_whole_queries_in_order_and_about_as_large_as_asked(
    tmp_path_factory: object, lengths: list[int], rows: int
) -> None:
    path = Path(getattr(tmp_path_factory, "mktemp")("ledger")) / "part.parquet"  # noqa: B009
    whole = ledger(lengths)
    whole.write_parquet(path, row_group_size=7)
    found = list(blocks(path, rows=rows))
    assert pl.concat(found).equals(whole)
    assert max(map(len, found)) <= 1.5 * rows + 9
    for column in ("query_id", "number"):
        values = [value for block in found for value in block[column].unique().to_list()]
        assert len(values) == len(set(values))
    assert all(block["number"].n_chunks() == 1 for block in found)
    assert [block.columns for block in blocks(path, ["doc_id"], rows)] == [["doc_id"]] * len(found)


def test_pairs_are_found_with_their_places() -> None:
    rows = ledger([3, 1, 2])
    pairs = pl.DataFrame(
        {"query_id": ["q02", "q00", "q01"], "doc_id": ["d1", "d0", "d9"], "position": [1, 2, 3]}
    )
    found = among(rows, pairs)
    assert found.select("row", "number", "position").rows() == [(0, 0, 2), (5, 5, 1)]
    assert among(rows, pairs.clear()).is_empty()
    assert among(rows.clear(), pairs).is_empty()
