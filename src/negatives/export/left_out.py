"""What an export does not hold, or holds twice: counted before the first row is written."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from negatives.errors import InputError
from negatives.export.ask import Ask, Format
from negatives.export.blocks import negative_pairs, positive_pairs
from negatives.export.scorers import Scorer, scorers
from negatives.export.sizes import with_texts_only
from negatives.run.inputs import collection_of


def left_out(format: Format, ask: Ask) -> Iterator[str]:
    """One sentence for each thing that the reader of the file would not see from it."""
    if not format.of_negatives:
        return
    queries = ask.run.manifest.counts.queries
    positives = positive_pairs(ask.run, ask.run.parts, ask.positives, ask.scorer)
    if ask.positives == "relabelled":
        having = _count(positives.select("query_id").unique())
        yield f"queries without relabelled positives, left out: {queries - having:,} of {queries:,}"
    if without := queries - len(ask.delivered):
        yield f"queries without negatives, left out: {without:,} of {queries:,}"
    if "short" in format.options:
        yield from _short(ask)
    if format.holds_texts(ask):
        yield from _blank(ask, positives)
    elif ask.scorer and format.scores == "asked":
        count, _ = _unscored(ask, ask.scorer, but_blank=False)["positives"]
        if count:
            yield f"positives without text, whose score is null in the file: {count:,}"


def refuse_unscored(format: Format, ask: Ask) -> None:
    """Raise `InputError` where pairs have no score of the scorer asked for, though they have texts.

    A trainer that learns from scores stops at a pair without one.
    """
    if ask.scorer is None or format.scores not in ("asked", "needed"):
        return
    if _all_scored(ask, ask.scorer, but_blank=False) or _all_scored(ask, ask.scorer):
        return
    lacking = _unscored(ask, ask.scorer)
    said = " and ".join(
        f"{count:,} of {total:,} {side}" for side, (count, total) in lacking.items() if count
    )
    others = [
        scorer.name
        for scorer in scorers(ask.run)
        if scorer != ask.scorer and _all_scored(ask, scorer)
    ]
    named = " or ".join(f"--scores {name}" for name in others)
    fix = (
        f"choose a scorer that scored them all: {named}; or mine again so that {ask.scorer.name} "
        "scores every pair: a top or a budget of its own leaves some out"
        if others
        else "export without scores, or mine with a source that scores every pair"
    )
    raise InputError(f"{ask.scorer.name} has no score for {said}", where=str(ask.run.path), fix=fix)


def _all_scored(ask: Ask, scorer: Scorer, *, but_blank: bool = True) -> bool:
    return not any(count for count, _ in _unscored(ask, scorer, but_blank=but_blank).values())


def _unscored(ask: Ask, scorer: Scorer, *, but_blank: bool = True) -> dict[str, tuple[int, int]]:
    """By side: pairs that it has not scored, of how many; `but_blank`: of those with texts."""
    parts = ask.run.parts
    negatives = negative_pairs(ask.run, parts, scorer)
    positives = positive_pairs(ask.run, parts, ask.positives, scorer)
    positives = positives.join(negatives, on="query_id", how="semi")
    without = pl.col("score").is_null().sum()
    found = {}
    for side, pairs in (("positives", positives), ("negatives", negatives)):
        seen = with_texts_only(pairs, ask) if but_blank else pairs
        found[side] = seen.select(without, total=pl.len()).collect().row(0)
    return {side: (int(count), int(total)) for side, (count, total) in found.items()}


def _short(ask: Ask) -> Iterator[str]:
    short = int((ask.delivered["negatives"] < ask.width).sum())
    if short:
        fate = {
            "repeat": "those are repeated to fill their rows (short=drop leaves them out)",
            "drop": "left out (short=repeat keeps them, and repeats their negatives)",
        }[ask.short]
        total = len(ask.delivered)
        yield f"queries with fewer than {ask.width} negatives, {short:,} of {total:,}: {fate}"


def _blank(ask: Ask, positives: pl.LazyFrame) -> Iterator[str]:
    if count := _count(positives.join(ask.blank_docs.lazy(), on="doc_id", how="semi")):
        yield f"positives without text, left out: {count:,}"
    mined = collection_of(ask.run).queries.lazy().join(ask.blank_queries.lazy(), on="query_id")
    if count := _count(mined.join(positives, on="query_id", how="semi")):
        yield f"queries without text, left out: {count:,}"


def _count(rows: pl.LazyFrame) -> int:
    return int(rows.select(pl.len()).collect().item())
