"""Random worlds for the samplers' tests: some queries with many positives, some with few."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st

from negatives.compiling import Engine
from negatives.sample import Exclusion, PopularityNegatives, UniformNegatives
from negatives.sample.samplers import Sampler

Pairs = set[tuple[int, int]]
Make = Callable[..., Sampler]

ENGINES: tuple[Engine, Engine] = ("numpy", "numba")


def exclusion(pairs: Pairs | list[tuple[int, int]], queries: int, docs: int) -> Exclusion:
    query = [pair[0] for pair in pairs]
    doc = [pair[1] for pair in pairs]
    return Exclusion.from_pairs(query, doc, queries=queries, docs=docs)


@st.composite
def known(draw: st.DrawFn, most_docs: int = 30) -> tuple[Pairs, int, int]:
    """(pairs, queries, docs); a query may have all documents, or none."""
    queries, docs = draw(st.integers(1, 5)), draw(st.integers(1, most_docs))
    share = draw(st.lists(st.sampled_from([0, 0.1, 0.5, 0.9, 1]), min_size=5, max_size=5))
    chance = np.random.default_rng(draw(st.integers(0, 99))).random((queries, docs))
    pairs = {(q, d) for q in range(queries) for d in range(docs) if chance[q, d] < share[q]}
    return pairs, queries, docs


@st.composite
def makes(draw: st.DrawFn, docs: int) -> Make:
    """A sampler's class and settings, given its positives and engine; some documents have weight 0.

    The power of 40 puts nearly all of the law on one document.
    """
    distinct, seed = draw(st.booleans()), draw(st.integers(0, 9))
    if draw(st.booleans()):
        never: list[int] = draw(st.lists(st.integers(0, docs - 1), max_size=docs - 1, unique=True))
        return partial(UniformNegatives, distinct=distinct, seed=seed, never=never)
    values = st.sampled_from([0.0, 1e-9, 0.5, 1.0, 7.0])
    weights = np.array(draw(st.lists(values, min_size=docs, max_size=docs)))
    weights[draw(st.integers(0, docs - 1))] = 3.0
    settings: dict[str, Any] = {
        "power": draw(st.sampled_from([0, 0.75, 1, 40])),
        "weights": weights,
    }
    return partial(PopularityNegatives, distinct=distinct, seed=seed, **settings)


def allowed(sampler: Sampler, pairs: Pairs, query: int) -> set[int]:
    """The documents that a query may get, by sets."""
    law = sampler.conditioned.law
    weightless = set() if law.is_uniform else set(np.flatnonzero(law.tickets == 0).tolist())
    return {d for d in range(law.docs) if (query, d) not in pairs} - weightless


def chi_square(counts: list[int], expected: list[float]) -> float:
    return sum((n - e) ** 2 / e for n, e in zip(counts, expected, strict=True))
