"""A reranker from an ONNX file and its tokenizer.json: onnxruntime on the CPU, no torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from negatives.arrays import Floats
from negatives.errors import DataError
from negatives.models.onnx import OnnxGraph
from negatives.models.pair_batches import log_odds, refused_outputs, score_pairs
from negatives.models.reranker import Pair

BUDGET: Final = 1024
"""Pieces a batch, padding included."""


class OnnxReranker(OnnxGraph):
    """A graph that gives one logit a pair, or two: irrelevant, relevant.

    Of a pair that is too long, the longer text is cut.
    """

    sort = "reranker"
    does = "score a pair"
    longest = 512  # what cross-encoders use

    @property
    def fingerprint(self) -> str:
        """Hash of the model and of its tokenizer."""
        return f"onnx-pairs-{self.digest}"

    def score(self, pairs: Sequence[Pair]) -> Floats:
        """float32[pairs] log-odds."""
        return score_pairs(
            pairs,
            self._read,
            self._compute,
            budget=BUDGET,
            where=self.where,
            workers=self._threads,
        )

    def _compute(self, split: list[Any]) -> Floats:
        return log_odds(self._run(split)[0], self.where)

    def _chosen(self, outputs: list[Any]) -> str:
        """The output that holds logits: called so, or the only one that can be."""
        named = [put for put in outputs if put.name == "logits"]
        flat = [put for put in outputs if len(put.shape) <= 2]
        for put in [*named, *flat]:
            classes = put.shape[-1] if len(put.shape) == 2 else 1
            if isinstance(classes, str) or classes is None or classes in (1, 2):
                return str(put.name)
            raise refused_outputs(classes, self.where)
        raise DataError(
            f"no output of the graph is a score a pair: {[(p.name, p.shape) for p in outputs]}",
            where=self.where,
            fix="this looks like an encoder; export a cross-encoder's logits",
        )
