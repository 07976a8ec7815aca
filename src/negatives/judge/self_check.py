"""A language model checks itself: it recovers the query, or rates a document beside a known one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Final, Literal

import msgspec
import polars as pl
from msgspec import Meta

from negatives.errors import RecipeError
from negatives.judge.alike_words import alike
from negatives.judge.asking import Asking
from negatives.judge.prompted import NEVER, PAIR, PromptedJudge
from negatives.judge.shown_pairs import ShownPairs
from negatives.models.chat import Form
from negatives.models.chat_reply import Answer, parsed
from negatives.models.language_model import Words

_RECOVER: Final = "judge-recover"
_RATE: Final = "judge-rate"
LOWEST, HIGHEST = 1, 10


class Rating(msgspec.Struct, frozen=True):
    """From 1 to 10."""

    rating: Annotated[int, Meta(ge=LOWEST, le=HIGHEST)]


class SelfCheck(PromptedJudge, kind="self-check"):
    """Whether the query can be recovered from the document, or a rating beside a known positive.

    `recover` (after Pei et al. 2023, who check an annotation by making its input again from it):
    the model writes the query that the document answers, which it has not seen; the score is how
    many words that shares with the query (F1). It needs no opinion of the model's, and a text that
    orders one is of no use. `rate` (after Ye and Ng 2024, Self-J): the model rates the document
    from 1 to 10 with a known positive as the reference, and the score is the mean of that and of
    the likeness of the two texts on the same scale, as a share of 10. Nothing is trained, so both
    are reconstructions. A query that has no other positive is rated without one, and by the rating
    alone.

    >>> from negatives import SelfCheck
    >>> SelfCheck(model="http://127.0.0.1:8080/v1#qwen").way
    'recover'
    """

    scores: ClassVar[tuple[str, ...]] = ("self_check_score",)
    evidence: ClassVar[Mapping[str, int]] = {"self_check_held": 1}

    way: Annotated[
        Literal["recover", "rate"],
        Meta(description="recover the query, or rate beside a known positive"),
    ] = "recover"

    @property
    def words(self) -> Mapping[str, Words]:
        """One prompt a way."""
        if self.way == "recover":
            return {_RECOVER: Words(("document",))}
        return {_RATE: PAIR}

    @property
    def relevant_from(self) -> float | None:
        """Nobody knows from where on a likeness means relevant."""
        return None

    @property
    def shown(self) -> tuple[str, pl.Expr]:
        """A share."""
        return "share", pl.col(self.column).cast(pl.Float64)

    def check(self) -> None:
        """A reference is a positive that is shown."""
        super().check()
        if self.way == "recover" and self.positives:
            raise RecipeError(
                "self-check: positives are not shown where the query is recovered",
                fix='positives = 0, or way = "rate"',
            )
        if 1 < self.reject < NEVER:
            raise RecipeError(
                f"self-check: reject = {self.reject:g} is no share", fix="between 0 and 1; 4: never"
            )

    def scored(self, pairs: ShownPairs, ask: Asking) -> Sequence[float | None]:
        """From 0 to 1."""
        texts = pairs.one_by_one()
        if self.way == "recover":
            only = [{"document": document} for document in pairs.documents]
            answers = ask.answers(_RECOVER, only, Form(48))
            return [
                math.nan if answer is None or not answer.said else alike(answer.said, query)
                for answer, query in zip(answers, pairs.queries, strict=True)
            ]
        ratings = ask.scores(_RATE, texts, Form(24, schema=Rating), rating)
        beside = [each["positives"] for each in texts]
        return [
            combined(score, document, known if isinstance(known, list) else [])
            for score, document, known in zip(ratings, pairs.documents, beside, strict=True)
        ]


def rating(answer: Answer) -> float:
    """From 1 to 10; NaN where it is none."""
    found = parsed(answer, Rating)
    return math.nan if found is None else float(found.rating)


def combined(rated: float, document: str, references: Sequence[str]) -> float:
    """A rating and the likeness to the nearest reference, each out of 10, their mean as a share."""
    if not references:
        return rated / HIGHEST
    likeness = max(alike(document, reference) for reference in references)
    return (rated + HIGHEST * likeness) / 2 / HIGHEST
