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

from negatives.arrays import Bools, Keys
from negatives.learn.known import KnownPairs
from negatives.optional import require, torch
from negatives.text.keys import normalised_keys

_theirs = require("sentence_transformers.sentence_transformer.data_collator", extra="train")

ASIDE: Final = ("p_relevant", "example", "guide_query", "guide_docs", "doc_vectors")
KEYS: Final = "keys"
"""Columns of a row that are no text."""


class Collator(_theirs.SentenceTransformerDataCollator):  # type: ignore[misc, name-defined]
    """Columns of texts, the query first, its positive second, then negatives; "" where none is.

    A row may have `label` and `p_relevant` (a number for each document column), `example` (its
    number), `guide_query` and `guide_docs` (a guide's vectors of its query, and of each document),
    and `keys`: the normalised keys of its texts, column by column, where they are known already.
    With `doc_vectors`, a vector of each document, it has `keys` and no documents' texts.
    `bank`: keys of the documents of a loss's bank; it is told which are relevant to whom.
    """

    def __init__(
        self,
        preprocess: Callable[..., Any],
        known: KnownPairs,
        *,
        bank: Keys | None = None,
        **options: Any,
    ) -> None:
        super().__init__(preprocess_fn=preprocess, **options)
        self.known = known
        self.bank = bank

    def __call__(self, features: list[dict[str, Any]]) -> dict[str, Any]:
        """One batch: the trainer's own features, and the query's with what is known beside them."""
        aside: dict[str, Any] = {
            name: [row[name] for row in features] for name in ASIDE if name in features[0]
        }
        texts = [{key: row[key] for key in row if key not in (*ASIDE, KEYS)} for row in features]
        batch: dict[str, Any] = super().__call__(texts)
        columns = [name for name in texts[0] if name not in self.valid_label_columns]
        if KEYS in features[0]:
            keys = np.array([row[KEYS] for row in features], np.uint64)
        else:
            keys = keys_of([[row[name] for row in texts] for name in columns])
        if "doc_vectors" in aside:
            present = np.array([np.any(row, axis=1) for row in aside["doc_vectors"]])
        else:
            present = np.array([[row[name] != "" for name in columns[1:]] for row in texts])
        about = {"relevant": related(self.known, keys, present), "present": present}
        if self.bank is not None:
            about["in_bank"] = self.known.relevant(keys[:, 0], self.bank)
        for name, values in (about | aside).items():
            made = torch.as_tensor(np.asarray(values))
            batch[f"{columns[0]}_{name}"] = made.float() if made.is_floating_point() else made
        return batch


def keys_of(columns: Sequence[Sequence[str]]) -> Keys:
    """uint64[n, columns]: the normalised keys of n rows of texts."""
    return np.stack([normalised_keys(pl.Series(texts, dtype=pl.String)) for texts in columns], 1)


def related(known: KnownPairs, keys: Keys, present: Bools) -> Bools:
    """bool[n, n * (1 + k)]: the documents of the batch that are relevant to each of its queries.

    `keys`: uint64[n, 2 + k], of query, positive and negatives; `present`: bool[n, 1 + k]. Relevant
    is what the qrels say, what has the text of the query's own positive, and the query's own text.
    """
    queries, own = keys[:, 0], keys[:, 1:]
    pool = own.reshape(-1)
    relevant = known.relevant(queries, pool)
    relevant |= pool == own[:, :1]
    relevant |= pool == queries[:, None]
    relevant[:, ~present.reshape(-1)] = False
    n, width = own.shape
    relevant[np.arange(n), np.arange(n) * width] = True
    return relevant
