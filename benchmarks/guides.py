"""Guides that need no generator of images to be measured: a small figure of each, on digits.

The 1,797 digits of scikit-learn (8 x 8), a fifth of them held out; the judges are those of the
benchmark `denoiser`. *Negative targets*: a network restores blurred, noisy digits in one step, and
in a share of the examples learns the degraded image under a negative condition; error and readable
share over the scale. *Minority*: 95 images of one digit to 5 of another, with the exact denoiser of
a Gaussian around each; how well scores tell the rare, and the rare share of what is generated.
*Erasure*: a linear map from images to digits, of which one is mapped to another's; what is left of
it, and what is lost of the others. *Captions*: one word for an image, the word digit, a property or
its name; how many are true, and how often the word finds the image's digit. *Intervals*: gradients
of a denoiser at 16 noise levels, cut into four; how alike they are within an interval, and the
held-out error with conflicts between intervals taken out, at equal steps and images.
NEGATIVES_BENCH_SEEDS says how many seeds, NEGATIVES_BENCH_TOY=1 makes a quick try; what is done is
kept.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from itertools import pairwise
from statistics import mean, pstdev
from typing import Any

import numpy as np

from benchmarks.data import CACHE
from benchmarks.denoiser import (
    NOTHING,
    PROPERTIES,
    Denoiser,
    Judges,
    digits,
    velocity_error,
)
from benchmarks.page import write_page
from negatives.guide import (
    Mixture,
    beyond,
    caption_guided,
    classifier_guided,
    clean_sample,
    cut,
    drawn_share,
    erased,
    generated,
    in_ring,
    minority_classes,
    minority_scores,
    mixed_targets,
    negative_prompt,
    reconciled,
    ring,
    signals,
    spread,
    strangeness,
)

TOY = os.environ.get("NEGATIVES_BENCH_TOY") == "1"
SEEDS = int(os.environ.get("NEGATIVES_BENCH_SEEDS", "1" if TOY else "5"))
WORK = CACHE / ("guides-toy" if TOY else "guides")
Figures = dict[str, float]
"""What was measured, in words -> the value."""


def negative_targets(seed: int) -> Figures:
    """One-step restoration with a negative condition in a share of the examples."""
    from sklearn.neural_network import MLPRegressor

    images, _, held, targets = digits()
    judges, random = Judges(), np.random.default_rng(seed)

    def degraded(clean: Any) -> Any:
        coarse = clean.reshape(-1, 4, 2, 4, 2).mean((2, 4))
        coarse = coarse.repeat(2, 1).repeat(2, 2).reshape(-1, 64)
        return coarse + 0.3 * random.normal(size=clean.shape)

    bad, bad_held = degraded(images), degraded(held)
    ids, made = [str(row) for row in range(len(images))], {}
    for share in (0.0, 0.05, 0.2):
        draws = [drawn_share(ids, share, seed=seed, epoch=epoch) for epoch in range(4)]
        negative = np.concatenate(draws)
        inputs, goals = np.tile(bad, (4, 1)), np.tile(images, (4, 1))
        model = MLPRegressor(
            hidden_layer_sizes=(256,), max_iter=2 if TOY else 60, random_state=seed, tol=0
        )
        model.fit(np.column_stack([inputs, negative]), mixed_targets(goals, inputs, negative))

        def restored(is_negative: float, model: Any = model) -> Any:
            return model.predict(np.column_stack([bad_held, np.full(len(held), is_negative)]))

        for scale in (1.0, 1.07, 1.2, 1.5, 2.0) if share else (1.0,):
            out = negative_prompt(restored(1.0), restored(0.0), scale)
            name = f"negative share {share:g}, scale {scale:g}"
            made[f"{name}: error"] = float(np.sqrt(np.square(out - held).mean()))
            made[f"{name}: read right"] = float((judges.classifier.predict(out) == targets).mean())
    return made


def minority(seed: int) -> Figures:
    """A rare digit among a frequent one, found and asked for."""
    images, targets, _, _ = digits()
    judges, random = Judges(), np.random.default_rng(seed)
    frequent, rare = random.choice(10, 2, replace=False)
    rows = np.concatenate(
        [
            random.choice(np.flatnonzero(targets == digit), number, replace=False)
            for digit, number in ((frequent, 95), (rare, 5))
        ]
    )
    known = Mixture(images[rows], deviation=0.3)
    is_rare = targets[rows] == rare
    samples, which = known.drawn(60 if TOY else 600, np.ones(100).tolist(), seed)
    signal, remade = math.cos(0.8 * math.pi / 2) ** 2, []
    for _ in range(2 if TOY else 5):
        noisy = math.sqrt(signal) * samples
        noisy = noisy + math.sqrt(1 - signal) * random.normal(size=samples.shape)
        remade.append(clean_sample(noisy, known.noise(noisy, signal), signal))
    scores = minority_scores(samples, np.stack(remade))
    told = is_rare[which]
    made = {"rare told from frequent by score (AUC)": auc(scores[told], scores[~told])}
    classes, _ = minority_classes(scores, 10, cap=0.99)
    made["rare in the class of the highest scores"] = float(told[classes == 9].mean())
    # The components that the samples of the last class are of, by how often they are.
    chosen = np.bincount(which[classes == 9], minlength=100).astype(float)
    start = random.normal(size=(20 if TOY else 200, 64))
    for scale in (0.0, 0.5, 1.0, 2.0, 4.0):

        def predict(x: Any, a: float, _: int, scale: float = scale) -> Any:
            noise = known.noise(x, a)
            if not scale or a == 1:
                return noise
            gradient = known.gradient(x, a, np.ones(100).tolist(), chosen.tolist())
            return classifier_guided(noise, gradient, scale, a)

        seen = judges(generated(predict, start, signals(20)))
        made[f"scale {scale:g}: rare"] = float((seen == rare).mean())
        made[f"scale {scale:g}: off"] = float((seen < 0).mean())
    return made


def erasure(seed: int) -> Figures:
    """A digit erased from a linear map, alone or with neighbours, with or without what is kept."""
    images, targets, held, held_targets = digits()
    middle = images.mean(0)
    x, x_held = images - middle, held - middle
    weights = np.linalg.solve(x.T @ x + 10 * np.eye(64), x.T @ (np.eye(10)[targets] - 0.1)).T
    concepts = np.stack([x[targets == digit].mean(0) for digit in range(10)]).astype(np.float64)
    gone = seed % 10
    anchor = (gone + 1 + seed // 10) % 10
    is_gone = held_targets == gone

    def figures(name: str, new: Any) -> Figures:
        right = (x_held @ new.T).argmax(1) == held_targets
        return {
            f"{name}: left of it": float(right[is_gone].mean()),
            f"{name}: others right": float(right[~is_gone].mean()),
        }

    made = figures("nothing erased", weights)
    concept = concepts[gone]
    others = np.delete(concepts, gone, 0)
    far = x[beyond(x, concept, lowest=0.3) & (targets != gone)][:200]
    real = x[in_ring(x, concept, lowest=0.6, highest=0.95)]
    neighbours = {
        "the concept": concept[None],
        "with a random ring": np.vstack([concept, ring(concept, 50, seed=seed)]),
        "with real neighbours": np.vstack([concept, real]),
    }
    for name, erase in neighbours.items():
        goals = np.repeat((weights @ concepts[anchor])[None], len(erase), 0)
        for also, keep in {"": None, ", others kept": np.vstack([others, far])}.items():
            new = erased(weights, erase, goals, keep, tie=1.0)
            made |= figures(f"{name}{also}", new)
    return made


def captions(seed: int) -> Figures:
    """One word for an image, by a model that half of the time did not see it."""
    from sklearn.neural_network import MLPClassifier

    images, targets, held, held_targets = digits()
    random = np.random.default_rng(seed)
    fits = [{*range(10)}, *PROPERTIES.values(), *({digit} for digit in range(10))]
    image, word = [], []
    for row, digit in enumerate(targets.tolist() * 4):
        several = [at for at, each in enumerate(PROPERTIES.values(), 1) if digit in each]
        draw = random.random()
        word.append(0 if draw < 0.5 else random.choice(several) if draw < 0.8 else 7 + digit)
        image.append(row % len(targets))
    dropped = drawn_share([str(row) for row in range(len(word))], 0.5, seed=seed)
    inputs = np.column_stack([images[image] * ~dropped[:, None], ~dropped])
    model = MLPClassifier(
        hidden_layer_sizes=(64,), max_iter=3 if TOY else 60, random_state=seed, tol=0
    )
    model.fit(inputs, word)
    logs = [
        model.predict_log_proba(np.column_stack([held * seen, np.full(len(held), seen)]))
        for seen in (1.0, 0.0)
    ]
    made = {}
    for alpha in (0.0, 0.1):
        for scale in (1.0, 1.5, 2.0, 3.0, 5.0):
            said = model.classes_[caption_guided(*logs, scale=scale, alpha=alpha).argmax(1)]
            true = [digit in fits[at] for at, digit in zip(said, held_targets, strict=True)]
            found = [ok / len(fits[at]) for at, ok in zip(said, true, strict=True)]
            name = f"scale {scale:g}, cut {alpha:g}"
            made[f"{name}: true"] = float(np.mean(true))
            made[f"{name}: finds the digit"] = float(np.mean(found))
    return made


def intervals(seed: int) -> Figures:
    """Noise levels cut into four intervals, and a training without their conflicts."""
    import torch

    images, _, held, _ = digits()
    steps, levels, number = (3, 4, 2) if TOY else (600, 16, 4)
    edges = np.linspace(0.02, math.pi / 2 - 0.02, levels + 1)

    def error(model: Any, clean: Any, low: Any, high: Any, random: Any) -> Any:
        x, noise = torch.from_numpy(clean), torch.randn((len(clean), 64), generator=random)
        angle = torch.rand(len(clean), generator=random) * (high - low) + low
        noisy = angle.cos()[:, None] * x + angle.sin()[:, None] * noise
        nothing = torch.full((len(clean),), NOTHING)
        return velocity_error(model(noisy, angle, nothing), noise, angle)

    def gradient(model: Any, loss: Any) -> Any:
        model.zero_grad()
        loss.backward()
        parts = [p.grad.ravel() for p in model.parameters() if p.grad is not None]
        return torch.cat(parts).double().numpy()

    def affinity(model: Any, random: Any) -> Any:
        found = np.stack(
            [
                gradient(model, error(model, images[:256], low, high, random))
                for low, high in pairwise(edges)
            ]
        )
        found /= np.linalg.norm(found, axis=1, keepdims=True)
        return found @ found.T

    def learned(starts: list[int] | None) -> tuple[Any, float]:
        torch.manual_seed(seed)
        model, random = Denoiser(), torch.Generator().manual_seed(seed)
        learner = torch.optim.AdamW(model.parameters(), 2e-3)
        ends = edges[[*(starts or range(0, levels, levels // number)), levels]]
        rows = np.random.default_rng(seed)
        for place in range(steps):
            chosen = [images[rows.integers(len(images), size=32)] for _ in range(number)]
            losses = [
                error(model, clean, low, high, random)
                for clean, (low, high) in zip(chosen, pairwise(ends), strict=True)
            ]
            if starts is None:
                gradient(model, sum(losses) / number)
            else:
                tasks = np.stack([gradient(model, loss) for loss in losses])
                flat = torch.from_numpy(reconciled(tasks, seed=place).mean(0)).float()
                at = 0
                for p in (p for p in model.parameters() if p.grad is not None):
                    p.grad = flat[at : at + p.numel()].view_as(p)
                    at += p.numel()
            learner.step()
        with torch.no_grad():
            fixed = torch.Generator().manual_seed(99)
            tested = [error(model, held, edges[0], edges[-1], fixed) for _ in range(8)]
        return model, float(sum(tested) / 8)

    plain, made_error = learned(None)
    one = affinity(plain, torch.Generator().manual_seed(1))
    other = affinity(plain, torch.Generator().manual_seed(2))
    middles = (edges[:-1] + edges[1:]) / 2
    cuts = {
        "equal lengths": [*range(0, levels, levels // number)],
        "signal to noise": cut(levels, number, spread(2 * np.log(1 / np.tan(middles)))),
        "affinity": cut(levels, number, strangeness(one)),
    }
    made = {}
    for name, starts in cuts.items():
        spans = zip(starts, [*starts[1:], levels], strict=True)
        inside = [other[first:last, first:last].mean() for first, last in spans]
        made[f"{name}: alike within"] = float(np.mean(inside))
    made["held-out error, as it is"] = made_error
    for name in ("equal lengths", "affinity"):
        made[f"held-out error, reconciled by {name}"] = learned(cuts[name])[1]
    return made


def auc(high: Any, low: Any) -> float:
    """How often one of the first is above one of the second."""
    return float((high[:, None] > low).mean() + (high[:, None] == low).mean() / 2)


STUDIES: dict[str, Callable[[int], Figures]] = {
    "Negative targets (S3Diff)": negative_targets,
    "Minority guidance": minority,
    "Erasure with neighbours (RealEra)": erasure,
    "Guided captions": captions,
    "Intervals against negative transfer": intervals,
}


def kept(study: Callable[[int], Figures], seed: int) -> Figures:
    """What was measured before, or is now."""
    path = WORK / f"{study.__name__}-{seed}.json"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(study(seed)), "utf-8")
        unfinished.rename(path)
    found: Figures = json.loads(path.read_text("utf-8"))
    return found


def main() -> None:
    """Measure what is not yet kept, and write the page."""
    lines = [f"{SEEDS} seeds; ± is their standard deviation.", ""]
    for title, study in STUDIES.items():
        found = [kept(study, seed) for seed in range(SEEDS)]
        lines += [f"## {title}", "", "| | |", "|---|---:|"]
        for name in found[0]:
            values = [each[name] for each in found]
            lines.append(f"| {name} | {mean(values):.3f} ± {pstdev(values):.3f} |")
        lines.append("")
    if TOY:
        print("\n".join(lines))
    else:
        write_page("guides", "Small figures of guides", __doc__, lines)


if __name__ == "__main__":
    main()
