"""An encoder that cannot read the texts is refused before anything is encoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from negatives.errors import DataError
from negatives.events import Noted, Warned
from negatives.find.dense import Dense
from negatives.models.encoder import Encoded, Encoder
from negatives.models.open_encoder import open_encoder
from negatives.models.readable import check_readable
from negatives.models.reading import Reading
from negatives.schema import Collection
from tests.build import collection, context

ENGLISH = ["the model learns what something is from what it is not", "lift and drag of a wing"]
GERMAN = ["Die Häuser sind teuer und nicht klein", "Wie beantrage ich einen Reisepass?"]
CHINESE = ["申请护照需要本人携带身份证和照片", "身份证丢失后应到户籍所在地派出所挂失"]


def of(docs: Sequence[str], queries: Sequence[str] = ENGLISH) -> Collection:
    asked = {f"q{n:03}": text for n, text in enumerate(queries)}
    return collection(
        {f"d{n:03}": text for n, text in enumerate(docs)},
        asked,
        [(name, "d000", 1) for name in asked],
    )


def told(data: Collection, scratch: Path, encoder: Encoder | None = None) -> list[str]:
    """What is warned of when the built-in encoder, or another, is asked."""
    events: list[object] = []
    where = replace(context(data, scratch), emit=events.append)
    check_readable(encoder or open_encoder("static"), where, name="static", label="dense")
    return [event.text for event in events if isinstance(event, Warned)]


def test_of_english_nothing_is_said(tmp_path: Path) -> None:
    assert told(of(ENGLISH * 20), tmp_path) == []


def test_texts_that_it_has_no_pieces_for_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        Dense().open(context(of(CHINESE), tmp_path))
    assert str(caught.value) == (
        "the encoder static cannot read the corpus: it has pieces of words for 0% of the letters "
        "(zh 100%)\n"
        "  where: dense, collection 'made'\n"
        "  fix:   name an encoder that reads these languages with --encoder (the built-in one "
        "reads English); or go without one: --recipe bm25"
    )
    assert not list(tmp_path.rglob("*.npy"))


def test_queries_that_it_cannot_read_are_refused_too(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read the queries"):
        Dense().open(context(of(ENGLISH, CHINESE), tmp_path))


def test_what_it_reads_in_part_is_told_with_the_figure(tmp_path: Path) -> None:
    assert told(of([*ENGLISH * 3, *CHINESE]), tmp_path) == [
        "dense: static has pieces of words for only 75% of the letters of 8 texts of the corpus "
        "looked at (en 85%, zh 15%); see --encoder"
    ]
    assert told(of([*ENGLISH * 20, CHINESE[0]]), tmp_path) == [
        "dense: static cannot read 2.4% of 41 texts of the corpus looked at (en 99%, zh 1%): such "
        "texts all have nearly the same vector; see --encoder"
    ]


def test_another_language_in_the_same_letters_is_told(tmp_path: Path) -> None:
    assert told(of(GERMAN * 10, GERMAN), tmp_path) == [
        "dense: static reads en only, and 100% of the letters of 20 texts of the corpus looked at "
        "(de 100%) are of other languages: its scores say little; see --encoder"
    ]


class Speller:
    """Reads every text letter by letter, but for the words of the probe where `learned`."""

    dim = 2

    def __init__(self, learned: bool) -> None:
        self.learned = learned
        self.fingerprint = f"speller, learned: {learned}"
        self.asked = 0

    def encode(self, texts: Sequence[str]) -> Encoded:
        return Encoded(np.ones((len(texts), 2), np.float32), np.zeros(len(texts), bool))

    def reading(self, texts: Sequence[str]) -> Reading:
        self.asked += 1
        letters = np.array([sum(map(str.isalpha, text)) for text in texts])
        pieces = letters // 4 if self.learned and len(texts) == 1 else letters
        return Reading(letters, np.zeros_like(letters), pieces, np.zeros(len(texts), bool))


def test_a_language_that_is_spelled_is_told_but_for_encoders_that_spell_all(tmp_path: Path) -> None:
    assert told(of(GERMAN, GERMAN), tmp_path, Speller(learned=True)) == [
        "dense: static reads 100% of 2 texts of the corpus looked at (de 100%) letter by letter: "
        "it has hardly learned their language; see --encoder"
    ]
    assert told(of(GERMAN, GERMAN), tmp_path, Speller(learned=False)) == []


def test_texts_that_were_read_are_not_read_again(tmp_path: Path) -> None:
    encoder, twice = Speller(learned=True), of(GERMAN[:1], GERMAN[1:])
    first = told(twice, tmp_path, encoder)
    asked = encoder.asked
    assert (told(twice, tmp_path, encoder), encoder.asked) == (first, asked)


def test_the_figures_are_kept(tmp_path: Path) -> None:
    events: list[object] = []
    Dense().open(replace(context(of(ENGLISH), tmp_path), emit=events.append))
    noted = {event.name: event.value for event in events if isinstance(event, Noted)}
    assert noted["read dense corpus"] == {
        "texts": 2,
        "letters with pieces": 1.0,
        "texts not read": 0.0,
        "texts spelled by letters": 0.0,
        "languages": {"en": 1.0},
    }
