"""Rounds: trainings one after another, whose models take each other's place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from negatives.api import Run, mine
from negatives.errors import DataError, RecipeError
from negatives.learn.average_round import AverageRound, average
from negatives.learn.request import completed
from negatives.learn.round import Round
from negatives.learn.rounds import planned, trainings
from negatives.learn.train import train
from negatives.learn.train_round import TrainRound
from negatives.read import load
from negatives.recipe import Recipe, load_recipe, parse
from negatives.recipe_changes import override
from tests.killing import kill_when, start_python
from tests.learn.small import FEW, tiny_bert

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


def test_a_recipe_that_only_mines_has_no_rounds() -> None:
    with pytest.raises(RecipeError, match="a recipe of rounds needs a \\[train\\] stage"):
        parse(
            MINING.replace('[train]\nkind = "static-embedding"', "") + '[[round]]\nkind = "train"\n'
        )


def test_a_mining_alone_says_that_it_follows_no_rounds(folder: Path, tmp_path: Path) -> None:
    from negatives.events import Event, Warned

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


def test_the_steps_of_a_comparison_are_shared_by_the_trainings_of_what_comes_out() -> None:
    for name, count in (("ar2", 3), ("rocketqa", 3), ("kalm-v2", 3), ("ance", 4), ("default", 1)):
        made = completed(load_recipe(name), "static")
        assert trainings(made) == count, name


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
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(str(model), device="cpu")
    rows = run.negatives.filter(pl.col("position") < 2)
    collection = run.collection
    asked = rows.join(collection.queries, on="query_id", maintain_order="left")["text"].to_list()
    found = rows.join(collection.corpus, on="doc_id", maintain_order="left")["text"].to_list()
    sides = [encoder.encode(texts, normalize_embeddings=True) for texts in (asked, found)]
    return float((sides[0] * sides[1]).sum(axis=1).mean())


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
    with pytest.raises(DataError, match="no model could be loaded"):
        train(folder, tmp_path / "m", model=static, recipe=made, look=False)
    assert not (tmp_path / "m").exists()


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
    made = recipe(TrainRound(), TrainRound(), changes=(*FEW, "train.steps=40"))
    file = tmp_path / "two.toml"
    file.write_text(made.to_toml())
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    train(folder, whole, model=static, recipe=made, look=False, threads=1)
    for number in (1, 2):
        checkpoints = stopped / "rounds" / f"0{number}-model" / "checkpoints"
        process = start_python(CODE, folder, stopped, static, file, log=tmp_path / "log")
        assert kill_when(process, (checkpoints / "checkpoint-6" / "whole").is_file)
        assert not (stopped / "model.safetensors").exists()
    train(folder, stopped, model=static, recipe=made, look=False, threads=1)
    assert weights(stopped) == weights(whole)


def saved(folder: Path, **tensors: Any) -> Path:
    """A model's folder of a few numbers."""
    from safetensors.torch import save_file

    folder.mkdir()
    save_file(tensors, str(folder / "model.safetensors"))
    (folder / "modules.json").write_text("[]")
    (folder / "training.json").write_text(folder.name)
    return folder


def test_the_mean_of_weights_is_that_of_every_number_in_any_order(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    drawn = [torch.randn(5, 3, generator=torch.Generator().manual_seed(seed)) for seed in range(3)]
    count = torch.tensor([7])
    members = [saved(tmp_path / f"{n}", w=w, count=count + n) for n, w in enumerate(drawn)]
    means = []
    for place, order in enumerate(([0, 1, 2], [2, 0, 1])):
        out = tmp_path / f"out-{place}"
        out.mkdir()
        average([members[n] for n in order], out)
        means.append(load_file(str(out / "model.safetensors")))
    expected = [
        [sum(float(w[row, column]) for w in drawn) / 3 for column in range(3)] for row in range(5)
    ]
    assert torch.allclose(means[0]["w"], torch.tensor(expected), atol=1e-7)
    assert torch.equal(means[0]["w"], means[1]["w"])
    assert [int(mean["count"]) for mean in means] == [7, 9], "whole numbers are the first one's"
    assert not (tmp_path / "out-0" / "training.json").exists(), "which is no part of a model"


def test_the_mean_of_one_model_with_itself_is_that_model(tmp_path: Path) -> None:
    import torch

    drawn = torch.randn(40, generator=torch.Generator().manual_seed(1))
    members = [saved(tmp_path / name, w=drawn) for name in ("a", "b", "c")]
    (tmp_path / "out").mkdir()
    average(members, tmp_path / "out")
    from safetensors.torch import load_file

    assert torch.equal(load_file(str(tmp_path / "out" / "model.safetensors"))["w"], drawn)


def test_models_of_other_parts_or_shapes_have_no_mean(tmp_path: Path) -> None:
    import torch

    one = saved(tmp_path / "one", w=torch.ones(3))
    wide = saved(tmp_path / "wide", w=torch.ones(4))
    more = saved(tmp_path / "more", w=torch.ones(3), v=torch.ones(1))
    other = saved(tmp_path / "other", w=torch.ones(3))
    (other / "modules.json").write_text("[1]")
    for place, (member, said) in enumerate(
        [(wide, "the weights 'w' differ"), (more, "that another lacks"), (other, "other parts")]
    ):
        (tmp_path / f"out-{place}").mkdir()
        with pytest.raises(RecipeError, match=said):
            average([one, member], tmp_path / f"out-{place}")


@pytest.mark.slow
def test_a_soup_is_the_mean_of_trainings_that_differ_by_their_seeds(
    folder: Path, static: str, tmp_path: Path
) -> None:
    from safetensors.numpy import load_file

    rounds = recipe(
        TrainRound(role="one"), TrainRound(role="two", mine=False), AverageRound(of=["one", "two"])
    )
    out = tmp_path / "m"
    made = train(folder, out, model=static, recipe=rounds, look=False)
    names = [entry["folder"] for entry in made.account["rounds"]]
    assert names == ["rounds/01-one", "rounds/02-two", "rounds/03-model"]
    one, two, mean = (
        load_file(out / place / "model.safetensors")["embedding.weight"]
        for place in (*names[:2], ".")
    )
    assert (one != two).any()
    assert abs(mean - (one.astype(float) + two) / 2).max() < 1e-6
    assert "| 3 | model | the mean of one, two |" in (out / "README.md").read_text()


FEWER = (
    "train.kind=static-embedding",
    "train.steps=5",
    "train.batch_size=8",
    "pick.per_query=2",
    "train.checkpoint=100",
)
RANKER = {
    "train.max_length": 24,
    "train.negatives": 2,
    "train.steps": 2,
    "train.batch_size": 4,
    "pick.per_query": 2,
}


def ranked(name: str, *places: int) -> tuple[str, ...]:
    """Changes by which the rankers of a recipe are the small BERT."""
    changes = [f"find.dense.top={4}", "train.negatives=2", f"round.1.model={tiny_bert()}"]
    for place in places:
        changes += [f"round.{place}.set.{path}={value}" for path, value in RANKER.items()]
    return (*changes, f"judge.reranker.model={tiny_bert()}")


@pytest.mark.recipe("ance", "rocketqa")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "rounds"),
    [("ance", 4), ("spn4cir", 2), ("kalm-v2", 4), ("ar2", 5), ("rocketqa", 4), ("ngame", 0)],
)
def test_every_recipe_of_rounds_trains_by_name(
    folder: Path, static: str, tmp_path: Path, name: str, rounds: int
) -> None:
    own: dict[str, tuple[str, ...]] = {
        "kalm-v2": ("judge.skip-top.ranks=5", "train.negatives=2"),
        "ar2": ranked("ar2", 1, 3) if name == "ar2" else (),
        "rocketqa": ranked("rocketqa", 1) if name == "rocketqa" else (),
    }
    made = completed(load_recipe(name), static, changes=(*FEWER, *own.get(name, ())))
    out = tmp_path / "m"
    account = train(folder, out, model=static, recipe=made, look=False, threads=1).account
    told = account.get("rounds", [])
    assert len(told) == rounds
    assert account["steps"] == sum(entry.get("steps", 0) for entry in told) or not told
    assert not (out / "checkpoints").exists()
    if name == "spn4cir":
        from sentence_transformers import SentenceTransformer

        first, last = (
            SentenceTransformer(str(path), device="cpu")
            for path in (out / "rounds" / "01-model", out)
        )
        texts = ["the lift of a wing", "heat in a plate"]
        assert (last.encode_document(texts) == first.encode(texts)).all(), "this side is frozen"
        assert (last.encode_query(texts) != first.encode(texts)).any()
    if name in ("ar2", "rocketqa"):
        judge = Run(out / "rounds" / "03-retriever" / "run").recipe.settings()["judge"][0]
        assert judge["model"] == str((out / "rounds" / "02-ranker").resolve()), (
            "they have swapped roles"
        )


@pytest.mark.recipe("event-driven")
@pytest.mark.slow
def test_event_driven_mines_what_was_there_when_the_query_was_asked(
    static: str, tmp_path: Path
) -> None:

    from negatives.schema import Collection
    from tests.build import collection

    docs = {f"d{n}": f"news of the match number {n}" for n in range(12)}
    queries = {f"q{n}": f"who won match {n}" for n in range(6)}
    made: Collection = collection(docs, queries, [(f"q{n}", f"d{n}", 1) for n in range(6)])
    from dataclasses import replace

    made = replace(
        made,
        corpus=made.corpus.with_columns(time=pl.int_range(pl.len())),
        queries=made.queries.with_columns(time=pl.int_range(pl.len()) + 2),
    )
    changes = (*FEWER, "train.batch_size=3", "judge.percent-of-positive.percent=1.0")
    recipe_ = completed(load_recipe("event-driven"), static, changes=changes)
    out = tmp_path / "m"
    train(made, out, model=static, recipe=recipe_, look=False, threads=1)
    assert not (out / "rounds" / "01-model" / "run").exists(), "the batch is the negatives"
    found = Run(out / "rounds" / "02-model" / "run").negatives
    assert len(found)
    late = [
        int(doc[1:]) > int(query[1:]) + 2
        for query, doc in found.select("query_id", "doc_id").iter_rows()
    ]
    assert not any(late)
