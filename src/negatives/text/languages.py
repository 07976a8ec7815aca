"""Which languages texts are in: by their script, and where several share one, by small words.

Every language has words such as *the*, *und*, *que* that no text of some length does without, and
many have letters of their own, such as *ß* and *ñ*. Each text votes, in each of its scripts, for
the language of which it has the most; what several languages have counts for each of them in part.
That is deterministic, needs no model, and is sure about collections; about a single short text it
has no opinion rather than a guess.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Final

import numpy as np
import polars as pl

from negatives.chance import id_hashes
from negatives.text.scripts import HANGUL, UNSPACED, script

SAMPLE: Final = 500
"""Texts of each side of a collection that are looked at: those with the lowest hashes of ids."""
READ: Final = 400
"""Characters of each text, from its beginning."""
MAJORITY: Final = 0.6
"""The share of the votes in a script that makes a language the script's."""
FEWEST: Final = 0.02
"""The share of a script's texts that must have a vote at all, or the language is not known."""
KANA: Final = 0.05
"""The share of kana from which on Chinese characters are Japanese."""

NOTICED: Final = 0.1
"""The share of all letters from which on it matters that their language is not known."""
FEW: Final = 20
"""Of fewer texts nobody expects that their language is recognised."""

SHARED: Final = ("latin", "cyrillic", "arabic", "devanagari")
"""Scripts that several languages share."""
ALONE: Final = {
    "han": "zh", "kana": "ja", "hangul": "ko", "thai": "th", "lao": "lo", "khmer": "km",
    "myanmar": "my", "greek": "el", "hebrew": "he", "armenian": "hy", "tamil": "ta",
    "georgian": "ka", "bengali": "bn", "gujarati": "gu", "gurmukhi": "pa", "telugu": "te",
    "kannada": "kn", "malayalam": "ml", "sinhala": "si", "ethiopic": "am", "tibetan": "bo",
    "oriya": "or",
}  # fmt: skip
"""Scripts that one language has nearly to itself."""

SMALL_WORDS: Final = {
    "en": "the of and to in is that for it with as was on are be this by from or an at which",
    "de": "der die und das nicht ist ein eine zu den mit von für auf im sich dem des als auch wie",
    "nl": "de het een van en is dat niet op te zijn voor met die aan ook er wordt naar bij hoe",
    "fr": "le la les des et est une du en pour que dans qui pas sur un au avec ce par comment",
    "es": "el la los las de que y en un una por con del se no para es como su al lo qué",
    "pt": "o a os as de que e do da em um uma para com não no na por se dos como ao é",
    "it": "il di che la e un una per non del della con è sono in i le nel si come gli alla",
    "ca": "el la els les de que i un una per amb del no en és com als dels aquest seva què",
    "ro": "și de în la cu a pe nu că este un o din care pentru mai sau ale unei se ce",
    "sv": "och att det i en som är på av för med inte ett den till har de om vad hur från",
    "da": "og at det i en af er på for med ikke et den til der som har de hvad hvordan fra jeg",
    "no": "og å det i en av er på for med ikke et den til som har de hva hvordan fra jeg",
    "is": "og að í á er sem það til um við ekki var með hann fyrir eru af en því hvað",
    "fi": "ja on ei se että oli kun mutta ovat tai kuin myös hän joka mitä sen miten voi olla niin",
    "et": "ja on ei et see kui oma ning ka või mis selle oli aga kuidas ta mida välja kes ole",
    "hu": "a az és hogy nem egy is van meg ez de csak volt mint el vagy azt milyen hogyan lehet",
    "pl": "i w na z się nie do to jest że o jak po za od przez dla są czy co oraz ma",
    "cs": "a v se na je že to s z do o i jako za pro by byl k jsou nebo jak ve co",
    "sk": "a v sa na je že to s z do o i ako za pre by bol k sú alebo čo vo nie",
    "sl": "in v je na da se za z so pa ki ne po tudi iz s od kot ali kako bi pri",
    "hr": "i u je na se da su za od što s ne kao o iz koji a ili sve kako biti nije",
    "tr": "ve bir bu da de için ile ne olarak daha çok gibi olan var mi nasıl kadar sonra en ise",
    "id": "yang dan di itu dengan untuk tidak ini dari dalam akan pada juga ke ada atau oleh",
    "vi": "và của là có được cho không một trong các với người những đã này để khi từ làm ở",
    "lt": "ir į kad yra su iš tai kaip o bet už apie buvo nuo ar jo per tik dėl kas",
    "lv": "un ir no uz par ar ka kas tas bet vai lai tā pie kā nav to tika gan pēc",
    "eu": "eta da ez bat du zen dira ere baina hau izan egin den dute beste bere nola zer edo dela",
    "ga": "agus an na ar i is go a le bhí sé leis ag atá nach seo sin faoi mar chun",
    "cy": "y yn a i o ar yr mae am ei wedi gan ond fel sydd oedd bod eu hyn gyda",
    "sq": "të e në dhe që një për me nga është si nuk më do ka janë ishte kjo ose edhe",
    "af": "die en van in is het nie dat vir met op te wat sy aan hy ook 'n as deur hoe",
    "sw": "ya na wa kwa ni katika la za kuwa hii cha yake kama pia au hiyo ili watu hivyo sana",
    "tl": "ang ng sa na mga ay at ko ito hindi si para may siya ni kung po din ano paano",
    "eo": "la kaj de en estas al por ne ke kiu ĝi kun pri li oni el sed tio estis aŭ",
    "ru": "и в не на что с по как это для из от к о у или его при за так то же если но",
    "uk": "і в не на що з у та до як це для за від але він про його або є при якщо ми",
    "be": "і ў не на што з у да як гэта для за ад але пра яго ці ён пры калі мы",
    "bg": "и на в да за се от не е с че по са като до или това как при който но ще",
    "mk": "и на во да за се од не е со што по се како до или ова при кој но ќе ги",
    "sr": "и у је на се да су за од што с не као о из који а или све како бити није",
    "kk": "және бұл мен бір үшін деп емес бар болып да де осы сол ол туралы қалай кейін бойынша",
    "ar": "في من على إلى أن هذا التي عن هو مع ما لا كان هي الذي هذه كيف أو ذلك بين",
    "fa": "و در به از که این را با است برای آن یک خود تا می بر هم چه نیز ها",
    "ur": "کے کی میں ہے اور سے کا کو نے پر کہ یہ ہیں اس نہیں ایک بھی جو تھا کیا",
    "hi": "के में है की और से का को पर यह ने कि हैं एक नहीं भी लिए इस कैसे क्या",
    "mr": "आहे व आणि या च्या ते हे की तर होते नाही एक करण्यात ही मध्ये काय त्या आहेत असे होता",
    "ne": "छ र को मा छन् गर्न यो पनि भने हो लागि एक थियो गरेको गर्ने तर हुन्छ के कसरी वा",
}  # fmt: skip
"""By language, about twenty of its most frequent words; within one script, they compete."""

LETTERS: Final = {
    "de": "äöüß", "fr": "çèêœëàù", "es": "ñáíóú", "pt": "ãõçáêí", "it": "òìàè", "ca": "·çàè",
    "ro": "șțăâî", "sv": "åäö", "da": "æøå", "no": "æøå", "is": "ðþæö", "fi": "äö", "et": "õäöü",
    "hu": "őűáéö", "pl": "łężśćńą", "cs": "ěřůčšžýá", "sk": "ľĺŕôčšžý", "sl": "čšž",
    "hr": "čćšžđ", "tr": "ğışçöü", "vi": "ơưđạảấầậ", "lt": "ėįųšžč", "lv": "āēīūļņģķ",
    "cy": "ŵŷ", "sq": "ëç", "eo": "ĝĉĵŝŭĥ", "ru": "ыэё", "uk": "їєґі", "be": "ўыіэ", "bg": "ъ",
    "mk": "ѓќѕј", "sr": "ђћјљњџ", "kk": "әғқңөұүһ", "ar": "ةىيك", "fa": "پچژگیک",
    "ur": "ٹڈڑںےہھگیک", "mr": "ळ",
}  # fmt: skip
"""Letters that tell a language from others of its script; those of several count in part."""

STEMMERS: Final = {
    "ar": "arabic", "hy": "armenian", "eu": "basque", "ca": "catalan", "da": "danish",
    "nl": "dutch", "en": "english", "fi": "finnish", "fr": "french", "de": "german",
    "el": "greek", "hi": "hindi", "hu": "hungarian", "id": "indonesian", "ga": "irish",
    "it": "italian", "lt": "lithuanian", "ne": "nepali", "no": "norwegian", "pt": "portuguese",
    "ro": "romanian", "ru": "russian", "sr": "serbian", "es": "spanish", "sv": "swedish",
    "ta": "tamil", "tr": "turkish",
}  # fmt: skip
"""Languages with a Snowball stemmer, and its name."""

CHARACTERS: Final = ("zh", "ja", "ko", "th", "lo", "km", "my")
"""Languages that are compared by characters, whatever there is of stemmers."""

_WHOLE: Final = 5040
_RUN: Final = (
    rf"[{UNSPACED}{HANGUL}]+|"
    rf"(?:[^\W\d_{UNSPACED}{HANGUL}]|[\u0900-\u0903\u093A-\u094F\u0962\u0963])+"
)
"""A word with the vowel signs of Hindi and its kin, or neighbours of other scripts than those.

Like other long patterns it is compiled when first used, which plain English does not need.
"""
_ASCII_RUN: Final = re.compile("[a-z]+")
"""The same in lower-case ASCII, where it is found several times faster."""


@dataclass(frozen=True)
class Languages:
    """What the texts of a collection are in.

    `of_script`: the language of each script that has one, such as {"latin": "de"}. `shares`: the
    share of the letters by language, the largest first; letters of a script whose language is not
    known, or that several languages share, count for the script: {"de": 0.97, "latin": 0.03}.
    `mixed`: scripts of which no language has the majority, and the languages with the most votes.
    `texts`: how many were looked at.
    """

    of_script: Mapping[str, str]
    shares: Mapping[str, float]
    mixed: Mapping[str, list[str]]
    texts: int

    def __str__(self) -> str:
        """Those of at least one letter in a hundred, such as `de 97%, latin 3%`."""
        named = [f"{name} {share:.0%}" for name, share in self.shares.items() if share >= 0.01]
        return ", ".join(named) or "no letters"


def languages_of(texts: Iterable[str]) -> Languages:
    """The languages of some texts, read up to `READ` characters each."""
    letters, seen = Counter[str](), Counter[str]()
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    looked_at = 0
    for text in texts:
        looked_at += 1
        mine, points_of = _counted(text)
        letters.update(mine)
        seen.update(mine.keys())
        for written, counted in points_of.items():
            most = max(counted.values())
            first, *others = (name for name, score in counted.items() if score == most)
            if not others:
                votes[written][first] += 1
    of_script, mixed = {}, {}
    for written, texts_in in seen.items():
        cast, total = votes[written], votes[written].total()
        best = sorted(cast, key=lambda name: (-cast[name], name))
        if written in ALONE:
            of_script[written] = ALONE[written]
        elif total < max(1, FEWEST * texts_in):
            continue
        elif cast[best[0]] >= MAJORITY * total:
            of_script[written] = best[0]
        else:
            mixed[written] = best[:3]
    if letters["kana"] > KANA * (letters["kana"] + letters["han"]) and "han" in of_script:
        of_script["han"] = ALONE["kana"]
    return Languages(of_script, _shares(letters, of_script), mixed, looked_at)


def _counted(text: str) -> tuple[Counter[str], dict[str, dict[str, int]]]:
    """The letters of a text by script, and the points of languages in each shared script."""
    small_words, own_letters = _word_weights(), _letter_weights()
    beginning = text[:READ]
    letters = Counter[str]()
    points: dict[str, dict[str, int]] = defaultdict(dict)
    if beginning.isascii():  # one script, without letters that tell one language from another
        runs = _ASCII_RUN.findall(beginning.lower())
        if runs:
            letters[script("a")] = sum(map(len, runs))
        for run in filter(small_words.__contains__, runs):
            theirs = points[script("a")]
            for language, weight in small_words[run]:
                theirs[language] = theirs.get(language, 0) + weight
        return letters, points
    for run in re.findall(_RUN, unicodedata.normalize("NFC", beginning).lower()):
        written = script(run[0])
        if written in ALONE:
            letters.update(map(script, run))
            continue
        letters[written] += len(run)
        clues = [small_words.get(run, ())]
        if not run.isascii():
            clues += [own_letters.get(letter, ()) for letter in set(run)]
        for language, weight in chain.from_iterable(clues):
            points[written][language] = points[written].get(language, 0) + weight
    return letters, points


def languages_of_sides(*sides: pl.DataFrame) -> Languages:
    """The languages of a collection, by a sample of each side: frames of an id and `text`.

    The sample depends on the ids alone.
    """
    return languages_of([text for side in sides for text in sampled(side, SAMPLE)])


def unclear(found: Languages) -> list[str]:
    """What a person would want to know of scripts whose language is open, where it matters.

    It does where several languages share the script, and where a good part of the letters of more
    than a handful of texts are in it.
    """
    said = []
    for written in SHARED:
        share = found.shares.get(written, 0.0)
        if share < NOTICED:
            continue
        if written in found.mixed:
            among = ", ".join(found.mixed[written])
            said.append(f"the texts in {written} script are in several languages ({among})")
        elif found.texts >= FEW:
            said.append(f"the language of the texts in {written} script was not recognised")
    return said


def sampled(side: pl.DataFrame, many: int) -> list[str]:
    """The texts of the `many` rows whose ids have the lowest hashes, in the order of the hashes.

    None where the side has no texts.
    """
    if "text" not in side.columns:
        return []
    hashes = id_hashes(side.to_series(0))
    rows = np.argsort(hashes, kind="stable")
    if len(rows) > many:
        rows = rows[:many]
    return side["text"].gather(rows).to_list()


Weights = Mapping[str, tuple[tuple[str, int], ...]]
"""Small word or letter -> the languages that have it, each with its part of `_WHOLE`: in whole
numbers, so that their sums do not depend on the order.
"""


@cache
def _word_weights() -> Weights:
    return _weights({language: words.split() for language, words in SMALL_WORDS.items()})


@cache
def _letter_weights() -> Weights:
    return _weights(LETTERS)


def _weights(clues: Mapping[str, Iterable[str]]) -> Weights:
    having: dict[str, list[str]] = defaultdict(list)
    for language, mine in clues.items():
        for clue in dict.fromkeys(mine):
            having[clue].append(language)
    return {
        clue: tuple((language, _WHOLE // len(several)) for language in several)
        for clue, several in having.items()
    }


def _shares(letters: Counter[str], of_script: Mapping[str, str]) -> dict[str, float]:
    total = letters.total()
    by_name = Counter[str]()
    for written, many in letters.items():
        by_name[of_script.get(written, written)] += many
    ordered = sorted(by_name.items(), key=lambda item: (-item[1], item[0]))
    return {name: round(many / total, 4) for name, many in ordered if many}
