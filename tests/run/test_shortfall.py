"""Fewer negatives than asked: which rule took them, and what would fix it."""

from __future__ import annotations

import polars as pl
import pytest

from negatives.find.bm25 import BM25
from negatives.find.known import Given
from negatives.find.same_cluster import SameCluster
from negatives.find.typed import Typed
from negatives.judge.known import Known
from negatives.judge.positive_aware import Margin
from negatives.pick.top import Top
from negatives.recipe import Recipe, load_recipe
from negatives.run.shards import pick_shard
from negatives.run.shortfall import by_cause, explain
from negatives.schema import LEDGER_HEAD, LEDGER_TAIL
from negatives.store.facts import Shortfall

RECIPE = Recipe(find=(BM25(top=50), Given()), judge=(Known(), Margin(0.2)), pick=Top(per_query=3))


def ledger(*pairs: tuple[str, str, str]) -> pl.DataFrame:
    """Rows from (query_id, verdict, rule)."""
    rows: list[tuple[object, ...]] = [
        (
            query,
            f"d{place}",
            [],
            1 if verdict == "positive" else None,
            None,
            None,
            verdict,
            why,
            why,
            0,
        )
        for place, (query, verdict, why) in enumerate(pairs)
    ]
    return pl.DataFrame(rows, schema={**LEDGER_HEAD, **LEDGER_TAIL}, orient="row")


def lacking(*pairs: tuple[str, str, str]) -> list[tuple[str, int, str]]:
    _, short = pick_shard(RECIPE.pick, 0, "", 99, ledger(*pairs))
    return short.select("query_id", "missing", "cause").rows()


POSITIVE = ("q", "positive", "judged relevant")
TAKEN = ("q", "rejected", "margin")
COPY = ("q", "duplicate", "same-text")
FREE = ("q", "eligible", "")


def test_a_query_with_enough_is_not_listed() -> None:
    assert lacking(POSITIVE, FREE, FREE, FREE, TAKEN) == []


def test_where_rules_took_all_of_a_small_corpus_the_rule_is_the_cause() -> None:
    rows = ledger(POSITIVE, TAKEN, TAKEN)
    for documents in (3, 99):
        _, short = pick_shard(RECIPE.pick, 0, "", documents, rows)
        assert short.select("missing", "cause").rows() == [(3, "margin")]
    # What is left of so few is not enough either: the corpus is.
    _, short = pick_shard(RECIPE.pick, 0, "", 3, ledger(POSITIVE, TAKEN, FREE))
    assert short.select("missing", "cause").rows() == [(2, "corpus")]


def test_the_cause_is_the_rule_that_took_most() -> None:
    assert lacking(POSITIVE, FREE, TAKEN, TAKEN, COPY) == [("q", 2, "margin")]


def test_of_rules_that_took_as_many_the_first_by_name_is_named() -> None:
    assert lacking(POSITIVE, FREE, COPY, TAKEN) == [("q", 2, "margin")]


def test_where_too_few_were_proposed_no_rule_is_to_blame() -> None:
    assert lacking(POSITIVE, FREE, TAKEN) == [("q", 2, "candidates")]


def test_a_query_for_which_nothing_was_proposed_lacks_everything() -> None:
    assert lacking(POSITIVE) == [("q", 3, "candidates")]


def test_judged_negatives_count_as_delivered() -> None:
    judged = ("q", "judged-negative", "judged not relevant")
    assert lacking(POSITIVE, judged, FREE, FREE) == []


MORE = "raise `top` of bm25 (now 50)"


@pytest.mark.parametrize(
    ("cause", "about", "fix"),
    [
        ("margin", "rejected by margin", f"lower margin below 0.2; or {MORE}"),
        (
            "candidates",
            "too few candidates were proposed",
            f"{MORE}; or ask for fewer than 3 with --per-query",
        ),
        (
            "same-text",
            "copies of a positive",
            f"{MORE}; or ask for fewer than 3 with --per-query",
        ),
    ],
)
def test_a_cause_is_explained_with_the_setting_that_mends_it(
    cause: str, about: str, fix: str
) -> None:
    short = pl.DataFrame({"query_id": ["q"], "missing": [2], "cause": [cause]})
    assert explain(by_cause(short), RECIPE) == [
        Shortfall(cause=cause, about=about, queries=1, missing=2, fix=fix)
    ]


def test_of_lists_that_came_to_an_end_the_mix_is_named_and_not_the_top() -> None:
    short = pl.DataFrame({"query_id": ["q"], "missing": [2], "cause": ["candidates"]})
    pick = Top(per_query=3)
    for find, fix in (
        ((Typed(top=4, mix=1.0),), "lower `mix` of typed below 1"),
        ((Typed(top=4, mix=0.5),), "raise `top` of typed (now 4)"),
        (
            (SameCluster(top=4, mix=1.0), BM25(top=5)),
            "lower `mix` of same-cluster below 1; or raise `top` of bm25 (now 5)",
        ),
    ):
        (entry,) = explain(by_cause(short), Recipe(find=find, pick=pick))
        assert entry.fix == f"{fix}; or ask for fewer than 3 with --per-query"


def test_where_no_source_could_find_more_another_one_is_advised() -> None:
    recipe = load_recipe("npo")
    short = pl.DataFrame({"query_id": ["q"], "missing": [7], "cause": ["candidates"]})
    (entry,) = explain(by_cause(short), recipe)
    assert entry.fix == (
        "add a [[find]] stage that finds others: judged and given take what the data have"
    )


def test_causes_are_added_up_and_the_worst_comes_first() -> None:
    short = pl.DataFrame(
        {
            "query_id": ["q1", "q2", "q3"],
            "missing": [3, 1, 4],
            "cause": ["margin", "margin", "candidates"],
        }
    )
    found = [
        (entry.cause, entry.queries, entry.missing) for entry in explain(by_cause(short), RECIPE)
    ]
    assert found == [("candidates", 1, 4), ("margin", 2, 4)]


def test_nothing_lacking_is_nothing_to_explain() -> None:
    short = pl.DataFrame(schema={"query_id": pl.String, "missing": pl.Int64, "cause": pl.String})
    assert explain(by_cause(short), RECIPE) == []


def test_nobody_is_told_to_ask_for_fewer_than_one() -> None:
    one = Recipe(find=(BM25(top=50),), judge=(Known(), Margin(0.2)), pick=Top(per_query=1))
    causes = ["corpus", "picker", "candidates", "margin"]
    told = explain(pl.DataFrame({"cause": causes, "queries": 2, "missing": 2}), one)
    fixes = {each.cause: each.fix for each in told}
    assert fixes["corpus"] == "give more documents, with --corpus; or train without these queries"
    assert not [fix for fix in fixes.values() if "fewer than" in fix]


def test_who_has_none_is_not_told_to_ask_for_fewer() -> None:
    causes = ["corpus", "picker", "candidates"]
    told = explain(pl.DataFrame({"cause": causes, "queries": 2, "missing": 6}), RECIPE)
    fixes = {each.cause: each.fix for each in told}
    assert fixes["corpus"] == "give more documents, with --corpus"
    assert not [fix for fix in fixes.values() if "fewer than" in fix]
