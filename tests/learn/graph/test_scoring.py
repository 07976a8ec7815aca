"""TransE's scores of all entities at once."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("pykeen", reason="needs negatives[kg]")

import polars as pl
import torch
from pykeen.evaluation import RankBasedEvaluator
from pykeen.models import DistMult, TransE
from pykeen.triples import CoreTriplesFactory

from negatives.learn.graph.measuring import Split, measured
from negatives.learn.graph.model import GraphAbout, GraphModel
from negatives.learn.graph.scoring import all_at_once
from negatives.learn.graph.triples import Numbering
from negatives.machine import Machine

TRIPLES = torch.tensor([[0, 0, 1], [0, 1, 2], [3, 0, 1], [3, 1, 3], [4, 0, 2], [1, 1, 5]])
FACTORY = CoreTriplesFactory.create(TRIPLES, num_entities=6, num_relations=2)


def test_the_scores_are_those_that_pykeen_gives_whatever_the_norm() -> None:
    for norm in (1, 2, 3):
        model = TransE(
            triples_factory=FACTORY, embedding_dim=8, scoring_fct_norm=norm, random_seed=1
        )
        model.eval()
        asked = (TRIPLES[:, :2], TRIPLES[:, 1:], TRIPLES, TRIPLES[:1, :2])
        score = (model.score_t, model.score_h, model.score_hrt, model.score_t)
        with torch.no_grad():
            before = [each(part) for each, part in zip(score, asked, strict=True)]
            with all_at_once(model):
                found = [each(part) for each, part in zip(score, asked, strict=True)]
        for theirs, ours in zip(before, found, strict=True):
            assert ours.shape == theirs.shape
            assert torch.allclose(ours, theirs, atol=1e-5)


def test_an_evaluation_scores_so_and_finds_the_same_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    numbering = Numbering(pl.Series(map(str, range(6))), pl.Series(["0", "1"]))
    split = Split("test", TRIPLES.numpy(), TRIPLES.numpy()[:0], 0)
    calls: list[Any] = []
    cdist = torch.cdist

    def counted(asked: Any, *others: Any, **named: Any) -> Any:
        calls.append(asked)
        return cdist(asked, *others, **named)

    monkeypatch.setattr(torch, "cdist", counted)
    for kind in (TransE, DistMult):
        model = kind(triples_factory=FACTORY, embedding_dim=8, random_seed=1)
        before = model.interaction
        made = GraphModel(GraphAbout(architecture=kind.__name__, dim=8), numbering, model)
        found = measured(made, split, [split], Machine(threads=1))
        assert model.interaction is before
        theirs = RankBasedEvaluator(filtered=True).evaluate(model, TRIPLES, use_tqdm=False)
        mrr = theirs.get_metric("both.realistic.inverse_harmonic_mean_rank")
        assert found["MRR"] == pytest.approx(mrr)
        assert bool(calls) == (kind is TransE)
        calls.clear()
