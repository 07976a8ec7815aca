"""What an audit says to a person, line by line."""

from __future__ import annotations

from typing import Any, Final

from negatives.card import Card
from negatives.measure.certificate import Certificate
from negatives.measure.estimate import Estimate
from negatives.wording import figure, percent

_NAMES: Final = 16


def audit_card(
    run: str,
    coverage: float | None,
    certificate: Certificate,
    truth: dict[str, Any] | None,
    sources: list[dict[str, Any]],
    hubness: dict[str, Any],
    told: dict[str, Any] | None = None,
) -> Card:
    """The estimates with what they assume, the truth if it was given, sources and hubs."""
    rows: list[tuple[str, str]] = []
    for name, estimate in certificate.estimates.items():
        rows.append((name, _figures(estimate)))
        if estimate.value is not None or estimate.high is not None:
            rows.append(("", f"if {estimate.assumption}"))
        rows += [("", line) for line in _behind(name, estimate.details)]
    if truth:
        rows.append(("truth", _truth(truth)))
    rows += _told(told or {})
    rows += [(f"from {row['source']}", _source(row)) for row in sources]
    rows.append(("hubs", _hubs(hubness)))
    title = f"{run}: {certificate.negatives:,} negatives, coverage {percent(coverage)}"
    return Card(f"{title}; false, by", tuple(rows), _NAMES)


def _figures(estimate: Estimate) -> str:
    sure = f"with {estimate.confidence:.0%} confidence"
    if estimate.value is None:
        return f"not known: {estimate.why}"
    if estimate.high is None:
        return f"{percent(estimate.value)}; {estimate.why}"
    if estimate.low is None:
        return f"{percent(estimate.value)}, at most {percent(estimate.high)} {sure}"
    return f"{percent(estimate.value)}, {percent(estimate.low)} to {percent(estimate.high)} {sure}"


def _behind(name: str, details: dict[str, Any]) -> list[str]:
    """The counts an estimate stands on."""
    if name == "known positives" and "leak rate at most" in details:
        return [
            f"{details['picked']:,} of {details['put back']:,} put back would be picked: "
            f"{percent(details['leak rate'])}, at most {percent(details['leak rate at most'])}"
        ]
    if name == "review" and details:
        return [
            f"{details['relevant']:,} of {details['judged']:,} judged are relevant; "
            f"{details['undecided']:,} not judged, {details['not among the negatives']:,} not "
            "among the negatives, left out"
        ]
    return []


def _truth(truth: dict[str, Any]) -> str:
    return (
        f"{percent(truth['share'])}: {truth['relevant']:,} judged relevant, "
        f"{truth['not relevant']:,} judged not relevant, {truth['unjudged']:,} unjudged; "
        f"{truth['queries judged']:,} of {truth['queries']:,} queries are judged"
    )


def _told(told: dict[str, Any]) -> list[tuple[str, str]]:
    """How well p_relevant, or else every score, tells relevant candidates from others."""
    chosen = {"p_relevant": told["p_relevant"]} if "p_relevant" in told else told
    rows = []
    for name, groups in chosen.items():
        for group, each in groups.items():
            where = "" if group == "all" else f", of {group}"
            rows.append(
                (
                    name if group == "all" else "",
                    f"AUROC {figure(each['auroc'])}, AUPRC {figure(each['auprc'])} where "
                    f"{percent(each['prevalence'])} of {each['pairs']:,} candidates are relevant"
                    f"{where} (a random order: 0.5 and {figure(each['prevalence'])})",
                )
            )
            if "threshold" in each:
                rows.append(("", _threshold(each["threshold"])))
    return rows


def _threshold(found: dict[str, Any]) -> str:
    """Where a candidate is taken for relevant, and what that misses."""
    if found["value"] is None:
        return f"no threshold: {found['why']}"
    return (
        f"at {figure(found['value'])} and above: {found['missed']:,} of {found['relevant']:,} "
        f"relevant ones are missed, at most {percent(found['bound'])} of further ones with "
        f"{found['confidence']:.0%} confidence; {percent(found['fpr'])} of the others are taken in"
    )


def _source(row: dict[str, Any]) -> str:
    shares = [
        f"{percent(row[f'share by {name}'])} false by {name}"
        for name in ("p_relevant", "truth")
        if row[f"share by {name}"] is not None
    ]
    return ", ".join([f"{row['negatives']:,} negatives", *shares])


def _hubs(hubness: dict[str, Any]) -> str:
    if not hubness["top"]:
        return "there are no negatives"
    chance = hubness["at random"]
    return (
        f"{hubness['used']:,} of {hubness['documents']:,} documents are used, the most used by "
        f"{percent(hubness['top'][0]['share'])} of the queries (at random "
        f"{percent(chance['top share'])}); Gini {figure(hubness['gini'])} (at random "
        f"{figure(chance['gini'])}), skew {figure(hubness['skew'])} ({figure(chance['skew'])})"
    )
