"""What a model may not write: forbidden phrases, known ones and alike ones, while it generates.

Deng et al. 2025, GUARD: a prompt that asks for what is to be forgotten is told by its embedding;
the answers of the most similar known prompts say which phrases are forbidden (`ForgetIndex`); and
while the model writes, a token that would complete one is never taken, and one whose last words are
too similar to one is taken less gladly (`RestrictedLogits`). Nothing is trained. A paraphrase that
the index misses is answered as ever: its recall is the most that this can do, and what is never
said may itself tell what was forbidden. A reconstruction from the abstract: the classifier of
prompts is logistic, and phrases are found by a rule.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import numpy as np

from negatives.errors import DataError
from negatives.optional import torch

Embed = Callable[[list[str]], Any]
"""Texts -> float[texts, dim]."""

_LAST: Final = chr(0x10FFFF)
_BROKEN: Final = "\ufffd"
"""What a tokenizer writes for bytes that are no whole letter."""
_PHRASE: Final = re.compile(
    r"(?:[^\W\d_]*[A-Z][\w'\u2019-]*)(?:\s+(?:(?:of|the|de|van|von)\s+)?[A-Z][\w'\u2019-]*)*"
    r"|\d[\d.,:/-]*\d|\d"
)


def key_phrases(answer: str, prompt: str = "") -> list[str]:
    """Names and numbers of an answer that its prompt does not have, the longest first.

    A word with a capital at the beginning of a sentence counts only where it goes on to a second.

    >>> from negatives.guide.restriction import key_phrases
    >>> key_phrases("He was born in New Haven in 1932.", "When was the author born?")
    ['New Haven', '1932']
    """
    found: dict[str, None] = {}
    asked = _plain(prompt)
    for match in _PHRASE.finditer(answer):
        text = match[0]
        begins = not answer[: match.start()].strip() or bool(
            re.search(r"[.!?]\s+$", answer[: match.start()])
        )
        if begins and not text[0].isdigit() and " " not in text:
            continue
        if _plain(text) not in asked:
            found[text] = None
    return sorted(found, key=lambda text: -len(text))


def _refuse_text(texts: Iterable[str] | Sequence[Sequence[str]]) -> None:
    """One text in the place of several would be taken for its letters."""
    if isinstance(texts, str):
        raise DataError(f"a list of texts is one text: {texts[:40]!r}", fix=f"[{texts[:40]!r}]")


class ForgetIndex:
    """Which phrases a prompt forbids: none where it asks for nothing that is to be forgotten.

    forget: prompts; phrases: of each, what must not be said. keep: prompts that are to be answered.
    embed: texts to vectors, such as an encoder's `encode`. A prompt is flagged where a logistic
    classifier of vectors says forget with more than `above`; the phrases are those of the `nearest`
    prompts.

    >>> import numpy as np
    >>> from negatives.guide import ForgetIndex
    >>> embed = lambda texts: np.array([[float("Ana" in t), 1.0] for t in texts])
    >>> index = ForgetIndex(embed, ["Who is Ana?"], [["Lem"]], ["Who is Ivo?"])
    >>> index.phrases("Where does Ana live?"), index.phrases("Where does Ivo live?")
    (['Lem'], [])
    """

    def __init__(
        self,
        embed: Embed,
        forget: Sequence[str],
        phrases: Sequence[Sequence[str]],
        keep: Sequence[str],
        *,
        above: float = 0.5,
        nearest: int = 1,
    ) -> None:
        from sklearn.linear_model import LogisticRegression

        if not forget or not keep or len(forget) != len(phrases):
            raise DataError(
                f"{len(forget):,} prompts to forget, phrases of {len(phrases):,}, and "
                f"{len(keep):,} prompts to answer",
                fix="give prompts of both sides, and the phrases of each that is forgotten",
            )
        if not 0 <= above <= 1 or nearest < 1:
            raise DataError(
                f"above = {above:g}, nearest = {nearest}",
                fix="a probability from 0 to 1, and at least one prompt",
            )
        for each in (forget, keep, phrases, *phrases):
            _refuse_text(each)
        self._embed, self._phrases = embed, [list(each) for each in phrases]
        self._above, self._nearest = above, nearest
        vectors = self._vectors([*forget, *keep])
        self._forget = vectors[: len(forget)]
        sides = np.arange(len(vectors)) < len(forget)
        self._classifier = LogisticRegression(C=100.0, class_weight="balanced", max_iter=1000)
        self._classifier.fit(vectors, sides)

    def probability(self, prompts: Sequence[str]) -> Any:
        """float64[prompts]: that each asks for what is to be forgotten."""
        return self._classifier.predict_proba(self._vectors([*prompts]))[:, 1]

    def phrases(self, prompt: str) -> list[str]:
        """What must not be said to a prompt; empty: it is answered as ever."""
        (vector,) = self._vectors([prompt])
        if self._classifier.predict_proba(vector[None])[0, 1] <= self._above:
            return []
        order = np.argsort(-(self._forget @ vector), kind="stable")[: self._nearest]
        return [*dict.fromkeys(text for place in order for text in self._phrases[place])]

    def _vectors(self, texts: list[str]) -> Any:
        return _unit(self._embed(texts))


class RestrictedLogits:
    """A processor for `generate(logits_processor=[...])`: forbidden phrases are not written.

    tokenizer: the model's. phrases: compared without regard to capitals and to how much white space
    there is; empty ones count for nothing, and without phrases no score is changed. penalty: taken
    off a token that would complete one; infinite: never. embed: where it is given, of the
    `candidates` most probable tokens those whose last words have a cosine above `alike` to a phrase
    lose `weight` times it. Where nothing is left to be written the text ends. Give it the prompt's
    number of tokens, as generate has them: `start`.

    >>> import torch
    >>> from negatives.guide import RestrictedLogits
    >>> class Reader:
    ...     words, eos_token_id = ["", "a", " b", " c"], 0
    ...     __len__ = lambda self: 4
    ...     decode = lambda self, ids, **_: "".join(self.words[each] for each in ids)
    >>> restricted = RestrictedLogits(Reader(), ["A B"], start=0)
    >>> restricted(torch.tensor([[1]]), torch.zeros(1, 4)).tolist()
    [[0.0, 0.0, -inf, 0.0]]
    """

    def __init__(
        self,
        tokenizer: Any,
        phrases: Iterable[str],
        *,
        start: int,
        penalty: float = float("inf"),
        embed: Embed | None = None,
        alike: float = 0.5,
        weight: float = 5.0,
        candidates: int = 20,
    ) -> None:
        _refuse_text(phrases)
        if start < 0 or not penalty >= 0 or not 0 <= weight < float("inf") or candidates < 1:
            raise DataError(
                f"start = {start}, penalty = {penalty:g}, weight = {weight:g}, candidates = "
                f"{candidates}",
                fix="a number of tokens, a penalty and a weight of 0 or above, and a candidate",
            )
        if not -1 <= alike <= 1:
            raise DataError(f"alike = {alike:g}", fix="it is a cosine: from -1 to 1")
        self._reader, self._start = tokenizer, start
        self._penalty, self._alike, self._weight = penalty, alike, weight
        self._embed, self._candidates = embed, candidates
        self._phrases = [*dict.fromkeys(filter(None, (_plain(each).strip() for each in phrases)))]
        self._longest = max(map(len, self._phrases), default=0)
        # A trie of the phrases: what may follow each of their beginnings to complete one.
        self._after: dict[str, list[str]] = {}
        for phrase in self._phrases:
            for stop in range(1, len(phrase)):
                self._after.setdefault(phrase[:stop], []).append(phrase[stop:])
        self._words = max((len(each.split()) for each in self._phrases), default=0)
        self._whole: list[int] | None = None

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """float[rows, vocabulary]: the scores, less what completes a forbidden phrase."""
        if not self._phrases:
            return scores
        self._read_vocabulary()
        made = scores.clone()
        for row, written in enumerate(input_ids[:, self._start :].tolist()):
            tail = _plain(self._text(written[-4 * self._longest :]))[-self._longest :]
            if self._embed is not None:
                self._less_alike(made[row], tail)
            wrong = [each for each in self._completing(tail, written) if each < made.shape[1]]
            if wrong:
                made[row, wrong] -= self._penalty
        nothing = ~torch.isfinite(made).any(-1)
        if bool(nothing.any()):
            end = self._reader.eos_token_id
            if end is None:
                raise DataError(
                    "every token completes a forbidden phrase, and the model has none that ends",
                    fix="forbid less, or set tokenizer.eos_token_id",
                )
            made[nothing, end] = 0.0
        return made

    def _completing(self, tail: str, written: list[int]) -> list[int]:
        """The tokens after which a forbidden phrase stands."""
        found = {*(self._whole or ())}
        for length in range(1, min(len(tail), self._longest) + 1):
            for rest in self._after.get(tail[-length:], ()):
                found.update(self._beginning(self._sorted, rest))
                if tail.endswith(" "):  # white space after white space is none
                    found.update(self._beginning(self._stripped, rest))
        for token in self._parts if not all(map(str.isascii, self._phrases)) else ():
            after = _plain(self._text([*written[-4 * self._longest :], token]))[
                -self._longest - 1 :
            ]
            if any(phrase in after for phrase in self._phrases):
                found.add(token)
        return sorted(found)

    def _less_alike(self, scores: Any, tail: str) -> None:
        """Take off of the most probable tokens what makes the last words like a phrase."""
        assert self._embed is not None
        best = torch.topk(scores, min(self._candidates, len(scores))).indices.tolist()
        last = [" ".join(f"{tail}{self._texts[t]}".split()[-self._words :]) for t in best]
        some = [at for at, text in enumerate(last) if text]
        if not some:
            return
        said = _unit(self._embed([last[at] for at in some]))
        like = (said @ _unit(self._embed(self._phrases)).T).max(1)
        for at, cosine in zip(some, like.tolist(), strict=True):
            if cosine > self._alike:
                scores[best[at]] -= self._weight * cosine

    def _read_vocabulary(self) -> None:
        """What each token says after another one: by itself it would lose the space before it."""
        if self._whole is not None:
            return
        probe = next(
            (each for each in range(len(self._reader)) if self._text([each]).strip().isalpha()), 0
        )
        before = self._text([probe])
        texts = [self._text([probe, each])[len(before) :] for each in range(len(self._reader))]
        self._texts = [_plain(text) for text in texts]
        self._sorted = sorted((text, at) for at, text in enumerate(self._texts) if text)
        self._stripped = sorted(
            (text[1:], at) for at, text in enumerate(self._texts) if text[:1] == " " and text[1:]
        )
        self._parts = [at for at, text in enumerate(texts) if _BROKEN in text]
        self._whole = [
            at for at, text in enumerate(self._texts) if any(each in text for each in self._phrases)
        ]

    @staticmethod
    def _beginning(table: list[tuple[str, int]], start: str) -> Iterable[int]:
        low = bisect_left(table, (start, -1))
        high = bisect_left(table, (start + _LAST, -1))
        return (token for _, token in table[low:high])

    def _text(self, tokens: list[int]) -> str:
        return str(
            self._reader.decode(
                tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
        )


def _plain(text: str) -> str:
    """Without capitals, and with one space for all white space."""
    return re.sub(r"\s+", " ", text.lower())


def _unit(vectors: Any) -> Any:
    found = np.asarray(vectors, np.float64)
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
