"""Files of ids without texts: interactions of users and items, and any other pairs of ids.

A file is one of interactions where it has a column of users and a column of items (the names are in
`mined/names.py`). Every row is then a positive; or a column `rating` tells the relevance: above 0 a
positive, 0 or below a dislike, which is a judged negative. A column `timestamp` tells when each
came to be: of a pair that is there twice, when it was there first. Any other file whose queries and
documents are ids alone is read so where its name has `ids:` before it. The documents are all that
the files of a folder name, whatever their split, so that train and test have the same corpus.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import polars as pl

from negatives.errors import DataError
from negatives.read.findings import MISSING_ID, Findings
from negatives.read.gathered import NO_GIVEN, Tables, gather
from negatives.read.id_notes import INTERACTIONS as WORDS
from negatives.read.id_notes import of_splits, without_negatives
from negatives.read.mined.layout import INTERACTIONS
from negatives.read.mined.names import MOMENTS, plain
from negatives.read.mined.reading import blocks
from negatives.read.mined.rows import MinedBlock, MinedFile
from negatives.read.qrels import EMPTY
from negatives.schema import PAIR, TIMES, Collection

_STEPS: Final = 3
"""Steps of a scale of likings; two may be a click and a purchase."""


def collected_by_id(
    name: str,
    split: str,
    files: Iterable[MinedFile],
    others: Mapping[str, Sequence[MinedFile]],
    found: Findings,
) -> Collection:
    """The collection of some files of ids; `others`: the files of each other split.

    Documents of other splits are documents of this one too.
    """
    qrels, given, times = [EMPTY], [pl.DataFrame(schema=NO_GIVEN)], [pl.DataFrame(schema=TIMES)]
    interactions, rated = False, ""
    for file in (_timed(each, found) for each in files):
        interactions = dislikes = file.layout.name == INTERACTIONS
        rated = file.layout.label if file.layout.relevant_from is None else ""
        for block in _blocks(file, found):
            times.append(_times(block))
            qrels += _judgements(block, dislikes, found)
            given.append(_pairs(block, block.negatives.filter(pl.col("relevance").is_null())))
    found.done()
    elsewhere, liked = [pl.DataFrame(schema=NO_GIVEN)], {}
    for other, there in others.items():
        positives = [pl.DataFrame(schema=NO_GIVEN)]
        for file in there:
            for block in _blocks(file, Findings(set_aside=True)):
                positives.append(_pairs(block, block.positives))
                elsewhere += [_pairs(block, side) for side in (block.negatives, block.unjudged)]
        liked[other] = pl.concat(positives)
    judged, unjudged = pl.concat(qrels), pl.concat(given)
    more = pl.concat([*liked.values(), *elsewhere])
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
    if not interactions:
        return made
    odd = (
        *_ratings(made, rated),
        *without_negatives(made, WORDS),
        *_untouched(made),
        *of_splits(made.qrels.filter(pl.col("relevance") > 0), split, liked, WORDS),
    )
    return replace(made, notes=(*made.notes, *odd))


def _timed(file: MinedFile, found: Findings) -> MinedFile:
    """The file with its column of times, whatever its other columns are called.

    Of interactions the layout says it, and what is not used; a run or TREC's lines have columns of
    their own besides.
    """
    layout, columns = file.layout, file.source.columns
    if layout.name in (INTERACTIONS, "run", "trec-run") or file.source.type == "trec":
        return file
    left = [name for name in columns if name not in layout.columns]
    time = next((name for name in left if plain(name) in MOMENTS), "")
    for name in left:
        if name != time:
            found.note(f"column {name!r} is not used", "", 1)
    return replace(file, layout=replace(layout, time=time))


def _times(block: MinedBlock) -> pl.DataFrame:
    """query_id, doc_id, time of the pairs of a block: a pair's first time is when it came to be."""
    rows = block.queries.select("row", query_id="id").join(block.times, on="row", how="inner")
    sides = [side.select("row", doc_id="id") for side in (block.positives, block.negatives,
                                                         block.unjudged)]  # fmt: skip
    return pl.concat(sides).join(rows, on="row", how="inner").select(list(TIMES))


def _ratings(made: Collection, column: str) -> list[str]:
    """A note where a scale of ratings counts as liking from its lowest step on.

    `column`: what it is called, where nobody said from which step on.
    """
    grades: list[int] = sorted(made.qrels["relevance"].unique().to_list())
    above = [grade for grade in grades if grade > 0]
    graded = "rating" not in plain(column) and grades[:1] == [0]  # judged: 0 is its lowest step
    if not column or len(above) < _STEPS or graded:
        return []
    return [
        f"column {column!r} goes up to {grades[-1]}, and all above 0 count as positives: "
        f"--relevant-from says from where on, such as --relevant-from {above[-2]}"
    ]


def _untouched(made: Collection) -> list[str]:
    """A note of items that nobody has in train."""
    count = len(made.corpus) - made.positives["doc"].n_unique()
    if not count or made.split != "train":
        return []
    said, them = ("item has", "it") if count == 1 else ("items have", "them")
    return [f"{count:,} {said} no interaction in train: nothing is learned of {them}"]


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
