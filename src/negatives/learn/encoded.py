"""One batch as a loss sees it: embeddings, and what is known of the pairs between them."""

from __future__ import annotations

from dataclasses import dataclass

from negatives.optional import Tensor


@dataclass(frozen=True, slots=True)
class EncodedBatch:
    """n queries and their documents, encoded: n x (1 + k), each query's positive first.

    The *pool* of the batch is all its documents, row by row: document c of query j stands at
    j * (1 + k) + c. Whatever is None is not known. Only `queries` and `docs` carry gradients.
    """

    queries: Tensor
    """float[n, dim], as the model gives them: not yet of unit length."""
    docs: Tensor
    """float[n, 1 + k, dim]: the positive of each query, then its negatives."""
    relevant: Tensor
    """bool[n, n * (1 + k)]: pool documents known to be relevant to each query by text and over all
    qrels, its own positive included. They are never negatives of it."""
    present: Tensor
    """bool[n, 1 + k]: False where a row has fewer negatives and a filler stands."""
    labels: Tensor | None = None
    """float[n, 1 + k]: a teacher's score, or a grade, of each query's own documents."""
    p_relevant: Tensor | None = None
    """float[n, 1 + k]: probability that each of its own documents is relevant; the positive's 1."""
    log_q: Tensor | None = None
    """float[n, 1 + k]: log-probability with which each of its own documents was drawn; NaN of the
    positive, and of what was not drawn."""
    weights: Tensor | None = None
    """float[n]: how much each row counts."""
    guide: EncodedBatch | None = None
    """The same batch as another, frozen model sees it."""

    def pool(self) -> Tensor:
        """float[n * (1 + k), dim]: all documents of the batch."""
        return self.docs.flatten(0, 1)

    def mean(self, losses: Tensor) -> Tensor:
        """The mean over the rows of one loss each, `losses` float[n], times its weight.

        Divided by the number of rows and not by the sum of weights: that would make a row that
        counts little count in full wherever the others of its batch count little, too. Weights
        that are to be compared within a batch have the mean 1 themselves.
        """
        return (losses if self.weights is None else losses * self.weights).mean()
