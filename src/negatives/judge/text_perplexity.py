"""A filter of documents by a language model that was trained on the texts nobody wants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Floats, Rows
from negatives.errors import RecipeError
from negatives.events import Progress
from negatives.models.causal_lm import CausalLM
from negatives.models.language_model import READ, LocalModel, Read, run_here
from negatives.opening import JudgeContext
from negatives.schema import REJECTED, Needs
from negatives.stage import Judge
from negatives.store.embedding_shards import text_keys
from negatives.store.pair_scores import pair_keys, pair_scores

COLUMN: Final = "text_perplexity"
NEVER: Final = 0.0
_CHUNK: Final = 256
"""Texts that are read and stored together."""


class TextPerplexity(Judge, kind="text-perplexity"):
    """Rejects documents that a language model finds too likely, or too strange, as texts.

    Jansen et al. (2022, Perplexed by Quality) train a small model on harmful texts alone and keep
    the documents whose perplexity is above a threshold: what such a model foresees well is of the
    sort it was trained on. That is `lowest`, with a model of your own; where to put it, the two
    humps of the column `text_perplexity` show. `highest` is the opposite, for a model of good
    texts: it rejects what is no language. It says nothing of relevance. A reconstruction from the
    abstract, with a transformer for the paper's counts of words.

    >>> from negatives import TextPerplexity
    >>> judge = TextPerplexity(model="path/to/a/model/of/spam", lowest=40)
    >>> judge.needs.docs, judge.fix
    (('text',), 'lower text-perplexity lowest below 40')
    """

    takes_all = True

    model: LocalModel
    lowest: Annotated[
        float, Meta(ge=0, description="reject where the perplexity is below this; 0: never")
    ] = NEVER
    highest: Annotated[
        float, Meta(ge=0, description="reject where the perplexity is above this; 0: never")
    ] = NEVER
    characters: Read = READ

    @property
    def needs(self) -> Needs:
        """Texts of the documents."""
        return Needs(docs=("text",))

    def check(self) -> None:
        """Something lies between the two thresholds."""
        if self.highest and self.highest <= self.lowest:
            raise RecipeError(
                f"text-perplexity: lowest = {self.lowest:g} is not below highest = "
                f"{self.highest:g}: everything would be rejected",
                fix="set one of them, or lowest < highest",
            )

    def open(self, context: JudgeContext) -> TextPerplexityRuling:
        """Load the model."""
        return TextPerplexityRuling(self, run_here(self.model, context.machine), context)

    @property
    def fix(self) -> str:
        """Move the threshold that rejects."""
        if self.lowest or not self.highest:
            return f"lower text-perplexity lowest below {self.lowest:g}"
        return f"raise text-perplexity highest above {self.highest:g}"


@dataclass(frozen=True, slots=True)
class TextPerplexityRuling:
    """A language model opened on a collection."""

    stage: TextPerplexity
    model: CausalLM
    context: JudgeContext

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`text_perplexity` of documents that nobody objects to yet, and what thresholds say."""
        data = self.context.collection
        empty = pl.Series(data.lacking("docs", ("text",)), dtype=pl.UInt32)
        asked = rows.select(
            (pl.col("verdict").is_null() & ~pl.col("doc").is_in(empty.implode())).alias("asked")
        )["asked"]
        docs = rows["doc"].filter(asked).unique().sort()
        found = pl.DataFrame(
            {"doc": docs, COLUMN: pl.Series(self.perplexities(docs.to_numpy()), dtype=pl.Float32)}
        )
        made = rows.select("doc").join(found, on="doc", how="left", maintain_order="left")
        column = made[COLUMN].fill_nan(None).set(~asked, None)
        return pl.DataFrame([column]).with_columns(*self.rule())

    def perplexities(self, docs: Rows) -> Floats:
        """float32[docs]: each text read once by the model, and kept in the store; NaN of none."""
        texts = self.context.collection.doc_texts(docs)
        most = self.stage.characters or None
        keys = text_keys(text[:most] for text in texts)
        distinct, first, which = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        wanted = pair_keys(np.repeat(text_keys([""]), len(distinct), 0), distinct)
        with pair_scores(
            self.context.scratch,
            fingerprint=f"{self.model.fingerprint}-text",
            name=self.stage.model,
            memory=self.context.machine.memory,
        ) as store:
            lacking = np.flatnonzero(~store.get(wanted)[1])
            for start in range(0, len(lacking), _CHUNK):
                part = lacking[start : start + _CHUNK]
                read = [("", texts[int(first[place])][:most]) for place in part]
                made = [each.perplexity for each in self.model.continuations(read)]
                store.add(wanted[part], np.array(made, np.float32))
                done = len(distinct) - len(lacking) + start + len(part)
                self.context.emit(Progress("text-perplexity", done, len(distinct), "documents"))
            return store.get(wanted)[0][which.reshape(-1)]

    def rule(self) -> tuple[pl.Expr, pl.Expr]:
        """`verdict` and `reason` from the column."""
        value, lowest, highest = pl.col(COLUMN), self.stage.lowest, self.stage.highest
        low = value < lowest if lowest else pl.lit(False)
        high = value > highest if highest else pl.lit(False)
        shown = value.round(2)
        reason = (
            pl.when(low)
            .then(pl.format(f"text-perplexity: {{}} < {lowest:g}, of the unwanted sort", shown))
            .when(high)
            .then(pl.format(f"text-perplexity: {{}} > {highest:g}, too strange a text", shown))
        )
        return (
            pl.when(low | high).then(pl.lit(REJECTED)).alias("verdict"),
            reason.alias("reason"),
        )
