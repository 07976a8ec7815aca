"""A reranker from an ONNX file and its tokenizer.json: onnxruntime on the CPU, no torch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np

from negatives.arrays import Floats, Places
from negatives.errors import DataError
from negatives.faults import raise_spent
from negatives.models.onnx import fed, feeds_of, open_session, open_tokenizer, tokenizer_of
from negatives.models.pair_batches import log_odds, refused_outputs, score_pairs
from negatives.models.reranker import Pair
from negatives.store.atomic import file_hash

BUDGET: Final = 1024
"""Pieces a batch, padding included."""
LONGEST: Final = 512
"""Pieces a pair may have where the tokenizer states no limit: what cross-encoders use."""


class OnnxReranker:
    """A graph that gives one logit a pair, or two: irrelevant, relevant.

    `tokenizer`: where tokenizer.json is; else beside the model, else in the folder above. Of a pair
    that is too long, the longer text is cut. `threads`: batches computed at the same time, each on
    one core; they change no bit of a score.
    """

    def __init__(self, model: Path, *, tokenizer: Path | None = None, threads: int = 1) -> None:
        if not model.is_file():
            raise DataError(f"there is no reranker at {str(model)!r}", fix="give an existing file")
        self._files = (model, tokenizer_of(model) if tokenizer is None else tokenizer)
        self._tokenizer = open_tokenizer(self._files[1], LONGEST)
        self._threads = threads
        self._session = open_session(model)
        self._feeds = feeds_of(self._session, model)
        self._output = _logits_of(self._session, model)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the model and of its tokenizer."""
        return "onnx-pairs-" + "-".join(file_hash(path) for path in self._files)

    def score(self, pairs: Sequence[Pair]) -> Floats:
        """float32[pairs] log-odds."""
        return score_pairs(
            pairs,
            self._read,
            self._compute,
            budget=BUDGET,
            where=str(self._files[0]),
            workers=self._threads,
        )

    def _read(self, pairs: list[Pair]) -> tuple[list[Any], Places]:
        split = self._tokenizer.encode_batch_fast(pairs)
        return split, np.fromiter(map(len, split), np.int64, len(split))

    def _compute(self, split: list[Any]) -> Floats:
        given = fed(split)
        try:
            (logits,) = self._session.run(
                [self._output], {name: given[name] for name in self._feeds}
            )
        except Exception as error:  # onnxruntime has no common exception
            raise_spent(error)
            raise DataError(
                f"the model could not score a pair of {given['input_ids'].shape[1]} pieces: "
                f"{error}",
                where=str(self._files[0]),
                fix="give the tokenizer.json that belongs to the model: ?tokenizer=PATH",
            ) from None
        return log_odds(logits, str(self._files[0]))


def _logits_of(session: Any, model: Path) -> str:
    """The output that holds logits: called so, or the only one that can be."""
    outputs = session.get_outputs()
    named = [put for put in outputs if put.name == "logits"]
    flat = [put for put in outputs if len(put.shape) <= 2]
    for put in [*named, *flat]:
        classes = put.shape[-1] if len(put.shape) == 2 else 1
        if isinstance(classes, str) or classes is None or classes in (1, 2):
            return str(put.name)
        raise refused_outputs(classes, str(model))
    raise DataError(
        f"no output of the graph is a score a pair: {[(p.name, p.shape) for p in outputs]}",
        where=str(model),
        fix="this looks like an encoder; export a cross-encoder's logits",
    )
