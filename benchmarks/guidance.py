"""Guidance away from what is unwanted: what it takes away, what it spares, and what it spoils.

Samples are asked to have one property and not another, which some of those with the first have too.
Of each way and weight three shares of the samples: unwanted (they have the unwanted property), kept
(the wanted one alone) and off the manifold (they are nothing that was learned). Two studies. In the
plane, mixtures of Gaussians whose denoiser is computed exactly, so that nothing is due to training;
off is four deviations from every component. Digits, by a small transformer trained once (benchmark
`denoiser`); off is further from every training image than 99% of held-out ones, and a support
vector machine says which digit a sample is.

Ways, all with DDIM steps and, but for negative prompts, the same scale: a negative prompt in place
of no prompt, over the scale; the unwanted direction subtracted, over its weight; Perp-Neg; CFG++
with the unwanted direction subtracted from what it guides; NegToMe with guidance, away from a real
image of the unwanted, over alpha (digits alone). Each with one strength throughout, and stopped,
whereupon the wanted condition alone decides. Compared at equal unwanted shares, half and a quarter
of that without any negative, interpolated between weights seed by seed: weights of different ways
mean different things. A seed is another start of the same model. NEGATIVES_BENCH_SEEDS says how
many, NEGATIVES_BENCH_TOY=1 makes a quick try; what is done is kept. No setting was chosen by these
figures.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from statistics import mean, pstdev
from typing import Any

import numpy as np

from benchmarks.data import CACHE
from benchmarks.page import write_page
from negatives.guide import (
    Mixture,
    Schedule,
    cfg,
    ddim_step,
    negative_prompt,
    perp_neg,
    signals,
    subtracted,
)

TOY = os.environ.get("NEGATIVES_BENCH_TOY") == "1"
SEEDS = int(os.environ.get("NEGATIVES_BENCH_SEEDS", "1" if TOY else "5"))
WORK = CACHE / ("guidance-toy" if TOY else "guidance")
SCALE, STRENGTH, STEPS = 2.0, 0.6, 8 if TOY else 30
SCHEDULES = {"throughout": Schedule(), "stopped at .4": Schedule(stop=0.4)}
WEIGHTS = (0.0, 0.5, 2.0) if TOY else (0.0, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
SCALES = (1.0, 3.0) if TOY else (1.0, 1.5, 2.0, 3.0, 5.0, 8.0)
PLAIN = "subtracted"
"""With the weight 0 it is guidance without any negative."""

Predict = Callable[[Any, float, float], tuple[Any, Any, Any, Any]]
"""(noisy, share of signal, alpha) -> without a condition, wanted, unwanted, NegToMe's wanted."""


@dataclass(frozen=True)
class Task:
    """What is asked for: which classes are unwanted, and which of the wanted ones are kept."""

    name: str
    unwanted: frozenset[int]
    kept: frozenset[int]


@dataclass(frozen=True)
class Point:
    """A way with a weight: the shares of the samples."""

    way: str
    schedule: str
    weight: float
    unwanted: float
    kept: float
    off: float


def ways(tokens: bool) -> Iterator[tuple[str, tuple[float, ...]]]:
    """Each way with its weights."""
    yield "negative prompt", SCALES
    for name in ("subtracted", "perp-neg", "cfg++"):
        yield name, WEIGHTS
    if tokens:
        yield "negtome", WEIGHTS[:-1]


def step(
    way: str, weight: float, share: float, predict: Predict, x: Any, signal: float, following: float
) -> Any:
    """What a way makes of noisy samples in one step; `share`: of its strength."""
    none, wanted, unwanted, moved = predict(x, signal, weight * share if way == "negtome" else 0.0)
    scale = 1 + (SCALE - 1) * share
    if not share:
        return ddim_step(x, wanted, signal, following)
    if way == "negative prompt":
        return ddim_step(x, negative_prompt(unwanted, wanted, weight), signal, following)
    if way == "cfg++":
        guided = subtracted(none, wanted, [unwanted], weight, scale=STRENGTH)
        return ddim_step(x, guided, signal, following, renoise=none)
    if way == "negtome":
        return ddim_step(x, cfg(none, moved, scale), signal, following)
    mix = perp_neg if way == "perp-neg" else subtracted
    return ddim_step(x, mix(none, wanted, [unwanted], weight, scale=scale), signal, following)


def curves(
    task: Task, predict: Predict, start: Any, judged: Callable[[Any], Any], tokens: bool
) -> list[Point]:
    """Every way at every weight, from the same start."""
    found = []
    for way, weights in ways(tokens):
        for name, schedule in SCHEDULES.items():
            for weight in weights:
                x = start
                for number, (signal, following) in enumerate(pairwise(signals(STEPS).tolist())):
                    share = schedule.share(number, STEPS)
                    x = step(way, weight, share, predict, x, signal, following)
                classes = judged(x)
                found.append(
                    Point(
                        way,
                        name,
                        weight,
                        float(np.isin(classes, [*task.unwanted]).mean()),
                        float(np.isin(classes, [*task.kept]).mean()),
                        float((classes < 0).mean()),
                    )
                )
    return found


# ---- the plane -----------------------------------------------------------------------------------

SIX = [[2 * math.cos(turn * math.pi / 3), 2 * math.sin(turn * math.pi / 3)] for turn in range(6)]
PLANE = {
    # Components around a circle, by number: the wanted, the unwanted.
    "neighbours share one of two": ([0, 1], [1, 2]),
    "two of three are shared": ([0, 1, 2], [1, 2, 3]),
    "the unwanted is a part": ([0, 1, 2], [1]),
}


def in_the_plane(name: str, seed: int) -> list[Point]:
    """A layout with the exact denoiser."""
    plane = Mixture(SIX, deviation=0.2)
    wanted, unwanted = PLANE[name]
    shares = [[float(each in group) for each in range(6)] for group in (wanted, unwanted)]

    def predict(x: Any, signal: float, _: float) -> tuple[Any, Any, Any, Any]:
        first, second = (plane.noise(x, signal, each) for each in shares)
        return plane.noise(x, signal), first, second, None

    start = np.random.default_rng(seed).normal(size=(50 if TOY else 1_000, 2))
    task = Task(name, frozenset(unwanted), frozenset(wanted) - frozenset(unwanted))
    return curves(task, predict, start, plane.nearest, tokens=False)


# ---- digits --------------------------------------------------------------------------------------

DIGITS = {
    "even, no loop": ("even", "loop"),
    "small, not straight": ("small", "straight"),
    "large, no loop": ("large", "loop"),
}


def of_digits(name: str, seed: int) -> list[Point]:
    """A task with the trained model."""
    import torch

    from benchmarks.denoiser import NAMES, NOTHING, PROPERTIES, Judges, digits, trained

    model, judges = trained(60 if TOY else 6_000), Judges()
    wanted, unwanted = DIGITS[name]
    number = 16 if TOY else 128
    random = torch.Generator().manual_seed(seed)
    images, targets, _, _ = digits()
    some = np.flatnonzero(np.isin(targets, [*PROPERTIES[unwanted]]))
    chosen = torch.randint(len(some), (number,), generator=random).numpy()
    reference = torch.from_numpy(images[some[chosen]])
    start = torch.randn((number, 64), generator=random)

    def predict(x: Any, signal: float, alpha: float) -> tuple[Any, Any, Any, Any]:
        angle = torch.full((number,), math.acos(math.sqrt(signal)))
        known = [NOTHING, NAMES.index(wanted), NAMES.index(unwanted)]
        condition = torch.tensor(known).repeat_interleave(number)
        with torch.no_grad():
            made = model(x.repeat(3, 1), angle.repeat(3), condition)
            none, first, second = made.view(3, number, 64)
            moved = first
            if alpha:
                noise = torch.randn((number, 64), generator=random)
                noisy = math.sqrt(signal) * reference + math.sqrt(1 - signal) * noise
                features: list[Any] = []
                model(noisy, angle, condition[2 * number :], kept=features)
                middle = condition[number : 2 * number]
                moved = model(x, angle, middle, away=features, alpha=alpha)
        return none, first, second, moved

    task = Task(
        name,
        frozenset(PROPERTIES[unwanted]),
        frozenset(PROPERTIES[wanted] - PROPERTIES[unwanted]),
    )
    return curves(task, predict, start, lambda x: judges(x.numpy()), tokens=True)


# ---- the page ------------------------------------------------------------------------------------

STUDIES: dict[str, tuple[Mapping[str, Any], Callable[[str, int], list[Point]]]] = {
    "In the plane": (PLANE, in_the_plane),
    "Digits": (DIGITS, of_digits),
}


def kept(name: str, seed: int, make: Callable[[], list[Point]]) -> list[Point]:
    """What was measured before, or is now."""
    path = WORK / f"{name.replace(' ', '-').replace(',', '')}-{seed}.json"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_text(json.dumps([vars(each) for each in make()]), "utf-8")
        unfinished.rename(path)
    return [Point(**each) for each in json.loads(path.read_text("utf-8"))]


def matched(curve: list[Point], target: float) -> tuple[float, float] | None:
    """The shares kept and off where a curve first comes down to an unwanted share; None: never."""
    for before, after in pairwise(sorted(curve, key=lambda point: point.weight)):
        if before.unwanted >= target >= after.unwanted and before.unwanted > after.unwanted:
            part = (before.unwanted - target) / (before.unwanted - after.unwanted)
            return (
                before.kept + part * (after.kept - before.kept),
                before.off + part * (after.off - before.off),
            )
    return None


def table(task: str, seeds: list[list[Point]]) -> Iterator[str]:
    """Each way at equal unwanted shares, then all the points."""
    plain = [
        next(each for each in points if (each.way, each.weight) == (PLAIN, 0.0)) for points in seeds
    ]
    share = mean(each.unwanted for each in plain)
    yield from (
        f"### {task}",
        "",
        f"Guided at scale {SCALE:g} without any negative, {share:.1%} are unwanted, "
        f"{mean(each.kept for each in plain):.1%} kept, "
        f"{mean(each.off for each in plain):.1%} off.",
        "",
        "| way | strength | half: kept | off | a quarter: kept | off |",
        "|---|---|---:|---:|---:|---:|",
    )
    names = dict.fromkeys((each.way, each.schedule) for each in seeds[0])
    for way, schedule in names:
        cells = []
        for target in (share / 2, share / 4):
            curved = [
                [each for each in points if (each.way, each.schedule) == (way, schedule)]
                for points in seeds
            ]
            reached = [found for each in curved if (found := matched(each, target))]
            if len(reached) < len(seeds):
                cells += [f"not reached ({len(reached)} of {len(seeds)})", ""]
                continue
            for values in zip(*reached, strict=True):
                cells.append(f"{mean(values):.1%} ± {pstdev(values):.1%}")
        yield f"| {way} | {schedule} | {' | '.join(cells)} |"
    yield from (
        "",
        "| way | strength | weight or scale | unwanted | kept | off |",
        "|---|---|---:|---:|---:|---:|",
    )
    for same in zip(*seeds, strict=True):
        point = same[0]
        shares = [
            f"{mean(getattr(each, name) for each in same):.1%}"
            for name in ("unwanted", "kept", "off")
        ]
        yield f"| {point.way} | {point.schedule} | {point.weight:g} | {' | '.join(shares)} |"
    yield ""


def main() -> None:
    """Measure what is not yet kept, and write the page."""
    lines = [f"{SEEDS} seeds; ± is their standard deviation.", ""]
    for title, (tasks, make) in STUDIES.items():
        lines += [f"## {title}", ""]
        for task in tasks:
            seeds = [kept(task, seed, partial(make, task, seed)) for seed in range(SEEDS)]
            lines += table(task, seeds)
    if TOY:
        print("\n".join(lines))
    else:
        write_page("guidance", "Guidance away from what is unwanted", __doc__, lines)


if __name__ == "__main__":
    main()
