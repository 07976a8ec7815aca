"""What checks of `negatives audit` answered about the run's negatives, those that were asked."""

from __future__ import annotations

from typing import Any, Final

from msgspec import to_builtins

from negatives.show.evidence import ReportEvidence
from negatives.store.facts import Checked

ALARM: Final = {True: "alarm", False: "no alarm", None: "not known"}


def figures(evidence: ReportEvidence) -> dict[str, Any]:
    """`asked`: every check that was asked, its figures null where they are not known, those with an
    alarm first; `alarms`: their names. Both are empty where none was asked.
    """
    checks = evidence.run.manifest.notes.checks
    asked = sorted(checks, key=lambda each: (each.alarm is not True, each.check))
    return {
        "alarms": [each.check for each in asked if each.alarm],
        "asked": [_figures(each) for each in asked],
    }


def _figures(checked: Checked) -> dict[str, Any]:
    given = {name: getattr(checked, name) for name in checked.__struct_fields__}
    return {"verdict": ALARM[checked.alarm], **{k: to_builtins(v) for k, v in given.items()}}
