"""What checks answered about a run, kept in its manifest, where its report finds it.

Answers are about the negatives as they were picked: once others are picked they are gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from negatives.errors import RunError
from negatives.measure.audits.asked import Answers
from negatives.measure.audits.check import Answer, Check
from negatives.measure.audits.subject import Subject
from negatives.measure.estimate import rounded
from negatives.store.facts import Checked
from negatives.store.lock import locked
from negatives.store.run import NEGATIVES_FILE


def keep(subject: Subject, checks: Sequence[Check], found: Answers) -> None:
    """Put the answers of `checks` into the run's manifest, each in the place of its last one.

    The report shows them when it is written next. `InputError` where the subject is a file, and
    `RunError` where other negatives have been picked since, or another process has the run.

    >>> from negatives import BM25, Top, tiny
    >>> from negatives.measure.audits import ask, keep, subject_of
    >>> from negatives.measure.audits.poisoning import Poisoning
    >>> from negatives.run import mine
    >>> run = mine(tiny.collection(), "run", sources=[BM25(top=4)], pick=Top(per_query=1))
    >>> subject, checks = subject_of(run), [Poisoning()]
    >>> keep(subject, checks, ask(subject, checks))
    >>> [each.check for each in run.reopened().manifest.notes.checks]
    ['poisoning']
    """
    run = subject.of_run
    with locked(run.path):
        now = run.reopened()
        before, after = (each.manifest.files[NEGATIVES_FILE].hash for each in (run, now))
        if before != after:
            raise RunError(
                "other negatives were picked while the checks were asked",
                where=subject.name,
                fix="ask them again",
            )
        by_name = {check.kind: check for check in checks}
        new = {
            answer.check: checked(answer, by_name[answer.check], truth=subject.truth is not None)
            for answer in found.answers
        }
        kept = {each.check: each for each in now.manifest.notes.checks}
        now.manifest.notes.checks = [each for _, each in sorted((kept | new).items())]
        now.manifest.save(now.path)


def checked(answer: Answer, check: Check, *, truth: bool = False) -> Checked:
    """An answer as a run keeps it: six significant digits, and what was set other than usual."""
    estimate = answer.estimate
    details = {
        name: rounded(value) if isinstance(value, float) else value
        for name, value in estimate.details.items()
    }
    return Checked(
        check=answer.check,
        about=answer.about,
        confidence=estimate.confidence,
        advice=answer.advice,
        of_p_relevant=answer.of_p_relevant,
        alarm=answer.alarm,
        value=rounded(estimate.value),
        low=rounded(estimate.low),
        high=rounded(estimate.high),
        assumption=estimate.assumption,
        why=estimate.why,
        settings=_changed(check),
        truth=truth,
        details=msgspec.to_builtins(details),
    )


def _changed(check: Check) -> dict[str, Any]:
    """The settings of a check that are not its defaults."""
    usual = {field.name: field.default for field in msgspec.structs.fields(check)}
    return {
        name: value
        for name, value in check.settings().items()
        if name in usual and value != usual[name]
    }
