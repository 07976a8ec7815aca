"""Exporting a sentence-transformers model to ONNX by torch, and comparing the two.

The whole model becomes one graph: the transformer, pooling, and what else makes a text's vector of
its pieces' states. Nothing of the model's folder is run, and only safetensors weights are read.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np

from negatives.arrays import Floats
from negatives.errors import DataError
from negatives.faults import raise_spent
from negatives.models.onnx import FEEDS, OnnxEncoder
from negatives.models.sentence_transformers import MEND
from negatives.models.torch_model import both_sides, loaded, piece_counter
from negatives.optional import require, torch
from negatives.stats.lengths import normalised
from negatives.store.atomic import write_json
from negatives.store.onnx_models import ABOUT, MODEL, TOKENIZER, AboutModel, model_files

OPSET: Final = 17
"""The version of ONNX's operators: one that every supported onnxruntime has."""

FURTHEST: Final = 1e-3
"""A cosine further than this from 1 is another vector."""

TEXTS: Final = (
    "how is heat transferred in hypersonic flow",
    "Aerodynamic HEATING at high speed",
    "wing",
    "  spaces before, a\ttab, and an end of a line\n",
    "Ωμέγα 数 🙂 naïve façade",
    "numbers 12.5 and signs: (a+b)/c = 3%",
    "the lift of a wing in a slipstream, of which much is known. " * 12,
    "a text that is longer than the model reads, whatever its limit is. " * 120,
)
"""What the two are compared on: short and long, padded and cut, letters that are no letters."""

_PACKAGES: Final = ("torch", "transformers", "sentence-transformers", "onnx")


def export(name: str, source: Path, into: Path, threads: int) -> AboutModel:
    """Write the model in `source`, which the user called `name`, into the folder `into`.

    Raises `DataError`, naming `--encoder NAME` as the way that works, where there is no graph of
    the model or its vectors are not the model's.
    """
    if (source / "adapter_config.json").exists():
        raise _refused("it is an adapter to another model", name)
    require("onnx", extra="onnx")
    # Attention in plain products: torch's own kernel has no counterpart in every version of ONNX.
    model = loaded(
        str(source), "SentenceTransformer", threads=threads, device="cpu", what="encoder", fix=MEND,
        attention="eager",
    )  # fmt: skip
    prompt = model.prompts.get(model.default_prompt_name) or "" if model.default_prompt_name else ""
    tokenizer = piece_counter(model, model.max_seq_length)
    if both_sides(model) is not None:
        raise _refused("it has one model of queries and another of documents", name)
    if tokenizer is None or getattr(model[0], "auto_model", None) is None:
        raise _refused("it is no transformer with a tokenizer.json", name)
    tokenizer.save(str(into / TOKENIZER))
    expected = np.asarray(model.encode(list(TEXTS), show_progress_bar=False), np.float32)
    try:
        _write_graph(model.float(), prompt, into / MODEL)
        made = OnnxEncoder(into / MODEL, threads=threads, fingerprint="exported", prompt=prompt)
        vectors = made.encode(TEXTS).vectors
    except Exception as error:  # torch, the model and onnxruntime each have their own
        raise_spent(error)
        raise _refused(_first_line(error), name) from None
    cosine = _least_cosine(expected, vectors)
    if not cosine >= 1 - FURTHEST:  # what is no number is refused too
        raise _refused(
            f"the exported vectors are not the model's (cosine {cosine:.4f} on one of "
            f"{len(TEXTS)} texts)",
            name,
        )
    about = AboutModel(
        name=name,
        prompt=prompt,
        dim=vectors.shape[1],
        files=model_files(into),
        cosine=round(cosine, 6),
        texts=len(TEXTS),
        versions={package: version(package) for package in _PACKAGES},
    )
    write_json(into / ABOUT, about)
    return about


def _write_graph(model: Any, prompt: str, path: Path) -> None:
    """The graph from a text's pieces to its vector, for any number of texts and pieces."""
    fed = model.preprocess([prompt + text for text in TEXTS[:4]])
    names = [name for name in FEEDS if name in fed]
    constant = {name: value for name, value in fed.items() if not torch.is_tensor(value)}
    if strange := sorted(fed.keys() - {*names, *constant}):
        raise ValueError(f"it is given {', '.join(strange)}")

    class Vectors(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *tensors: Any) -> Any:
            features = {**constant, **dict(zip(names, tensors, strict=True))}
            for part in self.model.children():
                features = part(features)
            return features["sentence_embedding"]

    axes = {name: {0: "texts", 1: "pieces"} for name in names}
    with _quiet(), torch.no_grad():
        torch.onnx.export(
            Vectors().eval(),
            tuple(fed[name] for name in names),
            str(path),
            input_names=names,
            output_names=["sentence_embedding"],
            dynamic_axes={**axes, "sentence_embedding": {0: "texts"}},
            opset_version=OPSET,
            dynamo=False,  # the other way needs a library more
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings of tracing: whether a graph is right is found by comparing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _least_cosine(expected: Floats, made: Floats) -> float:
    if expected.shape != made.shape:
        return float("nan")
    return float((normalised(expected) * normalised(made)).sum(axis=1).min())


def _first_line(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:200]


def _refused(why: str, name: str) -> DataError:
    return DataError(
        f"this model cannot be exported to ONNX: {why}",
        where=name,
        fix=f"--encoder {name}: torch computes it, with the same vectors and more slowly",
    )
