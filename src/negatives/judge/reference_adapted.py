"""How much of a document would have to change before it answers: RevisEval's adapted reference."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Final, Literal

import polars as pl
from msgspec import Meta

from negatives.errors import RecipeError
from negatives.judge.alike_words import alike
from negatives.judge.asking import Asking
from negatives.judge.llm_score import log_odds
from negatives.judge.prompted import NEVER, PAIR, PromptedJudge
from negatives.judge.shown_pairs import ShownPairs
from negatives.models.chat import Form
from negatives.models.language_model import Shown, Words

_REVISE: Final = "judge-revise"
_COMPARE: Final = "judge-beside-revision"


class ReferenceAdapted(PromptedJudge, kind="reference-adapted"):
    """Has a document revised until it answers, and compares it with its revision.

    After Zhang et al. (2025, RevisEval), with one model for all. `by = "edits"`: the score is the
    share of words that stay (F1): 1 for a document that needs no change, little below it for a hard
    negative, near 0 for one that has to be written anew. `by = "judge"`: the model says, with the
    revision as the reference, whether the document answers. A model that always rewrites, or always
    copies, says nothing of either kind, and is found out by the labels.

    >>> from negatives import ReferenceAdapted
    >>> ReferenceAdapted(model="http://127.0.0.1:8080/v1#qwen").by
    'edits'
    """

    scores: ClassVar[tuple[str, ...]] = ("reference_adapted_score",)
    evidence: ClassVar[Mapping[str, int]] = {"reference_adapted_held": 1}

    by: Annotated[
        Literal["edits", "judge"],
        Meta(description="the words that stay, or the model's opinion beside the revision"),
    ] = "edits"
    characters: Shown = 1200

    @property
    def words(self) -> Mapping[str, Words]:
        """What is asked first, and then."""
        revise = {_REVISE: PAIR}
        if self.by == "edits":
            return revise
        return revise | {_COMPARE: PAIR._replace(needed=("query", "document", "revision"))}

    @property
    def relevant_from(self) -> float | None:
        """Even odds; of edits nobody knows."""
        return None if self.by == "edits" else 0.0

    @property
    def shown(self) -> tuple[str, pl.Expr]:
        """A share of words, or a probability."""
        return (
            ("share", pl.col(self.column).cast(pl.Float64)) if self.by == "edits" else super().shown
        )

    def check(self) -> None:
        """A share is at most 1."""
        super().check()
        if 1 < self.reject < NEVER:
            raise RecipeError(
                f"reference-adapted: reject = {self.reject:g} is no share",
                fix="between 0 and 1; 4: never",
            )

    def scored(self, pairs: ShownPairs, ask: Asking) -> Sequence[float | None]:
        """One call a pair, or two."""
        texts = pairs.one_by_one()
        # Whole documents come back, so that the reply may be as long as what is shown.
        longest = max(64, (self.characters or 12_000) // 3)
        revised = ask.answers(_REVISE, texts, Form(longest))
        said = ["" if answer is None else answer.said for answer in revised]
        if self.by == "judge":
            beside = [{**text, "revision": new} for text, new in zip(texts, said, strict=True)]
            return ask.scores(_COMPARE, beside, Form(8, alternatives=20), log_odds)
        for answer, new in zip(revised, said, strict=True):
            if not new:
                ask.cannot_read(answer)
        return [
            alike(document, new) if new else math.nan
            for document, new in zip(pairs.documents, said, strict=True)
        ]
