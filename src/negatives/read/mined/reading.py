"""From rows of a file to a block: documents beside their labels, scores and texts.

Lists that belong together must be of one length, and a label a whole number; rows of which that is
not true are reported and are in no block.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.errors import DataError
from negatives.read.findings import BAD_SCORE, DANGLING, FIRST, Fault, Findings
from negatives.read.grades import whole
from negatives.read.lookalikes import look_alike
from negatives.read.mined.flat import Flat, FlatRows, Lengths, joined
from negatives.read.mined.parts import Part
from negatives.read.mined.rows import DOCS, MOMENTS, QUERIES, MinedBlock, MinedFile
from negatives.read.moments import NO_MOMENT, Units, moments

UNCLEAR: Final = Fault(
    "unclear-label",
    "row has a positive and negatives, and a label of 0",
    "rows have a positive and negatives, and a label of 0",
    "leave the column out, or the rows: it is not known what of them is not relevant",
)
UNEVEN: Final = Fault(
    "uneven-lists",
    "row has lists of different lengths for the same documents",
    "rows have lists of different lengths for the same documents",
    "give each document its label, its score and its id, or leave the column out",
)
_PLACE: Final = ["at", "place"]


def blocks(file: MinedFile, findings: Findings | None = None) -> Iterator[MinedBlock]:
    """All rows of a file, in order; without `findings`, the first bad rows are a `DataError`."""
    if file.layout.by_id and file.texts:
        _refuse_textless(file)
    if file.layout.name == "scored-list" and file.collection.positives.is_empty():
        raise DataError(
            "the scores of a teacher do not tell which documents are positives, and "
            f"{file.collection.name!r} judges nothing",
            where=str(file.path),
            fix="name a collection with judgements: --corpus DATA",
        )
    found = Findings() if findings is None else findings
    header = file.source.header.note
    for note in (*([header] if header else []), *file.source.notes, *file.layout.notes):
        found.note(note, note, 1)
    empty, units = True, Units()
    for rows in file.source.rows(file.layout, found):
        empty = empty and rows.row.is_empty()
        yield _Reading(file, rows, found, units).block()
        found.enough()
    if empty and not found.faults:
        raise DataError(
            "the file holds no rows",
            where=str(file.path),
            fix="check that what wrote it came to an end",
        )
    if findings is None:
        found.done()


def _refuse_textless(file: MinedFile) -> None:
    """Raise `DataError` where nothing has the texts of the ids, however many rows there are."""
    documents = (*file.layout.positives, *file.layout.negatives)
    for needed, known, what, option in (
        (not file.layout.query, file.collection.queries, "queries", "--queries"),
        (all(part.kind == "id" for part in documents), file.collection.corpus, "documents",
         "--corpus"),
    ):  # fmt: skip
        if needed and known.is_empty():
            raise DataError(
                f"the file names {what} by their ids, and nothing has their texts",
                where=str(file.path),
                fix=f"name the file that has them: {option} FILE",
            )


class _Reading:
    """Some rows of a file on their way to be a block; `at` is the number of a row among them."""

    def __init__(self, file: MinedFile, rows: FlatRows, findings: Findings, units: Units) -> None:
        self._file, self._layout, self._units = file, file.layout, units
        self._rows, self._findings = rows, findings
        self._height = len(rows.row)
        self._bad: NDArray[np.bool_] = np.zeros(self._height, np.bool_)

    def block(self) -> MinedBlock:
        """The block, without the rows that were reported."""
        layout = self._layout
        queries = self._with_texts(self._queries(), "query")
        positives = self._documents(layout.positives)
        negatives = self._documents(layout.negatives)
        if layout.shape == "wide":
            positives, negatives = self._beside(positives, negatives)
        else:
            positives, negatives = self._labelled(negatives)
        unjudged = negatives.clear()
        if "relevance" in negatives.columns:
            below = pl.col("relevance").fill_null(0) < 0
            unjudged, negatives = negatives.filter(below), negatives.filter(~below)
        sides = [self._with_texts(side, "doc") for side in (positives, negatives, unjudged)]
        times = self._times() if layout.time else pl.DataFrame(schema=MOMENTS)
        asked = self._finished(queries, QUERIES)
        positives, negatives, unjudged = (self._finished(side, DOCS) for side in sides)
        return MinedBlock(asked, positives, negatives, unjudged, times)

    def _times(self) -> pl.DataFrame:
        """row, time of the rows; those whose moment cannot be read are reported."""
        texts = self._rows.strings(self._layout.time)
        times = moments(texts)
        for at in times.is_null().arg_true():
            said = repr(texts[at]) if texts[at] is not None else "null"
            self._report(NO_MOMENT, at, f"{self._layout.time!r} is {said}")
        self._units.see(times, texts, self._rows.line, self._layout.time, str(self._file.path))
        return pl.DataFrame({"row": self._rows.row, "time": times}, schema=MOMENTS).drop_nulls()

    def _finished(self, frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
        """`frame` by the rows of the file, without bad rows, and without what is no document."""
        if self._bad.any():
            frame = frame.filter(~pl.Series(self._bad).gather(frame["at"]))
        if "place" in schema:
            frame = frame.filter(pl.col("id").is_not_null() | pl.col("text").is_not_null())
            frame = frame.with_columns(row=self._rows.row.gather(frame["at"]))
            if "relevance" not in frame.columns:
                frame = frame.with_columns(relevance=pl.lit(None, pl.Int32))
        return frame.select(pl.col(name).cast(kind) for name, kind in schema.items())

    # ---- queries and documents -------------------------------------------------------------------

    def _queries(self) -> pl.DataFrame:
        layout, rows = self._layout, self._rows
        ids = text = pl.Series([None], dtype=pl.String).new_from_index(0, self._height)
        if layout.query_id:
            ids = rows.strings(layout.query_id)
        if layout.query_form == "messages":
            text = rows.conversation(layout.query)
        elif layout.query:
            text = rows.strings(layout.query)
        made = {"row": rows.row, "line": rows.line, "id": ids, "text": text}
        frame = pl.DataFrame(made).with_row_index("at")
        return frame.with_columns(file=pl.lit(rows.file, pl.UInt32))

    def _documents(self, parts: tuple[Part, ...]) -> pl.DataFrame:
        """at, place, id, text, score of the documents of some columns."""
        texts = [self._scored(part) for part in parts if part.kind != "id"]
        ids = [self._scored(part) for part in parts if part.kind == "id"]
        if not (texts and ids):
            return joined(texts or ids, self._height)
        counts = [sum((f.lengths for f in side), np.zeros(self._height, np.int64))
                  for side in (texts, ids)]  # fmt: skip
        for at in np.flatnonzero((counts[0] != counts[1]) & (counts[1] > 0)):
            self._report(UNEVEN, at, f"{counts[1][at]} ids for {counts[0][at]} texts")
        table = joined(texts, self._height)
        beside = joined(ids, self._height).select(*_PLACE, "id")
        both = table.drop("id").join(beside, on=_PLACE, how="left", maintain_order="left")
        return both.select(table.columns)

    def _scored(self, part: Part) -> Flat:
        """The documents of a column, with the scores beside it, where the row has some."""
        flat = self._rows.documents(part)
        if not part.scores:
            return flat
        lengths, values = self._rows.numbers(part.scores, listed=part.listed)
        for at in np.flatnonzero((lengths != flat.lengths) & (lengths > 0)):
            said = f"{lengths[at]} values in {part.scores!r} for {flat.lengths[at]} in"
            self._report(UNEVEN, at, f"{said} {part.column!r}")
        scores = np.full(int(flat.lengths.sum()), np.nan)
        fits = lengths == flat.lengths
        scores[np.repeat(fits, flat.lengths)] = values.to_numpy()[np.repeat(fits, lengths)]
        return Flat(flat.lengths, flat.id, flat.text, pl.Series(scores, nan_to_null=True))

    # ---- labels and scores of rows ---------------------------------------------------------------

    def _beside(
        self, positives: pl.DataFrame, negatives: pl.DataFrame
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Both sides with the relevance and the scores of their row."""
        if self._layout.label:
            labels = self._labels()
            if self._layout.negatives:
                for at, grade in labels.filter(pl.col("relevance") <= 0).iter_rows():
                    self._report(UNCLEAR, at, f"{self._layout.label} is {grade}")
            positives = positives.join(labels, on="at", how="left", maintain_order="left")
        if self._layout.scores:
            first = pl.Series(self._counts(positives), dtype=pl.Int32)
            places = pl.col("place") + pl.lit(first).gather(pl.col("at"))
            both = [positives, negatives.with_columns(place=places)]
            scored = self._listed(
                pl.concat([side.select(_PLACE) for side in both]), self._layout.scores
            )
            positives, after = (
                side.drop("score").join(
                    scored.rename({"value": "score"}), on=_PLACE, how="left", maintain_order="left"
                )
                for side in both
            )
            negatives = after.with_columns(place=negatives["place"])
        return positives, negatives

    def _counts(self, documents: pl.DataFrame) -> Lengths:
        return np.bincount(documents["at"].to_numpy(), minlength=self._height).astype(np.int64)

    def _labels(self) -> pl.DataFrame:
        """at, relevance of the rows whose label is a whole number; others are reported."""
        _, values = self._rows.numbers(self._layout.label, listed=False)
        return self._whole(pl.DataFrame({"value": values}).with_row_index("at"))

    def _whole(self, labels: pl.DataFrame) -> pl.DataFrame:
        """`labels` that are whole numbers, as `relevance`; the rows of others are reported."""
        labels = labels.with_columns(relevance=self._grades(labels["value"]))
        name = self._layout.label
        for at, found in (
            labels.filter(pl.col("relevance").is_null()).select("at", "value").iter_rows()
        ):
            held = self._rows.said(name, at)
            if held is None:
                self._report(BAD_SCORE, at, f"{name!r} is null")
            else:
                said = repr(held) if found is None else f"{found:g}"
                self._report(BAD_SCORE, at, f"{name} is {said}")
        return labels.filter(pl.col("relevance").is_not_null()).drop("value")

    def _grades(self, values: pl.Series) -> pl.Series:
        """Relevance of labels: as they are, or 1 from the least that counts as relevant, else 0."""
        least = self._layout.relevant_from
        if least is None:
            return whole(values)
        return (values.fill_nan(None) >= least).cast(pl.Int32)

    def _labelled(self, documents: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Documents with a label above 0, and the others."""
        layout = self._layout
        if layout.scores:
            scores = self._listed(documents, layout.scores).rename({"value": "score"})
            documents = documents.drop("score")
            return self._told(documents.join(scores, on=_PLACE, how="inner", maintain_order="left"))
        if not layout.label:
            return documents.clear(), documents
        key = ["at"]
        labels = self._labels() if layout.shape == "pair" else pl.DataFrame()
        if layout.shape == "list":
            key, labels = _PLACE, self._whole(self._listed(documents, layout.label))
        documents = documents.join(labels, on=key, how="inner", maintain_order="left")
        relevant = pl.col("relevance") > 0
        return documents.filter(relevant), documents.filter(~relevant)

    def _listed(self, documents: pl.DataFrame, column: str) -> pl.DataFrame:
        """at, place, value of a column of lists that has a value for each of the `documents`."""
        lengths, values = self._rows.numbers(column, listed=True)
        counts = self._counts(documents)
        needed = self._layout.shape == "list"
        for at in np.flatnonzero((lengths != counts) & ((lengths > 0) | needed)):
            reason = f"{lengths[at]} values in {column!r} for {counts[at]} documents"
            self._report(UNEVEN, at, reason)
        table = Flat(lengths, score=values).table(np.zeros(self._height, np.int64))
        return table.select(*_PLACE, value="score")

    def _told(self, documents: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Documents that the collection judges relevant to their query, and the others."""
        judged = self._file.collection.qrels.filter(pl.col("relevance") > 0)
        asked = self._rows.strings(self._layout.query_id).gather(documents["at"])
        pair = judged.select("query_id", pl.col("doc_id").alias("id"), "relevance")
        told = documents.with_columns(query_id=asked).join(
            pair, on=["query_id", "id"], how="left", maintain_order="left"
        )
        positive = pl.col("relevance").is_not_null()
        told = told.drop("query_id")
        return told.filter(positive), told.filter(~positive)

    # ---- texts and faults ------------------------------------------------------------------------

    def _with_texts(self, frame: pl.DataFrame, side: str) -> pl.DataFrame:
        """`frame` with the texts of its ids, where the file gives ids only; texts stripped."""
        text = frame["text"]
        if not self._file.texts:
            return frame.with_columns(text=pl.when(pl.col("id").is_not_null()).then(pl.lit("")))
        if text.null_count() == len(text) and frame["id"].null_count() < len(text):
            collection = self._file.collection
            known = collection.queries if side == "query" else collection.corpus
            ids = frame["id"].fill_null("")
            at = known[f"{side}_id"].search_sorted(ids).clip(0, max(len(known) - 1, 0))
            strange = ids != "" if known.is_empty() else known[f"{side}_id"].gather(at) != ids
            what = "query" if side == "query" else "document"
            lost = frame.filter(strange & frame["id"].is_not_null()).select("at", "id")
            like = look_alike(lost["id"].head(FIRST), known[f"{side}_id"])
            for number, name in lost.iter_rows():
                said = f"{what} {name!r} is not in {collection.name!r}{like.get(name, '')}"
                self._report(DANGLING, number, said)
            strange &= frame["id"].is_not_null()  # a row without an id is told of by who wants one
            frame = frame.filter(~strange)
            name = "text" if "text" in known.columns else f"{side}_id"
            there = known[name].gather(at.filter(~strange)) if len(known) else frame["text"]
            text = pl.select(pl.when(frame["id"].is_not_null()).then(there)).to_series()
        return frame.with_columns(text=text.str.strip_chars())

    def _report(self, fault: Fault, at: Any, reason: str) -> None:
        if self._bad[at]:
            return
        rows = self._rows
        raw = {name: rows.said(name, int(at)) for name in self._layout.columns}
        self._findings.add(fault, rows.file, int(rows.line[int(at)]), reason, raw)
        self._findings.enough()
        self._bad[at] = True
