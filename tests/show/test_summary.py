"""The figures of a report, against the same counted in plain loops over the ledger."""

from __future__ import annotations

import json
import math
import statistics
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import negatives as neg
from negatives.recipe import Recipe
from negatives.show import summarise
from negatives.show.summary import SECTIONS
from tests.show.made import mined, section, tiny

Row = dict[str, Any]


@pytest.fixture(scope="module", params=[100, 3])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> neg.Run:
    """The tiny run with one part of the ledger, and with three."""
    recipe = Recipe(
        find=(neg.BM25(top=6), neg.Random(top=4)),
        judge=(neg.PercentOfPositive(percent=0.9),),
        pick=neg.Top(per_query=4),
        shard=request.param,
    )
    return neg.mine(tiny(), tmp_path_factory.mktemp("summary") / "run", recipe=recipe)


@pytest.fixture(scope="module")
def summary(run: neg.Run) -> dict[str, Any]:
    return summarise(run)


@pytest.fixture(scope="module")
def ledger(run: neg.Run) -> list[Row]:
    return run.candidates().collect().to_dicts()


@pytest.fixture(scope="module")
def negatives(run: neg.Run) -> list[Row]:
    return run.negatives.to_dicts()


def pair(row: Row) -> tuple[str, str]:
    return row["query_id"], row["doc_id"]


@pytest.mark.slow
def test_it_has_every_section_and_is_plain_json(summary: dict[str, Any]) -> None:
    assert list(summary["sections"]) == list(SECTIONS)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_it_is_the_same_twice(run: neg.Run, summary: dict[str, Any]) -> None:
    assert summarise(run) == summary


def test_rows_in_are_positives_chosen_left_and_rejected(
    summary: dict[str, Any], ledger: list[Row], negatives: list[Row]
) -> None:
    verdicts = section(summary, "verdicts")
    chosen = {pair(row) for row in negatives}
    expected: Counter[str] = Counter()
    for row in ledger:
        if row["verdict"] == "positive":
            expected["positives"] += 1
        elif pair(row) in chosen:
            expected["negatives"] += 1
        elif row["verdict"] in ("eligible", "judged-negative"):
            expected["left"] += 1
        else:
            expected["rejected"] += 1
    assert {row["fate"]: row["rows"] for row in verdicts["fates"]} == expected
    assert verdicts["rows"] == len(ledger) == sum(row["rows"] for row in verdicts["fates"])
    assert verdicts["rows"] == sum(row["rows"] for row in verdicts["rules"])


def test_each_rule_is_counted_with_an_example(summary: dict[str, Any], ledger: list[Row]) -> None:
    expected = Counter((row["verdict"], row["rule"]) for row in ledger)
    rules = section(summary, "verdicts")["rules"]
    assert {(rule["verdict"], rule["rule"]): rule["rows"] for rule in rules} == expected
    reasons = {pair(row): row["reason"] for row in ledger}
    for rule in rules:
        example = rule["example"]
        assert reasons[example["query_id"], example["doc_id"]] == example["reason"]
        assert example["reason"].startswith(rule["rule"])


def test_coverage_is_delivered_over_asked(summary: dict[str, Any], negatives: list[Row]) -> None:
    delivered = section(summary, "delivered")
    per_query = Counter(row["query_id"] for row in negatives)
    assert delivered["asked"] == 8 * 4
    assert delivered["delivered"] == len(negatives)
    assert delivered["coverage"] == pytest.approx(len(negatives) / 32, rel=1e-5)
    assert delivered["queries_full"] == sum(n == 4 for n in per_query.values())
    assert delivered["queries_none"] == 8 - len(per_query)
    counts = Counter(per_query.get(f"q{place}", 0) for place in range(8))
    assert [bin["queries"] for bin in delivered["distribution"]] == [counts[n] for n in range(5)]
    assert delivered["missing"] == sum(cause["missing"] for cause in delivered["shortfall"])
    assert delivered["missing"] > 0


def test_hardness_is_counted_by_what_became_of_the_pair(
    summary: dict[str, Any], ledger: list[Row], negatives: list[Row]
) -> None:
    hardness = section(summary, "hardness")
    values = [row["hardness"] for row in negatives if row["hardness"] is not None]
    series = hardness["hardness"]["series"]
    width = hardness["hardness"]["edges"][1] - hardness["hardness"]["edges"][0]
    pool = [
        row["hardness"]
        for row in ledger
        if row["verdict"] in ("eligible", "judged-negative") and row["hardness"] is not None
    ]
    assert series["negatives"]["count"] == len(values)
    assert series["pool"]["count"] == len(pool)
    for row in series.values():
        assert sum(row["counts"]) + row["below"] + row["above"] == row["count"]
    assert hardness["above_lowest"] == pytest.approx(
        sum(value >= 0 for value in values) / len(values), abs=1e-6
    )
    ordered = sorted(values)
    low, high = ordered[(len(values) - 1) // 2], ordered[len(values) // 2]
    assert low - width / 100 <= hardness["median"] <= high + width / 100
    assert statistics.median(pool) == pytest.approx(series["pool"]["median"], abs=width)


def test_the_share_above_every_positive_looks_at_each_query_by_itself(
    summary: dict[str, Any], ledger: list[Row], negatives: list[Row]
) -> None:
    highest: dict[str, float] = {}
    for row in ledger:
        if row["verdict"] == "positive" and row["hardness"] is not None:
            highest[row["query_id"]] = max(row["hardness"], highest.get(row["query_id"], -math.inf))
    scored = [row for row in negatives if row["hardness"] is not None]
    above = sum(row["hardness"] >= highest[row["query_id"]] for row in scored)
    assert section(summary, "hardness")["above_all"] == pytest.approx(above / len(scored), abs=1e-6)


def test_sources_are_counted_one_by_one_together_and_in_pairs(
    summary: dict[str, Any], ledger: list[Row], negatives: list[Row]
) -> None:
    found = section(summary, "sources")
    for row in found["sources"]:
        name = row["source"]
        of = [each for each in ledger if name in each["sources"]]
        chosen = [each for each in negatives if name in each["sources"]]
        assert row["proposed"] == len(of)
        assert row["positives"] == sum(each["verdict"] == "positive" for each in of)
        assert row["negatives"] == len(chosen)
        assert row["negatives_alone"] == sum(each["sources"] == [name] for each in chosen)
    sets = Counter(tuple(row["sources"]) for row in ledger if row["sources"])
    assert {tuple(row["sources"]): row["pairs"] for row in found["combinations"]} == sets
    both = [row for row in ledger if set(row["sources"]) == {"bm25", "random"}]
    agreement = next(row for row in found["pairs"] if row["first"] == "bm25")
    proposed = sum(row["bm25_rank"] is not None for row in ledger)
    assert agreement["both"] == len(both) > 2
    assert agreement["overlap"] == pytest.approx(len(both) / proposed, rel=1e-5)
    assert agreement["rank_correlation"] is agreement["top_overlap"] is None  # drawn at random


@pytest.mark.slow
def test_ranks_are_compared_where_both_sources_rank(tmp_path: Path) -> None:
    run = mined(tmp_path / "run", [neg.BM25(top=9), neg.Dense(top=13)])
    ledger = run.candidates().collect().to_dicts()
    both = [row for row in ledger if set(row["sources"]) == {"bm25", "dense"}]
    xs, ys = ([row[f"{name}_rank"] for row in both] for name in ("bm25", "dense"))
    pairs = section(summarise(run), "sources")["pairs"]
    agreement = next(row for row in pairs if row["first"] == "dense")
    assert agreement["both"] == len(both)
    assert agreement["rank_correlation"] == pytest.approx(statistics.correlation(xs, ys), abs=1e-5)
    tops = {
        name: {pair(row) for row in ledger if (row[f"{name}_rank"] or 99) <= 10}
        for name in ("bm25", "dense")
    }
    shared = len(tops["bm25"] & tops["dense"]) / len(tops["dense"])
    assert agreement["top_overlap"] == pytest.approx(shared, rel=1e-5)


def test_the_pairs_shown_are_the_hardest_one_a_query_with_their_texts(
    summary: dict[str, Any], run: neg.Run, ledger: list[Row], negatives: list[Row]
) -> None:
    pairs = section(summary, "pairs")
    assert pairs["order"] == "hardness"
    hardest: dict[str, Row] = {}
    for row in sorted(negatives, key=lambda row: (-row["hardness"], row["doc_id"])):
        hardest.setdefault(row["query_id"], row)
    shown = pairs["suspicious"]
    assert {(one["query_id"], one["negative"]["doc_id"]) for one in shown} == {
        pair(row) for row in hardest.values()
    }
    falling = [one["hardness"] for one in shown]
    assert falling == sorted(falling, reverse=True)
    texts = dict(run.collection.corpus.select("doc_id", "text").iter_rows())
    for one in shown:
        assert one["negative"]["text"] == texts[one["negative"]["doc_id"]]
        assert one["positives"][-1]["hardness"] == 0.0
    two = next(one for one in shown if one["query_id"] == "q0")
    assert two["positives_in_all"] == 2
    assert {side["doc_id"] for side in two["positives"]} == {"d00", "d08"}


def test_hubs_are_the_documents_used_most(summary: dict[str, Any], negatives: list[Row]) -> None:
    hubs = section(summary, "hubs")
    counts = Counter(row["doc_id"] for row in negatives)
    expected = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:10]
    assert [(doc["doc_id"], doc["queries"]) for doc in hubs["top"]] == expected
    assert hubs["distinct"] == len(counts)
    falling, half = sorted(counts.values(), reverse=True), 0
    while sum(falling[:half]) < len(negatives) / 2:
        half += 1
    assert hubs["half_from"] == half


def test_cost_and_provenance_are_those_of_the_manifest(
    summary: dict[str, Any], run: neg.Run
) -> None:
    cost, provenance = section(summary, "cost"), section(summary, "provenance")
    assert [stage["stage"] for stage in cost["stages"]] == list(run.manifest.stages)
    assert provenance["recipe"] == (run.path / "recipe.toml").read_text("utf-8")
    assert provenance["inputs"]["corpus"] == run.manifest.inputs.corpus
    assert provenance["command"] is None


@pytest.mark.slow
def test_several_sources_with_an_opinion_are_counted_before_hardness(tmp_path: Path) -> None:
    run = mined(tmp_path / "run", [neg.BM25(top=5), neg.Dense(top=5), neg.Random(top=8)])
    pairs = section(summarise(run), "pairs")
    assert pairs["order"] == "agreement, hardness"
    assert pairs["opinions"] == ["bm25", "dense"]
    ranks = [
        (
            sum(one["rank"] is not None for one in pair["negative"]["evidence"][:2]),
            pair["hardness"],
        )
        for pair in pairs["suspicious"]
    ]
    assert ranks == sorted(ranks, reverse=True)


def test_a_loaded_collection_is_reproduced_by_a_command(tmp_path: Path) -> None:
    run = neg.mine(
        neg.Collection.load("cranfield"),
        tmp_path / "run",
        sources=[neg.Random(top=3)],
        pick=neg.RandomPick(per_query=1),
    )
    command = section(summarise(run), "provenance")["command"]
    assert command == "negatives mine cranfield --recipe recipe.toml --out RUN"
