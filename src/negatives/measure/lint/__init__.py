"""Lint: what is wrong with a file of mined negatives, whoever mined it.

`source` and `layout` tell what a file holds, `rows` brings it into one form, `facts` keeps keys of
it, each file of `rules` asks them one kind of question, `findings` answers, `fix` takes it out.
"""

from __future__ import annotations

from negatives.measure.lint.check import Linted, lint
from negatives.measure.lint.findings import Finding, Report
from negatives.measure.lint.fix import Fixed, fix

__all__ = ["Finding", "Fixed", "Linted", "Report", "fix", "lint"]
