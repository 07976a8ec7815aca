"""STEER: a local language model writes passages close to a query and away from its positives.

    base      the model without the query            (or: before it was tuned)
    expert    the model asked for the query's subject (or: tuned on the domain)
    negative  the model asked to repeat the positives, and what it wrote before

Token by token, what the expert adds to the base is amplified and what the negative prompt would
write is turned away from (`guide.contrastive`). O'Neill et al. 2023, "Steering Language
Generation"; the prompts are ours, and for a hard negative the positive is what is steered away
from. A reconstruction.
"""

from __future__ import annotations

import hashlib
from typing import Annotated

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Doubles, Rows
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.errors import DataError
from negatives.events import Progress
from negatives.generator import Generator
from negatives.guide.contrastive import steered
from negatives.make.stepwise import (
    Joint,
    Style,
    opened,
    refuse_lengths,
    refuse_no_room,
    write,
)
from negatives.models.branches import Branches
from negatives.models.causal_lm import CausalLM
from negatives.models.language_model import LocalModel
from negatives.models.prompt import Prompt
from negatives.opening import Context
from negatives.schema import TEXTS, Needs
from negatives.settings import FileName, ModelName
from negatives.stage import PositiveInt, Share


class Contrastive(Generator, kind="contrastive"):
    """Writes documents for a query with a local model, steered to the query and off its positives.

    It needs a model's logits, so that it is run here, by transformers, without any server. What it
    writes is a candidate like any other: no negative because a model said so. With gamma = 1 and
    eta = 0 nothing is steered; with `trials`, several ways are tried where the model is unsure
    (cautious decoding). Small models write passages that are on the subject and false, or no
    sense: look at some.

    >>> from negatives import Contrastive
    >>> stage = Contrastive(model="HuggingFaceTB/SmolLM2-135M-Instruct", documents=2, eta=0.2)
    >>> stage.needs.docs, stage.label
    (('text',), 'contrastive')
    """

    model: LocalModel
    tuned: Annotated[
        ModelName,
        Meta(description="the same model tuned on the domain, as the expert; empty: by its prompt"),
    ] = ""
    documents: Annotated[int, Meta(ge=1, le=100, description="documents written for a query")] = 1
    gamma: Annotated[
        float, Meta(ge=0, le=100, description="how far from the base to the expert; 1: the expert")
    ] = 1.5
    eta: Annotated[
        float,
        Meta(ge=0, le=100, description="how far away from the negative prompt; 0: not at all"),
    ] = 0.3
    alpha: Annotated[
        Share,
        Meta(description="tokens less probable than this share of the expert's first are left out"),
    ] = 0.1
    examples: Annotated[
        int, Meta(ge=1, le=20, description="texts in the negative prompt: positives, then written")
    ] = 3
    temperature: Annotated[
        float, Meta(gt=0, le=100, description="of drawing a token; near 0: the most probable")
    ] = 1.0
    top_p: Annotated[
        float, Meta(gt=0, le=1, description="a token is drawn of the fewest with this probability")
    ] = 0.95
    shortest: Annotated[int, Meta(ge=0, description="tokens of a document, at least")] = 16
    longest: Annotated[PositiveInt, Meta(description="tokens of a document, at most")] = 96
    trials: Annotated[
        int, Meta(ge=1, le=100, description="ways that are tried where the model is unsure; 1: one")
    ] = 1
    doubt: Annotated[
        float, Meta(gt=0, description="entropy in nats from which the model counts as unsure")
    ] = 2.0
    base_prompt: Annotated[
        FileName,
        Meta(min_length=1, description="a shipped prompt's name, or a Jinja file of your own"),
    ] = "steer-base"
    expert_prompt: Annotated[
        FileName, Meta(min_length=1, description="the same with the variable query")
    ] = "steer-expert"
    negative_prompt: Annotated[
        FileName, Meta(min_length=1, description="the same with query and the list positives")
    ] = "steer-negative"

    @property
    def needs(self) -> Needs:
        """Texts of both sides to read."""
        return TEXTS

    def check(self) -> None:
        """A document has room for what it must have."""
        refuse_lengths(self.kind, self.shortest, self.longest)

    def ready(self, context: Context) -> None:
        """Open the models and read the prompts."""
        models = self._models(context)
        _ = self._prompts
        refuse_no_room(self.kind, models[0], self.longest)

    def write(self, context: Context, rows: Rows) -> pl.DataFrame:
        """So many documents of each query, one after the other; empty ones are left out."""
        data = context.collection
        models, ids = self._models(context), data.queries["query_id"]
        positives = {
            key: group["doc"].sort().to_numpy()
            for (key,), group in data.positives.group_by("query")
        }
        made: list[tuple[int, str]] = []
        for place, (row, query) in enumerate(
            zip(rows.tolist(), data.query_texts(rows), strict=True)
        ):
            known = [
                text
                for text in data.doc_texts(positives.get(row, np.empty(0, np.uint32)))
                if text.strip()
            ]
            for text in self._documents(models, query, known, ids[row], context.seed):
                made.append((row, text))
            context.emit(Progress(f"make {self.label}", place + 1, len(rows), "queries"))
        frame = pl.DataFrame(made, schema={"query": pl.UInt32, "text": pl.String}, orient="row")
        return frame.with_columns(
            grade=pl.lit(0, pl.Int32),
            model=pl.lit(self.tuned or self.model),
            prompt_hash=pl.lit(self._hash),
        )

    def _documents(
        self, models: list[CausalLM], query: str, known: list[str], query_id: str, seed: int
    ) -> list[str]:
        """What is written for one query; what was written is steered away from as well."""
        style = Style(
            shortest=self.shortest,
            longest=self.longest,
            temperature=self.temperature,
            top_p=self.top_p,
            trials=self.trials,
            doubt=self.doubt,
        )
        made: list[str] = []
        hashes = id_hashes(pl.Series([query_id]))
        for number in range(self.documents):
            shown = [*known, *made][-self.examples :] if made else known[: self.examples]
            start = self._branches(models, query, shown)

            def uniform(draw: int, number: int = number) -> float:
                stream = f"{self.kind}/{number}/{draw}"
                return float(uniforms(hashes, stream_key(seed, stream))[0])

            text = _passage(write(start, self._guide, style, uniform).text)
            if text:
                made.append(text)
        return made

    def _branches(self, models: list[CausalLM], query: str, shown: list[str]) -> Joint:
        base, expert, negative = self._prompts
        asked = [expert.filled({"query": query})]
        if shown and self.eta:
            asked.append(negative.filled({"query": query, "positives": shown}))
        prompts = ["\n\n".join(filter(None, each)) for each in asked]
        if self.tuned:
            # What tuning has changed is seen where both read the same.
            first, second = models
            parts = [
                Branches(first, prompts[:1], self.longest),
                Branches(second, prompts, self.longest),
            ]
        else:
            without = "\n\n".join(filter(None, base.filled({})))
            parts = [Branches(models[0], [without, *prompts], self.longest)]
        return Joint(parts)

    def _guide(self, log_probs: Doubles) -> Doubles:
        negative = log_probs[2] if len(log_probs) > 2 else None
        made: Doubles = steered(
            log_probs[0],
            log_probs[1],
            negative,
            gamma=self.gamma,
            eta=self.eta if negative is not None else 0.0,
            alpha=self.alpha,
        )
        return made

    @property
    def _prompts(self) -> tuple[Prompt, Prompt, Prompt]:
        return (
            Prompt(self.base_prompt, ()),
            Prompt(self.expert_prompt, ("query",)),
            Prompt(self.negative_prompt, ("query",), ("positives",)),
        )

    @property
    def _hash(self) -> str:
        hashes = "".join(prompt.hash for prompt in self._prompts)
        return hashlib.blake2b(hashes.encode(), digest_size=10).hexdigest()

    def _models(self, context: Context) -> list[CausalLM]:
        models = [opened(context.machine, name) for name in (self.model, self.tuned) if name]
        if not models[0].reads_as(models[-1]):
            raise DataError(
                "the tuned model has another vocabulary than the model: their tokens cannot be "
                "compared",
                where=self.tuned,
                fix="name the model that it was tuned from",
            )
        return models


def _passage(text: str) -> str:
    """The first paragraph of what was written."""
    return text.strip().split("\n\n")[0].strip()
