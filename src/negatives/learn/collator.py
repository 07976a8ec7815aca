"""The collator: rows of texts become features, with what is known of every pair of the batch.

It is sentence-transformers' own, and adds to the features of the first column what a loss needs
beyond embeddings: `relevant`, `present`, `p_relevant` and `example` (see `Encoded`). Give it to any
`SentenceTransformerTrainer` as `data_collator`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import polars as pl

from negatives.judge.texts import normalised_keys
from negatives.learn.known import Known
from negatives.optional import require

torch = require("torch", extra="train")
_theirs = require("sentence_transformers.sentence_transformer.data_collator", extra="train")

ASIDE: Final = ("p_relevant", "example", "guide_query", "guide_docs")
"""Columns of a row that are no text."""


class Collator(_theirs.SentenceTransformerDataCollator):  # type: ignore[misc, name-defined]
    """Columns of texts, the query first, its positive second, then negatives; "" where none is.

    A row may have `label` and `p_relevant` (a number for each document column), `example` (its
    number), `guide_query` and `guide_docs` (a guide's vectors of its query, and of each document).
    """

    def __init__(self, preprocess: Callable[..., Any], known: Known, **options: Any) -> None:
        super().__init__(preprocess_fn=preprocess, **options)
        self.known = known

    def __call__(self, features: list[dict[str, Any]]) -> dict[str, Any]:
        """One batch: the trainer's own features, and the query's with what is known beside them."""
        aside: dict[str, Any] = {
            name: [row[name] for row in features] for name in ASIDE if name in features[0]
        }
        texts = [{key: row[key] for key in row if key not in ASIDE} for row in features]
        batch: dict[str, Any] = super().__call__(texts)
        columns = [name for name in texts[0] if name not in self.valid_label_columns]
        about = related(self.known, [[row[name] for row in texts] for name in columns])
        for name, values in (about | aside).items():
            batch[f"{columns[0]}_{name}"] = torch.as_tensor(np.asarray(values))
        return batch


def related(known: Known, columns: Sequence[Sequence[str]]) -> dict[str, Any]:
    """`relevant` bool[n, n * (1 + k)] and `present` bool[n, 1 + k] of n queries and 1 + k columns.

    A document is relevant to a query where the qrels say so of their texts, where its text is that
    of the query's own positive, or the query's own.
    """
    queries, *docs = (normalised_keys(pl.Series(texts, dtype=pl.String)) for texts in columns)
    own = np.stack(docs, axis=1)
    pool = own.reshape(-1)
    relevant = known.relevant(queries, pool)
    relevant |= pool == own[:, :1]
    relevant |= pool == queries[:, None]
    present = np.array([[text != "" for text in texts] for texts in columns[1:]]).T
    relevant[:, ~present.reshape(-1)] = False
    n, width = own.shape
    relevant[np.arange(n), np.arange(n) * width] = True
    return {"relevant": relevant, "present": present}
