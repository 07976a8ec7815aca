"""The encoder in the package: what it promises for any text, and that it ranks real ones well."""

from __future__ import annotations

import random
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from negatives.errors import DataError
from negatives.models.static import BUNDLED, PIECES, TABLE, StaticEncoder

ENCODER = StaticEncoder()
TEXTS = ["Heat transfer in hypersonic flow", "the wing", "", "Ωμέγα", "bread, butter; jam", "  \n"]
words = st.sampled_from(["flow", "heat", "Wing", "naïve", "aeroelastic", "数", "", "  ", "?", "42"])
texts = st.lists(st.lists(words, max_size=12).map(" ".join) | st.text(max_size=40), max_size=12)


def tiny(folder: Path, table: list[list[int]], pieces: list[str]) -> Path:
    rows = np.array(table, np.int8)
    save_file({"table": rows, "scale": np.full(len(rows), 0.5, np.float32)}, folder / TABLE)
    (folder / PIECES).write_text("\n".join(pieces) + "\n", "utf-8")
    return folder


def test_a_vector_is_the_mean_of_its_pieces_rows(tmp_path: Path) -> None:
    encoder = StaticEncoder(tiny(tmp_path, [[2, 0], [0, 4], [6, 6]], ["heat", "flow", "##s"]))
    made = encoder.encode(["Heat flow", "flows", "heat HEAT"]).vectors
    np.testing.assert_array_equal(made, np.array([[0.5, 1.0], [1.5, 2.5], [1.0, 0.0]], np.float32))


def test_a_text_without_a_known_piece_gets_the_mean_of_the_table(tmp_path: Path) -> None:
    encoder = StaticEncoder(tiny(tmp_path, [[2, 0], [0, 4]], ["heat", "flow"]))
    np.testing.assert_array_equal(
        encoder.encode(["wing"]).vectors, np.array([[0.5, 1.0]], np.float32)
    )


def test_only_an_empty_text_gets_zeros() -> None:
    made = ENCODER.encode([*TEXTS, "漢字", "\u200b", "ﷺ", "🙂"]).vectors
    zero = ~made.any(axis=1)
    assert zero.tolist() == [False, False, True, False, False, True, False, False, False, False]


def test_of_a_long_text_the_first_pieces_count(tmp_path: Path) -> None:
    folder = tiny(tmp_path, [[2, 0], [0, 4]], ["heat", "flow"])
    made, cut = StaticEncoder(folder, max_pieces=2).encode(["heat heat flow", "heat heat", ""])
    np.testing.assert_array_equal(made[:2], np.array([[1.0, 0.0], [1.0, 0.0]], np.float32))
    assert cut.tolist() == [True, False, False]


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(texts, st.integers(0, 12))
def test_a_vector_does_not_depend_on_its_neighbours_to_the_bit(many: list[str], at: int) -> None:
    together = ENCODER.encode(many).vectors
    split = np.concatenate([ENCODER.encode(many[:at]).vectors, ENCODER.encode(many[at:]).vectors])
    alone = [ENCODER.encode([text]).vectors[0] for text in many]
    assert together.tobytes() == split.tobytes()
    assert all(one.tobytes() == row.tobytes() for one, row in zip(alone, together, strict=True))


@pytest.mark.slow
def test_long_and_short_texts_mixed_do_not_change_a_vector_either() -> None:
    draw = random.Random(0)
    vocabulary = (BUNDLED / PIECES).read_text("utf-8").split()
    many = [" ".join(draw.choices(vocabulary, k=draw.choice((1, 20, 400)))) for _ in range(120)]
    together = ENCODER.encode(many).vectors
    assert (
        together.tobytes() == np.concatenate([ENCODER.encode([t]).vectors for t in many]).tobytes()
    )
    order = draw.sample(range(len(many)), len(many))
    assert ENCODER.encode([many[i] for i in order]).vectors.tobytes() == together[order].tobytes()


@pytest.mark.slow
@settings(deadline=None)
@given(texts)
def test_vectors_are_finite_and_of_the_stated_shape(many: list[str]) -> None:
    made = ENCODER.encode(many).vectors
    assert made.shape == (len(many), ENCODER.dim)
    assert made.dtype == np.float32
    assert np.isfinite(made).all()


def test_case_and_accents_do_not_matter() -> None:
    one, two = ENCODER.encode(["Café NAÏVE", "cafe naive"]).vectors
    assert one.tobytes() == two.tobytes()


def test_related_texts_are_closer_than_unrelated_ones() -> None:
    made = ENCODER.encode(
        ["heart attack symptoms", "cardiac arrest signs", "compile a C program"]
    ).vectors
    near, far = made[0] @ made[1:].T / np.linalg.norm(made[1:], axis=1)
    assert near > far


def test_the_fingerprint_is_that_of_the_weights(tmp_path: Path) -> None:
    one = StaticEncoder(tiny(tmp_path, [[2, 0]], ["heat"])).fingerprint
    assert StaticEncoder(tmp_path).fingerprint == one
    assert StaticEncoder(tmp_path, max_pieces=3).fingerprint != one
    assert StaticEncoder(tiny(tmp_path, [[2, 1]], ["heat"])).fingerprint != one


def test_a_damaged_table_is_one_clear_error(tmp_path: Path) -> None:
    tiny(tmp_path, [[2, 0], [0, 4]], ["heat", "flow"])
    (tmp_path / TABLE).write_bytes((tmp_path / TABLE).read_bytes()[:-1])
    with pytest.raises(DataError, match=r"no static encoder could be read(.|\n)*reinstall"):
        StaticEncoder(tmp_path)
    with pytest.raises(DataError, match="2 rows in the table and 1 pieces"):
        StaticEncoder(tiny(tmp_path, [[2, 0], [0, 4]], ["heat"]))


def test_it_takes_no_more_than_8_mb_of_the_wheel(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "wheel.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in BUNDLED.iterdir():
            archive.write(path, path.name)
    assert (tmp_path / "wheel.zip").stat().st_size <= 8_000_000


def test_the_table_holds_no_zero_row_and_no_piece_twice() -> None:
    tensors = load_file(BUNDLED / TABLE)
    pieces = (BUNDLED / PIECES).read_text("utf-8").splitlines()
    assert len(set(pieces)) == len(pieces) == len(tensors["table"])
    assert tensors["table"].any(axis=1).all()
    assert (tensors["scale"] > 0).all()


@pytest.mark.slow
def test_it_needs_no_torch_and_no_model2vec() -> None:
    code = (
        "import sys; from negatives.models.open_encoder import open_encoder;"
        "open_encoder('static').encode(['heat']);"
        "print(sorted({'torch', 'model2vec', 'onnxruntime', 'openai'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
