"""The sampler for PyKEEN: found by name, exact, the same for a seed, by the law asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pykeen")
pytest.importorskip("numba")

import torch
from pykeen.sampling import negative_sampler_resolver
from pykeen.triples import TriplesFactory

from negatives.errors import DataError, InputError, NegativesWarning
from negatives.find.sampled import Random
from negatives.pick.sampled import RandomPick
from negatives.pykeen import ExactNegativeSampler, clusters_of
from negatives.read import load
from negatives.recipe import Recipe
from negatives.run import mine

ROWS = [("a", "r", "b"), ("a", "r", "c"), ("b", "r", "c"), ("d", "s", "e"), ("e", "s", "f")]


@pytest.fixture(scope="module")
def factory() -> Any:
    return TriplesFactory.from_labeled_triples(np.array(ROWS))


def sampler(of: Any, /, **settings: Any) -> ExactNegativeSampler:
    return ExactNegativeSampler(
        mapped_triples=of.mapped_triples,
        num_entities=of.num_entities,
        num_relations=of.num_relations,
        **{"num_negs_per_pos": 40} | settings,
    )


def drawn(made: ExactNegativeSampler, batch: Any) -> set[tuple[int, ...]]:
    return {tuple(row) for row in made.sample(batch)[0].reshape(-1, 3).tolist()}


@pytest.mark.slow
def test_pykeen_finds_it_by_name_and_nothing_known_is_drawn(factory: Any) -> None:
    for name in ("negatives", "exact"):
        assert negative_sampler_resolver.lookup(name) is ExactNegativeSampler
    triples = factory.mapped_triples
    known = {tuple(row) for row in triples.tolist()}
    torch.manual_seed(1)
    found, mask = sampler(factory).sample(triples.view(1, 5, 3))
    assert found.shape == (1, 5, 40, 3)
    assert mask is None
    assert not {tuple(row) for row in found.view(-1, 3).tolist()} & known
    torch.manual_seed(1)
    again, _ = sampler(factory).sample(triples.view(1, 5, 3))
    assert torch.equal(found, again)
    more = sampler(factory, known=[[0, 0, 3]])
    assert (0, 0, 3) not in drawn(more, triples[:1])
    # or a known one is dropped, and PyKEEN is told which
    found, mask = sampler(factory, known_draws="dropped").sample(triples)
    told = [[tuple(row) not in known for row in rows] for rows in found.tolist()]
    assert mask is not None
    assert mask.tolist() == told
    assert not mask.all()
    # of a graph in which all is true nothing is a negative, and PyKEEN is told so
    full = torch.tensor([[h, 0, t] for h in range(2) for t in range(2)])
    _, mask = ExactNegativeSampler(mapped_triples=full, num_negs_per_pos=3).sample(full)
    assert mask is not None
    assert not mask.any()


@pytest.mark.slow
def test_it_draws_from_types_clusters_and_from_a_run(factory: Any, tmp_path: Path) -> None:
    number, triples = factory.entity_to_id, factory.mapped_triples
    ids = triples[(triples[:, 1] == factory.relation_to_id["s"])][:1]  # (d, s, e)
    with pytest.warns(NegativesWarning, match="every negative is a hard one"):
        typed = drawn(sampler(factory, law="typed", mix=1.0), ids)
    assert typed == {(number["d"], 1, number["f"]), (number["e"], 1, number["e"])}
    groups = [0, 0, 0, 1, 1, 1]
    with pytest.warns(NegativesWarning, match="mix=0.2 keeps easy ones"):
        near = drawn(sampler(factory, law="clusters", clusters=groups, mix=1.0), ids)
    assert {tail for head, _, tail in near if head == number["d"]} == {number["d"], number["f"]}
    vectors = np.eye(2, dtype=np.float32)[groups]
    assert clusters_of(vectors, clusters=2).tolist() in (groups, [1 - each for each in groups])
    rows = "".join("\t".join(row) + "\n" for row in ROWS)
    (tmp_path / "g.tsv").write_text("h\tr\tt\n" + rows)
    recipe = Recipe(find=(Random(top=2),), pick=RandomPick(per_query=2))
    run = mine(load(tmp_path / "g.tsv"), tmp_path / "run", recipe=recipe)
    mined = {
        (row["query_id"], row["doc_id"])
        for row in run.negatives.select("query_id", "doc_id").iter_rows(named=True)
    }
    labels = {at: name for name, at in number.items()}
    for head, _, tail in drawn(sampler(factory, law="run", run=run, factory=factory), ids):
        by_tail = ("d|s|?", labels[tail]) in mined
        assert by_tail if labels[head] == "d" else ("?|s|e", labels[head]) in mined
    other = TriplesFactory.from_labeled_triples(np.array([("x", "y", "z")]))
    with pytest.raises(DataError, match="is of a question of these triples"):
        sampler(other, law="run", run=run, factory=other)


def test_what_a_law_needs_is_asked_for(factory: Any) -> None:
    for settings, said in (
        ({"law": "near"}, "there is no law 'near'"),
        ({"law": "clusters"}, "clusters is not given"),
        ({"clusters": [0] * 6}, "clusters is given, and the law is 'uniform'"),
        ({"law": "run", "run": "nowhere"}, "nothing says which numbers they have"),
        ({"sides": "odd"}, "sides is 'odd'"),
        ({"known_draws": "kept"}, "known_draws is 'kept'"),
        ({"law": "clusters", "clusters": [0, 1]}, "for 6 entities"),
        ({"known": [[0, 0]]}, "known triples of shape"),
        ({"known": [[0.5, 0, 1]]}, "type float64"),
    ):
        with pytest.raises(InputError, match=said):
            sampler(factory, **settings)
