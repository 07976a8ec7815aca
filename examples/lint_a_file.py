"""Look for what is wrong with somebody's file of negatives, and write it anew without that.

python examples/lint_a_file.py [FILE]     without one, a file with mistakes is made first
"""

from __future__ import annotations

import sys
from pathlib import Path

import negatives as neg

FILE = sys.argv[1] if sys.argv[1:] else "theirs.csv"
if not sys.argv[1:]:
    Path(FILE).write_text(
        "anchor,positive,negative\n"
        "what lifts a wing,lift comes from circulation,lift comes from circulation\n"
        "what lifts a wing,lift comes from circulation,heat is carried off\n"
        "what heats a body,friction heats it,what heats a body\n"
    )

report = neg.lint(FILE)
for finding in report.findings:
    print(f"{finding.severity} {finding.rule}: {finding.count} {finding.unit}")
report.fix("clean.csv")
