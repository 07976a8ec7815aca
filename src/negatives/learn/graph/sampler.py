"""Negatives for PyKEEN: a sampler of its kind that draws by the laws of this library.

`negatives.pykeen` registers it. It takes the place of PyKEEN's own in anybody's pipeline: it leaves
out every known triple exactly, draws from types, clusters or the negatives of a run, and costs
hardly more than the simplest sampler.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from negatives.arrays import Places
from negatives.errors import InputError
from negatives.events import Warned
from negatives.learn.graph.laws import run_pools
from negatives.learn.graph.triples import Numbering
from negatives.listening import shown
from negatives.optional import require, torch
from negatives.sample.triples import Corruptions, Graph, KnownDraws, Pools
from negatives.stats.clusters import k_means
from negatives.stats.lengths import normalised
from negatives.store.run import Run

Law = Literal["uniform", "typed", "clusters", "run"]
LAWS: Final = ("uniform", "typed", "clusters", "run")
_A_CLUSTER: Final = 50
"""Entities of a cluster, about, where nobody says how many there are."""
_LARGEST_KEY: Final = 2**62

_pykeen = require("pykeen.sampling.negative_sampler", extra="kg")


class ExactNegativeSampler(_pykeen.NegativeSampler):  # type: ignore[misc, name-defined]
    """Corrupted triples that are never known ones; see `negatives.pykeen`.

    >>> import torch
    >>> from negatives.pykeen import ExactNegativeSampler
    >>> triples = torch.tensor([[0, 0, 1], [0, 0, 2], [3, 0, 1]])
    >>> sampler = ExactNegativeSampler(mapped_triples=triples, num_entities=4, num_negs_per_pos=8)
    >>> drawn, mask = sampler.sample(triples[:1])
    >>> {tuple(each) for each in drawn[0].tolist()} & {tuple(each) for each in triples.tolist()}
    set()
    """

    def __init__(
        self,
        *,
        mapped_triples: Any,
        law: Law = "uniform",
        mix: float | None = None,
        sides: Literal["even", "bernoulli"] = "even",
        clusters: ArrayLike | None = None,
        run: Run | str | Path | None = None,
        factory: Any = None,
        known: Any = None,
        known_draws: KnownDraws = "redrawn",
        corruptions: Corruptions | None = None,
        **others: Any,
    ) -> None:
        """Prepare what is drawn from; `others` are what every sampler of PyKEEN takes.

        `law`: whatever else there is to be drawn from: entities seen on that side of the relation
        (`typed`); those of the same cluster (`clusters`: a number for each entity, or a vector for
        each, of which clusters are made); the negatives of a `run` of this library, whose ids are
        the labels of the triples `factory`. `mix`: the share of negatives that is drawn from
        there, by default 0.5 of types, 0.2 of clusters and 1 of a run; the rest is uniform, and so
        is what has no such list, or nothing but known triples in it. `sides`: heads and tails are
        replaced alike, or as TransH does. `known`: further triples that are never drawn, such as
        ones that a user knows besides those for training; truths of a test split must not be here.
        `known_draws`: a known triple that comes up is `redrawn`, so that each has as many negatives
        as are asked for, or `dropped`, as PyKEEN's filter does: then it has fewer, the more answers
        its question has. `corruptions` says all of this at once.
        """
        super().__init__(mapped_triples=mapped_triples, **others)
        if corruptions is not None:
            self.corruptions = corruptions
            return
        triples = np.asarray(mapped_triples.cpu().numpy(), np.int64)
        if known is not None:
            more = np.asarray(known)
            if more.ndim != 2 or more.shape[1] != 3 or more.dtype.kind not in "ui":
                raise InputError(
                    f"known triples of shape {more.shape} and type {more.dtype}",
                    where="known",
                    fix="give whole numbers of shape [n, 3]: head, relation, tail",
                )
            triples = np.concatenate([triples, more.astype(np.int64)])
        graph = Graph.of(triples, entities=self.num_entities, relations=self.num_relations)
        pools = _pools(law, graph, clusters, run, factory)
        if mix is None:
            mix = {"uniform": 0.0, "typed": 0.5, "clusters": 0.2, "run": 1.0}[law]
        if sides not in ("even", "bernoulli"):
            raise InputError(f"sides is {sides!r}", fix='"even" or "bernoulli"')
        if law in ("typed", "clusters") and mix == 1:
            shown(
                Warned(
                    f"law={law!r} with mix=1: every negative is a hard one, which alone makes "
                    "models worse: they never see most of what is false; mix=0.2 keeps easy ones"
                )
            )
        shares = graph.head_shares() if sides == "bernoulli" else None
        self.corruptions = Corruptions(graph, mix, pools, shares, known_draws)

    def sample(self, positive_batch: Any) -> tuple[Any, Any]:
        """See PyKEEN: int64[batch, negatives, 3], and which are negatives; None: all of them."""
        shape = positive_batch.shape[:-1]
        flat = positive_batch.reshape(-1, 3)
        key = int(torch.randint(_LARGEST_KEY, ()))  # so that PyKEEN's random_seed decides
        made, valid = self.corruptions.draw(flat.cpu().numpy(), key, self.num_negs_per_pos)
        device = positive_batch.device
        drawn = torch.from_numpy(made).view(*shape, self.num_negs_per_pos, 3).to(device)
        if valid.all():
            return drawn, None
        return drawn, torch.from_numpy(valid).view(*shape, self.num_negs_per_pos).to(device)

    def corrupt_batch(self, positive_batch: Any) -> Any:
        """See PyKEEN: the negatives alone."""
        return self.sample(positive_batch)[0]


def _pools(
    law: str, graph: Graph, clusters: ArrayLike | None, run: Run | str | Path | None, factory: Any
) -> Pools | None:
    """What is drawn from besides all entities; `InputError` where what a law needs is not given."""
    if law not in LAWS:
        raise InputError(f"there is no law {law!r}", fix=f"one of {', '.join(LAWS)}")
    for name, given, of in (("clusters", clusters, "clusters"), ("run", run, "run")):
        if (given is None) == (law == of):
            state = "is not given" if given is None else f"is given, and the law is {law!r}"
            raise InputError(f"{name} {state}", fix=f'law="{of}" and {name}=... go together')
    if law == "typed":
        lists, of_row = graph.seen_types()
        return Pools(lists, of_row=of_row)
    if law == "clusters" and clusters is not None:
        return Pools.clusters(clusters_of(clusters), graph.entities)
    if law == "run" and run is not None:
        if factory is None:
            raise InputError(
                "a run names entities by their ids, and nothing says which numbers they have",
                where="factory",
                fix="negative_sampler_kwargs=dict(law='run', run=..., factory=training)",
            )
        return _of_run(run if isinstance(run, Run) else Run(run), graph, factory)
    return None


def clusters_of(given: ArrayLike, clusters: int = 0, seed: int = 0) -> Places:
    """int64[n] as it is given, or the cluster of each of float[n, dim]: k-means by cosine.

    `clusters`: how many; 0: one for every 50, 2 at least.
    """
    array = np.asarray(given)
    if array.ndim != 2:
        return array
    if not np.isfinite(array).all():
        raise InputError("a vector holds a number that is not finite", where="clusters")
    count = clusters or max(2, len(array) // _A_CLUSTER)
    return k_means(normalised(array.astype(np.float32)), count, seed, "find/same-cluster")


def _of_run(run: Run, graph: Graph, factory: Any) -> Pools:
    """The negatives of a run as a list for each question, by the numbers of a factory."""
    ids = sorted(factory.entity_to_id.items(), key=lambda item: item[1])
    names = sorted(factory.relation_to_id.items(), key=lambda item: item[1])
    numbering = Numbering(*(pl.Series([each for each, _ in side]) for side in (ids, names)))
    return run_pools(run, numbering, graph)
