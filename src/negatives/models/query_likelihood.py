"""Relevance as query likelihood: by how much a document helps a model to foresee the query.

    score(q, d) = mean log P(token of q | d) - mean log P(token of q | an empty document)

in natural logarithms, a mean over the tokens of the query. The second mean makes queries of usual
words and of rare ones comparable; among the documents of one query it changes nothing. exp(-score)
is the ratio of perplexities with and without that Li et al. (2023) call IFD. Sachan et al. (2022,
"Improving passage retrieval with zero-shot question generation") rank by the first mean.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Final

import numpy as np

from negatives.arrays import Floats
from negatives.models.causal_lm import CausalLM
from negatives.models.reranker import Pair

BEFORE: Final = "Document:\n"
BETWEEN: Final = "\n\nA question or search query that is answered by this document:\n"


class QueryLikelihood:
    """A language model as a reranker. `characters` of a document are read; 0: all."""

    def __init__(self, model: CausalLM, characters: int = 0) -> None:
        self._model = model
        self._most = characters or None

    @cached_property
    def fingerprint(self) -> str:
        """The model's, with the words around the texts and how much of a document is read."""
        read = hashlib.blake2b(f"{BEFORE}{BETWEEN}{self._most}".encode(), digest_size=8)
        return f"{self._model.fingerprint}-query-{read.hexdigest()}"

    def score(self, pairs: Sequence[Pair]) -> Floats:
        """float32[pairs]: log of how many times as probable a token of the query is; 0 of no query.

        Each distinct pair, and each query by itself, is computed once.
        """
        asked = [query for query, _ in pairs]
        known = [(self._context(doc), query) for query, doc in pairs]
        made = self._model.continuations([*known, *((self._context(""), q) for q in asked)])
        found = [each.mean for each in made]
        helps = np.array(found[: len(pairs)]) - np.array(found[len(pairs) :])
        return np.asarray(np.nan_to_num(helps), np.float32)

    def _context(self, doc: str) -> str:
        return f"{BEFORE}{doc[: self._most]}{BETWEEN}"
