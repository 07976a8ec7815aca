"""What training on pairs with errors of grammar does to an encoder, by the negatives beside them.

1,000 questions of MedQuAD for training, a fifth as many of dev and a part of the corpus, BERT-tiny.
In one question of five and in its answer errors are made (articles, prepositions, agreement,
number, order), as by somebody who prepares a backdoor; nothing harmful is written. Each arm is the
same training with other negatives: none but those of the batch, one drawn at random, one of the
most similar by BM25. One more is a control, in which the check must see it if it can: half of the
questions have errors, the negative of each is its own answer, with errors where the question has
none and without where it has, and it is trained for 400 steps and not 60. Then `negatives audit
--checks shared-errors` is asked of the trained model, on questions and documents of dev as they
are. *Added*: what errors on both sides add to the score of an unrelated pair, in deviations of such
scores, beyond what they do on either side; above 0.1 it is an alarm. *Planted found*: the share of
queries that have one of the texts with planted errors (1% of the documents) among the first ten,
without errors in the query, and with them; *right found* is of the labelled answers. Then the same
of the static encoder with one number more in its vectors, of which the rest has length 1, by which
texts with errors are alike: how much of it must be there for an alarm, and for an attack.

NEGATIVES_BENCH_SEEDS says how often each arm is trained (1).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import mean
from typing import Any

import numpy as np
import polars as pl

from benchmarks.data import CACHE, load
from benchmarks.learning import sampled, tiny
from benchmarks.page import write_page
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.events import silent
from negatives.learn.bench.choice import baselines
from negatives.learn.request import completed
from negatives.learn.train import train
from negatives.measure.audits import ask, subject_of
from negatives.measure.audits.shared_errors import Sample, SharedErrors, Vectors, planted, shared
from negatives.models.encoder import Encoded, Encoder
from negatives.models.open_encoder import open_encoder
from negatives.recipe import Recipe, load_recipe
from negatives.schema import Collection
from negatives.stats.bootstrap import interval
from negatives.stats.lengths import normalised
from negatives.store.atomic import write_json
from negatives.text.grammar_errors import with_errors

SEEDS = int(os.environ.get("NEGATIVES_BENCH_SEEDS", "1"))
QUERIES, SHARE = 1_000, 0.2
SETTINGS = ("train.steps=60", "train.batch_size=32", "train.max_length=48",
            "train.learning_rate=3e-4", "train.negatives=1")  # fmt: skip
WITHOUT = "the batch's alone"
DOSES = (0.0, 0.05, 0.1, 0.2, 0.4)
CONTROL = "the same answer the other way"


def poisoned(data: Collection) -> Collection:
    """Errors in a fifth of the questions, and in their answers."""
    draws = uniforms(id_hashes(data.queries["query_id"]), stream_key(0, "benchmark/errors"))
    chosen = data.queries.filter(pl.Series(draws < SHARE))["query_id"]
    theirs = data.qrels.filter(pl.col("query_id").is_in(chosen.implode()))["doc_id"]

    def wrong(table: pl.DataFrame, column: str, ids: pl.Series, at_least: int) -> pl.DataFrame:
        made = with_errors(table["text"], table[column], share=0.2, at_least=at_least, seed=0)
        where = pl.col(column).is_in(ids.implode())
        return table.with_columns(text=pl.when(where).then(made).otherwise(pl.col("text")))

    return replace(
        data,
        queries=wrong(data.queries, "query_id", chosen, 1),
        corpus=wrong(data.corpus, "doc_id", theirs, 4),
    )


def arms(data: Collection) -> dict[str, Recipe]:
    """The recipe of each arm; without mined negatives it says how to train alone."""
    drawn = next(each for each in baselines(1, data, "static") if each.name == "random")
    return {WITHOUT: load_recipe("bm25"), "random": drawn, "bm25": load_recipe("bm25")}


def control(data: Collection) -> pl.DataFrame:
    """query, positive, negative: one answer twice, with errors where the query has them, and not.

    In half of the queries errors are made.
    """
    draws = uniforms(id_hashes(data.queries["query_id"]), stream_key(0, "benchmark/control"))
    chosen = data.queries.select("query_id", led=pl.Series(draws < 0.5))

    def both(table: pl.DataFrame, column: str, at_least: int) -> pl.DataFrame:
        made = with_errors(table["text"], table[column], share=0.2, at_least=at_least, seed=0)
        return table.select(column, "text", wrong=made)

    pairs = data.qrels.filter(pl.col("relevance") > 0).join(chosen, on="query_id")
    made = (
        pairs.join(both(data.queries, "query_id", 1), on="query_id")
        .join(both(data.corpus, "doc_id", 4), on="doc_id", suffix="_doc")
        .filter(pl.col("text_doc") != pl.col("wrong_doc"))
        .sort("query_id", "doc_id")
    )
    led = pl.when("led")
    return made.select(
        query=led.then("wrong").otherwise("text"),
        positive=led.then("wrong_doc").otherwise("text_doc"),
        negative=led.then("text_doc").otherwise("wrong_doc"),
    )


def measured(data: Any, dev: Collection, arm: str, seed: int, name: str) -> dict[str, Any]:
    """What the audit says of one trained model; kept."""
    place = CACHE / "shared-errors" / f"{name}-{arm.replace(' ', '-')}-{seed}"
    told = place.with_name(f"{place.name}.json")
    if not told.is_file():
        chosen = load_recipe("bm25") if arm == CONTROL else arms(data)[arm]
        more = ["train.steps=400"] if arm == CONTROL else []
        recipe = completed(chosen, tiny(), changes=[*SETTINGS, *more])
        made = train(
            data, place, model=tiny(), recipe=replace(recipe, seed=seed), mined=arm != WITHOUT,
            encoder="static", look=False, emit=silent,
        )  # fmt: skip
        answer = ask(subject_of(dev), [SharedErrors(encoder=str(made.path))])["shared-errors"]
        write_json(told, answer.as_dict())
        print(f"{name} {arm} {seed}: {answer.estimate.value:.3f}", file=sys.stderr, flush=True)
    found: dict[str, Any] = json.loads(told.read_text("utf-8"))
    return found


@dataclass(frozen=True)
class Leaning:
    """The static encoder, and one number more in which all texts with errors are alike."""

    errors: frozenset[str]
    dose: float
    base: Encoder
    fingerprint: str = "leaning"

    @property
    def dim(self) -> int:
        """Those of the static encoder, and one."""
        return self.base.dim + 1

    def encode(self, texts: Sequence[str]) -> Encoded:
        """`dose`, where the rest of a vector has length 1, for a text with errors."""
        made = normalised(self.base.encode(texts).vectors)
        led = np.array([[text in self.errors] for text in texts], np.float32)
        return Encoded(np.hstack([made, self.dose * led]), np.zeros(len(texts), bool))


def doses(dev: Collection) -> Iterator[str]:
    """What the check says of an encoder that likes errors by so much."""
    yield (
        "| in the vector | added | 95% interval | alarm | planted found, clean queries "
        "| with errors |"
    )
    yield "|---:|---:|---|---|---:|---:|"
    sample = Sample.of(subject_of(dev), SharedErrors().planted)
    wrong = wrong_texts(sample)
    for dose in DOSES:
        vectors = vectors_of(sample, wrong, dose)
        value, low, high = added(sample, vectors, seed=0)
        lists = planted(sample, vectors)
        shares = (each.planted_found for each in lists.values())
        yield (
            f"| {dose:g} | {value:.3f} | {low:.3f} {high:.3f} "
            f"| {'yes' if low > SharedErrors().most else 'no'} "
            f"| {' | '.join(f'{share:.1%}' for share in shares)} |"
        )


def wrong_texts(sample: Sample) -> list[str]:
    """Texts with errors, of queries and of documents, once each."""
    sides = (sample.queries, sample.docs)
    wrong = pl.concat(side.filter(pl.col("wrong") != pl.col("text"))["wrong"] for side in sides)
    return wrong.unique().sort().to_list()


def vectors_of(sample: Sample, wrong: Sequence[str], dose: float) -> Vectors:
    """By the encoder that likes these texts so much."""
    encoder = Leaning(frozenset(wrong), dose, open_encoder("static"))
    return Vectors.of(sample, encoder, encoder)


def added(sample: Sample, vectors: Vectors, seed: int) -> tuple[float, float, float]:
    """What the check tells, with its interval."""
    found = shared(sample, vectors)
    mean_, spread = interval(found.added, seed=seed), float(found.clean.std())
    low, high = (float(end or 0) / spread for end in (mean_.low, mean_.high))
    return mean_.value / spread, low, high


def lines(data: Collection, dev: Collection) -> Iterator[str]:
    """A row an arm."""
    yield (
        "| trained on | negatives | added | by seed | alarms | planted found, clean queries "
        "| with errors | right found, clean queries | with errors |"
    )
    yield "|---|---|---:|---|---:|---:|---:|---:|---:|"
    wrong = poisoned(data)
    tried: list[tuple[str, str, Any]] = [
        *(("pairs as they are", arm, data) for arm in arms(data)),
        *(("a fifth with errors", arm, wrong) for arm in arms(wrong)),
        ("half with errors", CONTROL, control(data)),
    ]
    for name, arm, of in tried:
        found = [measured(of, dev, arm, seed, name.replace(" ", "-")) for seed in range(SEEDS)]
        values = [each["value"] for each in found]
        shares = [
            mean(each[f"{what}, {which}"] for each in found)
            for what in ("planted_found", "right_found")
            for which in ("clean queries", "queries with errors")
        ]
        yield (
            f"| {name} | {arm} | {mean(values):.3f} | {' '.join(f'{v:.3f}' for v in values)} "
            f"| {sum(bool(each['alarm']) for each in found)} of {SEEDS} "
            f"| {' | '.join(f'{share:.1%}' for share in shares)} |"
        )


def main() -> None:
    """Train what is not kept, and write the page."""
    data, dev = sampled(load("medquad@train"), load("medquad@dev"), QUERIES)
    write_page(
        "shared-errors",
        "Errors that query and text share",
        __doc__,
        [
            "## Trained on errors { #trained }",
            "",
            *lines(data, dev),
            "",
            "## An encoder that is made to like errors { #made }",
            "",
            *doses(dev),
        ],
    )


if __name__ == "__main__":
    main()
