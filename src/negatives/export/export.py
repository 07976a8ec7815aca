"""export: a run's negatives into one file, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, get_args

import polars as pl

from negatives.errors import InputError, nearest
from negatives.events import Emit, Warned, silent
from negatives.export import flagembedding, sentence_transformers, tevatron, trec
from negatives.export.ask import Ask, Format, Mined, Short
from negatives.export.blocks import blocks, empty_block, reference
from negatives.export.files import FLAT, WRITERS
from negatives.export.left_out import left_out
from negatives.run.directory import Run
from negatives.store.atomic import writing

_FORMATS: Final[dict[str, Format]] = {
    **sentence_transformers.FORMATS,
    **flagembedding.FORMATS,
    **tevatron.FORMATS,
    **trec.FORMATS,
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

    Raises `InputError` for an unknown format, ending or choice; nothing is written then.
    """
    chosen = _chosen(format)
    _check_choice("short", short, get_args(Short), format, of="n-tuple")
    _check_choice("mined", mined, get_args(Mined), format, of="qrels")
    path = _writable(run, Path(out), format, chosen)
    ask = Ask(
        run=run,
        scores=scores,
        ids=ids,
        short=short or "repeat",
        mined=mined or "omit",
    )
    if scores:
        _check_scores(run, format)
    schema = chosen.rows(empty_block(), ask).schema
    _check_flat(path, schema)
    for text in left_out(format, ask):
        emit(Warned(text))
    count = _Counted(chosen.rows(block, ask) for block in blocks(run, emit))
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
    option: str, value: str | None, valid: tuple[str, ...], format: str, *, of: str
) -> None:
    """Refuse a value that is none of `valid`, or one given to another format than `of`."""
    if value is not None and format != of:
        raise InputError(f"{option} is for the format {of}, not for {format}")
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


def _check_scores(run: Run, format: str) -> None:
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
