"""export: a run's negatives into one file, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Final, get_args

import polars as pl

from negatives.errors import InputError, nearest
from negatives.events import Emit, Warned, silent
from negatives.export import flagembedding, masked, sentence_transformers, tevatron, trec
from negatives.export.ask import Ask, Format, Labels, Mined, Short
from negatives.export.blocks import Positives, reference
from negatives.export.files import FLAT, WRITERS
from negatives.export.left_out import left_out
from negatives.export.masks import ABOVE
from negatives.kinds import kinds
from negatives.store.atomic import remove_abandoned, writing
from negatives.store.run import RELABELLED_FILE, Run

_FORMATS: Final[dict[str, Format]] = {
    **sentence_transformers.FORMATS,
    **flagembedding.FORMATS,
    **tevatron.FORMATS,
    **trec.FORMATS,
    **masked.FORMATS,
}

FORMATS: Final[dict[str, str]] = {name: format.about for name, format in _FORMATS.items()}
"""Name of each format -> what it is, in one line."""


def export(
    run: Run,
    out: str | Path,
    *,
    format: str,
    scores: bool = False,
    ids: bool = False,
    short: Short | None = None,
    mined: Mined | None = None,
    positives: Positives = "known",
    labels: Labels | None = None,
    above: float | None = None,
    reviews: bool = False,
    emit: Emit = silent,
) -> int:
    """Write the negatives of `run` to the file `out` in a format of `FORMATS`; returns its rows.

    The ending of `out` chooses the file type. Rows come in query order, then by positive, then by
    position. `scores` adds the scores of the run's reference scorer where the format's trainer
    looks for teacher scores (and, in formats of one JSON object a query, hardness and p_relevant of
    the negatives); `ids` writes ids in place of texts, in columns named so (beside the texts for
    flagembedding, whose trainer needs them). For n-tuple, `short` says what becomes of a query with
    fewer negatives than the others: its own are repeated ("repeat", the default) or it is left out
    ("drop"). For qrels, `mined` is "omit" (the default) or "zero": mined negatives, which nobody
    judged, as not relevant; `reviews` adds what people said of the run's pairs. What is left out or
    repeated is counted in a `Warned` event.

    `positives` are the "known" ones, those that the run "relabelled", or "all"; where a format has
    room it says which are which. `labels`, for labeled-pair and labeled-list, are "hard" (1 and 0,
    the default) or "soft": p_relevant in place of 0, and of a relabelled positive's 1. `above`, for
    masks, is the p_relevant from which a pair is masked (0.5).

    Raises `InputError` for an unknown format, ending or choice; nothing is written then.
    """
    chosen = _chosen(format)
    for option, value, valid in (
        ("short", short, get_args(Short)),
        ("mined", mined, get_args(Mined)),
        ("labels", labels, get_args(Labels)),
        ("above", above, ()),
        ("reviews", reviews or None, ()),
    ):
        _check_choice(option, value, valid, format, chosen)
    _check_positives(run, positives, format, chosen)
    path = _writable(run, Path(out), format, chosen)
    ask = Ask(
        run=run,
        scores=scores,
        ids=ids,
        short=short or "repeat",
        mined=mined or "omit",
        positives=positives,
        labels=labels or "hard",
        above=ABOVE if above is None else above,
        reviews=reviews,
    )
    if scores:
        _check_scores(run, chosen)
    if labels == "soft":
        _check_soft(run, scores)
    if ids and chosen.no_ids:
        raise InputError(chosen.no_ids, fix="leave out ids")
    schema = chosen.schema(ask)
    _check_flat(path, schema)
    for text in left_out(chosen, ask):
        emit(Warned(text))
    count = _Counted(chosen.frames(ask, emit))
    remove_abandoned(path)
    with writing(path) as temporary:
        WRITERS[path.suffix](temporary, schema, iter(count))
    return count.rows


class _Counted:
    """Frames passing by, and the rows seen so far."""

    def __init__(self, frames: Iterator[pl.DataFrame]) -> None:
        self.rows = 0
        self._frames = frames

    def __iter__(self) -> Iterator[pl.DataFrame]:
        for frame in self._frames:
            self.rows += len(frame)
            yield frame


def _chosen(format: str) -> Format:
    theirs = kinds("export")
    if format not in _FORMATS and format not in theirs:
        raise InputError(
            f"there is no format {format!r}", fix=nearest(format, [*_FORMATS, *theirs])
        )
    if format in _FORMATS:
        return _FORMATS[format]
    module, _, name = theirs[format].partition(":")
    made: Format = getattr(import_module(module), name)
    return made


def _check_choice(
    option: str, value: object, valid: tuple[str, ...], format: str, chosen: Format
) -> None:
    """Refuse a value that is none of `valid`, or one that the format leaves no choice of."""
    if value is None:
        return
    if option not in chosen.options:
        of = " or ".join(name for name, each in _FORMATS.items() if option in each.options)
        other = "choose another --format" if valid else f"export the format {of}"
        raise InputError(
            f"{option} is for the format {of}, not for {format}", fix=f"leave it out, or {other}"
        )
    if valid and value not in valid:
        raise InputError(f"{option} cannot be {value!r}", fix=nearest(str(value), valid))


def _writable(run: Run, path: Path, format: str, chosen: Format) -> Path:
    """Return `path` if its ending fits the format and no more than an earlier export is there."""
    if path.suffix not in chosen.suffixes:
        raise InputError(
            f"{format} cannot be written to a file that ends in {path.suffix or 'nothing'}",
            where=str(path),
            fix=f"end it in {' or '.join(chosen.suffixes)}",
        )
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise InputError(
            "there is something here that is not a regular file",
            where=str(path),
            fix="choose another file",
        )
    own = {(run.path / name).resolve() for name in run.manifest.files}
    if path.resolve() in own:
        raise InputError(
            "this file is part of the run itself", where=str(path), fix="choose another file"
        )
    return path


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


def _check_soft(run: Run, scores: bool) -> None:
    if scores:
        raise InputError(
            "scores stand where labels would, so that soft labels have no place",
            fix="choose scores or soft labels",
        )
    p = pl.scan_parquet(run.negatives_file, glob=False).select("p_relevant")
    if p.count().collect().item() == 0 and p.select(pl.len()).collect().item():
        raise InputError(
            "p_relevant of the negatives is not known, so there are no soft labels",
            where=str(run.path),
            fix="mine with a recipe that has an [estimate] stage",
        )


def _check_scores(run: Run, chosen: Format) -> None:
    if chosen.scores == "never":
        what, fix = chosen.no_scores
        raise InputError(what, fix=fix)
    if not reference(run):
        raise InputError(
            "no source of this run gives scores that could be written",
            where=str(run.path),
            fix="mine with a source that scores every pair, as bm25 and dense do",
        )


def _check_flat(path: Path, schema: pl.Schema) -> None:
    nested = [name for name, dtype in schema.items() if dtype.is_nested()]
    if nested and path.suffix in FLAT:
        raise InputError(
            f"{path.suffix} cannot hold lists, and {', '.join(nested)} is one",
            where=str(path),
            fix="end the file in .parquet or .jsonl",
        )
