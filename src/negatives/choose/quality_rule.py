"""A linear rule of quality, learned from how small students fare on many sets of examples."""

from __future__ import annotations

from typing import Annotated, Any, Final

import numpy as np
from msgspec import Meta

from negatives.arrays import Doubles, Places
from negatives.choose.chooser import Chooser, Pool
from negatives.choose.students import taught
from negatives.stage import PositiveInt
from negatives.stats.scaling import Scale

INDICATORS: Final = (
    "query_words",
    "positive_words",
    "lexical_diversity",
    "cosine",
    "hardest_negative",
    "distance_to_others",
)
_HELD: Final = 0.2
"""Share of the examples on which students are measured, and which none learns from."""
_FEWEST: Final = 8
_NEIGHBOURS: Final = 6
_OTHERS: Final = 4096
"""Queries that one is compared with, at most, to say how far it is from others."""
_DIVERSE: Final = 0.72
"""Share of different words at which a stretch of text is used up (McCarthy and Jarvis, 2010)."""
_BLOCK: Final = 4096


class QualityRule(Chooser, kind="quality-rule"):
    """What a linear rule foresees the least loss for, a rule learned from many small trainings.

    InstructMining (Cao et al. 2023): indicators of a set of examples, many small models trained on
    sets that differ in them, the logarithm of the loss on held-out examples regressed on the sets'
    mean indicators, and single examples scored by that rule. Here the indicators are the words of
    query and positive, the positive's lexical diversity, its cosine, that of the hardest negative
    less it, and the distance to other queries; the small models are linear maps of the frozen
    vectors. The paper's indicators by reward models are left out, and so is its search for the best
    size: the budget is given. A rule about sets need not hold of single examples: look at
    `coefficients` in the training's account before you believe it.

    >>> from negatives import tiny
    >>> from negatives.choose.quality_rule import QualityRule
    >>> len(tiny.chosen(QualityRule(count=3, sets=6)))
    3
    """

    sets: Annotated[
        int, Meta(ge=2, description="sets of examples that students are trained on")
    ] = 50
    size: Annotated[
        int, Meta(ge=0, description="examples of a set; 0: as many as are chosen, 1,024 at most")
    ] = 0
    ridge: Annotated[
        float, Meta(gt=0, description="penalty of the regression, a share of the sets")
    ] = 1e-3
    epochs: Annotated[PositiveInt, Meta(description="of each student")] = 1

    def choose(self, pool: Pool, count: int) -> tuple[Places, dict[str, Any]]:
        """Lowest foreseen loss first."""
        values = indicators(pool)
        standard = Scale.of(values).applied(values)
        held = pool.draw(f"{self.kind}/held") < _HELD
        free = np.flatnonzero(~held)
        asked = pool.shuffled(f"{self.kind}/asked", np.flatnonzero(held))
        asked = asked if len(asked) else free
        size = max(_FEWEST, min(self.size or min(count, 1024), max(1, len(free) // 2)))
        means, losses = np.empty((self.sets, standard.shape[1])), np.empty(self.sets)
        for turn in range(self.sets):
            rows = self._set(pool, standard, free, size, turn)
            student = taught(pool, pool.lists, self.epochs, f"{self.kind}/{turn}", rows)
            means[turn] = standard[rows].mean(0)
            losses[turn] = student.seen(pool.lists, asked)[0].mean()
        rule = fitted(means, np.log(np.maximum(losses, 1e-9)), self.ridge)
        told = dict(zip(INDICATORS, (round(float(each), 4) for each in rule.slopes), strict=True))
        chosen = pool.best(-(standard @ rule.slopes), count)
        return chosen, {"coefficients": told, "explained": round(rule.explained, 3)}

    def _set(self, pool: Pool, standard: Doubles, free: Places, size: int, turn: int) -> Places:
        """`size` examples that lean to one side of a random direction of the indicators.

        Sets drawn evenly would all have the same means, and tell nothing.
        """
        draws = np.random.default_rng([pool.seed % 2**32, turn]).normal(size=standard.shape[1])
        lean = standard @ (draws / np.linalg.norm(draws))
        chance = np.log(pool.draw(f"{self.kind}/set/{turn}")) / np.exp(np.clip(lean, -5, 5))
        ranked = pool.in_order[np.isin(pool.in_order, free)]
        return ranked[np.argsort(-chance[ranked], kind="stable")[:size]]


class Fitted:
    """log loss = intercept + indicators . slopes, and the share of the variance it explains."""

    def __init__(self, intercept: float, slopes: Doubles, explained: float) -> None:
        self.intercept, self.slopes, self.explained = intercept, slopes, explained


def fitted(means: Doubles, log_losses: Doubles, ridge: float) -> Fitted:
    """Least squares with a ridge: float64[sets, indicators] to float64[sets].

    >>> import numpy as np
    >>> sets = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    >>> made = fitted(sets, 0.5 + sets @ np.array([2.0, -1.0]), 1e-12)
    >>> round(made.intercept, 6), made.slopes.round(6).tolist()
    (0.5, [2.0, -1.0])
    """
    centre, middle = means.mean(0), float(log_losses.mean())
    x, y = means - centre, log_losses - middle
    penalty = ridge * len(x) * np.eye(x.shape[1])
    slopes = np.linalg.solve(x.T @ x + penalty, x.T @ y)
    left, whole = float(((y - x @ slopes) ** 2).sum()), float((y**2).sum())
    explained = 1 - left / whole if whole > 0 else 0.0
    return Fitted(middle - float(centre @ slopes), slopes, explained)


def indicators(pool: Pool) -> Doubles:
    """float64[n, len(INDICATORS)] of each example."""
    lists, rows = pool.lists, np.arange(len(pool))
    queries, answers = pool.query_texts(rows), pool.doc_texts(rows)
    words = [text.split() for text in answers]
    positive = np.einsum("nd,nd->n", lists.queries, lists.docs[lists.shown[:, 0]])
    hardest = np.full(len(pool), -1.0)
    for start in range(0, len(pool), _BLOCK):
        part = slice(start, start + _BLOCK)
        shown = lists.shown[part, 1:]
        like = np.einsum("nd,nkd->nk", lists.queries[part], lists.docs[shown])
        hardest[part] = np.where(shown < 0, -1.0, like).max(1, initial=-1.0)
    return np.column_stack(
        [
            np.log1p([len(text.split()) for text in queries]),
            np.log1p([len(each) for each in words]),
            [diversity(each) for each in words],
            positive,
            hardest - positive,
            _distances(pool),
        ]
    ).astype(np.float64)


def diversity(words: list[str]) -> float:
    """MTLD: mean length of the stretches in which the share of different words stays above 0.72.

    One way only, and at most 200 words; 0 of no words.

    >>> diversity("a b a b a b".split()), diversity("one two three four".split())
    (3.0, 4.0)
    """
    stretches, seen, start = 0.0, set[str](), 0
    words = words[:200]
    for at, word in enumerate(words):
        seen.add(word.lower())
        if len(seen) / (at + 1 - start) <= _DIVERSE:
            stretches, start = stretches + 1, at + 1
            seen = set()
    if start < len(words):
        share = len(seen) / (len(words) - start)
        stretches += (1 - share) / (1 - _DIVERSE)
    return len(words) / stretches if stretches else float(len(words))


def _distances(pool: Pool) -> Doubles:
    """float64[n]: Euclidean distance of each query to its sixth nearest of some others."""
    queries = pool.lists.queries
    others = queries[pool.shuffled("quality-rule/others")[:_OTHERS]]
    place = min(_NEIGHBOURS, len(others) - 1)
    made = np.empty(len(queries))
    for start in range(0, len(queries), _BLOCK // 8):
        like = queries[start : start + _BLOCK // 8] @ others.T
        nth = -np.partition(-like, place, axis=1)[:, place]
        made[start : start + len(like)] = np.sqrt(np.maximum(2 - 2 * nth, 0))
    return made
