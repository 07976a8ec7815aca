"""A collection written out as a BEIR folder: whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, Final

import msgspec
import polars as pl

from negatives.errors import DataError
from negatives.schema import Collection, Side
from negatives.store.atomic import sync, writing_folder

CHUNK: Final = 20_000
"""Rows turned into text at a time."""

_SPECIAL: Final = '[\t\r\n"]'


def convert(collection: Collection, out: str | Path) -> Path:
    """Write `collection` as a BEIR folder; refuses a folder that holds anything.

    Rows are in the order of the file they came from, with their fields beside their texts. A title
    is taken out of the text again that it stands before. Given negatives, which BEIR has no place
    for, go to given/SPLIT.tsv.
    """
    return convert_splits([collection], out)


def convert_splits(splits: Sequence[Collection], out: str | Path) -> Path:
    """The same of several splits of one corpus: queries of all of them, qrels of each."""
    out = Path(out)
    refuse_to_replace(out)
    with writing_folder(out) as temporary:
        _write([_images_from(each, out) for each in splits], temporary)
    return out


def _images_from(collection: Collection, out: Path) -> Collection:
    """The collection with the paths of its images as they are found from `out`; what is no file
    here, such as an address of the web, stays as it is.
    """
    sides: dict[str, Any] = {}
    both: tuple[tuple[Side, str], ...] = (("docs", "corpus"), ("queries", "queries"))
    for side, name in both:
        if collection.has(side, "image"):
            said = collection.frame(side)["image"].to_list()
            paths = [
                os.path.relpath(path, out) if path and Path(path).is_file() else before
                for path, before in zip(collection.image_paths(side), said, strict=True)
            ]
            image = pl.Series("image", paths, dtype=pl.String)
            sides[name] = collection.frame(side).with_columns(image)
    return replace(collection, **sides) if sides else collection


def refuse_to_replace(out: Path) -> None:
    """A folder that holds anything is never written to."""
    if out.is_dir() and not any(out.iterdir()):
        return
    if out.exists():
        what = "the folder is not empty" if out.is_dir() else "there is a file of that name"
        raise DataError(what, where=str(out), fix="name a new folder")


def _write(splits: Sequence[Collection], folder: Path) -> None:
    queries = pl.concat([each.queries for each in splits]).unique("query_id").sort("query_id")
    _save(folder / "corpus.jsonl", _texts(splits[0].corpus, "doc_id"))
    _save(folder / "queries.jsonl", _texts(queries, "query_id"))
    for collection in splits:
        name = f"{collection.split}.tsv"
        _save(folder / "qrels" / name, _rows(collection.qrels, "query-id\tcorpus-id\tscore"))
        if len(collection.given):
            _save(folder / "given" / name, _rows(collection.given, "query-id\tcorpus-id"))
    sync(folder)


def _save(path: Path, blocks: Iterator[bytes]) -> None:
    path.parent.mkdir(exist_ok=True)
    file: IO[bytes]
    with path.open("xb") as file:
        for block in blocks:
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    sync(path.parent)


def _texts(frame: pl.DataFrame, key: str) -> Iterator[bytes]:
    encoder = msgspec.json.Encoder()
    for part in frame.sort("row").iter_slices(CHUNK):
        if "text" in part.columns and key == "doc_id":
            part = _titled(part)
        first = [name for name in ("title", "text") if name in part.columns]
        rows = [
            {"_id": row.pop(key), **_given(row)}
            for row in part.select(key, *first, pl.exclude(key, *first, "row")).iter_rows(
                named=True
            )
        ]
        yield encoder.encode_lines(rows)


def _titled(part: pl.DataFrame) -> pl.DataFrame:
    """Documents whose title and text make their text when they are read: both, or no title."""
    if "title" not in part.columns:
        return part.with_columns(title=pl.lit(""))
    title, text = pl.col("title").fill_null(""), pl.col("text")
    before = (title != "") & (text + " ").str.starts_with(title + " ")
    rest = text.str.slice(title.str.len_chars() + 1)
    return part.with_columns(
        title=pl.when(before).then(title).otherwise(pl.lit("")),
        text=pl.when(before).then(rest).otherwise(text),
    )


def _given(row: dict[str, object]) -> dict[str, object]:
    """A row without the fields that it lacks."""
    return {name: value for name, value in row.items() if value is not None}


def _rows(frame: pl.DataFrame, header: str) -> Iterator[bytes]:
    yield f"{header}\n".encode()
    quoted = [
        pl.when(pl.col(name).str.contains(_SPECIAL))
        .then(pl.lit('"') + pl.col(name).str.replace_all('"', '""', literal=True) + pl.lit('"'))
        .otherwise(name)
        .alias(name)
        if dtype == pl.String
        else pl.col(name).cast(pl.String)
        for name, dtype in frame.schema.items()
    ]
    for part in frame.iter_slices(CHUNK):
        lines = part.select(pl.concat_str(quoted, separator="\t")).to_series()
        yield "".join(f"{line}\n" for line in lines).encode()
