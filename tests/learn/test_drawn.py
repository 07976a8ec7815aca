"""Negatives drawn at every step: exact, by seed and ids and step alone, the hardest of several."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from negatives.errors import DataError
from negatives.events import Event, Warned
from negatives.find.dynamic import Dynamic
from negatives.find.sampled import Popularity, Random
from negatives.learn.drawn import StepDraws, shared_out
from negatives.learn.training_set import NOTHING, TrainingSet, training_set
from negatives.read import load
from negatives.schema import Collection
from negatives.stage import Source


def plays(users: int = 12, items: int = 20, seed: int = 0) -> Collection:
    draw = np.random.default_rng(seed)
    rows = [
        (f"u{user:02}", f"i{item:02}")
        for user in range(users)
        for item in draw.choice(items, int(draw.integers(1, items - 2)), replace=False).tolist()
    ]
    return load(pl.DataFrame(rows, ["user", "item"], orient="row"))


def examples(data: Collection) -> TrainingSet:
    return training_set(data, NOTHING, 0)


def drawn(found: TrainingSet, *sources: Source, step: int = 0, **how: int) -> list[np.ndarray]:
    made = StepDraws.of(found, sources, how.get("negatives", 8), how.get("seed", 0))
    return [each.docs for each in made.draw(np.arange(len(found)), step)]


def test_no_known_positive_is_drawn_and_the_probabilities_are_those_of_the_law() -> None:
    found = examples(plays())
    known = {*found.collection.positives.rows()}
    made = StepDraws.of(found, [Random(top=3), Popularity(top=1)], 8, 0)
    assert [law.places for law in made.laws] == [6, 2]
    uniform, popular = made.draw(np.arange(len(found)), 3)
    users = found.positives[:, 0].tolist()
    sizes = found.collection.positives.group_by("query").len().sort("query")["len"].to_list()
    counts = np.bincount(found.collection.positives["doc"].to_numpy(), minlength=20) + 1.0
    for row, user in enumerate(users):
        left = [doc for doc in range(20) if (user, doc) not in known]
        for each in (*uniform.docs[row].flatten(), *popular.docs[row].flatten()):
            assert int(each) in left
        assert uniform.log_q[row].tolist() == pytest.approx([-np.log(20 - sizes[user])] * 6)
        shares = counts**0.75 / (counts[left] ** 0.75).sum()
        expected = np.log(shares[popular.docs[row].flatten()])
        assert popular.log_q[row].tolist() == pytest.approx(expected.tolist(), abs=1e-5)


def test_draws_depend_on_the_seed_the_ids_and_the_step_alone() -> None:
    found = examples(plays())
    first = drawn(found, Random())[0]
    assert (first == drawn(found, Random())[0]).all()
    assert (first != drawn(found, Random(), step=1)[0]).any()
    assert (first != drawn(found, Random(), seed=1)[0]).any()
    made = StepDraws.of(found, [Random()], 8, 0)
    some = np.arange(len(found))[::-3].copy()
    assert (made.draw(some, 0)[0].docs == first[some]).all()
    # Another user, who comes before all others, changes no draw of theirs.
    rows = found.collection.qrels.select(user="query_id", item="doc_id")
    more = examples(load(pl.concat([pl.DataFrame({"user": ["a"], "item": ["i00"]}), rows])))
    assert (drawn(more, Random())[0][1:] == first).all()


@pytest.mark.recipe("dns")
def test_of_two_draws_the_best_is_drawn_as_often_as_counting_says() -> None:
    torch = pytest.importorskip("torch")
    from negatives.learn.id_module import IdLossModule
    from negatives.learn.id_tables import IdTables
    from negatives.learn.pairwise import Pairwise
    from negatives.learn.rows import TrainingRows

    # One user has one item, so that five are left, and is nearest to the last of them.
    rows = [("u", "i0"), *((f"v{n}", f"i{n}") for n in range(1, 6))]
    data = load(pl.DataFrame(rows, ["user", "item"], orient="row"))
    found = examples(data).only(np.array([0]))
    loss = Pairwise(negatives="hard")
    tables = IdTables("cpu")
    tables.fit(data, 1, loss, 0)
    tables.queries.data[:] = 1.0
    tables.docs.data[:, 0] = torch.arange(6.0)
    module = IdLossModule(tables, loss, TrainingRows(found))
    made = StepDraws.of(found, [Dynamic(draws=2)], 25_000, 0)
    docs = torch.as_tensor(made.draw(np.array([0]), 0)[0].docs)
    chosen = module._chosen(torch.tensor([0]), docs).flatten()
    shares = torch.bincount(chosen, minlength=6)[1:].flip(0) / len(chosen)
    assert shares.tolist() == pytest.approx([0.36, 0.28, 0.20, 0.12, 0.04], abs=0.01)
    assert not made.corrected


def test_pairs_that_must_not_be_drawn_are_not() -> None:
    found = examples(plays())
    known = found.collection.positives
    every = pl.DataFrame({"query": range(12)}).join(pl.DataFrame({"doc": range(20)}), how="cross")
    left = every.cast(pl.UInt32).join(known, on=["query", "doc"], how="anti")
    never = left.sort("query", "doc").gather_every(2)
    made = StepDraws.of(found, [Random()], 16, 0, never)
    docs = made.draw(np.arange(len(found)), 0)[0].docs[:, :, 0]
    pairs = {(u, d) for u, row in zip(found.positives[:, 0].tolist(), docs.tolist(), strict=True)
             for d in row}  # fmt: skip
    assert not pairs & {*never.rows()}
    assert not pairs & {*known.rows()}


def test_who_has_everything_has_no_negatives_and_is_told_of() -> None:
    rows = [("all", "x"), ("all", "y"), ("one", "x")]
    data = load(pl.DataFrame(rows, ["user", "item"], orient="row"))
    said: list[Event] = []
    made = StepDraws.of(examples(data), [Random()], 2, 0, emit=said.append)
    docs = made.draw(np.arange(3), 0)[0].docs[:, :, 0]
    assert docs.tolist() == [[-1, -1], [-1, -1], [1, 1]]
    assert [event.text for event in said if isinstance(event, Warned)] == [
        "1 of 2 queries have every document as a positive, or none that may be drawn: they have no "
        "negatives ('all')"
    ]
    full = replace(data, qrels=data.qrels.filter(pl.col("query_id") == "all"))
    with pytest.raises(DataError, match="every document is a positive of every query"):
        StepDraws.of(examples(full), [Random()], 2, 0)


def test_places_are_shared_out_in_proportion() -> None:
    assert shared_out(8, [3, 1]) == [6, 2]
    assert shared_out(5, [1, 1]) == [3, 2]
    assert shared_out(1, [1, 5]) == [0, 1]
