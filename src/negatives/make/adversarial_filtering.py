"""Written passages that pass a filter which an adversary makes: only the hardest are kept.

After "Keeping Up with the Language Models: Robustness-Bias Interplay in NLI Data and Models", which
has models write variations and keeps those that fool a model (adversarial filtering). Here the
adversary is an encoder: of the passages of one reply those are kept that it finds most like the
query.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec
import numpy as np
from msgspec import Meta

from negatives.arrays import Rows
from negatives.make.asking import Asking
from negatives.make.written import Passages, PassageWriter
from negatives.models.encoder import sides
from negatives.models.language_model import Words
from negatives.models.open_encoder import open_encoder
from negatives.models.prompt import Filling
from negatives.opening import Context
from negatives.settings import ModelName


class AdversarialFiltering(PassageWriter, kind="adversarial-filtering"):
    """Several passages are written for each query, and those kept that are most like it.

    >>> from negatives import AdversarialFiltering
    >>> AdversarialFiltering(model="http://127.0.0.1:8080/v1#qwen", asked=4, keep=1).longest
    900
    """

    asked: Annotated[int, Meta(ge=2, le=20, description="passages in one reply")] = 5
    keep: Annotated[int, Meta(ge=1, description="passages that are kept, the hardest")] = 2
    encoder: Annotated[
        ModelName, Meta(description="what says how hard they are, as in [[find]]")
    ] = "static"

    words: ClassVar[Mapping[str, Words]] = {
        "make-negatives": Words(("query",), ("positives",), ("count",))
    }
    reply: ClassVar[type[msgspec.Struct]] = Passages

    @property
    def longest(self) -> int:
        """Some two hundred tokens a passage."""
        return 220 * self.asked + 20

    def shown(self, context: Context, rows: Rows) -> list[dict[str, Filling]]:
        """How many are wanted."""
        return [{"count": self.asked, "positives": []} for _ in rows]

    def made(self, context: Context, rows: Rows, ask: Asking) -> list[tuple[Any, ...]]:
        """Of what is written, the passages most like their query, the hardest first."""
        found = PassageWriter.made(self, context, rows, ask)
        if not found:
            return []
        encoder = open_encoder(
            self.encoder,
            threads=context.machine.threads,
            device=context.machine.device,
            emit=context.emit,
        )
        of_queries, of_docs = sides(encoder)
        asked = np.array([row for row, *_ in found])
        distinct, place = np.unique(asked, return_inverse=True)
        queries = of_queries.encode(context.collection.query_texts(distinct)).vectors
        texts = of_docs.encode([text for _, text, _ in found]).vectors
        norms = np.linalg.norm(texts, axis=1) * np.linalg.norm(queries, axis=1)[place]
        alike = np.einsum("nd,nd->n", texts, queries[place]) / np.maximum(norms, 1e-12)
        order = np.lexsort((np.arange(len(found)), -alike, asked)).tolist()
        kept: dict[int, int] = {}
        made = []
        for each in order:
            row = found[each][0]
            kept[row] = kept.get(row, 0) + 1
            if kept[row] <= self.keep:
                made.append(found[each])
            else:
                ask.dropped["easier than those kept"] += 1
        return made
