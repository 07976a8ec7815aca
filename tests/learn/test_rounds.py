"""Rounds: trainings one after another, whose models take each other's place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from negatives.api import Run, mine
from negatives.arrays import Floats
from negatives.errors import DataError, RecipeError, RunError
from negatives.events import Event, Warned
from negatives.find.dense import Dense
from negatives.find.positive_neighbours import NearPositive
from negatives.learn.average_round import AverageRound
from negatives.learn.request import completed
from negatives.learn.round import Round
from negatives.learn.rounds import planned
from negatives.learn.train import train
from negatives.learn.train_round import TrainRound
from negatives.read import load
from negatives.recipe import Recipe, parse
from negatives.recipe_changes import encoded, override, without
from tests.killing import kill_when, start_python
from tests.learn.small import FEW

pytest.importorskip("sentence_transformers")

MINING = """
[[find]]
kind = "dense"
top = 20
[[judge]]
kind = "reranker"
model = "none"
[pick]
kind = "top"
per_query = 3
[train]
kind = "static-embedding"
"""
TWO = ("train.steps=5", "train.batch_size=16", "train.negatives=3", "train.checkpoint=2")


def recipe(*rounds: Round, changes: Sequence[str] = TWO) -> Recipe:
    """Dense negatives, trained with in these rounds."""
    made = parse(MINING.replace('[[judge]]\nkind = "reranker"\nmodel = "none"\n', ""))
    whole = Recipe(find=made.find, pick=made.pick, train=made.train, round=rounds, name="mine")
    return completed(whole, "static", changes=changes)


def weights(out: Path) -> bytes:
    return (out / "model.safetensors").read_bytes()


def refused(text: str) -> str:
    with pytest.raises(RecipeError) as caught:
        planned(completed(parse(MINING + text, "mine.toml"), "static"))
    return str(caught.value)


def test_what_no_round_can_do_is_said_before_any_work() -> None:
    loss = 'learn.kind = "softmax-list"'
    train_, swap = '[[round]]\nkind = "train"\n', 'uses = { judge.reranker.model = "rankre" }\n'
    ranker = f'{train_}role = "ranker"\nset = {{ train.kind = "reranker", {loss} }}\n'
    named = f"""{train_}role = "one"\n{train_}role = "two"\n"""
    average_ = '[[round]]\nkind = "average"\nof = ["one", "two"]\n'
    for text, said in [
        (ranker + train_ + swap, "no round before this one has filled the role 'rankre'"),
        (ranker + train_ + swap, "did you mean 'ranker'?"),
        (train_ + 'start = "given"\nencoder = "later"\n', "has filled the role 'later'"),
        (named, "the model of the role 'one' is made for nothing"),
        (train_ + 'role = "given"\n', "'given' is no role that a round can fill"),
        (train_ + "mine = false\n", "no round before this one has mined negatives"),
        (train_ + train_ + 'model = "MiniLM"\n', "'MiniLM' would never be read"),
        (ranker + train_ + 'encoder = "ranker"\n', "the role 'ranker' is no encoder"),
        (
            train_ + train_ + "mine = false\nset = { pick.per_query = 2 }\n",
            "pick.per_query is about mining, and this round does not mine",
        ),
        (train_ + "set = { pick.per_qury = 2 }\n", "has no setting 'per_qury'"),
        (train_ + 'without = ["judge.llm"]\n', "0 stages are called 'llm'"),
        (
            train_ + 'set = { train.kind = "reranker", learn.kind = "guided" }\n',
            "the loss 'guided' needs embeddings",
        ),
        (train_ + ranker.replace("ranker", "model", 1), "trained as 'static-embedding' and then"),
        (train_ + 'model = "other"\nrole = "one"\n' + train_ + 'role = "two"\n' + average_,
         "began as different models, 'other' and 'given'"),
        (ranker.replace("ranker", "one", 1) + train_ + 'role = "two"\n' + average_,
         "are models of different kinds, 'reranker' and 'static-embedding'"),
        (train_ + '[[round]]\nkind = "average"\nof = ["model"]\n', "does not name two roles"),
        ('[[round]]\nrole = "model"\n', "a stage without a kind"),
        (train_ + 'uses = { judge.reranker.model = 3 }\n', "names no role under judge.reranker"),
        (train_ + 'uses = { find.dense.encoder = "given" }\n', 'write encoder = "ROLE"'),
    ]:  # fmt: skip
        assert said in refused(text), text


def test_a_source_with_an_encoder_of_its_own_may_have_that_of_a_role() -> None:
    made = recipe(TrainRound(), TrainRound(uses={"find.near.encoder": "model"}))
    near = NearPositive(name="near", top=5)
    planned(replace(made, find=(*made.find, near)))
    found = made.round[1]
    assert isinstance(found, TrainRound)
    told = found.recipe(replace(made, find=(*made.find, near)), {"model": "m1"}, 1)
    assert [source.settings()["encoder"] for source in told.find] == ["static", "m1"]


MOMENTUM = Dense(name="momentum", top=20, keeps_encoder=True)


def test_a_dense_source_keeps_its_encoder_beside_those_that_take_the_rounds() -> None:
    uses = {"find.momentum.encoder": "given"}
    rounds = (TrainRound(role="one"), TrainRound(encoder="one", start="given", uses=uses))
    made = recipe(*rounds)
    made = replace(made, find=(*made.find, MOMENTUM))
    planned(made)
    found = rounds[1].recipe(made, {"given": "m0", "one": "m1"}, 1)
    mined = encoded(found, "m1")
    assert [source.settings()["encoder"] for source in mined.find] == ["m1", "m0"]
    assert mined.reference_source == "dense", "hardness is by the newest model"


def test_what_is_kept_must_be_an_encoder_and_must_be_kept() -> None:
    uses = TrainRound(encoder="given", uses={"find.momentum.encoder": "ranker"})
    ranker = TrainRound(role="ranker", set={"train.kind": "reranker", "learn.kind": "softmax-list"})
    made = recipe(ranker, uses)
    with pytest.raises(RecipeError, match="the role 'ranker' is no encoder") as caught:
        planned(replace(made, find=(*made.find, MOMENTUM)))
    assert "uses.find.momentum.encoder" in caught.value.where
    made = recipe(TrainRound(set={"find.dense.encoder": "other"}))
    with pytest.raises(RecipeError, match="would not be read") as caught:
        planned(made)
    assert "keeps_encoder = true" in caught.value.fix
    kept = {"find.dense.encoder": "other", "find.dense.keeps_encoder": True}
    planned(recipe(TrainRound(set=kept)))


def test_an_encoder_that_a_training_takes_over_from_is_told_once(
    folder: Path, static: str, tmp_path: Path
) -> None:
    told: list[Event] = []
    text = MINING.replace('[[judge]]\nkind = "reranker"\nmodel = "none"\n', "")
    text = text.replace("top = 20", 'top = 20\nencoder = "parts:5:static"')
    for name, kept in (("taken", ""), ("kept", "\nkeeps_encoder = true")):
        stated = parse(text.replace('static"', f'static"{kept}', 1))
        made = completed(stated, static, changes=TWO)
        train(folder, tmp_path / name, model=static, recipe=made, look=False, emit=told.append)
    said = [event.text for event in told if isinstance(event, Warned) and "not read" in event.text]
    assert said == [
        "dense: encoder = 'parts:5:static' is not read: a training mines with the model that is "
        "trained, or with --encoder; keeps_encoder = true keeps it"
    ]
    encoders = [
        Run(tmp_path / name / "run").recipe.settings()["find"][0]["encoder"]
        for name in ("taken", "kept")
    ]
    assert encoders == [static, "parts:5:static"]


@pytest.mark.recipe("ance-tele")
@pytest.mark.slow
def test_each_source_was_searched_with_the_vectors_of_its_own_model(
    folder: Path, static: str, tmp_path: Path
) -> None:
    uses = {"find.momentum.encoder": "given"}
    last = TrainRound(role="two", encoder="one", start="given", uses=uses)
    made = recipe(TrainRound(role="one", without=["find.momentum"]), last)
    made = replace(made, find=(*made.find, MOMENTUM))
    out = tmp_path / "m"
    train(folder, out, model=static, recipe=made, look=False)
    run = Run(out / "rounds" / "02-two" / "run")
    rows = pl.read_parquet(run.path / "candidates" / "*.parquet")
    for source, model in (("dense", out / "rounds" / "01-one"), ("momentum", Path(static))):
        score = pl.col(f"{source}_score")
        found = rows.filter(pl.col(f"{source}_rank").is_not_null(), score.is_not_null())
        assert len(found) > 100
        by_hand = _cosines(model, run, found)
        assert abs(by_hand - found[f"{source}_score"].to_numpy()).max() < 1e-3, source
    apart = rows.filter(pl.col("momentum_rank").is_not_null() & pl.col("dense_rank").is_null())
    assert len(apart), "it proposes what the newest model does not"
    sources = run.recipe.settings()["find"]
    assert [source["encoder"] for source in sources] == [
        str((out / "rounds" / "01-one").resolve()),
        static,
    ]


def test_a_recipe_that_only_mines_has_no_rounds() -> None:
    with pytest.raises(RecipeError, match="a recipe of rounds needs a \\[train\\] stage"):
        parse(
            MINING.replace('[train]\nkind = "static-embedding"', "") + '[[round]]\nkind = "train"\n'
        )


def test_a_mining_alone_says_that_it_follows_no_rounds(folder: Path, tmp_path: Path) -> None:
    told: list[Event] = []
    made = recipe(TrainRound())
    run = mine(load(folder), tmp_path / "run", recipe=made, emit=told.append)
    said = [event.text for event in told if isinstance(event, Warned)]
    assert "mined once: the rounds of the recipe are followed by `negatives train`" in said
    assert run.recipe.round == made.round


def test_settings_of_a_round_are_paths_with_or_without_quotes_and_can_be_changed() -> None:
    text = '[[round]]\nkind = "train"\nrole = "a"\nset = {{ {} }}\n'
    dotted = parse(MINING + text.format("train.steps = 4, pick.per_query = 2, seed = 9"))
    quoted = parse(MINING + text.format('"train.steps" = 4, "pick.per_query" = 2, seed = 9'))
    for made in (dotted, quoted, parse(quoted.to_toml()), parse(dotted.to_toml())):
        own = made.round[0]
        assert isinstance(own, TrainRound)
        settings = own.recipe(completed(made, "static"), {}, 0).settings()
        assert (settings["train"]["steps"], settings["pick"]["per_query"]) == (4, 2)
        assert settings["seed"] == 9
        other = override(made, ["round.a.set.train.steps=7", "round.0.mine=false"]).round[0]
        assert isinstance(other, TrainRound)
        assert not other.mine
        changed = other.recipe(completed(made, "static"), {}, 0).settings()
        assert (changed["train"]["steps"], changed["pick"]["per_query"]) == (7, 2)


@pytest.mark.recipe("ance")
@pytest.mark.slow
def test_each_round_mines_with_the_model_just_trained(
    folder: Path, static: str, tmp_path: Path
) -> None:
    rounds = recipe(TrainRound(), TrainRound(set={"pick.per_query": 2}))
    out = tmp_path / "m"
    made = train(folder, out, model=static, recipe=rounds, look=False)
    first, second = out / "rounds" / "01-model", out / "rounds" / "02-model"
    encoders = [each.recipe.settings()["find"][0]["encoder"] for each in _runs(first, second)]
    assert encoders == [static, str(first.resolve())]
    before, after = (_likeness(first, run) for run in _runs(first, second))
    assert after > before, "to the model that mined them they are the nearest"
    assert [len(run.negatives) for run in _runs(first, second)] == [40 * 3, 40 * 2]
    assert [run.recipe.seed for run in _runs(first, second)] == [0, 1]
    assert weights(out) == weights(second) != weights(first) != weights(Path(static))
    told = made.account["rounds"]
    assert [(entry["round"], entry["began"], entry["steps"]) for entry in told] == [
        (1, static, 5),
        (2, "01-model", 5),
    ]
    assert made.account["steps"] == 10
    assert (
        "| 2 | model | trained as static-embedding from 01-model | 5 |"
        in (out / "README.md").read_text()
    )
    again = (out / "training.json").read_bytes()
    train(folder, out, model=static, recipe=rounds, look=False)
    assert (out / "training.json").read_bytes() == again, "it was done"


def _likeness(model: Path, run: Run) -> float:
    """The mean score, by a model, of the first two negatives of each query."""
    return float(_cosines(model, run, run.negatives.filter(pl.col("position") < 2)).mean())


def _cosines(model: Path, run: Run, rows: pl.DataFrame) -> Floats:
    """The score of each pair by a model."""
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(str(model), device="cpu")
    collection = run.collection
    asked = rows.join(collection.queries, on="query_id", maintain_order="left")["text"].to_list()
    found = rows.join(collection.corpus, on="doc_id", maintain_order="left")["text"].to_list()
    sides = [encoder.encode(texts, normalize_embeddings=True) for texts in (asked, found)]
    return np.asarray((sides[0] * sides[1]).sum(axis=1))


def _runs(*folders: Path) -> list[Run]:
    return [Run(folder / "run") for folder in folders]


@pytest.mark.slow
def test_a_run_gives_the_first_round_its_negatives_and_a_file_gives_no_other(
    mined: Run, static: str, tmp_path: Path
) -> None:
    rounds = recipe(TrainRound(), TrainRound())
    out = tmp_path / "m"
    made = train(mined.path, out, model=static, recipe=rounds, look=False)
    assert not (out / "rounds" / "01-model" / "run").exists()
    assert made.account["rounds"][0]["negatives"]["recipe"] == "bm25"
    assert (out / "rounds" / "02-model" / "run").is_dir()
    mined.export(tmp_path / "triplets.jsonl", format="triplet")
    with pytest.raises(DataError, match="a file of negatives has no other documents than they"):
        train(tmp_path / "triplets.jsonl", tmp_path / "n", model=static, recipe=rounds, look=False)
    kept = recipe(TrainRound(), TrainRound(mine=False))
    made = train(tmp_path / "triplets.jsonl", tmp_path / "k", model=static, recipe=kept, look=False)
    assert made.account["rounds"][1]["negatives"] == made.account["rounds"][0]["negatives"]


def test_a_model_that_cannot_be_opened_is_told_before_any_round(
    folder: Path, static: str, tmp_path: Path
) -> None:
    ranker = TrainRound(
        role="ranker", model=str(tmp_path), encoder="given", set={"train.kind": "reranker"}
    )
    last = TrainRound(uses={"find.dense.name": "ranker"})
    made = completed(recipe(ranker, last), static, changes=("learn.kind=softmax-list",))
    with pytest.raises(RecipeError, match="round 1 cannot begin: no model could be") as caught:
        train(folder, tmp_path / "m", model=static, recipe=made, look=False)
    assert "--set round.0.model=MODEL names another" in str(caught.value)
    assert not (tmp_path / "m").exists()


@pytest.mark.slow
def test_another_training_in_the_folder_is_left_as_it_is(
    mined: Run, folder: Path, static: str, tmp_path: Path
) -> None:
    plain = recipe()
    train(mined, tmp_path / "m", model=static, recipe=plain, look=False)
    there = {path.name: path.read_bytes() for path in (tmp_path / "m").glob("*.*")}
    with pytest.raises(RunError, match="holds another training; it differs in"):
        train(folder, tmp_path / "m", model=static, recipe=recipe(TrainRound()), look=False)
    assert {path.name: path.read_bytes() for path in (tmp_path / "m").glob("*.*")} == there
    with pytest.raises(RecipeError, match="are of mined negatives, and there are to be none"):
        train(folder, tmp_path / "n", model=static, recipe=recipe(TrainRound()), mined=False)


CODE = """
import sys
from negatives.learn.train import train
from negatives.recipe import load_recipe
data, out, model, recipe = sys.argv[1:]
train(data, out, model=model, recipe=load_recipe(recipe), look=False, threads=1)
"""


@pytest.mark.slow
def test_rounds_that_are_killed_come_to_the_same_bytes(
    folder: Path, static: str, tmp_path: Path
) -> None:
    short = TrainRound(set={"train.steps": 5}, without=["find.momentum"])
    last = TrainRound(uses={"find.momentum.encoder": "given"})
    made = recipe(short, last, changes=(*FEW, "train.steps=40"))
    made = replace(made, find=(*made.find, MOMENTUM))
    file = tmp_path / "two.toml"
    file.write_text(made.to_toml())
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    train(folder, whole, model=static, recipe=made, look=False, threads=1)
    checkpoints = stopped / "rounds" / "02-model" / "checkpoints"
    process = start_python(CODE, folder, stopped, static, file, log=tmp_path / "log")
    assert kill_when(process, (checkpoints / "checkpoint-6" / "whole").is_file)
    assert not (stopped / "model.safetensors").exists()
    train(folder, stopped, model=static, recipe=made, look=False, threads=1)
    assert weights(stopped) == weights(whole)
    mined = "rounds/02-model/run/negatives.parquet"
    assert (stopped / mined).read_bytes() == (whole / mined).read_bytes()


@pytest.mark.slow
def test_a_soup_is_the_mean_of_trainings_that_differ_by_their_seeds(
    folder: Path, static: str, tmp_path: Path
) -> None:
    from safetensors.numpy import load_file

    rounds = recipe(
        TrainRound(role="one"), TrainRound(role="two", mine=False), AverageRound(of=["one", "two"])
    )
    out = tmp_path / "m"
    in_memory = replace(load(folder), origin="")  # the second round takes the first one's run
    made = train(in_memory, out, model=static, recipe=rounds, look=False)
    names = [entry["folder"] for entry in made.account["rounds"]]
    assert names == ["rounds/01-one", "rounds/02-two", "rounds/03-model"]
    one, two, mean = (
        load_file(out / place / "model.safetensors")["embedding.weight"]
        for place in (*names[:2], ".")
    )
    assert (one != two).any()
    assert abs(mean - (one.astype(float) + two) / 2).max() < 1e-6
    assert "| 3 | model | the mean of one, two |" in (out / "README.md").read_text()


def test_what_was_written_down_moves_up_where_a_stage_before_it_is_left_out() -> None:
    text = MINING.replace("[[judge]]", '[[find]]\nkind = "bm25"\ntop = 5\n[[judge]]')
    made = without(parse(text), ["find.dense"])
    assert {path for path in made.stated if path.startswith("find.")} == {
        "find.0.kind",
        "find.0.top",
    }
    assert "pick.per_query" in made.stated
    last = without(parse(text), ["find.bm25"])
    assert "find.0.top" in last.stated
    assert "find.1.top" not in last.stated
