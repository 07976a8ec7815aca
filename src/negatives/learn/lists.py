"""What losses over a query's own list share: teachers' labels, shares of a list, means of a row."""

from __future__ import annotations

from typing import Literal

from negatives.errors import RecipeError
from negatives.optional import Tensor, torch

Target = Literal["positive", "labels"]
"""What is taken for relevant: each row's first document alone, or what the labels say."""


def scored(labels: Tensor | None, present: Tensor, kind: str) -> tuple[Tensor, Tensor]:
    """Labels with 0 where there is none, and bool of where there is one and no filler stands.

    A document without a finite label takes no part. `RecipeError` where there are no labels at all.
    """
    if labels is None:
        raise unlabelled(kind)
    known = present & labels.isfinite()
    return labels.detach().masked_fill(~known, 0.0), known


def unlabelled(kind: str) -> RecipeError:
    """What to say where a loss of a kind learns from labels and there are none."""
    return RecipeError(
        f"{kind} learns from a teacher's scores or from grades, and the examples have none",
        where="learn.kind",
        fix="set train.labels to a column of the run's ledger: relevance, which has the grades of "
        "the qrels, or scores, such as dense_score or reranker_score; or take a loss that needs "
        "none, such as softmax-list",
    )


def relevance(
    scores: Tensor, present: Tensor, labels: Tensor | None, target: Target, kind: str
) -> tuple[Tensor, Tensor]:
    """float[n, m]: how relevant each document is, and bool[n, m]: of which that is known."""
    if target == "labels":
        return scored(labels, present, kind)
    first = scores.new_zeros(scores.shape)
    first[:, 0] = 1.0
    return first, present


def log_shares(scores: Tensor, present: Tensor) -> Tensor:
    """float[n, m]: log of each document's share in the softmax of its row; absent ones have none.

    Theirs is a number so low that its share is 0, and not -inf, so that gradients stay finite.
    Half precision is widened.
    """
    scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
    return scores.masked_fill(~present, torch.finfo(scores.dtype).min).log_softmax(-1)


def row_mean(values: Tensor, counted: Tensor) -> Tensor:
    """float[n]: the mean of each row's `values` where `counted`; 0 where nothing is."""
    total = values.masked_fill(~counted, 0.0).flatten(1).sum(-1)
    return total / counted.flatten(1).sum(-1).clamp(min=1)


def softplus(values: Tensor) -> Tensor:
    """log(1 + exp(x)), for any x."""
    return values.logaddexp(values.new_zeros(()))
