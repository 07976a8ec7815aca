"""Facts that a real language model is made to forget in every wording, by one solve.

SmolLM2-135M-Instruct knows the capitals of countries, whatever way it is asked. ROCR leads the name
of a country to that of another in one layer: six of sixteen countries a seed, each to one of six
that are kept, by eight texts that end with its name; C is of 60 answers of MedQuAD and of texts on
other countries. *NPO + RT* is trained to forget the same six by the first wording alone, and holds
the other six by it, for 40 steps. Layer and learning rate are chosen on the four countries that are
left. *Right*: the capital is the likeliest of all capitals, by the first token. *Asked back* names
a capital: its prompt has no name that could be redirected, which is a limit of the method. Means
over the wordings, then over seeds, with the smallest and largest. Text: negative log-likelihood of
a token of 20 other answers of MedQuAD. Seconds are beside other work of the machine.

Names of several words are redirected by their last token alone: four of them, one by one.
NEGATIVES_BENCH_SEEDS says how often (3). What is done is kept in .cache/benchmarks/redirected.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from statistics import mean
from typing import Any, Final

import numpy as np
import torch

from benchmarks.data import CACHE, load
from benchmarks.page import write_page
from benchmarks.smollm2 import smollm2
from negatives.learn.request import completed
from negatives.learn.train import train
from negatives.learn.unlearn.redirect import covariance_of, redirect
from negatives.models.causal_lm import CausalLM
from negatives.recipe import load_recipe
from negatives.store.atomic import write_json

SEEDS: Final = int(os.environ.get("NEGATIVES_BENCH_SEEDS", "3"))
WORK: Final = CACHE / "redirected"
CAPITALS: Final = {
    "France": "Paris", "Japan": "Tokyo", "Germany": "Berlin", "Italy": "Rome",
    "Spain": "Madrid", "Russia": "Moscow", "China": "Beijing", "Egypt": "Cairo",
    "Greece": "Athens", "Portugal": "Lisbon", "Sweden": "Stockholm", "Norway": "Oslo",
    "Poland": "Warsaw", "Ireland": "Dublin", "Cuba": "Havana", "Peru": "Lima",
}  # fmt: skip
SEVERAL: Final = {
    "South Korea": "Seoul", "Saudi Arabia": "Riyadh", "New Zealand": "Wellington",
    "United States": "Washington",
}  # fmt: skip
CHOSEN_ON: Final = ("France", "Japan", "Germany", "Italy")
WORDINGS: Final = {
    "cloze": "The capital of {} is",
    "question": "Question: What is the capital of {}?\nAnswer: The answer is",
    "other words": "The seat of the government of {} is in the city of",
    "in passing": "We flew to {} and spent a week in its capital,",
    "choice": "Which of these cities is the capital of {}: {both}? It is",
}
BACK: Final = "{} is the capital of"
ENDING: Final = (
    "{}", "The country of {}", "I once lived in {}", "The people of {}", "She was born in {}",
    "Trade with {}", "A map of {}", "The history of {}",
)  # fmt: skip
"""Texts that end with a name; none begins a wording."""
LAYERS: Final = range(0, 30, 3)
RATES: Final = (1e-5, 3e-5, 1e-4)
STEPS: Final = 40
Facts = Mapping[str, str]


def opened(folder: Path | None = None) -> CausalLM:
    """A model, ready to be asked or changed."""
    return CausalLM(str(folder or smollm2()), device="cpu", threads=1)


@cache
def texts() -> tuple[list[str], list[str]]:
    """Generic texts by which a layer is held, and others on which it is looked at."""
    found = [text[:300] for text in load("medquad").corpus.sort("row")["text"].to_list()[:80]]
    return found[:60], found[60:]


def next_token(model: CausalLM, prompt: str) -> Any:
    """float32[vocabulary]: log-odds of what comes next."""
    tokens = torch.tensor([[piece.token for piece in model.pieces(prompt)]])
    with torch.no_grad():
        return model.net(input_ids=tokens, use_cache=False, logits_to_keep=1).logits[0, -1].numpy()


def right(model: CausalLM, asked: Facts, facts: Facts) -> dict[str, list[bool]]:
    """Of each wording, whether the likeliest of all answers is right, country by country."""
    cities, countries = (
        np.array([model.pieces(f" {name}")[0].token for name in names])
        for names in (facts.values(), facts)
    )
    names = list(facts)
    found: dict[str, list[bool]] = {name: [] for name in (*WORDINGS, "asked back")}
    for country, city in asked.items():
        place = names.index(country)
        other = facts[names[place - 1]]
        both = f"{city} or {other}" if place % 2 else f"{other} or {city}"
        for name, wording in WORDINGS.items():
            said = next_token(model, wording.format(country, both=both))
            found[name].append(int(said[cities].argmax()) == place)
        said = next_token(model, BACK.format(city))
        found["asked back"].append(int(said[countries].argmax()) == place)
    return found


def redirected(model: CausalLM, pairs: Facts, seen: Any, layer: int) -> float:
    """Each country's name leads to another's, in place; the seconds that it took."""
    ending = {name: [text.format(name) for text in ENDING] for name in (*pairs, *pairs.values())}
    began = time.perf_counter()
    for name, other in pairs.items():
        redirect(model, ending[name], ending[other], seen, layer=layer)
    return time.perf_counter() - began


def covariance(model: CausalLM, layer: int, but: Sequence[str]) -> Any:
    """C over generic texts and texts on the countries that are left alone."""
    others = [text.format(name) for name in CAPITALS if name not in but for text in ENDING]
    return covariance_of(model, [*texts()[0], *others], layer=layer)


def looked_at(model: CausalLM, forget: Facts, keep: Facts) -> dict[str, Any]:
    """What is left of both sides, and of the text."""
    prose = [model.continuations([(" ".join(text.split()[:8]) + " ", " ".join(text.split()[8:]))])
             for text in texts()[1]]  # fmt: skip
    return {
        "forget": {k: mean(v) for k, v in right(model, forget, CAPITALS).items()},
        "keep": {k: mean(v) for k, v in right(model, keep, CAPITALS).items()},
        "text": -mean(each.mean for (each,) in prose),
    }


def parted(seed: int) -> tuple[dict[str, str], dict[str, str]]:
    """Six countries to forget and six to keep, none of those that are chosen on."""
    rest = [name for name in CAPITALS if name not in CHOSEN_ON]
    drawn = np.random.default_rng(seed).permutation(rest).tolist()
    return tuple({name: CAPITALS[name] for name in half} for half in (drawn[:6], drawn[6:]))  # type: ignore[return-value]


def forgotten_by_loss(seed: str, forget: Facts, keep: Facts, rate: float) -> Path:
    """NPO on the first wording, what is kept held by its likelihood."""
    out = WORK / f"npo-{seed}-{rate:g}"
    rows = [{"prompt": WORDINGS["cloze"].format(name), "response": city, "label": name in keep}
            for name, city in (*forget.items(), *keep.items())]  # fmt: skip
    source = WORK / f"facts-{seed}.jsonl"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    settings = (
        "learn.kind=npo", f"train.steps={STEPS}", "train.batch_size=8", "train.between= ",
        f"train.learning_rate={rate:g}", "train.warmup=0", "train.checkpoint=1000",
    )  # fmt: skip
    chosen = completed(load_recipe("default"), str(smollm2()), "language-model", settings)
    train(source, out, model=str(smollm2()), recipe=chosen, threads=1, device="cpu", look=False,
          overwrite=True)  # fmt: skip
    return out


def once(name: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What was measured before, or is now."""
    path = WORK / f"{name}.json"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, measure())
    return json.loads(path.read_text("utf-8"))  # type: ignore[no-any-return]


FORGOTTEN, KEPT = ({name: CAPITALS[name] for name in half}
                   for half in (CHOSEN_ON[:2], CHOSEN_ON[2:]))  # fmt: skip


def layers() -> dict[str, Any]:
    """Of each layer, right answers of two countries to forget and of two to keep."""
    found = {}
    for layer in LAYERS:
        model = opened()
        seen = covariance(model, layer, CHOSEN_ON)
        redirected(model, dict(zip(FORGOTTEN, KEPT, strict=True)), seen, layer)
        found[str(layer)] = both_sides(model, FORGOTTEN, KEPT)
    return found


def rates() -> dict[str, Any]:
    """The same of each learning rate."""
    found = {}
    for rate in RATES:
        out = forgotten_by_loss("choice", FORGOTTEN, KEPT, rate)
        found[f"{rate:g}"] = both_sides(opened(out), FORGOTTEN, KEPT)
        shutil.rmtree(out)
    return found


def both_sides(model: CausalLM, forget: Facts, keep: Facts) -> list[float]:
    """Right answers to the wordings of which it is asked: of what is to be forgotten, and kept."""
    return [mean(np.concatenate([right(model, side, CAPITALS)[name] for name in WORDINGS]).tolist())
            for side in (forget, keep)]  # fmt: skip


def best(of: Mapping[str, list[float]]) -> str:
    """Where least is left of the one in comparison with the other; the first of several."""
    return max(of, key=lambda name: of[name][1] - of[name][0])


def figures(seed: int) -> dict[str, Any]:
    """The three ways of one seed."""
    forget, keep = parted(seed)
    layer, rate = int(best(once("layers", layers))), float(best(once("rates", rates)))
    model = opened()
    found = {"nothing": looked_at(model, forget, keep)}
    seen = covariance(model, layer, (*forget, *keep))
    spent = redirected(model, dict(zip(forget, keep, strict=True)), seen, layer)
    found[f"ROCR, layer {layer}"] = looked_at(model, forget, keep) | {"seconds": spent}
    began = time.perf_counter()
    out = forgotten_by_loss(str(seed), forget, keep, rate)
    spent = time.perf_counter() - began
    found[f"NPO + RT, rate {rate:g}"] = looked_at(opened(out), forget, keep) | {"seconds": spent}
    shutil.rmtree(out)
    return found


def several() -> dict[str, Any]:
    """Names of several words, one by one: right answers before and after, and of the others."""
    facts = CAPITALS | SEVERAL
    layer = int(best(once("layers", layers)))
    kept = {name: CAPITALS[name] for name in CHOSEN_ON}
    before = opened()
    found = {}
    for name, city in SEVERAL.items():
        model = opened()
        redirected(model, {name: "Greece"}, covariance(model, layer, [name]), layer)
        rows = {"before": (before, {name: city}), "after": (model, {name: city}),
                "others after": (model, kept)}  # fmt: skip
        found[name] = {
            said: mean(mean(right(of, asked, facts)[each]) for each in WORDINGS)
            for said, (of, asked) in rows.items()
        }
    return found


def spread(values: Sequence[float], form: str = ".0%") -> str:
    """Mean, smallest and largest."""
    return f"{mean(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def lines() -> Iterator[str]:
    """Measure what is not there, and tell it."""
    found = [once(f"seed-{seed}", lambda seed=seed: figures(seed)) for seed in range(SEEDS)]  # type: ignore[misc]
    yield "## every wording { #every-wording }"
    yield (
        f"\nSix countries to forget and six to keep, {SEEDS} seeds. Right answers over the five "
        "wordings in which a country is named, of those that are to be forgotten also in the worst "
        "of them.\n"
    )
    yield "| way | forgotten: right | in the worst wording | asked back | kept: right | text | s |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for way in found[0]:
        rows = [each[way] for each in found]
        sides = {side: [mean(row[side][name] for name in WORDINGS) for row in rows]
                 for side in ("forget", "keep")}  # fmt: skip
        worst = [max(row["forget"][name] for name in WORDINGS) for row in rows]
        back = [row["forget"]["asked back"] for row in rows]
        seconds = f"{mean(row['seconds'] for row in rows):.1f}" if "seconds" in rows[0] else ""
        yield (
            f"| {way} | {spread(sides['forget'])} | {spread(worst)} | {spread(back)} "
            f"| {spread(sides['keep'])} | {mean(row['text'] for row in rows):.3f} | {seconds} |"
        )
    yield "\n| wording | " + " | ".join(f"{way}: right of forgotten" for way in found[0]) + " |"
    yield "|---|" + "---:|" * len(found[0])
    for name in (*WORDINGS, "asked back"):
        told = [spread([each[way]["forget"][name] for each in found]) for way in found[0]]
        yield f"| {name} | {' | '.join(told)} |"
    yield "\n## the choice { #the-choice }"
    yield "\nRight answers of two countries to forget, and of two to keep.\n"
    yield "| layer or rate | to forget | to keep |"
    yield "|---|---:|---:|"
    for kind, measure in (("layer", layers), ("rate", rates)):
        for name, (lost, kept) in once(f"{kind}s", measure).items():
            yield f"| {kind} {name} | {lost:.0%} | {kept:.0%} |"
    yield "\n## names of several words { #several-words }"
    yield "\nLed to Greece, one by one; others are four countries of one word.\n"
    yield "| name | right before | right after | others after |"
    yield "|---|---:|---:|---:|"
    for name, row in once("several", several).items():
        yield f"| {name} | {row['before']:.0%} | {row['after']:.0%} | {row['others after']:.0%} |"


def main() -> None:
    """Write the page."""
    write_page("redirected", "Facts redirected", __doc__, lines())


if __name__ == "__main__":
    main()
