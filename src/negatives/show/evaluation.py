"""What is measured of a model on one collection, as plain text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from negatives.wording import plural

_TOLD: Final = {
    "queries left out": ("left out", " (no positive, or the protocol)"),
    "queries that found nothing": ("found nothing", ", which count as 0"),
    "queries that find themselves": (
        "find themselves",
        ", which rank the document of their own id; --without-self leaves it out",
    ),
    "queries that find copies of themselves": (
        "find copies",
        ", which rank a document of their own text that is not judged relevant; --without-copies "
        "leaves such out",
    ),
    "queries that find another type first": (
        "another type first",
        ", which ask for a type that it is not of",
    ),
}
"""Counts of queries -> how a line of each begins and ends."""


def evaluation_lines(figures: dict[str, Any], of_a_run: bool) -> Iterator[str]:
    """The figures of `Evaluation`; `of_a_run`: of a ranking that was made elsewhere."""
    yield from _about(figures, of_a_run)
    sure = f"{100 * figures['confidence']:.4g}% interval"
    width = max(9, *map(len, figures["metrics"]))
    yield f"\n{'metric':<{width}}  {'value':>6}  {sure:<16}  ceiling"
    for name, row in figures["metrics"].items():
        ceiling = f"{row['ceiling']:7.3f}" if "ceiling" in row else f"{'–':>7}"
        yield f"{name:<{width}}  {_value(row)}  {_between(row):<16}  {ceiling}"
    for name, row in figures.get("condensed", {}).items():
        yield f"{name:<{width}}  {_value(row)}  {_between(row):<16}  condensed"
    depth = _depth(figures["depth"], figures["documents"], of_a_run)
    judged = figures["judged"]["Judged@10"]
    yield f"\nranked: {depth}; judged: {judged:.1%} of the first 10"
    yield "ceiling: what a perfect reranker of the same lists would score"
    if "slices" in figures:
        yield from _slices(figures["slices"], list(figures["metrics"]))


def _about(figures: dict[str, Any], of_a_run: bool) -> Iterator[str]:
    """What was measured, and what is to be known of it."""
    rerank = figures["rerank"]
    of = f", of the {rerank['top']:,} best of {rerank['of']}" if rerank else ""
    among = f" among {plural(figures['documents'], 'document')}" if figures["documents"] else ""
    yield (
        f"{figures['model']}{of} on {figures['data']}: "
        f"{plural(figures['queries'], 'query', 'queries')}, "
        f"{plural(figures['positives'], 'positive')}{among}"
    )
    if lost := figures["positives not in the corpus"]:
        yield f"not in the corpus: {lost:,} of these positives, which count as not found"
    for name, (begins, ends) in _TOLD.items():
        if figures[name]:
            yield f"{begins}: {plural(figures[name], 'query', 'queries')}{ends}"
    elsewhere = figures["known elsewhere"]
    if elsewhere and elsewhere["pairs"]:
        yield (
            f"known elsewhere: {plural(elsewhere['pairs'], 'pair')}, relevant by "
            f"{_listed(elsewhere['splits'])}, are not ranked; --known keep ranks them"
        )
    if figures["tied"] and (of_a_run or 2 * figures["tied"] > figures["retrieved"]):
        yield (
            f"tied: {figures['tied']:,} of {figures['retrieved']:,} documents have the score of "
            "another of their query; the last id comes first, as in trec_eval"
        )
    if figures["label counts"]:
        yield f"propensities: by how often documents are positives in {figures['label counts']}"


def _depth(depth: int, documents: int | None, of_a_run: bool) -> str:
    """How many documents were ranked for each query, in words."""
    if not depth or (documents and depth >= documents and not of_a_run):
        return "all documents"
    return f"{'at most ' * of_a_run}{plural(depth, 'document')} a query"


def _listed(names: list[str]) -> str:
    """The names, as a sentence has them."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)


def _slices(rows: list[dict[str, Any]], metrics: list[str]) -> Iterator[str]:
    """A line for each group, its values side by side; their intervals are in the JSON."""
    values = {(row["by"], row["group"], row["metric"]): row["value"] for row in rows}
    groups = {(row["by"], row["group"]): row["queries"] for row in rows}
    for by in dict.fromkeys(by for by, _ in groups):
        names = {group: queries for (of, group), queries in groups.items() if of == by}
        width = max(len(by) + 3, *map(len, names))
        heads = "  ".join(f"{name:>7}" for name in metrics)
        yield f"\n{'by ' + by:<{width}}  queries  {heads}"
        for group, queries in names.items():
            cells = "  ".join(
                f"{values[by, group, name]:{max(7, len(name))}.3f}" for name in metrics
            )
            yield f"{group:<{width}}  {queries:>7,}  {cells}"


def _value(row: dict[str, Any]) -> str:
    counted = isinstance(row["value"], int)
    return f"{row['value']:>6,}" if counted else f"{row['value']:6.3f}"


def _between(row: dict[str, Any]) -> str:
    if isinstance(row["value"], int):
        return "in all"
    return "–" if row["low"] is None else f"{row['low']:.3f} to {row['high']:.3f}"
