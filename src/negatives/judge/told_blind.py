"""Written documents that a model knows for such without the query, set aside until it knows none.

A pair of a positive and what was written beside it is exchangeable if either might be the true one
for all that the two texts say. A model of the differences between them says by which odds the
positive is taken for the true one. A pair that is kept with one over these odds is kept as often as
the same pair would be the other way round (Metropolis et al. 1953), and the model has nothing left
to tell.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, Any, Final

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Doubles
from negatives.chance import id_hashes, pair_uniforms, stream_key, uniforms
from negatives.events import Warned
from negatives.judge.blind_texts import ALL, THE_WORDS, BlindTexts, features
from negatives.opening import JudgeContext
from negatives.schema import PAIR, REJECTED, Collection, Columns, Needs
from negatives.stage import Judge
from negatives.store.atomic import writing

FEWEST: Final = 50
"""Queries that something was written for, by one generator, below which nothing is learned."""
_FOUND: Final[Columns] = {
    "query": pl.UInt32,
    "doc": pl.UInt32,
    "told_blind": pl.Float32,
    "told": pl.Boolean,
    "of": pl.String,
}


class ToldBlind(Judge, kind="told-blind"):
    """Rejects written documents by which a model that sees no query knows the positive.

    What SugarCrepe (Hsieh et al. 2023, section 4) does to a benchmark, adversarial refinement, for
    any generator: models of the form, the words, the usualness and the meaning of texts, fitted on
    the pairs of other queries, say with which probability they know the positive of a pair
    (`told_blind`), and of the pairs that are known as many go as it takes. The paper keeps as many
    pairs of each confidence as are mistaken with it; here a pair is kept with the ratio of these
    two, so that each is drawn for itself. What a corpus has is not looked at, nor what was written
    by a generator for fewer than 50 queries, of which a warning tells.

    >>> from negatives import ToldBlind, tiny
    >>> tiny.judged(ToldBlind()), ToldBlind().fix
    ({}, 'raise told-blind most above 0.5')
    """

    most: Annotated[
        float,
        Meta(
            ge=0.5,
            lt=1,
            description="share of the pairs that are kept, of any sort, that may be told blind",
        ),
    ] = 0.5

    @property
    def needs(self) -> Needs:
        """Texts of the documents."""
        return Needs(docs=("text",), instead="leave told-blind out: it compares texts")

    @property
    def fix(self) -> str:
        """Let more be told."""
        return f"raise told-blind most above {self.most:g}"

    def open(self, context: JudgeContext) -> ToldBlindRuling:
        """Learn from all that was written, by each generator, once, into the scratch folder."""
        data = context.collection
        key = hashlib.blake2b(repr((self, context.seed)).encode(), digest_size=8)
        key.update(np.ascontiguousarray(id_hashes(data.written["doc_id"])).tobytes())
        file = context.scratch / f"told-{key.hexdigest()}.parquet"
        if not file.exists():
            found = pl.concat([pl.DataFrame(schema=_FOUND), *map(self._told, _each(context))])
            with writing(file) as temporary:
                found.sort("query", "doc").write_parquet(temporary)
        return ToldBlindRuling(pl.read_parquet(file, glob=False))

    def _told(self, made: _Made) -> pl.DataFrame:
        """`_FOUND` of what one generator wrote; no row of what there is too little of."""
        seed, data = made.context.seed, made.context.collection
        queries = made.queries()
        if len(queries) < FEWEST:
            text = (
                f"told-blind says nothing of what {made.generator} wrote: for {len(queries):,} "
                f"queries with a positive, and {FEWEST} is the least that it learns from"
            )
            made.context.emit(Warned(text))
            return pl.DataFrame(schema=_FOUND)
        positives = data.ids_of(data.positives)
        texts = BlindTexts.of(queries, made.pairs, positives, data.corpus)
        seen = features(texts)
        pairs = texts.pairs(seen[THE_WORDS])
        odds = log_odds(margins(seen[ALL], texts, pairs))
        rows = pl.DataFrame(
            {
                "query_id": queries.gather(pairs["query"]),
                "doc_id": texts.doc_id.gather(pairs["negative"]),
                "of": texts.doc_id.gather(pairs["positive"]),
                "told_blind": 1 / (1 + np.exp(-odds)),
            }
        )
        drawn = pair_uniforms(rows.select(PAIR), seed, f"told-blind/{made.generator}")
        allowed = np.log(self.most / (1 - self.most))
        rows = rows.with_columns(told=pl.Series(np.log(drawn) >= allowed - odds))
        return data.rows_of(rows).select(pl.col(name).cast(each) for name, each in _FOUND.items())


@dataclass(frozen=True, slots=True)
class _Made:
    """What one generator wrote: query_id, doc_id."""

    context: JudgeContext
    generator: str
    pairs: pl.DataFrame

    def queries(self) -> pl.Series:
        """Those with a positive, in an order drawn by their ids."""
        data: Collection = self.context.collection
        asked = data.qrels.filter(pl.col("relevance") > 0)["query_id"].unique()
        found = self.pairs["query_id"].unique().sort()
        found = found.filter(found.is_in(asked.implode()))
        drawn = uniforms(id_hashes(found), stream_key(self.context.seed, "told-blind/folds"))
        return found.gather(np.argsort(drawn, kind="stable"))


def _each(context: JudgeContext) -> list[_Made]:
    written = context.collection.written.sort("generator", *PAIR)
    return [
        _Made(context, str(generator), pairs.select(PAIR))
        for (generator,), pairs in written.group_by("generator", maintain_order=True)
    ]


def margins(seen: Any, texts: BlindTexts, pairs: pl.DataFrame) -> Doubles:
    """float64[pairs]: by how much a model of the differences between two texts, fitted on pairs of
    other queries, takes the positive for the true one; 0 where there are none to fit it on.

    `seen`: the features of each text, a row each; `pairs` as of `BlindTexts.pairs`.
    """
    from scipy.sparse import csr_matrix, vstack
    from sklearn.linear_model import LogisticRegression

    true, made = pairs["positive"].to_numpy(), pairs["negative"].to_numpy()
    apart = csr_matrix(seen[true] - seen[made])
    weight = 1.0 / pairs.select(pl.len().over("query"))["len"].to_numpy()
    found = np.zeros(len(pairs))
    for fit, asked in texts.folds():
        learned = fit[true] & fit[made]
        if learned.any():
            model = LogisticRegression(C=1.0, fit_intercept=False, max_iter=500)
            both = vstack([apart[learned], -apart[learned]])
            label = np.repeat([True, False], np.count_nonzero(learned))
            model.fit(both, label, np.tile(weight[learned], 2))
            found[asked[true]] = model.decision_function(apart[asked[true]])
    return found


def log_odds(margin: Doubles) -> Doubles:
    """float64[n]: of pairs, the log-odds that the positive is taken for the true one.

    `margin`: by how much a model that was not fitted on a pair scores its positive higher. Its unit
    is the one that makes what happened likeliest (temperature scaling): a model that is right no
    more often than wrong has odds of one.

    >>> import numpy as np
    >>> log_odds(np.array([2.0, 2.0, 2.0, -2.0])).round(3).tolist()  # right in three of four
    [1.099, 1.099, 1.099, -1.099]
    """
    from scipy.optimize import minimize_scalar

    size = float(np.abs(margin).mean())
    if not size:
        return margin
    found = minimize_scalar(
        lambda unit: float(np.logaddexp(0.0, -unit * margin / size).mean()),
        bounds=(0.0, _STEEPEST), method="bounded", options={"xatol": 1e-6},
    )  # fmt: skip
    made: Doubles = float(found.x) * margin / size
    return made


_STEEPEST: Final = 20.0
"""Log-odds of a pair with the mean margin, at most."""


@dataclass(frozen=True, slots=True)
class ToldBlindRuling:
    """What was learned: `_FOUND` of written documents."""

    found: pl.DataFrame

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`told_blind` of written documents, null of others; a verdict where too much is told."""
        known = rows.select("query", "doc").join(
            self.found, on=["query", "doc"], how="left", maintain_order="left"
        )
        told = pl.col("told").fill_null(False)
        share = (100 * pl.col("told_blind").cast(pl.Float64)).round(1)
        reason = pl.format("told-blind: {}% sure of positive {} without the query", share, "of")
        return known.select(
            "told_blind",
            verdict=pl.when(told).then(pl.lit(REJECTED)),
            reason=pl.when(told).then(reason),
        )
