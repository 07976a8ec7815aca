"""bench on data that have nothing but ids: its baselines, what is left out, and how it is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from negatives.learn.bench.bench import bench
from negatives.learn.bench.choice import baselines
from negatives.read import load
from negatives.recipe import load_recipe
from negatives.show.bench import bench_page, bench_table

pytest.importorskip("torch")
pytest.importorskip("transformers")

FEW = ("train.steps=4", "train.batch_size=32", "train.dim=8")
NO_TEXT = "needs the text of the documents, and these have nothing but their ids"


@pytest.fixture(scope="module")
def plays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty users who like even or odd items; each has six before, and one in dev."""
    folder = tmp_path_factory.mktemp("plays")
    draw = np.random.default_rng(2)
    rows = [
        (user, 2 * item + user % 2)
        for user in range(40)
        for item in draw.choice(15, 7, replace=False).tolist()
    ]
    table = pl.DataFrame(rows, ["user_id", "item_id"], orient="row")
    place = pl.int_range(pl.len()).over("user_id")
    for name, inside in (("train", place < 6), ("dev", place == 6)):
        table.filter(inside).write_csv(folder / f"{name}.tsv", separator="\t")
    return folder


def test_nearness_is_told_by_judgements_where_there_are_no_texts(plays: Path) -> None:
    ids, texts = load(plays), load("cranfield")
    found = {
        data.name: {each.name: each.find[0].kind for each in baselines(3, data, "static")}
        for data in (ids, texts)
    }
    assert found[ids.name] == {"random": "random", "naive top": "co-occurrence"}
    assert found["cranfield"] == {"random": "random", "naive top": "dense"}


@pytest.mark.slow
def test_recipes_by_id_are_trained_side_by_side_with_equal_means(
    plays: Path, tmp_path: Path
) -> None:
    names = ["bpr", "dns", "sampled-softmax", "popularity", "bm25", "dice-loss"]
    out = tmp_path / "b"
    made = bench(plays, names, out, seeds=1, per_query=2, changes=FEW, threads=1).figures
    rows = {row["recipe"]: row for row in made["rows"]}
    assert list(rows) == ["none", "naive top", "random", *names[:4]]
    assert made["settings"]["kind"] == "factors"
    assert {row["steps"] for row in made["rows"]} == {4}
    assert made["left_out"] == {
        "sentence-transformers": f"it {NO_TEXT}",
        "bm25": f"bm25 {NO_TEXT}",
        "dice-loss": made["left_out"]["dice-loss"],
    }
    assert NO_TEXT in made["left_out"]["dice-loss"]
    assert f"bm25 {NO_TEXT}" in bench_table(made)
    assert "positives of the same queries" in made["about"]["naive top"]


@pytest.mark.slow
def test_hidden_positives_are_counted_where_nothing_says_how_hard_a_document_is(
    plays: Path, tmp_path: Path
) -> None:
    out = tmp_path / "b"
    names = ["ids", "popularity", "bpr"]
    made = bench(plays, names, out, measure="hidden", seeds=1, per_query=2, threads=1).figures
    rows = {row["recipe"]: row for row in made["rows"]}
    assert list(rows) == ["random", "naive top", "ids", "popularity"]
    assert {row["hardness"] for row in made["rows"]} == {None}
    assert rows["naive top"]["false_share"] > rows["random"]["false_share"]
    assert made["left_out"]["bpr"] == ("says how a model is trained: it is measured by training")
    assert bench_page(made, "bench.svg") == (out / "bench.md").read_text("utf-8")
    assert ">coverage</text>" in (out / "bench.svg").read_text("utf-8")


def test_recipes_that_only_draw_are_asked_for_nothing_that_mining_needs(plays: Path) -> None:
    from negatives.learn.bench.applies import lacking

    data = load(plays)
    assert lacking(load_recipe("dns"), data, "static") == ""
    assert lacking(load_recipe("nv-retriever"), data, "static").endswith(NO_TEXT)
