"""A float ONNX model made 8-bit: its matrix products become products of whole numbers.

onnxruntime's dynamic quantisation: weights once, a scale a column, 7 bits (with 8, processors
without VNNI overflow where two products are added in 16 bits); inputs at each call, 8 bits, one
scale for the whole batch. That scale makes a text's vector depend a little on the texts of its
batch, and so on the list it was given with; never on threads or on time.

One scale a batch suits inputs whose columns are alike. Two cares for those that are not:
columns are evened out before the product and the weights' rows by the reciprocal (Xiao et al.
2023, SmoothQuant, equation 4), by the largest values that texts of the bundled sample give; and
products that narrow (the second of a feed-forward layer) stay float, for single columns of the
activations they read are ten times the others.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from negatives.arrays import Floats
from negatives.errors import DataError
from negatives.events import Emit, Noted, Warned, silent
from negatives.models.onnx import OnnxEncoder, open_session, tokenizer_of
from negatives.optional import require
from negatives.read import load
from negatives.stats.lengths import normalised
from negatives.store.atomic import file_hash, write_text, writing
from negatives.store.onnx_models import made_folder

EVENNESS: Final = 0.5
"""SmoothQuant's alpha: how much of the unevenness goes from the inputs into the weights."""

LOOKED_AT: Final = 100
"""Texts whose largest inputs are taken."""

COMPARED: Final = 500
"""Other texts, whose neighbours among each other are compared with the float model's."""

DEPTH: Final = 10
CHARACTERS: Final = 120
"""Of each compared text: the agreement is that of short texts."""

ENOUGH: Final = 0.95
"""Agreement below which the user is warned."""

SETTINGS: Final = f"per-channel, 7 bits, narrowing float, {EVENNESS}, {LOOKED_AT}, 1"


def open_int8(
    model: Path,
    *,
    tokenizer: Path | None = None,
    threads: int = 1,
    emit: Emit = silent,
    prompt: str = "",
    name: str = "",
) -> OnnxEncoder:
    """The 8-bit encoder of a float `model`, made and compared with it the first time.

    Kept in the folder `quantised` of the user's cache, under a hash of model, tokenizer, version of
    onnxruntime and settings, with its agreement beside it in a .json: the share of the `DEPTH`
    nearest neighbours that are the float model's too, over `COMPARED` short English texts. Told as
    `Noted`, and as `Warned` below `ENOUGH`. With NEGATIVES_CACHE=off it is made anew. `prompt`: as
    of `OnnxEncoder`; `name`: what the user calls the model, else its file's.
    """
    if not model.is_file():
        raise DataError(f"there is no encoder at {str(model)!r}", fix="give an existing file")
    pieces = tokenizer_of(model) if tokenizer is None else tokenizer
    name = name or model.name
    with made_folder("quantised") as folder:
        key = _key(model, pieces, prompt)
        made, told = folder / f"{key}.onnx", folder / f"{key}.json"
        if not made.is_file():
            _quantise(model, pieces, made)
        encoder = OnnxEncoder(
            made,
            tokenizer=pieces,
            threads=threads,
            fingerprint=f"onnx-int8-{key}",
            prompt=prompt,
        )
        if not told.is_file():
            exact = OnnxEncoder(model, tokenizer=pieces, threads=threads, prompt=prompt)
            agreement = _agreement(exact, encoder)
            write_text(told, json.dumps({"agreement": round(agreement, 4), "texts": COMPARED}))
        measured = json.loads(told.read_text("utf-8"))
    emit(Noted(f"int8 {name.removesuffix('.onnx')}", measured))
    if measured["agreement"] < ENOUGH:
        emit(
            Warned(
                f"{name} in 8 bits keeps {measured['agreement']:.0%} of the float model's "
                f"{DEPTH} nearest neighbours; without ?int8 it is exact, and slower"
            )
        )
    return encoder


def _key(model: Path, tokenizer: Path, prompt: str) -> str:
    version = require("onnxruntime", extra="onnx").__version__
    parts = [file_hash(model), file_hash(tokenizer), version, SETTINGS, *filter(None, [prompt])]
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()


def _quantise(model: Path, tokenizer: Path, into: Path) -> None:
    onnx = require("onnx", extra="onnx")
    tools = require("onnxruntime.quantization", extra="onnx")
    encoder = OnnxEncoder(model, tokenizer=tokenizer)  # a clear error for what is no text encoder
    graph = onnx.load(str(model))
    products = _products(onnx, graph.graph)
    if not products:
        raise DataError(
            "the graph has no products with float weights to make 8-bit",
            where=str(model),
            fix="leave out ?int8 where the model is quantised already",
        )
    largest = _largest_inputs(onnx, graph, sorted({n.input[0] for n in products}), encoder)
    _even_out(onnx, graph.graph, products, largest)
    tools.quant_utils.add_pre_process_metadata(graph)  # else it writes advice to the log
    with writing(into) as temporary:
        tools.quantize_dynamic(
            graph,
            str(temporary),
            op_types_to_quantize=["MatMul"],
            nodes_to_quantize=[node.name for node in products],
            per_channel=True,
            reduce_range=True,
            weight_type=tools.QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True, "DefaultTensorType": 1},
        )


def _products(onnx: Any, graph: Any) -> list[Any]:
    """The products of an input and float32 weights that do not narrow, each with a name."""
    shapes = {
        weights.name: tuple(weights.dims)
        for weights in graph.initializer
        if weights.data_type == onnx.TensorProto.FLOAT and len(weights.dims) == 2
    }
    found = []
    for number, node in enumerate(graph.node):
        if node.op_type == "MatMul" and node.input[1] in shapes:
            node.name = node.name or f"product_{number}"
            rows, columns = shapes[node.input[1]]
            if rows <= columns:
                found.append(node)
    return found


def _largest_inputs(
    onnx: Any, model: Any, names: list[str], encoder: OnnxEncoder
) -> dict[str, Floats]:
    """Of each named tensor, the largest absolute value a column over texts of the sample."""
    looked_at = onnx.ModelProto()
    looked_at.CopyFrom(model)
    known = {put.name for put in looked_at.graph.output}
    looked_at.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        for name in names
        if name not in known
    )
    session = open_session(looked_at.SerializeToString())
    asked = [put.name for put in session.get_inputs()]
    largest: dict[str, Floats] = {}
    for text in _texts()[:LOOKED_AT]:
        fed = encoder.feeds(text)
        tensors = session.run(names, {name: fed[name] for name in asked})
        for name, tensor in zip(names, tensors, strict=True):
            peak = np.abs(tensor.reshape(-1, tensor.shape[-1])).max(axis=0)
            largest[name] = np.maximum(peak, largest.get(name, np.float32(0)))
    return largest


def _even_out(onnx: Any, graph: Any, products: list[Any], largest: dict[str, Floats]) -> None:
    """Divide the columns of the products' inputs, and multiply the weights' rows to match.

    Products of the same input share one division; weights that others read too stay as they are.
    """
    weights = {put.name: put for put in graph.initializer}
    named = {node.name for node in products}
    others = {name for node in graph.node if node.name not in named for name in node.input}
    even: dict[str, Any] = {}
    for name, peak in largest.items():
        readers = [node for node in products if node.input[0] == name]
        tables = {node.input[1]: weights[node.input[1]] for node in readers}
        shared = [n for n in products if n.input[1] in tables and n.input[0] != name]
        if shared or others & tables.keys():
            continue
        values = {key: onnx.numpy_helper.to_array(table) for key, table in tables.items()}
        heavy = np.max([np.abs(table).max(axis=1) for table in values.values()], axis=0)
        factor = np.maximum(peak, 1e-5) ** EVENNESS / np.maximum(heavy, 1e-5) ** (1 - EVENNESS)
        factor = (factor / np.exp(np.log(factor).mean())).astype(np.float32)
        for key, table in values.items():
            tables[key].CopyFrom(onnx.numpy_helper.from_array(table * factor[:, None], key))
        reciprocal = onnx.numpy_helper.from_array(1 / factor, f"{name}_reciprocal")
        graph.initializer.append(reciprocal)
        for node in readers:
            node.input[0] = f"{name}_even"
        even[readers[0].name] = onnx.helper.make_node(
            "Mul", [name, reciprocal.name], [f"{name}_even"], name=f"{name}_even_out"
        )
    ordered = [part for node in graph.node for part in (even.get(node.name), node) if part]
    del graph.node[:]
    graph.node.extend(ordered)


def _texts() -> list[str]:
    corpus = load("cranfield").corpus
    return corpus.filter(pl.col("text").str.len_chars() > CHARACTERS)["text"].to_list()


def _agreement(exact: OnnxEncoder, made: OnnxEncoder) -> float:
    """Mean share of the `DEPTH` nearest texts of each text that are the same in both."""
    texts = [text[:CHARACTERS] for text in _texts()[LOOKED_AT : LOOKED_AT + COMPARED]]
    near, other = (_neighbours(encoder.encode(texts).vectors) for encoder in (exact, made))
    same = (near[:, :, None] == other[:, None, :]).any(axis=2)
    return float(same.mean())


def _neighbours(vectors: Floats) -> Any:
    unit = normalised(vectors)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    return np.argsort(-cosines, axis=1, kind="stable")[:, :DEPTH]
