"""What labels mean, told by their own items: examples, words, and near misses of each.

A reconstruction, from its abstract, of "Thinking Like an Annotator: Generation of Dataset Labeling
Instructions". A category is a document that several queries are labelled with, as in extreme
classification, and its items are those queries. A few of its items and a few words are chosen
that, as queries of a retrieval system which nobody trains, find its items among all others best.
They are chosen on one part of the items, and how well they find is measured on the other.

Nothing grows with the square of the collection: a category is told by so many of its items at most,
and against so many others, which are all drawn by what they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from negatives.arrays import Doubles, Floats, Places, Rows
from negatives.chance import stream_key, uniforms
from negatives.errors import DataError, InputError
from negatives.events import Emit, Progress, silent
from negatives.machine import MODEST, Machine
from negatives.measure.evaluation import refuse_unjudged
from negatives.measure.finding_sets import Candidates, average_precisions
from negatives.measure.labelled_items import LabelledItems, enough
from negatives.models.by_id import IdEncoder
from negatives.models.embedding import Embedded, embed
from negatives.models.encoder import Encoder, reading, sides
from negatives.models.open_encoder import open_encoder
from negatives.opening import Context
from negatives.schema import Collection
from negatives.search.words import Words, stop_words
from negatives.stats.lengths import normalised
from negatives.store.scratch import scratch_folder
from negatives.store.vectors import read_rows

OWN: Final = 250
"""Items of a category that are looked at, at most, those held out included;"""
AGAINST: Final = 2_000
"""and others that sets are chosen against."""
OFFERED: Final = 30
"""Examples, and as many words, that a set is chosen from."""

CHOSEN: Final = "chosen"
NAME: Final = "its own name"
RANDOM: Final = "as many random examples"
CENTRAL: Final = "as many examples nearest the centre"
NAMED_CENTRAL: Final = "its name and the examples nearest the centre"
SETS: Final = (CHOSEN, NAME, RANDOM, CENTRAL, NAMED_CENTRAL)
"""Sets that are measured on the items held out: the chosen one, and what is there without it."""

_EXAMPLE, _WORDS = 0, 1
_WORDS_OF: Final = Words(stop_words=stop_words("english"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`least`: distinct items a category must have; `examples`, `words`, `near`: at most so many.

    Of `folds` equal parts of the items the one with the number `fold` is held out.
    """

    least: int = 10
    examples: int = 3
    words: int = 5
    near: int = 3
    folds: int = 5
    fold: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, low, high in (
            ("folds", 2, 20),
            ("least", max(5, self.folds), OWN),
            ("examples", 1, OFFERED),
            ("words", 0, OFFERED),
            ("near", 0, 50),
            ("fold", 0, self.folds - 1),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(
                    f"{name} is {value:,}", where=name, fix=f"give a number from {low} to {high}"
                )


@dataclass(frozen=True, slots=True)
class Instruction:
    """A category by its document's row: what stands for it, and how well that finds its items.

    `examples` and `near` are rows of queries, the near misses beginning with the nearest. `reached`
    is the average precision on the part chosen on, after each member; `found` that on the items
    held out, of each of `SETS`.
    """

    doc: int
    items: int
    held_out: Rows
    examples: tuple[int, ...]
    words: tuple[str, ...]
    near: tuple[int, ...]
    reached: tuple[float, ...]
    found: Mapping[str, float]


@dataclass(frozen=True)
class Instructions:
    """`categories`, those with most items first; `left_out`: why others are not, and how many."""

    collection: Collection
    encoder: str
    wanted: Wanted
    categories: tuple[Instruction, ...]
    left_out: Mapping[str, int]

    def values(self, name: str) -> Doubles:
        """float64[categories]: the average precision of one of `SETS` on the items held out."""
        return np.array([each.found[name] for each in self.categories])


def instructions(
    collection: Collection,
    encoder: str = "static",
    wanted: Wanted | None = None,
    *,
    labels: Sequence[str] = (),
    machine: Machine = MODEST,
    emit: Emit = silent,
) -> Instructions:
    """Examples, words and near misses of every document that enough queries are labelled with.

    `labels`: ids of documents, where not all are wanted. Raises `InputError` where one of them is
    none, `DataError` where no document has enough items.
    """
    wanted = wanted or Wanted()
    refuse_unjudged(collection, "no query has a positive")
    opened = open_encoder(encoder, threads=machine.threads, device=machine.device, emit=emit)
    items = LabelledItems(collection, wanted.seed)
    docs, left_out = enough(items, max(5, wanted.folds), wanted.least, labels)
    with scratch_folder() as scratch:
        context = Context(collection, scratch, machine, seed=wanted.seed, emit=emit)
        embedded = embed(opened, context, name=encoder, label="instructions")
        work = _Work(items, wanted, opened, embedded)
        made: list[Instruction] = []
        for done, doc in enumerate(docs):
            emit(Progress("instructions", done, len(docs), "labels"))
            if (found := work.of(doc)) is None:
                left_out["nearly every item has them"] += 1
            else:
                made.append(found)
        emit(Progress("instructions", len(docs), len(docs), "labels"))
    if not made:
        raise DataError(
            "nearly every item has each label, so there is nothing to tell it from",
            where=f"collection {collection.name!r}",
            fix="name data in which queries are labelled with different documents",
        )
    return Instructions(collection, encoder, wanted, tuple(made), dict(left_out))


@dataclass
class _Work:
    """All that is the same for every category."""

    items: LabelledItems
    wanted: Wanted
    encoder: Encoder
    embedded: Embedded

    def __post_init__(self) -> None:
        data, read = self.items.data, self.embedded.needs
        self._empty = data.lacking("queries", read.queries)
        self._nameless = np.isin(np.arange(len(data.corpus)), data.lacking("docs", read.docs))
        others = self.items.others
        self._others = others[~np.isin(self.items.rows[others], self._empty)]
        self._vectors = self._of(self._others)
        self._part = self.items.parts(self.wanted.folds)[self._others]
        self._background = _Counted(self, self._others[:AGAINST])

    @property
    def reads_words(self) -> bool:
        """Whether words can be compared with items at all."""
        contents = getattr(self.encoder, "contents", ("text",))
        return not isinstance(self.encoder, IdEncoder) and "text" in contents

    def _of(self, places: Places) -> Floats:
        """float32[n, dim]: vectors of items, zeros where there is nothing to read."""
        order = np.argsort(places, kind="stable")
        made = np.empty((len(places), self.embedded.queries.shape[1]), np.float32)
        made[order] = read_rows(self.embedded.queries, places[order])
        made[np.isin(self.items.rows[places], self._empty)] = 0
        return made

    def of(self, doc: int) -> Instruction | None:
        """One category; None where there are no others to tell it from."""
        wanted, items = self.wanted, self.items
        distinct = items.distinct(doc)
        drawn = distinct[:OWN]
        held = np.arange(len(drawn)) % wanted.folds == wanted.fold
        own, test = drawn[~held], drawn[held]
        strange = ~np.isin(self._others, items.of_label[doc])
        near_by = strange & (self._part != wanted.fold)
        against = np.flatnonzero(near_by[:AGAINST])
        rest = np.flatnonzero(strange & (self._part == wanted.fold))
        if not len(against) or not len(rest):
            return None

        offered = own[:OFFERED]
        mine = self._of(own)
        name = self._name(doc)
        words, vectors = self._words(doc, own, against)
        members = np.concatenate([mine[: len(offered)], vectors])
        ranked = np.concatenate([mine, self._vectors[against]])
        itself = np.zeros((len(members), len(ranked)), bool)
        itself[np.arange(len(offered)), np.arange(len(offered))] = True
        candidates = Candidates(
            likeness=members @ ranked.T,
            own=itself,
            relevant=np.arange(len(ranked)) < len(own),
            kind=np.repeat([_EXAMPLE, _WORDS], [len(offered), len(words)]),
            most=(wanted.examples, wanted.words),
        )
        chosen, reached = candidates.greedy(first=_EXAMPLE)

        size = len(chosen)
        centre = mine.mean(axis=0)
        nearest_ = np.argsort(-(mine @ centre), kind="stable")
        by_chance = np.argsort(self._chance(own), kind="stable")
        queries = {
            CHOSEN: members[chosen],
            NAME: name[None],
            RANDOM: mine[by_chance[:size]],
            CENTRAL: mine[nearest_[:size]],
            NAMED_CENTRAL: np.concatenate([name[None], mine[nearest_[: size - 1]]]),
        }
        means = np.stack([each.mean(axis=0) for each in queries.values()], axis=1)
        scores = self._vectors @ means
        values = average_precisions(
            np.concatenate([self._of(test) @ means, scores[rest]]).T,
            np.arange(len(test) + len(rest)) < len(test),
        )
        examples = [place for place in chosen if place < len(offered)]
        return Instruction(
            doc=doc,
            items=len(distinct),
            held_out=items.rows[test],
            examples=tuple(int(items.rows[offered[place]]) for place in examples),
            words=tuple(words[place - len(offered)] for place in chosen if place >= len(offered)),
            near=self._near(doc, np.where(near_by, scores[:, 0], -np.inf)),
            reached=tuple(reached),
            found=dict(zip(queries, values.tolist(), strict=True)),
        )

    def _chance(self, places: Places) -> Doubles:
        """By which random examples are drawn: not the order in which examples are offered."""
        return uniforms(self.items.keys[places], stream_key(self.items.seed, "instructions/random"))

    def _name(self, doc: int) -> Floats:
        """float32[dim]: the label's own vector; zeros where it has nothing to be read."""
        made = np.array(read_rows(self.embedded.docs, np.array([doc]))[0])
        if self._nameless[doc]:
            made[:] = 0
        return made

    def _words(self, doc: int, own: Places, against: Places) -> tuple[list[str], Floats]:
        """Words that may name a category: its own texts, and those that its items have and others
        have not; and their vectors.
        """
        texts: list[str] = []
        if self.reads_words:
            data = self.items.data
            there = [name for name in ("text", "title") if data.has("docs", name)]
            held = [data.corpus[name][doc] or "" for name in there]
            texts = [*dict.fromkeys(each for each in held if each.strip())]
            texts += [each for each in self._telling(own, against) if each not in texts]
        if not texts:
            return [], np.empty((0, self.embedded.queries.shape[1]), np.float32)
        encoder = reading(sides(self.encoder)[1], "text")
        return texts, normalised(encoder.encode(texts).vectors)

    def _telling(self, own: Places, against: Places) -> list[str]:
        """Words by p log(p / q), their shares of the category's texts and of others: the highest.

        A word of a single item is none of the category.
        """
        words, word, _, _ = _WORDS_OF.counted(self.items.texts(own))
        count = np.bincount(word, minlength=len(words))
        here = count / len(own)
        there = (self._background.of(words, against) + 0.5) / (len(against) + 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            told = np.where(count > 1, here * np.log(here / there), 0)
        order = np.argsort(-told, kind="stable")[:OFFERED]
        return [words[place] for place in order if told[place] > 0]

    def _near(self, doc: int, scores: Floats) -> tuple[int, ...]:
        """Rows of the items most like the set that are labelled otherwise, no two of one text.

        scores: float32[others], below all where an item cannot be one.
        """
        best = np.argsort(-scores, kind="stable")[: np.isfinite(scores).sum()]
        seen = {int(key) for key in self.items.keys[self.items.of_label[doc]]}
        found: list[int] = []
        for each in self._others[best].tolist():
            if len(found) == self.wanted.near:
                break
            if (key := int(self.items.keys[each])) not in seen:
                seen.add(key)
                found.append(int(self.items.rows[each]))
        return tuple(found)


class _Counted:
    """In how many of some items each word occurs."""

    def __init__(self, work: _Work, places: Places) -> None:
        words, self._word, self._text, _ = _WORDS_OF.counted(work.items.texts(places))
        self._place = dict(zip(words, range(len(words)), strict=True))
        self._texts = len(places)

    def of(self, words: Sequence[str], among: Places) -> Doubles:
        """float64[n]: in how many of the items at `among` each word is."""
        kept = np.zeros(self._texts, bool)
        kept[among] = True
        count = np.bincount(self._word[kept[self._text]], minlength=len(self._place) + 1)
        count[-1] = 0
        return count[[self._place.get(word, -1) for word in words]].astype(np.float64)
