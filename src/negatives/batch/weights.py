"""How much an example counts as training goes on: the kinds a recipe may name."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta, field

from negatives.batch.bad_pairs import PairHistory
from negatives.batch.batcher import Weighing
from negatives.batch.curriculum import Easiest, difficulty
from negatives.batch.examples import Examples
from negatives.batch.naive import LossHistory
from negatives.batch.progressive import EasyToHard
from negatives.errors import RecipeError
from negatives.stage import Share, Stage


class Equal(Stage, kind="equal"):
    """Every example counts the same, always."""

    def open(self, examples: Examples) -> Weighing | None:
        """Nothing to keep."""
        return None


class Progressive(Stage, kind="progressive"):
    """Easy examples first, hard ones last; the mean weight of a batch is 1.

    After PEG (Wu et al., 2023), whose own rule is not published: early weights are those of
    SuperLoss (Castells et al., 2020), which distrusts what has a high loss; late ones are focal
    (Lin et al., 2017). The loss is the last observed of an example; until then it weighs 1.
    """

    softness: Annotated[
        float, Meta(gt=0, description="of the early weights; large: all the same")
    ] = 1.0
    power: Annotated[float, Meta(ge=0, description="of the late weights; 0: all the same")] = 2.0
    ramp: Annotated[
        float, Meta(gt=0, le=1, description="share of training after which only the late count")
    ] = 0.6

    def open(self, examples: Examples) -> Weighing | None:
        """No loss is known yet."""
        return EasyToHard(len(examples), self.softness, self.power, self.ramp)


class Curriculum(Stage, kind="curriculum"):
    """At first only the easiest examples count, then more of them, at last all.

    After MMTG (Cao et al., 2022): stages of rising difficulty. Difficulty is how much nearer the
    hardest negative of a row is to its query than the positive is, by the vectors. What does not
    count yet weighs 0; the mean weight of a batch is 1, unless none of it counts.
    """

    shares: Annotated[
        list[Share], Meta(description="of the examples, easiest first, that count in each stage")
    ] = field(default_factory=lambda: [0.4, 0.8, 1.0])
    at: Annotated[
        list[Share], Meta(description="share of training at which each stage but the first begins")
    ] = field(default_factory=lambda: [0.1, 0.3])

    def check(self) -> None:
        """Stages follow each other and grow."""
        if len(self.shares) != len(self.at) + 1:
            raise RecipeError(
                f"curriculum: {len(self.shares)} shares and {len(self.at)} beginnings",
                fix="one beginning less than shares: the first stage begins at 0",
            )
        if self.shares != sorted(self.shares) or self.at != sorted(self.at):
            raise RecipeError("curriculum: shares and at must rise", fix="such as [0.4, 0.8, 1.0]")

    def open(self, examples: Examples) -> Weighing | None:
        """Order the examples by difficulty."""
        return Easiest(difficulty(examples), np.array(self.shares), np.array(self.at))


class BadPairs(Stage, kind="bad-pairs"):
    """Examples whose loss was always far from the others' count less: noisy or faulty pairs.

    Dynamic bad pair mining (Lan et al., 2024): after a warm-up, an example whose mean loss, later
    epochs counting more, lies `low` standard deviations below or `high` above the mean of all is
    weighed by a Gaussian of its current loss; the others by 1. Means and deviation are those of the
    epochs before, as in the authors' code. Weights are not made up for: a batch of odd examples
    counts less than one of others.
    """

    warmup: Annotated[Share, Meta(description="share of training in which all weigh 1")] = 0.625
    low: Annotated[float, Meta(gt=0, description="standard deviations below: a noisy pair")] = 2.0
    high: Annotated[float, Meta(gt=0, description="standard deviations above: a faulty pair")] = 2.0
    epochs: Annotated[
        int,
        Meta(
            ge=0,
            description="0: weights in [0, 1]; else the paper's form over so many epochs: a ramp "
            "that is not made up for, and the density itself, which may exceed 1",
        ),
    ] = 0

    def open(self, examples: Examples) -> Weighing | None:
        """No loss is known yet."""
        return PairHistory(len(examples), self.warmup, (self.low, self.high), self.epochs)


class Naive(Stage, kind="naive"):
    """Examples that have been learned so well that they teach nothing weigh little, or nothing.

    Gui et al. (2023), sample adaptive augmentation: naive samples are found by the history of their
    losses, and are then changed more strongly, so that they teach again. A reconstruction from the
    abstract, in which they make way for the others instead: a text has no stronger change that
    keeps what it says. An example whose running mean loss rises again counts again.
    """

    floor: Annotated[
        float, Meta(gt=0, description="running mean of its losses below which one is naive")
    ] = 0.05
    slow: Annotated[
        float, Meta(ge=0, lt=1, description="share of the running mean that stays at each loss")
    ] = 0.5
    times: Annotated[int, Meta(ge=1, description="losses of an example before it can be naive")] = 2
    counts: Annotated[Share, Meta(description="weight of a naive example; others weigh 1")] = 0.0

    def open(self, examples: Examples) -> Weighing | None:
        """No loss is known yet."""
        return LossHistory(
            len(examples), slow=self.slow, floor=self.floor, times=self.times, weight=self.counts
        )
