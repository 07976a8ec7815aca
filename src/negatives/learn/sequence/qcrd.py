"""Right and wrong rationales that count by their quality, and a margin between them.

Wang et al. 2024, QCRD: Quality-guided Contrastive Rationale Distillation (a reconstruction). With n
the negative log-likelihood of a token, on average, and D(x, r) in [0, 1] how good a discriminator
finds a rationale:

    w+ = D(x, r+),  w- = 1 - D(x, r-)
    loss = w+ n+ + contrast max(0, w+ n+ - w- n- + margin)

A wrong rationale that looks good counts little, for it may be right; beyond the margin it is left
alone, so that the model does not unlearn to write. The discriminator is made anew for every batch:
ridge regression of right (1) and wrong (-1) on the mean of each response's last states, of length
1. It says of an example what it learned from the others of the batch, so that it cannot know the
label of what it judges; with nothing to learn from it says 1/2.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta

from negatives.learn.sequence.batch import Sequences
from negatives.learn.sequence.preference import PairLoss
from negatives.optional import Tensor, torch

_IN_PAIR: Final = 2


class QualityMargin(PairLoss, kind="quality-margin"):
    """A right response likelier than a wrong one by a margin, each counted by its quality.

    >>> from negatives.learn.sequence.batch import Sequences
    >>> from negatives.learn.sequence.qcrd import QualityMargin
    >>> batch = Sequences.of([[-1.8], [-2.0]], right=[True, False], example=[0, 0])
    >>> loss = QualityMargin(quality="equal", contrast=1.0)
    >>> round(loss.of(batch).item() - 1.8, 6)
    0.8
    """

    quality: Annotated[
        Literal["learned", "equal"],
        Meta(description="learned: a discriminator of the batch says it; equal: all count alike"),
    ] = "learned"
    margin: Annotated[float, Meta(ge=0, description="by which the wrong one is less likely")] = 1.0
    contrast: Annotated[float, Meta(ge=0, description="weight of the margin")] = 0.5
    ridge: Annotated[
        float, Meta(gt=0, description="how much the discriminator is held back; more: nearer 1/2")
    ] = 1.0

    @property
    def needs_states(self) -> bool:  # type: ignore[override]
        """Where quality is learned."""
        return self.quality == "learned"

    @property
    def whole_batch(self) -> bool:  # type: ignore[override]
        """Where quality is learned, from the others of the batch."""
        return self.quality == "learned"

    def of(self, batch: Sequences) -> Tensor:
        """float[examples]."""
        unlikely = -batch.means
        right = batch.per_example(unlikely, batch.right)
        wrong = batch.per_example(unlikely, ~batch.right)
        if self.quality == "learned":
            found = self._quality(batch)
            right = right * batch.per_example(found, batch.right)
            wrong = wrong * batch.per_example(1 - found, ~batch.right)
        return right + self.contrast * (right - wrong + self.margin).clamp(min=0)

    def _quality(self, batch: Sequences) -> Tensor:
        """float[n]: of each response, without gradient."""
        with torch.no_grad():
            states = batch.known("states")
            sums = states.new_zeros(len(batch.right), states.shape[1])
            sums = sums.index_add(0, batch.row, states)
            said = torch.where(batch.right, 1.0, -1.0).to(states)
            found = by_others(
                torch.nn.functional.normalize(sums, dim=-1), said, batch.example, self.ridge
            )
            return ((1 + found) / 2).clamp(0, 1)


def by_others(features: Tensor, labels: Tensor, pairs: Tensor, ridge: float) -> Tensor:
    """float[n]: each one's label by ridge regression on all but its own pair, in closed form.

    `features: float[n, width]`, to which a constant is added; `labels: float[n]`; `pairs: int64[n]`
    has each number twice. With H = K (K + ridge)^-1, K being all products of features, what is said
    of the rows B without having seen them is y_B - (1 - H_BB)^-1 (y_B - (H y)_B).
    """
    one = features.new_ones(len(features), 1)
    every = torch.cat([features, one], dim=1)
    products = every @ every.T
    held = products + ridge * torch.eye(len(products)).to(products)
    hat = torch.linalg.solve(held, products)
    rest = labels - hat.T @ labels
    order = torch.argsort(pairs, stable=True).view(-1, _IN_PAIR)
    blocks = hat[order[:, :, None], order[:, None, :]]
    own = torch.eye(_IN_PAIR).to(blocks) - blocks
    left = torch.linalg.solve(own, rest[order][..., None])[..., 0]
    made = torch.empty_like(labels)
    made[order.flatten()] = (labels[order] - left).flatten()
    return made
