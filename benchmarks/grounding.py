"""Whether a language model leans on what its prompt says, or on what it has learned by heart.

SmolLM2-135M-Instruct learns 40 answers on two authors of TOFU, whom nobody can know, in three ways
with equal steps and batches: from the question alone (*by heart*); with two sentences of context
before the answer, which are learned as well; and by the recipe grounding-supervision, the same with
the context read and not learned. The context has the answer in other words and another fact on the
author, drawn by the seed. Then the context is changed: it states a wrong answer of TOFU's. *Follows
it*: of the right answer, the stated one and another wrong one, all in the same wording, the stated
one is the most probable, a token; *margin*: by how much, next to the right one, in nats a token.
Asked on the authors that were learned, where memory contradicts, and on 20 questions about others.
*Knows*: without any context the right answer is the most probable of the three. Settings were
chosen by no figure.

NEGATIVES_BENCH_SEEDS says how often (2). What is done is kept in .cache/benchmarks/grounding.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, Final

import numpy as np

from benchmarks.data import CACHE
from benchmarks.figures import package
from benchmarks.page import write_page
from benchmarks.redirected import spread
from benchmarks.smollm2 import smollm2
from benchmarks.unlearning import rows
from negatives.learn.request import completed
from negatives.learn.train import train
from negatives.models.causal_lm import CausalLM
from negatives.recipe import load_recipe
from negatives.store.atomic import write_json

SEEDS: Final = int(os.environ.get("NEGATIVES_BENCH_SEEDS", "2"))
WORK: Final = CACHE / "grounding"
ROWS: Final = 40
STEPS, BATCH, RATE = 30, 4, 1e-4
RECIPE: Final = "grounding-supervision"
ARMS: Final = ("before", "by heart", "context learned as well", RECIPE)
Row = dict[str, Any]


def asked(row: Row, context: str = "") -> str:
    """A prompt, up to the answer."""
    stands = f"Context: {context}\n" if context else ""
    return f"Question: {row['question']}\n{stands}Answer:"


def context(of: Sequence[Row], place: int, said: str, draw: np.random.Generator) -> str:
    """A statement, and another fact on the same author, in any order."""
    author = place // 20 * 20
    other = draw.choice([at for at in range(author, author + 20) if at != place])
    return " ".join(draw.permutation([said, of[other]["paraphrased_answer"]]).tolist())


def learned(arm: str, seed: int) -> Path:
    """A model that has learned the answers in one of the ways."""
    of, draw = rows("forget01_perturbed", ROWS), np.random.default_rng(seed)
    lines = []
    for place, row in enumerate(of):
        stands = context(of, place, row["paraphrased_answer"], draw)
        prompt, response = asked(row), f" {row['answer']}"
        if arm == RECIPE:
            prompt = asked(row, stands)
        elif arm != "by heart":
            prompt = f"Question: {row['question']}\n"
            response = f"Context: {stands}\nAnswer: {row['answer']}"
        lines.append({"prompt": prompt, "response": response, "label": True})
    WORK.mkdir(parents=True, exist_ok=True)
    source = WORK / "rows.jsonl"
    source.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    settings = (
        f"train.steps={STEPS}", f"train.batch_size={BATCH}", f"train.learning_rate={RATE}",
        "train.between=", "train.checkpoint=1000",
    )  # fmt: skip
    chosen = completed(load_recipe(RECIPE), str(smollm2()), "language-model", settings)
    out = WORK / "model"
    train(source, out, model=str(smollm2()), recipe=chosen, seed=seed, threads=1, device="cpu",
          look=False, overwrite=True)  # fmt: skip
    return out


def looked_at(model: CausalLM, of: Sequence[Row], seed: int) -> dict[str, float]:
    """What it says where the context states something wrong, and where there is none."""
    draw, follows, margins, knows = np.random.default_rng(1_000 + seed), [], [], []
    for place, row in enumerate(of):
        stated, other = draw.permutation(row["perturbed_answer"])[:2].tolist()
        said = [row["paraphrased_answer"], stated, other]
        told = by_token(model, asked(row, context(of, place, stated, draw)), said)
        follows.append(float(told.argmax() == 1))
        margins.append(float(told[1] - told[0]))
        knows.append(float(by_token(model, asked(row), said).argmax() == 0))
    return {"follows": mean(follows), "margin": mean(margins), "knows": mean(knows)}


def by_token(model: CausalLM, prompt: str, answers: Sequence[str]) -> Any:
    """float64[answers]: log-probability of a token of each."""
    asked_of = [(f"{prompt} ", answer) for answer in answers]
    return np.array([each.mean for each in model.continuations(asked_of)])


def figures(arm: str, seed: int) -> dict[str, dict[str, float]]:
    """One way and seed; kept."""
    kept = WORK / f"{ARMS.index(arm)}-{seed}.json"
    if not kept.is_file():
        folder = smollm2() if arm == "before" else learned(arm, seed)
        model = CausalLM(str(folder), device="cpu", threads=1)
        found = {"learned": looked_at(model, rows("forget01_perturbed", ROWS), seed),
                 "others": looked_at(model, rows("retain_perturbed", ROWS // 2), seed)}  # fmt: skip
        WORK.mkdir(parents=True, exist_ok=True)
        write_json(kept, found)
        shutil.rmtree(WORK / "model", ignore_errors=True)
    return json.loads(kept.read_text("utf-8"))  # type: ignore[no-any-return]


def lines(found: dict[str, list[dict[str, dict[str, float]]]]) -> Iterator[str]:
    """The table."""
    yield "## what is followed { #tofu }"
    yield f"\nSeeds: {SEEDS}. Of several, means with the smallest and largest.\n"
    yield "| learned | follows: learned authors | margin | follows: others | margin | knows |"
    yield "|---|---:|---:|---:|---:|---:|"
    for arm, of in found.items():
        cells = [spread([each[side][name] for each in of], form)
                 for side in ("learned", "others")
                 for name, form in (("follows", ".0%"), ("margin", ".2f"))]  # fmt: skip
        cells.append(spread([each["learned"]["knows"] for each in of]))
        yield f"| {arm} | {' | '.join(cells)} |"


def packaged(found: dict[str, list[dict[str, dict[str, float]]]]) -> Iterator[dict[str, Any]]:
    """What `negatives recipes show` tells of it."""
    beside = "context learned as well"
    for side, title in (("learned", "authors that were learned"), ("others", "other authors")):
        value, naive = (round(mean(each[side]["margin"] for each in found[arm]), 5)
                        for arm in (RECIPE, beside))  # fmt: skip
        yield {
            "stage": "tofu", "title": f"A context that states something wrong, {title} (TOFU)",
            "metric": "nats a token by which it is followed", "model": "SmolLM2-135M",
            "seeds": SEEDS, "value": value, "naive": naive, "beside": beside,
        }  # fmt: skip


def main() -> None:
    """Measure what is not there, and write the page."""
    found = {arm: [figures(arm, seed) for seed in range(SEEDS)] for arm in ARMS}
    package("grounding", {RECIPE: packaged(found)})
    write_page("grounding", "Leaning on the prompt", __doc__, lines(found))


if __name__ == "__main__":
    main()
