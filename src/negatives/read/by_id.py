"""Files of ids without texts: interactions of users and items, and any other pairs of ids.

A file is one of interactions where it has a column of users and a column of items (the names are in
`mined/names.py`). Every row is then a positive; or a column `rating` tells the relevance: above 0 a
positive, 0 or below a dislike, which is a judged negative. A column `timestamp` tells when each
came to be: of a pair that is there twice, when it was there first. Any other file whose queries and
documents are ids alone is read so where its name has `ids:` before it. The documents are all that
the files of a folder name, whatever their split, so that train and test have the same corpus.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import polars as pl

from negatives.errors import DataError
from negatives.read.findings import MISSING_ID, Findings
from negatives.read.gathered import NO_GIVEN, Tables, gather
from negatives.read.mined.layout import INTERACTIONS
from negatives.read.mined.reading import blocks
from negatives.read.mined.rows import MinedBlock, MinedFile
from negatives.read.qrels import EMPTY
from negatives.schema import PAIR, TIMES, Collection


def collected_by_id(
    name: str, split: str, files: Iterable[MinedFile], others: Iterable[MinedFile], found: Findings
) -> Collection:
    """The collection of some files of ids; `others`: files of other splits, for their documents."""
    qrels, given, times = [EMPTY], [pl.DataFrame(schema=NO_GIVEN)], [pl.DataFrame(schema=TIMES)]
    interactions = False
    for file in files:
        interactions = dislikes = file.layout.name == INTERACTIONS
        for block in _blocks(file, found):
            times.append(_times(block))
            qrels += _judgements(block, dislikes, found)
            given.append(_pairs(block, block.negatives.filter(pl.col("relevance").is_null())))
    found.done()
    elsewhere = [pl.DataFrame(schema=NO_GIVEN)]
    for file in others:
        for block in _blocks(file, Findings(set_aside=True)):
            sides = (block.positives, block.negatives, block.unjudged)
            elsewhere += [_pairs(block, side) for side in sides]
    judged, unjudged, more = pl.concat(qrels), pl.concat(given), pl.concat(elsewhere)
    made = gather(
        name,
        split,
        Tables(
            corpus=_each_once("doc_id", judged, unjudged, more),
            queries=_each_once("query_id", judged, unjudged),
            qrels=judged,
            given=unjudged,
            identity="id",
        ),
        found,
    )
    when = pl.concat(times).join(made.qrels, on=PAIR, how="semi")
    made = replace(made, times=when.group_by(PAIR).agg(pl.col("time").min()).sort(PAIR))
    return replace(made, notes=(*made.notes, *_oddities(made))) if interactions else made


def _times(block: MinedBlock) -> pl.DataFrame:
    """query_id, doc_id, time of the pairs of a block: a pair's first time is when it came to be."""
    rows = block.queries.select("row", query_id="id").join(block.times, on="row", how="inner")
    sides = [side.select("row", doc_id="id") for side in (block.positives, block.negatives,
                                                         block.unjudged)]  # fmt: skip
    return pl.concat(sides).join(rows, on="row", how="inner").select(list(TIMES))


def _oddities(made: Collection) -> list[str]:
    """What is odd about interactions: users who have everything, items that nobody has."""
    counts = made.positives.group_by("query").len()
    full = counts.filter(pl.col("len") >= len(made.corpus))["query"].sort()
    untouched = len(made.corpus) - made.positives["doc"].n_unique()
    told = []
    if len(full):
        first = ", ".join(map(repr, made.queries["query_id"].gather(full[:3])))
        said = "user has" if len(full) == 1 else "users have"
        more = ", ..." if len(full) > 3 else ""
        told.append(f"{len(full):,} {said} every item, so that there is no negative: {first}{more}")
    if untouched and made.split == "train":
        said = "item has" if untouched == 1 else "items have"
        told.append(f"{untouched:,} {said} no interaction in train: nothing is learned of them")
    return told


def _blocks(file: MinedFile, found: Findings) -> Iterable[MinedBlock]:
    """The rows of a file, each with a query and a document; `DataError` where it holds texts."""
    layout = file.layout
    if layout.query or any(part.kind != "id" for part in (*layout.positives, *layout.negatives)):
        raise DataError(
            "the file holds texts, and was to be read as ids",
            where=str(file.path),
            fix="leave ids: out before its name",
        )
    for block in blocks(replace(file, texts=False), found):
        sides = pl.concat([block.positives, block.negatives, block.unjudged])
        empty = block.queries.filter(pl.col("id").fill_null("") == "").select("row")
        no_doc = sides.filter(pl.col("id") == "").select("row")
        none = block.queries.join(sides, on="row", how="anti").select("row")
        bad = pl.concat([empty, no_doc, none]).unique()
        for row in block.queries.join(bad, on="row", how="semi").iter_rows(named=True):
            reason = "the query or the document has no id"
            found.add(MISSING_ID, row["file"], row["line"], reason, {"query": row["id"]})
            found.enough()
        asked, positives, negatives, unjudged = (
            side.join(bad, on="row", how="anti", maintain_order="left")
            for side in (block.queries, block.positives, block.negatives, block.unjudged)
        )
        yield MinedBlock(asked, positives, negatives, unjudged, block.times)


def _judgements(block: MinedBlock, dislikes: bool, found: Findings) -> list[pl.DataFrame]:
    """query_id, doc_id, relevance, file, line of what is judged; below 0 may be a dislike."""
    positives = _pairs(block, block.positives, pl.col("relevance").fill_null(1))
    judged = block.negatives.filter(pl.col("relevance").is_not_null())
    below = _pairs(block, block.unjudged, pl.lit(0) if dislikes else pl.col("relevance"))
    if dislikes:
        found.note(
            "{n} rating is below 0: a dislike, and so judged not relevant",
            "{n} ratings are below 0: dislikes, and so judged not relevant",
            len(below),
        )
    return [positives, _pairs(block, judged, pl.col("relevance")), below]


def _pairs(block: MinedBlock, side: pl.DataFrame, relevance: pl.Expr | None = None) -> pl.DataFrame:
    """query_id, doc_id (, relevance), file, line of the documents of one side."""
    rows = block.queries.select("row", "file", "line", query_id="id")
    both = side.join(rows, on="row", how="inner", maintain_order="left")
    grade = [] if relevance is None else [relevance.cast(pl.Int32).alias("relevance")]
    return both.select("query_id", pl.col("id").alias("doc_id"), *grade, "file", "line")


def _each_once(key: str, *tables: pl.DataFrame) -> pl.DataFrame:
    """`key`, row, file, line of every id, in the order in which they are first named."""
    named = pl.concat([table.select(key, "file", "line") for table in tables])
    first = named.unique(key, keep="first", maintain_order=True)
    return first.with_row_index("row").select(key, "row", "file", "line")
