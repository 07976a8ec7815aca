"""Recipes of rounds train by their names, a few steps a round."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from negatives.api import Run
from negatives.errors import DataError
from negatives.learn.encoded import EncodedBatch
from negatives.learn.loss import Loss
from negatives.learn.request import completed
from negatives.learn.rounds import trainings
from negatives.learn.train import train
from negatives.recipe import load_recipe
from tests.build import collection
from tests.learn.small import tiny_bert

pytest.importorskip("sentence_transformers")

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


DATED = "event-driven"
CARRIED_OUT = {
    "ance": 4,
    "ance-tele": 3,
    "spn4cir": 2,
    "kalm-v2": 4,
    "ar2": 5,
    "rocketqa": 4,
    DATED: 2,
}
"""Every recipe of rounds, with their number; that of dated documents has a test of its own."""

UNSURE = ("judge.reranker.low=0.9", "judge.reranker.high=0.9")
"""Bounds that a ranker of two steps keeps: it is sure of nothing."""


def ranked(*places: int) -> tuple[str, ...]:
    """Changes by which the rankers of a recipe are the small BERT."""
    changes = ["find.dense.top=4", "train.negatives=2", f"round.1.model={tiny_bert()}"]
    for place in places:
        changes += [f"round.{place}.set.{path}={value}" for path, value in RANKER.items()]
    return (*changes, f"judge.reranker.model={tiny_bert()}")


@pytest.mark.recipe("ance-tele", "spn4cir")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "rounds"), [(name, rounds) for name, rounds in CARRIED_OUT.items() if name != DATED]
)
def test_every_recipe_of_rounds_trains_by_name(
    folder: Path, static: str, tmp_path: Path, name: str, rounds: int
) -> None:
    own: dict[str, tuple[str, ...]] = {
        "kalm-v2": ("judge.skip-top.ranks=5", "train.negatives=2"),
        "ar2": ranked(1, 3) if name == "ar2" else (),
        "rocketqa": (*ranked(1), *UNSURE) if name == "rocketqa" else (),
    }
    made = completed(load_recipe(name), static, changes=(*FEWER, *own.get(name, ())))
    out = tmp_path / "m"
    account = train(folder, out, model=static, recipe=made, look=False, threads=1).account
    told = account["rounds"]
    assert len(told) == rounds
    assert account["steps"] == sum(entry.get("steps", 0) for entry in told)
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
    if name == "ance-tele":
        assert [entry["began"] for entry in told] == [static] * 3, "each from the same start"
        first, second = (out / "rounds" / place for place in ("01-first", "02-second"))
        models = [static, str(first.resolve()), str(second.resolve())]
        for number, place in enumerate((first, second, out / "rounds" / "03-model")):
            run = Run(place / "run")
            found = [(source.kind, getattr(source, "encoder", "")) for source in run.recipe.find]
            assert found == [
                (kind, model)
                for model in reversed(models[: number + 1])
                for kind in ("dense", "near-positive")
            ], "near the query and near its positive, by the newest model and by all before it"
    if name in ("ar2", "rocketqa"):
        judges = Run(out / "rounds" / "03-retriever" / "run").recipe.settings()["judge"]
        (ranker,) = (judge["model"] for judge in judges if judge["kind"] == "reranker")
        assert ranker == str((out / "rounds" / "02-ranker").resolve()), "they have swapped roles"


@pytest.mark.recipe("event-driven")
@pytest.mark.slow
def test_event_driven_mines_what_was_there_when_the_query_was_asked(
    tmp_path: Path,
) -> None:
    cities = ["Rome", "Paris", "Oslo", "Lima", "Cairo", "Delhi", "Tokyo", "Boston"]
    docs = {f"d{n}": f"the vote in {city} was won by party {n}" for n, city in enumerate(cities)}
    queries = {f"q{n}": f"who won in {cities[n]}" for n in range(6)}
    made = collection(docs, queries, [(f"q{n}", f"d{n}", 1) for n in range(6)])
    made = replace(
        made,
        corpus=made.corpus.with_columns(time=pl.int_range(pl.len())),
        queries=made.queries.with_columns(time=pl.int_range(pl.len()) + 2),
    )
    changes = (
        *FEWER,
        "train.batch_size=3",
        "judge.percent-of-positive.percent=1.0",
        "judge.near-duplicate.threshold=1.0",
    )
    recipe_ = completed(load_recipe(DATED), "static", changes=changes)
    out = tmp_path / "m"
    train(made, out, model="static", recipe=recipe_, look=False, threads=1)
    assert not (out / "rounds" / "01-model" / "run").exists(), "the batch is the negatives"
    found = Run(out / "rounds" / "02-model" / "run").negatives
    assert len(found)
    late = [
        int(doc[1:]) > int(query[1:]) + 2
        for query, doc in found.select("query_id", "doc_id").iter_rows()
    ]
    assert not any(late)


def test_what_a_later_round_needs_of_the_data_is_said_before_any_round(
    folder: Path, static: str, tmp_path: Path
) -> None:
    made = completed(load_recipe("event-driven"), static, changes=FEWER)
    with pytest.raises(DataError, match="not-before needs the time of the documents"):
        train(folder, tmp_path / "m", model=static, recipe=made, look=False)
    assert not (tmp_path / "m").exists()


def test_the_steps_of_a_comparison_are_shared_by_the_trainings_of_what_comes_out() -> None:
    for name, count in (("ar2", 3), ("rocketqa", 3), ("kalm-v2", 3), ("ance", 4), ("default", 1)):
        made = completed(load_recipe(name), "static")
        assert trainings(made) == count, name


@pytest.mark.recipe("ance")
def test_the_loss_of_ance_is_of_one_negative_against_the_positive() -> None:
    import torch

    loss = load_recipe("ance").learn
    assert isinstance(loss, Loss)
    scores = torch.tensor([[[2.0, 0.0], [1.0, 0.0]]])
    there = torch.ones(1, 2, dtype=torch.bool)
    batch = EncodedBatch(torch.tensor([[1.0, 0.0]]), scores, torch.tensor([[True, False]]), there)
    assert float(loss.open()(batch)) == pytest.approx(0.313262, abs=1e-6), "softplus(1 - 2)"
