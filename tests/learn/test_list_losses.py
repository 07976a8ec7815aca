"""What every loss over lists promises: finite, blind to fillers, and to the order of negatives."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from negatives.errors import RecipeError
from negatives.learn.adversarial import Adversarial
from negatives.learn.dice import Dice
from negatives.learn.distil import JS, KL
from negatives.learn.encoded import EncodedBatch
from negatives.learn.lambda_rank import LambdaRank
from negatives.learn.loss import ListLoss
from negatives.learn.margin_mse import MarginMSE
from negatives.learn.pairwise_listwise import PairwiseListwise
from negatives.learn.pointwise import Pointwise
from negatives.learn.rank_hinge import RankHinge
from negatives.learn.self_adversarial import SelfAdversarial
from negatives.learn.softmax_list import SoftmaxList
from negatives.stage import build
from tests.each import for_each
from tests.learn.lists import lists, of, table

TAUGHT: list[ListLoss] = [
    MarginMSE(),
    MarginMSE(teacher_temperature=2.0),
    KL(),
    KL(direction="reverse", teacher_temperature=0.1),
    KL(direction="symmetric", hard_share=0.5),
    JS(),
    SoftmaxList(target="shares"),
    SoftmaxList(target="softmax"),
    LambdaRank(target="labels"),
    LambdaRank(target="labels", metric="mrr", cut=2),
    RankHinge(margin=0.5),
    Dice(target="labels", over="list"),
    Pointwise(target="labels", error="squared", positive_weight=2.0),
    Adversarial(),
]
UNTAUGHT: list[ListLoss] = [
    SoftmaxList(),
    LambdaRank(),
    LambdaRank(metric="mrr"),
    Dice(),
    Dice(alpha=0.1, denominator="squared", false_positives=0.3, negatives_per_positive=2.0),
    Pointwise(positive_weight=7.0),
    PairwiseListwise(),
    SelfAdversarial(),
    SelfAdversarial(alpha=0.0, margin=0.0),
]
LOSSES = TAUGHT + UNTAUGHT
SHIFTLESS = [
    loss
    for loss in LOSSES
    if not isinstance(loss, Dice | Pointwise | PairwiseListwise | SelfAdversarial)
]


@pytest.mark.slow
@for_each("loss", LOSSES, ids=repr)
@settings(max_examples=25)
@given(made=lists())
def test_what_stands_at_a_filler_changes_nothing(
    loss: ListLoss, made: tuple[Tensor, Tensor, Tensor]
) -> None:
    scores, present, labels = made
    before = loss.of(scores, present, labels)
    filled = loss.of(
        scores.masked_fill(~present, 77.0), present, labels.masked_fill(~present, float("nan"))
    )
    assert torch.equal(before, filled)
    for row, there in enumerate(present):
        alone = loss.of(scores[row][None, there], there[None, there], labels[row][None, there])
        assert alone.item() == pytest.approx(before[row].item(), abs=1e-9)


@pytest.mark.slow
@for_each("loss", LOSSES, ids=repr)
@settings(max_examples=25)
@given(made=lists())
def test_the_order_of_the_negatives_and_of_the_rows_does_not_matter(
    loss: ListLoss, made: tuple[Tensor, Tensor, Tensor]
) -> None:
    scores, present, labels = made
    scores = scores + torch.arange(scores.shape[1]) * 1e-4  # no ties, which go by order
    order = [0, *reversed(range(1, scores.shape[1]))]
    before = loss.of(scores, present, labels)
    after = loss.of(*(each[:, order].flip(0) for each in (scores, present, labels))).flip(0)
    assert after.tolist() == pytest.approx(before.tolist(), abs=1e-9)


@pytest.mark.slow
@for_each("loss", SHIFTLESS, ids=repr)
@settings(max_examples=15)
@given(made=lists())
def test_only_differences_of_scores_count(
    loss: ListLoss, made: tuple[Tensor, Tensor, Tensor]
) -> None:
    scores, present, labels = made
    before = loss.of(scores, present, labels)
    shifted = loss.of(scores + 8.0, present, labels)
    assert shifted.tolist() == pytest.approx(before.tolist(), abs=1e-6)


EXTREMES = [
    ([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4]], [[1, 1, 1], [1, 1, 1]]),
    ([[3.0, 3.0, 3.0], [0.0, 0.0, 0.0]], [[1, 1, 1], [1, 1, 1]]),
    ([[1e4, 5.0, -5.0], [-1e4, 9.0, 9.0]], [[1, 0, 0], [1, 0, 1]]),
    ([[1.0, 5.0, -5.0], [2.0, 9.0, 9.0]], [[1, 0, 0], [0, 0, 0]]),
    ([[7.0], [-1e4]], [[1], [1]]),
]
LABELS = [[[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4]], [[0.0] * 3] * 2, [[float("nan")] * 3] * 2]


@pytest.mark.slow
@for_each("dtype", [torch.float32, torch.float64], ids=str)
@for_each("labels", LABELS, ids=["far apart", "all the same", "none known"])
@for_each(("scores", "present"), EXTREMES)
@for_each("loss", LOSSES, ids=repr)
def test_losses_and_slopes_are_numbers_whatever_the_scores(
    loss: ListLoss,
    scores: list[list[float]],
    present: list[list[int]],
    labels: list[list[float]],
    dtype: torch.dtype,
) -> None:
    given = torch.tensor(scores, dtype=dtype, requires_grad=True)
    taught = torch.tensor(labels, dtype=dtype)[:, : given.shape[1]]
    losses = loss.of(given, torch.tensor(present).bool(), taught)
    assert losses.isfinite().all()
    losses.sum().backward()
    assert given.grad is not None
    assert given.grad.isfinite().all()


@for_each("loss", LOSSES, ids=repr)
def test_losses_are_of_the_kind_of_number_that_the_scores_are(loss: ListLoss) -> None:
    scores = torch.tensor([[1.0, 2.0]])
    assert loss.of(scores, torch.ones(1, 2).bool(), torch.tensor([[3.0, 1.0]])).dtype == (
        torch.float32
    )


@for_each("loss", TAUGHT, ids=repr)
def test_a_loss_that_learns_from_labels_says_how_to_get_them(loss: ListLoss) -> None:
    with pytest.raises(RecipeError) as error:
        of(loss, table([1.0, 2.0]))
    assert error.value.what.startswith(loss.kind)
    assert "train.labels" in error.value.fix


@pytest.mark.parametrize("loss", UNTAUGHT, ids=repr)
def test_a_loss_that_takes_the_first_for_the_positive_needs_no_labels(loss: ListLoss) -> None:
    scores = table([1.0, 2.0, 0.0])
    assert of(loss, scores) == of(loss, scores, table([9.0, float("nan"), 3.0]))
    better = of(loss, table([1.5, 1.0, 0.0]))
    assert better < of(loss, scores)


@for_each("loss", LOSSES, ids=repr)
def test_an_encoder_s_scores_are_similarities_over_the_temperature(loss: ListLoss) -> None:
    settings = loss.settings() | {"temperature": 0.5}
    generator = torch.Generator().manual_seed(0)
    queries, docs = (
        torch.randn(2, *shape, generator=generator, dtype=torch.float64) for shape in ((3,), (2, 3))
    )
    labels, present = table([3.0, 1.0], [2.0, 0.0]), torch.ones(2, 2).bool()
    batch = EncodedBatch(queries, docs, torch.zeros(2, 4).bool(), present, labels=labels)
    scores = (docs @ queries.unsqueeze(-1)).squeeze(-1)
    if loss.similarity == "cosine":
        scores = scores / queries.norm(dim=-1, keepdim=True) / docs.norm(dim=-1)
    opened = build("learn", settings).open()  # type: ignore[attr-defined]
    assert opened(batch).tolist() == pytest.approx(loss.of(scores / 0.5, present, labels).tolist())


@pytest.mark.parametrize("loss", [MarginMSE(), KL(), JS()], ids=repr)
@settings(max_examples=25)
@given(made=lists())
def test_a_student_that_says_what_its_teacher_says_has_nothing_to_learn(
    loss: ListLoss, made: tuple[Tensor, Tensor, Tensor]
) -> None:
    scores, present, _ = made
    shifted = loss.of(scores, present, scores + 2.0)
    assert shifted.tolist() == pytest.approx([0.0] * len(scores), abs=1e-9)
