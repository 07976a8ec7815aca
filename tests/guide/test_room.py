"""The names of the room: these, imported when they are used."""

from __future__ import annotations

import pytest

import negatives as neg
from negatives import guide

NAMES = """
Mixture PromptBranch Schedule SteeredLogits beyond caption_guided cfg cfg_plus_plus
classifier_guided clean_sample contrasted cut ddim_step drawn_share entropy equivalent_scale erased
generated in_ring likeliest minority_classes minority_scores mixed_targets negative_guider
negative_prompt negtome perp_neg perpendicular reconciled ring signals spread steered strangeness
subtracted trials
"""


def test_the_names_are_these_and_each_can_be_used() -> None:
    assert sorted(guide.__all__) == NAMES.split() == dir(guide)
    assert neg.guide is guide
    for name in guide.__all__:
        assert getattr(guide, name).__doc__, name


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"module 'negatives\.guide' has no attribute 'no'"):
        _ = guide.no
