"""Dynamic negatives: of some draws for each place, the document that a model scores highest.

While a model is trained, it is the model as it is that chooses; in a run, the encoder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Floats, Rows
from negatives.find.candidates import COLUMNS, ranked
from negatives.find.dense import Dense
from negatives.find.sampled import SampledProposer, SampledSource, law_of, popularity
from negatives.opening import Context, Proposer
from negatives.sample.attempts import NO_DOC
from negatives.sample.law import Law
from negatives.schema import Collection, Needs
from negatives.settings import ModelName


class Dynamic(SampledSource, kind="dynamic"):
    """For each negative the best of some draws by the model (DNS: Zhang et al., SIGIR 2013).

    The more draws, the harder the negatives, and the more of them are false: those that nobody has
    labelled come first, too. Which document is drawn has no simple probability, so that there is no
    log_q. `encoder` chooses where a run is mined; a model that is trained chooses by itself.

    >>> from negatives import Dynamic, tiny
    >>> tiny.proposed(Dynamic(top=2, draws=4))["wings"]  # it is the best of both
    ['again']
    """

    top: Annotated[int, Meta(ge=1, description="candidates per query")] = 100
    draws: Annotated[int, Meta(ge=1, description="for each of them; 1: as `random`")] = 16
    power: Annotated[
        float, Meta(ge=0, description="what is drawn: 0, any document alike; 1, by popularity")
    ] = 0.0
    encoder: Annotated[
        ModelName, Meta(description="what chooses among the draws in a run; as for `dense`")
    ] = "static"

    @property
    def encodes(self) -> bool:
        """In a run, yes."""
        return True

    @property
    def best_of(self) -> int:
        """As `draws` says."""
        return self.draws

    @property
    def needs(self) -> Needs:
        """What the encoder needs."""
        return Dense(encoder=self.encoder).needs

    def law(self, collection: Collection) -> Law | None:
        """By popularity to the power."""
        return law_of(popularity(collection), self.power, collection)

    def open(self, context: Context) -> Proposer:
        """Draw, and have the encoder choose."""
        chooser = Dense(name=self.label, encoder=self.encoder).open(context)
        return DynamicProposer(self.top, self.draws, self.drawing(context), chooser)


@dataclass(frozen=True, slots=True)
class DynamicProposer:
    """Draws of which `chooser` takes the best, `top` for each query."""

    top: int
    draws: int
    drawn: SampledProposer
    chooser: Proposer

    @property
    def fingerprint(self) -> str:
        """That of the encoder's vectors."""
        return self.chooser.fingerprint

    def propose(self, queries: Rows, proposed: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """Each document once, best first: fewer than `top` where one was the best of several."""
        rows = queries.astype(np.int64)
        found = self.drawn.independent(rows, self.top * self.draws)
        step = max(1, _PAIRS // max(1, self.top * self.draws))
        parts = [
            self._best(queries[first : first + step], found[first : first + step])
            for first in range(0, len(rows), step)
        ]
        return ranked(pl.concat([pl.DataFrame(schema=_CHOSEN), *parts]))

    def _best(self, queries: Rows, docs: Rows) -> pl.DataFrame:
        """query, doc, score: the best of every `draws` documents of each row."""
        owner = np.repeat(queries, docs.shape[1])
        flat, there = docs.reshape(-1), docs.reshape(-1) != NO_DOC
        scores = np.full(len(flat), -np.inf, np.float32)
        scored = self.chooser.score(owner[there].astype(np.uint32), flat[there])
        assert scored is not None
        scores[there] = scored
        groups = scores.reshape(-1, self.draws)
        best = groups.argmax(axis=1) + np.arange(len(groups)) * self.draws
        best = best[there[best]]
        return pl.DataFrame(
            {"query": owner[best], "doc": flat[best], "score": scores[best]}, schema=_CHOSEN
        ).unique(["query", "doc"], maintain_order=True)

    def score(self, query: Rows, doc: Rows) -> Floats | None:
        """None: others of the recipe score, this one chooses."""
        return None


_CHOSEN = {name: COLUMNS[name] for name in ("query", "doc", "score")}
_PAIRS = 2**20
"""Draws that are scored at one time."""
