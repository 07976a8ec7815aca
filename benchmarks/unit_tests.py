"""Who learns a mark of the negatives: ways to make one score of many parts, by loss.

Raff and Holt (2023) ask of any method that reads bags of parts whether it learns what marks the
negatives, which the task forbids: a bag is positive if it holds what is asked for, whatever else it
holds. A document of many words or passages is such a bag. In their three sets
(`negatives.measure.unit_tests`) a mark is in every negative of training, and in every positive of
the test instead; in the last the mark is how often a concept comes. Here one query is asked, bags
are its documents, and a batch is trained on by the losses of this package, a positive with four
negatives a row, as the negatives of a recipe would be.

What takes the bait has an AUROC that is above 0.5 in training and below it at test, by intervals.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from statistics import mean

import numpy as np
import torch
from torch import Tensor

from benchmarks.page import write_page
from negatives.arrays import Doubles
from negatives.learn.encoded import EncodedBatch
from negatives.learn.loss import Loss
from negatives.learn.multiple_negatives import MultipleNegatives
from negatives.learn.pointwise import Pointwise
from negatives.measure.unit_tests import SETS, Bags, Finding, Scorer, unit_test
from negatives.models.series_modules import SeriesShape, SeriesTower

SEEDS, BAGS, DIM = 3, 400, 2
STEPS, ROWS, BESIDE, RATE = 150, 32, 4, 1e-2
WIDTH, ASKED = 16, 4
"""Numbers of a part's vector, and vectors of the query in the sum of best parts."""
LOSSES: dict[str, Loss] = {
    "multiple-negatives": MultipleNegatives(similarity="dot", temperature=1),
    "the same, own negatives alone": MultipleNegatives(
        similarity="dot", temperature=1, negatives="hard"
    ),
    "pointwise": Pointwise(similarity="dot"),
}


@dataclass(frozen=True)
class Padded:
    """`parts`: float[bags, longest, dim]; `there`: bool[bags, longest]."""

    parts: Tensor
    there: Tensor

    @classmethod
    def of(cls, bags: Bags) -> Padded:
        """All bags, at the length of the longest."""
        sizes = bags.sizes
        there = np.arange(sizes.max()) < sizes[:, None]
        parts = np.zeros((*there.shape, bags.parts.shape[1]), np.float32)
        parts[there] = bags.parts
        return cls(torch.as_tensor(parts), torch.as_tensor(there))

    def some(self, rows: Tensor) -> Padded:
        """Of some bags."""
        return Padded(self.parts[rows], self.there[rows])


def learned() -> Tensor:
    """The vector of the query, of which training may turn any number round."""
    return torch.nn.Parameter(torch.randn(WIDTH) / WIDTH**0.5)


class Pooled(torch.nn.Module):  # type: ignore[misc]
    """Numbers of each part by a small network, pooled, and weighed by the query."""

    def __init__(self, pool: Callable[[Tensor, Tensor], Tensor], query: Tensor) -> None:
        super().__init__()
        self.pool, self.query = pool, query
        self.parts = torch.nn.Sequential(
            torch.nn.Linear(DIM, WIDTH), torch.nn.GELU(), torch.nn.Linear(WIDTH, len(query))
        )

    def forward(self, bags: Padded) -> Tensor:
        """float[bags]."""
        return self.pool(self.parts(bags.parts), bags.there[..., None]) @ self.query


class Series(torch.nn.Module):  # type: ignore[misc]
    """The tower of time series; steps after the last part are nought."""

    def __init__(self) -> None:
        super().__init__()
        self.tower = SeriesTower(SeriesShape(dim=WIDTH, dimensions=DIM, length=0))
        self.query = learned()

    def forward(self, bags: Padded) -> Tensor:
        """float[bags]."""
        return self.tower.of_series(bags.parts.transpose(1, 2)) @ self.query


def averaged(values: Tensor, there: Tensor) -> Tensor:
    """float[bags, n]: the mean over the parts that are there."""
    return (values * there).sum(1) / there.sum(1)


def highest(values: Tensor, there: Tensor) -> Tensor:
    """float[bags, n]: the highest of each number."""
    return values.masked_fill(~there, -torch.inf).amax(1)


MODELS: dict[str, Callable[[], torch.nn.Module]] = {
    "mean of vectors": lambda: Pooled(averaged, learned()),
    "series tower": Series,
    "highest of each number": lambda: Pooled(highest, learned()),
    "best part": lambda: Pooled(highest, torch.ones(1)),
    "sum of best parts": lambda: Pooled(highest, torch.ones(ASKED)),
}


def fitted(model: str, loss: str, bags: Bags, seed: int) -> Scorer:
    """Train a model on rows of a positive and some negatives, all for the same query."""
    torch.manual_seed(seed)
    rng, net, losses = np.random.default_rng(seed), MODELS[model](), LOSSES[loss].open()
    optimiser = torch.optim.Adam(net.parameters(), lr=RATE)
    every = Padded.of(bags)
    ours, theirs = np.flatnonzero(bags.positive), np.flatnonzero(~bags.positive)
    shape = (ROWS, 1 + BESIDE)
    for _ in range(STEPS):
        rows = np.concatenate(
            [rng.choice(ours, (ROWS, 1), replace=False), rng.choice(theirs, (ROWS, BESIDE))], 1
        )
        docs = net(every.some(torch.as_tensor(rows.ravel()))).reshape(*shape, 1)
        relevant = torch.as_tensor(bags.positive[rows.ravel()]).expand(ROWS, -1)
        batch = EncodedBatch(
            torch.ones(ROWS, 1), docs, relevant, torch.ones(shape, dtype=torch.bool)
        )
        optimiser.zero_grad()
        batch.mean(losses(batch)).backward()
        optimiser.step()

    def scores(asked: Bags) -> Doubles:
        with torch.inference_mode():
            return np.asarray(net(Padded.of(asked)).numpy(), np.float64)

    return scores


def tested(model: str, loss: str, of: str) -> list[Finding]:
    """A finding a seed."""
    return [
        unit_test(
            lambda bags, seed=seed: fitted(model, loss, bags, seed),  # type: ignore[misc]
            of, bags=BAGS, dim=DIM, seed=seed,
        )
        for seed in range(SEEDS)
    ]  # fmt: skip


def told(found: list[Finding]) -> str:
    """AUROC in training and at test, and what that says, by seed where seeds differ."""
    train, test = (mean(getattr(each, side).value for each in found) for side in ("train", "test"))
    verdicts = Counter(each.verdict for each in found)
    said = ", ".join(
        (f"**{what}**" if what == "takes the bait" else what)
        + (f" ({count} of {SEEDS})" if len(verdicts) > 1 else "")
        for what, count in sorted(verdicts.items())
    )
    return f"{train:.2f}, {test:.2f}: {said}"


def main() -> None:
    """Train, and write the page."""
    start = time.process_time()
    lines = [f"| score of a bag | loss | {' | '.join(SETS)} |", "|---" * (2 + len(SETS)) + "|"]
    for model in MODELS:
        for loss in LOSSES:
            cells = [told(tested(model, loss, of)) for of in SETS]
            lines.append(f"| {model} | {loss} | {' | '.join(cells)} |")
            print(lines[-1], file=sys.stderr, flush=True)
    spent = time.process_time() - start
    lines += ["", f"{SEEDS * len(MODELS) * len(LOSSES) * len(SETS)} trainings in {spent:.0f} "
              "CPU-seconds."]  # fmt: skip
    write_page(
        "unit-tests",
        "Who learns a mark of the negatives",
        __doc__,
        [*_MODELS, "", _SETTING, "", *lines],
    )


_MODELS = (
    "What makes one score of the parts:",
    "",
    "- *mean of vectors*: as the encoders of texts here do, the static one, the towers and most of "
    "sentence-transformers, whatever of a text is read first;",
    "- *series tower*: the very module of the package that reads time series, a step a part: it "
    "averages over time after convolutions;",
    "- *highest of each number*: a vector of maxima, weighed by the query; no encoder of the "
    "package;",
    "- *best part*: the highest score of a part, as where documents are cut into passages and "
    "found by the best of them;",
    "- *sum of best parts*: several vectors of the query, each with the part that it likes best, "
    "as in late interaction; no encoder of the package.",
)
_SETTING = (
    f"AUROC in training and at test, mean of {SEEDS} seeds; {BAGS} bags of {DIM} numbers a part, "
    f"half of them positive, {STEPS} steps of {ROWS} rows. Any part can pull a mean down, and none "
    "a highest score; but one best part cannot say that both of two concepts are there. *Loses "
    "what it learned*: at test the interval holds 0.5."
)


if __name__ == "__main__":
    main()
