"""Recipes that look at fields of documents and queries train by name, a few steps each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from negatives.errors import RecipeError
from negatives.learn.train import train
from negatives.recipe import load_recipe
from negatives.recipe_changes import override
from negatives.schema import Collection
from tests.learn.test_generalise import TRAIN

NAMES = ("skill-extraction", "mm-embed", "ecthr-pcr", "kriss")


def fielded() -> Collection:
    """Queries on four topics, with a parent, title, type and time of everything."""
    docs, queries = TRAIN.corpus, TRAIN.queries
    number = pl.int_range(pl.len())
    return replace(
        TRAIN,
        corpus=docs.with_columns(
            title=pl.col("doc_id"),
            parent=pl.col("doc_id").str.slice(0, 2),
            type=pl.when(number % 2 == 0).then(pl.lit("a")).otherwise(pl.lit("b")),
            time=number.cast(pl.Float64),
        ),
        queries=queries.with_columns(type=pl.lit("a"), time=pl.lit(30.0)),
    )


@pytest.mark.slow
def test_each_trains_by_name(tmp_path: Path) -> None:
    for name in NAMES:
        recipe = load_recipe(name)
        shorter = ["train.steps=2", "train.batch_size=4"]
        if name == "mm-embed":
            shorter.append("judge.wanted-type.skip=2")
        made = train(
            fielded(), tmp_path / name, recipe=override(recipe, shorter), look=False, threads=1
        )
        assert made.account["steps"] == 2, name
        assert made.account["negatives"]["negatives"] > 0, name


def test_what_is_trained_is_no_encoder_of_parts(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        train(fielded(), tmp_path / "m", model="parts:200:static")
    assert str(caught.value) == (
        "what is trained reads a text as it is, and not by parts\n"
        "  where: --model\n"
        "  fix:   name the model alone, static; parts are for --encoder"
    )
