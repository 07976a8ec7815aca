"""source-debias: the worked numbers of its page, its slope, and who is compared with whom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

torch = pytest.importorskip("torch")

import negatives as neg  # noqa: E402
from negatives.errors import DataError  # noqa: E402
from negatives.learn.encoded import EncodedBatch  # noqa: E402
from negatives.learn.multiple_negatives import MultipleNegatives  # noqa: E402
from negatives.learn.request import completed  # noqa: E402
from negatives.learn.source_debias import SourceDebias  # noqa: E402
from negatives.learn.training_set import field_of  # noqa: E402
from negatives.recipe import load_recipe  # noqa: E402


def debias(**more: Any) -> SourceDebias:
    return SourceDebias(similarity="dot", temperature=1.0, **more)


def rows(
    people: list[list[float]], written: list[list[float]], dtype: object = None
) -> EncodedBatch:
    """Of each query two rows, one a positive of people, one a written one.

    `people[i][j]`: the score of query i and the j-th query's text of people.
    """
    queries = torch.eye(len(people), dtype=torch.float64)
    docs = torch.cat([torch.tensor(each, dtype=torch.float64).T for each in (people, written)])
    n = len(people)
    owner = torch.arange(n).repeat(2)
    return EncodedBatch(
        queries=queries[owner],
        docs=docs.unsqueeze(1),
        relevant=owner.unsqueeze(-1) == owner,
        present=torch.ones(2 * n, 1, dtype=torch.bool),
        labels=torch.tensor([[0.0]] * n + [[1.0]] * n, dtype=torch.float64),
    )


PEOPLE, WRITTEN = [[3.0, 1.0], [0.0, 2.0]], [[4.0, 1.0], [0.0, 1.5]]


@pytest.mark.recipe("source-debias")
def test_the_worked_numbers() -> None:
    batch = rows(PEOPLE, WRITTEN)
    plain = debias(weight=0.0).open()(batch)
    assert (plain[:2].mean() + plain[2:].mean()).item() == pytest.approx(0.471497, abs=1e-6)
    whole = debias(weight=0.1).open()(batch)
    assert (whole[:2].mean() + whole[2:].mean()).item() == pytest.approx(0.521497, abs=1e-6)
    penalty = debias(weight=1.0).open()(batch) - plain
    assert penalty.tolist() == pytest.approx([1.0, 0.0, 0.0, 0.0])
    both = debias(weight=1.0, sides="both").open()(batch) - plain
    assert both.tolist() == pytest.approx([1.0, 0.5, 0.0, 0.0])


@pytest.mark.recipe("source-debias")
def test_without_weight_it_is_the_loss_of_two_positives_and_rewritings_alike_cost_nothing() -> None:
    batch = rows(PEOPLE, WRITTEN)
    plain = MultipleNegatives(similarity="dot", temperature=1.0).open()(batch)
    assert debias(weight=0.0).open()(batch).tolist() == plain.tolist()
    same = rows(PEOPLE, PEOPLE)
    found = debias(weight=5.0, sides="both").open()(same)
    assert found.tolist() == debias(weight=0.0).open()(same).tolist()


def test_the_penalty_is_that_of_a_loop_over_all_pairs_of_rows() -> None:
    draw = torch.Generator().manual_seed(3)
    queries = torch.randn(4, 5, generator=draw, dtype=torch.float64)
    owner = torch.tensor([0, 0, 0, 1, 1, 2, 3])
    docs = torch.randn(7, 3, 5, generator=draw, dtype=torch.float64)
    relevant = torch.zeros(7, 21, dtype=torch.bool)
    relevant[:, ::3] = owner.unsqueeze(-1) == owner
    labels = torch.full((7, 3), float("nan"), dtype=torch.float64)
    labels[:, 0] = torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0, 1.0, float("nan")])
    present = torch.ones(7, 3, dtype=torch.bool)
    batch = EncodedBatch(queries[owner], docs, relevant, present, labels=labels)
    for sides in ("one", "both"):
        opened = debias(weight=1.0, sides=sides).open()
        plain = debias(weight=0.0).open()(batch)
        for row, found in enumerate((opened(batch) - plain).tolist()):
            score = [float(queries[owner[row]] @ docs[each, 0]) for each in range(7)]
            gaps = [
                score[other] - score[row]
                for other in range(7)
                if owner[other] == owner[row] and labels[other, 0] == 1 and labels[row, 0] == 0
            ]
            costs = [abs(gap) if sides == "both" else max(gap, 0.0) for gap in gaps]
            assert found == pytest.approx(sum(costs) / max(len(costs), 1))
        assert opened.told()["rows_compared"] == pytest.approx(1.0)  # type: ignore[attr-defined]


def test_its_slope_is_that_of_finite_differences() -> None:
    draw = torch.Generator().manual_seed(0)
    owner = torch.tensor([0, 1, 0, 1])
    queries = torch.randn(2, 3, generator=draw, dtype=torch.float64)
    docs = torch.randn(4, 2, 3, generator=draw, dtype=torch.float64)
    relevant = torch.zeros(4, 8, dtype=torch.bool)
    relevant[:, ::2] = owner.unsqueeze(-1) == owner
    labels = torch.tensor([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0], [1.0, 0.0]], dtype=torch.float64)

    def of(queries: Any, docs: Any) -> Any:
        batch = EncodedBatch(
            queries[owner],
            docs,
            relevant,
            torch.ones(4, 2, dtype=torch.bool),
            labels=labels,
        )
        return SourceDebias(weight=0.7, sides="both").open()(batch)

    assert torch.autograd.gradcheck(of, (queries.requires_grad_(), docs.requires_grad_()))


def test_nobody_who_wrote_is_an_error() -> None:
    batch = rows(PEOPLE, WRITTEN)
    bare = EncodedBatch(batch.queries, batch.docs, batch.relevant, batch.present)
    with pytest.raises(DataError, match="nothing says which documents a machine wrote"):
        SourceDebias().open()(bare)


def collection(written: list[object]) -> neg.Collection:
    """A query a document, two documents a query, the second of which is `written`."""
    names = [f"d{n:02}" for n in range(len(written))]
    asked = range(len(names) // 2)
    words = ("wing", "pan", "stove", "plane", "museum", "glide", "metal", "air")
    return neg.Collection(
        name="twice",
        split="train",
        corpus=pl.DataFrame(
            {
                "doc_id": names,
                "text": [f"the {words[n // 2 % 8]} is so, number {n // 16}, said {n % 2}"
                         for n in range(len(names))],
                "written": written,
                "row": np.arange(len(names), dtype=np.uint32),
            }
        ),
        queries=pl.DataFrame(
            {
                "query_id": [f"q{n:02}" for n in asked],
                "text": [f"why is the {words[n % 8]} so, number {n // 8}" for n in asked],
                "row": np.arange(len(asked), dtype=np.uint32),
            }
        ),
        qrels=pl.DataFrame(
            {
                "query_id": [f"q{n // 2:02}" for n in range(len(names))],
                "doc_id": names,
                "relevance": pl.Series([1] * len(names), dtype=pl.Int32),
            }
        ),
    )  # fmt: skip


def test_the_field_is_true_or_false_and_says_something() -> None:
    labels = field_of(collection([False, True] * 4), "written")
    found = labels(np.array([0, 1]), np.array([[0, 1], [3, -1]], np.int32))
    assert found[0].tolist() == [0.0, 1.0]
    assert found[1, 0] == 1.0
    assert np.isnan(found[1, 1])
    with pytest.raises(DataError, match="'written' is not true or false: 'perhaps'"):
        field_of(collection(["perhaps", "no"] * 4), "written")
    with pytest.raises(DataError, match="'written' is not true or false: '2'"):
        field_of(collection([1, 2] * 4), "written")
    with pytest.raises(DataError, match="says the same of all positives"):
        field_of(collection([True, True] * 4), "written")


@pytest.mark.recipe("source-debias")
@pytest.mark.slow
def test_it_trains_five_steps_by_its_name_and_compares_both_sorts(tmp_path: Path) -> None:
    data = collection([False, True] * 32)
    changes = ["train.steps=5", "train.batch_size=8", "train.learning_rate=0.01"]
    recipe = completed(load_recipe("source-debias"), "static", changes=changes)
    made = neg.train(data, tmp_path / "m", model="static", recipe=recipe, look=False)
    assert made.account["steps"] == 5
    assert made.account["loss"]["rows_compared"] == pytest.approx(1.0)
