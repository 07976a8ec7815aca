"""Losses of vectors by id: BPR, a softmax from draws, and labels that may be flipped."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from negatives.learn.encoded import EncodedBatch  # noqa: E402
from negatives.learn.flip import Flip, seen, unseen  # noqa: E402
from negatives.learn.loss import Loss  # noqa: E402
from negatives.learn.pairwise import Pairwise  # noqa: E402
from negatives.learn.pointwise import Pointwise  # noqa: E402
from negatives.learn.sampled_softmax import SampledSoftmax  # noqa: E402


def batch(scores: list[list[float]], log_q: list[list[float]] | None = None) -> EncodedBatch:
    """Rows with these products of the query and its own documents."""
    docs = torch.tensor(scores, dtype=torch.float64).unsqueeze(-1)
    n, width = docs.shape[:2]
    return EncodedBatch(
        queries=torch.ones(n, 1, dtype=torch.float64),
        docs=docs.requires_grad_(),
        relevant=torch.zeros(n, n * width, dtype=torch.bool),
        present=torch.ones(n, width, dtype=torch.bool),
        log_q=None if log_q is None else torch.tensor(log_q),
    )


@pytest.mark.recipe("bpr")
def test_of_own_negatives_alone_pairwise_is_bpr() -> None:
    made = batch([[1.0, 0.0]])
    loss = Pairwise(negatives="hard").open()(made)
    assert float(loss.detach()) == pytest.approx(0.313262, abs=1e-6)
    loss.sum().backward()
    assert made.docs.grad is not None
    assert made.docs.grad.flatten().tolist() == pytest.approx([-0.268941, 0.268941], abs=1e-6)
    assert Pairwise(negatives="hard").sees_own_alone
    assert not Pairwise().sees_own_alone
    # Others' documents count in one, and not in the other.
    two = batch([[1.0, 0.0], [2.0, -1.0]])
    assert Pairwise(negatives="hard").open()(two).detach().tolist() == pytest.approx(
        [math.log1p(math.exp(-1)), math.log1p(math.exp(-3))]
    )


@pytest.mark.recipe("sampled-softmax")
def test_the_sum_of_drawn_negatives_is_that_of_all_documents() -> None:
    # All five documents drawn once, each with probability 1/5: exactly the softmax over all.
    others = [0.3, -1.0, 2.0, 0.0, 0.7]
    log_q = [math.nan, *[math.log(1 / 5)] * 5]
    found = float(SampledSoftmax().open()(batch([[1.0, *others]], [log_q])).detach())
    whole = math.exp(1.0) + sum(map(math.exp, others))
    assert found == pytest.approx(math.log(whole) - 1.0)
    # Any law: the mean of exp(s) / (k q) over draws is the sum over documents.
    q = [0.4, 0.3, 0.1, 0.1, 0.1]
    estimate = sum(p * math.exp(s) / p for p, s in zip(q, others, strict=True))
    assert estimate == pytest.approx(sum(map(math.exp, others)))
    single = batch([[1.0, 2.0]], [[math.nan, math.log(0.1)]])
    one = float(SampledSoftmax().open()(single).detach())
    assert one == pytest.approx(math.log(math.exp(1) + math.exp(2) / 0.1) - 1)


def test_what_was_not_drawn_stands_for_itself() -> None:
    plain = batch([[1.0, 0.5, -0.5]])
    mined = batch([[1.0, 0.5, -0.5]], [[math.nan] * 3])
    expected = math.log(sum(map(math.exp, [1.0, 0.5, -0.5]))) - 1.0
    for made in (plain, mined):
        assert float(SampledSoftmax().open()(made).detach()) == pytest.approx(expected)


@pytest.mark.recipe("nbpo")
@pytest.mark.parametrize(
    ("like", "flip", "of_positive", "of_negative"),
    [
        (0.0, 0.0, (0.25, -0.25), (-0.25, 0.25)),
        (1.0, -2.0, (0.236883, -0.087144), (-0.698999, 0.643914)),
    ],
)
def test_the_gradients_of_flipped_labels_are_those_of_the_paper(
    like: float, flip: float, of_positive: tuple[float, float], of_negative: tuple[float, float]
) -> None:
    for gain, expected in ((seen, of_positive), (unseen, of_negative)):
        r, g = (
            torch.tensor(each, dtype=torch.float64, requires_grad=True) for each in (like, flip)
        )
        gain(r, g).backward()
        assert [float(r.grad), float(g.grad)] == pytest.approx(expected, abs=1e-6)


def test_without_flips_it_is_the_pointwise_loss() -> None:
    # The second part of each vector makes g = -40: nothing is flipped.
    docs = torch.tensor([[[1.0, -40.0], [0.5, -40.0], [-2.0, -40.0]]], requires_grad=True)
    queries = torch.tensor([[1.0, 1.0]])
    present = torch.ones(1, 3, dtype=torch.bool)
    made = EncodedBatch(queries, docs, torch.zeros(1, 3, dtype=torch.bool), present)
    Flip().open()(made).sum().backward()
    assert docs.grad is not None
    flipped = docs.grad[0, :, 0].clone()
    plain = batch([[1.0, 0.5, -2.0]])
    Pointwise(similarity="dot").open()(plain).sum().backward()
    assert plain.docs.grad is not None
    assert flipped.tolist() == pytest.approx(plain.docs.grad.flatten().tolist(), abs=1e-5)


def test_flips_begin_far_below_0_and_likes_above() -> None:
    loss: Loss = Flip()
    assert loss.parts == 2
    assert [loss.starts("queries", part) for part in (0, 1)] == [(0.0, 1.0), (0.0, 5.0)]
    assert loss.starts("docs", 1) == (-5.0, 0.0)
    assert Pairwise().starts("docs", 0) == (-1.0, 1.0)
