"""What stands for models of the hub in the benchmarks of recipes: there is no network."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from benchmarks.data import CACHE, load
from benchmarks.learning import minilm, sampled, tiny
from negatives.learn.bench.applies import with_models
from negatives.learn.reranker import RerankerTraining
from negatives.learn.train import train
from negatives.recipe import load_recipe, shipped

HUB_RERANKER = "cross-encoder/ms-marco-MiniLM-L-6-v2"
HUB_GUIDE = "sentence-transformers/all-MiniLM-L6-v2"


def teacher() -> str:
    """A cross-encoder from BERT-tiny, trained a minute on the same questions."""
    folder = CACHE / "recipes" / "teacher"
    questions, _ = sampled(load("medquad@train"), load("medquad@dev"), 3_000)
    train(
        questions,
        folder,
        model=tiny(),
        recipe="bm25",
        kind="reranker",
        settings=RerankerTraining(
            steps=300, batch_size=16, negatives=3, max_length=96, learning_rate=3e-4
        ),
        encoder="static",
        look=False,
    )
    return str(folder)


def stand_in(name: str) -> str:
    """The folder of what stands for a model of the hub."""
    return minilm() if name == HUB_GUIDE else teacher()


def named(recipes: Collection[str], models: Mapping[str, str]) -> dict[str, str]:
    """Those of `models` that are for one that a recipe names; name -> what stands for it."""
    asked = [load_recipe(each) for each in shipped() if each in recipes]
    return {
        name: other
        for name, other in models.items()
        if any(with_models(each, {name: other}) != each for each in asked)
    }
