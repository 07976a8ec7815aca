"""What forgetting without a loss of responses, and labels of steps, refuse before any work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from negatives.errors import NegativesError

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
NAN = float("nan")


def cases() -> dict[str, Callable[[], Any]]:
    """What is said, and what it is said of."""
    from negatives.learn.sequence.topr import effective_share
    from negatives.learn.steps.reference_labels import labelled
    from negatives.learn.steps.rollouts import Sampler, explored, step_values
    from negatives.learn.steps.trajectories import useful
    from negatives.learn.unlearn.label_free import alignment, forget_without_labels
    from negatives.learn.unlearn.private import private_steps
    from negatives.learn.unlearn.worst_case import projected
    from negatives.measure.responses import min_k

    net, inputs = torch.nn.Linear(3, 2), torch.ones(4, 3)
    model: Any = None
    return {
        "the lowest 0 of 2": lambda: min_k(np.array([-1.0, -2.0]), 0.0),
        "the lowest 0.2 of 0": lambda: min_k(np.array([])),
        "a share of right responses of 2": lambda: effective_share(2.0, 0.0),
        "with a baseline of 1": lambda: effective_share(1.0, 1.0),
        "a likeness of nan": lambda: labelled(["a"], ["a"], least=NAN),
        "tries = 0": lambda: Sampler(model, tries=0),
        "temperature = nan": lambda: Sampler(model, temperature=NAN),
        "longest = 0": lambda: Sampler(model, longest=0),
        "least = nan": lambda: step_values([0.5, 0.1], 5, least=NAN),
        "1 prefixes were gone on from": lambda: explored("q", ["a"], bool, lambda _: []),
        "not from 0 to 1": lambda: useful([0.0, 2.0]),
        "no finite number": lambda: projected(np.array([0.1, NAN]), 1),
        "0 items": lambda: private_steps(net, lambda *_: net.weight.sum(), 0, steps=1, rate=0.5),
        "before \\(1, 3\\)": lambda: alignment(
            torch.ones(1, 2), torch.ones(1, 3), torch.ones(1, 2)
        ),
        "a temperature of 0": lambda: forget_without_labels(net, inputs, inputs, temperature=0.0),
        "the loss of step 0 is no number": lambda: forget_without_labels(
            net, inputs * NAN, inputs, steps=1
        ),
    }


def test_what_makes_no_sense_is_refused_and_no_number_comes_of_it() -> None:
    for said, asked in cases().items():
        with pytest.raises(NegativesError, match=said) as error:
            asked()
        assert error.value.fix, said


def test_a_part_of_a_model_that_a_loss_does_not_use_is_no_hindrance() -> None:
    from negatives.learn.unlearn.private import private_steps
    from negatives.learn.unlearn.worst_case import worst_case

    net = torch.nn.Linear(2, 1)  # whose bias is not used
    wanted = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])

    def losses(learner: Any) -> Any:
        return ((wanted @ learner.weight.T)[:, 0] - 1) ** 2

    assert len(worst_case(net, losses, 1, rounds=2, steps=2).items) == 1
    before = net.bias.clone()
    private_steps(net, lambda it, item: losses(it)[item], 3, steps=2, rate=1.0, noise=0.0)
    assert torch.equal(net.bias, before)


@pytest.mark.slow
def test_a_covariance_has_no_negative_ridge() -> None:
    from negatives.learn.unlearn.redirect import covariance_of
    from negatives.models.causal_lm import CausalLM
    from tests.models.tiny_lm import tiny_llama

    with pytest.raises(NegativesError, match="a ridge of -1"):
        covariance_of(CausalLM(tiny_llama(), device="cpu"), ["a b"], layer=0, ridge=-1.0)
