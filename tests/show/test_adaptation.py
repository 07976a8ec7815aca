"""What an adaptation came to, in words: what was won, how sure that is, and on which questions."""

from __future__ import annotations

from typing import Any

from negatives.show.adaptation import adaptation_card, adaptation_page, verdict
from tests.show.made import Page


def gain(difference: float, p: float, low: float | None = None) -> dict[str, Any]:
    """On eighty questions."""
    one = {
        "before": 0.4,
        "after": 0.4 + difference,
        "difference": difference,
        "low": difference - 0.02 if low is None else low,
        "high": difference + 0.02,
        "p": p,
        "better": 30,
        "worse": 10,
    }
    return {"queries": 80, "metrics": dict.fromkeys(("nDCG@10", "RR@10", "R@100"), one)}


def figures(**gains: dict[str, Any]) -> dict[str, Any]:
    pair = {
        "query": "why does a <b>pump</b> hum",
        "generator": "heading",
        "positive": "pump.md#1",
        "positive_text": "It turns.",
        "positives": 2,
        "negative": "well.md#1",
        "negative_text": "A well is deep.",
        "p_relevant": 0.04,
        "hardness": 0.5,
    }
    return {
        "name": "handbook",
        "documents": {
            "documents": 20,
            "passages": 90,
            "skipped": [{"reason": "empty", "count": 2, "first": ["a.txt", "b.txt"]}],
        },
        "written": {"queries": {"heading": 60, "inverse-cloze": 80}, "train": 126, "dev": 14},
        "negatives": {
            "per_query": 3,
            "coverage": 1.0,
            "false_share": 0.02,
            "false_share_at_most": None,
            "hardness": -0.1,
            "scorer": "dense",
        },
        "examples": [pair],
        "model": "static",
        "training": {"examples": 130, "steps": 20, "device": "cpu", "best": 0.5, "best_step": 18},
        "gains": gains,
        "costs": {
            "passages": {"seconds": 1.0},
            "made": {"seconds": 2.0, "calls": 90, "tokens": 4000},
            "evaluate before, made": {"seconds": 1.5},
            "evaluate after, made": {"seconds": 1.5},
        },
        "notes": ["left out: 1 query"],
        "out": "adapted",
    }


def test_the_verdict_is_of_the_real_questions_where_there_are_some() -> None:
    for gains, title, said in (
        ({"made": gain(0.1, 0.2), "real": gain(0.06, 0.004)}, "The model finds more", "80 real"),
        ({"real": gain(-0.06, 0.004)}, "The model got worse: keep the one you had", "-0.060"),
        ({"real": gain(0.01, 0.3)}, "No difference that 80 real questions can show", "chance"),
        ({"made": gain(0.06, 0.01)}, "The model finds more", "only real ones tell"),
    ):
        found = verdict(figures(**gains))
        assert found["title"] == title
        assert said in found["sentence"]


def test_the_card_has_what_was_read_made_and_spent() -> None:
    words = " ".join(str(adaptation_card(figures(made=gain(0.06, 0.01)))).split())
    for said in (
        "handbook: the model finds more",
        "written nDCG@10 0.400 -> 0.460: +0.060 (+0.040 to +0.080), p = 0.0100, 80 written queries",
        "20 documents, 90 passages; 2 files passed over",
        "60 by heading, 80 by inverse-cloze; 126 to train, 14 to judge",
        "100% of 3 a query, expected false 2.0%, hardness −0.100",
        "6.00 s: read and cut 1.00 s, write queries 2.00 s, judge 3.00 s",
        "90 calls, 4,000 tokens",
    ):
        assert said in words, words


def test_the_page_is_whole_and_what_was_written_is_only_shown() -> None:
    text = adaptation_page(figures(made=gain(0.06, 0.01), real=gain(0.0, 1.0)))
    page = Page(text)
    assert page.unbalanced == []
    assert "why does a &lt;b&gt;pump&lt;/b&gt; hum" in text
    words = " ".join(" ".join(page.words).split())
    for said in (
        "4.0%",
        "Passed over: 2 empty",
        "Left out: 1 query",
        "asked 90 times: 4,000 tokens",
    ):
        assert said in words, said
