"""Files of captions: rows of an image's path and of what is said of it.

A row has a column whose values end as files of images do (.jpg, .png, .webp ...), and a column of
captions: `caption`, `captions`, `sentence`, `sentences`, `title`, `name`, `text` or `description`,
a text or a list of texts. Captions that are wrong of the image, such as those of SugarCrepe and
VALSE, may stand beside it: `negative_caption`, `hard_negative`, `negative`, `foil`, or one of these
with an s. Other columns are not read. JSON lines, CSV and TSV with a header are read, so that the
tables of open_clip (`filepath`, `title`) are.

Captions are queries, and images documents; `reverse:` before the name turns that round. An image is
called by its path as the file says it, and a relative path begins at the folder of the file. Where
no image is there at all, images go by their ids alone; where some are, a missing one is an error.
Captions of one text are one query. What is said wrongly of an image is judged not relevant to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl

from negatives.errors import DataError
from negatives.read.address import Address
from negatives.read.captioned.found import LINES, by_split, columns_of
from negatives.read.delimited import chunks, records, separator
from negatives.read.files import ending
from negatives.read.findings import MISSING, WRONG_TYPE, Fault, Findings
from negatives.read.gathered import Tables, Unlabelled, gather
from negatives.read.jsonl import Field, JsonLines
from negatives.read.texts import made_ids
from negatives.schema import PAIR, Collection

_LISTED: Final = msgspec.json.Decoder(str | list[str])
NO_FILE: Final = Fault(
    "no-image",
    "row names an image that is not there",
    "rows name an image that is not there",
    "put the images beside the file, or take these rows out; where none is there, images go by "
    "their ids alone",
)
NO_CAPTION: Final = Fault(
    MISSING.key,
    "row lacks an image or a caption",
    "rows lack an image or a caption",
    "give every row the path of an image and at least one caption, or take it out",
)
_ROWS: Final[Mapping[str, Any]] = {
    "doc_id": pl.String, "text": pl.String, "relevance": pl.Int32, "file": pl.UInt32,
    "line": pl.UInt32,
}  # fmt: skip


def splits(address: Address) -> list[str]:
    """The splits that the names of the files tell; train where they tell none."""
    return sorted(by_split(address.path))


def read(address: Address, split: str, findings: Findings) -> Collection:
    """The collection of one split: captions and images, whether or not the images are there."""
    rows = pl.concat(
        [pl.DataFrame(schema=_ROWS)]
        + [part for path in by_split(address.path)[split] for part in _rows(path, findings)]
    )
    findings.done()
    folder = address.path if address.path.is_dir() else address.path.parent
    corpus = _with_images(_each_once(rows.select("doc_id", "file", "line"), "doc_id"), folder,
                          findings)  # fmt: skip
    rows = rows.join(corpus, on="doc_id", how="semi", maintain_order="left")
    rows = rows.with_columns(query_id=made_ids("q-", rows["text"]))
    queries = _each_once(rows.select("query_id", "text", "file", "line"), "query_id")
    said = rows.select("query_id", "doc_id", "relevance", "file", "line")
    qrels = said.unique(["query_id", "doc_id", "relevance"], keep="first", maintain_order=True)
    both = qrels.select(PAIR).is_duplicated() & (qrels["relevance"] == 0)
    findings.note(
        "{n} wrong caption is told rightly of the same image elsewhere, and counts as right",
        "{n} wrong captions are told rightly of the same image elsewhere, and count as right",
        int(both.sum()),
    )
    qrels = qrels.filter(~both)
    wrong = Unlabelled(
        "{n} caption is wrong of its image, and right of none",
        "{n} captions are wrong of their images, and right of none",
    )
    tables = Tables(corpus, queries, qrels, identity="id", unlabelled=wrong)
    return gather(address.name, split, tables, findings)


def _rows(path: Path, findings: Findings) -> Iterator[pl.DataFrame]:
    """doc_id, text, relevance, file, line of every caption, a block of rows at a time."""
    columns = columns_of(path)
    if columns is None:
        raise DataError(
            "no rows of an image and a caption, as other files beside it have",
            where=str(path),
            fix="take the file away, or give it a column of paths of images and one of captions",
        )
    for block in _blocks(path, columns, findings):
        image = block["image"].str.strip_chars()
        blank = (image == "") | image.is_null()
        for row in block.filter(blank).iter_rows(named=True):
            findings.add(NO_CAPTION, row["file"], row["line"], "the image has no path", row)
        sound = block.with_columns(doc_id=image).filter(~blank)
        for column, relevance in (("caption", 1), ("negative", 0)):
            if column in columns:
                told = _told(sound, column, findings, needed=relevance > 0)
                yield told.with_columns(relevance=pl.lit(relevance, pl.Int32)).select(*_ROWS)
        findings.enough()


def _blocks(path: Path, columns: dict[str, str], findings: Findings) -> Iterator[pl.DataFrame]:
    """image, caption and negative as JSON (`any`) with file and line."""
    if ending(path) in LINES:
        fields = {"image": Field(columns["image"], "text")} | {
            key: Field(name, "any", required=key == "caption")
            for key, name in columns.items()
            if key != "image"
        }
        yield from JsonLines(path, fields, findings)
        return
    rows = records(path, separator(path), findings)
    header = next(rows)[1]
    file = findings.file(path)
    for table, _, lines in chunks(path, header, rows, findings):
        told = {
            key: table[name] if key == "image" else _as_json(table[name])
            for key, name in columns.items()
        }
        place = pl.lit(file, pl.UInt32).alias("file")
        yield pl.DataFrame({**told, "line": lines}).with_columns(place)


def _as_json(texts: pl.Series) -> pl.Series:
    encode = msgspec.json.encode
    return pl.Series([encode(text).decode() for text in texts], dtype=pl.String)


def _told(block: pl.DataFrame, column: str, findings: Findings, *, needed: bool) -> pl.DataFrame:
    """A row for each caption of a column; one that is no text, or blank, is reported."""
    lists: list[list[str]] = []
    for row, said in enumerate(block[column].to_list()):
        place = block["file"][row], block["line"][row]
        try:
            found = _LISTED.decode(said or "[]")
        except msgspec.MsgspecError:
            reason = f"a caption must be a text or a list of texts, and is {said[:60]}"
            findings.add(WRONG_TYPE, *place, reason, said)
            lists.append([])
            continue
        texts = [each.strip() for each in ([found] if isinstance(found, str) else found)]
        kept = [each for each in texts if each]
        if needed and not kept:
            findings.add(NO_CAPTION, *place, "the image has no caption", said)
        lists.append(kept)
    made = block.select("doc_id", "file", "line").with_columns(
        text=pl.Series(lists, dtype=pl.List(pl.String))
    )
    return made.explode("text").drop_nulls("text")


def _each_once(table: pl.DataFrame, key: str) -> pl.DataFrame:
    first = table.unique(key, keep="first", maintain_order=True)
    return first.with_row_index("row").select(pl.exclude("row"), "row")


def _with_images(corpus: pl.DataFrame, folder: Path, findings: Findings) -> pl.DataFrame:
    """The corpus with its paths, where any of them leads to a file."""
    there = pl.Series([(folder / name).is_file() for name in corpus["doc_id"]], dtype=pl.Boolean)
    if corpus.is_empty():  # every row was set aside
        return corpus
    if not there.any():
        findings.note(
            f"no image is there, so that images go by their ids alone: {corpus['doc_id'][0]!r} "
            f"and the others were looked for in {folder.name or folder}",
            "",
            1,
        )
        return corpus
    for row in corpus.filter(~there).iter_rows(named=True):
        findings.add(NO_FILE, row["file"], row["line"], f"{row['doc_id']!r}", row["doc_id"])
    findings.enough()
    return corpus.filter(there).with_columns(image=pl.col("doc_id"))
