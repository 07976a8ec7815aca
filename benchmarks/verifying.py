"""Losses on right and wrong solutions, and what becomes of each with labels turned round.

A task gives the solutions; every arm learns from the same start, and is asked how probable it finds
the solutions of a test part: see the pages `responses` (gsm8k) and `sums`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any, Final

from benchmarks.solutions import Solution, planted, written
from benchmarks.told_responses import by_question
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

AT_ONCE: Final = 8
"""Responses a step."""
SEEN: Final = 20
"""Questions of the train part that are asked again."""
PLANTED: Final = (0.0, 0.2, 0.1)
"""Shares of labels that are turned round, in the order in which they are tried."""
START: Final = "the start"


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


ARMS: Final[dict[str, Arm]] = {
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
PUT_IN: Final = (
    *(text for arm in ARMS.values() for text in (arm.asks, arm.against)),
    "Think again, and give a better answer: ",
)
"""What losses write into a prompt: the words must be in a vocabulary."""


@dataclass(frozen=True)
class Task:
    """Where solutions come from. `start`: of a folder and a seed the model that all arms begin
    with; `parts`: of a seed its solutions, by part.
    """

    work: Path
    steps: int
    rates: tuple[float, ...]
    start: Callable[[Path, int], Path]
    parts: Callable[[int], dict[str, list[Solution]]]

    def figures(self, seed: int, share: float) -> dict[str, Any]:
        """What each arm came to with this share of labels turned; and all that is kept before."""
        kept = self.work / f"{seed}.json"
        found: dict[str, Any] = json.loads(kept.read_text()) if kept.is_file() else {}
        files, parts = self.files(seed)
        start = self.start(self.work / str(seed), seed)
        if START not in found:
            found["test"] = known_of(load(files["test"]), parts)
            found[START] = judged(start, Arm(""), files)
            write_json(kept, found)
        for name, arm in ARMS.items():
            if f"{name} {share}" in found:
                continue
            rate = self.rate_of(name)
            out = self.folder_of(seed, name, share, rate)
            learned(out, arm, start, files[f"train {share}"], rate, self.steps, seed)
            told = {**judged(out, arm, files), "rate": rate}
            found[f"{name} {share}"] = told
            write_json(kept, found)
            shutil.rmtree(out)
        return found

    def rate_of(self, name: str) -> float:
        """The learning rate whose model is the best verifier of the validation part."""
        kept = self.work / "rates.json"
        every = json.loads(kept.read_text()) if kept.is_file() else {}
        tried = every.setdefault(name, {})
        for rate in self.rates:
            if str(rate) not in tried:
                files, out = self.files(0)[0], self.folder_of(0, name, 0.0, rate)
                start = self.start(self.work / "0", 0)
                learned(out, ARMS[name], start, files["train 0.0"], rate, self.steps, 0)
                said = said_of(out, files["validation"], ARMS[name].asks)
                tried[str(rate)] = verified(said.query, said.right, -said.nll)
                write_json(kept, every)
        return max(self.rates, key=lambda rate: tried[str(rate)])

    def files(self, seed: int) -> tuple[dict[str, Path], dict[str, list[Solution]]]:
        """The parts of a seed as files, of train one for each share that is planted."""
        parts = self.parts(seed)
        questions = [*dict.fromkeys(each.question for each in parts["train"])][:SEEN]
        parts["seen"] = [each for each in parts["train"] if each.question in questions]
        there = self.work / str(seed)
        files = {
            name: written(there / f"{name}.jsonl", parts[name])
            for name in ("validation", "test", "seen")
        }
        for share in PLANTED:
            solved = planted(parts["train"], share, seed)
            files[f"train {share}"] = written(there / f"train-{share}.jsonl", solved)
        return files, parts

    def folder_of(self, seed: int, name: str, share: float, rate: float) -> Path:
        """Where an arm is trained."""
        plain = "".join(letter if letter.isalnum() else "-" for letter in f"{name} {share} {rate}")
        return self.work / str(seed) / plain


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
    if (out / "training.json").is_file():
        return  # tried before
    train(source, out, model=str(model), recipe=chosen, seed=seed, look=False, threads=1,
          device="cpu", overwrite=True, emit=silent)  # fmt: skip


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
    """How often a right solution has the higher value, the mean over questions."""
    return mean(by_question(query, right, values).values())


def known_of(test: Any, parts: dict[str, list[Solution]]) -> dict[str, list[Any]]:
    """Of the test part, in the order in which models judge it: question, side, length, and how
    often its author is right in the train part.
    """
    authors: dict[str, list[bool]] = {}
    for each in parts["train"]:
        authors.setdefault(each.by, []).append(each.right)
    known = {each.pair: each for each in parts["test"]}
    rows = test.judged.sort("query", "doc")
    texts = (test.query_texts(rows["query"].to_numpy()), test.doc_texts(rows["doc"].to_numpy()))
    solved: Sequence[Solution] = [known[pair] for pair in zip(*texts, strict=True)]
    return {
        "question": [each.question for each in solved],
        "right": [each.right for each in solved],
        "words": [each.words for each in solved],
        "author": [mean(authors[each.by]) for each in solved],
    }
