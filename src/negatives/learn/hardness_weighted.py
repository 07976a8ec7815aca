"""Hard negatives count more, and the false ones among them are taken off in expectation."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from msgspec import Meta, field

from negatives.learn.contrast import against, leave_out, log_sum, lowest
from negatives.learn.encoded import EncodedBatch
from negatives.learn.loss import Loss, Losses
from negatives.learn.pairs import TrainingPairs, own_of
from negatives.optional import Tensor, torch


class HardnessWeighted(Loss, kind="hardness-weighted"):
    """Debiased (Chuang et al., 2020), with hard negatives weighed up (Robinson et al., 2021).

    A negative of cosine s has the weight exp(beta * s / temperature): at a tenth of the temperature
    take a tenth of beta. With beta 0 this is the debiased loss, with both shares 0 the hardness
    weighting alone. Where more is taken off than there is, the sum stands at its floor and its
    negatives have no gradient: see the share of such rows that `told()` gives.

    >>> from negatives import tiny
    >>> from negatives.learn.hardness_weighted import HardnessWeighted
    >>> tiny.losses(HardnessWeighted(temperature=0.5, beta=0.0))
    [0.95, 1.52]
    >>> tiny.losses(HardnessWeighted(temperature=0.5, beta=1.0))
    [1.23, 2.01]
    """

    temperature: Annotated[float, Meta(gt=0, description="cosines are divided by it")] = 0.05
    beta: Annotated[
        float, Meta(ge=0, description="how much hard negatives count more; 1 at temperature 0.5")
    ] = 0.1
    tau_plus: Annotated[
        float, Meta(ge=0, lt=1, description="share of in-batch negatives that are false")
    ] = 0.0001
    tau_hard: Annotated[
        float, Meta(ge=0, lt=1, description="share of a row's own negatives that are false")
    ] = 0.1
    through_weights: Annotated[
        bool, Meta(description="the weights have a gradient, as in the authors' code")
    ] = True
    directions: Annotated[
        list[Literal["query-doc", "doc-query"]],
        Meta(min_length=1, description="the mean of one loss each"),
    ] = field(default_factory=lambda: ["query-doc"])

    def open(self) -> Losses:
        """The loss of each row of a batch."""
        return HardnessWeightedLosses(self)


class HardnessWeightedLosses:
    """`HardnessWeighted` opened: a function of a batch that also counts rows at the floor."""

    def __init__(self, settings: HardnessWeighted) -> None:
        self.settings = settings
        self._rows: Any = 0
        self._floored: Any = 0

    def __call__(self, batch: EncodedBatch) -> Tensor:
        """float[n]"""
        settings = self.settings
        pairs = TrainingPairs(batch, "cosine", settings.temperature)
        positive = pairs.positive()
        each = []
        if "query-doc" in settings.directions:
            never = pairs.query_doc_never()
            hard = (~own_of(never, pairs.width)[:, 1:]).sum(-1)
            each.append(self._loss(positive, pairs.query_doc(), never, hard))
        if "doc-query" in settings.directions:
            each.append(self._loss(positive, pairs.doc_query(), pairs.doc_query_never(), 0))
        return each[0] if len(each) == 1 else (each[0] + each[1]) / 2

    def told(self) -> dict[str, float]:
        """Of all batches so far: the share of rows whose negatives had no gradient."""
        return {"rows_at_the_floor": float(self._floored / max(self._rows, 1))}

    def _loss(self, positive: Tensor, logits: Tensor, never: Tensor, hard: Tensor | int) -> Tensor:
        settings = self.settings
        count = (~never).sum(-1).to(logits.dtype)
        false = settings.tau_plus * (count - hard) + settings.tau_hard * hard
        found, floored = log_debiased(
            log_reweighted(logits, never, count, settings.beta, through=settings.through_weights),
            positive,
            count,
            false,
            -1 / settings.temperature,
        )
        self._rows += len(positive)
        self._floored = self._floored + floored.sum()
        return against(positive, found)


def log_reweighted(
    logits: Tensor, never: Tensor, count: Tensor, beta: float, *, through: bool = True
) -> Tensor:
    """float[n]: log of count * sum(w e) / sum(w), with e = exp(logits), w = e^beta.

    `count` is the number of negatives of each row; without `through` w has no gradient.
    """
    if beta == 0:
        return log_sum(leave_out(logits, never))
    tilt = logits * beta
    top = logits + (tilt if through else tilt.detach())
    weight = log_sum(leave_out(tilt, never))
    total = log_sum(leave_out(top, never))
    return total - (weight if through else weight.detach()) + count.clamp(min=1).log()


def log_debiased(
    log_total: Tensor, positive: Tensor, count: Tensor, false: Tensor, least: float
) -> tuple[Tensor, Tensor]:
    """float[n]: log of (exp(log_total) - false * exp(positive)) / (1 - share), and where floored.

    `false` float[n] of the `count` float[n] negatives are expected to be false, `share` of them.
    The floor is count * exp(least), `least` the lowest logit there can be.
    """
    counted = count.clamp(min=1)
    floor = counted.log() + least
    off = (false.log() + positive) - log_total  # log of the share that is taken off; -inf: nothing
    some = (off < 0) & (count > 0)
    # What is not used must be finite as well, or its gradient of 0 becomes NaN.
    rest = torch.where(some, off, -1.0)
    debiased = log_total + _log_one_less(rest) - (-false / counted).log1p()
    free = some & ((debiased > floor) | (false == 0))
    made = torch.where(free, debiased, floor)
    made = torch.where(count > 0, made, torch.full_like(made, lowest(made)))
    return made, (count > 0) & ~free & (false > 0)


def _log_one_less(exponent: Tensor) -> Tensor:
    """log(1 - exp(x)) of x < 0, exact at both ends."""
    near = exponent > -math.log(2)
    close = torch.where(near, exponent, -1.0)
    far = torch.where(near, -1.0, exponent)
    return torch.where(near, (-close.expm1()).log(), (-far.exp()).log1p())
