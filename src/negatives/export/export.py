"""export: a run's negatives into one file, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
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
from negatives.store.atomic import writing
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
    judged, as not relevant. What is left out or repeated is counted in a `Warned` event.

    `positives` are the "known" ones, those that the run "relabelled", or "all"; where a format has
    room it says which are which. `labels`, for labeled-pair and labeled-list, are "hard" (1 and 0,
    the default) or "soft": p_relevant in place of 0, and of a relabelled positive's 1. `above`, for
    masks, is the p_relevant from which a pair is masked (0.5).

    Raises `InputError` for an unknown format, ending or choice; nothing is written then.
    """
    chosen = _chosen(format)
    _check_choice("short", short, get_args(Short), format, of=("n-tuple",))
    _check_choice("mined", mined, get_args(Mined), format, of=("qrels",))
    _check_choice("labels", labels, get_args(Labels), format, of=("labeled-pair", "labeled-list"))
    if above is not None and format != "masks":
        raise InputError(
            f"above is for the format masks, not for {format}",
            mend="leave it out, or export the format masks",
        )
    _check_positives(run, positives, format)
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
    )
    if scores:
        _check_scores(run, format)
    if labels == "soft":
        _check_soft(run, scores)
    if ids and format in ("masks", "text-ids"):
        raise InputError(f"{format} hold ids, and nothing else", mend="leave out ids")
    schema = chosen.schema(ask)
    _check_flat(path, schema)
    for text in left_out(format, ask):
        emit(Warned(text))
    count = _Counted(chosen.frames(ask, emit))
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
    if format not in _FORMATS:
        raise InputError(f"there is no format {format!r}", mend=nearest(format, _FORMATS))
    return _FORMATS[format]


def _check_choice(
    option: str, value: str | None, valid: tuple[str, ...], format: str, *, of: tuple[str, ...]
) -> None:
    """Refuse a value that is none of `valid`, or one given to another format than `of`."""
    if value is not None and format not in of:
        raise InputError(
            f"{option} is for the format {' or '.join(of)}, not for {format}",
            mend="leave it out, or choose another --format",
        )
    if value is not None and value not in valid:
        raise InputError(f"{option} cannot be {value!r}", mend=nearest(value, valid))


def _writable(run: Run, path: Path, format: str, chosen: Format) -> Path:
    """Return `path` if its ending fits the format and no more than an earlier export is there."""
    if path.suffix not in chosen.suffixes:
        raise InputError(
            f"{format} cannot be written to a file that ends in {path.suffix or 'nothing'}",
            where=str(path),
            mend=f"end it in {' or '.join(chosen.suffixes)}",
        )
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise InputError(
            "there is something here that is not a regular file",
            where=str(path),
            mend="choose another file",
        )
    own = {(run.path / name).resolve() for name in run.manifest.files}
    if path.resolve() in own:
        raise InputError(
            "this file is part of the run itself", where=str(path), mend="choose another file"
        )
    return path


def _check_positives(run: Run, positives: str, format: str) -> None:
    """Refuse positives that a format does not hold, or that this run does not have."""
    valid = get_args(Positives)
    if positives not in valid:
        raise InputError(f"positives cannot be {positives!r}", mend=nearest(positives, valid))
    if positives == "known":
        return
    if format in _WITHOUT_POSITIVES:
        raise InputError(f"{format} holds no positives to choose", mend=_WITHOUT_POSITIVES[format])
    if RELABELLED_FILE not in run.manifest.files:
        raise InputError(
            "nothing of this run is relabelled",
            where=str(run.path),
            mend="negatives pick RUN --relabel 0.9",
        )


_WITHOUT_POSITIVES: Final = {
    "trec-run": "leave out positives",
    "masks": "leave out positives: the relabelled ones are always masked",
    "text-ids": "leave out positives",
}


def _check_soft(run: Run, scores: bool) -> None:
    if scores:
        raise InputError(
            "scores stand where labels would, so that soft labels have no place",
            mend="choose scores or soft labels",
        )
    p = pl.scan_parquet(run.negatives_file, glob=False).select("p_relevant")
    if p.count().collect().item() == 0 and p.select(pl.len()).collect().item():
        raise InputError(
            "p_relevant of the negatives is not known, so there are no soft labels",
            where=str(run.path),
            mend="mine with a recipe that has an [estimate] stage",
        )


def _check_scores(run: Run, format: str) -> None:
    if format in ("masks", "text-ids"):
        raise InputError(f"{format} have no scores", mend="leave out scores")
    if format == "qrels":
        raise InputError("qrels hold judgements, no scores", mend="the format trec-run has scores")
    if not reference(run):
        raise InputError(
            "no source of this run gives scores that could be written",
            where=str(run.path),
            mend="mine with a source that scores every pair, as bm25 and dense do",
        )


def _check_flat(path: Path, schema: pl.Schema) -> None:
    nested = [name for name, dtype in schema.items() if dtype.is_nested()]
    if nested and path.suffix in FLAT:
        raise InputError(
            f"{path.suffix} cannot hold lists, and {', '.join(nested)} is one",
            where=str(path),
            mend="end the file in .parquet or .jsonl",
        )
