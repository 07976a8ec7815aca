"""A tower of time series: from `.ts` files to a model that finds series of a class."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import negatives as neg
from negatives.batch.weights import BadPairs
from negatives.errors import DataError, RecipeError
from negatives.learn.recorded import views
from negatives.learn.suspects import SUSPECTS
from negatives.learn.train import train
from negatives.models.open_encoder import open_encoder
from negatives.optional import torch
from negatives.read import load
from negatives.recipe import load_recipe
from negatives.recipe_changes import override
from negatives.schema import Collection
from negatives.store.atomic import file_hash
from tests import recordings
from tests.cli.commands import negatives

pytest.importorskip("torch")
pytest.importorskip("transformers")

FEW = ("train.dim=16", "train.batch_size=16", "train.length=32")


@pytest.fixture(scope="module")
def waves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recordings.folder(tmp_path_factory.mktemp("waves"))


def accuracy(model: Path, data: Path) -> float:
    """Of the nearest neighbour."""
    found = neg.evaluate(str(model), load(f"{data}@test"), metrics=["Success@1"]).per_query
    return float(found["Success@1"].to_numpy().mean())


@pytest.mark.recipe("dbpm-series")
def test_a_tower_learns_classes_from_two_views_of_each_series(waves: Path, tmp_path: Path) -> None:
    steps = {"begun": 1, "learned": 60}
    for name, count in steps.items():
        changes = [f"--set={each}" for each in (*FEW, f"train.steps={count}")]
        done = negatives("train", waves, "--recipe", "dbpm-series", "--out", tmp_path / name,
                         *changes)  # fmt: skip
        assert done.returncode == 0, done.stderr
    begun, learned = (accuracy(tmp_path / name, waves) for name in steps)
    assert learned > max(0.7, begun + 0.1), (begun, learned)


@pytest.mark.recipe("dbpm-series")
def test_five_steps_by_its_name_and_the_same_seed_gives_the_same_model(
    waves: Path, tmp_path: Path
) -> None:
    recipe = override(load_recipe("dbpm-series"), [*FEW, "train.steps=5"])
    made = [
        train(waves, tmp_path / name, recipe=recipe, look=False, seed=seed)
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert all(each.account["steps"] == 5 for each in made)
    hashes = [file_hash(each.path / "model.safetensors") for each in made]
    assert hashes[0] == hashes[1] != hashes[2]


def planted(data: Collection, share: float) -> tuple[Collection, set[str]]:
    """Some series get one of another class for their positive; and which."""
    draw = np.random.default_rng(1)
    kind = data.queries["type"].to_numpy()
    wrong = draw.choice(len(kind), round(share * len(kind)), replace=False)
    doc = data.queries["query_id"].to_list()
    for row in wrong:
        doc[row] = data.corpus["doc_id"][int(draw.choice(np.flatnonzero(kind != kind[row])))]
    qrels = data.qrels.with_columns(doc_id=pl.Series(doc))
    return replace(data, qrels=qrels), {*data.queries["query_id"].gather(wrong)}


@pytest.mark.recipe("dbpm-series")
def test_planted_wrong_partners_are_suspects_and_are_written_down(tmp_path: Path) -> None:
    data, wrong = planted(load(recordings.folder(tmp_path / "quiet", noise=0.2)), 0.1)
    recipe = override(load_recipe("dbpm-series"), [*FEW, "train.epochs=30"])
    made = train(data, tmp_path / "m", recipe=recipe, look=False)
    found = pl.read_parquet(made.path / SUSPECTS)
    faulty = {*found.filter(pl.col("why") == "faulty")["query_id"]}
    assert len(faulty & wrong) >= 0.6 * len(wrong), (faulty, wrong)
    assert len(faulty & wrong) >= 0.6 * len(faulty), (faulty, wrong)
    assert made.account["suspects"] == {
        why: found.filter(pl.col("why") == why).height for why in ("noisy", "faulty")
    }
    pairs = data.qrels.select("query_id", "doc_id")
    assert found.join(pairs, on=["query_id", "doc_id"], how="anti").is_empty()


def test_two_kinds_of_sensors_are_queries_and_documents(tmp_path: Path) -> None:
    """Two halves of the dimensions: what one sensor saw finds what the other saw."""
    whole = load(recordings.folder(tmp_path / "waves", each=8, dimensions=4))
    half = r"^([^:]*:[^:]*):([^:]*:[^:]*)$"
    data = replace(
        whole,
        queries=whole.queries.with_columns(pl.col("series").str.extract(half, 1)),
        corpus=whole.corpus.with_columns(pl.col("series").str.extract(half, 2)),
    )
    recipe = override(load_recipe("dbpm-series"), [*FEW, "train.steps=5", "train.dimensions=2"])
    made = train(data, tmp_path / "m", recipe=recipe, look=False)
    assert open_encoder(str(made.path)).dim == 16
    run = neg.mine(data, tmp_path / "run", recipe="nv-retriever", encoder=str(made.path))
    assert run.negatives.height


def test_views_are_stretches_scaled_with_noise() -> None:
    torch.manual_seed(0)
    line = torch.linspace(0, 1, 64).expand(200, 1, 64)
    cut = views(line, 0.5, 0.0, 0.0)[:, 0]
    shown = cut[:, -1] - cut[:, 0]
    assert 0.5 <= float(shown.min()) < 0.55
    assert 0.95 < float(shown.max()) <= 1.0
    assert float(cut.min()) >= 0
    assert float(cut.max()) <= 1
    even = cut.diff(dim=1)
    torch.testing.assert_close(even, even[:, :1].expand_as(even), atol=1e-5, rtol=0)
    flat = torch.ones(4000, 2, 16)
    scaled = views(flat, 1.0, 0.2, 0.0)
    assert float(scaled[:, :, 0].std()) == pytest.approx(0.2, abs=0.01)
    assert (scaled == scaled[:, :, :1]).all()  # one factor a dimension
    assert float(views(flat, 1.0, 0.0, 0.1).std()) == pytest.approx(0.1, abs=0.005)


def test_what_a_tower_of_series_cannot_read_is_refused(waves: Path, tmp_path: Path) -> None:
    recipe = override(load_recipe("dbpm-series"), [*FEW, "train.steps=1"])
    with pytest.raises(DataError, match="needs the series of the documents"):
        train("cranfield", tmp_path / "m", recipe=recipe, look=False)
    with pytest.raises(RecipeError, match="holds no tower of time series"):
        train(waves, tmp_path / "m", recipe=recipe, model=str(tmp_path), look=False)
    with pytest.raises(DataError, match="1 dimensions, and 2 are read"):
        train(waves, tmp_path / "m", recipe=override(recipe, ["train.dimensions=2"]), look=False)
    made = train(waves, tmp_path / "made", recipe=recipe, look=False).path
    with pytest.raises(DataError, match="reads no texts"):
        open_encoder(str(made)).encode(["a text"])
    assert train(waves, tmp_path / "more", recipe=recipe, model=str(made), look=False).path
    (made / "series.json").write_text('{"dim": 4}', "utf-8")
    with pytest.raises(DataError, match="no tower of time series can be read"):
        open_encoder(str(made))


def test_no_weights_no_suspects(waves: Path, tmp_path: Path) -> None:
    recipe = override(load_recipe("dbpm-series"), [*FEW, "train.steps=1"])
    assert isinstance(recipe.batch.weight, BadPairs)  # type: ignore[union-attr]
    plain = override(recipe, {"batch.weight": {"kind": "equal"}})
    made = train(waves, tmp_path / "m", recipe=plain, look=False)
    assert made.account["suspects"] == {}
    assert not (made.path / SUSPECTS).exists()
