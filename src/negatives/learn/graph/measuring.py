"""How good a model of a knowledge graph is: filtered ranks, and telling true triples from false.

Ranks are PyKEEN's: of the right entity among all of them, those left out that other triples of any
split say are right too (filtered), with ties counted half (realistic). Where a split has triples
that were verified to be false, a triple is called true from a score on that is the best one on the
dev split, for each relation (Socher et al., 2013).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from negatives.arrays import Bools, Floats
from negatives.chance import mix
from negatives.errors import DataError
from negatives.events import Emit, silent
from negatives.learn.graph.model import GraphModel
from negatives.learn.graph.scoring import all_at_once
from negatives.learn.graph.triples import Numbering
from negatives.machine import Machine
from negatives.optional import require, torch
from negatives.read import DEV, load
from negatives.read.other_splits import other_splits
from negatives.sample.triples import Triples
from negatives.schema import Collection
from negatives.stats.auc import auc

_BATCH: Final = 256
_SCORED: Final = 8192
_NAMES: Final = {
    "MRR": "both.realistic.inverse_harmonic_mean_rank",
    "hits@1": "both.realistic.hits_at_1",
    "hits@3": "both.realistic.hits_at_3",
    "hits@10": "both.realistic.hits_at_10",
    "mean rank": "both.realistic.arithmetic_mean_rank",
}


@dataclass(frozen=True)
class Split:
    """The triples of a split by a model's numbers; `unknown`: those that it has no vectors for."""

    name: str
    true: Triples
    false: Triples
    unknown: int


def split_of(collection: Collection, numbering: Numbering) -> Split:
    """One split."""
    true = numbering.triples(collection)
    asked = collection.queries.filter(collection.queries["asks"] == "tail")
    tails = collection.qrels.filter(collection.qrels["relevance"] > 0)
    every = len(tails.join(asked.select("query_id"), on="query_id", how="semi"))
    return Split(
        collection.split, true, numbering.triples(collection, relevant=False), every - len(true)
    )


def triples_of_splits(collection: Collection, numbering: Numbering) -> list[Split]:
    """Its own split and the others of the same data."""
    return [split_of(each, numbering) for each in (collection, *other_splits(collection))]


def evaluate_graph(
    model: str | Path, data: Any, machine: Machine, emit: Emit = silent
) -> dict[str, Any]:
    """The figures of a model's folder on one split of a graph.

    Raises `DataError` for data that are no triples, or none that the model has vectors for.
    """
    made = GraphModel.load(model)
    collection = load(data, lost="count")
    if not all(collection.has("queries", name) for name in ("entity", "relation", "asks")):
        raise DataError(
            "the model is one of a knowledge graph, and these are no triples",
            where=f"collection {collection.name!r}",
            fix="name a folder of triples, such as GRAPH@test",
        )
    splits = triples_of_splits(collection, made.numbering)
    own = splits[0]
    if not len(own.true):
        raise DataError(
            "the model has no vectors for the entities and relations of these triples",
            where=f"collection {collection.name!r}",
            fix="evaluate it on the graph that it was trained with",
        )
    return {
        "model": str(model),
        "data": f"{collection.name}@{collection.split}",
        "entities": len(made.numbering.entities),
        "splits left out of ranks": [each.name for each in splits[1:] if len(each.true)],
        **measured(made, own, splits, machine),
    }


def measured(
    made: GraphModel, split: Split, splits: Sequence[Split], machine: Machine, most: int = 0
) -> dict[str, Any]:
    """triples, unknown, MRR, hits@k, and what triple classification says; of `most` triples."""
    found = _ranks(made, split, splits, machine, most)
    if most:
        return found
    return {
        "triples": len(split.true),
        "triples without vectors": split.unknown,
        **found,
        "classification": _classified(made, split, splits),
    }


def _ranks(
    made: GraphModel, split: Split, splits: Sequence[Split], machine: Machine, most: int
) -> dict[str, float]:
    evaluator = require("pykeen.evaluation", extra="kg").RankBasedEvaluator(filtered=True)
    asked = split.true
    if most and len(asked) > most:
        asked = asked[np.sort(np.argsort(mix(np.arange(len(asked)).astype(np.uint64)))[:most])]
    others = [torch.from_numpy(each.true) for each in splits if len(each.true)]
    torch.set_num_threads(machine.threads)
    with _quiet(), all_at_once(made.model):
        results = evaluator.evaluate(
            model=made.model,
            mapped_triples=torch.from_numpy(asked),
            batch_size=_BATCH,
            use_tqdm=False,
            additional_filter_triples=others,
        )
    return {name: float(results.get_metric(theirs)) for name, theirs in _NAMES.items()}


@contextmanager
def _quiet() -> Iterator[None]:
    """PyKEEN logs, once for each evaluation, that memory is not adapted on a CPU."""
    loggers = [logging.getLogger(name) for name in ("torch_max_mem", "pykeen")]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)


def scores_of(made: GraphModel, triples: Triples) -> Floats:
    """float32[n]: the model's scores."""
    found = []
    with torch.no_grad():
        for start in range(0, len(triples), _SCORED):
            part = torch.from_numpy(triples[start : start + _SCORED]).to(made.model.device)
            found.append(made.model.score_hrt(part).reshape(-1).float().cpu().numpy())
    made_: Floats = np.concatenate([np.empty(0, np.float32), *found])
    return made_


def _classified(made: GraphModel, split: Split, splits: Sequence[Split]) -> dict[str, Any] | None:
    """How well it tells true from verified-false; None where no false ones are known."""
    if not len(split.false) or not len(split.true):
        return None
    true, false = scores_of(made, split.true), scores_of(made, split.false)
    told: dict[str, Any] = {
        "false triples": len(split.false),
        "AUROC": auc(true, false),
    }
    dev = next((s for s in splits if s.name in DEV and s is not split and len(s.false)), None)
    if dev is not None and len(dev.true):
        borders = _borders(made, dev)
        right = np.concatenate(
            [true >= borders[split.true[:, 1]], false < borders[split.false[:, 1]]]
        )
        told |= {"accuracy": float(right.mean()), "borders from": dev.name}
    return told


def _borders(made: GraphModel, dev: Split) -> Floats:
    """float32[relations]: the score from which on most triples of the split are told rightly."""
    scores = np.concatenate([scores_of(made, dev.true), scores_of(made, dev.false)])
    true = np.arange(len(scores)) < len(dev.true)
    relation = np.concatenate([dev.true[:, 1], dev.false[:, 1]])
    borders = np.full(len(made.numbering.relations), _border(scores, true), np.float32)
    for each in np.unique(relation):
        own = relation == each
        if true[own].any() and not true[own].all():
            borders[each] = _border(scores[own], true[own])
    return borders


def _border(scores: Floats, true: Bools) -> float:
    """The lowest score that counts as true, so that most are right; between two scores."""
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], true[order]
    right = np.concatenate([[0], np.cumsum(np.where(hits, 1, -1))])
    whole = np.concatenate([[True], ranked[:-1] > ranked[1:], [True]])
    at = int(np.argmax(np.where(whole, right, -len(scores) - 1)))
    if at == 0:
        return float(np.nextafter(ranked[0], np.float32(np.inf)))
    below = ranked[at] if at < len(ranked) else ranked[-1] - 1
    return float((ranked[at - 1] + below) / 2)
