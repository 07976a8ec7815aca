"""A check: settings, what it needs to be asked, and the answer that it gives."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from negatives.measure.audits.subject import Subject
from negatives.measure.estimate import Estimate
from negatives.stage import Stage
from negatives.wording import figure


@dataclass(frozen=True, slots=True)
class Answer:
    """What a check says of a subject.

    `about`: what the value of `estimate` is, a noun phrase; the estimate holds its interval, what
    it assumes, and the counts behind it. `alarm`: whether something is wrong; None where that
    cannot be told, and the estimate says why. `advice`: what to do, one sentence.

    >>> from negatives.measure.audits import Answer
    >>> from negatives.measure.estimate import Estimate
    >>> two = Estimate(value=0.2, confidence=0.95, assumption="one counts rightly")
    >>> Answer("even-number", "share left over", two, False, "go on").as_dict()["value"]
    0.2
    """

    check: str
    about: str
    estimate: Estimate
    alarm: bool | None
    advice: str
    of_p_relevant: str = ""
    """What it says of p_relevant, half a sentence, which the report puts beside it."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, JSON-able."""
        return {
            "check": self.check,
            "about": self.about,
            "alarm": self.alarm,
            "advice": self.advice,
            "of_p_relevant": self.of_p_relevant,
            **self.estimate.as_dict(),
        }


class Check(Stage):
    """Asks one thing of a run, or of a mined file: a figure, an interval, and what to do.

    A third party's is an entry `audit.KIND` of the group `negatives.stages`. It defines `lacking`
    and `find`, and nothing else.

    >>> from negatives.measure.audits.verifier_bound import VerifierBound
    >>> VerifierBound(passes=0.2).kind
    'verifier-bound'
    """

    section: ClassVar[str] = "audit"

    asks_negatives: ClassVar[bool] = True
    """Whether it is a question about negatives, so that there must be some."""

    def models(self, subject: Subject) -> tuple[str, ...]:
        """The models that it would ask about the subject, as they were named: its settings'."""
        return self.opens

    @abstractmethod
    def lacking(self, subject: Subject) -> str:
        """What the subject lacks for this check, as one sentence that says how to give it; empty:
        nothing. Cheap, for all checks are asked it before any work.
        """

    @abstractmethod
    def find(self, subject: Subject) -> Answer:
        """The answer; only called where nothing is lacking."""


def decisive(parts: Mapping[str, Estimate], most: float) -> str:
    """Of which part it is told: one that is an alarm; else one whose interval reaches above `most`,
    by how far; else the one of the greatest value.
    """

    def weight(name: str) -> tuple[bool, float, float]:
        part = parts[name]
        value = part.value or 0.0
        if part.low is not None and part.low > most:
            return True, 0.0, value
        reach = math.inf if part.high is None else part.high
        return False, reach if reach > most else 0.0, value

    return max(parts, key=weight)


def verdict(estimate: Estimate, most: float, wrong: str, fine: str) -> tuple[bool, str]:
    """Whether it is an alarm, where no more than `most` is borne, and what to do.

    `wrong` where all of the interval is above it; `fine` where none is. Where it only reaches above
    it there is no alarm, and nothing is excluded.

    >>> from negatives.measure.audits.check import verdict
    >>> from negatives.measure.estimate import Estimate
    >>> of = {"confidence": 0.95, "assumption": "one counts rightly"}
    >>> verdict(Estimate(value=0.4, low=0.3, high=0.5, **of), 0.2, "stop", "go on")
    (True, 'stop')
    >>> verdict(Estimate(value=0.2, low=0.1, high=0.3, **of), 0.2, "stop", "go on")[1][:19]
    'this does not tell:'
    """
    low, high = estimate.low, estimate.high
    if low is not None and low > most:
        return True, wrong
    if high is None:
        return False, _FEW
    return False, fine if high <= most else _UNSURE.format(figure(most))


_UNSURE: Final = (
    "this does not tell: nothing wrong was found, but the interval reaches above {}, beyond which "
    "it is an alarm; ask of more pairs or texts to be sure"
)
_FEW: Final = "this does not tell: there are too few for an interval; ask of more pairs or texts"
