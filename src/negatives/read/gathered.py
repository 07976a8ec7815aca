"""The last step of every reader: tables with their places in files become one checked collection.

Here ids are found to repeat, judgements to dangle or to contradict each other, and texts to be
empty; whichever file format they came from.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import polars as pl

from negatives.errors import DataError
from negatives.read.findings import CONTRADICTORY, DANGLING, DUPLICATE_ID, FIRST, Fault, Findings
from negatives.read.lookalikes import look_alike
from negatives.schema import (
    CORPUS,
    GIVEN,
    QRELS,
    QUERIES,
    Collection,
    Columns,
    Identity,
    check_collection,
)
from negatives.text.naming import called, is_made

NO_GIVEN: Final = {"query_id": pl.String, "doc_id": pl.String, "file": pl.UInt32, "line": pl.UInt32}

MISSING: Final = ("nan", "NaN", "NAN", "null", "NULL", "None", "N/A", "#N/A", "<NA>")
"""How pandas, databases, Python and spreadsheets write that a cell holds nothing."""

FIRST_PLACE: Final = (pl.col("file").alias("first_file"), pl.col("line").alias("first_line"))


@dataclass(frozen=True, slots=True)
class Unlabelled:
    """How a note speaks of queries without a positive: of one, and of many."""

    one: str = "{n} query has no positive: it is not mined"
    many: str = "{n} queries have no positive: they are not mined"


@dataclass(frozen=True)
class Tables:
    """What a reader read: corpus and queries (id, text, row), qrels and given pairs.

    Each table also has `file` (a number given by `Findings.file`) and `line` (from 1). Texts are
    stripped by `str.strip_chars`, so that one text is one text in every format; readers do it block
    by block, since here it would hold all texts twice. What goes by its id (`identity`) needs no
    text; columns besides these are fields (`fields.py`). `elsewhere` holds the query_ids that other
    splits judge: they are not of this split.
    """

    corpus: pl.DataFrame
    queries: pl.DataFrame
    qrels: pl.DataFrame
    given: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=NO_GIVEN))
    elsewhere: pl.Series = field(default_factory=lambda: pl.Series(dtype=pl.String))
    identity: Identity | None = None
    unlabelled: Unlabelled = Unlabelled()


def gather(name: str, split: str, tables: Tables, findings: Findings) -> Collection:
    """The collection of `tables`: in id order, its faults reported, its oddities noted."""
    for what, frame in (("corpus", tables.corpus), ("queries", tables.queries)):
        if frame.is_empty():
            raise _empty(f"the {what} {'is' if what == 'corpus' else 'are'} empty", name, findings)
    corpus = in_order(tables.corpus, "doc_id", findings)
    queries = in_order(tables.queries, "query_id", findings)
    findings.done()
    qrels = _judged(tables.qrels, queries, corpus, findings)
    given = _resolved(tables.given, queries, corpus, findings)
    qrels = _once(qrels, queries, corpus, findings)
    findings.done()
    if qrels.is_empty():
        what = f"there are no judgements in split {split!r}"
        raise _empty(what, name, findings, "a query, a document and a grade")
    other = tables.elsewhere.unique().implode()
    here = qrels["query_id"].unique().implode()
    queries = queries.filter(~pl.col("query_id").is_in(other) | pl.col("query_id").is_in(here))
    made = Collection(
        name=name,
        split=split,
        corpus=_columns(corpus, CORPUS),
        queries=_columns(queries, QUERIES),
        qrels=qrels.select(list(QRELS)).sort("query_id", "doc_id"),
        identity=tables.identity,
    )
    _note_oddities(made, tables.unlabelled, findings)
    given = given.unique(["query_id", "doc_id"], keep="first", maintain_order=True)
    return check_collection(
        replace(made, given=given.select(list(GIVEN)), notes=findings.notes),
        lost="count" if findings.count_lost else "refuse",
    )


def _columns(frame: pl.DataFrame, known: Columns) -> pl.DataFrame:
    """A side without its places in files: id, text and row first, then its fields."""
    first = [name for name in known if name in frame.columns]
    return frame.select(*first, pl.exclude(*first, "file", "line"))


def _empty(what: str, name: str, findings: Findings, row: str = "an id and a text") -> DataError:
    aside = "; ".join(findings.notes) if findings.faults else ""
    return DataError(
        what + (f" once bad rows are set aside ({aside})" if aside else ""),
        where=name,
        fix=f"give it at least one row with {row}",
    )


def in_order(frame: pl.DataFrame, key: str, findings: Findings) -> pl.DataFrame:
    """`frame` sorted by id, each id once: its first row."""
    ordered = frame.sort(key, maintain_order=True)
    again = ordered[key] == ordered[key].shift(1)
    if not again.any():
        return ordered
    bad = ordered.filter(again).sort("file", "line")
    first = ordered.unique(key, keep="first").select(key, *FIRST_PLACE)
    for row in bad.join(first, on=key, how="left", maintain_order="left").iter_rows(named=True):
        at = findings.seen_from(row["file"], row["first_file"], row["first_line"])
        reason = f"{key} {row[key]!r} is also at {at}"
        findings.add(
            DUPLICATE_ID, row["file"], row["line"], reason, {key: row[key], "text": row.get("text")}
        )
    return ordered.filter(~again.fill_null(False))


def _resolved(
    pairs: pl.DataFrame,
    queries: pl.DataFrame,
    corpus: pl.DataFrame,
    findings: Findings,
    total: int = 0,
) -> pl.DataFrame:
    """`pairs` whose query and document exist; the others are reported, as some of `total`."""
    no_query = ~pairs["query_id"].is_in(queries["query_id"].implode())
    no_doc = ~pairs["doc_id"].is_in(corpus["doc_id"].implode())
    bad = no_query | no_doc
    if not bad.any():
        return pairs
    like_query = look_alike(pairs.filter(no_query)["query_id"].head(FIRST), queries["query_id"])
    like_doc = look_alike(pairs.filter(no_doc)["doc_id"].head(FIRST), corpus["doc_id"])
    marked = pairs.with_columns(no_query.alias("no_query"), no_doc.alias("no_doc"))
    for row in marked.filter(bad).iter_rows(named=True):
        lacks = []
        if row["no_query"]:
            name = row["query_id"]
            lacks.append(f"query {name!r} is not in the queries{like_query.get(name, '')}")
        if row["no_doc"]:
            name = row["doc_id"]
            lacks.append(f"document {name!r} is not in the corpus{like_doc.get(name, '')}")
        _report(DANGLING, row, " and ".join(lacks), findings)
    findings.among(DANGLING, total or len(pairs))
    return pairs.filter(~bad)


def _judged(
    qrels: pl.DataFrame, queries: pl.DataFrame, corpus: pl.DataFrame, findings: Findings
) -> pl.DataFrame:
    """The judgements, as `_resolved`; but documents that the corpus lacks may count as not found.

    Raises `DataError` where no judgement at all names a query, or a document, that is there.
    """
    lost = None
    if findings.count_lost:
        lost = qrels.join(corpus, on="doc_id", how="anti", maintain_order="left")
        lost = lost.join(queries, on="query_id", how="semi", maintain_order="left")
        qrels = qrels.join(lost, on=["query_id", "doc_id"], how="anti", maintain_order="left")
    every = qrels if lost is None else pl.concat([qrels, lost])
    sound = _resolved(qrels, queries, corpus, findings, len(every))
    if len(sound) == 0 < len(every):
        for column, what, there in (
            ("query_id", "queries", queries),
            ("doc_id", "corpus", corpus),
        ):
            if not every[column].is_in(there[column].implode()).any():
                raise _strangers(column, what, every, there, findings)
    if lost is None or lost.is_empty():
        return sound
    first = "; ".join(
        f"{findings.place(row['file'], row['line'])}: {row['doc_id']!r}"
        for row in lost.head(FIRST).iter_rows(named=True)
    )
    more = "; ..." if len(lost) > FIRST else ""
    what = "names a document" if len(lost) == 1 else "name documents"
    text = f"{len(lost):,} of {len(every):,} judgements {what} that the corpus lacks"
    findings.note(f"{text}, so that nothing can find it ({first}{more})", "", 1)
    return pl.concat([sound, lost]).sort("file", "line", maintain_order=True)


def _strangers(
    column: str, what: str, qrels: pl.DataFrame, there: pl.DataFrame, findings: Findings
) -> DataError:
    """The error for judgements of which none names anything that is there."""
    judged, known = (
        " and ".join(map(repr, frame[column].unique(maintain_order=True).head(2)))
        for frame in (qrels, there.sort("file", "line"))
    )
    kind, many = ("query", "queries") if column == "query_id" else ("document", "documents")
    count = qrels[column].n_unique()
    return DataError(
        (
            f"none of the {count:,} {many} that the judgements name is"
            if count > 1
            else f"the one {kind} that the judgements name is not"
        )
        + f" in the {what}: they name {judged}, and the {what} "
        + f"hold{'s' * (what == 'corpus')} {known}",
        where=findings.place(*qrels.select("file", "line").row(0)),
        fix=f"give judgements and {what} of one version, with the same ids",
    )


def _once(
    qrels: pl.DataFrame, queries: pl.DataFrame, corpus: pl.DataFrame, findings: Findings
) -> pl.DataFrame:
    """Each pair once: repeats that agree are noted, repeats that differ are reported."""
    pair = ["query_id", "doc_id"]
    once = qrels.unique(pair, keep="first", maintain_order=True)
    if len(once) == len(qrels):
        return qrels
    kept = once.select(*pair, pl.col("relevance").alias("before"), *FIRST_PLACE)
    again = qrels.join(kept, on=pair, how="left", maintain_order="left")
    differing = again.filter(pl.col("relevance") != pl.col("before"))
    asked, told = _names(queries, differing, "query_id"), _names(corpus, differing, "doc_id")
    for row in differing.iter_rows(named=True):
        pair_text = f"query {asked[row['query_id']]}, document {told[row['doc_id']]}"
        at = findings.seen_from(row["file"], row["first_file"], row["first_line"])
        reason = f"{pair_text}: {row['relevance']} here, {row['before']} at {at}"
        _report(CONTRADICTORY, row, reason, findings)
    findings.note(
        "{n} judgement is repeated: it counts once",
        "{n} judgements are repeated: they count once",
        len(qrels) - len(once) - len(differing),
    )
    return once


def _names(side: pl.DataFrame, rows: pl.DataFrame, key: str) -> dict[str, str]:
    """What the texts of a few rows are called: by their ids, or, where those were made, as they
    begin.
    """
    own = side.join(rows.select(key), on=key, how="semi")
    texts = dict(own.select(key, "text").iter_rows()) if "text" in side.columns else {}
    return {
        name: called(name, texts.get(name)) if is_made(name) else repr(name)
        for name in rows[key].unique()
    }


def _report(fault: Fault, row: dict[str, object], reason: str, findings: Findings) -> None:
    raw = {key: row[key] for key in ("query_id", "doc_id", "relevance") if key in row}
    findings.add(fault, int(str(row["file"])), int(str(row["line"])), reason, raw)


def _note_oddities(collection: Collection, unlabelled: Unlabelled, findings: Findings) -> None:
    qrels, queries = collection.qrels, collection.queries
    if collection.has("docs", "text"):
        by = " by its text" if collection.identity == "id" else ""
        findings.note(
            f"{{n}} document has no text: it is never proposed{by}",
            f"{{n}} documents have no text: they are never proposed{by and ' by their texts'}",
            int((collection.corpus["text"] == "").sum()),
        )
    if collection.has("queries", "text"):
        findings.note(
            "{n} query has no text", "{n} queries have no text", int((queries["text"] == "").sum())
        )
    if collection.has("docs", "text"):
        _note_missing(collection.corpus["text"], "document is", "documents are", findings)
    if collection.has("queries", "text"):
        _note_missing(queries["text"], "query is", "queries are", findings)
    note_pooled(qrels, findings)
    positives = qrels.filter(pl.col("relevance") > 0)["query_id"].n_unique()
    findings.note(unlabelled.one, unlabelled.many, len(queries) - positives)


def _note_missing(texts: pl.Series, one: str, many: str, findings: Findings) -> None:
    """Note texts that are nothing but a word by which programs write that there is no text."""
    short = texts.filter(texts.str.len_bytes() <= max(map(len, MISSING)))
    found = short.filter(short.is_in(MISSING))
    word = ", ".join(repr(word) for word in sorted(found.unique()))
    why = f"({word}), as programs write a missing value: read as text"
    findings.note(
        f"{{n}} {one} a word {why}; leave it out where nothing was meant",
        f"{{n}} {many} a word {why}; leave them out where nothing was meant",
        len(found),
    )


def note_pooled(qrels: pl.DataFrame, findings: Findings) -> None:
    """Note the judgements that are none: those below 0."""
    findings.note(
        "{n} judgement is below 0: its document was pooled and not judged, so it counts as none",
        "{n} judgements are below 0: pooled and not judged, so they count as none",
        int((qrels["relevance"] < 0).sum()),
    )
