"""An encoder from an ONNX file and its tokenizer.json: onnxruntime on the CPU, no torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Floats
from negatives.errors import DataError
from negatives.faults import raise_spent
from negatives.models.batching import Read, encode_batches, encode_once
from negatives.models.encoder import Encoded
from negatives.models.model_folder import check_settings
from negatives.models.reading import Reading, reading_of
from negatives.optional import require
from negatives.read.files import telling
from negatives.store.atomic import file_hash

BUDGET = 512
"""Pieces a batch, padding included: what a layer makes of them stays in a core's share of the
cache."""

FEEDS = ("input_ids", "attention_mask", "token_type_ids")
_SENTENCE = ("sentence_embedding", "embeddings", "sentence_embeddings")


class OnnxGraph(ABC):
    """A graph and its tokenizer, which are given texts, or pairs of texts.

    `tokenizer`: where tokenizer.json is; else beside the model, else in the folder above. A text
    is cut at the tokenizer's stated limit, else at `longest` pieces. `threads`: batches computed at
    the same time, each on one core, so that cores never wait for each other; they change no bit.
    """

    sort: ClassVar[str]
    """What it is, and what it does with a text or a pair, for messages."""
    does: ClassVar[str]
    longest: ClassVar[int]
    """Pieces a text may have where the tokenizer states no limit."""

    def __init__(self, model: Path, *, tokenizer: Path | None = None, threads: int = 1) -> None:
        if not model.is_file():
            raise DataError(
                f"there is no {self.sort} at {str(model)!r}", fix="give an existing file"
            )
        self._files = (model, tokenizer_of(model) if tokenizer is None else tokenizer)
        self._tokenizer = open_tokenizer(self._files[1], self.longest)
        self._threads = threads
        self._session = open_session(model)
        self._feeds = feeds_of(self._session, model)
        self._output = self._chosen(self._session.get_outputs())

    @property
    def where(self) -> str:
        """The file of the graph."""
        return str(self._files[0])

    @cached_property
    def digest(self) -> str:
        """Hashes of the model and of its tokenizer."""
        return "-".join(file_hash(path) for path in self._files)

    @abstractmethod
    def _chosen(self, outputs: list[Any]) -> str:
        """The output to be computed; `DataError` where none is of use."""

    def _read(self, texts: list[Any]) -> Read[Any]:
        return Read.by(self._tokenizer, texts)

    def _run(self, split: list[Any]) -> tuple[NDArray[Any], dict[str, NDArray[np.int64]]]:
        """What the graph makes of texts that the tokenizer has split, and what it was given."""
        given = fed(split)
        try:
            (made,) = self._session.run([self._output], {name: given[name] for name in self._feeds})
        except Exception as error:  # onnxruntime has no common exception
            raise_spent(error)
            raise DataError(
                f"the model could not {self.does} of {given['input_ids'].shape[1]} pieces: {error}",
                where=self.where,
                fix="give the tokenizer.json that belongs to the model: ?tokenizer=PATH",
            ) from None
        return made, given


class OnnxEncoder(OnnxGraph):
    """Mean of the last hidden states over the text's pieces, or the graph's own 2-D output.

    The vectors are not normalised to length 1. `fingerprint`: what to say instead of the hash of
    the files. `prompt`: what the model is configured to put before each text.
    """

    sort = "encoder"
    does = "encode a text"
    longest = 256  # what sentence encoders use

    def __init__(
        self,
        model: Path,
        *,
        tokenizer: Path | None = None,
        threads: int = 1,
        fingerprint: str = "",
        prompt: str = "",
    ) -> None:
        super().__init__(model, tokenizer=tokenizer, threads=threads)
        self._fingerprint = fingerprint
        self._prompt = prompt

    @cached_property
    def dim(self) -> int:
        """Width of the vectors."""
        return int(self._compute(list(self._read(["width"]).pieces)).shape[1])

    @property
    def fingerprint(self) -> str:
        """Hash of the model and of its tokenizer."""
        return self._fingerprint or f"onnx-{self.digest}"

    def encode(self, texts: Sequence[str]) -> Encoded:
        """A vector of each text, which does not depend on the number of threads."""
        return encode_once(
            texts,
            lambda distinct: encode_batches(
                distinct, self.dim, self._read, self._compute, budget=BUDGET, workers=self._threads
            ),
        )

    def reading(self, texts: Sequence[str]) -> Reading:
        """What of each text the tokenizer has pieces for."""
        return reading_of(self._tokenizer, texts)

    def feeds(self, text: str) -> dict[str, NDArray[np.int64]]:
        """What the graph is given for one text: int64[1, pieces] each."""
        return fed(list(self._read([text]).pieces))

    def _read(self, texts: list[str]) -> Read[Any]:
        return super()._read([self._prompt + text for text in texts] if self._prompt else texts)

    def _compute(self, split: list[Any]) -> Floats:
        states, given = self._run(split)
        if states.ndim == 2:
            return np.asarray(states, np.float32)
        mask = given["attention_mask"].astype(np.float32)
        means = np.einsum("tpd,tp->td", states.astype(np.float32), mask)
        return np.asarray(means / np.maximum(mask.sum(axis=1, keepdims=True), 1), np.float32)

    def _chosen(self, outputs: list[Any]) -> str:
        """A sentence output (2-D) where the graph has one, else its hidden states (3-D)."""
        axes = {str(put.name): len(put.shape) for put in outputs if not _is_scores(put)}
        named = [name for name in axes if name in _SENTENCE and axes[name] == 2]
        usable = [*named, *(name for size in (3, 2) for name in axes if axes[name] == size)]
        if usable:
            return usable[0]
        raise DataError(
            "no output of the graph is a vector a text or a piece: "
            f"{[(str(put.name), len(put.shape)) for put in outputs]}",
            where=self.where,
            fix="export the encoder's last_hidden_state or sentence embedding",
        )


def _is_scores(put: Any) -> bool:
    """Whether an output is what a head makes of a text or a pair: words, classes, a score."""
    return put.name == "logits" or (len(put.shape) == 2 and put.shape[-1] in (1, 2))


def open_session(model: Path | bytes) -> Any:
    """A session that computes each call on the calling thread, one core."""
    onnxruntime = require("onnxruntime", extra="onnx")
    if isinstance(model, Path):
        check_settings(model.parent)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors, which are raised as well; else it writes on stderr
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    graph, where = (str(model), model) if isinstance(model, Path) else (model, "")
    fix = "export the model again; negatives reads float models of texts"
    with telling("not a usable ONNX model", where, fix):
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def feeds_of(session: Any, model: Path) -> list[str]:
    """Which of `FEEDS` the graph asks for; `DataError` where it asks for anything else."""
    feeds = [str(put.name) for put in session.get_inputs()]
    strange = sorted(set(feeds) - set(FEEDS))
    if strange or "input_ids" not in feeds:
        raise DataError(
            f"the graph asks for {', '.join(strange) or 'no input_ids'}",
            where=str(model),
            fix=f"export a text encoder whose inputs are among {', '.join(FEEDS)}",
        )
    return feeds


def fed(split: list[Any]) -> dict[str, NDArray[np.int64]]:
    """int64[texts, pieces] of each of `FEEDS`, from what a tokenizer made of texts or of pairs."""
    width = max(1, *map(len, split))
    made: dict[str, NDArray[np.int64]] = {
        name: np.zeros((len(split), width), np.int64) for name in FEEDS
    }
    for row, pieces in enumerate(split):
        made["input_ids"][row, : len(pieces)] = pieces.ids
        made["attention_mask"][row, : len(pieces)] = 1
        made["token_type_ids"][row, : len(pieces)] = pieces.type_ids
    return made


def tokenizer_of(model: Path) -> Path:
    """The tokenizer.json beside a model, or in the folder above."""
    for folder in (model.parent, model.parent.parent):
        if (folder / "tokenizer.json").is_file():
            return folder / "tokenizer.json"
    raise DataError(
        "no tokenizer.json beside the model, nor in the folder above",
        where=str(model),
        fix=f"put it there, or name it: {model}?tokenizer=PATH",
    )


def open_tokenizer(path: Path, longest: int) -> Any:
    """The tokenizer of a tokenizer.json; it cuts at its stated limit, else at `longest` pieces."""
    tokenizers = require("tokenizers", extra="onnx")
    if not path.is_file():
        raise DataError(f"there is no tokenizer at {str(path)!r}", fix="give an existing file")
    check_settings(path.parent)
    fix = "copy tokenizer.json from the model that the .onnx file was made of"
    with telling("not a usable tokenizer.json", path, fix):
        tokenizer = tokenizers.Tokenizer.from_file(str(path))
    stated = (tokenizer.truncation or {}).get("max_length", longest)
    tokenizer.no_padding()
    tokenizer.enable_truncation(stated)
    return tokenizer
