"""Forgetting without labels: the page's number, invariants, and a class that is forgotten."""

from __future__ import annotations

import copy
from math import log
from typing import Any

import pytest

from negatives.errors import NegativesError

torch: Any = pytest.importorskip("torch")

from negatives.learn.unlearn.label_free import (  # noqa: E402
    Autoencoder,
    alignment,
    forget_without_labels,
)


def test_alignment_of_orthogonal_vectors_and_of_nothing_that_is_forgotten() -> None:
    eye = torch.eye(5)
    assert alignment(eye[:1], eye[:1], eye[1:]).item() == pytest.approx(0.432653, abs=1e-6)
    assert alignment(eye[:1], eye[:1], eye[:0]).item() == 0
    for temperature, several in ((0.5, 4), (1.0, 2)):
        expected = log(1 + several * torch.exp(torch.tensor(-1 / temperature)).item())
        found = alignment(eye[:1], eye[:1], eye[1 : 1 + several], temperature)
        assert found.item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.method("laf")
def test_its_gradient_is_that_of_the_formula_and_never_of_the_extractor_as_it_was() -> None:
    draw = torch.Generator().manual_seed(0)
    now, before, gone = (torch.randn(3, 4, generator=draw, dtype=torch.float64, requires_grad=True)
                         for _ in range(3))  # fmt: skip
    assert torch.autograd.gradcheck(lambda x: alignment(x, before, gone), (now,))
    alignment(now, before, gone).backward()
    assert before.grad is None
    assert gone.grad is None


def test_an_autoencoder_knows_what_it_was_fitted_to_and_leaves_other_draws_alone() -> None:
    draw = torch.Generator().manual_seed(1)
    near = torch.randn(80, 3, generator=draw) @ torch.randn(3, 16, generator=draw)
    torch.manual_seed(5)
    made = Autoencoder(near[:60])
    after = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(after, torch.rand(1))
    others = torch.randn(20, 16, generator=draw) * near.std()
    assert made.error(near[60:]).mean() < 0.5 * made.error(others).mean()


def test_a_class_is_forgotten_to_chance_and_the_others_stay() -> None:
    draw = torch.Generator().manual_seed(0)
    means = 3 * torch.eye(4)

    def blobs(count: int) -> tuple[Any, Any]:
        label = torch.arange(4).repeat_interleave(count)
        return means[label] + 0.5 * torch.randn(4 * count, 4, generator=draw), label

    inputs, label = blobs(60)
    tests, truth = blobs(40)
    torch.manual_seed(0)
    extractor = torch.nn.Sequential(torch.nn.Linear(4, 32), torch.nn.Tanh(), torch.nn.Linear(32, 8))
    head = torch.nn.Linear(8, 4)

    def fit(parameters: list[Any], x: Any, y: Any, steps: int) -> None:
        optimiser = torch.optim.Adam(parameters, lr=0.01)
        for _ in range(steps):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(head(extractor(x)), y).backward()
            optimiser.step()

    def accuracy(of: Any) -> float:
        said = head(extractor(tests)).argmax(1)
        return float((said[of] == truth[of]).float().mean())

    fit([*extractor.parameters(), *head.parameters()], inputs, label, 150)
    gone = truth == 3
    assert min(accuracy(gone), accuracy(~gone)) > 0.98
    kept, lost = inputs[label != 3], inputs[label == 3]
    before = copy.deepcopy(extractor.state_dict())
    forget_without_labels(extractor, kept, lost, steps=150, learning_rate=3e-3)
    fit([*head.parameters()], kept, label[label != 3], 60)  # a few labels of what is kept
    assert any(not torch.equal(each, before[name]) for name, each in extractor.state_dict().items())
    assert accuracy(gone) <= 0.25
    assert accuracy(~gone) > 0.96
    with pytest.raises(NegativesError, match="to keep and 0 to forget"):
        forget_without_labels(extractor, kept, lost[:0])
