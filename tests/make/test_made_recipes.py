"""What recipes of made captions make: two levels of what is false, and instructions changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import negatives as neg
from negatives.recipe import load_recipe
from negatives.schema import Collection
from tests.build import collection

COLOURS, THINGS = ("red", "blue", "green", "white"), ("cup", "cart", "kite", "boat")
PLACES = ("hill", "lake", "road", "roof")


def captions() -> Collection:
    """Some of all that four colours, things and places allow: a document each, with a query."""
    draw = np.random.default_rng(0)
    texts = sorted(
        {
            f"a {draw.choice(COLOURS)} {draw.choice(THINGS)} on the {draw.choice(PLACES)} "
            f"with one {draw.choice(THINGS)}"
            for _ in range(400)
        }
    )
    names = [f"{number:03}" for number in range(len(texts))]
    return collection(
        {f"d{name}": text for name, text in zip(names, texts, strict=True)},
        {f"q{name}": f"image {name}" for name in names},
        [(f"q{name}", f"d{name}", 1) for name in names],
    )


def unlike(data: Collection, run: neg.Run) -> pl.DataFrame:
    """source, old, new: of each negative the words in which it differs from its query's caption."""
    texts = dict(run.generated.select("doc_id", "text").rows())
    own = {q: d for q, d, _ in data.qrels.rows()}
    known = dict(data.corpus.select("doc_id", "text").rows())
    rows = []
    for query, doc, sources in run.negatives.select("query_id", "doc_id", "sources").rows():
        pairs = zip(known[own[query]].split(), texts[doc].split(), strict=True)
        ((old, new),) = [each for each in pairs if each[0] != each[1]]
        rows.append((sources[0], old, new))
    return pl.DataFrame(rows, schema=["source", "old", "new"], orient="row")


@pytest.mark.recipe("lrv-negative-instructions")
def test_what_exists_keeps_its_name_and_has_another_attribute(tmp_path: Path) -> None:
    data = captions()
    run = neg.mine(data, tmp_path / "run", recipe="lrv-negative-instructions")
    found = unlike(data, run)
    existent = found.filter(pl.col("source") == "existent")
    assert len(existent) > 10
    colours = existent.filter(pl.col("old").is_in(COLOURS))
    assert colours["new"].is_in(COLOURS).all(), "exactly one attribute, and of its own class"
    assert not existent["old"].is_in(THINGS).any(), "the thing stays"
    assert (found["old"] != found["new"]).all()
    assert found.filter(pl.col("source") == "nonexistent")["old"].is_in(THINGS).any()


@pytest.mark.recipe("lrv-negative-instructions")
def test_a_query_has_one_of_each_level_at_most(tmp_path: Path) -> None:
    run = neg.mine(captions(), tmp_path / "run", recipe="lrv-negative-instructions")
    counts = run.negatives.with_columns(level=pl.col("sources").list.first())
    assert counts.group_by("query_id", "level").len()["len"].max() == 1
    assert {*counts["level"]} == {"existent", "nonexistent"}


@pytest.mark.recipe("superedit")
def test_an_instruction_is_changed_in_a_single_part_and_stays_below_the_right_one(
    tmp_path: Path,
) -> None:
    data = captions()
    run = neg.mine(data, tmp_path / "run", recipe="superedit")
    assert len(unlike(data, run)) == len(run.negatives) > 20  # one word each: unpacked there
    torch = pytest.importorskip("torch")
    from negatives.learn.encoded import EncodedBatch
    from negatives.learn.loss import Loss

    loss = load_recipe("superedit").learn
    assert isinstance(loss, Loss)
    near = torch.tensor([0.8, 0.6])
    queries = torch.tensor([[1.0, 0.0]])
    documents = torch.stack([near, torch.tensor([0.6, 0.8]), torch.tensor([0.0, 1.0])])[None]
    batch = EncodedBatch(
        queries,
        documents,
        relevant=torch.tensor([[True, False, False]]),
        present=torch.ones(1, 3, dtype=torch.bool),
    )
    # Cosines .8, .6 and 0 by a margin of .3: (max(0, .6 - .8 + .3) + 0) / 2.
    assert loss.open()(batch).item() == pytest.approx(0.05)
