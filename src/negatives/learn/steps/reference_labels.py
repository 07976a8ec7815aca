"""Labels of steps by a right solution beside them: SPARE, without a language model.

Rizvi et al. 2025, SPARE: one look at a solution and a reference labels every step of it, where
rollouts would cost many. There a language model aligns and judges; here a rule does: steps are
aligned in order by words that they share (a dynamic programme), and a step is wrong where an
equation in it does not hold, or where it has a counterpart and comes to a number that the reference
has nowhere. A step without a counterpart, as another way to the same answer has them, is wrong only
by its own equations. Rules see nothing else: what is wrong in words they call right. Labels of a
language model are read the same way, from rows with `steps` and `labels`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from negatives.arrays import Doubles
from negatives.errors import DataError, InputError

_NUMBER: Final = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
_WORD: Final = re.compile(r"[^\W\d_]+")
_TERM: Final = r"-?\$?\d[\d,]*(?:\.\d+)?"
_EQUATION: Final = re.compile(
    rf"(?<![\d.*/x×÷+-])(?<![*/x×÷+-]\s)({_TERM})\s*([-+*/x×÷])\s*({_TERM})\s*=\s*({_TERM})"
)
"""Two numbers and what they come to; of longer sums nothing is said."""
_EXACT: Final = 1e-2
"""What may be rounded of a result."""


@dataclass(frozen=True, slots=True)
class StepLabel:
    """A step, the step of the reference it was compared with (from 1; 0: none), and why it is so.

    >>> from negatives.learn.steps.reference_labels import labelled
    >>> [str(each) for each in labelled(["2 + 3 = 6"], ["2 + 3 = 5"])]
    ['step 1: wrong, 2 + 3 = 6 does not hold']
    """

    step: int
    reference: int
    right: bool
    reason: str

    def __str__(self) -> str:
        side = "right" if self.right else "wrong"
        return f"step {self.step}: {side}{', ' if self.reason else ''}{self.reason}"


def labelled(
    steps: Sequence[str], reference: Sequence[str], *, least: float = 0.3
) -> list[StepLabel]:
    """A label for each step of a solution, by the steps of a right one.

    least: likeness (F1 of words, from 0 to 1) from which two steps can be each other's counterpart.

    >>> from negatives.learn.steps.reference_labels import labelled
    >>> told = labelled(
    ...     ["She sells 48/2 = 24 clips in May", "In all that is 48+24 = 70 clips"],
    ...     ["She sold 48/2 = 24 clips in May", "In all she sold 48+24 = 72 clips"],
    ... )
    >>> [(each.reference, each.right) for each in told]
    [(1, True), (2, False)]
    """
    if not steps or not reference or not all(map(str.strip, [*steps, *reference])):
        raise DataError(
            f"a solution of {len(steps)} steps and a reference of {len(reference)}, of which some "
            "are empty",
            fix="give at least one step of each, none of them empty",
        )
    places = aligned(steps, reference, least=least)
    known = {_value(found) for text in reference for found in _NUMBER.findall(text)}
    made = []
    for number, (step, place) in enumerate(zip(steps, places, strict=True), 1):
        wrong = _false_equation(step)
        if wrong:
            made.append(StepLabel(number, place, False, f"{wrong} does not hold"))
            continue
        ends, wanted = _result(step), _result(reference[place - 1]) if place else None
        if ends is None or wanted is None or any(math.isclose(ends, each) for each in known):
            made.append(StepLabel(number, place, True, ""))
        else:
            said = f"it comes to {ends:g}, step {place} of the reference to {wanted:g}"
            made.append(StepLabel(number, place, False, said))
    return made


def aligned(steps: Sequence[str], reference: Sequence[str], *, least: float = 0.3) -> list[int]:
    """The step of the reference that each step stands beside, in order, from 1; 0: none.

    Of all alignments in which neither goes back, the one with the most likeness in all.

    >>> from negatives.learn.steps.reference_labels import aligned
    >>> aligned(["one two", "a b", "three four"], ["one two", "three four"])
    [1, 0, 2]
    """
    own, theirs = ([_words(text) for text in side] for side in (steps, reference))
    like = np.array([[_alike(a, b) for b in theirs] for a in own])
    if not 0 <= least <= 1:
        raise InputError(f"a likeness of {least:g}", where="least", fix="from 0 to 1")
    like = np.where(like >= least, like, 0.0)
    best = np.zeros((len(own) + 1, len(theirs) + 1))
    for i, j in np.ndindex(like.shape):
        best[i + 1, j + 1] = max(best[i, j] + like[i, j], best[i, j + 1], best[i + 1, j])
    places, i, j = [0] * len(own), len(own), len(theirs)
    while i and j:
        if like[i - 1, j - 1] > 0 and best[i, j] == best[i - 1, j - 1] + like[i - 1, j - 1]:
            places[i - 1] = j
            i, j = i - 1, j - 1
        elif best[i, j] == best[i - 1, j]:
            i -= 1
        else:
            j -= 1
    return places


def labelled_row(
    prompt: str, steps: Sequence[str], reference: Sequence[str], *, least: float = 0.3
) -> dict[str, Any]:
    """A row of responses: `prompt`, `steps` and `labels`, to be written as a line of JSON."""
    labels = [each.right for each in labelled(steps, reference, least=least)]
    return {"prompt": prompt, "steps": [*steps], "labels": labels}


def aggregate(scores: Doubles, how: Literal["min", "product", "mean", "last"]) -> float:
    """One score of a solution, of float[steps] scores from 0 to 1.

    >>> import numpy as np
    >>> from negatives.learn.steps.reference_labels import aggregate
    >>> values = np.array([0.9, 0.8, 0.4])
    >>> [round(aggregate(values, how), 3) for how in ("min", "product", "mean", "last")]
    [0.4, 0.288, 0.7, 0.4]
    """
    values = np.asarray(scores, np.float64)
    if not len(values):
        raise DataError("a solution of no steps has no score", fix="give at least one")
    found = {"min": values.min(), "product": values.prod(), "mean": values.mean()}
    if how != "last" and how not in found:
        raise InputError(f"scores are not put together by {how!r}", fix="min, product, mean, last")
    return float(values[-1] if how == "last" else found[how])


def _words(text: str) -> frozenset[str]:
    """What steps are aligned by: words, since a wrong step has other numbers; else its numbers."""
    found = _WORD.findall(text.lower()) or _NUMBER.findall(text)
    return frozenset(found)


def _alike(a: frozenset[str], b: frozenset[str]) -> float:
    return 2 * len(a & b) / (len(a) + len(b)) if a or b else 0.0


def _result(step: str) -> float | None:
    """The number that a step comes to: after its last =, else its last one."""
    found = _NUMBER.findall(step.rpartition("=")[2]) or _NUMBER.findall(step)
    if not found:
        return None
    return _value(found[0] if "=" in step else found[-1])


def _value(text: str) -> float:
    return float(text.replace(",", "").replace("$", ""))


def _false_equation(step: str) -> str:
    """The first equation of two numbers that does not hold; empty: none."""
    for found in _EQUATION.finditer(step):
        a, sign, b, said = found.groups()
        x, y, z = map(_value, (a, b, said))
        if sign in "/÷" and y == 0:
            return found[0]
        made = x + y if sign == "+" else x - y if sign == "-" else x * y if sign in "*x×" else x / y
        if abs(made - z) > _EXACT * max(1.0, abs(made)):
            return found[0]
    return ""
