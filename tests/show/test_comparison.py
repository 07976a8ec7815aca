"""A comparison of trainings in words."""

from __future__ import annotations

from typing import Any

from negatives.show.comparison import comparison_page, conclusion
from tests.show.made import Page, compared


def with_tests(**tests: tuple[float, float]) -> dict[str, Any]:
    """Figures in which each arm has this difference and p."""
    figures = compared()
    rows = figures["metrics"]["nDCG@10"]
    for row in rows[1:]:
        difference, p = tests[row["arm"].replace("-", "_")]
        row["against_first"] |= {
            "difference": difference,
            "low": difference - 0.01,
            "high": difference + 0.01,
            "p_holm": p,
        }
    return figures


def test_the_title_says_what_is_sure_and_the_sentence_how_much() -> None:
    for title, said, tests in (
        (
            "theirs is better than default",
            "theirs gains 0.0300 (0.0200 to 0.0400) nDCG@10; none loses 0.0500 (0.0400 to 0.0600); "
            "nv-retriever cannot be told from default.",
            {"theirs": (0.03, 0.001), "none": (-0.05, 0.001), "nv_retriever": (0.001, 0.9)},
        ),
        (
            "default is the best of the 4",
            "nv-retriever loses 0.0200 (0.0100 to 0.0300) nDCG@10; theirs loses",
            {"theirs": (-0.03, 0.01), "none": (-0.05, 0.01), "nv_retriever": (-0.02, 0.01)},
        ),
        (
            "default is as good as any here",
            "none loses 0.0500 (0.0400 to 0.0600) nDCG@10; nv-retriever and theirs cannot be told",
            {"theirs": (-0.003, 0.4), "none": (-0.05, 0.01), "nv_retriever": (0.002, 0.8)},
        ),
        (
            "No difference that 75 queries can show",
            "that of none, 0.0050 (−0.0050 to 0.0150) nDCG@10 with p = 0.4: chance alone",
            {"theirs": (0.003, 0.9), "none": (-0.005, 0.4), "nv_retriever": (0.002, 0.9)},
        ),
    ):
        found = conclusion(with_tests(**tests))
        assert found["title"] == title
        assert said in found["sentence"], found["sentence"]


def test_the_page_tells_the_negatives_of_each_arm() -> None:
    page = Page(comparison_page(compared()))
    assert page.unbalanced == []
    words = " ".join(" ".join(page.words).split())
    assert "default 7 100% 3.4% 4.6% 1.89 by dense" in words
    assert "nv-retriever 7 36.0% – 4.6% −0.480 by dense" in words
    earlier = {key: value for key, value in compared().items() if key != "negatives"}
    assert "The negatives of each arm" not in Page(comparison_page(earlier)).text
