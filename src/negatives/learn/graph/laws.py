"""What a recipe's sources mean for triples that are corrupted anew at every step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from negatives.arrays import Ragged
from negatives.errors import DataError, RecipeError
from negatives.events import Emit
from negatives.learn.graph.triples import Numbering, numbers
from negatives.machine import Machine
from negatives.needs import refuse_unmet
from negatives.opening import Context
from negatives.run.inputs import collection_of
from negatives.sample.triples import Corruptions, Corrupts, Graph, KnownDraws, Pools
from negatives.schema import Collection
from negatives.stage import Source
from negatives.store.run import Run
from negatives.store.scratch import scratch_folder


def draws_alone(sources: Sequence[Source]) -> bool:
    """Whether each of the sources can be drawn from at every step, so that nothing is mined."""
    return all(isinstance(source, Corrupts) for source in sources)


def drawn(
    sources: Sequence[Source],
    collection: Collection,
    numbering: Numbering,
    graph: Graph,
    known_draws: KnownDraws,
    *,
    seed: int,
    machine: Machine,
    emit: Emit,
) -> Corruptions:
    """The laws of a recipe's sources as one, each with the share of its `top`.

    Raises `RecipeError` where two of them have lists of their own.
    """
    rows = numbering.questions(collection, graph)
    total = sum(source.proposes for source in sources)
    mix, pools, shares = 0.0, None, None
    with scratch_folder() as scratch:
        for source in sources:
            assert isinstance(source, Corrupts)
            refuse_unmet([source], collection)
            folder = scratch / source.label
            folder.mkdir()
            context = Context(collection, folder, machine, seed=seed, emit=emit)
            law = source.corruption(context, graph, rows)
            if law.pools is not None:
                if pools is not None:
                    raise RecipeError(
                        "two sources have lists to draw from, and a trainer takes one",
                        where=f"find {source.label}",
                        fix="leave one out, or mine a run, and train with that",
                    )
                pools, mix = law.pools, law.mix * source.proposes / total
            shares = law.head_shares if shares is None else shares
    return Corruptions(graph, mix, pools, shares, known_draws)


def run_pools(run: Run, numbering: Numbering, graph: Graph) -> Pools:
    """The negatives of a run as a list for each question; a question without some has none.

    Raises `DataError` for a run of something else than questions of this graph.
    """
    collection = collection_of(run)
    fields = ("entity", "relation", "asks")
    if not all(collection.has("queries", name) for name in fields):
        raise DataError(
            "the queries of the run are no questions of a knowledge graph",
            where=str(run.path),
            fix="mine a graph: a file or a folder of triples",
        )
    negatives = run.negatives
    rows = negatives.join(
        collection.queries.select("query_id").with_row_index("query"), on="query_id", how="left"
    )
    row = numbering.questions(collection, graph)[rows["query"].to_numpy()]
    entity = numbers(negatives["doc_id"], numbering.entities)
    there = (row >= 0) & (entity >= 0)
    if not there.any():
        raise DataError(
            f"none of the {len(negatives):,} negatives is of a question of these triples",
            where=str(run.path),
            fix="mine the graph that the model is trained with, by the same ids",
        )
    pairs = np.unique(row[there] * graph.entities + entity[there])
    owner, answer = np.divmod(pairs, graph.entities)
    lists = Ragged.of_owners(owner, answer.astype(np.uint32), len(graph.keys))
    return Pools(lists, of_row=np.where(lists.lengths > 0, np.arange(len(graph.keys)), -1))
