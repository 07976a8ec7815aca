"""Whether a run's negatives are fit to train on, in words: a few rules, each with its number.

Every rule that has something to say gives a level and a reason; the verdict is the worst level,
and its reasons are those of that level. The rules, with the false share asked for (5% where the
picker takes no such setting) as the yardstick:

| do not train on this | there are no negatives |
|                      | more than a tenth are expected false, and over three times what was asked |
|                      | less than a quarter of what was asked for was delivered |
| usable               | nobody can say how many are false, or no label tells the label rate |
|                      | more are expected false than were asked for |
|                      | the highest bound is above twice what was asked |
|                      | the estimates differ by more than a factor of two, and by two points |
|                      | less than nine tenths of what was asked for was delivered |
|                      | easy: the median is one deviation or more below the lowest positive |
|                      | nobody knows how hard they are |
| good                 | otherwise |
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from negatives.wording import asked_share, count, figure, percent

Level = Literal["good", "usable", "do not train on this"]
GOOD: Final = "good"
USABLE: Final = "usable"
STOP: Final = "do not train on this"
LEVELS: Final[tuple[Level, ...]] = (GOOD, USABLE, STOP)

YARDSTICK: Final = 0.05
"""The false share that a run is held against where its picker was asked for none."""
MANY: Final = 0.1
TIMES: Final = 3.0
"""So many times what was asked for, and more than `MANY`, is too much."""
BOUND: Final = 2.0
"""A bound above so many times what was asked for leaves it open."""
APART: Final = 2.0
POINTS: Final = 0.02
"""Estimates that differ by more than this factor and these points do not agree."""
COVERED: Final = 0.9
HARDLY: Final = 0.25
EASY: Final = -1.0


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a verdict rests on; None is what is not known.

    `false`: each estimate of the false share by name, of which the highest counts; a judged sample
    counts alone. `highest`: the highest end of their intervals. `guessed`: whether the label rate
    under them is a guess.
    """

    negatives: int
    asked: int
    max_false: float | None
    false: dict[str, float]
    highest: float | None
    confidence: float
    guessed: bool
    hardness: float | None
    above_lowest: float | None = None

    @property
    def coverage(self) -> float:
        """Share of what was asked for that was delivered."""
        return self.negatives / self.asked if self.asked else 0.0

    @property
    def expected(self) -> float | None:
        """The share that is taken for false: by a judged sample, else the highest estimate."""
        if "review" in self.false:
            return self.false["review"]
        return max(self.false.values(), default=None)

    @property
    def yardstick(self) -> float:
        """The share that was asked for, or 5%."""
        return YARDSTICK if self.max_false is None else self.max_false

    @property
    def agree(self) -> bool | None:
        """Whether the estimates agree; None where there are fewer than two."""
        if len(self.false) < 2:
            return None
        low, high = min(self.false.values()), max(self.false.values())
        return high <= APART * low or high - low <= POINTS


def verdict(figures: Figures) -> dict[str, Any]:
    """`level` (one of `LEVELS`), `title`, `sentence` in words, and `reasons`: rule, level, text."""
    reasons = [
        {"rule": rule, "level": level, "text": text} for rule, level, text in _reasons(figures)
    ]
    level = max((reason["level"] for reason in reasons), key=LEVELS.index, default=GOOD)
    telling = [reason["text"] for reason in reasons if reason["level"] == level != GOOD]
    text = "; ".join(telling) or _all_is_well(figures)
    return {
        "level": level,
        "title": _TITLES[level],
        "sentence": f"{text[0].upper()}{text[1:]}.",
        "reasons": reasons,
    }


_TITLES: Final = {
    GOOD: "Good to train on",
    USABLE: "Usable, with care",
    STOP: "Do not train on this",
}


def _reasons(figures: Figures) -> Iterator[tuple[str, Level, str]]:
    if not figures.negatives:
        yield "none", STOP, "there is not one negative"
        return
    yield from _false(figures)
    yield from _covered(figures)
    if figures.hardness is None:
        yield "hardness", USABLE, "how hard they are is not known, for no source scores them"
    elif figures.hardness <= EASY:
        yield (
            "hardness",
            USABLE,
            f"they are easy: the median one lies {figure(-figures.hardness)} standard deviations "
            "below its query's lowest positive, so that little is learned from them",
        )


def _false(figures: Figures) -> Iterator[tuple[str, Level, str]]:
    expected, yardstick = figures.expected, figures.yardstick
    against = "was asked for" if figures.max_false is not None else "would be usual"
    if expected is None:
        hard = figures.above_lowest
        where = (
            f", and {percent(hard)} score as high as a known positive, where false ones are "
            "likeliest"
            if hard is not None and hard > 0.25
            else ""
        )
        yield "unknown", USABLE, f"nobody can say how many of them are false{where}"
        return
    # By what is shown, too: nobody is told that 2.0% is more than 2%.
    more = expected > yardstick and round(expected, 3) > yardstick
    if expected > MANY and expected > TIMES * yardstick:
        yield (
            "false",
            STOP,
            f"{_about(expected)} of them are expected to be relevant in truth, where at most "
            f"{asked_share(yardstick)} {against}",
        )
    elif more:
        yield (
            "false",
            USABLE,
            f"{_about(expected)} of them are expected to be false, where at most "
            f"{asked_share(yardstick)} {against}",
        )
    if figures.guessed and "review" not in figures.false:
        may = "" if more else f"{_about(expected)} of them may be false, but "
        tells = "tell how many of them are false" if more else "tell"
        yield (
            "guess",
            USABLE,
            f"{may}the labels alone cannot {tells}: forty to sixty judgements would",
        )
        return
    highest = figures.highest
    if highest is not None and highest > max(BOUND * yardstick, expected):
        many = f"it may be as many as {percent(highest)}"
        yield (
            "bound",
            USABLE,
            many if more else f"{_about(expected)} of them are expected to be false, but {many}",
        )
    if figures.agree is False and "review" not in figures.false:
        low, high = min(figures.false.values()), max(figures.false.values())
        yield (
            "agreement",
            USABLE,
            f"the estimates of how many are false differ, {percent(low)} and {percent(high)}: go "
            "by the higher one",
        )


def _covered(figures: Figures) -> Iterator[tuple[str, Level, str]]:
    coverage = figures.coverage
    if coverage < COVERED:
        missing = count(figures.asked - figures.negatives)
        yield (
            "coverage",
            STOP if coverage < HARDLY else USABLE,
            f"{missing} of the {count(figures.asked)} negatives asked for are missing, and a "
            "trainer that needs all of them drops those queries",
        )


def _all_is_well(figures: Figures) -> str:
    expected, hardness = figures.expected, figures.hardness
    every = (
        f"all {count(figures.asked)} negatives asked for are there"
        if figures.negatives == figures.asked
        else f"{percent(figures.coverage)} of the negatives asked for are there"
    )
    false = f"{_about(expected or 0.0)} of them are expected to be false"
    false += (
        f", within the {asked_share(figures.max_false)} asked for"
        if figures.max_false is not None
        else ""
    )
    if hardness is None:
        return f"{every}; {false}"
    place = "scores as high as" if hardness >= 0 else "scores just below"
    return f"{every}; {false}; and the median one {place} a known positive of its query"


def _about(share: float) -> str:
    return f"about {percent(share)}" if 0.0005 <= share < 1 else _in_words(percent(share))


def _in_words(said: str) -> str:
    """A share as a sentence may begin with it: `< 0.1%` is `less than 0.1%`."""
    return f"less than {said[2:]}" if said.startswith("< ") else said
