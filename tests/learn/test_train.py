"""train: a model in a folder, once; the same again does nothing, something else is refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from negatives.api import Run
from negatives.errors import DataError, InputError, RecipeError, RunError, WorkError
from negatives.events import Event, Warned
from negatives.learn.train import Trained, train
from negatives.measure.evaluation import evaluate
from negatives.read import load
from negatives.schema import Collection
from tests.learn.small import learning

pytest.importorskip("sentence_transformers")


def vectors(folder: Path | str, texts: list[str]) -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu").encode(texts)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, mined: Run, static: str) -> Trained:
    """Trained with a run, looked at on the dev split of its data."""
    recipe = learning(static, "train.learning_rate=0.05")
    return train(mined, tmp_path_factory.mktemp("trained") / "model", model=static, recipe=recipe)


@pytest.mark.slow
def test_the_model_loads_and_has_learned(trained: Trained, static: str, folder: Path) -> None:
    texts = load(folder).queries["text"].to_list()[:5]
    assert not np.allclose(vectors(trained.path, texts), vectors(static, texts))
    looks = [row["dev_ndcg@10"] for row in trained.account["history"] if "dev_ndcg@10" in row]
    assert trained.account["best"] == max(looks)


def test_the_account_says_what_was_trained_with(trained: Trained, mined: Run) -> None:
    account = trained.account
    assert account["status"] == "done"
    assert account["steps"] == 12
    without_text = mined.collection.empty_docs.tolist()
    pairs = mined.collection.positives.filter(~pl.col("doc").is_in(without_text))
    assert account["examples"] == len(pairs) < len(mined.collection.positives)
    assert account["negatives"]["recipe"] == "bm25"
    assert account["dev"] == mined.collection.name
    assert account["batches"]["examples"] == len(pairs)


@pytest.mark.slow
def test_an_evaluation_tells_that_the_model_was_trained_with_what_it_is_judged_by(
    trained: Trained, mined: Run, static: str, folder: Path
) -> None:
    said = "trained with these queries and judgements"
    for model, data, told in (
        (str(trained.path), load(folder), True),
        (static, load(folder), False),
        (str(trained.path), f"{folder}@dev", False),
    ):
        notes = evaluate(model, data, metrics=["RR"]).figures["notes"]
        assert any(said in note for note in notes) is told, (model, notes)


def test_nothing_of_the_work_is_left(trained: Trained) -> None:
    names = {path.name for path in trained.path.iterdir()}
    assert {"model.safetensors", "modules.json", "README.md", "recipe.toml"} <= names
    assert not {"checkpoints", ".work"} & names


def test_the_card_names_data_negatives_and_recipe(trained: Trained, mined: Run) -> None:
    card = (trained.path / "README.md").read_text()
    assert "with negatives of the recipe 'bm25'" in card
    assert mined.collection.name in card
    assert 'kind = "multiple-negatives"' in card
    assert "nDCG@10" in card


def test_the_same_again_does_nothing(trained: Trained, mined: Run, static: str) -> None:
    before = {file: file.stat().st_mtime_ns for file in trained.path.iterdir()}
    recipe = learning(static, "train.learning_rate=0.05")
    for same in (recipe, replace(recipe, name="other", about="words", differs="words")):
        train(mined, trained.path, model=static, recipe=same)
    assert {file: file.stat().st_mtime_ns for file in before} == before


@pytest.mark.parametrize("changed", ["recipe", "dev", "seed"])
def test_another_training_is_refused(
    trained: Trained, mined: Run, static: str, folder: Path, changed: str
) -> None:
    other: dict[str, Any] = {"recipe": learning(static, "train.learning_rate=0.05")}
    changes: dict[str, dict[str, Any]] = {
        "recipe": {"recipe": learning(static, "train.learning_rate=0.01")},
        "dev": {"look": False},
        "seed": {"seed": 7},
    }
    other |= changes[changed]
    with pytest.raises(RunError, match="another training") as caught:
        train(mined, trained.path, model=static, **other)
    assert "overwrite" in caught.value.fix
    assert (trained.path / "model.safetensors").is_file()


@pytest.mark.slow
def test_overwriting_trains_anew(trained: Trained, mined: Run, static: str, tmp_path: Path) -> None:
    out = tmp_path / "model"
    shutil.copytree(trained.path, out)
    made = train(mined, out, model=static, recipe=learning(static, "train.steps=4"), overwrite=True)
    assert made.account["steps"] == 4


def test_wrong_input_leaves_a_model_that_was_to_be_overwritten(
    trained: Trained, mined: Run, static: str
) -> None:
    before = (trained.path / "model.safetensors").read_bytes()
    for model, data in (("./nowhere", mined.path), (static, "./nowhere-either")):
        with pytest.raises(InputError):
            train(data, trained.path, model=model, recipe=learning(static), overwrite=True)
    assert (trained.path / "model.safetensors").read_bytes() == before


@pytest.mark.slow
def test_the_best_look_is_kept(mined: Run, static: str, tmp_path: Path) -> None:
    # With so high a rate the model gets worse step by step, so the first look is the best.
    recipe = learning(static, "train.learning_rate=5", "train.evaluate=2", "train.checkpoint=0")
    made = train(mined, tmp_path / "m", model=static, recipe=recipe).account
    looks = [row["dev_ndcg@10"] for row in made["history"] if "dev_ndcg@10" in row]
    steps = [row["step"] for row in made["history"] if "dev_ndcg@10" in row]
    assert steps == [2, 4, 6, 8, 10, 12]
    assert made["best"] == max(looks)
    assert made["best_step"] == steps[int(np.argmax(looks))]


@pytest.mark.slow
def test_it_stops_after_so_many_looks_without_a_better_one(
    mined: Run, static: str, tmp_path: Path
) -> None:
    recipe = learning(
        static,
        "train.learning_rate=0",
        "train.learning_rate=1e-12",
        "train.evaluate=1",
        "train.checkpoint=0",
        "train.patience=2",
    )
    made = train(mined, tmp_path / "m", model=static, recipe=recipe).account
    assert made["steps"] == 3
    assert made["best_step"] == 1


def test_stopping_early_needs_something_to_look_at(static: str, mined: Run, tmp_path: Path) -> None:
    memory = load(mined.collection.origin)
    alone = Collection(memory.name, memory.split, memory.corpus, memory.queries, memory.qrels)
    recipe = learning(static, "train.patience=2")
    with pytest.raises(RecipeError, match="needs a dev split"):
        train(alone, tmp_path / "m", model=static, recipe=recipe, mined=False)
    assert not (tmp_path / "m").exists()


@pytest.mark.slow
def test_the_control_has_no_mined_negatives(folder: Path, static: str, tmp_path: Path) -> None:
    made = train(folder, tmp_path / "m", model=static, recipe=learning(static), mined=False)
    assert made.account["negatives"] == {}
    assert "without mined negatives" in (tmp_path / "m" / "README.md").read_text()
    assert not (tmp_path / "m" / "run").exists()


@pytest.mark.slow
def test_a_collection_is_mined_first(folder: Path, static: str, tmp_path: Path) -> None:
    made = train(folder, tmp_path / "m", model=static, recipe=learning(static))
    assert made.account["negatives"]["recipe"] == "bm25"
    assert Run(tmp_path / "m" / "run").negatives.height


@pytest.mark.slow
def test_queries_of_the_dev_split_that_are_trained_with_are_left_out_with_a_warning(
    folder: Path, static: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(folder, data)
    with (data / "qrels" / "dev.tsv").open("a") as file:
        file.write((data / "qrels" / "train.tsv").read_text().splitlines()[1] + "\n")
    said: list[Event] = []
    train(
        data, tmp_path / "m", model=static, recipe=learning(static), mined=False, emit=said.append
    )
    warned = [event.text for event in said if isinstance(event, Warned)]
    assert "1 queries of the dev split are trained with, and left out" in " ".join(warned)


def test_a_dev_split_that_is_trained_with_is_refused_and_listed(
    folder: Path, static: str, mined: Run, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="40 queries of the dev split are trained with") as caught:
        train(mined, tmp_path / "m", model=static, recipe=learning(static), dev=f"{folder}@train")
    assert mined.collection.queries["query_id"][0] in str(caught.value)
    assert "--dev" in caught.value.fix
    assert not (tmp_path / "m").exists()


@pytest.mark.slow
def test_texts_are_cut_at_the_longest_that_is_read(mined: Run, static: str, tmp_path: Path) -> None:
    recipe = learning(static, "train.max_length=2")
    made = train(mined, tmp_path / "m", model=static, recipe=recipe)
    long, same, other = vectors(made.path, ["wing flow heat", "wing flow", "wing heat"])
    assert np.allclose(long, same)
    assert not np.allclose(long, other)


def test_a_model_that_does_not_load_says_so(mined: Run, static: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no model at") as caught:
        train(mined, tmp_path / "m", model="./nowhere", recipe=learning(static))
    assert "an existing folder" in caught.value.fix
    assert not (tmp_path / "m").exists()


def test_a_static_model_is_not_trained_as_a_text_encoder(
    mined: Run, static: str, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match="is static embedding"):
        train(mined, tmp_path / "m", model=static, recipe=learning(static), kind="encoder")
    assert not (tmp_path / "m").exists()


def test_a_reranker_needs_a_loss_of_lists(mined: Run, static: str, tmp_path: Path) -> None:
    recipe = learning(static, "learn.kind=multiple-negatives", kind="reranker")
    with pytest.raises(RecipeError, match="needs embeddings") as caught:
        train(mined, tmp_path / "m", model=static, recipe=recipe)
    assert "softmax-list" in caught.value.fix
    assert not (tmp_path / "m").exists()


def test_a_foreign_folder_is_not_touched(mined: Run, static: str, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(RunError, match=r"holds no training: thesis\.tex"):
        train(mined, tmp_path, model=static, recipe=learning(static), overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.slow
def test_a_run_of_a_collection_in_memory_must_be_given_its_texts(
    mined: Run, static: str, tmp_path: Path
) -> None:
    from negatives.api import mine

    memory = mined.collection
    alone = Collection(memory.name, memory.split, memory.corpus, memory.queries, memory.qrels)
    run = mine(alone, tmp_path / "run", recipe="bm25")
    with pytest.raises(InputError, match="in memory") as caught:
        train(run.path, tmp_path / "m", model=static, recipe=learning(static))
    assert caught.value.fix
    assert not (tmp_path / "m").exists()
    given = train(
        Run(run.path, collection=alone), tmp_path / "m", model=static, recipe=learning(static)
    )
    assert given.account["dev"] is None


@pytest.mark.slow
def test_a_loss_that_is_no_number_names_examples_and_keeps_no_model(
    mined: Run, static: str, tmp_path: Path
) -> None:
    recipe = learning(static, "train.learning_rate=1e12", "train.clip=0", "learn.similarity=dot",
                      "learn.temperature=1e-12")  # fmt: skip
    with pytest.raises(WorkError, match="the loss is no number") as caught:
        train(mined, tmp_path / "m", model=static, recipe=recipe, look=False)
    assert "query '" in caught.value.where
    assert "learning rate" in caught.value.fix
    assert not (tmp_path / "m" / "model.safetensors").exists()


@pytest.mark.slow
def test_a_training_that_failed_at_once_may_be_tried_with_other_settings(
    mined: Run, static: str, tmp_path: Path
) -> None:
    poisoned = learning(
        static, "train.learning_rate=1e12", "train.clip=0", "learn.similarity=dot",
        "learn.temperature=1e-12", "train.checkpoint=12",
    )  # fmt: skip
    with pytest.raises(WorkError):
        train(mined, tmp_path / "m", model=static, recipe=poisoned, look=False)
    made = train(mined, tmp_path / "m", model=static, recipe=learning(static), look=False)
    assert made.account["steps"] == 12


@pytest.mark.parametrize("given", ["file", "control"])
def test_scores_of_a_ledger_need_a_run(given: str, mined: Run, static: str, tmp_path: Path) -> None:
    recipe = learning(static, "train.labels=bm25_score", "learn.kind=margin-mse")
    mined.export(tmp_path / "n.parquet", format="n-tuple")
    data: Any = tmp_path / "n.parquet" if given == "file" else Path(mined.collection.origin)
    with pytest.raises(RecipeError, match="a run"):
        train(data, tmp_path / "m", model=static, recipe=recipe, mined=given == "file")
    assert not (tmp_path / "m").exists()


def test_a_teachers_loss_without_a_teacher_is_refused_before_anything_is_kept(
    mined: Run, static: str, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match="teacher's scores"):
        train(mined, tmp_path / "m", model=static, recipe=learning(static, "learn.kind=margin-mse"))
    assert not (tmp_path / "m").exists()


@pytest.mark.slow
def test_training_ends_when_its_time_is_over(mined: Run, static: str, tmp_path: Path) -> None:
    recipe = learning(static, "train.steps=100000", "train.seconds=1", "train.checkpoint=100000")
    account = train(mined, tmp_path / "m", model=static, recipe=recipe, look=False).account
    assert 0 < account["steps"] < 100_000
