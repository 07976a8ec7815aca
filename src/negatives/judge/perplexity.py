"""A local language model as a judge: does the document help it to foresee the query?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

import polars as pl
from msgspec import Meta

from negatives.judge.asked_pairs import AskedPairs
from negatives.judge.scored_ruling import ScoredRuling, scored_pairs
from negatives.models.language_model import READ, LocalModel, Read, run_here
from negatives.models.query_likelihood import QueryLikelihood
from negatives.opening import JudgeContext
from negatives.schema import REJECTED, TEXTS, Needs
from negatives.stage import Judge

COLUMN: Final = "perplexity_score"
HELD: Final = "perplexity_held"
"""The score where the pair would have been scored without its label: what may be learned from."""


class Perplexity(Judge, kind="perplexity"):
    """Scores the likeliest pairs by how much less a language model is surprised by the query.

    `perplexity_score` is the logarithm of the perplexity of the query by itself over that after the
    document: 0 where the document tells nothing of it, 0.7 where a word of the query is twice as
    probable. A small model is enough to say something, and a larger one says more. By itself it
    rejects nothing: its scores are evidence, weighed by what they say of the run's own labels. The
    model is run here, by transformers, on the CPU or a GPU; no code of its folder is run.

    >>> from negatives import Perplexity
    >>> judge = Perplexity(model="HuggingFaceTB/SmolLM2-135M", top=20)
    >>> judge.needs.docs, judge.fix
    (('text',), 'raise perplexity reject above 0')
    """

    takes_all: ClassVar[bool] = True
    scores: ClassVar[tuple[str, ...]] = (COLUMN,)
    evidence: ClassVar[Mapping[str, int]] = {HELD: 1}

    model: LocalModel
    top: Annotated[
        int,
        Meta(ge=0, description="candidates a query that are scored, by reference score; 0: all"),
    ] = 10
    characters: Read = READ
    reject: Annotated[
        float,
        Meta(
            ge=0,
            description="reject where the document makes a word of the query, on average, so many "
            "times as probable; 0: never",
        ),
    ] = 0.0

    @property
    def needs(self) -> Needs:
        """Texts of both sides to read."""
        return TEXTS

    def open(self, context: JudgeContext) -> PerplexityRuling:
        """Load the model."""
        model = run_here(self.model, context.machine)
        return PerplexityRuling(
            asked=AskedPairs(self.kind, context.collection, context.reference, self.top),
            scored=scored_pairs(
                QueryLikelihood(model, self.characters), self.model, self.top, context
            ),
            column=COLUMN,
            held=HELD,
            reject=self.reject,
        )

    @property
    def fix(self) -> str:
        """Raise the threshold."""
        return f"raise perplexity reject above {self.reject:g}"


@dataclass(frozen=True)
class PerplexityRuling(ScoredRuling):
    """A language model opened on a collection."""

    reject: float

    def rule(self) -> tuple[pl.Expr, pl.Expr]:
        """`verdict` and `reason` from the score's column."""
        times = pl.col(COLUMN).cast(pl.Float64).exp()
        over = times >= self.reject if self.reject else pl.lit(False)
        reason = pl.format(
            f"perplexity: the query {{}} times as probable after it, >= {self.reject:g}, likely "
            "relevant",
            times.round(2),
        )
        return (
            pl.when(over).then(pl.lit(REJECTED)).alias("verdict"),
            pl.when(over).then(reason).alias("reason"),
        )
