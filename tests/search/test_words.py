"""Texts taken apart into words, in scripts with and without spaces."""

from __future__ import annotations

from negatives.search.words import EVERY, Words, split
from tests.each import for_each

SPLIT = {
    "Naïve cafés, x": ["naïve", "cafés"],
    "cafe\u0301": ["café"],
    "soft\u00adhyphen zero\u200bwidth": ["softhyphen", "zerowidth"],
    "Ｌｉｆｔ ﬁlm": ["lift", "film"],
    "हिन्दी में क": ["हिन्दी", "में"],
    "שָׁלוֹם": ["שלום"],
    "مُحَمَّد كتـــاب": ["محمد", "كتاب"],
    "İzmir": ["izmir"],
    "盐": ["盐"],
    "海の塩": ["海", "塩", "海の", "の塩"],
    "パン": ["パン"],
    "바다의 물": ["바", "다", "의", "바다", "다의", "물"],
    "รากพืช": ["รา", "าก", "กพื", "พืช"],
    "ဆားရေ": ["ဆား", "ရေ", "ဆားရေ"],
    "ဆား": ["ဆား"],
    "GPUの性能を2024年": ["gpu", "性", "能", "の性", "性能", "能を", "2024", "年"],
    "C++ x_1": ["x_1"],
    "😀🎉": ["😀", "🎉"],
    "👨\u200d👩❤\ufe0f": ["👨", "👩", "❤"],
    "I ❤ it": ["it"],
    "!?": [],
    ":\u00c9": [],
    ":E\u0301": [],
    "!? ❤": ["!", "?", "❤"],
    "": [],
}


@for_each("text", SPLIT)
def test_a_text_has_these_words(text: str) -> None:
    assert split(text) == SPLIT[text]


def stems(words: Words, text: str) -> list[str]:
    return words.counted([text])[0]


def test_each_script_has_its_own_stemmer() -> None:
    words = Words({"latin": "german", "cyrillic": "russian"})
    assert stems(words, "Häuser паспорта running") == ["haus", "running", "паспорт"]
    assert stems(Words({EVERY: "english"}), "running паспорта") == ["run", "паспорта"]
    assert stems(Words(), "running паспорта") == ["running", "паспорта"]


def test_turkish_has_two_letters_i() -> None:
    assert stems(Words({"latin": "turkish"}), "IŞIK ışık") == ["ışık"]
    assert stems(Words({"latin": "turkish"}), "İZMİR izmir") == stems(Words(), "izmir")


def test_runs_of_characters_stay_within_a_word() -> None:
    words = Words(stop_words=frozenset({"the"}), characters=3)
    assert stems(words, "the lift, of") == ["ift", "lif", "of"]
