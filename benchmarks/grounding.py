"""Whether a model leans on what stands in its prompt: context-informed grounding supervision.

The models of benchmark `unlearning`: a small Llama that knows the answers to 40 questions of TOFU
by heart. With half of the questions it learns the perturbed answers, five each: *with context*, the
answer standing before the question (the recipe `grounding-supervision`: nothing of the prompt is
learned), or *without*, by heart. The other half of the questions are asked with a perturbed answer
before them: how often is it more probable, a token, than the answer that was learned by heart, and
how probable are both. *In other words*: the context's last half stands before its first.
All train for the same steps. ± is the deviation over seeds; NEGATIVES_BENCH_SEEDS says
how many (3). Nothing was chosen by these figures.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, pstdev
from typing import Any

import numpy as np

from benchmarks.figures import package
from benchmarks.page import write_page
from benchmarks.unlearned import texts
from benchmarks.unlearning import LEARNING, WORK, data, learned, random_model, rows, written
from negatives.models.causal_lm import CausalLM
from negatives.store.atomic import write_json

SEEDS = int(os.environ.get("NEGATIVES_BENCH_SEEDS", "3"))
STEPS, QUESTIONS = 150, 40
ARMS = ("the start", "without context", "with context")
CONTEXTS = ("the answer itself", "in other words")

Row = tuple[str, str, str]
"""A question, the answer that is known by heart, and a perturbed one."""


def parted(seed: int) -> tuple[list[Row], list[Row]]:
    """Rows of the questions that are learned from, and of the others."""
    every = rows("forget01_perturbed", QUESTIONS)
    order = np.random.default_rng(seed).permutation(len(every))
    halves = order[: len(order) // 2], order[len(order) // 2 :]
    first, second = (
        [(every[at]["question"], every[at]["answer"], other)
         for at in half for other in every[at]["perturbed_answer"]]
        for half in halves
    )  # fmt: skip
    return first, second


def turned(answer: str) -> str:
    """The last half of an answer's words before the first."""
    words = answer.split()
    return " ".join(words[len(words) // 2 :] + words[: len(words) // 2])


def figures(seed: int) -> dict[str, Any]:
    """Of each arm and context: how often the context wins, and how probable both answers are."""
    kept = WORK / f"grounding-{seed}.json"
    if kept.is_file():
        found: dict[str, Any] = json.loads(kept.read_text())
        return found
    there, (learn, ask) = data(), parted(seed)
    start = random_model(WORK / str(seed) / "random", texts(there), seed)
    original = learned("original", start, there["all"], seed, LEARNING, "learn.kind=likelihood")
    shown = [(f"{other}\n{question}", other, True) for question, _, other in learn]
    bare = [(question, other, True) for question, _, other in learn]
    models = {ARMS[0]: original}
    for arm, made in zip(ARMS[1:], (bare, shown), strict=True):
        name = f"grounding-{arm.split()[0]}"
        source = written(WORK / str(seed) / f"{name}.jsonl", made)
        models[arm] = learned(name, original, source, seed, STEPS, "learn.kind=likelihood")
    told = {arm: {context: of(path, ask, context) for context in CONTEXTS}
            for arm, path in models.items()}  # fmt: skip
    write_json(kept, told)
    return told


def of(model: Path, ask: list[Row], context: str) -> dict[str, float]:
    """One model, asked with one sort of context."""
    net = CausalLM(str(model), device="cpu")
    before = [other if context == CONTEXTS[0] else turned(other) for _, _, other in ask]
    prompts = [f"{text}\n{row[0]}\n" for text, row in zip(before, ask, strict=True)]
    read = [[-each.mean for each in net.continuations(
        [(prompt, row[place]) for prompt, row in zip(prompts, ask, strict=True)])]
        for place in (1, 2)]  # fmt: skip
    heart, shown = (np.array(each) for each in read)
    return {
        "context wins": float((shown < heart).mean()),
        "NLL of the context's": float(shown.mean()),
        "by heart": float(heart.mean()),
    }


def lines(every: list[dict[str, Any]]) -> Iterator[str]:
    """The table."""
    names = list(every[0][ARMS[0]][CONTEXTS[0]])
    yield f"{SEEDS} seeds; {STEPS} steps with half of the questions."
    yield ""
    yield f"| trained | context | {' | '.join(names)} |"
    yield f"|---|---|{'---:|' * len(names)}"
    for arm in ARMS:
        for context in CONTEXTS:
            values = [[found[arm][context][name] for found in every] for name in names]
            cells = [f"{mean(each):.2f} ± {pstdev(each):.2f}" for each in values]
            yield f"| {arm} | {context} | {' | '.join(cells)} |"


def packaged(every: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """How often the context wins, beside learning without it."""
    value, naive = (
        round(mean(found[arm][CONTEXTS[0]]["context wins"] for found in every), 5)
        for arm in (ARMS[2], ARMS[1])
    )
    about = {
        "stage": "tofu",
        "title": "Questions whose answers are known by heart, another one in the prompt",
        "metric": "share in which the prompt's answer is more probable",
        "model": "a Llama of two layers",
        "seeds": SEEDS,
        "beside": ARMS[1],
    }
    return {"grounding-supervision": [{**about, "value": value, "naive": naive}]}


def main() -> None:
    """Measure what is not yet kept, and write the page."""
    os.environ["NEGATIVES_CACHE"] = str(WORK / "store")
    every = [figures(seed) for seed in range(SEEDS)]
    package("grounding", packaged(every))
    write_page("grounding", "Leaning on what stands in a prompt", __doc__, lines(every))


if __name__ == "__main__":
    main()
