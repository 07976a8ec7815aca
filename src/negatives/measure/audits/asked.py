"""Several checks put to one subject: what each answers, and which could not be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

from negatives.card import Card, Showing
from negatives.errors import InputError, NegativesError, ServiceError
from negatives.events import Emit, Progress, silent
from negatives.kinds import kinds
from negatives.measure.audits.check import Answer, Check
from negatives.measure.audits.subject import Subject
from negatives.measure.estimate import Estimate
from negatives.models.service import Unanswering
from negatives.stage import build
from negatives.wording import figure

ALL: Final = "all"
ALARM: Final = "alarm"


@dataclass(frozen=True, slots=True, repr=False)
class Answers(Showing):
    """`answers` in the order asked; `not_asked`: check -> why it could not be; `failed`: check ->
    the error that it ended with, such as that of a service, or of a file that a setting names.

    >>> import polars as pl
    >>> from negatives.measure.audits import ask, subject_of
    >>> columns = {"query": ["why"], "positive": ["It is so."], "negative": ["No."]}
    >>> ask(subject_of(pl.DataFrame(columns))).not_asked["verifier-bound"]
    'a file says nothing of who verified it; name the run'
    """

    subject: str
    answers: tuple[Answer, ...]
    not_asked: Mapping[str, str] = field(default_factory=dict)
    failed: Mapping[str, NegativesError] = field(default_factory=dict)

    def __repr__(self) -> str:
        alarms = ", ".join(self.alarms) or "none"
        return f"Answers({self.subject!r}: {len(self.answers)} checks; alarms: {alarms})"

    def __getitem__(self, check: str) -> Answer:
        """The answer of a check; `KeyError` where it was not asked."""
        for answer in self.answers:
            if answer.check == check:
                return answer
        raise KeyError(check)

    @property
    def alarms(self) -> list[str]:
        """The checks that found something wrong."""
        return [answer.check for answer in self.answers if answer.alarm]

    def card(self) -> Card:
        """What it says to a person."""
        rows: list[tuple[str, str]] = []
        for answer in self.answers:
            word = {True: "ALARM", False: "no alarm", None: "not known"}[answer.alarm]
            rows.append((answer.check, f"{word}; {answer.about}: {_figures(answer.estimate)}"))
            if answer.estimate.value is not None:
                rows.append(("", f"if {answer.estimate.assumption}"))
            rows += [("", said) for said in (answer.of_p_relevant, answer.advice) if said]
        rows += [(check, f"failed: {error.what}") for check, error in self.failed.items()]
        rows += [(check, f"not asked: {why}") for check, why in self.not_asked.items()]
        names = max((len(name) for name, _ in rows), default=0)
        return Card(self.subject, tuple(rows), names)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, JSON-able."""
        return {
            "subject": self.subject,
            "alarms": self.alarms,
            "checks": [answer.as_dict() for answer in self.answers],
            "not asked": dict(self.not_asked),
            "failed": {check: error.what for check, error in self.failed.items()},
        }


def _figures(estimate: Estimate) -> str:
    if estimate.value is None:
        return estimate.why
    ends = [figure(end) for end in (estimate.low, estimate.high) if end is not None]
    sure = f" with {estimate.confidence:.0%} confidence"
    if len(ends) == 2:
        return f"{figure(estimate.value)}, {ends[0]} to {ends[1]}{sure}"
    if ends:
        word = "at most" if estimate.low is None else "at least"
        return f"{figure(estimate.value)}, {word} {ends[0]}{sure}"
    return figure(estimate.value) + (f"; {estimate.why}" if estimate.why else "")


def checks_of(
    names: Sequence[str] = (ALL,), settings: Mapping[str, Mapping[str, Any]] | None = None
) -> tuple[list[Check], bool]:
    """The checks that are named, with settings by name; and whether that is all there are.

    `RecipeError` names the nearest check, or setting, where there is none of the name.
    """
    settings = settings or {}
    every = ALL in names
    if every and len(names) > 1:
        others = ", ".join(name for name in names if name != ALL)
        raise InputError(
            f"{ALL} is every check, and beside it {others or ALL} is named",
            fix=f"name {ALL} alone, or the checks that you want",
        )
    wanted = sorted(kinds(Check.section)) if every else list(dict.fromkeys(names))
    made = [
        cast("Check", build(Check.section, {"kind": name, **settings.get(name, {})}, "checks"))
        for name in wanted
    ]
    if unknown := [name for name in settings if name not in wanted]:
        raise InputError(
            f"settings of {unknown[0]}, which is not asked",
            fix=f"ask it too: --checks {','.join([*names, unknown[0]])}",
        )
    return made, every


def ask(
    subject: Subject,
    checks: Sequence[str | Check] = (ALL,),
    *,
    every: bool = False,
    needed: Sequence[str] = (),
    emit: Emit = silent,
) -> Answers:
    """Put checks to a subject: by name, or made with their settings.

    Of `all`, or where `every` says that these are all, those that cannot be asked are told with the
    reason. A check that was named and cannot be asked, or of all of them one that is `needed`, is
    an `InputError`, before any work. Where one of several fails, what the others answer is told all
    the same; a service that did not answer one of them is not waited for again.
    """
    made = [each for each in checks if isinstance(each, Check)]
    if named := [each for each in checks if isinstance(each, str)]:
        found, of_all = checks_of(named)
        made, every = made + found, every or of_all
    if not made:
        raise InputError("no check is named", fix=f"name some, or {ALL!r}")
    lacking = {check.kind: why for check in made if (why := _lacking(check, subject))}
    missed = [name for name in lacking if not every or name in needed]
    if missed:
        name, why = missed[0], lacking[missed[0]]
        raise InputError(f"{name} cannot be asked: {why}", where=subject.name, fix=_FIX)
    asked = [check for check in made if check.kind not in lacking]
    answers, failed = [], dict[str, NegativesError]()
    absent = dict[str, str]()
    heard = replace(subject, emit=emit)
    for number, check in enumerate(asked):
        emit(Progress("audit", number, len(asked), "checks"))
        if waited := next((each for each in _services(check, subject) if each in absent), ""):
            what = f"not asked again: {waited} has not answered {absent[waited]}"
            failed[check.kind] = ServiceError(what, where=waited)
            continue
        try:
            answers.append(check.find(heard))
        except NegativesError as error:
            failed[check.kind] = error
            if isinstance(error, Unanswering):
                absent[error.url] = check.kind
    emit(Progress("audit", len(asked), len(asked), "checks"))
    if failed and len(asked) == 1:
        raise next(iter(failed.values()))
    return Answers(subject.name, tuple(answers), lacking, failed)


def _services(check: Check, subject: Subject) -> list[str]:
    """The addresses that it would call, without what is asked for there."""
    return [name.partition("#")[0] for name in check.models(subject) if "#" in name]


def _lacking(check: Check, subject: Subject) -> str:
    if check.asks_negatives and subject.negatives.is_empty():
        return _NONE
    return check.lacking(subject)


_NONE: Final = (
    "there is no negative; name a run, or a file of mined negatives (rows labelled 0, or a column "
    "of them)"
)
_FIX: Final = "give what it lacks, or leave this check out"
