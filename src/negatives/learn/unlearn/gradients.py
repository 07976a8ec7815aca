"""Gradients of all parameters that learn, those too that a loss has nothing to do with."""

from __future__ import annotations

from collections.abc import Sequence

from negatives.optional import Tensor, torch


def gradients_of(loss: Tensor, parameters: Sequence[Tensor]) -> list[Tensor]:
    """One for each parameter; zeros for one that the loss does not depend on, as a head unused.

    >>> import torch
    >>> from negatives.learn.unlearn.gradients import gradients_of
    >>> used, spare = (torch.ones(1, requires_grad=True) for _ in range(2))
    >>> [each.item() for each in gradients_of(3 * used.sum(), [used, spare])]
    [3.0, 0.0]
    """
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    return [
        torch.zeros_like(each) if gradient is None else gradient
        for gradient, each in zip(found, parameters, strict=True)
    ]
