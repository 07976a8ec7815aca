"""Languages told from texts: one each, several in one script, none, and the sample that is read."""

from __future__ import annotations

import polars as pl
import pytest

from negatives.text.languages import (
    LETTERS,
    SMALL_WORDS,
    STEMMERS,
    _counted,
    languages_of,
    languages_of_sides,
    sampled,
    unclear,
)
from tests.each import for_each

TEXTS = {
    "en": ["What is the best way to apply for a passport?", "manage musical staff of an orchestra"],
    "de": ["Wie beantrage ich einen Reisepass?", "Die Häuser sind nicht teuer"],
    "nl": ["Hoe vraag ik een paspoort aan?", "De bomen staan in de tuin"],
    "fr": ["Comment demander un passeport ?", "Les arbres sont dans le jardin"],
    "es": ["¿Cómo solicito un pasaporte?", "Los árboles están en el jardín"],
    "pt": ["Como posso pedir um passaporte?", "As árvores não estão no jardim"],
    "it": ["Come si richiede il passaporto?", "Gli alberi sono nel giardino"],
    "sv": ["Hur ansöker jag om pass?", "Träden står i trädgården och är gröna"],
    "da": ["Hvordan søger jeg om pas?", "hvad er det, der sker af den slags"],
    "no": ["Hvordan søker jeg om pass?", "Hva er det, og jeg er av den typen"],
    "fi": ["Miten haen passia?", "Puut ovat puutarhassa ja se on kaunis"],
    "pl": ["Jak złożyć wniosek o paszport?", "To jest drzewo i nie wiem co dalej"],
    "tr": ["Pasaport için nasıl başvururum?", "Bu bir ağaç ve çok güzel"],
    "ru": ["Как получить паспорт?", "Что это и как его найти, если мы не знаем"],
    "uk": ["Як отримати паспорт?", "Дерева ростуть у саду та не тільки"],
    "ar": ["كيف أجدد جواز السفر؟", "تبلغ الرسوم حوالي مئة ريال لكل سنة من"],
    "fa": ["چگونه برای گذرنامه درخواست کنم", "این یک درخت است"],
    "hi": ["पासपोर्ट के लिए आवेदन कैसे करें", "यह एक पेड़ है"],
    "el": ["Πώς βγάζω διαβατήριο;"],
    "he": ["איך מוציאים דרכון"],
    "zh": ["海洋为什么有盐"],
    "ja": ["海の塩", "パン生地はなぜ膨らむ"],
    "ko": ["바다의 광물은 어디서 오나요"],
    "th": ["แม่น้ำพาแร่ธาตุลงสู่ทะเล"],
}


@for_each("language", TEXTS)
def test_texts_of_one_language_are_of_that_language(language: str) -> None:
    found = languages_of(TEXTS[language])
    assert dict(found.shares) == {language: 1.0}
    assert set(found.of_script.values()) == {language}
    assert str(found) == f"{language} 100%"
    assert unclear(found) == []


def test_each_script_has_its_own_language() -> None:
    found = languages_of([*TEXTS["de"], *TEXTS["ru"], "GPU的性能", "的"])
    assert found.of_script == {"latin": "de", "cyrillic": "ru", "han": "zh"}


def test_a_script_that_several_languages_share_has_none() -> None:
    found = languages_of([*TEXTS["de"], *TEXTS["en"]])
    assert found.of_script == {}
    assert found.mixed == {"latin": ["de", "en"]}
    assert unclear(found) == ["the texts in latin script are in several languages (de, en)"]


def test_a_few_texts_of_another_language_change_nothing() -> None:
    assert languages_of([*TEXTS["en"] * 10, *TEXTS["de"]]).of_script == {"latin": "en"}


def test_names_and_code_are_of_no_language_and_many_of_them_are_told() -> None:
    found = languages_of(["Kraftwerk Autobahn", "xyzzy plugh"] * 15)
    assert (found.of_script, dict(found.shares)) == ({}, {"latin": 1.0})
    assert unclear(found) == ["the language of the texts in latin script was not recognised"]
    assert unclear(languages_of(["Kraftwerk Autobahn"])) == []


@pytest.mark.parametrize("texts", [[], [""], ["😀 12 !?"]])
def test_texts_without_letters_have_no_language(texts: list[str]) -> None:
    found = languages_of(texts)
    assert (dict(found.shares), str(found), unclear(found)) == ({}, "no letters", [])


def test_accents_may_be_written_either_way() -> None:
    assert languages_of(["Die Ha\u0308user su\u0308d"]).of_script == {"latin": "de"}


def test_plain_ascii_is_read_as_any_other_text() -> None:
    for language, words in SMALL_WORDS.items():
        text = "".join(sign for sign in f"{words} x22 it's" if sign.isascii())
        assert _counted(text) == _counted(f"{text} \u2014"), language


def test_the_sample_depends_on_the_ids_alone() -> None:
    side = pl.DataFrame(
        {"doc_id": [f"d{n}" for n in range(50)], "text": [str(n) for n in range(50)]}
    )
    assert sampled(side.reverse(), 10) == sampled(side, 10)
    more = pl.concat([side, pl.DataFrame({"doc_id": ["!new"], "text": ["new"]})])
    assert len(set(sampled(more, 10)) - set(sampled(side, 10))) <= 1
    assert languages_of_sides(side, side).texts == 100


def test_every_language_has_words_of_its_own() -> None:
    words = {name: set(text.split()) for name, text in SMALL_WORDS.items()}
    for name, mine in words.items():
        others = set[str]().union(*(each for other, each in words.items() if other != name))
        assert len(mine - others) + len(set(LETTERS.get(name, ""))) >= 2, name
    assert {"en", "de", "ru", "ar", "hi", "el"} <= set(STEMMERS)
