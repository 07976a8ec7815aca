"""Labels of which one presupposes the other: ESMM's loss, and its training by id from grades."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest

torch = pytest.importorskip("torch")

from negatives.errors import DataError, RecipeError  # noqa: E402
from negatives.events import silent  # noqa: E402
from negatives.learn.encoded import EncodedBatch  # noqa: E402
from negatives.learn.label_chain import LabelChain, of_both, of_first  # noqa: E402
from negatives.learn.train import train  # noqa: E402
from negatives.optional import Tensor  # noqa: E402
from negatives.recipe import load_recipe  # noqa: E402
from negatives.recipe_changes import override  # noqa: E402
from tests.cli.commands import negatives  # noqa: E402


def batch(
    first: list[float], last: list[float], labels: list[float], present: list[bool] | None = None
) -> EncodedBatch:
    """One row whose documents have these products: the last label's vectors come first."""
    docs = torch.tensor([[last, first]], dtype=torch.float64).transpose(1, 2).contiguous()
    there = torch.tensor([present or [True] * len(labels)])
    return EncodedBatch(
        queries=torch.ones(1, 2, dtype=torch.float64),
        docs=docs.requires_grad_(),
        relevant=torch.zeros(1, len(labels), dtype=torch.bool),
        present=there,
        labels=torch.tensor([labels], dtype=torch.float64),
    )


def logit(p: float) -> float:
    return math.log(p / (1 - p))


@pytest.mark.recipe("esmm")
@pytest.mark.parametrize(
    ("grade", "expected"), [(math.nan, 0.243346), (0.0, 0.243346), (1.0, 1.629641), (2.0, 5.521461)]
)
def test_the_losses_of_a_chain_are_those_worked_out_by_hand(grade: float, expected: float) -> None:
    made = batch([logit(0.2)], [logit(0.1)], [grade])
    assert float(LabelChain().open()(made).detach()) == pytest.approx(expected, abs=1e-6)


@pytest.mark.recipe("esmm")
def test_what_is_not_clicked_pushes_the_purchase_down_by_as_much_as_a_click_is_probable() -> None:
    made = batch([logit(0.2), -30.0], [logit(0.1), logit(0.1)], [math.nan, math.nan])
    (2 * LabelChain().open()(made)).sum().backward()
    assert made.docs.grad is not None
    both = 0.2 * 0.1
    by_hand = both * (1 - 0.1) / (1 - both)
    assert made.docs.grad[0, :, 0].tolist() == pytest.approx([by_hand, 0.0], abs=1e-9)


@pytest.mark.recipe("esmm")
def test_where_all_is_clicked_it_is_the_cross_entropy_of_the_purchase() -> None:
    last = torch.tensor([0.3, -2.0], dtype=torch.float64)
    bought = torch.tensor([True, False])
    sure = torch.full((2,), 40.0, dtype=torch.float64)
    assert of_both(sure, last, bought).tolist() == pytest.approx(of_first(last, bought).tolist())


def test_extreme_products_have_finite_losses_and_gradients() -> None:
    made = batch([500.0, -500.0, 500.0], [500.0, -500.0, -500.0], [1.0, 2.0, 2.0])
    loss = LabelChain().open()(made)
    loss.sum().backward()
    assert made.docs.grad is not None
    assert bool(loss.isfinite().all())
    assert bool(made.docs.grad.isfinite().all())


def test_gradients_are_those_of_finite_differences() -> None:
    made = batch([0.4, -1.0, 2.0], [-0.3, 0.8, 1.5], [2.0, 1.0, math.nan])

    def loss(docs: Tensor) -> Tensor:
        found = EncodedBatch(made.queries, docs, made.relevant, made.present, made.labels)
        return LabelChain(weight=0.7).open()(found)

    assert torch.autograd.gradcheck(loss, (made.docs,))


def test_fillers_do_not_count() -> None:
    whole = batch([0.4, 9.0], [-0.3, 9.0], [2.0, math.nan], [True, False])
    alone = batch([0.4], [-0.3], [2.0])
    one, two = (float(LabelChain().open()(each).detach()) for each in (whole, alone))
    assert one == pytest.approx(two)


@pytest.mark.recipe("esmm")
def test_a_purchase_is_learned_as_it_is_where_few_click() -> None:
    """P(click | x) = sig(2x), P(purchase | click, x) = sig(-2x): the page's synthetic test."""
    draw = torch.Generator().manual_seed(3)
    x = torch.rand(20_000, generator=draw, dtype=torch.float64) * 4 - 2
    clicked = torch.rand(len(x), generator=draw, dtype=torch.float64) < torch.sigmoid(2 * x)
    chance = torch.rand(len(x), generator=draw, dtype=torch.float64)
    bought = clicked & (chance < torch.sigmoid(-2 * x))

    def fitted(by_chain: bool) -> float:
        first, last = (torch.zeros(2, dtype=torch.float64, requires_grad=True) for _ in "ab")
        optimiser = torch.optim.LBFGS([first, last], max_iter=60)

        def step() -> Tensor:
            optimiser.zero_grad()
            a, b = first[0] + first[1] * x, last[0] + last[1] * x
            if by_chain:
                loss = (of_first(a, clicked) + of_both(a, b, bought)).mean()
            else:
                loss = of_first(b, bought).mean()
            loss.backward()
            return loss

        optimiser.step(step)
        return float(last[1].detach())

    assert fitted(by_chain=True) == pytest.approx(-2, abs=0.2)
    assert fitted(by_chain=False) == pytest.approx(0, abs=0.2), "unclicked ones taken for unbought"


def test_what_is_no_chain_is_refused() -> None:
    with pytest.raises(RecipeError, match="does not presuppose"):
        LabelChain(first=2.0, last=2.0)
    with pytest.raises(DataError, match="positives have the grades 1") as error:
        LabelChain().refuse_grades([1])
    assert "learn.first" in error.value.fix
    with pytest.raises(DataError, match="positives have the grades 2, 3"):
        LabelChain().refuse_grades([2, 3])
    LabelChain().refuse_grades([1, 2])
    made = batch([0.0], [0.0], [1.0])
    bare = EncodedBatch(made.queries, made.docs, made.relevant, made.present)
    with pytest.raises(RecipeError, match="learns from a teacher's scores or from grades"):
        LabelChain().open()(bare)


@pytest.fixture(scope="module")
def sales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Users look at what everybody looks at (low items), and buy what is rare among it."""
    draw = np.random.default_rng(5)
    folder = tmp_path_factory.mktemp("sales")
    rows = []
    for user in range(60):
        for item in range(20):
            if draw.random() < 0.9 - 0.04 * item:
                rows.append((user, item, 2 if draw.random() < 0.05 + 0.045 * item else 1))
    table = pl.DataFrame(rows, ["user_id", "item_id", "rating"], orient="row")
    table.write_csv(folder / "train.tsv", separator="\t")
    return folder


@pytest.mark.recipe("esmm")
def test_grades_of_positives_are_learned_from_with_negatives_drawn_at_every_step(
    sales: Path, tmp_path: Path
) -> None:
    from negatives.models.by_id import IdEncoder

    changes = ["train.steps=300", "train.batch_size=64", "train.dim=4", "train.learning_rate=0.05"]
    more = [f"--set={each}" for each in changes]
    done = negatives("train", sales, "--recipe", "esmm", "--out", tmp_path / "m", *more)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "m" / "run").exists()
    users, items = IdEncoder(tmp_path / "m").sides
    mean = (users.vectors @ items.vectors.T).mean(axis=0)
    place = [int(each) for each in items.ids]
    assert np.corrcoef(place, mean)[0, 1] > 0.5, "what is bought more, once it is looked at"
    flat = pl.read_csv(sales / "train.tsv", separator="\t").with_columns(rating=1)
    (tmp_path / "flat").mkdir()
    flat.write_csv(tmp_path / "flat" / "train.tsv", separator="\t")
    wrong = negatives("train", tmp_path / "flat", "--recipe", "esmm", "--out", tmp_path / "w")
    assert wrong.returncode == 2
    assert "positives have the grades 1" in wrong.stderr


@pytest.mark.recipe("esmm")
def test_a_file_with_ratings_is_a_collection_and_one_of_other_grades_is_mined_negatives(
    sales: Path, tmp_path: Path
) -> None:
    file = tmp_path / "sales.tsv"
    table = pl.read_csv(sales / "train.tsv", separator="\t")
    dislikes = pl.DataFrame({"user_id": [0, 1], "item_id": [90, 91], "rating": [0, -1]})
    table = pl.concat([table, dislikes])
    table.write_csv(file, separator="\t")
    done = negatives("train", file, "--recipe", "esmm", "--out", tmp_path / "m", "--steps", "2")
    assert done.returncode == 0, done.stderr
    steps = override(load_recipe("esmm"), ["train.steps=2"])
    train(table, tmp_path / "t", recipe=steps, emit=silent)
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("m", "t")]
    assert weights[0] == weights[1]
    others = pl.DataFrame({"query": ["a", "a"], "document": ["b", "c"], "label": [1, 0]})
    with pytest.raises(RecipeError, match="the table is read as mined negatives") as error:
        train(others, tmp_path / "o", recipe="esmm", emit=silent)
    assert "a collection with graded qrels" in error.value.fix
