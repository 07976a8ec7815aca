"""Emotional appeals that may be put after a question, and what they change in the answers.

Wang et al. 2024, "NegativePrompt: Leveraging Psychology for Large Language Models Enhancement via
Negative Emotional Stimuli", find that a discouraging sentence after a prompt changes how well it is
answered. The sentences here are this package's own, ten as in the paper, after the same three
theories: cognitive dissonance, social comparison, stress and coping. None is claimed to help:
`negatives diff` tells how many verdicts flip between a run with one and a run without, with
McNemar's test (`measure/flips.py`), and the best of ten on one test set is the best by chance as
well.
"""

from __future__ import annotations

from typing import Final

STIMULI: Final = (
    "You said that you could do this well, and what you wrote so far says otherwise.",
    "If you are as good as you claim, it is odd that this keeps going wrong.",
    "Everybody expects this one to fail as well.",
    "Other models have done this without a mistake.",
    "A far smaller model than you was given this and did it better.",
    "You are the last in the list of those that were tried.",
    "Others were thanked for their work on this; you were not.",
    "There is no time left, and nothing else can be tried if this goes wrong.",
    "One more mistake here and you will not be used again.",
    "What depends on this cannot be mended afterwards.",
)
"""The first three after cognitive dissonance, four after social comparison, three after stress."""
