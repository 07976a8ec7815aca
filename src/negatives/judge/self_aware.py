"""Self-awareness: a document that answers a query like this one probably answers this one too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.judge.likeness import likening, paired
from negatives.models.word_vectors import WordVectors
from negatives.opening import JudgeContext, Likens, Proposer
from negatives.schema import REJECTED, Floats, Rows
from negatives.stage import Judge

FOUND = {"place": pl.UInt32, "owner": pl.UInt32, "self_aware": pl.Float32}


class SelfAware(Judge, kind="self-aware", kw_only=False):
    """Rejects documents whose owner, a query they are a positive of, is like this query (SaHa).

    Ju and Lee (2025), Gen2Embed: near in document space though its owner asks something else is a
    hard negative; near, and its owner asks the same, is an unlabelled positive. Of several owners
    the most similar counts; the query itself is never counted as an owner, so that a pair is judged
    as if its own label was not known. A document that nobody else owns has no evidence here: the
    method leaves it out, and so does `unowned = "reject"`.

    >>> from negatives import SelfAware, tiny
    >>> tiny.judged(SelfAware(maximum=0.4))["wings"]
    {'plane': 'self-aware: a positive of query planes, alike 0.4574 > 0.4'}
    """

    evidence: ClassVar[Mapping[str, int]] = {"self_aware": 1}

    maximum: Annotated[
        float,
        Meta(
            description="likeness of the owner's query above which a pair is rejected; 0: evidence "
            "only"
        ),
    ] = 0.0
    unowned: Annotated[
        Literal["keep", "reject"],
        Meta(description="what becomes of a document that no other query has as a positive"),
    ] = "keep"
    of: Annotated[
        str,
        Meta(
            description="source whose query vectors are compared; empty: the reference, or for "
            "evidence alone the words of the queries where no source has vectors"
        ),
    ] = ""

    def open(self, context: JudgeContext) -> SelfAwareRuling:
        """The owners of every document."""
        owners = context.collection.positives.select("doc", owner="query").sort("doc", "owner")
        return SelfAwareRuling(self, context, owners)

    @property
    def fix(self) -> str:
        """Raise the maximum, or keep what nobody owns."""
        keep = ['set self-aware unowned = "keep"'] if self.unowned == "reject" else []
        above = [f"raise self-aware maximum above {self.maximum:g}"] if self.maximum else []
        return ", or ".join(above + keep)


@dataclass(frozen=True, slots=True)
class SelfAwareRuling:
    """Owners (doc, owner) of the documents of one collection."""

    stage: SelfAware
    context: JudgeContext
    owners: pl.DataFrame

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`self_aware`: likeness of the query to the most similar other owner; a verdict above."""
        numbered = rows.select("query", "doc", "relevance").with_row_index("place")
        found = [pl.DataFrame(schema=FOUND)]
        for pairs in paired(numbered, self.owners, "doc"):
            others = pairs.filter(pl.col("owner") != pl.col("query"))
            if not others.is_empty():
                found.append(self._most_similar(others))
        names = self.context.collection.queries["query_id"]
        known = numbered.join(pl.concat(found), on="place", how="left", maintain_order="left")
        known = known.with_columns(names.gather(known["owner"]).alias("owner"))
        unjudged = pl.col("relevance").is_null()
        maximum = self.stage.maximum
        like = unjudged & (pl.col("self_aware") > maximum) & (maximum != 0)
        alone = unjudged & pl.col("owner").is_null() & (self.stage.unowned == "reject")
        return known.select(
            "self_aware",
            verdict=pl.when(like | alone).then(pl.lit(REJECTED)),
            reason=pl.when(like)
            .then(
                pl.format(
                    f"self-aware: a positive of query {{}}, alike {{}} > {maximum:g}",
                    "owner",
                    pl.col("self_aware").round(4),
                )
            )
            .when(alone)
            .then(pl.lit("self-aware: a positive of no other query")),
        )

    def _most_similar(self, others: pl.DataFrame) -> pl.DataFrame:
        """The most similar owner of each place; each pair of queries is compared once.

        `others` has the places, and of each the owners, in ascending order.
        """
        query, owner = (others[name].to_numpy() for name in ("query", "owner"))
        keys = query.astype(np.uint64) << np.uint64(32) | owner
        distinct, which = np.unique(keys, return_inverse=True)
        left, right = (distinct >> np.uint64(32)).astype(np.uint32), distinct.astype(np.uint32)
        likeness = self._likeness(left, right)[which]
        found = others.select("place", "owner", self_aware=likeness).filter(
            pl.col("self_aware").is_not_nan()
        )
        highest = found.filter(pl.col("self_aware") == pl.col("self_aware").max().over("place"))
        return highest.unique("place", keep="first", maintain_order=True).select(*FOUND)

    def _likeness(self, left: Rows, right: Rows) -> Floats:
        """float32[n]: by vectors; by words only where nothing is rejected by a fixed likeness."""
        evidence_alone = not (self.stage.of or self.stage.maximum)
        told = self.context.saw_labels
        able = [each for name, each in self.context.sources.items() if name not in told]
        if evidence_alone and not any(map(_likens, able)):
            if not self.context.collection.has("queries", "text"):
                return np.full(len(left), np.nan, np.float32)
            queries = self.context.collection.queries["text"]
            return WordVectors.open(self.context.scratch, queries).likeness(left, right)
        source = likening(self.context, self.stage.of, self.stage.kind)
        return source.query_likeness(left, right)


def _likens(source: Proposer) -> bool:
    return isinstance(source, Likens)
