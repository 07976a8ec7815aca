"""QCRD: rationales count by their quality, which a discriminator says of what it has not seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from negatives.learn.sequence.batch import Sequences  # noqa: E402
from negatives.learn.sequence.qcrd import QualityMargin, by_others  # noqa: E402
from negatives.optional import Tensor  # noqa: E402
from negatives.stats.auc import auc  # noqa: E402


def pair(right: float, wrong: float) -> Sequences:
    """One right and one wrong response of a token each, of these negative log-likelihoods."""
    return Sequences.of([[-right], [-wrong]], right=[True, False], example=[0, 0])


def pairs(count: int, planted: float, seed: int = 0, width: int = 8) -> Sequences:
    """Responses of two tokens, the states of the right ones `planted` further along one axis."""
    chance = torch.Generator().manual_seed(seed)
    right = torch.arange(2 * count) % 2 == 0
    states = torch.randn(4 * count, width, generator=chance, dtype=torch.float64)
    states[:, 0] += planted * torch.repeat_interleave(torch.where(right, 1.0, -1.0), 2)
    return Sequences(
        log_probs=-torch.rand(4 * count, generator=chance, dtype=torch.float64) - 1,
        row=torch.repeat_interleave(torch.arange(2 * count), 2),
        right=right,
        example=torch.arange(2 * count) // 2,
        examples=count,
        states=states,
    )


@pytest.mark.recipe("qcrd")
@pytest.mark.parametrize(("right", "wrong", "hinge"), [(0.5, 2.0, 0.0), (1.8, 2.0, 0.8)])
def test_the_worked_hinges(right: float, wrong: float, hinge: float) -> None:
    loss = QualityMargin(quality="equal", contrast=1.0)
    assert loss.of(pair(right, wrong)).item() - right == pytest.approx(hinge, abs=1e-6)
    assert not loss.needs_states
    assert not loss.whole_batch


@pytest.mark.recipe("qcrd")
def test_beyond_the_margin_a_wrong_one_has_no_gradient() -> None:
    for wrong, slope in ((2.0, 0.0), (1.2, 0.5)):
        made = pair(0.5, wrong)
        log_probs = made.log_probs.requires_grad_()
        QualityMargin(quality="equal").of(replace(made, log_probs=log_probs)).sum().backward()
        assert log_probs.grad is not None
        assert log_probs.grad[1].item() == slope


@pytest.mark.recipe("qcrd")
def test_without_contrast_it_is_the_likelihood_of_right_ones_by_their_quality() -> None:
    made = pairs(6, 3.0)
    loss = QualityMargin(contrast=0.0)
    quality = loss._quality(made)
    expected = (-made.means * quality)[made.right]
    assert loss.of(made).tolist() == pytest.approx(expected.tolist())
    # weights are those of the contrast, too
    weighed = (-made.means * (1 - quality))[~made.right]
    whole = expected + 0.5 * (expected - weighed + 1).clamp(min=0)
    assert QualityMargin().of(made).tolist() == pytest.approx(whole.tolist())


@pytest.mark.recipe("qcrd")
@pytest.mark.parametrize("seed", range(3))
def test_a_pair_is_judged_by_what_was_learned_from_the_others(seed: int) -> None:
    chance = torch.Generator().manual_seed(seed)
    features = torch.randn(10, 4, generator=chance, dtype=torch.float64)
    labels = torch.where(torch.rand(10, generator=chance) < 0.5, 1.0, -1.0).double()
    numbers = torch.tensor([3, 1, 0, 0, 4, 1, 2, 3, 4, 2])
    found = by_others(features, labels, numbers, 0.7)
    wide = torch.cat([features, torch.ones(10, 1, dtype=torch.float64)], 1)
    for at in range(10):
        seen = numbers != numbers[at]
        x: Tensor = wide[seen]
        fitted: Any = torch.linalg.solve(x.T @ x + 0.7 * torch.eye(5).double(), x.T @ labels[seen])
        assert float(found[at]) == pytest.approx(float(wide[at] @ fitted), abs=1e-9)


@pytest.mark.recipe("qcrd")
def test_it_tells_right_ones_from_wrong_ones_where_there_is_a_difference_and_else_does_not() -> (
    None
):
    def told(made: Sequences) -> float:
        found = QualityMargin()._quality(made)
        return auc(found[made.right].numpy(), found[~made.right].numpy())

    assert told(pairs(40, 1.0)) > 0.9
    assert sum(told(pairs(40, 0.0, seed)) for seed in range(8)) / 8 < 0.6
    assert QualityMargin()._quality(pairs(1, 1.0)).tolist() == pytest.approx([0.5, 0.5])


@pytest.mark.slow
@pytest.mark.recipe("qcrd")
def test_a_model_learns_right_ones_before_wrong_ones(tmp_path: Any) -> None:
    pytest.importorskip("transformers")
    from tests.learn.test_language_model import recipe, sums, trained

    made = trained(sums(tmp_path), tmp_path / "m", recipe("quality-margin"))
    first, last = made["figures"][0], made["figures"][-1]
    gained = first["right_nll"] - last["right_nll"]
    assert gained > 0
    assert gained > first["wrong_nll"] - last["wrong_nll"]
