"""Groups of queries that are worse off are found, and groups drawn at random are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import negatives as neg
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.errors import InputError
from negatives.measure.audits import Subject, ask, subject_of
from negatives.measure.audits.equity import TRIALS, Equity, allocation, by_query, differing

Halved = tuple[neg.Run, pl.DataFrame]


def in_groups(subject: Subject, groups: int = 3, stream: str = "groups") -> Subject:
    """The subject with a field `lot` of the queries, drawn by their ids."""
    queries = subject.collection.queries
    drawn = uniforms(id_hashes(queries["query_id"]), stream_key(0, stream))
    lot = pl.Series("lot", (drawn * groups).astype(np.int64)).cast(pl.String)
    return replace(
        subject, collection=replace(subject.collection, queries=queries.with_columns(lot))
    )


def of_lot(subject: Subject, lot: str) -> pl.Expr:
    mine = subject.collection.queries.filter(pl.col("lot") == lot)["query_id"]
    return pl.col("query_id").is_in(mine.implode())


def test_groups_drawn_at_random_raise_no_alarm(run: neg.Run) -> None:
    for stream in ("one", "two", "three"):
        found = ask(in_groups(subject_of(run), stream=stream), [Equity(by="lot")])["equity"]
        assert found.alarm is False, found.estimate.details["p"]
        assert found.estimate.low is not None
        assert found.estimate.low < 0 < (found.estimate.high or 0)


def test_a_group_with_fewer_negatives_is_found(run: neg.Run) -> None:
    subject = in_groups(subject_of(run))
    fewer = of_lot(subject, "1") & (pl.col("position") >= 5)
    found = ask(replace(subject, negatives=run.negatives.filter(~fewer)), [Equity(by="lot")])
    answer = found["equity"]
    assert answer.alarm is True
    assert "coverage between '0' and '1'" in answer.about
    assert answer.estimate.value == pytest.approx(2 / 7)
    assert answer.estimate.details["p"]["coverage"] == 1 / (1 + TRIALS)


@pytest.mark.slow
def test_a_group_with_more_false_negatives_is_found_and_gets_the_judgements(
    halved: Halved,
) -> None:
    run, hidden = halved
    subject = in_groups(subject_of(run, truth=hidden), groups=2)
    clean = ask(subject, [Equity(by="lot")])["equity"]
    assert clean.alarm is False
    false = hidden.filter(of_lot(subject, "1")).select("query_id", "doc_id")
    unlabelled = subject.unlabelled.join(false, on=["query_id", "doc_id"], how="semi")
    new = unlabelled.select(
        "query_id", "doc_id", pl.col("p_relevant").cast(pl.Float32).clip(lower_bound=0.5)
    )
    more = pl.concat([run.negatives, new], how="diagonal").unique(["query_id", "doc_id"])
    found = ask(replace(subject, negatives=more), [Equity(by="lot", budget=50)])["equity"]
    assert found.alarm is True
    groups = {row["group"]: row for row in found.estimate.details["groups"]["false share"]}
    assert groups["1"]["low"] > groups["0"]["high"]
    judgements = found.estimate.details["judgements"]
    assert sum(judgements.values()) == 50
    assert judgements["1"] > 40


def test_a_field_that_there_is_not_or_has_one_group_cannot_be_asked(run: neg.Run) -> None:
    with pytest.raises(InputError, match="the queries have no field 'language'"):
        ask(subject_of(run), [Equity(by="language")])
    with pytest.raises(InputError, match="fewer than two groups of 'lot'"):
        ask(in_groups(subject_of(run), groups=1), [Equity(by="lot")])


def test_a_file_is_compared_by_how_many_negatives_its_queries_have() -> None:
    rows = [(f"query {n}", f"right {n}", f"wrong {n} {m}") for n in range(4) for m in range(1 + n)]
    frame = pl.DataFrame(rows, schema=["query", "positive", "negative"], orient="row")
    table = by_query(subject_of(frame))
    assert table["coverage"].sort().to_list() == [0.25, 0.5, 0.75, 1.0]
    assert table["hardness"].null_count() == 4


def test_p_is_even_where_groups_are_alike() -> None:
    rng, low = np.random.default_rng(0), 0
    for seed in range(40):
        table = pl.DataFrame({"group": ["a", "b", "c", "c"] * 15, "m": rng.exponential(size=60)})
        low += differing(table, "m", seed=seed).p <= 0.2
    assert 3 <= low <= 14  # 8 are expected


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 2)), min_size=1, max_size=12
    ),
    st.integers(0, 14),
)  # fmt: skip
def test_judgements_go_where_the_share_left_is_highest(
    rows: list[tuple[float, int]], budget: int
) -> None:
    p, group = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    left = {g: sorted(p[group == g], reverse=True) for g in range(3)}
    sizes = {g: max(len(left[g]), 1) for g in range(3)}
    for _ in range(min(budget, len(p))):
        shares = {g: sum(left[g]) / sizes[g] for g in range(3) if left[g]}
        left[max(shares, key=lambda g: shares[g])].pop(0)
    naive = max((sum(left[g]) / sizes[g] for g in range(3)), default=0.0)
    found = allocation(p, group, 3, budget)
    assert found.sum() == min(budget, len(p))
    ours = [np.sort(p[group == g])[::-1][found[g] :].sum() / sizes[g] for g in range(3)]
    assert max(ours) == pytest.approx(naive, abs=1e-9)
