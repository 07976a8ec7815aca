"""What a model compares by, and a loss that compares otherwise: told once, with what to do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from negatives.api import Run
from negatives.events import Event, Warned, once
from negatives.learn.base_models import open_base
from negatives.learn.own_similarity import own_similarity, warn_of_products
from negatives.learn.pairwise import Pairwise
from negatives.learn.softmax_list import SoftmaxList
from negatives.learn.train import train
from tests.learn.small import learning, tiny_bert

pytest.importorskip("sentence_transformers")

PLAIN = ("learn.kind=softmax-list", "learn.similarity=dot", "train.steps=1")


def named(folder: Path, similarity: str | None, static: str) -> Path:
    """A copy of a model whose configuration names a similarity, or none."""

    shutil.copytree(static, folder)
    config = folder / "config_sentence_transformers.json"
    said = {key: value for key, value in json.loads(config.read_text()).items()
            if key != "similarity_fn_name"}  # fmt: skip
    config.write_text(json.dumps(said | ({"similarity_fn_name": similarity} if similarity else {})))
    return folder


def test_a_model_says_what_it_compares_by_or_its_last_module_does(
    static: str, tmp_path: Path
) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize

    def of(name: str) -> str:
        base = open_base(name, "SentenceTransformer", threads=1, device="cpu")
        return own_similarity(base.model)

    assert of("static") == "cosine"
    for said in ("cosine", "dot", None):
        assert of(str(named(tmp_path / f"says-{said}", said, static))) == (said or "")
    bare = SentenceTransformer(static, device="cpu")
    unit = SentenceTransformer(modules=[*bare.children(), Normalize()], device="cpu")
    unit.similarity_fn_name = "dot"
    assert own_similarity(unit) == "cosine", "of vectors of unit length it is the same"
    assert of(tiny_bert()) == "", "a model without a word of it is not guessed at"


def test_only_plain_products_of_vectors_made_for_the_cosine_are_told() -> None:
    base = open_base("static", "SentenceTransformer", threads=1, device="cpu")
    for loss, told in (
        (Pairwise(), 1),
        (SoftmaxList(similarity="dot"), 1),
        (SoftmaxList(similarity="dot", temperature=0.05), 0),
        (SoftmaxList(), 0),
    ):
        heard: list[Event] = []
        warn_of_products(base, loss, heard.append)
        assert len(heard) == told, loss


@pytest.mark.slow
def test_training_tells_once_and_names_what_to_set(mined: Run, static: str, tmp_path: Path) -> None:
    model = str(named(tmp_path / "model", "cosine", static))
    heard: list[Event] = []
    train(
        mined, tmp_path / "m", model=model, recipe=learning(model, *PLAIN), look=False, threads=1,
        emit=heard.append,
    )  # fmt: skip
    (said,) = [event.text for event in heard if isinstance(event, Warned)]
    assert said == (
        f"the loss 'softmax-list' compares by the dot product at temperature 1, and {model!r} was "
        "made to compare by the cosine: logits within [-1, 1] teach little, and a table made for "
        "the cosine ranks badly by the dot product; --set learn.similarity=cosine "
        "--set learn.temperature=0.05 compares as it does"
    )


def test_who_hears_of_several_trainings_hears_no_warning_twice() -> None:
    heard: list[Event] = []
    tell = once(heard.append)
    for text in ("one", "two", "one"):
        tell(Warned(text))
    assert heard == [Warned("one"), Warned("two")]
