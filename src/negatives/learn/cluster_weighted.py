"""Negatives count as often as clusterings of the batch keep them apart from the positive."""

from __future__ import annotations

from typing import Annotated, Final

import numpy as np
from msgspec import Meta, field

from negatives.learn.contrast import leave_out, log_sum, lowest, weigh
from negatives.learn.encoded import EncodedBatch
from negatives.learn.loss import Loss, Losses
from negatives.learn.pairs import TrainingPairs, times
from negatives.optional import Tensor, torch
from negatives.stats.clusters import k_means

_NO_CLUSTER: Final = -1
_ADDED: Final = 5
"""To the size of a cluster, where its spread is divided by the logarithm of that."""
_NARROWEST, _WIDEST = 0.1, 0.9
"""Quantiles of the spreads of clusters that others are clipped to."""

_ROUNDING: Final = 1e-6
"""Below it members stand where their centre does."""

Size = Annotated[int, Meta(ge=1)]


class ClusterWeighted(Loss, kind="cluster-weighted"):
    """Negatives weighted by clusterings of the batch: MEOW (Yu, Ge et al., 2022, arXiv 2208.13847).

    The documents of a batch are clustered by k-means several times, by their vectors as they are. A
    negative counts once for each clustering in which it is in another cluster than the positive of
    the row; one that all of them put beside the positive is probably of its class, and is not
    pushed away. The positive is not among those that it is compared with, so that the loss may be
    below 0. A second term draws each positive to the centre of its cluster, and away from others,
    where a wide cluster draws less (prototypical contrast; Li et al., 2021).

    >>> from negatives import tiny
    >>> from negatives.learn.cluster_weighted import ClusterWeighted
    >>> tiny.losses(ClusterWeighted(sizes=[2], prototypes=0.0))
    [-2.42, -1.42]
    >>> tiny.losses(ClusterWeighted(sizes=[2, 1], prototypes=1.0))
    [0.85, 1.87]
    """

    temperature: Annotated[float, Meta(gt=0, description="cosines are divided by it")] = 0.4
    sizes: Annotated[
        list[Size],
        Meta(
            min_length=1,
            description="documents of a cluster, on average: a clustering of the batch each",
        ),
    ] = field(default_factory=lambda: [40, 13])
    prototypes: Annotated[
        float, Meta(ge=0, description="weight of the term that draws positives to their centres")
    ] = 1.0

    def open(self) -> Losses:
        """The loss of each row of a batch."""
        return self._losses

    def _losses(self, batch: EncodedBatch) -> Tensor:
        pairs = TrainingPairs(batch, "cosine", self.temperature)
        there = batch.present.flatten()
        groups = self._clustered(pairs.pool.detach(), there)
        own = groups[:, :: pairs.width]
        logits = leave_out(pairs.query_doc(), pairs.query_doc_never())
        found = apart(pairs.positive(), logits, times_apart(own, groups))
        if not self.prototypes:
            return found
        kept = there.nonzero().flatten()
        members = pairs.pool.detach()[kept]
        drawn = [
            to_centres(
                pairs.unit_docs[:, 0], row[:: pairs.width], members, row[kept], self.temperature
            )
            for row in groups
        ]
        return found + self.prototypes * torch.stack(drawn).mean(0)

    def _clustered(self, pool: Tensor, there: Tensor) -> Tensor:
        """int64[clusterings, m]: the cluster of each document of the pool; -1 of a filler."""
        present = there.cpu().numpy()
        vectors = pool.float().cpu().numpy()[present]
        groups = np.full((len(self.sizes), len(present)), _NO_CLUSTER)
        for turn, size in enumerate(self.sizes):
            count = max(2, len(vectors) // size)
            groups[turn, present] = k_means(vectors, count, turn, f"learn/{self.kind}")
        made: Tensor = torch.as_tensor(groups, device=pool.device)
        return made


def times_apart(own: Tensor, groups: Tensor) -> Tensor:
    """int64[n, m]: in how many clusterings each document is in another cluster than each positive.

    `own: int64[clusterings, n]` are the clusters of the positives, `groups: int64[clusterings, m]`
    those of all documents.
    """
    made: Tensor = (own.unsqueeze(-1) != groups.unsqueeze(1)).sum(0)
    return made


def apart(positive: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """float[n]: log of the weighted sum of negatives less the positive, 0 where none counts.

    `positive: float[n]`; `logits: float[n, m]`, changed in place, what is never a negative the
    lowest number; `weights: int64[n, m]`.
    """
    log_negatives = log_sum(weigh(logits, weights.to(logits.dtype).log()))
    none = log_negatives <= lowest(logits) / 2
    return torch.where(none, torch.zeros_like(positive), log_negatives - positive)


def to_centres(
    vectors: Tensor, own: Tensor, members: Tensor, groups: Tensor, temperature: float
) -> Tensor:
    """float[n]: cross entropy of each vector's own centre among all of one clustering.

    `vectors: float[n, dim]` of the clusters `own: int64[n]`; centres and spreads are of the
    `members: float[m, dim]` of the clusters `groups: int64[m]`, without gradient.
    """
    count = int(groups.max()) + 1
    sizes = torch.bincount(groups, minlength=count)
    sums = members.new_zeros(count, members.shape[1]).index_add(0, groups, members)
    centres = torch.nn.functional.normalize(sums, dim=-1)
    distances = (members - centres[groups]).norm(dim=-1)
    logits = times(vectors, centres) / spreads(distances, groups, sizes, temperature)
    return torch.nn.functional.cross_entropy(logits, own, reduction="none")


def spreads(distances: Tensor, groups: Tensor, sizes: Tensor, temperature: float) -> Tensor:
    """float[clusters]: mean distance from the centre over log(size + 5), their mean `temperature`.

    `distances: float[m]` from the centres of the clusters `groups: int64[m]`, which have `sizes`
    int64[clusters]. One that has a single member is taken to be as wide as the widest; they are
    clipped to the quantiles .1 and .9.
    """
    totals = distances.new_zeros(len(sizes)).index_add(0, groups, distances)
    wide = totals / sizes.clamp(min=1) / (sizes + _ADDED).to(distances.dtype).log()
    wide = torch.where(sizes > 1, wide, wide.max())
    low, high = wide.quantile(wide.new_tensor([_NARROWEST, _WIDEST])).unbind()
    wide = wide.clamp(low, high)
    mean = wide.mean()
    if not bool(mean > _ROUNDING):
        return torch.full_like(wide, temperature)
    return wide / mean * temperature
