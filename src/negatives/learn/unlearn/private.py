"""A base that never learned any one item by heart: training with differential privacy.

Al Mahmud et al. 2025, DP2Unlearning: keep a model that was trained with differential privacy, and
deploy one that was trained further from it on everything. To forget, go back to the base, and train
it further without what is to be forgotten; what is left of that is what the guarantee of the base
allows. DP-SGD (Abadi et al. 2016): each item of a batch by itself, its gradient cut to the norm C,

    g = ( sum_i g_i min(1, C / |g_i|) + N(0, sigma^2 C^2) ) / (rate n),

the items of a batch drawn independently with probability `rate` (Poisson). The account is that of
Renyi differential privacy of the sampled Gaussian mechanism (Mironov et al. 2019), whole orders.
The unit of privacy is the item: a text that stands in several has the guarantee of none.
Gradients of items are computed one after another, which any model can do, and which is slow.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from negatives.errors import DataError, InputError
from negatives.learn.unlearn.gradients import gradients_of
from negatives.optional import Tensor, torch

LossOf = Callable[[Any, int], Tensor]
"""A model and the number of an item -> its loss, with gradient."""
ORDERS: Final[tuple[int, ...]] = (*range(2, 65), 80, 96, 128, 192, 256, 512)


def private_steps(
    model: Any,
    loss_of: LossOf,
    items: int,
    *,
    steps: int,
    rate: float,
    clip: float = 1.0,
    noise: float = 1.0,
    learning_rate: float = 0.05,
    optimiser: Any = None,
    seed: int = 0,
) -> None:
    """Train a torch module in place by DP-SGD; `epsilon` says what that came to.

    items: how many there are. rate: the probability with which each is in a batch. noise: sigma, in
    clips; 0 gives no privacy at all. optimiser: of its parameters; SGD where none is given.
    """
    _refuse(rate, noise, steps)
    if items < 1:
        raise DataError(f"{items:,} items", where="items", fix="say how many there are to learn")
    if not clip > 0:
        raise InputError(f"a clip of {clip:g}", where="clip", fix="above 0")
    parameters = [each for each in model.parameters() if each.requires_grad]
    chosen = optimiser or torch.optim.SGD(parameters, lr=learning_rate)
    draw = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        sums = [torch.zeros_like(each) for each in parameters]
        taken = (torch.rand(items, generator=draw) < rate).nonzero().flatten().tolist()
        for item in taken:
            own = gradients_of(loss_of(model, item), parameters)
            for total, gradient in zip(sums, clipped(own, clip), strict=True):
                total += gradient
        for each, total in zip(parameters, sums, strict=True):
            added = torch.randn(each.shape, generator=draw).to(each) * (noise * clip)
            each.grad = (total + added) / (rate * items)
        chosen.step()
        chosen.zero_grad()


def clipped(gradients: Any, clip: float) -> list[Tensor]:
    """The gradients of one item, shortened together to the norm `clip` where they are longer."""
    norm = torch.sqrt(sum((each**2).sum() for each in gradients))
    factor = (clip / norm.clamp(min=1e-12)).clamp(max=1.0)
    return [each * factor for each in gradients]


def epsilon(*, noise: float, rate: float, steps: int, delta: float) -> float:
    """epsilon, of (epsilon, delta) differential privacy, after so many steps.

    Infinite without noise. delta: mostly well below 1 / items.

    >>> from negatives.learn.unlearn.private import epsilon
    >>> round(epsilon(noise=4.0, rate=1.0, steps=1, delta=1e-5), 3)
    1.013
    """
    _refuse(rate, noise, steps)
    if not 0 < delta < 1:
        raise InputError(
            f"a delta of {delta:g}", where="delta", fix="between 0 and 1, such as 1e-5"
        )
    if noise == 0:
        return math.inf
    return max(
        0.0,
        min(
            steps * renyi(order, noise, rate)
            + math.log1p(-1 / order)
            - (math.log(delta) + math.log(order)) / (order - 1)
            for order in ORDERS
        ),
    )


def renyi(order: int, noise: float, rate: float) -> float:
    """Renyi divergence of a whole `order` above 1, of one step (Mironov et al. 2019, section 3.3).

    >>> from negatives.learn.unlearn.private import renyi
    >>> renyi(8, 2.0, 1.0)
    1.0
    """
    if rate == 1:
        return order / (2 * noise**2)
    terms = [
        math.log(math.comb(order, k))
        + k * math.log(rate)
        + (order - k) * math.log1p(-rate)
        + (k * k - k) / (2 * noise**2)
        for k in range(order + 1)
    ]
    most = max(terms)
    total = most + math.log(math.fsum(math.exp(each - most) for each in terms))
    return max(0.0, total / (order - 1))


def _refuse(rate: float, noise: float, steps: int) -> None:
    if not 0 < rate <= 1 or not noise >= 0 or steps < 1:
        raise InputError(
            f"rate = {rate:g}, noise = {noise:g}, steps = {steps}",
            fix="a rate above 0 and at most 1, noise from 0, steps from 1",
        )
