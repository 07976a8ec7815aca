"""Fusion: one ranking from several sources whose scores cannot be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import polars as pl
from msgspec import Meta

from negatives.arrays import Floats, Rows
from negatives.errors import RecipeError, nearest
from negatives.find.candidates import ranked
from negatives.opening import Context
from negatives.stage import PositiveInt, Source


class Fused(Source, kind="fused"):
    """Sources before this one in the recipe, fused into one ranking.

    `rrf`: sum of weight / (k + rank), ranks from 1 (Cormack, Clarke and Büttcher, SIGIR 2009).
    `min-max` and `z-score`: weighted sum of scores normalised within each query's list (Bruch, Gai
    and Ingber, TOIS 2023); a document missing from a list counts as that list's lowest, and a
    constant list as 0.5 (min-max) or 0 (z-score).

    >>> from negatives import Fused, tiny
    >>> tiny.proposed(Fused(top=3))["wings"]
    ['copy', 'again', 'lift']
    >>> tiny.proposed(Fused(top=3, of=["bm25", "dense"], weights=[0.1, 0.9]))["wings"]
    ['copy', 'lift', 'again']
    """

    repeats_others: ClassVar[bool] = True
    top: Annotated[int, Meta(ge=1, description="candidates per query")] = 100
    of: Annotated[
        list[str], Meta(description="names of the sources to fuse; empty: all before")
    ] = []
    method: Annotated[
        Literal["rrf", "min-max", "z-score"], Meta(description="how ranks or scores are summed")
    ] = "rrf"
    k: Annotated[PositiveInt, Meta(description="rrf: the larger, the flatter")] = 60
    weights: Annotated[
        list[float], Meta(description="one for each fused source; empty: all equal")
    ] = []

    def check(self) -> None:
        """Weights are as many as the sources, and none is negative."""
        if self.weights and len(self.weights) != len(self.of):
            raise RecipeError(
                f"fused: {len(self.weights)} weights for {len(self.of)} sources",
                fix="name the sources in `of`, and give one weight for each",
            )
        if len(set(self.of)) < len(self.of):
            raise RecipeError(f"fused: a source twice in {self.of}", fix="name each source once")
        if any(weight < 0 for weight in self.weights):
            raise RecipeError("fused: a weight is negative", fix="use 0 to leave a source out")
        if self.weights and not any(self.weights):
            raise RecipeError("fused: every weight is 0", fix="give one source more than 0")

    def open(self, context: Context) -> FusedProposer:
        """Nothing to build."""
        return FusedProposer(self, fingerprint=repr(self))


@dataclass(frozen=True, slots=True)
class FusedProposer:
    """Fusion opened on a collection."""

    stage: Fused
    fingerprint: str

    def propose(self, queries: Rows, proposed: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """The best of the fused list of each query."""
        names = self.stage.of or list(proposed)
        if not names:
            raise RecipeError("fused: no source comes before it", fix="put it after its sources")
        for name in names:
            if name not in proposed:
                raise RecipeError(
                    f"fused: no source before it is called {name!r}",
                    fix=nearest(name, proposed) if proposed else "put it after its sources",
                )
        weights = self.stage.weights or [1.0] * len(names)
        return fuse(
            {name: proposed[name] for name in names},
            dict(zip(names, weights, strict=True)),
            method=self.stage.method,
            k=self.stage.k,
            top=self.stage.top,
        )

    def score(self, query: Rows, doc: Rows) -> Floats | None:
        """None: a fused score exists only within a list."""
        return None


def fuse(
    lists: Mapping[str, pl.DataFrame],
    weights: Mapping[str, float],
    *,
    method: str = "rrf",
    k: int = 60,
    top: int = 100,
) -> pl.DataFrame:
    """Candidates ranked by the weighted sum over `lists` (query, doc, rank, score each)."""
    used = {name: frame for name, frame in lists.items() if weights[name] > 0}
    if method == "rrf":
        parts = [
            frame.select("query", "doc", part=weights[name] / (k + pl.col("rank").cast(pl.Float64)))
            for name, frame in sorted(used.items())
        ]
        return ranked(_summed(parts)).filter(pl.col("rank") <= top)
    docs = pl.concat([frame.select("query", "doc") for frame in used.values()]).unique()
    parts = []
    for name, frame in sorted(used.items()):
        scored = frame.select("query", "doc", part=_normalise(method) * weights[name])
        lowest = scored.group_by("query").agg(lowest=pl.col("part").min())
        parts.append(
            docs.join(scored, on=["query", "doc"], how="left")
            .join(lowest, on="query", how="left")
            .select("query", "doc", part=pl.coalesce("part", "lowest").fill_null(0.0))
        )
    return ranked(_summed(parts)).filter(pl.col("rank") <= top)


def _normalise(method: str) -> pl.Expr:
    score = pl.col("score").cast(pl.Float64)
    if method == "min-max":
        low, high = score.min().over("query"), score.max().over("query")
        return pl.when(high > low).then((score - low) / (high - low)).otherwise(0.5)
    mean, spread = score.mean().over("query"), score.std(ddof=0).over("query")
    return pl.when(spread > 0).then((score - mean) / spread).otherwise(0.0)


def _summed(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Sum of the parts of each pair, in the order of the lists, whatever the order of the rows."""
    if not parts:
        return pl.DataFrame(schema={"query": pl.UInt32, "doc": pl.UInt32, "score": pl.Float64})
    total = parts[0].rename({"part": "score"})
    for part in parts[1:]:
        total = total.join(part, on=["query", "doc"], how="full", coalesce=True).select(
            "query", "doc", score=pl.col("score").fill_null(0.0) + pl.col("part").fill_null(0.0)
        )
    return total
