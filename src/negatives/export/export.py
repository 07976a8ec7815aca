"""export: a run's negatives into one file, whole or not at all, and what it refers to beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Unpack

import polars as pl

from negatives.errors import InputError
from negatives.events import Emit, Progress, Warned, silent
from negatives.export.ask import Ask, Choices, Format
from negatives.export.choices import OWN, asked
from negatives.export.files import FLAT, WRITERS
from negatives.export.left_out import left_out
from negatives.export.sizes import sizes
from negatives.store.atomic import remove_abandoned, writing
from negatives.store.run import Run

FORMATS: Final[dict[str, str]] = {name: format.about for name, format in OWN.items()}
"""Name of each format -> what it is, in one line."""


def export(
    run: Run,
    out: str | Path,
    *,
    format: str,
    overwrite: bool = True,
    emit: Emit = silent,
    **choices: Unpack[Choices],
) -> int:
    """Write the negatives of `run` to the file `out` in a format of `FORMATS`; returns its rows.

    The ending of `out` chooses the file type. Rows come in query order, then by positive, then by
    position. Where the rows of a format are ids that are read beside their texts (pylate-kd, and
    tevatron with `ids`), the texts are written to files beside `out`, which a `Warned` event names.
    With `overwrite=False` a file that is there is not replaced.

    `scores` adds scores of the pairs where the format's trainer looks for a teacher's (and, in
    formats of one JSON object a query, hardness and p_relevant of the negatives): those of the
    run's last reranker, or else of its reference scorer; or of the source or judge that is named.
    `ids` writes ids in place of texts, in columns named so (beside the texts for flagembedding,
    whose trainer needs them).

    `rows_per_query`, for triplet and preference, is how many of the (positive, negative) pairs of a
    query are written: every negative, and every positive, comes once before any comes twice. Which
    ones depends on `seed` (0) and on ids. For n-tuple, ms-swift and contrastors it is how many
    positives, each with all negatives. For n-tuple, `short` says what becomes of a query with fewer
    negatives than the others: its own are repeated ("repeat", the default) or it is left out
    ("drop"). For qrels, `mined` is "omit" (the default) or "zero": mined negatives, which nobody
    judged, as not relevant; `reviews` adds what people said of the run's pairs. What is left out or
    repeated is counted in a `Warned` event.

    `positives` are the "known" ones, those that the run "relabelled", or "all"; where a format has
    room it says which are which. `labels`, for labeled-pair and labeled-list, are "hard" (1 and 0,
    the default) or "soft": p_relevant in place of 0, and of a relabelled positive's 1. `above`, for
    masks, is the p_relevant from which a pair is masked (0.5).

    Raises `InputError` for an unknown format, ending or choice, and where there would be no row;
    nothing is written then.
    """
    chosen, ask = asked(run, format, **choices)
    path = Path(out)
    _check_ending(path, format, chosen)
    schema = chosen.schema(ask)
    _check_flat(path, schema)
    beside = () if chosen.packed is not None else chosen.parts(ask)
    files = [path, *(part.beside(path) for part in beside)]
    for file in files:
        _check_place(run, file, overwrite)
    counted = rows_of(chosen, ask, emit)
    for part, file in zip(beside, files[1:], strict=True):
        emit(Warned(f"{file} holds {part.about}"))
    for file in files:
        remove_abandoned(file)
    with ExitStack() as written:  # the file of the rows is there last: with all that it refers to
        whole = written.enter_context(writing(path, new=not overwrite))
        others = [written.enter_context(writing(file, new=not overwrite)) for file in files[1:]]
        if chosen.packed is not None:
            chosen.packed(whole, iter(counted), chosen.parts(ask))
        else:
            WRITERS[path.suffix](whole, schema, iter(counted))
        for part, temporary, file in zip(beside, others, files[1:], strict=True):
            WRITERS[file.suffix](temporary, pl.Schema(part.columns), part.frames())
        if not counted.rows:
            raise InputError(
                f"there is no row to export: no query has what a row of {format} is made of",
                where=str(run.path),
                fix=f"negatives report {run.path} says what became of its candidates",
            )
    return counted.rows


def rows_of(chosen: Format, ask: Ask, emit: Emit) -> Counted:
    """The rows of an export, and what is to be said of them before the first one is made."""
    expected = 0
    if chosen.rows_of_query is not None:
        size = sizes(chosen, ask)
        expected = size.rows(chosen, ask.rows_per_query)
        if told := size.told(chosen, ask.rows_per_query):
            emit(Warned(told))
    for text in left_out(chosen, ask):
        emit(Warned(text))
    return Counted(chosen.frames(ask, emit), expected, emit)


class Counted:
    """Frames passing by, the rows seen so far, of how many (0: not known)."""

    def __init__(self, frames: Iterator[pl.DataFrame], expected: int, emit: Emit) -> None:
        self.rows = 0
        self.expected = expected
        self._frames, self._emit = frames, emit

    def __iter__(self) -> Iterator[pl.DataFrame]:
        self._tell()
        for frame in self._frames:
            self.rows += len(frame)
            yield frame
            self._tell()
        if not self.expected:
            self._emit(Progress("export", self.rows, self.rows, "rows"))

    def _tell(self) -> None:
        if self.expected:
            self._emit(Progress("export", self.rows, self.expected, "rows"))


def _check_ending(path: Path, format: str, chosen: Format) -> None:
    if path.suffix not in chosen.suffixes:
        raise InputError(
            f"{format} cannot be written to a file that ends in {path.suffix or 'nothing'}",
            where=str(path),
            fix=f"end it in {' or '.join(chosen.suffixes)}",
        )


def _check_place(run: Run, path: Path, overwrite: bool) -> None:
    """Refuse a place where something is that an export may not replace."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise InputError(
            "there is something here that is not a regular file",
            where=str(path),
            fix="choose another file",
        )
    # Not `Path.resolve`: links that lead to each other, in the run even, are no matter here.
    own = {os.path.realpath(run.path / name) for name in run.manifest.files}
    if os.path.realpath(path) in own:
        raise InputError(
            "this file is part of the run itself", where=str(path), fix="choose another file"
        )
    if path.exists() and not overwrite:
        raise InputError(
            "this file is there already",
            where=str(path),
            fix="choose another file, or replace it: --overwrite",
        )


def _check_flat(path: Path, schema: pl.Schema) -> None:
    nested = [name for name, dtype in schema.items() if dtype.is_nested()]
    if nested and path.suffix in FLAT:
        raise InputError(
            f"{path.suffix} cannot hold lists, and {', '.join(nested)} is one",
            where=str(path),
            fix="end the file in .parquet or .jsonl",
        )
