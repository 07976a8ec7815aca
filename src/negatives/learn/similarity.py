"""Similarities between the embeddings of a batch."""

from __future__ import annotations

from negatives.learn.encoded import EncodedBatch
from negatives.optional import Tensor, torch


def unit(vectors: Tensor, similarity: str) -> Tensor:
    """The same vectors, of unit length where the similarity is the cosine."""
    if similarity == "dot":
        return vectors
    normalize = torch.nn.functional.normalize
    return normalize(vectors, dim=-1)


def own_scores(batch: EncodedBatch, similarity: str) -> Tensor:
    """float[n, 1 + k]: each query against its own documents."""
    queries, docs = unit(batch.queries, similarity), unit(batch.docs, similarity)
    return (docs @ queries.unsqueeze(-1)).squeeze(-1)


def pool_scores(batch: EncodedBatch, similarity: str) -> Tensor:
    """float[n, n * (1 + k)]: each query against every document of the batch."""
    return unit(batch.queries, similarity) @ unit(batch.pool(), similarity).T
