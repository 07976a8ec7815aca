"""Examples that are few and of many kinds: greedy choices of a subset."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from negatives.arrays import Doubles, Floats, Places
from negatives.batch.clusters import k_means
from negatives.choose.chooser import Chooser, Pool
from negatives.stage import Share
from negatives.stats.greedy import Farthest, InTurn, greedy_of_offers, lazy_greedy
from negatives.stats.information import Gain, Information, spread
from negatives.stats.k_means import group_sums
from negatives.stats.lengths import normalised

_BLOCK = 4096  # examples whose tags are computed at once


class InformativeExamples(Chooser, kind="information-gain"):
    """Greedily the example that adds most to the topics of those already chosen.

    MIG (Chen et al. 2025): tags, a graph of tags that are alike, and a quality. Here the tags are
    clusters of query vectors, of which an example has the nearest few; the graph joins clusters
    whose centres are alike; the quality is how alike query and positive are. A reconstruction: the
    paper's tags and quality are given by language models.

    >>> from negatives import tiny
    >>> from negatives.choose.subsets import InformativeExamples
    >>> tiny.chosen(InformativeExamples(count=4, topics=2, nearest=1))
    ['bus', 'dog', 'hen', 'tram']
    """

    topics: Annotated[
        int, Meta(ge=0, description="clusters of queries; 0: the square root of the examples")
    ] = 0
    nearest: Annotated[int, Meta(ge=1, description="clusters that an example belongs to")] = 3
    threshold: Annotated[
        float, Meta(ge=-1, le=1, description="cosine from which two clusters share what they have")
    ] = 0.9
    passed: Annotated[Share, Meta(description="of what is theirs that like clusters pass on")] = 1.0
    power: Annotated[
        float, Meta(gt=0, le=1, description="below 1 more of the same is worth less and less")
    ] = 0.8
    offset: Annotated[
        float, Meta(gt=0, le=1, description="the smaller, the more a topic never seen is worth")
    ] = 1e-6
    gain: Annotated[
        Gain, Meta(description="of what is there, exact, or its slope, as in the paper")
    ] = "slope"

    def choose(self, pool: Pool, count: int) -> tuple[Places, dict[str, Any]]:
        """Largest gain first."""
        queries, docs = pool.vectors()
        topics = self.topics or max(1, round(len(pool) ** 0.5))
        order = pool.in_order
        cluster = np.empty(len(pool), np.int64)
        cluster[order] = k_means(queries[order], topics, pool.seed, "choose/information-gain")
        centres = normalised(group_sums(queries, cluster, int(cluster.max()) + 1))
        which, how_much = _tags(queries, centres, min(self.nearest, len(centres)))
        how_much *= _quality(queries, docs, pool)[:, None]
        passed = spread((centres @ centres.T).astype(np.float64), self.threshold, self.passed)

        def items(rows: Places) -> Doubles:
            made = np.zeros((len(rows), len(centres)))
            np.put_along_axis(made, which[rows], how_much[rows], axis=1)
            return np.asarray(made @ passed)

        worth = Information(
            items, len(centres), power=self.power, offset=self.offset, gain=self.gain
        )
        chosen = lazy_greedy(worth, pool.in_order, count)
        return chosen, {"topics": len(centres), "topics_chosen": len(np.unique(cluster[chosen]))}


class OneByOneExamples(Chooser, kind="one-by-one"):
    """Of a few drawn examples the one that is least like those already chosen, and so on.

    Add-One-In (Li et al. 2025) asks a language model which of the options adds most. A
    reconstruction with the rule that needs none: the query that is farthest from any chosen one.
    With one option it is a draw, with all of them k-centre greedy.

    >>> from negatives import tiny
    >>> from negatives.choose.subsets import OneByOneExamples
    >>> tiny.chosen(OneByOneExamples(count=3, options=8))
    ['hen', 'van', 'bus']
    """

    options: Annotated[int, Meta(ge=1, description="examples drawn each time")] = 5

    def choose(self, pool: Pool, count: int) -> tuple[Places, dict[str, Any]]:
        """Every example is offered once before any is offered twice."""
        queries, _ = pool.vectors()
        offers = InTurn(pool.shuffled(self.kind), self.options)
        return greedy_of_offers(Farthest(queries), offers, count), {}


def _tags(queries: Floats, centres: Floats, nearest: int) -> tuple[Places, Doubles]:
    """int64[n, nearest]: the nearest centres of each; float64: their shares, which sum to 1."""
    which = np.empty((len(queries), nearest), np.int64)
    share = np.empty((len(queries), nearest))
    for start in range(0, len(queries), _BLOCK):
        part = slice(start, start + _BLOCK)
        like = queries[part] @ centres.T
        which[part] = np.argsort(-like, axis=1, kind="stable")[:, :nearest]
        near = np.maximum(np.take_along_axis(like, which[part], axis=1), 1e-6)
        share[part] = near / near.sum(1, keepdims=True)
    return which, share


def _quality(queries: Floats, docs: Floats, pool: Pool) -> Doubles:
    """float64[n] in 0 to 1: cosine of query and positive, below 0 as 0."""
    cosine = np.einsum("nd,nd->n", queries, docs[pool.examples.docs[:, 0]])
    return np.asarray(np.clip(cosine, 0, 1), np.float64)
