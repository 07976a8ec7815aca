"""The one contrastive loss: a positive against the log of the sum of its negatives.

loss = log(1 + exp(log_negatives - positive)), the cross entropy of the positive among itself and
its negatives (InfoNCE, van den Oord et al., 2018). All is in logs, so no temperature overflows.

What must not be a negative gets the lowest finite number, not -inf: its softmax weight is exactly 0
either way, but a row with nothing left to contrast then has loss 0 and gradient 0, not NaN. Masks
and weights are constants and written into the logits in place: neither pass makes another matrix.
"""

from __future__ import annotations

from negatives.optional import Tensor, torch


def lowest(values: Tensor) -> float:
    """The lowest finite number of the dtype of `values`."""
    bottom: float = torch.finfo(values.dtype).min
    return bottom


def leave_out(logits: Tensor, never: Tensor) -> Tensor:
    """`logits`, changed in place: no negatives where `never`, a bool of a shape that fits."""
    with torch.no_grad():
        logits.masked_fill_(never, lowest(logits))
    return logits


def weigh(logits: Tensor, log_weights: Tensor) -> Tensor:
    """`logits`, changed in place: each counts exp(`log_weights`) times; no gradient goes there.

    -inf leaves a pair out. To correct for sampled negatives (Bengio and Senecal, 2008), give
    `-log_q`, of each document or of each pair.
    """
    with torch.no_grad():
        logits.add_(log_weights).clamp_(min=lowest(logits))
    return logits


def log_sum(logits: Tensor) -> Tensor:
    """float[...]: log of the sum of exp(logits) over the last axis; `lowest` where it is empty."""
    if logits.shape[-1] == 0:
        return logits.new_full(logits.shape[:-1], lowest(logits))
    return logits.logsumexp(-1)


def joined(log_sums: list[Tensor]) -> Tensor:
    """float[n]: the log of one sum over all the parts, each float[n]."""
    if len(log_sums) == 1:
        return log_sums[0]
    return log_sum(torch.stack(log_sums, -1))


def against(positive: Tensor, log_negatives: Tensor) -> Tensor:
    """The loss of each positive logit against the log of the sum of its negatives, same shapes."""
    return -torch.nn.functional.logsigmoid(positive - log_negatives)


def mean_by_row(losses: Tensor, row: Tensor, rows: int) -> Tensor:
    """float[rows]: the mean of `losses` float[p] over those of each row; `row` is int64[p]."""
    sums = losses.new_zeros(rows).index_add(0, row, losses)
    counts = losses.new_zeros(rows).index_add(0, row, losses.new_ones(losses.shape))
    return sums / counts.clamp(min=1)
