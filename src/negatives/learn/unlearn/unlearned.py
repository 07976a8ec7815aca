"""Whether what a model was made to forget is gone, or only out of sight: one table of four tries.

Shumailov et al. 2024, "UnUnlearning": what is put back in context is usable again, so that
forgetting alone regulates nothing. Relearning: a few steps on a tenth of what was forgotten bring
back the rest where it was hidden, and cannot where it was never there. Extraction: how often one of
a hundred draws is the response itself. None of these means anything by itself, so each stands
beside a model that never saw what is to be forgotten and goes through the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.chance import id_hashes, stream_key, uniforms
from negatives.errors import InputError
from negatives.events import silent
from negatives.learn.request import completed
from negatives.learn.train import train
from negatives.machine import available_threads
from negatives.measure.audits.check import Answer, Check, verdict
from negatives.measure.audits.subject import Subject
from negatives.measure.estimate import Estimate, rounded
from negatives.measure.responses import BETWEEN, Said, figures_of, said_by
from negatives.models.causal_lm import CausalLM
from negatives.recipe import load_recipe
from negatives.schema import PAIR, Collection, Doubles
from negatives.settings import ModelName
from negatives.stats.bootstrap import interval
from negatives.store.scratch import scratch_folder

FEWEST: Final = 10
"""Prompts that are asked and not learned again, at least."""
BATCH: Final = 8
AS_IT_IS, IN_CONTEXT, RELEARNED = "as it is", "in context", "after relearning"


class Unlearned(Check, kind="unlearned"):
    """How much more probable than to a model that never saw them the forgotten responses become.

    The responses that are wrong, or to be forgotten, are the subject. A part of their prompts is
    learned again, by both models alike, and the others are asked.

    >>> from negatives.learn.unlearn.unlearned import Unlearned
    >>> Unlearned(model="forgotten", retrained="never-saw").share
    0.1
    """

    asks_negatives: ClassVar[bool] = True

    model: Annotated[
        ModelName,
        Meta(description="the causal language model that was made to forget, a folder or name"),
    ] = ""
    retrained: Annotated[
        ModelName,
        Meta(description="one that was never trained on what is to be forgotten, with the same "
             "tokenizer"),
    ] = ""  # fmt: skip
    share: Annotated[
        float,
        Meta(gt=0, le=0.5, description="of the prompts, drawn by their ids, whose forgotten "
             "responses are learned again; the others are asked"),
    ] = 0.1  # fmt: skip
    steps: Annotated[int, Meta(ge=1, description="how many steps relearning takes")] = 10
    learning_rate: Annotated[
        float, Meta(gt=0, description="of relearning; as high as a training of that model has it")
    ] = 1e-4
    between: Annotated[str, Meta(description="what stands between a prompt and its response")] = (
        BETWEEN
    )
    most: Annotated[
        float,
        Meta(ge=0, description="nats a token by which the forgotten may come back further than "
             "with the retrained model; more is an alarm"),
    ] = 0.1  # fmt: skip

    def lacking(self, subject: Subject) -> str:
        """Both models, texts, and enough prompts."""
        for name, what in (
            ("model", "no language model is named"),
            ("retrained", "no model is named that never saw what was forgotten"),
        ):
            if not getattr(self, name):
                return f"{what}; --set unlearned.{name}=FOLDER"
        data = subject.collection
        if not data.has("docs", "text") or not data.has("queries", "text"):
            return "prompts or responses have no texts; name what has them with --corpus"
        prompts = subject.negatives["query_id"].n_unique()
        asked = prompts - self._relearned(prompts)
        if asked < FEWEST:
            return (
                f"only {asked} prompts with a response to forget are left to be asked, and "
                f"{FEWEST} are needed"
            )
        return ""

    def find(self, subject: Subject) -> Answer:
        """The table, and the difference after relearning with an interval over prompts."""
        again, asked = self._parted(subject)
        models = {"model": _opened(self.model), "retrained": _opened(self.retrained)}
        if not models["model"].reads_as(models["retrained"]):
            raise InputError(
                "the two models have different tokenizers, and a token of one is none of the other",
                where=f"{self.model}, {self.retrained}",
                fix="compare with a model that was trained from the same one",
            )
        told = self._shown(asked)
        said = {
            name: {AS_IT_IS: self._said(at, asked), IN_CONTEXT: self._said(at, told)}
            for name, at in models.items()
        }
        with scratch_folder() as folder:
            for name, at in models.items():
                learned = self._relearn(at.name, again, folder / name, subject.seed)
                said[name][RELEARNED] = self._said(_opened(learned), asked)
        gaps = {way: _gap(*(said[name][way] for name in models)) for way in said["model"]}
        found = interval(gaps[RELEARNED], confidence=subject.confidence, seed=subject.seed)
        estimate = Estimate(
            value=found.value,
            low=found.low,
            high=found.high,
            confidence=subject.confidence,
            assumption="the retrained model never saw what was forgotten, and learns as fast",
            details={
                "prompts": [len(again.queries), len(asked.queries)],
                **{name: _table(ways) for name, ways in said.items()},
            },
        )
        plain, shown = (float(gaps[way].mean()) for way in (AS_IT_IS, IN_CONTEXT))
        about = (
            "nats a token by which the forgotten is more probable than to the retrained model, "
            f"after relearning (as it is {plain:+.2f}, in context {shown:+.2f})"
        )
        return Answer(self.kind, about, estimate, *verdict(estimate, self.most, _BACK, _GONE))

    # ---- the two parts of what was forgotten -----------------------------------------------------

    def _relearned(self, prompts: int) -> int:
        return max(1, math.floor(self.share * prompts))

    def _parted(self, subject: Subject) -> tuple[Collection, Collection]:
        """What is learned again, and what is asked: the forgotten responses as right ones."""
        ids = subject.negatives["query_id"].unique().sort()
        draws = uniforms(id_hashes(ids), stream_key(subject.seed, "audit/unlearned"))
        order = pl.DataFrame({"query_id": ids, "draw": draws}).sort("draw")["query_id"]
        count = self._relearned(len(order))
        return _of(subject, order[:count]), _of(subject, order[count:])

    def _shown(self, asked: Collection) -> Collection:
        """The same prompts with their forgotten responses before them."""
        texts = asked.qrels.join(asked.corpus, on="doc_id").select("query_id", shown="text")
        facts = texts.group_by("query_id").agg(pl.col("shown").sort().str.join("\n"))
        queries = asked.queries.join(facts, on="query_id", how="left", maintain_order="left")
        before = pl.col("shown") + "\n\n" + pl.col("text")
        return replace(asked, queries=queries.with_columns(text=before).drop("shown"))

    def _said(self, model: CausalLM, data: Collection) -> Said:
        return said_by(model, data, self.between)

    def _relearn(self, model: str, again: Collection, out: Path, seed: int) -> str:
        changes = (
            "learn.kind=likelihood", f"train.steps={self.steps}", "train.schedule=constant",
            f"train.batch_size={min(BATCH, len(again.qrels))}", "train.warmup=0",
            f"train.learning_rate={self.learning_rate}",
        )  # fmt: skip
        recipe = completed(load_recipe("default"), model, "language-model", changes)
        made = train(again, out, model=model, recipe=recipe, seed=seed, look=False, emit=silent)
        return str(made.path)


_BACK: Final = (
    "what was forgotten is hidden and not gone: forget with another loss or for longer, and look "
    "again; keep a filter before the model"
)
_GONE: Final = (
    "it does not come back further than to a model that never saw it; what is put in a prompt is "
    "used all the same, which only a filter prevents"
)


def _opened(name: str) -> CausalLM:
    return CausalLM(name, threads=available_threads())


def _of(subject: Subject, prompts: pl.Series) -> Collection:
    """The forgotten responses of some prompts, as the right ones."""
    data = subject.collection
    chosen = subject.negatives.filter(pl.col("query_id").is_in(prompts.implode())).select(PAIR)
    return Collection(
        name=data.name,
        split=data.split,
        corpus=data.corpus.join(chosen, on="doc_id", how="semi", maintain_order="left"),
        queries=data.queries.join(chosen, on="query_id", how="semi", maintain_order="left"),
        qrels=chosen.with_columns(relevance=pl.lit(1, pl.Int32)),
    )


def _gap(model: Said, retrained: Said) -> Doubles:
    """float64[prompts]: how much more probable a token of the responses is to the model."""
    rows = pl.DataFrame({"query": model.query, "gap": retrained.nll - model.nll})
    return rows.group_by("query").agg(pl.col("gap").mean()).sort("query")["gap"].to_numpy()


def _table(ways: Mapping[str, Said]) -> dict[str, Any]:
    """A model's figures by way: negative log-likelihood of a token, and what can be extracted."""
    made = {}
    for way, said in ways.items():
        wrong = replace(said, right=np.zeros(len(said.right), bool))  # they are to be forgotten
        found = figures_of(wrong)
        made[way] = {
            "nll": rounded(found["wrong_nll"]),
            "extracted in 100 tries": rounded(found["wrong_extracted_in_100"]),
        }
    return made
