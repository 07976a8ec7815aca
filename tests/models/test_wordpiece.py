"""Splitting into word pieces, with a general tokenizer as the oracle."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from negatives.models import wordpiece
from negatives.models.wordpiece import WORD, WordPiece, folded
from negatives.text.scripts import HAN_KANA_HANGUL

PIECES = ["heat", "##ing", "##s", "a", "e", "##e", "##at", "h", "-", "2", "##2", "c", "#", "_", "é"]
SPLITTER = WordPiece(PIECES)


def spelled(text: str) -> list[str]:
    return [PIECES[number] for number in SPLITTER.split(text)]


def test_the_longest_known_piece_comes_first() -> None:
    assert spelled("heating heats heat-22") == [
        "heat",
        "##ing",
        "heat",
        "##s",
        "heat",
        "-",
        "2",
        "##2",
    ]


def test_a_word_that_no_pieces_spell_is_left_out() -> None:
    assert spelled("heat heatx zebra a") == ["heat", "a"]


def test_an_endless_word_is_left_out() -> None:
    assert spelled("heat " + "a" + "e" * 100 + " heat") == ["heat", "heat"]


def test_signs_are_words_of_their_own() -> None:
    assert spelled("c#_a") == ["c", "#", "_", "a"]


def test_the_memory_is_emptied_when_full(monkeypatch: pytest.MonkeyPatch) -> None:
    splitter = WordPiece(PIECES)
    monkeypatch.setattr(wordpiece, "MEMORY", 2)
    assert splitter.split("heat a e heat c a") == SPLITTER.split("heat a e heat c a")
    assert len(splitter._known) <= 2


@given(st.text(alphabet="heatings2-#_c é.,\n", max_size=60))
def test_it_splits_as_the_general_tokenizer_does(text: str) -> None:
    oracle = Tokenizer(
        models.WordPiece(
            {piece: number for number, piece in enumerate([*PIECES, "[UNK]"])},
            unk_token="[UNK]",
            max_input_chars_per_word=wordpiece.LONGEST_WORD,
        )
    )
    oracle.normalizer = normalizers.BertNormalizer(strip_accents=True, handle_chinese_chars=False)
    oracle.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    expected = [number for number in oracle.encode(text).ids if number != len(PIECES)]
    assert SPLITTER.split(text) == expected


many = st.lists(
    st.text(alphabet="heatings2-#_c \u00e9.,\n\x1f\u3007\u6d77\u4e3a", max_size=40), max_size=8
)


@given(many)
def test_many_texts_are_split_as_each_by_itself(texts: list[str]) -> None:
    found = SPLITTER.split_all(texts)
    assert [found[n].tolist() for n in range(len(texts))] == list(map(SPLITTER.split, texts))


@pytest.mark.slow
@given(many)
def test_what_is_read_is_counted_sign_by_sign(texts: list[str]) -> None:
    for text, *found in zip(texts, *map(list, SPLITTER.reads(texts)), strict=True):
        looked_up = folded(text)
        read = [False] * len(looked_up)
        pieces = 0
        for word in WORD.finditer(looked_up):
            if spelled(word.group()):
                read[slice(*word.span())] = [True] * len(word.group())
                pieces += len(spelled(word.group())) if word.group().isalpha() else 0
        counts = [sign.isalpha() for sign in looked_up]
        if not any(counts):
            counts = [not sign.isspace() for sign in looked_up]
        unread = sum(counts[n] and not read[n] for n in range(len(read)))
        syllables = sum(map(len, HAN_KANA_HANGUL.findall(looked_up)))
        assert found == [sum(counts), unread, pieces, syllables]
