"""The table of rules, worst first; each file holds one family."""

from __future__ import annotations

from typing import Final

from negatives.measure.lint.findings import LintRule
from negatives.measure.lint.rules import counts, leaks, positives, repeats, texts

RULES: Final[tuple[LintRule, ...]] = (
    *positives.RULES,
    *leaks.RULES,
    *texts.RULES,
    *repeats.RULES,
    *counts.RULES,
)
