"""Pictures: one bar a bin, ticks at nice places, labels that cannot break out."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from negatives.show.charts import bars, place, shares, spans, ticks

SVG = "{http://www.w3.org/2000/svg}"


def test_a_bar_is_as_high_as_its_share_of_the_highest() -> None:
    drawn = ElementTree.fromstring(
        bars([1, 0, 4], ["a", "b", "c"], title="Title", about="About", kind="negatives", marker=1)
    )
    rects = drawn.findall("rect")
    assert [rect.get("height") for rect in rects] == ["25", "100"]
    assert rects[1].findtext("title") == "c: 4 (80.0%)"
    assert drawn.findtext("title") == "Title"
    assert drawn.findtext("desc") == "About"
    line = drawn.find("line")
    assert line is not None
    assert line.get("x1") == "1"


def test_labels_are_escaped() -> None:
    drawn = bars([1], ['"><script>'], title="</title><b>", about='" onload="x', kind="pool")
    assert "<script" not in drawn
    assert ElementTree.fromstring(drawn).findtext("title") == "</title><b>"


def test_shares_lie_side_by_side() -> None:
    drawn = ElementTree.fromstring(
        shares([("a", 1), ("b", 0), ("c", 3)], title="Title", about="About")
    )
    assert [(r.get("x"), r.get("width")) for r in drawn.findall("rect")] == [
        ("0", "250"),
        ("250", "750"),
    ]


def test_nothing_at_all_is_an_empty_picture() -> None:
    assert "rect" not in bars([], [], title="t", about="a", kind="pool")
    assert "rect" not in shares([], title="t", about="a")


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-3.5, 5.5, ["−2", "0", "2", "4"]),
        (0.0, 1.0, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (0.0, 12_000.0, ["0", "2,000", "4,000", "6,000", "8,000", "10,000", "12,000"]),
        (0.006, 0.0165, ["0.006", "0.008", "0.010", "0.012", "0.014", "0.016"]),
    ],
)
def test_ticks_are_nice_numbers(low: float, high: float, expected: list[str]) -> None:
    found = ticks([low, high])
    assert [tick["label"] for tick in found] == expected
    assert all(0 <= tick["at"] <= 100 for tick in found)


def test_a_bin_is_named_by_its_edges() -> None:
    assert spans([-0.5, 0.0, 0.5]) == ["−0.500 to 0", "0 to 0.500"]


def test_a_marker_beyond_the_picture_is_not_drawn() -> None:
    assert place([-1.0, -0.5, 0.0], 0.0) == 2.0
    assert place([1.0, 2.0], 0.0) is None
