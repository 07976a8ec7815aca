"""The shipped recipes of these judges, run whole on the bundled sample."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

import negatives as neg
from negatives.recipe import load_recipe

RECIPES = ["cet", "self-aware-negatives", "tacred-cleaning", "tacred-extrinsic", "weaver"]


@pytest.fixture(scope="module")
def sample() -> neg.Collection:
    return neg.Collection.load("cranfield")


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_neither_the_shards_nor_the_threads_change_the_negatives(
    name: str, sample: neg.Collection, tmp_path: Path
) -> None:
    recipe = load_recipe(name)
    whole = neg.mine(sample, out=tmp_path / "whole", recipe=recipe, threads=2)
    parts = neg.mine(sample, out=tmp_path / "parts", recipe=replace(recipe, shard=50), threads=1)
    assert len(whole.negatives) > 4 * len(sample.mined_queries)
    assert parts.negatives.equals(whole.negatives)


def ledger(run: neg.Run) -> pl.DataFrame:
    return pl.concat(map(pl.read_parquet, sorted((run.path / "candidates").glob("*.parquet"))))


@pytest.mark.slow
def test_self_aware_negatives_are_positives_of_queries_that_ask_something_else(
    sample: neg.Collection, tmp_path: Path
) -> None:
    run = neg.mine(sample, out=tmp_path / "run", recipe="self-aware-negatives")
    picked = ledger(run).join(run.negatives, on=["query_id", "doc_id"], how="semi")
    picked = picked.filter(pl.col("relevance").is_null())
    assert picked["self_aware"].max() <= 0.6  # type: ignore[operator]
    assert picked["self_aware"].null_count() == 0
    owned = sample.qrels.filter(pl.col("relevance") > 0)["doc_id"].unique()
    assert picked["doc_id"].is_in(owned.implode()).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cet", "weaver"])
def test_an_estimate_is_a_probability_of_every_pair_and_tells_positives_from_others(
    name: str, sample: neg.Collection, tmp_path: Path
) -> None:
    rows = ledger(neg.mine(sample, out=tmp_path / "run", recipe=name))
    proposed = rows.filter(pl.col("sources").list.len() > 0)
    assert proposed["p_relevant"].null_count() == 0
    assert proposed["p_relevant"].is_between(0, 1).all()
    positive = pl.col("relevance") > 0
    means = proposed.select(
        pl.col("p_relevant").filter(positive).mean().alias("positives"),
        pl.col("p_relevant").filter(pl.col("relevance").is_null()).mean().alias("others"),
    )
    assert means["positives"].item() > means["others"].item() + 0.1
