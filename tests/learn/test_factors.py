"""Training by id: from interactions to a folder of vectors that mining and measuring open."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import negatives as neg
from negatives.errors import DataError, NegativesError, RecipeError, RunError
from negatives.events import silent
from negatives.learn.estimates import probable
from negatives.learn.factors import FactorsTraining
from negatives.learn.pairwise import Pairwise
from negatives.learn.recipe_draws import step_draws
from negatives.learn.request import completed
from negatives.learn.train import train
from negatives.learn.training_set import NOTHING, training_set
from negatives.models.by_id import IdEncoder
from negatives.models.open_encoder import open_encoder
from negatives.read import load
from negatives.recipe import Recipe, load_recipe
from negatives.recipe_changes import override
from tests.cli.commands import negatives

pytest.importorskip("torch")
pytest.importorskip("transformers")

FEW = ("train.steps=6", "train.batch_size=32", "train.dim=8")


@pytest.fixture(scope="module")
def plays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty users who like even or odd items; each has six before, one in dev and two in test."""
    folder = tmp_path_factory.mktemp("plays")
    draw = np.random.default_rng(2)
    rows = [
        (user, 2 * item + user % 2)
        for user in range(40)
        for item in draw.choice(15, 9, replace=False).tolist()
    ]
    table = pl.DataFrame(rows, ["user_id", "item_id"], orient="row")
    place = pl.int_range(pl.len()).over("user_id")
    for name, inside in (("train", place < 6), ("dev", place == 6), ("test", place > 6)):
        table.filter(inside).write_csv(folder / f"{name}.tsv", separator="\t")
    return folder


def small(name: str, *changes: str) -> Recipe:
    return override(load_recipe(name), [*FEW, *changes])


@pytest.fixture(scope="module")
def model(plays: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("model") / "m"
    changes = [f"--set={each}" for each in (*FEW, "train.steps=150", "train.learning_rate=0.05")]
    done = negatives("train", plays, "--recipe", "bpr", "--out", out, *changes)
    assert done.returncode == 0, done.stderr
    assert "dev nDCG@10" in done.stdout
    return out


def test_what_was_learned_ranks_the_items_of_the_kind_that_a_user_likes(
    model: Path, plays: Path
) -> None:
    assert {path.name for path in model.iterdir()} >= {"factors.json", "model.safetensors"}
    found = negatives("evaluate", model, f"{plays}@test", "--metric", "nDCG@10")
    assert "known elsewhere: 280 pairs, relevant by dev and train" in found.stdout
    value = neg.evaluate(str(model), f"{plays}@test", metrics=["nDCG@10"]).figures
    assert value["metrics"]["nDCG@10"]["value"] > 0.45  # 0.2 by chance


def test_the_folder_is_an_encoder_that_mines_the_hardest_negatives(
    model: Path, plays: Path, tmp_path: Path
) -> None:
    recipe = tmp_path / "hard.toml"
    recipe.write_text('[[find]]\nkind = "dense"\ntop = 5\n[pick]\nkind = "top"\nper_query = 3\n')
    out = tmp_path / "run"
    done = negatives("mine", plays, "--out", out, "--recipe", recipe, "--encoder", model)
    assert done.returncode == 0, done.stderr
    table = neg.Run(out).negatives
    assert len(table) == 120
    same = table.select((pl.col("query_id").cast(int) % 2) == (pl.col("doc_id").cast(int) % 2))
    assert same.to_series().mean() > 0.75  # type: ignore[operator]
    # The negatives of a run can be trained with, too; nothing is drawn then.
    again = train(out, tmp_path / "m", recipe=small("bpr", "train.negatives=3"), threads=1)
    assert again.account["negatives"]["negatives"] == 120


def test_ids_that_the_model_lacks_are_one_clear_error(
    model: Path, plays: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.csv"
    other.write_text("user,item\n1,3\n1,zebra\n2,4\n")
    done = negatives("evaluate", model, other)
    assert done.returncode == 2
    assert "1 of 3 docs have no vector" in done.stderr
    assert "'zebra'" in done.stderr
    queries, docs = open_encoder(str(model)).sides  # type: ignore[attr-defined]
    assert docs.encode(["3", "4"]).vectors.shape == (2, 8)
    with pytest.raises(DataError, match="1 of 2 queries have no vector"):
        queries.encode(["1", "nobody"])
    with pytest.raises(DataError, match="it was not said of which"):
        IdEncoder(model).encode(["1"])
    shutil.copytree(model, tmp_path / "cut")
    (tmp_path / "cut" / "factors.json").write_text('{"dim": 9, "similarity": "dot"}')
    with pytest.raises(DataError, match="no table of 40 queries and 9 numbers"):
        open_encoder(str(tmp_path / "cut"))


def test_a_user_whom_nobody_trained_is_told_of(model: Path, plays: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.csv"
    new.write_text("user,item\n1,3\n2,4\nnobody,5\n")
    said = neg.evaluate(str(model), str(new), metrics=["RR"]).figures["notes"]
    assert any("1 of 3 queries was not trained" in note and "'nobody'" in note for note in said)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_stopped_or_not(plays: Path, tmp_path: Path) -> None:
    from negatives.events import Event, Progress

    recipe = small("dns", "train.steps=12", "train.checkpoint=4")

    class Stopped(Exception):
        pass

    def stop(event: Event) -> None:
        if isinstance(event, Progress) and event.stage == "train" and event.done == 7:
            raise Stopped

    whole = train(plays, tmp_path / "a", recipe=recipe, look=False, threads=1)
    with pytest.raises(Stopped):
        train(plays, tmp_path / "b", recipe=recipe, look=False, threads=1, emit=stop)
    train(plays, tmp_path / "b", recipe=recipe, look=False, threads=1)
    other = train(plays, tmp_path / "c", recipe=recipe, look=False, threads=1, seed=1)
    one, two, three = ((made / "model.safetensors").read_bytes()
                       for made in (whole.path, tmp_path / "b", other.path))  # fmt: skip
    assert one == two
    assert one != three


def test_a_training_can_begin_with_the_vectors_of_another(
    model: Path, plays: Path, tmp_path: Path
) -> None:
    still = small("bpr", "train.learning_rate=1e-12", "train.steps=1")
    made = train(plays, tmp_path / "m", model=str(model), recipe=still, look=False, threads=1)
    before, after = IdEncoder(model).sides[1], IdEncoder(made.path).sides[1]
    assert np.allclose(before.vectors, after.vectors, atol=1e-6)


def test_recipes_that_draw_have_nothing_to_mine(plays: Path, tmp_path: Path) -> None:
    for name in ("bpr", "dns", "nbpo", "sampled-softmax"):
        recipe = small(name)
        assert recipe.draws
        assert not recipe.mines
        done = negatives("mine", plays, "--out", tmp_path / name, "--recipe", name)
        assert done.returncode == 2
        assert "draws its negatives while a model is trained" in done.stderr
        made = train(plays, tmp_path / f"{name}-m", recipe=recipe, look=False, threads=1)
        assert made.account["steps"] == 6
        assert not (made.path / "run").exists()
        assert "drawn at every step" in (made.path / "README.md").read_text()
    assert not load_recipe("popularity").draws


def test_what_a_run_holds_for_probably_relevant_is_never_drawn(
    plays: Path, model: Path, tmp_path: Path
) -> None:
    training = FactorsTraining(estimates="run", max_p=0.5)
    assert training.max_p == 0.5
    with pytest.raises(RecipeError, match="go together"):
        FactorsTraining(max_p=0.5)
    without = tmp_path / "run"
    neg.mine(str(plays), without, recipe="popularity")
    recipe = small("bpr", f"train.estimates={without}", "train.max_p=0.5")
    with pytest.raises(RunError, match="no p_relevant"):
        train(plays, tmp_path / "m", recipe=recipe, look=False, threads=1)
    data = load(plays)
    estimated = neg.mine(data, tmp_path / "estimated", recipe="ids")
    above = probable(estimated.path, 0.2, data)
    known = estimated.candidates().filter(pl.col("p_relevant") > 0.2).collect()
    assert len(above) == len(known) > 0
    bounded = small("dns", f"train.estimates={estimated.path}", "train.max_p=0.2")
    draws = step_draws(training_set(data, NOTHING, 0), completed(bounded, "static"), True, silent)
    assert draws is not None
    drawn = draws.draw(np.arange(len(draws.rows)), 0)[0].docs.reshape(len(draws.rows), -1)
    pairs = {(int(user), doc) for user, row in zip(draws.rows, drawn.tolist(), strict=True)
             for doc in row}  # fmt: skip
    assert not pairs & {*above.rows()}


def test_what_cannot_be_trained_by_id_is_refused(plays: Path, tmp_path: Path) -> None:
    for changes, said in (
        (("learn.kind=flip", "train.kind=encoder"), "has a model of its own, by id"),
        (("train.lora=4",), "'factors' has no setting 'lora'"),
    ):
        with pytest.raises(NegativesError, match=said):
            train(plays, tmp_path / "m", recipe=override(load_recipe("bpr"), list(changes)))
    with pytest.raises(RecipeError, match="holds no vectors by id"):
        train(plays, tmp_path / "m", model=str(plays), recipe=small("bpr"))
    assert Pairwise().parts == 1


def test_ids_are_learned_without_naming_a_recipe_and_without_a_word_of_the_library(
    plays: Path, tmp_path: Path
) -> None:
    out = tmp_path / "m"
    words = ("-m", "negatives.cli", "train", plays, "--kind", "factors", "--steps", "4", "-q")
    told = subprocess.run(
        [sys.executable, *map(str, words), "--out", str(out)], capture_output=True, text=True
    )
    assert (told.returncode, told.stderr) == (0, ""), told.stderr
    assert load_recipe(out / "recipe.toml").name == "bpr"
