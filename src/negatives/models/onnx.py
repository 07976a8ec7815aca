"""An encoder from an ONNX file and its tokenizer.json: onnxruntime on the CPU, no torch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from negatives.errors import DataError
from negatives.models.encoder import Encoded
from negatives.optional import require
from negatives.schema import Floats
from negatives.store.atomic import file_hash

BATCH = 32
"""Texts a batch; they are sorted by length first, so that little of a batch is padding."""

LONGEST = 256
"""Pieces a text may have where the tokenizer states no limit: what sentence encoders use."""

FEEDS = ("input_ids", "attention_mask", "token_type_ids")


class OnnxEncoder:
    """Mean of the last hidden states over the text's pieces, or the graph's own 2-D output.

    `tokenizer`: where tokenizer.json is; else beside the model, else in the folder above. A text
    is cut at the tokenizer's stated limit, else at `LONGEST` pieces. `threads`: cores of one batch.
    The vectors are not normalised to length 1.
    """

    def __init__(self, model: Path, *, tokenizer: Path | None = None, threads: int = 1) -> None:
        if not model.is_file():
            raise DataError(f"there is no encoder at {str(model)!r}", mend="give an existing file")
        self._files = (model, _tokenizer_of(model) if tokenizer is None else tokenizer)
        self._tokenizer = _open_tokenizer(self._files[1])
        onnxruntime = require("onnxruntime", extra="onnx")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(
                str(model), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime has no common exception
            raise DataError(f"not a usable ONNX model: {error}", where=str(model)) from None
        self._feeds = [put.name for put in self._session.get_inputs()]
        strange = sorted(set(self._feeds) - set(FEEDS))
        if strange or "input_ids" not in self._feeds:
            raise DataError(
                f"the graph asks for {', '.join(strange) or 'no input_ids'}",
                where=str(model),
                mend=f"export a text encoder whose inputs are among {', '.join(FEEDS)}",
            )
        self._output = _output_of(self._session, model)

    @cached_property
    def dim(self) -> int:
        """Width of the vectors."""
        return int(self._encode_batch(["width"]).shape[1])

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the model and of its tokenizer."""
        return "onnx-" + "-".join(file_hash(path) for path in self._files)

    def encode(self, texts: Sequence[str]) -> Encoded:
        """A vector of each text."""
        vectors = np.empty((len(texts), self.dim), np.float32)
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            vectors[rows] = self._encode_batch([texts[row] for row in rows])
        return Encoded(vectors, np.zeros(len(texts), bool))

    def _encode_batch(self, texts: list[str]) -> Floats:
        split = self._tokenizer.encode_batch(texts)
        width = max(1, *(len(pieces.ids) for pieces in split))
        fed: dict[str, NDArray[np.int64]] = {
            name: np.zeros((len(texts), width), np.int64) for name in FEEDS
        }
        for row, pieces in enumerate(split):
            fed["input_ids"][row, : len(pieces.ids)] = pieces.ids
            fed["attention_mask"][row, : len(pieces.ids)] = 1
            fed["token_type_ids"][row, : len(pieces.ids)] = pieces.type_ids
        try:
            (states,) = self._session.run([self._output], {name: fed[name] for name in self._feeds})
        except Exception as error:  # onnxruntime has no common exception
            raise DataError(
                f"the model could not encode a text of {width} pieces: {error}",
                where=str(self._files[0]),
                mend="give the tokenizer.json that belongs to the model: ?tokenizer=PATH",
            ) from None
        if states.ndim == 2:
            return np.asarray(states, np.float32)
        mask = fed["attention_mask"].astype(np.float32)
        means = np.einsum("tpd,tp->td", states.astype(np.float32), mask)
        return np.asarray(means / np.maximum(mask.sum(axis=1, keepdims=True), 1), np.float32)


def _tokenizer_of(model: Path) -> Path:
    for folder in (model.parent, model.parent.parent):
        if (folder / "tokenizer.json").is_file():
            return folder / "tokenizer.json"
    raise DataError(
        "no tokenizer.json beside the model, nor in the folder above",
        where=str(model),
        mend=f"put it there, or name it: {model}?tokenizer=PATH",
    )


def _open_tokenizer(path: Path) -> Any:
    tokenizers = require("tokenizers", extra="onnx")
    if not path.is_file():
        raise DataError(f"there is no tokenizer at {str(path)!r}", mend="give an existing file")
    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises plain Exception
        raise DataError(f"not a usable tokenizer.json: {error}", where=str(path)) from None
    stated = (tokenizer.truncation or {}).get("max_length", LONGEST)
    tokenizer.no_padding()
    tokenizer.enable_truncation(stated)
    return tokenizer


def _output_of(session: Any, model: Path) -> str:
    """A sentence output (2-D) where the graph has one, else its hidden states (3-D)."""
    outputs = [(put.name, len(put.shape)) for put in session.get_outputs()]
    for name, axes in outputs:
        if axes == 2 and name in ("sentence_embedding", "embeddings", "sentence_embeddings"):
            return str(name)
    for name, axes in outputs:
        if axes == 3:
            return str(name)
    for name, axes in outputs:
        if axes == 2:
            return str(name)
    raise DataError(
        f"no output of the graph is a vector a text or a piece: {outputs}",
        where=str(model),
        mend="export the encoder's last_hidden_state or sentence embedding",
    )
