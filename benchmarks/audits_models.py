"""Checks of `negatives audit` that ask a language model: alarms where something is planted, and
where nothing is. Every row is 24 cases; intervals of the rates are exact, with 95% confidence.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from tests.models.taught_lm import save_taught

import negatives as neg
from benchmarks.audits import CASES, Row, line
from benchmarks.data import CACHE
from benchmarks.page import write_page
from benchmarks.smollm2 import smollm2
from negatives.arrays import Doubles
from negatives.machine import available_threads
from negatives.measure.audits import Subject, ask
from negatives.measure.audits.contamination import Contamination
from negatives.measure.audits.first_tokens import first_tokens
from negatives.measure.audits.machine_text import excess, lastde, lastde_plus
from negatives.models.causal_lm import CausalLM
from negatives.stats.auc import auc

EACH = 80
TOKENS = 48
STEPS = (10, 20, 40)
WRITTEN, PEOPLE, READ = 120, 480, 100
DRAWS = 100
SHARES = (0.05, 0.1, 0.2, 0.5)


def documents(count: int, seed: int) -> pl.DataFrame:
    """doc_id, text of longer documents of cranfield, drawn by chance."""
    corpus = neg.Collection.load("cranfield").corpus
    docs = corpus.filter(pl.col("text").str.len_chars() > 500).sort("doc_id")
    return docs[np.random.default_rng(seed).permutation(len(docs))[:count]]


def contaminated(folder: Path) -> Iterator[Row]:
    """A small model that was taught a test set's documents, more or less, and one that was not."""
    data = neg.Collection.load("cranfield")
    words, query = data.corpus["text"].to_list(), data.queries["query_id"][0]
    alarms: dict[tuple[str, int], list[bool]] = {}
    for case in range(CASES):
        drawn = documents(3 * EACH, case)
        seen, new, unseen = (drawn[start : start + EACH] for start in range(0, 3 * EACH, EACH))
        unseen.select("doc_id", "text").write_ndjson(folder / "unseen.jsonl")
        for steps in STEPS:
            texts = seen["text"].to_list()
            model = save_taught(folder / f"{case}-{steps}", texts, words, steps=steps, seed=case)
            check = Contamination(model=model, unseen=str(folder / "unseen.jsonl"), tokens=TOKENS)
            for what, docs in (("planted", seen), ("clean", new)):
                qrels = pl.DataFrame({"query_id": query, "doc_id": docs["doc_id"], "relevance": 1})
                qrels = qrels.cast(data.qrels.select(qrels.columns).schema)
                subject = Subject(
                    what, replace(data, qrels=qrels, origin=""), qrels.head(1).drop("relevance")
                )
                alarms.setdefault((what, steps), []).append(bool(ask(subject, [check]).alarms))
    for (what, steps), found in sorted(alarms.items(), key=lambda each: (each[0][0], each[0][1])):
        passes = steps * 16 / EACH
        yield f"{what}: the model was taught {EACH} texts, each {passes:g} times", found


def scores(draws: int) -> tuple[Doubles, Doubles]:
    """Lastde of what SmolLM2 wrote about cranfield's titles, and of cranfield; kept.

    With `draws` it is Lastde++.
    """
    kept = CACHE / f"audits-machine-text{f'-{draws}' if draws else ''}.npz"
    if not kept.is_file():
        folder = str(smollm2())
        model = CausalLM(folder, threads=available_threads())
        people = documents(PEOPLE, 0)["text"].to_list()
        texts = written(folder, [text[:60] for text in documents(PEOPLE + WRITTEN, 1)["text"]])
        kept.parent.mkdir(parents=True, exist_ok=True)
        read = [first_tokens(model, some, READ) for some in (texts, people)]
        machine, human = (
            lastde_plus(model, each.texts, READ, draws, 0) if draws else lastde(each.log_probs)
            for each in read
        )
        np.savez(kept, machine=machine, human=human)
    with np.load(kept) as held:
        return held["machine"], held["human"]


def written(folder: str, beginnings: list[str]) -> list[str]:
    """Abstracts that SmolLM2 goes on with, each from the beginning of another."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(0)
    net, reader = (each.from_pretrained(folder) for each in (AutoModelForCausalLM, AutoTokenizer))
    reader.padding_side, texts = "left", []
    reader.pad_token = reader.pad_token or reader.eos_token
    for start in range(0, WRITTEN, 20):
        asked = [
            f"Abstract of a paper on aerodynamics. {each}"
            for each in beginnings[start : start + 20]
        ]
        given = reader(asked, return_tensors="pt", padding=True)
        made = net.generate(
            **given, do_sample=True, temperature=0.9, min_new_tokens=READ + 10,
            max_new_tokens=READ + 10,
        )  # fmt: skip
        texts += reader.batch_decode(
            made[:, given["input_ids"].shape[1] :], skip_special_tokens=True
        )
    return texts


def machine_written(draws: int) -> Iterator[tuple[Row, str]]:
    """150 negatives, of which a share is written, beside 200 texts of people."""
    machine, human = scores(draws)
    for share in (0.0, *SHARES):
        found = []
        for case in range(CASES):
            rng = np.random.default_rng(case)
            people = rng.permutation(human)
            count = int(150 * share)
            negatives = np.concatenate(
                [people[200 : 350 - count], rng.permutation(machine)[:count]]
            )
            found.append((excess(people[:200], negatives).low or 0) > 0.02)
        what = f"planted: {share:.0%} of the negatives written by SmolLM2" if share else "clean"
        yield (what, found), ""


def main() -> None:
    """Measure, and write the page."""
    head = ["| cases | alarms | rate |", "|---|---|---|"]
    lines = ["## machine-text", "", _MACHINE]
    for name, draws in (("Lastde", 0), (f"Lastde++, {DRAWS} draws", DRAWS)):
        lines += ["", f"### {name}", "", *head]
        lines += [line(row, more) for row, more in machine_written(draws)]
        lines += ["", f"AUROC, written against found: {auc(*scores(draws)):.3f}."]
    with tempfile.TemporaryDirectory() as name:
        lines += ["", "## contamination", "", _CONTAMINATION, "", *head]
        lines += [line(row) for row in contaminated(Path(name))]
    write_page("audits-models", "Audits that ask a model", __doc__, lines)


_MACHINE = (
    f"SmolLM2-135M writes {WRITTEN} abstracts from the first 60 letters of cranfield's, and reads "
    f"{READ} tokens of each, and of {PEOPLE} of cranfield. A case draws 150 negatives and 200 "
    "texts of people. The model that reads is the one that wrote: the easiest case there is. An "
    "alarm is promised in at most 5% of clean cases."
)
_CONTAMINATION = (
    f"A Llama of one layer, words as its tokens, is taught {EACH} documents of cranfield; of as "
    "many others the check is asked too, and of both beside as many that it has not seen. An alarm "
    "is promised in at most 2.5% of clean cases."
)


if __name__ == "__main__":
    main()
