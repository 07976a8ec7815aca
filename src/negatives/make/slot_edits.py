"""Edits of a text by what stands in the same slot elsewhere in the collection.

    text         A man rides on a brown horse.
    swap         A horse rides on a brown man.
    replace      A woman rides on a brown horse.
    attributes   A man rides on a white horse.
    relations    A man rides behind a brown horse.

No parser is needed: two words are of one class where the collection has either in the other's slot.
What is put in is drawn so that no word becomes more common among the edited texts than it is among
the others, or else a model could tell an edited text by itself, whatever it is to be about: a
replacement is drawn by how often each word stands in the slot, the one that is there included, and
a swap is taken with the probability of Metropolis et al. (1953). Places of a text are tried in an
order drawn for it, and a text in which nothing is changed is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from negatives.arrays import Bools, Doubles, Keys, Places, spread
from negatives.chance import id_hashes, mix, stream_key, uniforms
from negatives.text.slots import Slots, Tokens, rewritten
from negatives.text.word_classes import (
    FUNCTION_WORDS,
    LISTING,
    RELATIONS,
    SYMMETRIC,
    Classes,
)

REACH: Final = 12
"""Words from one to the other of two that change places, at most."""

Texts = list[str | None]
"""Of each text what it is after an edit; None: nothing was changed."""


@dataclass(frozen=True, slots=True)
class SlotEdits:
    """Texts to be edited, and what the collection has in their slots.

    `keys`: uint64[texts], from which a text's draws are made; `barred`: hashes of a text's number
    and of a word that must not be put into it.
    """

    texts: list[str]
    tokens: Tokens
    slots: Slots
    keys: Keys
    barred: Keys
    seed: int

    @staticmethod
    def of(
        texts: pl.Series, corpus: pl.Series, keys: Keys, said: tuple[Places, pl.Series], seed: int
    ) -> SlotEdits:
        """Edits of `texts` by the slots of `corpus`.

        `said`: further texts, and of which of `texts` each says the same; their words, like those
        of the text itself, are not put in, for they may be as true of it.
        """
        tokens, others = Tokens.of(texts), Tokens.of(said[1])
        owner = said[0][others.text] if len(others.text) else others.text
        barred = np.concatenate([_pair(tokens.text, tokens.word), _pair(owner, others.word)])
        slots = Slots.of(corpus, np.concatenate([tokens.narrow, *tokens.wide]))
        return SlotEdits(texts.to_list(), tokens, slots, keys, np.unique(barred), seed)

    def swapped(self, stream: str) -> Texts:
        """Two content words, each of which stands in the other's slot elsewhere, exchanged.

        Not what stands side by side, as in "a dog and a cat" or in a list, which says the same
        either way round.
        """
        tokens = self.tokens
        first, second = _near(tokens, np.flatnonzero(content(tokens)))
        parting = np.cumsum(~tokens.among(SYMMETRIC))
        parted = parting[second - 1] > parting[first]
        listed = _beside(tokens.among(LISTING))
        parted &= ~(listed[first] & listed[second])
        kept = parted & (tokens.word[first] != tokens.word[second])
        first, second = first[kept], second[kept]
        then = self._counts(first, second) * self._counts(second, first)
        odds = then / np.maximum(self._counts(first, first) * self._counts(second, second), 1)
        cell = mix(tokens.place[first].astype(np.uint64)) + tokens.place[second].astype(np.uint64)
        taken = self._draws(f"{stream}/taken", first, cell) < odds
        chosen = _one_each(tokens.text[first], self._draws(f"{stream}/order", first, cell), taken)
        first, second = first[chosen], second[chosen]
        put = np.concatenate([tokens.word[second], tokens.word[first]])
        return self._written(np.concatenate([first, second]), put)

    def attributes(self, stream: str, classes: Classes) -> Texts:
        """A word of a class replaced by another of it, which no text known to say the same has."""
        return self._one(stream, *self._unsaid(*self._of_class(stream, classes)))

    def relations(self, stream: str, classes: Classes) -> Texts:
        """A word of a class replaced by another of it, whatever else is said: of "in", "on" and
        "with" every other text has one, about something else.
        """
        return self._one(stream, *self._of_class(stream, classes))

    def replaced(self, stream: str) -> Texts:
        """A content word replaced by one of another stem that stands in a wide slot of it."""
        tokens = self.tokens
        at = np.flatnonzero(content(tokens))
        cell = tokens.place[at].astype(np.uint64)
        side = self._draws(f"{stream}/side", at, cell) < 0.5
        slot = np.where(side, tokens.wide[0][at], tokens.wide[1][at])
        word = self.slots.only(self._content_words()).drawn(slot, self._draws(stream, at, cell))
        there = (word != 0) & self._as_usual(at, word)
        where, word = at[there], word[there]
        unlike = (self._stems(word) != self._stems(tokens.word[where])).to_numpy()
        return self._one(stream, *self._unsaid(where[unlike], word[unlike]))

    def _of_class(self, stream: str, classes: Classes) -> tuple[Places, Keys]:
        """Places of words of a class, and of each another word of it, of another sense."""
        tokens, sense = self.tokens, senses(classes)
        wheres, words = [], []
        for each in classes:
            own = hashes_of([word for alike in each for word in alike])
            at = np.flatnonzero(np.isin(tokens.word, own))
            draw = self._draws(stream, at, tokens.place[at].astype(np.uint64))
            wheres.append(at)
            words.append(self.slots.only(own).drawn(tokens.narrow[at], draw))
        where, word = np.concatenate(wheres), np.concatenate(words)
        there = (word != 0) & self._as_usual(where, word)
        where, word = where[there], word[there]
        unlike = _looked_up(sense, word) != _looked_up(sense, tokens.word[where])
        return where[unlike], word[unlike]

    def _unsaid(self, where: Places, word: Keys) -> tuple[Places, Keys]:
        """Those that no text has which is known to say the same as the one that is edited."""
        new = ~np.isin(_pair(self.tokens.text[where], word), self.barred)
        return where[new], word[new]

    def _one(self, stream: str, where: Places, word: Keys) -> Texts:
        """Each text with one of these words put in its place."""
        order = self._draws(f"{stream}/order", where, self.tokens.place[where].astype(np.uint64))
        chosen = _one_each(self.tokens.text[where], order, np.ones(len(where), bool))
        return self._written(where[chosen], word[chosen])

    def _as_usual(self, where: Places, word: Keys) -> Bools:
        """Which words are as usual at a place as the one that is there: seen in a slot of it in
        other texts where that one is, and unseen where that one stands nowhere else.

        Otherwise a text would be the more, or the less, usual for being edited.
        """
        tokens, alike = self.tokens, np.ones(len(where), bool)
        for slot in (tokens.narrow[where], *(each[where] for each in tokens.wide)):
            elsewhere = self.slots.counts(slot, tokens.word[where]) > 1
            alike &= elsewhere == (self.slots.counts(slot, word) > 0)
        return alike

    def _counts(self, slot: Places, word: Places) -> Places:
        """How often the word at one place stands in the slot of another."""
        return self.slots.counts(self.tokens.narrow[slot], self.tokens.word[word])

    def _content_words(self) -> Keys:
        words = [word for word in self.slots.spelled.values() if _is_content(word)]
        return hashes_of(words)

    def _stems(self, words: Keys) -> pl.Series:
        """str[n]: the English stems of words."""
        import Stemmer

        spelled = self.tokens.spelled | self.slots.spelled
        different = np.unique(words)
        stems = Stemmer.Stemmer("english").stemWords([spelled[each] for each in different.tolist()])
        return pl.Series(stems, dtype=pl.String).gather(np.searchsorted(different, words))

    def _draws(self, stream: str, where: Places, cell: Keys) -> Doubles:
        """float64[n] in (0, 1), of some places of texts."""
        return uniforms(
            mix(self.keys[self.tokens.text[where]] + mix(cell)), stream_key(self.seed, stream)
        )

    def _written(self, where: Places, word: Keys) -> Texts:
        """The texts with words put at some places of theirs."""
        spelled = self.tokens.spelled | self.slots.spelled
        changes: dict[int, dict[int, str]] = {}
        for text, place, new in zip(
            self.tokens.text[where].tolist(), self.tokens.place[where].tolist(), word.tolist(),
            strict=True,
        ):  # fmt: skip
            changes.setdefault(text, {})[place] = spelled[new]
        return [
            rewritten(text, changes[number]) if number in changes else None
            for number, text in enumerate(self.texts)
        ]


def content(tokens: Tokens) -> Bools:
    """bool[tokens]: which are words of content: written small, and no function word."""
    words = [word for word in tokens.spelled.values() if _is_content(word)]
    return tokens.among(words)


def hashes_of(words: Sequence[str]) -> Keys:
    """uint64[words]"""
    return id_hashes(pl.Series(words, dtype=pl.String))


def senses(classes: Classes) -> tuple[Keys, Places]:
    """Hashes of the words of classes, sorted, and the number of the sense that each has."""
    words = {
        word: number
        for number, sense in enumerate(sense for each in classes for sense in each)
        for word in sense
    }
    hashes = hashes_of(list(words))
    order = np.argsort(hashes)
    return hashes[order], np.array(list(words.values()), np.int64)[order]


def _looked_up(sense: tuple[Keys, Places], word: Keys) -> Places:
    return sense[1][np.searchsorted(sense[0], word)]


def _beside(listing: Bools) -> Bools:
    """bool[tokens]: which are at most two tokens from one of `listing`, as in "and the dog"."""
    wide = np.concatenate([np.zeros(2, bool), listing, np.zeros(2, bool)])
    found: Bools = wide[:-4] | wide[1:-3] | wide[3:-1] | wide[4:]
    return found


def _is_content(word: str) -> bool:
    return len(word) > 1 and word.islower() and word[0].isalpha() and word not in _NO_CONTENT


_NO_CONTENT: Final = FUNCTION_WORDS.union(*(sense for each in RELATIONS for sense in each))


def _pair(text: Places, word: Keys) -> Keys:
    return mix(mix(text.astype(np.uint64)) + word)


def _near(tokens: Tokens, among: Places) -> tuple[Places, Places]:
    """Pairs of the tokens `among`, of one text, with at least one between and at most `REACH`."""
    many = np.searchsorted(among, among + REACH, "right") - np.arange(len(among)) - 1
    first = np.repeat(among, many)
    second = among[spread(np.arange(len(among)) + 1, many)]
    kept = (tokens.text[first] == tokens.text[second]) & (second - first >= 2)
    return first[kept], second[kept]


def _one_each(text: Places, order: Doubles, allowed: Bools) -> Places:
    """Where, among the allowed, each text's first in `order` is."""
    at = np.flatnonzero(allowed)
    at = at[np.lexsort((order[at], text[at]))]
    _, first = np.unique(text[at], return_index=True)
    return at[first]
