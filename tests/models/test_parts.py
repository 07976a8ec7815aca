"""Long texts by parts: any encoder, the mean of what it makes of each part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.errors import RecipeError
from negatives.models.encoder import Encoded
from negatives.models.open_encoder import open_encoder
from negatives.models.parts import PartsEncoder, parts_of, taken_apart


class Lengths:
    """A vector of each text: its words, and the characters of the last one."""

    dim = 2
    fingerprint = "lengths"

    def encode(self, texts: Sequence[str]) -> Encoded:
        made = [[len(text.split()), len((text.split() or [""])[-1])] for text in texts]
        return Encoded(
            np.array(made, np.float32).reshape(-1, 2), np.array(["x" in t for t in texts])
        )


def test_a_text_of_one_part_has_the_vector_of_the_encoder_itself() -> None:
    texts = ["wings lift", "", "heat passes a plate"]
    flat, parts = open_encoder("static"), open_encoder("parts:50:static")
    assert np.array_equal(flat.encode(texts).vectors, parts.encode(texts).vectors)
    assert parts.dim == flat.dim
    assert parts.fingerprint == f"parts-50-{flat.fingerprint}"


@pytest.mark.recipe("ecthr-pcr")
def test_a_longer_text_has_the_mean_of_its_parts_in_any_order() -> None:
    encoder = PartsEncoder(Lengths(), 2)
    found = encoder.encode(["a bb cc d eee", "eee a bb cc d", "short", "a b x"])
    assert found.vectors[0].tolist() == pytest.approx([(2 + 2 + 1) / 3, (2 + 1 + 3) / 3])
    assert found.truncated.tolist() == [False, False, False, True]
    flat = open_encoder("static")
    one, other = "wings lift planes up", "heat passes metal plates"
    made = PartsEncoder(flat, 4).encode([f"{one} {other}", f"{other} {one}"]).vectors
    assert np.allclose(made[0], flat.encode([one, other]).vectors.mean(axis=0), atol=1e-6)
    assert np.allclose(made[0], made[1], atol=1e-6)


@given(st.text("ab漢字 \n\t", max_size=40), st.integers(1, 5))
def test_parts_hold_all_words_and_no_more_than_asked(text: str, words: int) -> None:
    parts = parts_of(text, words)
    assert "".join("".join(parts).split()) == "".join(text.split())
    for part in parts if len(parts) > 1 else []:
        spaced = part.replace("漢", " 漢 ").replace("字", " 字 ").split()
        assert 1 <= len(spaced) <= words
    assert len(parts) <= max(1, len(text))


def test_no_text_is_no_vector() -> None:
    assert PartsEncoder(Lengths()).encode([]).vectors.shape == (0, 2)


def test_what_names_no_parts_or_no_encoder_is_refused() -> None:
    assert taken_apart("parts:300:onnx:name") == (300, "onnx:name")
    assert taken_apart("parts:http://localhost:8/v1#m") == (200, "http://localhost:8/v1#m")
    for spec in ("parts:", "parts:0:static", "parts:9:", "parts:parts:static"):
        with pytest.raises(RecipeError) as caught:
            open_encoder(spec)
        assert str(caught.value) == (
            "parts are of at least one word, and of an encoder that reads them\n"
            f"  where: the encoder {spec!r}\n"
            "  fix:   write parts:200:static, for example"
        )
