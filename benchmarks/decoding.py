"""What steering does to what a small language model writes: contrastive decoding, negative prompts.

SmolLM2 (135M) writes two passages for each of some questions of medquad, drawn by ids, with the
generator `contrastive` with one setting after the other: as it is; amplified over the model without
the question (gamma 1.5); turned away from known answers (eta 0.3); both, the recipe `steer`; and
unsteered with several tries where it is unsure, the recipe `cautious-decoding`. *Distinct*: of all
runs of one, two or three words how many are different. *Two alike*: cosine of a question's two
passages. *On the subject*: whose own question is the nearest of all questions of the split, and
the cosine to it. *To the answer*: cosine to the nearest known answer. Vectors are MiniLM's.
*Judged*: how often a language model finds the passage likelier to answer its question than as many
words of an answer to another of the questions, ties as half, by the prompt `judge-yes-no` and the
odds of yes; what it makes of as many words of known answers says what such a judge is worth. Nobody
else has judged whether a passage is true. NEGATIVES_BENCH_QUERIES says how many questions (8), and
NEGATIVES_BENCH_GGUF names the judge's file (else it is SmolLM2 itself, 135M); what is written is
kept.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import negatives as neg
from benchmarks.data import CACHE, load
from benchmarks.figures import package
from benchmarks.learning import minilm
from benchmarks.page import write_page
from benchmarks.smollm2 import smollm2
from negatives.arrays import Floats
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.events import silent
from negatives.judge.llm_score import log_odds
from negatives.models.chat import Chat, Form
from negatives.models.open_encoder import open_encoder
from negatives.models.prompt import Prompt
from negatives.recipe import load_recipe
from negatives.schema import PAIR, Collection
from negatives.store.atomic import write_json

QUERIES = int(os.environ.get("NEGATIVES_BENCH_QUERIES", "8"))
WORK = CACHE / "decoding"
LONGEST = 48
WAYS: dict[str, dict[str, Any]] = {
    "as it is": {"gamma": 1.0, "eta": 0.0},
    "amplified": {"gamma": 1.5, "eta": 0.0},
    "turned away": {"gamma": 1.0, "eta": 0.3},
    "both": {"gamma": 1.5, "eta": 0.3},
    "several tries": {"gamma": 1.0, "eta": 0.0, "trials": 5},
}
KNOWN = "known answers"
OTHERS = 3
"""Answers to other questions that are judged of each question."""
PORT = 8471
GGUF = Path(os.environ.get("NEGATIVES_BENCH_GGUF", ""))
RECIPES = {"both": "steer", "several tries": "cautious-decoding"}


def some(data: Collection) -> Collection:
    """The collection, of whose questions a few have answers."""
    asked = data.qrels.filter(pl.col("relevance") > 0)["query_id"].unique().sort()
    draw = uniforms(id_hashes(asked), stream_key(0, "benchmark/decoding"))
    kept = pl.DataFrame({"id": asked, "draw": draw}).sort("draw").head(QUERIES)["id"].implode()
    return replace(data, qrels=data.qrels.filter(pl.col("query_id").is_in(kept)))


def passages(way: str, data: Collection) -> dict[str, Any]:
    """What is written by one setting, kept: texts by question, and the seconds."""
    path = WORK / f"{way.replace(' ', '-')}-{QUERIES}.json"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        began = time.perf_counter()
        stage = neg.Contrastive(
            model=str(smollm2()), documents=2, longest=LONGEST, shortest=24, **WAYS[way]
        )
        recipe = replace(load_recipe("bm25"), make=(stage,), name="decoding")
        with tempfile.TemporaryDirectory() as folder:
            run = neg.mine(data, Path(folder) / "run", recipe=recipe, threads=1)
            of = run.generated.select("query_id", "text").sort("query_id", "text")
        texts = {str(key[0]): group["text"].to_list() for key, group in of.group_by("query_id")}
        write_json(path, {"texts": texts, "seconds": round(time.perf_counter() - began, 1)})
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def distinct(texts: list[str], words: int) -> float:
    """Of all runs of so many words, the share that is different."""
    runs = [tuple(split[at : at + words]) for split in (text.lower().split() for text in texts)
            for at in range(len(split) - words + 1)]  # fmt: skip
    return len(set(runs)) / len(runs)


def unit(texts: list[str]) -> Floats:
    """MiniLM's vectors, of length 1."""
    made = np.asarray(open_encoder(minilm()).encode(texts).vectors, np.float32)
    found: Floats = made / np.linalg.norm(made, axis=1, keepdims=True)
    return found


def rows(data: Collection, every: Collection) -> dict[str, dict[str, float]]:
    """Figures of each way."""
    ids = every.queries["query_id"].to_list()
    questions = unit(every.queries["text"].to_list())
    text_of = dict(data.corpus.select("doc_id", "text").iter_rows())
    answers = {key[0]: unit([text_of[each] for each in group["doc_id"]])
               for key, group in data.qrels.group_by("query_id")}  # fmt: skip
    made, valid = {}, judged(data)
    for way in WAYS:
        found = passages(way, data)
        texts = [(query, text) for query, each in found["texts"].items() for text in each]
        vectors = unit([text for _, text in texts])
        at = np.array([ids.index(query) for query, _ in texts])
        scores = vectors @ questions.T
        pairs = [(one, one + 1) for one in range(len(texts) - 1)
                 if texts[one][0] == texts[one + 1][0]]  # fmt: skip
        near = [float((vectors[n] @ answers[query].T).max()) for n, (query, _) in enumerate(texts)]
        made[way] = {
            "passages": len(texts),
            **{f"distinct {n}": distinct([text for _, text in texts], n) for n in (1, 2, 3)},
            "two alike": float(np.mean([vectors[a] @ vectors[b] for a, b in pairs])),
            "own question nearest": float((scores.argmax(1) == at).mean()),
            "to the question": float(scores[np.arange(len(at)), at].mean()),
            "to the answer": float(np.mean(near)),
            "judged": valid[way],
            "s": found["seconds"],
        }
    return made | {KNOWN: {"judged": valid[KNOWN]}}


def odds(pairs: list[tuple[str, str]]) -> Floats:
    """Log-odds of yes of each question and passage, by a served model."""
    from tests.models.small_model import serving_model

    prompt = Prompt("judge-yes-no", ("query", "document"), ("positives",), ("swapped",))
    asked = [
        prompt.filled({"query": query, "document": text, "positives": ()}) for query, text in pairs
    ]
    file = GGUF if GGUF.suffix == ".gguf" else None
    with serving_model(2048, port=PORT, file=file) as model:
        chat = Chat(model, WORK / "replies", emit=silent)
        answers = chat.ask(prompt, asked, Form(longest=2, alternatives=20))
    return np.array([math.nan if each is None else log_odds(each) for each in answers], np.float32)


def judged(data: Collection) -> dict[str, float]:
    """Of each way, and of known answers, how often the judge puts it above another's answer."""
    words = dict(data.queries.select("query_id", "text").iter_rows())
    text_of = dict(data.corpus.select("doc_id", "text").iter_rows())
    first = data.qrels.filter(pl.col("relevance") > 0).unique("query_id").sort("query_id")
    known = {query: text_of[doc] for query, doc in first.select(*PAIR).iter_rows()}
    asked = [*known]
    written = {way: [(query, text) for query, each in passages(way, data)["texts"].items()
                     for text in each] for way in WAYS}  # fmt: skip
    length = round(float(np.mean([len(text.split()) for each in written.values()
                                  for _, text in each])))  # fmt: skip
    cut = {query: " ".join(text.split()[:length]) for query, text in known.items()}
    written[KNOWN] = [*cut.items()]
    others = [(query, cut[asked[(at + step) % len(asked)]]) for at, query in enumerate(asked)
              for step in range(1, 1 + OTHERS)]  # fmt: skip
    pairs = [*others, *(pair for each in written.values() for pair in each)]
    found = odds([(words[query], text) for query, text in pairs])
    beside = {query: found[at * OTHERS : (at + 1) * OTHERS] for at, query in enumerate(asked)}
    made, start = {}, len(others)
    for way, each in written.items():
        own = found[start : start + len(each)]
        start += len(each)
        won = [(np.sign(value - beside[query]) + 1) / 2
               for value, (query, _) in zip(own, each, strict=True)]  # fmt: skip
        made[way] = float(np.nanmean(won))
    return made


def lines(made: dict[str, dict[str, float]], data: Collection) -> Iterator[str]:
    """The table, and passages to look at."""
    names = list(next(iter(made.values())))
    yield from ("## medquad", "")
    judge = GGUF.stem if GGUF.suffix == ".gguf" else "SmolLM2 (135M)"
    yield f"{QUERIES} questions, {LONGEST} tokens a passage at most; judged by {judge}."
    yield from ("", f"| way | {' | '.join(names)} |", f"|---|{'---:|' * len(names)}")
    for way, row in made.items():
        cells = ["" if name not in row else f"{row[name]:.0f}" if name in ("passages", "s")
                 else f"{row[name]:.2f}" for name in names]  # fmt: skip
        yield f"| {way} | {' | '.join(cells)} |"
    yield from ("", "| question | way | passage |", "|---|---|---|")
    words = dict(data.queries.select("query_id", "text").iter_rows())
    for query in sorted(data.qrels["query_id"].unique())[:2]:
        for way in WAYS:
            text = passages(way, data)["texts"].get(query, [""])[0]
            shown = text.replace("|", "/").replace("\n", " ")[:200]
            yield f"| {words[query]} | {way} | {shown} |"


def main() -> None:
    """Write what is not yet written, measure, and write the page."""
    every = load("medquad@train")
    data = some(every)
    made = rows(data, every)
    about = {
        "stage": "medquad",
        "title": f"Passages for {QUERIES} questions of medquad",
        "metric": "share whose own question is the nearest of all",
        "model": "SmolLM2-135M",
        "seeds": 1,
        "beside": "as it is",
        "naive": round(made["as it is"]["own question nearest"], 5),
    }
    package(
        "decoding",
        {
            recipe: [{**about, "value": round(made[way]["own question nearest"], 5),
                      "seconds": made[way]["s"]}]
            for way, recipe in RECIPES.items()
        },
    )  # fmt: skip
    write_page("decoding", "What steering does to what is written", __doc__, lines(made, data))


if __name__ == "__main__":
    main()
