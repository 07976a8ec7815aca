"""Losses of a right and a wrong response of one prompt, and how they relate.

With h = (log pi(right) - log pi_ref(right)) - (log pi(wrong) - log pi_ref(wrong)), of *sums*:

    dpo    -log sigmoid(beta h)              Rafailov et al. 2023; weight of the gradient beta
                                             sigmoid(-beta h); no finite minimum
    ipo    (h - 1 / (2 beta))^2              Azar et al. 2023; least at h = 1 / (2 beta)
    slic   max(0, 1 - beta h)                Zhao et al. 2023, with the reference subtracted

and without a reference, of *means*:

    simpo  -log sigmoid(beta (mean right - mean wrong) - margin)      Meng et al. 2024
    orpo   -mean right - weight log sigmoid(log odds(right) - log odds(wrong)), where the
           probability behind the odds is exp(mean)                   Hong et al. 2024

All of them push the wrong response down (a *negative gradient*, Tajwar et al. 2024), and often the
right one with it, if less. `keep` of dpo adds what the right one has lost against the reference
(DPOP, Pal et al. 2024). `smoothing` is the share of pairs that may be the wrong way round (cDPO,
Mitchell 2023), for labels that nobody is sure of.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from msgspec import Meta

from negatives.learn.sequence.batch import Sequences
from negatives.learn.sequence.loss import Beta, SequenceLoss, Unit
from negatives.optional import Tensor, torch

Smoothing = Annotated[
    float, Meta(ge=0, lt=0.5, description="share of pairs that may be the wrong way round")
]
SURE: Final = -1e-6
"""Largest log-probability of which odds are taken."""


class PairLoss(SequenceLoss):
    """A loss of how far the right response leads."""

    unit: ClassVar[Unit] = "pair"

    def lead(self, batch: Sequences, values: Tensor) -> Tensor:
        """float[examples]: of `values` float[n], the right response's less the wrong one's."""
        return batch.per_example(values, batch.right) - batch.per_example(values, ~batch.right)


class DPO(PairLoss, kind="dpo"):
    """The right response gains on the wrong one, against the model as it was.

    >>> from negatives.learn.sequence.batch import Sequences
    >>> from negatives.learn.sequence.preference import DPO
    >>> batch = Sequences.of(
    ...     [[-1.6], [-3.6]], right=[True, False], example=[0, 0], references=[-2.0, -3.0]
    ... )
    >>> round(DPO(beta=0.1).of(batch).item(), 6)
    0.644397
    """

    needs_references: ClassVar[bool] = True
    beta: Beta = 0.1
    smoothing: Smoothing = 0.0
    keep: Annotated[float, Meta(ge=0, description="weight of what the right one has lost")] = 0.0

    def of(self, batch: Sequences) -> Tensor:
        """float[examples]."""
        h = self.lead(batch, batch.ratios)
        if self.keep:
            h = h - self.keep * (-batch.per_example(batch.ratios, batch.right)).clamp(min=0)
        return smoothed(self.beta * h, self.smoothing)


class IPO(PairLoss, kind="ipo"):
    """The right response gains on the wrong one by 1 / (2 beta), and no more.

    >>> from negatives.learn.sequence.batch import Sequences
    >>> from negatives.learn.sequence.preference import IPO
    >>> batch = Sequences.of(
    ...     [[-1.5], [-3.5]], right=[True, False], example=[0, 0], references=[-2.0, -3.0]
    ... )
    >>> IPO(beta=0.1).of(batch).tolist()
    [16.0]
    """

    needs_references: ClassVar[bool] = True
    beta: Beta = 0.1

    def of(self, batch: Sequences) -> Tensor:
        """float[examples]."""
        return (self.lead(batch, batch.ratios) - 1 / (2 * self.beta)) ** 2


class SLiC(PairLoss, kind="slic"):
    """The right response gains on the wrong one by 1 / beta: beyond that nothing is learned.

    >>> from negatives.learn.sequence.batch import Sequences
    >>> from negatives.learn.sequence.preference import SLiC
    >>> batch = Sequences.of(
    ...     [[-1.5], [-3.5]], right=[True, False], example=[0, 0], references=[-2.0, -3.0]
    ... )
    >>> SLiC(beta=0.5).of(batch).tolist()
    [0.5]
    """

    needs_references: ClassVar[bool] = True
    beta: Beta = 0.1

    def of(self, batch: Sequences) -> Tensor:
        """float[examples]."""
        return (1 - self.beta * self.lead(batch, batch.ratios)).clamp(min=0)


class SimPO(PairLoss, kind="simpo"):
    """The mean log-probability of the right response above that of the wrong one, by a margin.

    >>> from negatives.learn.sequence.batch import Sequences
    >>> from negatives.learn.sequence.preference import SimPO
    >>> batch = Sequences.of([[-1.0, -1.0], [-2.0]], right=[True, False], example=[0, 0])
    >>> round(SimPO(beta=2.0, margin=2.0).of(batch).item(), 6)
    0.693147
    """

    beta: Beta = 2.0
    margin: Annotated[float, Meta(ge=0, description="by which the right one is to lead")] = 1.0
    smoothing: Smoothing = 0.0

    def of(self, batch: Sequences) -> Tensor:
        """float[examples]."""
        return smoothed(self.beta * self.lead(batch, batch.means) - self.margin, self.smoothing)


class ORPO(PairLoss, kind="orpo"):
    """The likelihood of the right response, and its odds above those of the wrong one.

    >>> from math import log
    >>> from negatives.learn.sequence.batch import Sequences
    >>> from negatives.learn.sequence.preference import ORPO
    >>> half = Sequences.of([[log(0.5)], [log(0.5)]], right=[True, False], example=[0, 0])
    >>> round(ORPO(weight=1.0).of(half).item(), 6)
    1.386294
    """

    weight: Annotated[float, Meta(ge=0, description="of the odds")] = 0.1

    def of(self, batch: Sequences) -> Tensor:
        """float[examples]."""
        means = batch.means.clamp(max=SURE)
        lead = self.lead(batch, means - torch.log(-torch.expm1(means)))
        likely = -batch.per_example(batch.means, batch.right)
        return likely - self.weight * torch.nn.functional.logsigmoid(lead)


def smoothed(logit: Tensor, share: float) -> Tensor:
    """-log sigmoid(logit), where a `share` of the pairs may be the wrong way round."""
    said = torch.nn.functional.logsigmoid
    if not share:
        return -said(logit)
    return -(1 - share) * said(logit) - share * said(-logit)
