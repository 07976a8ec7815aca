"""A batch of ids: two tables of vectors are trained by a loss that masks what is known by id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import negatives as neg
from negatives.learn.training_set import TrainingSet, of_run
from negatives.read import load

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> TrainingSet:
    """Thirty users whose tastes are even or odd items, and who have interactions with four each."""
    folder = tmp_path_factory.mktemp("plays")
    draw = np.random.default_rng(1)
    rows = [
        (user, 2 * item + user % 2)
        for user in range(30)
        for item in draw.choice(20, 4, replace=False)
    ]
    pl.DataFrame(rows, schema=["user", "item"], orient="row").write_csv(folder / "plays.csv")
    run = neg.mine(load(folder / "plays.csv"), folder / "run", recipe="popularity")
    return of_run(run, 3)


def batch_of(found: TrainingSet, rows: list[int], tables: list[Any]) -> object:
    """The encoded batch of some examples."""
    from negatives.learn.collator import related
    from negatives.learn.encoded import EncodedBatch

    pairs = found.positives[rows]
    docs = found.docs_of(pairs)
    present = docs >= 0
    keys = np.column_stack([found.query_keys[pairs[:, 0]], found.doc_keys[docs]])
    return EncodedBatch(
        queries=tables[0](torch.as_tensor(pairs[:, 0]).long()),
        docs=tables[1](torch.as_tensor(np.maximum(docs, 0)).long()),
        relevant=torch.as_tensor(related(found.known, keys, present)),
        present=torch.as_tensor(present),
    )


def test_what_is_masked_is_what_the_interactions_say(found: TrainingSet) -> None:
    tables = [torch.nn.Embedding(60, 4), torch.nn.Embedding(60, 4)]
    rows = list(range(0, len(found), 3))
    batch = batch_of(found, rows, tables)
    known = {*found.collection.positives.rows()}
    docs = found.docs_of(found.positives[rows]).reshape(-1)
    for row, example in enumerate(rows):
        user = int(found.positives[example, 0])
        expected = [(user, int(doc)) in known for doc in docs]
        assert batch.relevant[row].tolist() == expected  # type: ignore[attr-defined]


def test_a_loss_learns_from_batches_of_ids(found: TrainingSet, tmp_path: Path) -> None:
    from negatives.learn.multiple_negatives import MultipleNegatives

    torch.manual_seed(0)
    tables = [torch.nn.Embedding(60, 8), torch.nn.Embedding(60, 8)]
    losses = MultipleNegatives().open()
    step = torch.optim.Adam([p for t in tables for p in t.parameters()], 0.05)
    draw, seen = np.random.default_rng(0), []
    for _ in range(40):
        batch = batch_of(found, draw.choice(len(found), 32, replace=False).tolist(), tables)
        loss = losses(batch).mean()  # type: ignore[arg-type]
        step.zero_grad()
        loss.backward()
        step.step()
        seen.append(float(loss.detach()))
    assert np.isfinite(seen).all()
    assert np.mean(seen[-5:]) < 0.5 * seen[0]
