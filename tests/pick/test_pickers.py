"""What every picker promises: distinct pairs of those given, as many as asked, in any order."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negatives.errors import RecipeError
from negatives.pick.quotas import Quotas
from negatives.pick.sampled import RandomPick
from negatives.pick.simans import SimANS
from negatives.pick.stratified import Stratified
from negatives.pick.top import Top
from negatives.stage import Picker
from tests.each import for_each
from tests.pick.rows import rows

PICKERS: list[Picker] = [
    Top(per_query=3),
    Top(per_query=3, by="bm25_score"),
    RandomPick(per_query=3),
    RandomPick(per_query=3, among=5),
    SimANS(per_query=3),
    SimANS(per_query=3, a=0.0, kernel="absolute"),
    Stratified(per_query=3),
    Stratified(per_query=3, by="bm25_rank", edges=[1.0, 3.0]),
    Stratified(per_query=3, edges=[-1.0, 0.0]),
    Quotas(per_query=3, quotas={"dense": 1, "bm25": 1}),
]


def name(picker: Picker) -> str:
    return repr(picker)


value = st.none() | st.sampled_from([-2.0, -1.0, 0.0, 0.5])
rank = st.none() | st.integers(1, 9)


@st.composite
def ledgers(draw: st.DrawFn) -> pl.DataFrame:
    pairs = draw(st.sets(st.tuples(st.sampled_from("xyz"), st.sampled_from("abcdefgh"))))
    return rows(
        *(
            (query, doc, draw(value), draw(rank), draw(rank), draw(value))
            for query, doc in sorted(pairs)
        )
    )


@pytest.mark.slow
@for_each("picker", PICKERS, ids=name)
@settings(max_examples=30)
@given(ledger=ledgers())
def test_each_query_gets_distinct_pairs_as_many_as_asked_or_there_are(
    picker: Picker, ledger: pl.DataFrame
) -> None:
    chosen = picker.pick(ledger, seed=0)
    assert chosen.columns == ledger.columns
    pair = ["query_id", "doc_id"]
    assert chosen.select(pair).n_unique() == len(chosen)
    assert chosen.join(ledger, on=ledger.columns, how="anti", nulls_equal=True).is_empty()
    given_to = dict(ledger.group_by("query_id").len().iter_rows())
    got = dict(chosen.group_by("query_id").len().iter_rows())
    assert got == {query: min(3, count) for query, count in given_to.items()}


@pytest.mark.slow
@for_each("picker", PICKERS, ids=name)
@settings(max_examples=30)
@given(ledger=ledgers(), seed=st.integers(0, 99))
def test_the_order_of_the_rows_changes_nothing(
    picker: Picker, ledger: pl.DataFrame, seed: int
) -> None:
    shuffled = ledger.sample(fraction=1, shuffle=True, seed=seed)
    assert picker.pick(shuffled, seed=5).equals(picker.pick(ledger, seed=5))


@pytest.mark.slow
@for_each("picker", PICKERS, ids=name)
@settings(max_examples=30)
@given(ledger=ledgers())
def test_a_query_is_picked_for_as_if_it_were_alone(picker: Picker, ledger: pl.DataFrame) -> None:
    together = picker.pick(ledger, seed=1)
    for query in "xyz":
        mine = pl.col("query_id") == query
        assert picker.pick(ledger.filter(mine), seed=1).equals(together.filter(mine))


@pytest.mark.parametrize("picker", [RandomPick(), SimANS(), Stratified(strata=2)], ids=name)
def test_another_seed_picks_in_another_order(picker: Picker) -> None:
    ledger = rows(*(("x", f"{n:02}", 0.1 * n, n, n, 0.0) for n in range(30)))
    picks = {tuple(picker.pick(ledger, seed=seed)["doc_id"]) for seed in range(5)}
    assert len(picks) == 5


@pytest.mark.parametrize(
    "picker", [Top(by="hardnes"), RandomPick(among=9, by="hardnes"), Stratified(by="hardnes")]
)
def test_a_column_that_is_not_there_is_told_those_that_are(picker: Picker) -> None:
    with pytest.raises(RecipeError) as caught:
        picker.pick(rows(("x", "a", 0.0, 1, 1, 0.0)), seed=0)
    assert str(caught.value) == (
        "pick: the ledger has no numeric column 'hardnes'\n"
        "  fix:   one of hardness, bm25_rank, dense_rank, bm25_score"
    )


def test_a_column_of_text_orders_nothing() -> None:
    with pytest.raises(RecipeError, match="no numeric column 'doc_id'"):
        Top(by="doc_id").pick(rows(("x", "a", 0.0, 1, 1, 0.0)), seed=0)


@pytest.mark.recipe("skill-extraction")
def test_shares_of_several_sources_are_exact_where_they_have_enough() -> None:
    pool = rows(
        *((f"q{q}", f"d{d:03}", 0.0, d + 1, 100 - d, None) for q in (1, 2) for d in range(99))
    )
    pool = pool.with_columns(third_rank=(pl.col("dense_rank") * 37 % 101).cast(pl.Int32))
    quotas = Quotas(per_query=50, quotas={"bm25": 25, "dense": 15, "third": 10})
    chosen = quotas.pick(pool, 0)
    for _, each in chosen.group_by("query_id"):
        assert each["bm25_rank"][:25].to_list() == list(range(1, 26))
        assert each["dense_rank"][25:40].to_list() == list(range(2, 17))
        assert len(each) == 50


def test_quotas_take_nothing_that_is_too_probable() -> None:
    pool = rows(*(("q", f"d{d}", 0.0, d + 1, None, None) for d in range(4)))
    pool = pool.with_columns(p_relevant=pl.Series([0.9, 0.5, None, 0.51], dtype=pl.Float32))
    quotas = Quotas(per_query=4, quotas={"bm25": 4}, max_p=0.5)
    assert quotas.pick(pool, 0)["doc_id"].to_list() == ["d1", "d2"]
