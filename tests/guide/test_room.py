"""The names of the room: these, imported when they are used."""

from __future__ import annotations

import ast
import csv
import io
import re
from importlib.resources import files

import pytest

import negatives as neg
from negatives import guide
from tests.doc_pages import ROOT

NAMES = """
ForgetIndex Mixture PromptBranch RestrictedLogits Schedule SteeredLogits beyond caption_guided cfg
cfg_plus_plus classifier_guided clean_sample contrasted cut ddim_step drawn_share entropy
equivalent_scale erased generated in_ring key_phrases likeliest minority_classes minority_scores
mixed_targets negative_guider negative_prompt negtome perp_neg perpendicular reconciled ring signals
spread steered strangeness subtracted trials
"""


def test_the_names_are_these_and_each_can_be_used() -> None:
    assert sorted(guide.__all__) == NAMES.split() == dir(guide)
    assert neg.guide is guide
    for name in guide.__all__:
        assert getattr(guide, name).__doc__, name


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"module 'negatives\.guide' has no attribute 'no'"):
        _ = guide.no


def test_every_method_of_the_room_is_a_function_that_is_there_with_a_benchmark() -> None:
    text = (files("negatives") / "recipes" / "methods.tsv").read_text("utf-8")
    rows = csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE)
    benchmarks = ast.parse((ROOT / "benchmarks" / "__main__.py").read_text("utf-8"))
    known = {each.value for each in ast.walk(benchmarks) if isinstance(each, ast.Constant)}
    about = (ROOT / "docs" / "guides.md").read_text("utf-8")
    guides = [row for row in rows if row["place"].startswith("guide")]
    assert len(guides) == 8
    for row in guides:
        functions, _, benchmark = row["elsewhere"].rpartition("; benchmark ")
        assert benchmark.strip("`").partition("#")[0] in known, row["method"]
        named = re.findall(r"`(?:neg\.guide\.)?(\w+)`", functions)
        assert named, row["method"]
        for name in named:
            assert name in guide.__all__, name
            assert f"`{name}`" in about, name
