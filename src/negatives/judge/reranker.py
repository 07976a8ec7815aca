"""A reranker's score as evidence: the costly judge, which reads query and document together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar

import polars as pl
from msgspec import Meta

from negatives.errors import RecipeError
from negatives.judge.asked_pairs import AskedPairs
from negatives.judge.scored_ruling import ScoredRuling, scored_pairs
from negatives.models.open_reranker import open_reranker
from negatives.opening import JudgeContext
from negatives.schema import REJECTED, TEXTS, Needs
from negatives.settings import ModelName
from negatives.stage import Judge, Share

COLUMN = "reranker_score"
HELD = "reranker_held"
"""The score where the pair would have been scored without its label: what may be learned from."""
PROBABILITY = "reranker_probability"
"""The sigmoid of the score."""
NEVER = 1.0

_PROBABILITY = 1 / (1 + (-pl.col(COLUMN).cast(pl.Float64)).exp())


class Rerank(Judge, kind="reranker"):
    """Scores the likeliest pairs of each query, and its positives, with a cross-encoder.

    By itself it rejects nothing. With `low` and `high` it denoises as Qu et al. (2021, RocketQA)
    do: a negative must have a probability below `low`. The thresholds are on the sigmoid of a score
    that nobody has calibrated: look where the known positives lie before setting them. What a judge
    before it has rejected is not scored. On a finished run (`negatives judge`) `top` says nothing:
    a budget does.

    >>> from negatives import Rerank
    >>> judge = Rerank(model="cross-encoder/ms-marco-MiniLM-L6-v2", top=20, low=0.1, high=0.9)
    >>> judge.needs.docs, judge.needs.queries
    (('text',), ('text',))
    >>> judge.fix
    'raise reranker low above 0.1'
    """

    takes_all: ClassVar[bool] = True
    scores: ClassVar[tuple[str, ...]] = (COLUMN, PROBABILITY)
    evidence: ClassVar[Mapping[str, int]] = {HELD: 1}

    model: Annotated[
        ModelName,
        Meta(
            min_length=1,
            description="a cross-encoder's folder or hub name, or a .onnx file[?tokenizer=PATH]",
        ),
    ]
    top: Annotated[
        int,
        Meta(ge=0, description="candidates a query that are scored, by reference score; 0: all"),
    ] = 30
    low: Annotated[
        Share, Meta(description="reject from this probability on: not surely irrelevant; 1: never")
    ] = NEVER
    high: Annotated[
        Share, Meta(description="reject from this probability on: likely relevant; 1: never")
    ] = NEVER

    @property
    def derived(self) -> tuple[pl.Expr, ...]:
        """`reranker_probability`, of the score."""
        return (_PROBABILITY.cast(pl.Float32).alias(PROBABILITY),)

    @property
    def needs(self) -> Needs:
        """Texts of both sides to read."""
        return TEXTS

    def check(self) -> None:
        """The band between the two thresholds is one."""
        if self.high < self.low < NEVER:
            raise RecipeError(
                f"reranker: low = {self.low:g} is above high = {self.high:g}",
                fix="low is where doubt begins, high where a pair is called relevant",
            )

    def open(self, context: JudgeContext) -> RerankRuling:
        """Load the model."""
        machine, share = context.machine, context.machine.shared(context.engine.workers)
        reranker = open_reranker(self.model, threads=machine.threads, device=machine.device)
        again = partial(open_reranker, self.model, threads=share.threads, device=share.device)
        return RerankRuling(
            asked=AskedPairs(self.kind, context.collection, context.reference, self.top),
            scored=scored_pairs(reranker, self.model, self.top, context, again),
            column=COLUMN,
            held=HELD,
            stage=self,
        )

    @property
    def fix(self) -> str:
        """Raise the threshold that rejects."""
        return f"raise reranker low above {self.low:g}"


@dataclass(frozen=True)
class RerankRuling(ScoredRuling):
    """A reranker opened on a collection: its scores are log-odds."""

    stage: Rerank
    relevant_from: float = 0.0
    """The score of even odds."""

    @property
    def derived(self) -> tuple[pl.Expr, ...]:
        """`reranker_probability`, the sigmoid of the score."""
        return self.stage.derived

    def rule(self) -> tuple[pl.Expr, pl.Expr]:
        """`verdict` and `reason` from the score's column."""
        probability = _PROBABILITY
        low, high = self.stage.low, self.stage.high
        likely = probability >= high if high < NEVER else pl.lit(False)
        doubtful = probability >= low if low < NEVER else pl.lit(False)
        shown = probability.round(4)
        verdict = pl.when(likely | doubtful).then(pl.lit(REJECTED))
        reason = (
            pl.when(likely)
            .then(pl.format(f"reranker: probability {{}} >= {high:g}, likely relevant", shown))
            .when(doubtful)
            .then(pl.format(f"reranker: probability {{}} >= {low:g}, not surely irrelevant", shown))
        )
        return verdict.alias("verdict"), reason.alias("reason")
