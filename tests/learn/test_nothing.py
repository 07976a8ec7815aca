"""Learning from nothing is an error, with reason and remedy; what is lacking is found first."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from negatives.api import Run
from negatives.batch.conflict_free import ConflictFree
from negatives.batch.no_same_cluster import NoSameCluster
from negatives.batch.topic_aware import TopicAware
from negatives.errors import DataError, InputError, RecipeError
from negatives.events import Event, Warned
from negatives.learn.model_files import MINED
from negatives.learn.multi_level import MultiLevel
from negatives.learn.nothing import ENOUGH, IdleBatches, tell_fewer
from negatives.learn.request import completed, tell_mined_before
from negatives.learn.train import train
from negatives.learn.training_set import TrainingSet, of_run
from negatives.recipe import load_recipe
from tests.cli.commands import negatives
from tests.learn.small import learning

_NOBODY = "http://127.0.0.1:9/v1#none"
"""An address at which nobody answers."""


def refused(data: Any, model: str, out: Path, *changes: str, **options: Any) -> InputError:
    """The error of a training, after which nothing is left."""
    recipe = learning(model, *changes)
    with pytest.raises(InputError) as caught:
        train(data, out, model=model, recipe=recipe, look=False, **options)
    assert caught.value.exit_code == 2
    assert caught.value.fix
    assert not (out / "model.safetensors").exists()
    return caught.value


@pytest.mark.slow
def test_a_recipe_that_rejects_everything_says_which_rule_did_and_what_to_do(
    folder: Path, static: str, tmp_path: Path
) -> None:
    file = tmp_path / "strict.toml"
    file.write_text(
        'name = "strict"\n[[find]]\nkind = "bm25"\n[[judge]]\nkind = "margin"\nmargin = 1e6\n'
        '[pick]\nkind = "top"\n'
    )
    out = tmp_path / "m"
    done = negatives(
        "train", folder, "--out", out, "--model", static, "--recipe", file, "--steps", "2"
    )
    assert done.returncode == 2
    assert "error: the recipe 'strict' left no negative to learn from: rejected by margin" in (
        done.stderr
    )
    assert "lower margin below 1e+06" in done.stderr
    assert "--control none" in done.stderr
    assert not out.exists(), "with another margin it would be another run's folder"


@pytest.mark.slow
def test_documents_that_all_are_positives_are_told_before_any_mining(
    static: str, tmp_path: Path
) -> None:
    one = tmp_path / "one.jsonl"
    one.write_text(
        "".join(f'{{"anchor": "q{n} heat", "positive": "heat moves"}}\n' for n in range(3))
    )
    words = ("train", one, "--out", tmp_path / "m", "--model", static, "--steps", "2")
    done = negatives(*words)
    assert done.returncode == 2
    assert "every document is a positive of every query" in done.stderr
    assert "give more documents, with --corpus" in done.stderr
    assert "--per-query" not in done.stderr
    assert "index" not in done.stderr
    assert not (tmp_path / "m").exists()


def test_a_loss_of_own_negatives_needs_one(mined: Run, static: str, tmp_path: Path) -> None:
    for loss in ("softmax-list", "multiple-negatives\nlearn.negatives=hard"):
        changes = f"learn.kind={loss}".split("\n")
        none = refused(mined, static, tmp_path / "m", *changes, "train.negatives=0")
        assert "alone, and train.negatives = 0 leaves none" in none.what
        control = refused(mined, static, tmp_path / "m", *changes, mined=False)
        assert "without --control none" in control.fix


def test_negatives_without_any_label_are_none(mined: Run, static: str, tmp_path: Path) -> None:
    found = of_run(mined, 3)
    data = TrainingSet(
        found.collection, found.positives, found.negatives, found.p_relevant,
        labels=lambda queries, docs: np.full(docs.shape, np.nan, np.float32),
    )  # fmt: skip
    error = refused(data, static, tmp_path / "m", "learn.kind=kl")
    assert "none of them has a label" in error.what


@pytest.mark.slow
def test_examples_without_a_negative_are_counted(mined: Run, static: str, tmp_path: Path) -> None:
    found = of_run(mined, 3)
    few = found.negatives.copy()
    few[1:] = -1
    data = TrainingSet(found.collection, found.positives, few, found.p_relevant)
    said: list[Event] = []
    recipe = learning(static, "learn.kind=softmax-list", "train.steps=1")
    train(data, tmp_path / "m", model=static, recipe=recipe, look=False, emit=said.append)
    idle = int((found.positives[:, 0] > 0).sum())
    warned = " ".join(event.text for event in said if isinstance(event, Warned))
    assert f"{idle:,} of {len(found):,} examples have no negative to learn from" in warned


def test_more_negatives_than_any_query_has_are_told_of(mined: Run, static: str) -> None:
    found = of_run(mined, 9)
    most = int((found.negatives >= 0).sum(axis=1).max())
    texts: list[str] = []
    asked = f"train.negatives={most}", f"train.redraw={most + 1}"
    own, given = (replace(found, about={"run": name}) for name in (MINED, "somebody's"))
    for changes in ((f"train.negatives={most}",), (f"train.negatives={most + 1}",), asked):
        said: list[Event] = []
        for each in (given, own):
            tell_fewer(each, learning(static, *changes), said.append)
        texts.extend(event.text for event in said if isinstance(event, Warned))
    assert texts == [
        f"train.{setting} = {most + 1}, and no query has more than {most}: {mend}"
        for setting in ("negatives", "redraw")
        for mend in (
            "negatives pick RUN takes more of a run", "pick.per_query says how many are mined"
        )
    ]  # fmt: skip


@pytest.mark.slow
def test_batches_without_a_negative_end_the_training(
    mined: Run, static: str, tmp_path: Path
) -> None:
    alone = refused(mined, static, tmp_path / "m", "train.batch_size=1", "train.negatives=0",
                    "train.steps=3")  # fmt: skip
    assert "exactly 0 in the first 3 batches" in alone.what
    assert "raise train.batch_size or train.negatives" in alone.fix
    weights = 'batch.weight={ kind = "curriculum", shares = [0.0, 1.0], at = [1.0] }'
    none = refused(mined, static, tmp_path / "m", "train.steps=3", weights)
    assert "no example counts: all weights were 0" in none.what
    assert "equal" in none.fix


@pytest.mark.slow
def test_weights_that_cannot_begin_to_differ_in_so_few_steps_say_so(
    mined: Run, static: str, tmp_path: Path
) -> None:
    naive = 'batch.weight={ kind = "naive", times = 3 }'
    for weight, passes in (('batch.weight={ kind = "bad-pairs" }', 1), (naive, 2)):
        for epochs in (passes, passes + 1):
            heard: list[Event] = []
            recipe = learning(static, weight, f"train.epochs={epochs}", "train.steps=0")
            out = tmp_path / f"{passes}-{epochs}"
            train(mined, out, model=static, recipe=recipe, look=False, emit=heard.append)
            told = [event.text for event in heard if isinstance(event, Warned)]
            found = [text for text in told if text.startswith("batch.weight changes nothing")]
            assert bool(found) == (epochs == passes), (weight, epochs, told)
            many = "1 pass" if passes == 1 else "2 passes"
            assert all(f"losses of {many} over the examples first" in text for text in found)


def test_only_the_first_batches_are_looked_at() -> None:
    zero, one = torch.zeros(2), torch.tensor([0.0, 0.1])
    idle = IdleBatches()
    for _ in range(ENOUGH - 1):
        idle.see(zero, None, last=False)
    idle.see(one, None, last=False)
    for _ in range(3 * ENOUGH):
        idle.see(zero, None, last=True)
    with pytest.raises(RecipeError, match="first 1 batches"):
        IdleBatches().see(zero, None, last=True)
    with pytest.raises(RecipeError, match="all weights were 0"):
        IdleBatches().see(one, torch.zeros(2), last=True)


@pytest.mark.slow
def test_what_is_lacking_is_found_before_anything_is_mined(
    folder: Path, static: str, tmp_path: Path
) -> None:
    cases = {
        ("gist", "learn.guide=./nowhere"): ("the guide of guided cannot be used", "learn.guide="),
        ("bm25", "learn.kind=dual-teacher", "train.labels=bm25_score"): (
            "its guide, and none is named", "learn.guide="),
        ("bm25", "learn.kind=kl"): ("learns from a teacher's scores", "train.labels"),
        ("detective",): ("all positives have the grade 1", "multiple-negatives"),
        ("bm25", "batch.kind=topic-aware"): ("40 queries make one topic", "train.batch_size=10"),
        ("bm25", "batch.kind=neighbours", "train.batch_size=999"): (
            "are one batch of 999", "conflict-free"),
    }  # fmt: skip
    for (recipe, *changes), (what, fix) in cases.items():
        out = tmp_path / recipe
        sets = [word for change in changes for word in ("--set", change)]
        done = negatives(
            "train", folder, "--out", out, "--model", static, "--recipe", recipe, *sets
        )
        assert done.returncode == 2, done.stderr
        assert what in done.stderr
        assert fix in done.stderr
        assert "find:" not in done.stderr
        assert not (out / "run").exists()


def test_a_recipe_without_mined_negatives_is_not_mined(folder: Path, tmp_path: Path) -> None:
    done = negatives("mine", folder, "--out", tmp_path / "run", "--recipe", "saha")
    assert done.returncode == 2
    assert "trains without mined negatives: there is nothing to mine" in done.stderr
    assert "negatives train DATA --recipe saha" in done.stderr
    assert not (tmp_path / "run").exists()


def test_settings_of_mining_are_told_of_where_nothing_is_mined() -> None:
    changes = ["pick.per_query=3", "find.random.top=7", "train.steps=2"]
    mined = ["pick.per_query=3", "find.bm25.top=7"]
    for name, said, idle in (
        ("spn4cir", changes, ["pick.per_query", "find.random.top"]),
        ("bpr", ["pick.per_query=3"], ["pick.per_query"]),
        ("bpr", ["find.random.top=7"], []),
        ("ance", mined, []),
        ("default", mined, []),
    ):
        told: list[Event] = []
        completed(
            load_recipe(name), "static", "factors" if name == "bpr" else "", said, told.append
        )
        texts = [each.text for each in told if isinstance(each, Warned)]
        assert [text.split(" ")[0] for text in texts if "changes nothing" in text] == idle, name


def test_settings_of_mining_are_told_of_where_negatives_are_mined_already(
    mined: Run, folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "mined.jsonl"
    mined.export(file, format="triplet")
    changes = ["pick.per_query=1", "train.steps=2"]
    for data, name, idle in (
        (mined.path, "default", True),
        (file, "default", True),
        (folder, "default", False),
        (mined.path, "ance", False),
    ):
        told: list[Event] = []
        recipe = completed(load_recipe(name), "static", "", changes)
        tell_mined_before(data, recipe, changes, told.append)
        assert len(told) == idle, (data, name)
        assert all("pick.per_query changes nothing" in str(each) for each in told)


def test_whether_negatives_are_mined_already_depends_on_how_a_file_is_read(tmp_path: Path) -> None:
    rows = [{"prompt": f"text {n}", "chosen": f"word {n}", "rejected": "other"} for n in range(3)]
    plain = [{"a": row["prompt"], "b": row["chosen"], "c": row["rejected"]} for row in rows]
    files = {}
    for name, each in (("said", rows), ("plain", plain)):
        files[name] = tmp_path / f"{name}.jsonl"
        files[name].write_text("".join(json.dumps(row) + "\n" for row in each))
    columns = {"query_column": "a", "positive_column": "b", "negative_column": ["c"]}
    changes = ["pick.per_query=1"]
    cases: list[tuple[str, str, dict[str, Any], bool]] = [
        ("said", "default", {}, True),
        ("said", "npo", {}, False),  # a language model's are mined of its responses
        ("plain", "default", columns, True),
    ]
    for file, name, said, idle in cases:
        told: list[Event] = []
        recipe = completed(load_recipe(name), "static" if name == "default" else "")
        tell_mined_before(files[file], recipe, changes, told.append, **said)
        assert len(told) == idle, (file, name)


def test_an_encoders_recipe_trains_a_static_embedding_with_its_settings(
    static: str, mined: Run, tmp_path: Path
) -> None:
    said: list[Event] = []
    made = completed(load_recipe("adore"), static, emit=said.append).train
    assert made is not None
    settings = made.settings()
    assert settings["kind"] == "static-embedding"
    kept = ("negatives", "refresh", "frozen", "batch_size")
    assert {name: settings[name] for name in kept} == {
        "negatives": 50, "refresh": 2000, "frozen": "docs", "batch_size": 32}  # fmt: skip
    assert settings["learning_rate"] == 0
    told = [event.text for event in said if isinstance(event, Warned)]
    assert "learning_rate = 5e-06 is not for a model of this sort" in told[0]
    own = completed(load_recipe("adore"), static, changes=["train.learning_rate=0.03"])
    assert own.train is not None
    assert own.train.settings()["learning_rate"] == 0.03
    with pytest.raises(RecipeError, match="static embedding") as caught:
        train(mined, tmp_path / "m", model=static, recipe="adore", kind="encoder")
    assert "--kind static-embedding, which keeps" in caught.value.fix


def test_a_reranker_needs_a_model_and_the_message_names_one(folder: Path, tmp_path: Path) -> None:
    done = negatives("train", folder, "--out", tmp_path / "m", "--recipe", "dice-loss")
    assert done.returncode == 2
    assert "the built-in table cannot be a reranker" in done.stderr
    assert "--model" in done.stderr


def test_topics_of_few_queries_are_two_batches_each() -> None:
    for queries, size in ((64, 16), (400, 999), (48, 12)):
        TopicAware().refuse_few(queries, 10_000, size)
    for queries, size in ((63, 16), (399, 100)):
        with pytest.raises(DataError, match="make one topic"):
            TopicAware().refuse_few(queries, 10_000, size)
    with pytest.raises(DataError, match="each its own"):
        NoSameCluster().refuse_few(30, 100, 16)
    ConflictFree().refuse_few(1, 1, 64)


def test_grades_are_asked_for_and_what_nobody_judged_is_below_them() -> None:
    with pytest.raises(RecipeError, match="leave nothing to learn"):
        MultiLevel(weights=[0.0, 0.0])
    with pytest.raises(DataError, match="the grade 1"):
        MultiLevel().refuse_grades([1])
    MultiLevel().refuse_grades([1, 2, 7])
    from tests.learn.test_multi_level import graded

    loss = MultiLevel(weights=[1.0]).open()
    nan = float("nan")
    assert loss(graded([0.9, 0.3], [1, nan])).tolist() == loss(graded([0.9, 0.3], [1, 0])).tolist()
    assert loss(graded([0.9, 0.3], [nan, 0])).tolist() == loss(graded([0.9, 0.3], [1, 0])).tolist()
    assert loss(graded([0.9, 0.3], [5, 0])).tolist() == loss(graded([0.9, 0.3], [1, 0])).tolist()


def test_a_setting_that_names_a_model_that_is_not_there_is_named(
    folder: Path, tmp_path: Path
) -> None:
    asked = {
        "unime-v2": ("judge.reranker.model", "./nowhere", "there is no reranker"),
        "negative-prompt": ("make.written.model", _NOBODY, "no server answers there"),
        "genqr-ensemble": ("find.reformulations.model", _NOBODY, "no server answers there"),
        "abstention": ("judge.abstain.model", _NOBODY, "no server answers there"),
    }
    for recipe, (path, model, what) in asked.items():
        change = f"{path}={model}"
        done = negatives(
            "mine", folder, "--out", tmp_path / recipe, "--recipe", recipe, "--set", change
        )
        assert done.returncode == (2 if model == "./nowhere" else 1)
        assert what in done.stderr
        assert f"--set {path}=... names another" in done.stderr
        assert "find:" not in done.stderr
        assert "encode corpus" not in done.stderr
