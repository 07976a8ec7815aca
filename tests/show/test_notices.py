"""What the figures of a report give reason to look at."""

from __future__ import annotations

from typing import Any

import pytest

from negatives.show.notices import notices


def sections(high: float | None, **settings: float) -> dict[str, Any]:
    """Figures with nothing to look at, but for the bound on the false share."""
    return {
        "asked": {"pick": {"settings": settings}},
        "delivered": {"coverage": 1.0, "queries": 50, "queries_full": 50},
        "certificate": {"estimates": {"known positives": {"high": high, "confidence": 0.9}}},
        "hardness": {"above_lowest": 0.0},
        "hubs": {"top": []},
        "checks": {"alarms": []},
    }


def test_a_bound_above_the_share_asked_for_is_worth_a_look() -> None:
    (notice,) = notices(sections(0.081, max_false=0.02))
    assert notice["section"] == "certificate"
    assert notice["text"].startswith("at most 2.0% false were asked for")
    assert notice["text"].endswith("at most 8.1%")


@pytest.mark.parametrize(
    "calm",
    [
        sections(0.02, max_false=0.02),
        sections(None, max_false=0.02),
        sections(0.5),
    ],
)
def test_a_bound_within_it_or_none_or_nothing_asked_is_not(calm: dict[str, Any]) -> None:
    assert notices(calm) == []
