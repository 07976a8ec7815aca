"""Pairs by several ratings against pairs by one: made attributes, whose truth is known.

Solutions of sums are made with 0 to 4 wrong results (correctness), steps out of order (coherence)
and repeated lines (verbosity). Ratings are the true values from 0 to 4 and noise of a deviation of
1, rounded; what is really preferred is the weighted sum of the true values, with the weights of
HelpSteer2 for these three. DPO learns from pairs of ratings by the arms; held-out pairs of new
questions, at least half a point apart in truth, are asked of the model's log-probabilities less
those of the model as it was.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from benchmarks.chains import Numbers, asked, learned, opened, solved, written
from benchmarks.steps_lost import Parts, start
from negatives.arrays import Doubles
from negatives.read.responses.attributes import HELPSTEER2, preferred

WEIGHTS: Final = {name: HELPSTEER2[name] for name in ("correctness", "coherence", "verbosity")}
ONE: Final = {"correctness": 1.0}
NOISE: Final = 1.0
EACH: Final = 2
"""Responses of a question: of more, one would be chosen here and rejected there."""
STEPS, RATES = 60, (1e-4, 5e-4)
LEAST: Final = 0.5
ASKED: Final = 300
"""Pairs that choose, and that test."""
Figures = dict[str, float]


def made(numbers: Numbers, draw: Any) -> tuple[str, dict[str, float]]:
    """A response, and its true attributes."""
    steps = solved(numbers)
    wrong, swaps, repeated = draw.integers(0, 5), draw.integers(0, 3), draw.integers(0, 5)
    for at in draw.choice(len(steps), wrong, replace=False):
        head, _, result = steps[at].rpartition(" ")
        steps[at] = f"{head} {(int(result) + int(draw.integers(1, 10))) % 100}"
    for at in 2 * draw.choice(2, swaps, replace=False):
        steps[at], steps[at + 1] = steps[at + 1], steps[at]
    for _ in range(repeated):
        at = int(draw.integers(len(steps)))
        steps.insert(at, steps[at])
    true = {"correctness": 4.0 - wrong, "coherence": 4.0 - 2 * swaps, "verbosity": float(repeated)}
    return "\n".join(steps), true


def rated(asked_for: list[Numbers], draw: Any) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Responses with their ratings, and with the truth."""
    rows = [(asked(numbers), *made(numbers, draw)) for numbers in asked_for for _ in range(EACH)]
    texts = pl.DataFrame({"prompt": [row[0] for row in rows], "response": [row[1] for row in rows]})
    true = pl.DataFrame([row[2] for row in rows])
    noise = NOISE * draw.standard_normal((len(rows), len(WEIGHTS)))
    seen = np.clip(np.rint(true.select([*WEIGHTS]).to_numpy() + noise), 0, 4)
    ratings = pl.DataFrame(dict(zip(WEIGHTS, seen.T, strict=True)))
    once = texts.is_unique()
    seen_rows, true_rows = (
        pl.concat([texts, each], how="horizontal").filter(once) for each in (ratings, true)
    )
    return seen_rows, true_rows


def pairs_of(ratings: pl.DataFrame, true: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Pairs of each arm."""
    arms = {
        "one rating": (ratings, ONE, False),
        "a weighted sum": (ratings, WEIGHTS, False),
        "better in all": (ratings, WEIGHTS, True),
        "the truth": (true, WEIGHTS, False),
    }
    return {name: preferred(rows, weights, least=LEAST, every=every)
            for name, (rows, weights, every) in arms.items()}  # fmt: skip


def agreeing(pairs: pl.DataFrame, true: pl.DataFrame) -> float:
    """The share of pairs whose chosen response is better in truth."""
    score = pl.sum_horizontal(*(pl.col(name) * weight for name, weight in WEIGHTS.items()))
    known = true.select("prompt", "response", score=score)
    for side in ("chosen", "rejected"):
        own = known.rename({"response": side, "score": f"{side} score"})
        pairs = pairs.join(own, on=["prompt", side], how="left")
    return float((pairs["chosen score"] > pairs["rejected score"]).mean())  # type: ignore[arg-type]


def studied(work: Path, seed: int) -> dict[str, Figures]:
    """Pairs, their truth, and how often a model that learned from them finds what is better."""
    parts, draw = Parts.of(seed), np.random.default_rng(seed)
    base = start(work, parts, seed)
    ratings, true = rated(parts.drawn, draw)
    found = pairs_of(ratings, true)
    chosen = pairs_of(*rated(parts.chosen, draw))
    tested = preferred(rated(parts.tested, draw)[1], WEIGHTS, least=LEAST)
    tested = tested.sample(min(ASKED, len(tested)), seed=seed)
    before = totals(base, tested)
    made: dict[str, Figures] = {"the start": {"accuracy": lead(before)}}
    for name, pairs in found.items():
        plain = name.replace(" ", "-")
        rows = pairs.select("prompt", "chosen", "rejected").to_dicts()
        source = written(work / str(seed) / f"attributes-{plain}.jsonl", rows)
        choosing = chosen[name].head(ASKED)
        first, tried = totals(base, choosing), []
        for rate in RATES:
            out = learned(
                work / str(seed) / f"attributes-{plain}-{rate}", base, source, steps=STEPS,
                rate=rate, batch=8, seed=seed, recipe="negative-gradient", changes=(),
            )  # fmt: skip
            tried.append((lead(totals(out, choosing) - first), -rate, out))
        _, less, best = max(tried)
        made[name] = {
            "pairs": float(len(pairs)),
            "agree": agreeing(pairs, true),
            "rate": -less,
            "accuracy": lead(totals(best, tested) - before),
        }
    return made


def totals(model: Path, pairs: pl.DataFrame) -> Doubles:
    """float64[2, pairs]: log-probabilities of chosen and of rejected responses."""
    texts = [(f"{row['prompt']}\n", row[side])
             for side in ("chosen", "rejected") for row in pairs.to_dicts()]  # fmt: skip
    return np.array([each.total for each in opened(model).continuations(texts)]).reshape(2, -1)


def lead(gained: Doubles) -> float:
    """How often the chosen response has more."""
    return float((gained[0] > gained[1]).mean())
