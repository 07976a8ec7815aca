"""Rows of queries, positives and negatives become a collection.

A text is one document, wherever it appears; so is a query. Where the rows give no ids they are
made from the text: `q-` or `d-` and 16 hexadecimal digits of its BLAKE2b hash, the same in every
file and on every machine. `row` counts texts in order of first appearance, positives first; of a
corpus that is named beside the file, its own documents first, in their order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from negatives.read.files import ending
from negatives.read.findings import CONTRADICTORY, DUPLICATE_ID, MISSING, Findings
from negatives.read.gathered import FIRST_PLACE, Tables, gather
from negatives.read.mined.reading import blocks
from negatives.read.mined.rows import MinedBlock, MinedFile
from negatives.read.texts import made_ids
from negatives.schema import PAIR, Collection

PLACE: Final[dict[str, Any]] = {"pair": pl.UInt32, "file": pl.UInt32, "line": pl.UInt32}
MENTION: Final[dict[str, Any]] = {"pair": pl.UInt32, "id": pl.String, "text": pl.String}
"""One appearance of a text: the number of its row, and its id where the file gives one."""

DOCUMENT: Final[dict[str, Any]] = MENTION | {
    "place": pl.Int32,
    "positive": pl.Boolean,
    "relevance": pl.Int32,
}


@dataclass
class PairTable:
    """All rows of some files: where they are, their queries, and their documents."""

    findings: Findings
    known: Collection | None = None
    _place: list[pl.DataFrame] = field(default_factory=lambda: [pl.DataFrame(schema=PLACE)])
    _queries: list[pl.DataFrame] = field(default_factory=lambda: [pl.DataFrame(schema=MENTION)])
    _docs: list[pl.DataFrame] = field(default_factory=lambda: [pl.DataFrame(schema=DOCUMENT)])
    _rows: int = 0

    def read(self, file: MinedFile) -> None:
        """Add the rows of a file; those that lack a query or a positive are reported."""
        loose = any(p.kind == "passage" for p in (*file.layout.positives, *file.layout.negatives))
        start = len(self._docs)
        for block in blocks(file, self.findings):
            self._add(block, file)
        self.findings.enough()
        if loose:
            self._docs[start:] = self._told_apart(self._docs[start:])

    def _add(self, block: MinedBlock, file: MinedFile) -> None:
        rows = pl.DataFrame({"row": block.queries["row"]}).with_row_index("pair", self._rows)
        self._rows += len(rows)
        asked = block.queries.join(rows, on="row", maintain_order="left")
        sides = [
            side.join(rows, on="row", maintain_order="left").with_columns(positive=pl.lit(positive))
            for side, positive in (
                (block.positives, True),
                (block.negatives, False),
                (block.unjudged, False),
            )
        ]
        docs = pl.concat(sides)
        told = pl.col("positive") | pl.col("relevance").is_not_null() | (pl.col("text") != "")
        # An empty cell of a table says that a row has fewer; an empty text of JSON is one.
        if file.texts and ending(file.path) not in (".csv", ".tsv"):
            self.findings.note(
                "{n} given negative is empty: it is left out",
                "{n} given negatives are empty: they are left out",
                len(docs) - len(docs.filter(told)),
            )
        docs = docs.filter(told)
        bad = [self._lacking(*each) for each in _faults(file, block, asked, docs)]
        gone = pl.concat([pl.Series(dtype=pl.UInt32), *bad]).implode()
        asked = asked.filter(~pl.col("pair").is_in(gone))
        docs = docs.filter(~pl.col("pair").is_in(gone))
        self._place.append(asked.select(*PLACE))
        self._queries.append(asked.select(*MENTION))
        self._docs.append(docs.select(*DOCUMENT))

    def _lacking(self, rows: pl.DataFrame, reason: str) -> pl.Series:
        """Report rows of queries (with pair) that lack something; their pairs."""
        for row in rows.iter_rows(named=True):
            raw = {"id": row["id"], "query": row["text"]}
            self.findings.add(MISSING, row["file"], row["line"], reason, raw)
            self.findings.enough()
        return rows["pair"].cast(pl.UInt32)

    def _told_apart(self, docs: list[pl.DataFrame]) -> list[pl.DataFrame]:
        """Passages whose id has several texts in the file, without it: the texts count."""
        every = pl.concat(docs).select("id", pl.col("text").hash().alias("text")).drop_nulls()
        several = every.group_by("id").agg(pl.col("text").n_unique()).filter(pl.col("text") > 1)
        self.findings.note(
            "{n} id of a passage has several texts: they are told apart by their texts",
            "{n} ids of passages have several texts: they are told apart by their texts",
            len(several),
        )
        if several.is_empty():
            return docs
        name = pl.col("id")
        own = pl.when(~name.is_in(several["id"].implode())).then(name)
        return [part.with_columns(own.alias("id")) for part in docs]

    def collection(self, name: str, split: str) -> tuple[Collection, pl.DataFrame]:
        """The collection of all rows, and its negatives in their order: query_id, doc_id."""
        findings = self.findings
        findings.done()
        place = pl.concat(self._place, rechunk=False)
        queries, query_of = _identified(pl.concat(self._queries), "q-", place, findings)
        listed = pl.concat(self._docs, rechunk=False)
        first_positives = listed.sort("positive", descending=True, maintain_order=True)
        docs, doc_of = _identified(self._with_known(first_positives), "d-", place, findings)
        findings.done()
        asked = query_of.select("pair", pl.col("id").alias("query_id"))
        named = doc_of.rename({"id": "doc_id"}).join(asked, on="pair", maintain_order="left")
        named = named.join(place, on="pair", how="left", maintain_order="left")
        labelled = pl.col("positive") | pl.col("relevance").is_not_null()
        judged = named.filter(labelled).with_columns(pl.col("relevance").fill_null(1))
        unjudged = pl.col("relevance").fill_null(0) < 0
        negatives = named.filter(~pl.col("positive") & ~unjudged).sort("pair", "place")
        qrels = judged.select(*PAIR, "relevance", "file", "line")
        tables = Tables(
            corpus=docs.rename({"id": "doc_id"}),
            queries=queries.rename({"id": "query_id"}),
            qrels=self._with_judgements(qrels, queries),
            given=named.filter(~labelled).select(*PAIR, "file", "line"),
        )
        findings.note(
            "{n} given negative is also judged relevant to its query",
            "{n} given negatives are also judged relevant to their query",
            _contradicted(tables),
        )
        made = gather(name, split, tables, findings)
        return made, negatives.select(PAIR).unique(maintain_order=True)

    def _with_known(self, docs: pl.DataFrame) -> pl.DataFrame:
        """`docs` after the documents of the collection that is named beside the file."""
        if self.known is None:
            return docs
        stripped = pl.col("text").str.strip_chars()
        known = self.known.corpus.sort("row").select(pl.col("doc_id").alias("id"), stripped)
        return pl.concat([known, docs], how="diagonal", rechunk=False).select(*DOCUMENT)

    def _with_judgements(self, qrels: pl.DataFrame, queries: pl.DataFrame) -> pl.DataFrame:
        """`qrels` and what that collection judges of the same queries: its ids and their texts."""
        if self.known is None:
            return qrels
        same = queries.select(pl.col("id").alias("query_id"), "text").join(
            self.known.queries.select("query_id", pl.col("text").str.strip_chars()),
            on=["query_id", "text"],
            how="semi",
        )
        judged = self.known.qrels.join(same, on="query_id", how="semi")
        both = qrels.join(judged.rename({"relevance": "before"}), on=PAIR, how="inner")
        for row in both.filter((pl.col("relevance") > 0) != (pl.col("before") > 0)).iter_rows(
            named=True
        ):
            reason = (
                f"query {row['query_id']!r}, document {row['doc_id']!r}: {row['relevance']} here, "
                f"{row['before']} in {self.known.name!r}"
            )
            self.findings.add(CONTRADICTORY, row["file"], row["line"], reason, reason)
        new = judged.join(qrels, on=PAIR, how="anti")
        nowhere = [pl.lit(0, pl.UInt32).alias("file"), pl.lit(0, pl.UInt32).alias("line")]
        return pl.concat([qrels, new.with_columns(nowhere).select(qrels.columns)])


def _faults(
    file: MinedFile, block: MinedBlock, asked: pl.DataFrame, docs: pl.DataFrame
) -> Iterator[tuple[pl.DataFrame, str]]:
    """Rows of queries that lack something, and what it is."""
    layout = file.layout
    yield asked.filter(pl.col("text").is_null()), f"{layout.query or layout.query_id!r} is null"
    yield asked.filter(pl.col("id") == ""), f"{layout.query_id!r} is empty"
    lacks = asked.join(docs.filter(pl.col("id") == ""), on="pair", how="semi")
    yield lacks, "the id of a document is empty"
    sides = layout.positives if layout.shape == "wide" else layout.negatives
    if sides and not sides[0].listed:
        column = sides[0].column
        held = docs if layout.shape != "wide" else docs.filter("positive")
        yield asked.join(held, on="pair", how="anti"), f"{column!r} is null"


def _identified(
    mentions: pl.DataFrame, prefix: str, place: pl.DataFrame, findings: Findings
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The texts, each once (id, text, row, file, line), and `mentions` by id, without texts.

    A mention without an id has the id that its text has elsewhere, or else one made from the text.
    Mentions of no row (pair null) are those of a corpus: they are only texts.
    """
    without = pl.col("id").is_null()
    named = mentions.filter(~without).select("text", "id")
    named = named.unique("text", keep="first", maintain_order=True)
    unnamed = mentions.filter(without).select("text").unique(maintain_order=True)
    unnamed = unnamed.join(named, on="text", how="anti")
    by_text = pl.concat([named, unnamed.with_columns(id=made_ids(prefix, unnamed["text"]))]).rename(
        {"id": "made"}
    )
    mentions = mentions.join(by_text, on="text", how="left", maintain_order="left")
    mentions = mentions.with_columns(pl.coalesce("id", "made").alias("id")).drop("made")
    texts = mentions.unique("id", keep="first", maintain_order=True)
    texts = texts.join(place, on="pair", how="left", maintain_order="left")
    texts = texts.with_columns(pl.col("file", "line").fill_null(0))
    mentions = _of_one_text(mentions, texts, place, findings)
    used = texts.select("id", "text", "file", "line").with_row_index("row")
    return used, mentions.filter(pl.col("pair").is_not_null()).drop("text")


def _of_one_text(
    mentions: pl.DataFrame, texts: pl.DataFrame, place: pl.DataFrame, findings: Findings
) -> pl.DataFrame:
    """`mentions` whose text is the first that their id has; the others are reported."""
    same = ["id", "text"]
    other = mentions.join(texts.select(same), on=same, how="anti", maintain_order="left")
    if other.is_empty():
        return mentions
    first = texts.select("id", *FIRST_PLACE)
    placed = other.join(place, on="pair", how="left").join(first, on="id", how="left").sort("pair")
    for row in placed.iter_rows(named=True):
        at = findings.seen_from(row["file"], row["first_file"], row["first_line"])
        reason = f"id {row['id']!r} has another text at {at}"
        raw = {"id": row["id"], "text": row["text"]}
        findings.add(DUPLICATE_ID, row["file"], row["line"], reason, raw)
    return mentions.join(texts.select(same), on=same, how="semi", maintain_order="left")


def _contradicted(tables: Tables) -> int:
    relevant = tables.qrels.filter(pl.col("relevance") > 0).select("query_id", "doc_id")
    given = tables.given.select("query_id", "doc_id").unique()
    return len(given.join(relevant, on=["query_id", "doc_id"], how="semi"))
