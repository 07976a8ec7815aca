"""What a loss of sequences compares: examples of right and wrong responses."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.batch.examples import Examples
from negatives.errors import DataError
from negatives.learn.sequence.loss import SequenceLoss
from negatives.learn.source import content_of
from negatives.learn.training_set import TrainingSet
from negatives.read.responses.folder import WRONG_FROM
from negatives.run.inputs import collection_of
from negatives.schema import Collection
from negatives.store.run import RELABELLED_FILE, Run
from negatives.text.naming import called
from negatives.wording import plural

Pairs = NDArray[np.int64]
"""int64[n, 2]: prompt and response, by row of the collection."""
FIRST: Final = 5


@dataclass(frozen=True)
class Responses:
    """The right and the wrong responses of a collection, each pair once, in order."""

    collection: Collection
    right: Pairs
    wrong: Pairs
    about: dict[str, Any]
    """What the account of a training says of the wrong ones."""

    @classmethod
    def of(cls, found: TrainingSet | Run | Collection) -> Responses:
        """Right are the positives; wrong what was judged so, given as negative, or mined.

        Raises `DataError` for responses that are both, and for empty ones.
        """
        collection = content_of(found)
        judged = collection.judged
        wrong = [_pairs(judged.filter(judged["relevance"] == 0)), _given(collection)]
        right = [collection.positives.to_numpy().astype(np.int64)]
        about: dict[str, Any] = {}
        if isinstance(found, Run):
            wrong.append(_pairs(collection_of(found).rows_of(found.negatives)))
            about = {"run": found.path.name, "recipe": found.recipe.name}
            if RELABELLED_FILE in found.manifest.files:
                right.append(_pairs(collection.rows_of(found.relabelled)))
        elif isinstance(found, TrainingSet):
            right.append(found.positives.astype(np.int64))
            query, place = np.nonzero(found.negatives >= 0)
            wrong.append(np.stack([query, found.negatives[query, place]], 1).astype(np.int64))
            about = {name: found.about[name] for name in ("run", "recipe", "file")
                     if name in found.about}  # fmt: skip
        made = cls(collection, _once(right), _once(wrong), about)
        made.refuse_bad()
        told = {**about, "negatives": len(made.wrong)} if len(made.wrong) else {}
        return cls(collection, made.right, made.wrong, told)

    def refuse_bad(self) -> None:
        """Raise for what nobody can learn from, in the words of prompts and responses."""
        keys = [self._keys(side) for side in (self.right, self.wrong)]
        both = {*keys[0]} & {*keys[1]}
        if both:
            raise self._refused(
                self.wrong[[at for at, key in enumerate(keys[1]) if key in both]],
                (
                    "is right and wrong at once: what is chosen is what is rejected",
                    "are right and wrong at once: what is chosen is what is rejected",
                ),
                "keep one of the two, or leave the pair out",
            )
        texts = self.collection.corpus["text"]
        empty = (texts.str.strip_chars() == "").fill_null(True).to_numpy()
        pairs = np.concatenate([self.right, self.wrong])
        if empty[pairs[:, 1]].any():
            raise self._refused(
                pairs[empty[pairs[:, 1]]],
                ("is empty", "are empty"),
                "give every prompt a response that says something, or leave it out",
            )

    def _keys(self, pairs: Pairs) -> list[tuple[int, int]]:
        """Keys of prompt and response, equal where both are the same."""
        prompts, responses = (self.collection.keys(side) for side in ("queries", "docs"))
        asked, said = prompts[pairs[:, 0]].tolist(), responses[pairs[:, 1]].tolist()
        return list(zip(asked, said, strict=True))

    def _refused(self, pairs: Pairs, what: tuple[str, str], fix: str) -> DataError:
        return DataError(
            f"{plural(len(pairs), 'response')} {what[len(pairs) != 1]}: "
            f"{self.named(pairs[:FIRST])}",
            where=f"collection {self.collection.name!r}",
            fix=fix,
        )

    def named(self, pairs: Pairs) -> str:
        """Some responses, for a message: by their prompts."""
        prompts, responses = self.collection.queries, self.collection.corpus
        return "; ".join(
            " -> ".join(
                (
                    called(prompts["query_id"][prompt], prompts["text"][prompt], 40),
                    called(responses["doc_id"][response], responses["text"][response], 40),
                )
            )
            for prompt, response in pairs.tolist()
        )

    def texts(self, pairs: Pairs) -> list[tuple[str, str]]:
        """Prompt and response of each pair."""
        prompts = self.collection.query_texts(pairs[:, 0].astype(np.uint32))
        responses = self.collection.doc_texts(pairs[:, 1].astype(np.uint32))
        return list(zip(prompts, responses, strict=True))


@dataclass(frozen=True)
class Compared:
    """The examples of one loss.

    `sides`: int64[n, 1 + most]: the prompt of each, then its responses, right ones first, -1 where
    it has fewer; `right` int64[n] counts the right ones. `kept`: right responses, of which one is
    drawn beside each example, where the loss keeps some.
    """

    responses: Responses
    sides: NDArray[np.int64]
    right: NDArray[np.int64]
    kept: Pairs

    def __len__(self) -> int:
        return len(self.sides)

    @cached_property
    def digest(self) -> str:
        """A hash of the examples."""
        made = hashlib.blake2b(digest_size=16)
        for table in (self.sides, self.right, self.kept):
            made.update(np.ascontiguousarray(table).tobytes())
        return made.hexdigest()

    @cached_property
    def examples(self) -> Examples:
        """As a batcher sees them: the prompt, and the responses."""
        known = self.responses.right
        return Examples(
            query=self.sides[:, 0].astype(np.int32),
            docs=self.sides[:, 1:].astype(np.int32),
            known=known.astype(np.int32),
        )

    def of(self, number: int) -> tuple[str, list[str], list[str]]:
        """The prompt of an example, its right and its wrong responses."""
        row = self.sides[number]
        found = self.responses.collection
        docs = row[1:][row[1:] >= 0]
        texts = found.doc_texts(docs.astype(np.uint32))
        count = int(self.right[number])
        return found.query_texts(row[:1].astype(np.uint32))[0], texts[:count], texts[count:]

    @cached_property
    def right_steps(self) -> dict[str, int]:
        """Of wrong responses whose first steps are right: the characters of those."""
        corpus = self.responses.collection.corpus
        if WRONG_FROM not in corpus.columns:
            return {}
        found = corpus.filter(pl.col(WRONG_FROM) > 1).select("text", WRONG_FROM)
        lines = ((text, text.split("\n")[: wrong - 1]) for text, wrong in found.iter_rows())
        return {text: len("\n".join(steps)) + 1 for text, steps in lines}

    def name(self, numbers: list[int]) -> str:
        """Some examples, for a message."""
        pairs = self.sides[numbers[:FIRST], :2]
        return self.responses.named(pairs)


def compared(found: Responses, loss: SequenceLoss, most: int) -> Compared:
    """The examples of a loss; `most`: wrong responses beside a right one, at most.

    Raises `DataError` where there are none, and where something is to be kept and nothing is right.
    """
    unit = loss.unit
    right, wrong = found.right, found.wrong
    where = (
        f"learn.kind = {loss.kind!r}, {plural(len(right), 'right response')}, "
        f"{plural(len(wrong), 'wrong one')}"
    )
    if not len(wrong) and unit != "right":
        raise DataError(
            "all responses are right, and the loss learns from wrong ones",
            where=where,
            fix="label some false (relevance 0; below 0 is not judged), give rejected ones, or "
            "mine a run; or learn from right ones alone: --set learn.kind=likelihood",
        )
    if not len(right) and (unit not in ("wrong", "each") or loss.keeps):
        keeps = "nothing is to be kept" if loss.keeps else "all responses are wrong"
        raise DataError(
            f"{keeps}: the loss needs right responses too",
            where=where,
            fix="add responses that are right, or to keep, with label true"
            + ("; or let nothing hold the rest: --set learn.retain=none" * loss.keeps),
        )
    if unit in ("wrong", "right", "each"):
        parts = {"wrong": [wrong], "right": [right], "each": [right, wrong]}[unit]
        rows = np.concatenate(parts)
        is_right = np.repeat([part is right for part in parts], [len(part) for part in parts])
        order = np.lexsort((rows[:, 1], rows[:, 0]))
        sides, counts = rows[order], is_right[order].astype(np.int64)
    else:
        sides, counts = _beside(right, wrong, most, loss.right_each, several=unit == "several")
        if not len(sides):
            raise DataError(
                "no prompt has both a right and a wrong response, and the loss compares them",
                where=where,
                fix="give the prompts of wrong responses right ones too, or take a loss of each by "
                "itself, such as --set learn.kind=kto or learn.kind=npo",
            )
    return Compared(found, sides, counts, right if loss.keeps else right[:0])


def _beside(
    right: Pairs, wrong: Pairs, most: int, each: int, *, several: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Examples of prompts that have both: every right one with up to `most` wrong ones, or every
    wrong one with up to `each` right ones.
    """
    names = {"query": pl.Int64, "doc": pl.Int64}
    good, bad = (pl.DataFrame(side, schema=names) for side in (right, wrong))
    if not several:
        place = pl.int_range(pl.len()).over("query")
        bad = bad.filter(place < max(1, most))
        rows = good.join(bad, on="query", suffix="_wrong").sort("query", "doc", "doc_wrong")
        return rows.to_numpy().astype(np.int64), np.ones(len(rows), np.int64)
    grouped = good.group_by("query", maintain_order=True).agg(pl.col("doc").head(each))
    rows = bad.join(grouped, on="query", suffix="_right").sort("query", "doc")
    width = int(cast("int", rows["doc_right"].list.len().max() or 0))
    made = np.full((len(rows), 2 + width), -1, np.int64)
    counts = np.zeros(len(rows), np.int64)
    for at, (query, doc, docs) in enumerate(rows.iter_rows()):
        made[at, 0] = query
        made[at, 1 : 1 + len(docs)] = docs
        made[at, 1 + len(docs)] = doc
        counts[at] = len(docs)
    return made, counts


def _pairs(frame: pl.DataFrame) -> Pairs:
    return frame.select("query", "doc").to_numpy().astype(np.int64)


def _given(collection: Collection) -> Pairs:
    return _pairs(collection.rows_of(collection.given.select("query_id", "doc_id")))


def _once(pairs: list[Pairs]) -> Pairs:
    return np.unique(np.concatenate(pairs), axis=0)
