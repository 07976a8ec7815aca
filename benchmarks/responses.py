"""Right and wrong solutions of gsm8k: what each loss makes of them, and of wrong labels.

Model solutions of 303 questions that have both, a right and a wrong one, at most 75 words long;
questions are parted (55, 15 and 30%), anew for every seed. A Llama of random weights (128 numbers
wide, two layers, a word or a digit a token) learns for 150 steps solutions of gsm8k's own train,
written by people, and is the *start* of all arms. Each then has 24 steps of 8 responses (a pair is
two), its recipe as it is shipped but for model, steps, batch and learning rate, of which two are
tried at the first seed without errors, on the verifier of the validation part. That is little, so
that all arms, seeds and errors take half an hour of one processor. Of the test part, which nothing
else sees: the negative log-likelihood of a token of right and of wrong solutions; the *gap*, of
wrong ones less that of right ones of the same question, the mean over questions; *less the
control's* (the likelihood of right ones), by question, over seeds, with a 95% interval and Holm's p
of sign flips; the *verifier*, how often a right solution has the higher mean log-probability than a
wrong one of its question (each question counts once; .5 is chance); AUC over all solutions. Arms
that learn words before each response are asked with the words of right ones, and once more by the
difference to the words of wrong ones, whose gap is of that difference. Labels are turned round,
right to wrong and wrong to right alike, in the train part only. Controls without a model: the
shorter solution is right; the one whose author has more right ones in the train part.

NEGATIVES_BENCH_SEEDS says how often (3), NEGATIVES_BENCH_PLANTED how many of the shares 0, .2 and
.1 of labels are turned (3), NEGATIVES_BENCH_TOY=1 cuts all steps to a few. Figures are kept in
.cache/benchmarks/responses, seed by seed, and what is there is not done again; with labels turned
only seeds that have all shares are compared.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import mean
from typing import Any

import torch

from benchmarks.data import CACHE
from benchmarks.figures import package
from benchmarks.page import write_page
from benchmarks.solutions import Solution, parted, planted, spaced, words_of, written
from benchmarks.solutions import written_by_people as people
from benchmarks.told_responses import by_question, lines, packaged
from benchmarks.unlearning import random_model
from benchmarks.unlearning import written as plainly_written
from negatives.arrays import Doubles
from negatives.events import silent
from negatives.learn.request import completed
from negatives.learn.sequence.loss import SequenceLoss
from negatives.learn.train import train
from negatives.measure.responses import Said, said_by
from negatives.models.causal_lm import CausalLM
from negatives.read import load
from negatives.recipe import load_recipe
from negatives.store.atomic import write_json

SEEDS = int(os.environ.get("NEGATIVES_BENCH_SEEDS", "3"))
TOY = bool(os.environ.get("NEGATIVES_BENCH_TOY"))
WORK = CACHE / ("responses-toy" if TOY else "responses")
BEGINNING, STEPS = (6, 2) if TOY else (150, 24)
AT_ONCE = 8
"""Responses a step."""
SEEN = 20
"""Questions of the train part that are asked again."""
RATES = (3e-4, 1e-3)
WORDS = 2_000
"""The model's vocabulary: the most frequent ones."""
PLANTED = (0.0, 0.2, 0.1)
"""Shares of labels that are turned round, in the order in which they are tried."""
TRIED = int(os.environ.get("NEGATIVES_BENCH_PLANTED", "3"))
START = "the start"


@dataclass(frozen=True)
class Arm:
    """A recipe and what is changed in it; what stands between a prompt and a response that is
    asked for, and between it and one that is told to be wrong, where there are such words.
    """

    recipe: str
    changes: tuple[str, ...] = ()
    asks: str = "\n"
    against: str = ""
    shipped: bool = False
    """Whether it is its recipe but for what every arm changes: the figure is the recipe's."""


ARMS: dict[str, Arm] = {
    "likelihood of right": Arm("default", ("learn.kind=likelihood",)),
    "DPO": Arm("negative-gradient", shipped=True),
    "DPO from the wrong step": Arm("negative-gradient", ("train.from_wrong_step=true",)),
    "IPO": Arm("negative-gradient", ("learn.kind=ipo",)),
    "SLiC": Arm("negative-gradient", ("learn.kind=slic",)),
    "SimPO": Arm("negative-gradient", ("learn.kind=simpo",)),
    "ORPO": Arm("negative-gradient", ("learn.kind=orpo",)),
    "KTO": Arm("negative-gradient", ("learn.kind=kto",)),
    "TOPR, c = -0.5": Arm("topr", ("learn.baseline=-0.5",)),
    "TOPR, c = 0": Arm("topr", shipped=True),
    "TOPR, c = 0.5": Arm("topr", ("learn.baseline=0.5",)),
    "negative only": Arm("negative-only-rl", shipped=True),
    "unlikelihood": Arm("default", ("learn.kind=unlikelihood",)),
    "quality margin": Arm("qcrd", shipped=True),
    "chain of hindsight": Arm(
        "chain-of-hindsight",
        asks="\nA helpful answer: ",
        against="\nAn unhelpful answer: ",
        shipped=True,
    ),
    "marked": Arm("refusal-tokens", asks="\n[respond] ", against="\n[refuse] ", shipped=True),
    "refinement": Arm("thought-refinement", shipped=True),
    "perturbed states": Arm("claps", shipped=True),
}


@cache
def vocabulary() -> tuple[str, ...]:
    """The most frequent words of what people wrote, and those that losses put in."""
    texts = [spaced(text) for pair in people() for text in pair]
    put_in = [text for arm in ARMS.values() for text in (arm.asks, arm.against)]
    put_in.append("Think again, and give a better answer: ")
    counted = Counter(word for text in texts for word in words_of(text))
    return (*{word for text in put_in for word in words_of(text)},
            *(word for word, _ in counted.most_common(WORDS)))  # fmt: skip


def learned(
    out: Path, arm: Arm, model: Path, source: Path, rate: float, steps: int, seed: int
) -> None:
    """A training, in a folder of its own."""
    chosen = completed(load_recipe(arm.recipe), str(model), "language-model", arm.changes)
    loss = chosen.learn
    assert isinstance(loss, SequenceLoss)
    examples = AT_ONCE // 2 if loss.unit == "pair" or loss.keeps else AT_ONCE
    settings = (
        *arm.changes, f"train.steps={steps}", f"train.evaluate={steps}",
        f"train.batch_size={examples}", f"train.learning_rate={rate}",
    )  # fmt: skip
    chosen = completed(load_recipe(arm.recipe), str(model), "language-model", settings)
    looked_at = WORK / "looked-at.jsonl"
    if (out / "training.json").is_file():
        return  # tried before
    train(source, out, model=str(model), recipe=chosen, seed=seed, dev=looked_at, threads=1,
          device="cpu", overwrite=True, emit=silent)  # fmt: skip


def beginning(seed: int) -> Path:
    """The model that all arms of a seed start from."""
    out = WORK / str(seed) / "start"
    if (out / "model.safetensors").is_file():
        return out
    own = [(spaced(prompt), spaced(text), True) for prompt, text in people()]
    source = plainly_written(WORK / "people.jsonl", own)
    plainly_written(WORK / "looked-at.jsonl", own[:2])
    random = random_model(WORK / str(seed) / "random", [*vocabulary()], seed)
    likelihood = Arm("default", ("learn.kind=likelihood",))
    learned(out, likelihood, random, source, 0.003, BEGINNING, seed)
    return out


def said_of(model: Path, part: Path, between: str) -> Said:
    """What a model says of the solutions of a part, by prompt and response."""
    return said_by(CausalLM(str(model), device="cpu", threads=1), load(part), between)


def judged(model: Path, arm: Arm, files: dict[str, Path]) -> dict[str, Any]:
    """What a model makes of the test part, solution by solution, and of some that it learned."""
    said, seen = (said_of(model, files[part], arm.asks) for part in ("test", "seen"))
    made = {"nll": rounded(said.nll), "seen": verified(seen.query, seen.right, -seen.nll)}
    if arm.against:
        made["against"] = rounded(said_of(model, files["test"], arm.against).nll)
    return made


def rounded(values: Doubles) -> list[float]:
    """As they are kept."""
    return [round(value, 5) for value in values.tolist()]


def verified(query: Any, right: Any, values: Any) -> float:
    """The same, the mean over questions."""
    return mean(by_question(query, right, values).values())


def folder_of(seed: int, name: str, share: float, rate: float) -> Path:
    """Where an arm is trained."""
    plain = "".join(letter if letter.isalnum() else "-" for letter in f"{name} {share} {rate}")
    return WORK / str(seed) / plain


def rate_of(name: str, start: Path, parts: dict[str, Path]) -> float:
    """The learning rate whose model is the best verifier of the validation part, of three."""
    kept = WORK / "rates.json"
    every = json.loads(kept.read_text()) if kept.is_file() else {}
    tried = every.setdefault(name, {})
    for rate in RATES:
        if str(rate) not in tried:
            out = folder_of(0, name, 0.0, rate)
            learned(out, ARMS[name], start, parts["train 0.0"], rate, STEPS, 0)
            said = said_of(out, parts["validation"], ARMS[name].asks)
            tried[str(rate)] = verified(said.query, said.right, -said.nll)
            write_json(kept, every)
    return max(RATES, key=lambda rate: tried[str(rate)])


def data(seed: int) -> tuple[dict[str, Path], dict[str, list[Solution]]]:
    """The parts of a seed as files, of train one for each share that is planted."""
    parts = parted(seed)
    questions = [*dict.fromkeys(each.question for each in parts["train"])][:SEEN]
    parts["seen"] = [each for each in parts["train"] if each.question in questions]
    there = WORK / str(seed)
    files = {
        name: written(there / f"{name}.jsonl", parts[name])
        for name in ("validation", "test", "seen")
    }
    for share in PLANTED:
        solved = planted(parts["train"], share, seed)
        files[f"train {share}"] = written(there / f"train-{share}.jsonl", solved)
    return files, parts


def figures(seed: int, share: float) -> dict[str, Any]:
    """What each arm came to, from one start, with this share of labels turned; and all before."""
    kept = WORK / f"{seed}.json"
    found: dict[str, Any] = json.loads(kept.read_text()) if kept.is_file() else {}
    files, parts = data(seed)
    start = beginning(seed)
    if START not in found:
        found["test"] = known_of(load(files["test"]), parts)
        found[START] = judged(start, Arm(""), files)
        write_json(kept, found)
    for name, arm in ARMS.items():
        if f"{name} {share}" in found:
            continue
        rate = rate_of(name, beginning(0), data(0)[0])
        out = folder_of(seed, name, share, rate)
        learned(out, arm, start, files[f"train {share}"], rate, STEPS, seed)
        told = {**judged(out, arm, files), "rate": rate}
        found[f"{name} {share}"] = told
        write_json(kept, found)
        shutil.rmtree(out)
    return found


def known_of(test: Any, parts: dict[str, list[Solution]]) -> dict[str, list[Any]]:
    """Of the test part, in the order in which models judge it: question, side, length, and how
    often its author is right in the train part.
    """
    authors: dict[str, list[bool]] = {}
    for each in parts["train"]:
        authors.setdefault(each.by, []).append(each.right)
    known = {(spaced(each.question), spaced(each.text)): each for each in parts["test"]}
    rows = test.judged.sort("query", "doc")
    texts = (test.query_texts(rows["query"].to_numpy()), test.doc_texts(rows["doc"].to_numpy()))
    solved = [known[pair] for pair in zip(*texts, strict=True)]
    return {
        "question": [each.question for each in solved],
        "right": [each.right for each in solved],
        "words": [each.words for each in solved],
        "author": [mean(authors[each.by]) for each in solved],
    }


RECIPES = {name: arm.recipe for name, arm in ARMS.items() if arm.shipped}
CONTROL = next(iter(ARMS))


def main() -> None:
    """Measure, and write the page."""
    os.environ["NEGATIVES_CACHE"] = str(WORK / "store")
    torch.set_num_threads(1)
    for share in PLANTED[:TRIED]:
        every = [figures(seed, share) for seed in range(SEEDS)]
    told = [*lines(every, [*ARMS], PLANTED, START)]
    if not TOY:
        package("responses", packaged(every, RECIPES, CONTROL))
        write_page("responses", "Right and wrong solutions", __doc__, told)
    print("\n".join(told))
