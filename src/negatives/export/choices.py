"""What a caller chose of an export, checked against the format and the run."""

from __future__ import annotations

from importlib import import_module
from typing import Final, get_args

import polars as pl

from negatives.errors import InputError, nearest
from negatives.export import (
    cohere,
    contrastors,
    dpr,
    flagembedding,
    llama_index,
    masked,
    ms_swift,
    pylate,
    sentence_transformers,
    tevatron,
    trec,
    trl,
)
from negatives.export.ask import Ask, Format, Labels, Mined, Short
from negatives.export.blocks import Positives
from negatives.export.left_out import refuse_unscored
from negatives.export.masks import ABOVE
from negatives.export.scorers import scorer_of
from negatives.kinds import kinds
from negatives.store.run import RELABELLED_FILE, Run

OWN: Final[dict[str, Format]] = {
    **sentence_transformers.FORMATS,
    **flagembedding.FORMATS,
    **tevatron.FORMATS,
    **ms_swift.FORMATS,
    **contrastors.FORMATS,
    **pylate.FORMATS,
    **dpr.FORMATS,
    **cohere.FORMATS,
    **llama_index.FORMATS,
    **trl.FORMATS,
    **trec.FORMATS,
    **masked.FORMATS,
}
"""The formats that come with the package."""

_MOST: Final = 2**31 - 1


def format_named(name: str) -> Format:
    """A format of this package or a third party's; `InputError` names the nearest there is."""
    theirs = kinds("export")
    if name not in OWN and name not in theirs:
        what = f"there is no format {name!r}" if name else "no format is named"
        raise InputError(what, fix=nearest(name, [*OWN, *theirs]))
    if name in OWN:
        return OWN[name]
    module, _, attribute = theirs[name].partition(":")
    made: Format = getattr(import_module(module), attribute)
    return made


def asked(
    run: Run,
    format: str,
    *,
    scores: bool | str = False,
    ids: bool = False,
    short: Short | None = None,
    mined: Mined | None = None,
    positives: Positives = "known",
    labels: Labels | None = None,
    above: float | None = None,
    reviews: bool = False,
    rows_per_query: int | None = None,
    seed: int | None = None,
) -> tuple[Format, Ask]:
    """The format, and what is asked of it; `InputError` where it, or the run, has no such thing."""
    chosen = format_named(format)
    for option, value, valid in (
        ("short", short, get_args(Short)),
        ("mined", mined, get_args(Mined)),
        ("labels", labels, get_args(Labels)),
        ("above", above, ()),
        ("reviews", reviews or None, ()),
        ("rows_per_query", rows_per_query, ()),
    ):
        _check_choice(option, value, valid, format, chosen)
    _check_positives(run, positives, format, chosen)
    _check_number(rows_per_query, seed)
    if scores and chosen.scores == "never":
        what, fix = chosen.no_scores
        raise InputError(what, fix=fix)
    ask = Ask(
        run=run,
        scorer=scorer_of(run, scores or True) if scores or chosen.scores == "needed" else None,
        ids=ids,
        short=short or "repeat",
        mined=mined or "omit",
        positives=positives,
        labels=labels or "hard",
        above=ABOVE if above is None else above,
        reviews=reviews,
        rows_per_query=rows_per_query,
        seed=seed or 0,
    )
    if labels == "soft":
        _check_soft(ask)
    if ids and chosen.no_ids:
        raise InputError(chosen.no_ids, fix="leave out ids")
    refuse_unscored(chosen, ask)
    return chosen, ask


def _check_choice(
    option: str, value: object, valid: tuple[str, ...], format: str, chosen: Format
) -> None:
    """Refuse a value that is none of `valid`, or one that the format leaves no choice of."""
    if value is None:
        return
    if option not in chosen.options:
        of = " or ".join(name for name, each in OWN.items() if option in each.options)
        other = "choose another --format" if valid else f"export the format {of}"
        raise InputError(
            f"{option} is for the format {of}, not for {format}", fix=f"leave it out, or {other}"
        )
    if valid and value not in valid:
        raise InputError(f"{option} cannot be {value!r}", fix=nearest(str(value), valid))


def _check_number(rows_per_query: int | None, seed: int | None) -> None:
    if rows_per_query is not None and not 1 <= rows_per_query <= _MOST:
        raise InputError(
            f"rows_per_query is {rows_per_query}", fix="at least 1, or leave it out for all rows"
        )
    if seed is not None and rows_per_query is None:
        raise InputError(
            "a seed chooses nothing where all rows are written",
            fix="leave it out, or say how many: --rows-per-query 7",
        )
    if seed is not None and not -(2**63) <= seed < 2**63:
        raise InputError(f"seed must fit in 64 bits, which {seed} does not", fix="seed 0")


def _check_positives(run: Run, positives: str, format: str, chosen: Format) -> None:
    """Refuse positives that a format does not hold, or that this run does not have."""
    valid = get_args(Positives)
    if positives not in valid:
        raise InputError(f"positives cannot be {positives!r}", fix=nearest(positives, valid))
    if positives == "known":
        return
    if chosen.no_positives:
        raise InputError(f"{format} holds no positives to choose", fix=chosen.no_positives)
    if RELABELLED_FILE not in run.manifest.files:
        raise InputError(
            "nothing of this run is relabelled",
            where=str(run.path),
            fix="negatives pick RUN --relabel 0.9",
        )


def _check_soft(ask: Ask) -> None:
    if ask.scores:
        raise InputError(
            "scores stand where labels would, so that soft labels have no place",
            fix="choose scores or soft labels",
        )
    p = pl.scan_parquet(ask.run.negatives_file, glob=False).select("p_relevant")
    if p.count().collect().item() == 0 and p.select(pl.len()).collect().item():
        raise InputError(
            "p_relevant of the negatives is not known, so there are no soft labels",
            where=str(ask.run.path),
            fix="mine with a recipe that has an [estimate] stage",
        )
