"""The findings of a run in a dozen lines of plain text, for a terminal."""

from __future__ import annotations

from typing import Any, Final

from negatives.card import Card
from negatives.show.summary import Summary
from negatives.wording import count, figure, percent

_WARNINGS: Final = 6
"""As many are shown: the first are of the data, and those of the stages come after them."""


def headline(summary: Summary) -> str:
    """What `run_card` says, in lines that are not wrapped."""
    return run_card(summary).text()


def run_card(summary: Summary) -> Card:
    """What was found: counts, coverage, shortfall and fix, hardness, false share, sources."""
    sections = summary["sections"]
    rows = [
        ("verdict", "{title}. {sentence}".format(**summary["answer"]["verdict"])),
        *_languages(sections["asked"]["data"]["languages"]),
        *_delivered(sections["delivered"]),
        ("candidates", _candidates(sections["verdicts"])),
        *_relabelled(sections["relevance"]),
        *_shortfall(sections["delivered"]),
        ("hardness", _hardness(sections["hardness"])),
        *_expected(sections["certificate"]),
        ("from", _sources(sections["sources"], sections["delivered"])),
        *(("look at", notice["text"]) for notice in summary["notices"]),
        *(("warning", text) for text in summary["warnings"][:_WARNINGS]),
    ]
    left = len(summary["warnings"]) - _WARNINGS
    if left > 0:
        rows.append(("", f"{left:,} more {'warning' if left == 1 else 'warnings'} in the report"))
    return Card(_title(sections), tuple(rows))


def _title(sections: dict[str, Any]) -> str:
    data, delivered = sections["asked"]["data"], sections["delivered"]
    split = f" ({data['split']})" if data["split"] else ""
    return (
        f"{data['name']}{split}: {count(delivered['delivered'])} of {count(delivered['asked'])} "
        f"negatives, coverage {percent(delivered['coverage'])}"
    )


def _languages(shares: dict[str, float]) -> list[tuple[str, str]]:
    """What the texts are in, where it is anything but English."""
    if not shares or set(shares) == {"en"}:
        return []
    text = ", ".join(f"{name} {percent(share)}" for name, share in shares.items())
    return [("language", f"{text} of the letters")]


def _delivered(delivered: dict[str, Any]) -> list[tuple[str, str]]:
    text = (
        f"{count(delivered['queries'])}, of which {count(delivered['queries_full'])} got all "
        f"{delivered['per_query']}"
    )
    if delivered["queries_none"]:
        text += f" and {count(delivered['queries_none'])} got none"
    return [("queries", text)]


def _candidates(verdicts: dict[str, Any]) -> str:
    by_fate = {row["fate"]: row["rows"] for row in verdicts["fates"]}
    return (
        f"{count(verdicts['rows'])}: {count(by_fate['positives'])} positives, "
        f"{count(by_fate['negatives'])} chosen, {count(by_fate['left'])} left, "
        f"{count(by_fate['rejected'])} rejected"
    )


def _relabelled(relevance: dict[str, Any]) -> list[tuple[str, str]]:
    found = relevance["relabelled"]
    if found is None:
        return []
    if not found["pairs"]:
        return [("relabelled", "no candidate is surely enough a positive")]
    sure = percent(found["expected precision"])
    text = f"{count(found['pairs'])} candidates are positives now, {sure} of them expected to be"
    return [("relabelled", text)]


def _shortfall(delivered: dict[str, Any]) -> list[tuple[str, str]]:
    found = []
    for cause in delivered["shortfall"][:3]:
        queries = "query" if cause["queries"] == 1 else "queries"
        text = f"{count(cause['missing'])} in {count(cause['queries'])} {queries}: {cause['about']}"
        found += [("short", text), ("  fix", cause["fix"])]
    return found


def _hardness(hardness: dict[str, Any]) -> str:
    if hardness["median"] is None and hardness["reference"]:
        return f"unknown: there is no negative that {hardness['reference']} could tell it of"
    if hardness["median"] is None:
        return "unknown: no source of this recipe scores any pair"
    return (
        f"median {figure(hardness['median'])} by {hardness['reference']} (0: as high as the lowest "
        f"positive); {percent(hardness['above_lowest'])} at or above it, "
        f"{percent(hardness['above_all'])} above every positive"
    )


def _expected(certificate: dict[str, Any]) -> list[tuple[str, str]]:
    """The false share by what the run itself can tell; where it cannot, a warning says why."""
    model, known = (certificate["estimates"][name] for name in ("model", "known positives"))
    found = []
    if model["value"] is not None:
        found.append(f"{percent(model['value'])} (model)")
    if known["high"] is not None:
        lower = model["value"] is not None and known["high"] < model["value"]
        found.append(
            ("and by another estimate, which is lower, " if lower else "")
            + f"at most {percent(known['high'])} with {known['confidence']:.0%} confidence "
            "(known positives put back)"
        )
    return [("false", "expected " + ", ".join(found))] if found else []


def _sources(sources: dict[str, Any], delivered: dict[str, Any]) -> str:
    shares = [
        f"{row['source']} {percent(row['negatives_share'])}"
        for row in sources["sources"]
        if row["negatives"]
    ]
    if not shares and delivered["queries_none"] < delivered["queries"]:
        return "none that was found: all were made for this run"
    return ", ".join(shares) or "nowhere: there are no negatives"
