"""Consistency under reformulation: what most wordings of a query find is a suspect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Final

import polars as pl
from msgspec import Meta

from negatives.errors import DataError, RecipeError
from negatives.events import Warned
from negatives.opening import JudgeContext
from negatives.read.findings import Fault, Findings
from negatives.read.trec_run import TREC_RUN
from negatives.read.white_space import tables
from negatives.schema import REJECTED, Collection
from negatives.settings import FileName
from negatives.stage import Judge, PositiveInt, Share

_LISTED: Final = pl.Schema(
    {"query": pl.String, "document": pl.String, "score": pl.String, "name": pl.String}
    | {"file": pl.UInt32, "line": pl.UInt32}
)
_NO_SCORE: Final = Fault(
    "no-score",
    "score is no number",
    "scores are no numbers",
    "write: query Q0 document rank score name",
)
_RRF = 60


class Consistency(Judge, kind="consistency"):
    """Share of a query's reformulations that rank the document high, from lists of any system.

    Dhole et al. (2024), GenQREnsemble and GenQRFusion: documents that many reformulations find, and
    nobody labelled, are suspected false negatives; those that one alone finds are topical
    distractors. `lists` names TREC run files (query, Q0, document, rank, score, name; packed or
    not) under the ids of the original queries; each name in each file is one reformulation. Order
    is by score, as TREC's own tools have it, ties by document id. `reformulated_rrf` is the sum of
    1 / (60 + rank) over the lists (Cormack et al., 2009). The lists must have been made without the
    labels: one that leaves out known positives would give them away.

    >>> import polars as pl
    >>> from negatives import Consistency, tiny
    >>> lists = [("wings", 0, "plane", 1, 9.0, "first"), ("wings", 0, "plane", 1, 8.0, "second")]
    >>> pl.DataFrame(lists, orient="row").write_csv("two.run", separator=" ", include_header=False)
    >>> tiny.judged(Consistency(lists=["two.run"], reject=1.0))["wings"]
    {'plane': 'consistency: 2 of 2 reformulations rank it within 30'}
    """

    evidence: ClassVar[Mapping[str, int]] = {"consistency": 1, "reformulated_rrf": 1}

    lists: Annotated[
        list[FileName], Meta(description="TREC run files, one ranked list for each reformulation")
    ]
    ranks: Annotated[PositiveInt, Meta(description="a rank up to this one counts")] = 30
    reject: Annotated[
        Share,
        Meta(description="share of the lists from which a pair is rejected; 0: evidence only"),
    ] = 0.0
    fewest: Annotated[
        PositiveInt, Meta(description="a query with fewer lists than this has no evidence")
    ] = 2

    def check(self) -> None:
        """There must be something to read."""
        if not self.lists:
            raise RecipeError("consistency: no lists are given", fix='lists = ["reworded.run"]')

    def open(self, context: JudgeContext) -> ConsistencyRuling:
        """Read the lists."""
        read = [read_lists(Path(path)).with_columns(file=pl.lit(path)) for path in self.lists]
        ranked = rank_lists(pl.concat(read))
        known = _known(ranked, context)
        per_query = known.group_by("query").agg(lists=pl.struct("file", "name").n_unique())
        found = known.group_by("query", "doc").agg(
            hits=(pl.col("rank") <= self.ranks).sum(),
            reformulated_rrf=(1 / (_RRF + pl.col("rank"))).sum().cast(pl.Float32),
        )
        return ConsistencyRuling(self, per_query, found.sort("query", "doc"))

    @property
    def fix(self) -> str:
        """Raise the share."""
        return f"raise consistency reject above {self.reject:g}"


@dataclass(frozen=True, slots=True)
class ConsistencyRuling:
    """How many lists each query has, and in how many of them each pair ranks high."""

    stage: Consistency
    per_query: pl.DataFrame
    found: pl.DataFrame

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`consistency` and `reformulated_rrf`, null where the query has too few lists."""
        joined = (
            rows.select("query", "doc", "relevance")
            .join(self.per_query, on="query", how="left", maintain_order="left")
            .join(self.found, on=["query", "doc"], how="left", maintain_order="left")
        )
        enough = pl.col("lists") >= self.stage.fewest
        share = pl.col("hits").fill_null(0) / pl.col("lists")
        reject = self.stage.reject
        suspect = pl.col("relevance").is_null() & (pl.col("consistency") >= reject) & (reject != 0)
        return joined.with_columns(
            consistency=pl.when(enough).then(share).cast(pl.Float32),
            reformulated_rrf=pl.when(enough).then(pl.col("reformulated_rrf").fill_null(0)),
        ).select(
            "consistency",
            "reformulated_rrf",
            verdict=pl.when(suspect).then(pl.lit(REJECTED)),
            reason=pl.when(suspect).then(
                pl.format(
                    f"consistency: {{}} of {{}} reformulations rank it within {self.stage.ranks}",
                    pl.col("hits").fill_null(0),
                    "lists",
                )
            ),
        )


def read_lists(path: Path) -> pl.DataFrame:
    """query_id, doc_id, score, name of a TREC run; `DataError` names the first lines amiss."""
    findings = Findings()
    parts = [pl.DataFrame(schema=_LISTED), *tables(path, TREC_RUN, findings)]
    findings.done()
    listed = pl.concat(part.select(_LISTED.names()) for part in parts)
    if listed.is_empty():
        raise DataError(
            "the file of ranked lists is empty",
            where=str(path),
            fix="give a TREC run of ranked documents",
        )
    score = pl.col("score").cast(pl.Float64, strict=False).fill_nan(None)
    scored = listed.with_columns(value=score)
    for row in scored.filter(pl.col("value").is_null()).iter_rows(named=True):
        findings.add(_NO_SCORE, row["file"], row["line"], repr(row["score"]), row)
    findings.done()
    return scored.select(query_id="query", doc_id="document", score="value", name="name")


def rank_lists(lists: pl.DataFrame) -> pl.DataFrame:
    """The lists with `rank` from 1, by score; of a document that stands twice the better place."""
    each = ["query_id", "file", "name"]
    return (
        lists.sort(*each, "score", "doc_id", descending=[False] * 3 + [True, False])
        .unique([*each, "doc_id"], keep="first", maintain_order=True)
        .with_columns(rank=pl.int_range(1, pl.len() + 1).over(each))
    )


def _known(ranked: pl.DataFrame, context: JudgeContext) -> pl.DataFrame:
    """The lists by row number; of queries and documents that the collection does not have, none."""
    collection: Collection = context.collection
    known = collection.rows_of(ranked)
    if known.is_empty():
        raise DataError(
            f"no line names a query and a document of collection {collection.name!r}",
            where=", ".join(sorted(ranked["file"].unique())),
            fix="use the ids of the collection; a reformulation has its original's id",
        )
    lost = len(ranked) - len(known)
    if lost:
        context.emit(
            Warned(f"consistency: {lost} of {len(ranked)} lines name no pair of the collection")
        )
    return known
