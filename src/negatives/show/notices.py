"""What a report's figures give reason to look at: rules of thumb, each with its number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from negatives.measure.lint.rules.counts import HUB, HUB_QUERIES
from negatives.text.naming import called
from negatives.wording import count, percent, plural

COVERAGE: Final = 0.9
"""Less of what was asked delivered than this is worth a look."""
ABOVE: Final = 0.25
"""More of the negatives above their query's lowest positive than this is worth a look."""


def notices(sections: Mapping[str, Any]) -> list[dict[str, str]]:
    """Section and text of each, the most serious first."""
    found = [
        ("delivered", _coverage(sections["delivered"])),
        ("certificate", _bound(sections["certificate"], sections["asked"]["pick"])),
        ("checks", _alarms(sections["checks"])),
        ("hardness", _above(sections["hardness"])),
        ("hubs", _hub(sections["hubs"], sections["delivered"]["queries"])),
    ]
    return [{"section": section, "text": text} for section, text in found if text]


def _coverage(delivered: Mapping[str, Any]) -> str:
    coverage = delivered["coverage"]
    if coverage is None or coverage >= COVERAGE:
        return ""
    short = delivered["queries"] - delivered["queries_full"]
    return (
        f"{percent(1 - coverage)} of the negatives asked for are missing, in {count(short)} of "
        f"{count(delivered['queries'])} queries: a trainer that "
        "needs all of them drops those queries"
    )


def _bound(certificate: Mapping[str, Any], pick: Mapping[str, Any]) -> str:
    known = certificate["estimates"]["known positives"]
    asked = pick["settings"].get("max_false")
    if asked is None or known["high"] is None or known["high"] <= asked:
        return ""
    return (
        f"at most {percent(asked)} false were asked for, on average; with "
        f"{known['confidence']:.0%} confidence, by the known positives put back, it is at most "
        f"{percent(known['high'])}"
    )


def _alarms(checks: Mapping[str, Any]) -> str:
    if not checks["alarms"]:
        return ""
    return (
        f"{plural(len(checks['alarms']), 'check')} found something: {', '.join(checks['alarms'])}"
    )


def _above(hardness: Mapping[str, Any]) -> str:
    above = hardness["above_lowest"]
    if above is None or above <= ABOVE:
        return ""
    return (
        f"{percent(above)} of the negatives score at least as high as their query's lowest "
        "positive: false negatives are likeliest there"
    )


def _hub(hubs: Mapping[str, Any], queries: int) -> str:
    top = hubs["top"]
    if not top or queries < HUB_QUERIES or top[0]["share"] <= HUB:
        return ""
    name = called(top[0]["doc_id"], top[0]["text"])
    return (
        f"document {name} is a negative of {count(top[0]['queries'])} queries "
        f"({percent(top[0]['share'])}): a hub, or boilerplate"
    )
