"""Whether planted sequences give away a model that was trained on them, by length and repetitions.

Meeus et al. (2024) plant sequences that a language model wrote, and hold out others that are as
probable ("copyright traps"). Here a Llama of one layer, words as its tokens, that knows cranfield
writes them, `negatives data canaries` plants them into documents of cranfield, and another such
model is taught these documents once, from nothing. Then planted sequences are to be told from those
held out: by how probable the model finds them (the loss), by Min-K% and Min-K%++, and by the loss
beside that of a model that was taught the same documents without them. In the row of no repetition
that other model is asked itself, for which the two sorts are alike: what differs from 0.5 there is
the luck of so few sequences, and the last column is free of it. A small model that reads little
else remembers far more than a large one that reads much: what is to be seen here is in which
direction it goes.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import polars as pl
from tests.models.taught_lm import READ, save_taught

import negatives as neg
from benchmarks.data import CACHE
from benchmarks.page import write_page
from negatives.arrays import Doubles
from negatives.measure.audits.contamination import Score, scored
from negatives.measure.audits.token_deviations import token_deviations
from negatives.measure.canaries import Canaries, plant_canaries
from negatives.models.causal_lm import CausalLM
from negatives.schema import Collection
from negatives.stats.auc import auc

LENGTHS, REPEATS = (8, 24), (1, 4, 16, 64)
COUNT, DOCUMENTS, SEEDS = 20, 200, 3
AT_ONCE = 16
BESIDE = "loss, beside a model without"
WORD = re.compile(r"\w+|[^\w\s]+")


def windows(data: Collection) -> list[str]:
    """All documents, cut into as many words as are read at once."""
    words = [WORD.findall(text) for text in data.corpus["text"]]
    return [
        " ".join(each[start : start + READ])
        for each in words
        for start in range(0, len(each) - READ + 1, READ)
    ]


def taught(folder: Path, data: Collection, words: list[str], seed: int) -> CausalLM:
    """A model that was taught every window once, or nearly: they are drawn batch by batch."""
    texts = windows(data)
    name = save_taught(folder, texts, words, steps=len(texts) // AT_ONCE, seed=seed)
    return CausalLM(name)


def scores(model: CausalLM, texts: list[str]) -> dict[str, Doubles]:
    """By score, of each text."""
    said = [each.log_probs for each in model.continuations([("", text) for text in texts])]
    each = {"min-k++": token_deviations(model, texts)}
    return {name: scored(each.get(name, said), texts, name) for name in get_args(Score)}


def told(model: CausalLM, without: CausalLM, made: Canaries) -> dict[str, float]:
    """AUROC by score."""
    sides = [table["text"].to_list() for table in (made.planted, made.unseen)]
    ours, theirs = (scores(model, texts) for texts in sides)
    found = {name: auc(ours[name], theirs[name]) for name in ours if name != "zlib"}
    if model is not without:
        plain = [scores(without, texts)["loss"] for texts in sides]
        found[BESIDE] = auc(ours["loss"] - plain[0], theirs["loss"] - plain[1])
    return found


def kept() -> Iterator[tuple[int, int, dict[str, float]]]:
    """What `measured` says, kept when all of it is there, so that the page can be written anew."""
    place = CACHE / f"canaries-{COUNT}-{DOCUMENTS}.jsonl"
    if not place.is_file():
        found = []
        with tempfile.TemporaryDirectory() as folder:
            for each in measured(Path(folder)):
                found.append(json.dumps(each))
                print(found[-1], file=sys.stderr, flush=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("\n".join(found))
    for row in place.read_text().splitlines():
        length, repeats, by_score = json.loads(row)
        yield length, repeats, by_score


def measured(folder: Path) -> Iterator[tuple[int, int, dict[str, float]]]:
    """Length, repetitions and AUROC by score of each seed."""
    data = neg.Collection.load("cranfield")
    words = data.corpus["text"].to_list()
    some = data.corpus.filter(pl.col("text").str.len_chars() > 500).sort("doc_id")
    writer = CausalLM(
        save_taught(folder / "writer", words[:200], words, steps=60),
    )
    for seed in range(SEEDS):
        docs = some[np.random.default_rng(seed).permutation(len(some))[:DOCUMENTS]].sort("doc_id")
        docs = docs.with_columns(row=pl.int_range(len(docs), dtype=pl.UInt32))
        part = replace(data, corpus=docs, qrels=data.qrels.head(0), origin="")
        without = taught(folder / f"{seed}", part, words, seed)
        for length in LENGTHS:
            for repeats in REPEATS:
                made = plant_canaries(
                    part, writer, count=COUNT, tokens=length, repeats=repeats, seed=seed
                )
                if repeats == REPEATS[0]:
                    yield length, 0, told(without, without, made)
                where = folder / f"{seed}-{length}-{repeats}"
                model = taught(where, made.collection, words, seed)
                yield length, repeats, told(model, without, made)


def main() -> None:
    """Plant, teach, ask, and write the page."""
    found: dict[tuple[int, int], list[dict[str, float]]] = {}
    for length, repeats, each in kept():
        found.setdefault((length, repeats), []).append(each)
    names = ["loss", "min-k", "min-k++", BESIDE]
    lines = [f"| words | planted | {' | '.join(names)} |", "|---:|---:" + "|---" * len(names) + "|"]
    for (length, repeats), seeds in sorted(found.items()):
        cells = [
            f"{np.mean(values):.2f} ({min(values):.2f} to {max(values):.2f})" if values else "–"
            for values in ([each[name] for each in seeds if name in each] for name in names)
        ]
        lines.append(f"| {length} | {repeats} times | {' | '.join(cells)} |")
    write_page("canaries", "Canaries", __doc__, [_SETTING, "", *lines])


_SETTING = (
    f"AUROC by which {COUNT} planted sequences are told from {COUNT} held out, each planted into a "
    f"document of its own of {DOCUMENTS}: mean, lowest and highest of {SEEDS} seeds, which draw "
    "documents, sequences and the model."
)


if __name__ == "__main__":
    main()
