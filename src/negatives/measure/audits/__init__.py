"""Checks of negatives before anybody trains on them, each with a figure, an interval and advice.

A check is a stage (`check`) that is asked about a subject (`subject`): a run, or a mined file of
anybody's. `asked` puts several to one subject, and `kept` keeps the answers in a run. What a check
computes is a function of plain frames and arrays in the same file, which can be called on its own.
"""

from __future__ import annotations

from negatives.measure.audits.asked import Answers, ask
from negatives.measure.audits.check import Answer, Check
from negatives.measure.audits.kept import keep
from negatives.measure.audits.subject import Subject, subject_of

__all__ = ["Answer", "Answers", "Check", "Subject", "ask", "keep", "subject_of"]
