"""Networks made smaller, and a screen before another model, by what they miss.

*Compression*, after a method for class-dependent compression that is a reconstruction from its
abstract: two sets of `imbalance`, 5 and 20% rare, a network of 64 hidden units, a fifth of the
weights that are left pruned in each of ten rounds. `weighted` tries 1, 2, 4 and 8 as the cost of a
missed item until the threshold need not move, `plain` has 1 alone; both then have the largest
threshold that misses no more of `valid` than the network did before it was pruned, and `plain at
0.5` has that of any classifier. Missed and taken in are shares of `test`.

*A screen* for frames without anything, as of an ultrasound: 16 pixels square, speckle in all, and a
digit of scikit-learn somewhere in half of them. A logistic classifier of each pixel's neighbourhood
marks the digit; another one, of the frame's brightest patches, leaves frames out before it: at most
5% of those with a digit, with 95% confidence (`sure`) or on `valid` alone (`valid`), or where its
probability is below a half (`at 0.5`). Dice is the mean over frames that have a digit, and 0 where
the frame was left out.

Means over NEGATIVES_BENCH_SEEDS seeds (5), which draw items, parts and weights.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from statistics import mean

import numpy as np
import torch

from benchmarks.imbalance import thinned
from benchmarks.page import write_page
from negatives.arrays import Bools, Floats
from negatives.learn.rare.examples import Examples, split
from negatives.learn.rare.prescreen import Prescreen, overlap
from negatives.learn.rare.pruning import Pruning
from negatives.measure.thresholds import rates

SEEDS = int(os.environ.get("NEGATIVES_BENCH_SEEDS", "5"))
SETS, SHARES, ROUNDS = ("breast_cancer", "digits"), (0.05, 0.2), 10
FRAMES, SIDE, LOST, CONTRAST = 3_000, 16, 0.05, 0.3


def compressed(name: str, share: float, seed: int) -> dict[str, tuple[float, float, float]]:
    """By arm: weights left, missed, taken in, on `test`."""
    parts = split(thinned(name, share, seed), seed=seed, valid=0.3, test=0.3)
    found: dict[str, tuple[float, float, float]] = {}
    for arm, alphas in (("weighted", (1.0, 2.0, 4.0, 8.0)), ("plain", (1.0,))):
        made = Pruning(rounds=ROUNDS, alphas=alphas).fit(parts, seed=seed)
        found[arm] = (made.rounds[-1].share, *made.on(parts.test))
        if arm == "plain":
            logits = made.logits(parts.test.vectors)
            found["plain at 0.5"] = (
                made.rounds[-1].share,
                *rates(parts.test.labels, logits, 0.0),
            )
    whole = Pruning(rounds=0).fit(parts, seed=seed)
    return {"not pruned": (1.0, *whole.on(parts.test)), **found}


def frames(seed: int) -> tuple[Floats, Bools]:
    """float32[FRAMES, SIDE, SIDE] of speckle, half with a digit, and the pixels of the digits."""
    from sklearn.datasets import load_digits

    draw = np.random.default_rng(seed)
    images = draw.gamma(2.0, 0.14, (FRAMES, SIDE, SIDE)).astype(np.float32)
    truth = np.zeros(images.shape, bool)
    digits = load_digits().images
    for frame in range(0, FRAMES, 2):
        digit = digits[draw.integers(len(digits))] / 16
        top, left = draw.integers(0, SIDE - 7, 2)
        place = np.s_[frame, top : top + 8, left : left + 8]
        images[place] += CONTRAST * digit
        truth[place] = digit > 0.3
    return images, truth


def patches(images: Floats) -> Floats:
    """float32[n, SIDE, SIDE, 9]: each pixel with those around it."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)), mode="edge")
    moved = [padded[:, y : y + SIDE, x : x + SIDE] for y in range(3) for x in range(3)]
    return np.stack(moved, axis=-1)


def screened(seed: int) -> dict[str, dict[str, float]]:
    """By arm: what is left out, and how well the rest is marked."""
    from sklearn.linear_model import LogisticRegression

    images, truth = frames(seed)
    around = patches(images)
    brightest = np.sort(around.mean(-1).reshape(FRAMES, -1), axis=1)[:, -40:]
    order = np.arange(FRAMES, dtype=np.int64)
    labels = np.asarray(truth.any((1, 2)))
    parts = split(Examples(np.c_[brightest, order].astype(np.float32), labels), seed=seed)
    learn, test = (part.vectors[:, -1].astype(int) for part in (parts.train, parts.test))
    marker = LogisticRegression(max_iter=500)
    some = np.random.default_rng(seed).random(truth[learn].shape) < 0.05
    marker.fit(around[learn][some], truth[learn][some])
    marked = marker.predict(around[test].reshape(-1, 9)).reshape(truth[test].shape) > 0
    parts = split(Examples(brightest, labels), seed=seed)
    sure, valid = (
        Prescreen(max_lost=LOST, confidence=confidence).fit(parts) for confidence in (0.95, None)
    )
    passes = {
        "no screen": np.ones(len(test), bool),
        "at 0.5": sure.score(brightest[test]) >= 0,
        "valid": valid.passes(brightest[test]),
        "sure": sure.passes(brightest[test]),
    }
    found = {}
    for arm, kept in passes.items():
        told = overlap(truth[test], marked & kept[:, None, None])
        found[arm] = {
            "lost": float((~kept[labels[test]]).mean()),
            "left out": float((~kept[~labels[test]]).mean()),
            "dice": told.dice,
            "marked": told.marked_in_empty,
        }
    return found


def compression_lines() -> Iterator[str]:
    """The table of the pruned networks."""
    yield from ("## Compression", "")
    yield "| set | rare | network | weights left | missed | taken in |"
    yield "|---" * 6 + "|"
    for name in SETS:
        for share in SHARES:
            found = [compressed(name, share, seed) for seed in range(SEEDS)]
            for arm in found[0]:
                left, missed, taken = (
                    mean(each[arm][place] for each in found) for place in (0, 1, 2)
                )
                yield f"| {name} | {share:.0%} | {arm} | {left:.0%} | {missed:.3f} | {taken:.3f} |"
    yield ""


def screen_lines() -> Iterator[str]:
    """The table of the screen."""
    found = [screened(seed) for seed in range(SEEDS)]
    yield from ("## A screen", "")
    yield (
        "| screen | lost of frames with a digit | most of any seed | empty frames left out | Dice "
        "| pixels of empty frames marked |"
    )
    yield "|---" * 6 + "|"
    for arm in found[0]:
        rows = [each[arm] for each in found]
        lost, out, dice, marked = (
            mean(row[key] for row in rows) for key in ("lost", "left out", "dice", "marked")
        )
        most = max(row["lost"] for row in rows)
        yield f"| {arm} | {lost:.3f} | {most:.3f} | {out:.3f} | {dice:.3f} | {marked:.4f} |"
    yield ""


def main() -> None:
    """Measure, and write the page."""
    torch.set_num_threads(1)
    lines = [*compression_lines(), *screen_lines()]
    write_page("compression", "Smaller networks, and a screen", __doc__, lines)


if __name__ == "__main__":
    main()
