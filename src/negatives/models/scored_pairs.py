"""Pairs scored through the store: what is there is read, the rest is scored chunk by chunk.

The chunks are planned over the pairs asked for, whatever is stored, and stored whole: so a run that
is killed and started again scores the same chunks and ends in the same scores.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from negatives.arrays import Floats, Keys, Rows
from negatives.engine import LOCAL, Lazily, Mapper, carried_out
from negatives.events import Counted, Emit, Progress, Warned, silent
from negatives.models.reranker import Reranker
from negatives.models.score_texts import Numbered, OpenAgain, ScoreTexts
from negatives.schema import Collection
from negatives.store.embedding_shards import text_keys
from negatives.store.pair_scores import pair_keys, pair_scores

TRIAL: Final = 64
"""Pairs of the first chunk, which tells how long the rest will take."""
CHUNK: Final = 512
"""Pairs scored and stored together; no setting, for a score may depend on its batch a little."""
LONG: Final = 60.0
"""Seconds of work from which on the user is told before it is done."""


@dataclass
class ScoredPairs:
    """A reranker on one collection. `expected`: pairs it will be asked for in all, about.

    `engine` scores where `again` can open the same reranker in another process.

    Counts what it did: `pairs` asked for, `calls` of the model (a pair each), `seconds` of them.
    Emits progress, and `Counted("rerank NAME")` of what each asking adds to the counts.
    """

    reranker: Reranker
    name: str
    collection: Collection
    scratch: Path
    memory: int = 512 * 2**20
    emit: Emit = silent
    expected: int = 0
    engine: Mapper = LOCAL
    again: OpenAgain | None = None
    pairs: int = 0
    calls: int = 0
    seconds: float = 0.0
    _told: bool = field(default=False, repr=False)

    def score(self, query: Rows, doc: Rows) -> Floats:
        """float32[n] log-odds of the pairs of these row numbers, as the store keeps them."""
        if not len(query):
            return np.empty(0, np.float32)
        before = self._counts
        keys = pair_keys(
            _keys(self.collection.queries["text"], query),
            _keys(self.collection.corpus["text"], doc),
        )
        # Texts may be alike where ids are not.
        distinct, first, which = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        order = np.argsort(first)
        distinct, first = distinct[order], first[order]
        with pair_scores(
            self.scratch, fingerprint=self.reranker.fingerprint, name=self.name, memory=self.memory
        ) as store:
            known = store.get(distinct)[1]
            missing = int((~known).sum())
            done = len(distinct) - missing
            self.pairs += len(query)
            bounds = pairwise([0, *range(TRIAL, len(distinct), CHUNK), len(distinct)])
            parts = [start + np.flatnonzero(~known[start:stop]) for start, stop in bounds]
            parts = [lacking for lacking in parts if len(lacking)]
            rows = [(query[first[lacking]], doc[first[lacking]]) for lacking in parts]
            for number, scored, seconds in carried_out(
                LOCAL if self.again is None else self.engine,
                ScoreTexts(self.reranker, self.again),
                Lazily(len(rows), lambda place: self._chunk(place, *rows[place])),
                do="score",
                name=lambda item: self._named(*rows[item[0]]),
                where=f"reranker {self.name}",
            ):
                store.add(distinct[parts[number]], scored)
                self.calls += len(scored)
                self.seconds += seconds
                done += len(scored)
                self._tell(missing)
                self.emit(Progress("rerank", done, len(distinct), "pairs"))
            scores, _ = store.get(distinct)
        told = {name: count - before[name] for name, count in self._counts.items()}
        self.emit(Counted(f"rerank {self.name}", told))
        return scores[np.argsort(order)[which.reshape(-1)]]

    def _chunk(self, number: int, query: Rows, doc: Rows) -> Numbered:
        """The texts of some pairs, with the number of their chunk."""
        texts = zip(self.collection.query_texts(query), self.collection.doc_texts(doc), strict=True)
        return number, list(texts)

    def _named(self, query: Rows, doc: Rows) -> str:
        asked, found = self.collection.queries["query_id"], self.collection.corpus["doc_id"]
        ends = [f"({asked[int(query[n])]}, {found[int(doc[n])]})" for n in (0, -1)]
        return f"the pairs {ends[0]} to {ends[1]}"

    def _tell(self, missing: int) -> None:
        """After the first chunk, once: how long it will take, where that is long."""
        if self._told:
            return
        self._told = True
        at_once = 1 if self.again is None else self.engine.workers
        rate = at_once * self.calls / max(self.seconds, 1e-9)
        total = max(self.expected, missing)
        if total / rate >= LONG:
            self.emit(
                Warned(
                    f"the reranker {self.name} scores {rate:,.0f} pairs a second here: about "
                    f"{total / rate / 60:,.0f} minutes for {total:,} pairs"
                )
            )

    @property
    def _counts(self) -> dict[str, float]:
        return {"pairs": self.pairs, "calls": self.calls, "seconds": self.seconds}


def _keys(texts: pl.Series, rows: Rows) -> Keys:
    """uint64[n, 2] keys of the texts at `rows`, each distinct one hashed once."""
    distinct, which = np.unique(rows, return_inverse=True)
    return text_keys(texts.gather(distinct).to_list())[which]
