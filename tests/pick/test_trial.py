"""What would be picked at a price, against sorting every query at that price."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import negatives as neg
from negatives.pick.trial import Trial
from negatives.schema import ELIGIBLE, POSITIVE


def ledger(seed: int, step: float) -> pl.DataFrame:
    """Queries of unlike lengths, with many equal values, known positives, and unsafe pairs."""
    draw = np.random.default_rng(seed)
    lengths = draw.integers(1, 20, 9)
    count = int(lengths.sum())
    hardness = np.round(draw.normal(size=count) / step) * step
    return pl.DataFrame(
        {
            "query_id": [f"q{n}" for n in np.repeat(np.arange(9), lengths)],
            "doc_id": [f"d{n:03}" for n in range(count)],
            "hardness": hardness.astype(np.float32),
            "p_relevant": (np.round(draw.random(count) / step) * step).astype(np.float32),
            "verdict": np.where(draw.random(count) < 0.1, POSITIVE, ELIGIBLE),
        }
    )


def naive(rows: pl.DataFrame, price: float, count: int, max_p: float) -> list[tuple[str, str]]:
    """Each query sorted by worth, then by place."""
    found = []
    for query in rows["query_id"].unique(maintain_order=True):
        can = [
            (-(float(row["hardness"]) - price * float(row["p_relevant"])), row["doc_id"])
            for row in rows.iter_rows(named=True)
            if row["query_id"] == query
            and row["verdict"] == ELIGIBLE
            and row["p_relevant"] <= max_p
        ]
        found += [(query, doc) for _, doc in sorted(can)[:count]]
    return found


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 10_000),
    st.sampled_from([1e-6, 0.25, 0.5]),
    st.sampled_from([0.0, 0.01, 0.5, 2.0, 300.0]),
    st.integers(1, 12),
)
def test_the_worthiest_are_picked_whatever_else_is_left_out(
    seed: int, step: float, price: float, count: int
) -> None:
    rows = ledger(seed, step)
    expected = naive(rows, price, count, 0.6)
    trial = Trial.of(rows, count, 0.6)
    ids = list(rows.select("query_id", "doc_id").iter_rows())
    assert [ids[place] for place in trial.picked(price)] == expected
    for low, high in ((price, price), (price / 2, price * 2), (0.0, 1e4)):
        assert trial.between(low, high).at(price) == trial.at(price)
    eligible = rows.filter(pl.col("verdict") == ELIGIBLE)
    picker = neg.RiskLimited(per_query=count, price=price, max_p=0.6)
    shuffled = eligible.sample(fraction=1.0, shuffle=True, seed=seed)
    chosen = picker.pick(shuffled, 0).select("query_id", "doc_id").rows()
    assert chosen == expected
    hardest = neg.Top(per_query=count).pick(shuffled, 0).select("query_id", "doc_id").rows()
    assert hardest == naive(eligible, 0.0, count, 1.0)
