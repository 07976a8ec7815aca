"""Negative preference optimisation: gradient ascent whose gradient fades.

Zhang et al. 2024, Negative Preference Optimization: From Catastrophic Collapse to Effective
Unlearning, equation 3:

    forget = (2 / beta) softplus(beta (log pi - log pi_ref)), of *sums*

The weight of the gradient is W = 2 r^beta / (1 + r^beta) with r = pi / pi_ref: 1 at the start, and
0 once the response is much less probable than it was. As beta goes to 0 it is gradient ascent (of
sums), but for the constant (2 / beta) log 2.

SimNPO (Fan et al. 2024, Simplicity Prevails) needs no reference, and takes the *mean*:

    forget = (2 / beta) softplus(beta (mean log pi + margin))
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from negatives.learn.sequence.batch import Sequences
from negatives.learn.sequence.loss import Beta, Forgetting
from negatives.optional import Tensor, torch


class NPO(Forgetting, kind="npo"):
    """Make responses less probable than they were, ever more slowly.

    >>> from negatives.learn.sequence.batch import Sequences
    >>> from negatives.learn.sequence.npo import NPO
    >>> batch = Sequences.of([[-12.0]], right=[False], example=[0], references=[-10.0])
    >>> round(NPO(beta=0.1, retain="none").of(batch).item(), 4)
    11.9628
    """

    needs_references: ClassVar[bool] = True
    beta: Beta = 0.1

    def forget(self, batch: Sequences) -> Tensor:
        """float[n]: (2 / beta) softplus(beta * log-ratio)."""
        return 2 / self.beta * torch.nn.functional.softplus(self.beta * batch.ratios)


class SimNPO(Forgetting, kind="simnpo"):
    """NPO without a reference: by the mean log-probability of a token.

    >>> from negatives.learn.sequence.batch import Sequences
    >>> from negatives.learn.sequence.npo import SimNPO
    >>> batch = Sequences.of([[-2.0] * 6], right=[False], example=[0])
    >>> round(SimNPO(beta=2.5, retain="none").of(batch).item(), 6)
    0.005372
    """

    beta: Beta = 2.5
    margin: Annotated[
        float, Meta(description="negative log-likelihood of a token from which it fades")
    ] = 0.0

    def forget(self, batch: Sequences) -> Tensor:
        """float[n]: (2 / beta) softplus(beta (mean + margin))."""
        means = batch.means + self.margin
        return 2 / self.beta * torch.nn.functional.softplus(self.beta * means)
