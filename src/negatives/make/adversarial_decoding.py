"""Passages that a language model writes against a retriever, token by token.

The model writes on the query's subject, and among its most probable next tokens those are kept with
which the retriever finds the passage about as like the query as its positive: a classifier in the
loop of a beam search (ToxiGen, Hartvigsen et al. 2022, section 3.2, where a classifier of toxicity
is led astray). What the retriever says of a text is the sigmoid of how far the text is above the
query's best positive. Beam, weights and lengths are from memory of the paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Final

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Doubles, Floats, Rows
from negatives.errors import DataError, RecipeError
from negatives.events import Progress
from negatives.generator import Generator
from negatives.make.beams import Search, searched
from negatives.make.stepwise import Joint, opened, refuse_lengths, refuse_no_room
from negatives.models.branches import Branches
from negatives.models.causal_lm import CausalLM
from negatives.models.encoder import Encoder, sides
from negatives.models.language_model import LocalModel
from negatives.models.open_encoder import open_encoder
from negatives.models.prompt import Prompt
from negatives.opening import Context
from negatives.schema import TEXTS, Needs
from negatives.settings import FileName, ModelName
from negatives.stage import PositiveInt, Share

SHARPNESS: Final = 10.0
"""What a difference of cosines is multiplied by before the sigmoid."""


class AdversarialDecoding(Generator, kind="adversarial-decoding"):
    """Writes passages with a local model that the encoder finds as like a query as its positive.

    It needs a model's logits, so that it is run here, by transformers, without any server. What it
    writes is a candidate like any other, and no negative because a model said so. A query without a
    positive has nothing to be compared with, and gets no passage. Nothing is drawn by chance.

    >>> from negatives import AdversarialDecoding
    >>> stage = AdversarialDecoding(model="HuggingFaceTB/SmolLM2-135M-Instruct", documents=2)
    >>> stage.needs.docs, stage.label
    (('text',), 'adversarial-decoding')
    """

    model: LocalModel
    encoder: Annotated[
        ModelName,
        Meta(description="the retriever that passages are written against, as in [[find]]"),
    ] = "static"
    documents: Annotated[
        int, Meta(ge=1, le=100, description="passages of a query: those of its best beams")
    ] = 1
    beams: Annotated[int, Meta(ge=1, le=100, description="texts that are followed at once")] = 4
    tokens: Annotated[
        int,
        Meta(ge=1, le=1000, description="next tokens of a text that the encoder is asked about"),
    ] = 20
    share: Annotated[
        Share,
        Meta(description="weight of the language model, the encoder's is the rest; 1: it alone"),
    ] = 0.5
    unrepeated: Annotated[
        int, Meta(ge=0, description="a run of so many tokens comes once in a text; 0: any comes")
    ] = 3
    shortest: Annotated[int, Meta(ge=0, description="tokens of a passage, at least")] = 8
    longest: Annotated[PositiveInt, Meta(description="tokens of a passage, at most")] = 32
    prompt: Annotated[
        FileName,
        Meta(min_length=1, description="a shipped prompt's name, or a Jinja file with `query`"),
    ] = "steer-expert"

    @property
    def needs(self) -> Needs:
        """Texts of both sides to read."""
        return TEXTS

    def check(self) -> None:
        """A passage has room for what it must have, and there are as many beams as passages."""
        refuse_lengths(self.kind, self.shortest, self.longest)
        if self.documents > self.beams:
            raise RecipeError(
                f"{self.kind}: documents = {self.documents:,} is above beams = {self.beams:,}, of "
                "which each is one passage",
                fix="follow as many beams",
            )

    def ready(self, context: Context) -> None:
        """Open the models and read the prompt."""
        model, _ = opened(context.machine, self.model), self._encoder(context)
        _ = self._prompt
        refuse_no_room(self.kind, model, self.longest)

    def write(self, context: Context, rows: Rows) -> pl.DataFrame:
        """The best beams of each query that has a positive; the empty ones are left out."""
        data, encoder = context.collection, self._encoder(context)
        model = opened(context.machine, self.model)
        positives = dict(data.positives.group_by("query").agg("doc").sort("query").iter_rows())
        if not positives:
            raise DataError(
                "no query has a positive, which passages are written against",
                where=self.kind,
                fix="give labels, or write by another generator",
            )
        made: list[tuple[int, str]] = []
        for place, (row, query) in enumerate(
            zip(rows.tolist(), data.query_texts(rows), strict=True)
        ):
            if row in positives:
                known = data.doc_texts(np.sort(np.array(positives[row], np.uint32)))
                critic = partial(likeness, *_compared(encoder, query, known), encoder)
                texts = self._texts(model, query, critic)
                made += [(row, text) for text in texts]
            context.emit(Progress(f"make {self.label}", place + 1, len(rows), "queries"))
        frame = pl.DataFrame(made, schema={"query": pl.UInt32, "text": pl.String}, orient="row")
        return frame.with_columns(
            grade=pl.lit(0, pl.Int32),
            model=pl.lit(self.model),
            prompt_hash=pl.lit(self._prompt.hash),
        )

    def _texts(self, model: CausalLM, query: str, critic: partial[Doubles]) -> list[str]:
        prompt = "\n\n".join(filter(None, self._prompt.filled({"query": query})))
        start = Joint([Branches(model, [prompt], self.longest)])
        search = Search(
            beams=self.beams,
            tokens=self.tokens,
            share=self.share,
            shortest=self.shortest,
            longest=self.longest,
            unrepeated=self.unrepeated,
        )
        found = (beam.writer.text.strip() for beam in searched(start, critic, search))
        return [text for text in dict.fromkeys(found) if text][: self.documents]

    @property
    def _prompt(self) -> Prompt:
        return Prompt(self.prompt, ("query",))

    def _encoder(self, context: Context) -> Encoder:
        machine = context.machine
        return open_encoder(
            self.encoder, threads=machine.threads, device=machine.device, emit=context.emit
        )


def _compared(encoder: Encoder, query: str, positives: Sequence[str]) -> tuple[Doubles, float]:
    """The query's vector of length 1, and the cosine of the positive that is most like it."""
    of_queries, of_docs = sides(encoder)
    vector = _normal(of_queries.encode([query]).vectors)[0]
    return vector, float((_normal(of_docs.encode(positives).vectors) @ vector).max())


def likeness(query: Doubles, best: float, encoder: Encoder, texts: Sequence[str]) -> Doubles:
    """float64[n]: log sigmoid of how far the cosine of each text with the query is above `best`."""
    vectors = _normal(sides(encoder)[1].encode(texts).vectors)
    found: Doubles = -np.logaddexp(0.0, -SHARPNESS * (vectors @ query - best))
    return found


def _normal(vectors: Floats) -> Doubles:
    wide = vectors.astype(np.float64)
    found: Doubles = wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12)
    return found
