"""A small diffusion model of handwritten digits, trained once, with conditions that overlap.

The 1,797 digits of scikit-learn (8 x 8), four fifths of them for training. A condition is a
property of digits, and every digit has several: even, odd, small, large, with a closed loop, of
straight strokes. In training one property of each image is shown, or none. The model is a
transformer of three blocks over 16 patches that predicts velocity, and so noise. Judges are made of
real digits: a support vector machine says which digit a sample is, and one that is further from
every training image than 99% of the held-out ones is off the manifold.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.neighbors import NearestNeighbors
from sklearn.svm import SVC
from torch import nn

from benchmarks.data import CACHE
from negatives.guide import negtome

PROPERTIES: dict[str, set[int]] = {
    "even": {0, 2, 4, 6, 8},
    "odd": {1, 3, 5, 7, 9},
    "small": {0, 1, 2, 3, 4},
    "large": {5, 6, 7, 8, 9},
    "loop": {0, 6, 8, 9},
    "straight": {1, 4, 7},
}
NAMES = [*PROPERTIES]
NOTHING = len(NAMES)
"""The condition that says nothing."""
WIDTH, HEADS, BLOCKS, WAVES = 64, 4, 3, 8
STEPS, BATCH, RATE, LEFT_OUT, AVERAGED = 6_000, 128, 2e-3, 0.15, 0.995


@cache
def digits() -> tuple[Any, Any, Any, Any]:
    """Images float32[n, 64] from -1 to 1 and digits int64[n] of training, then those held out."""
    found = load_digits()
    images = (found.data / 8 - 1).astype(np.float32)
    order = np.random.default_rng(0).permutation(len(images))
    cut = len(order) * 4 // 5
    kept, held = order[:cut], order[cut:]
    return images[kept], found.target[kept], images[held], found.target[held]


# ---- the model -----------------------------------------------------------------------------------


class Block(nn.Module):  # type: ignore[misc]
    """Attention and a layer, each added to what comes in."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.joint, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.layer = nn.Sequential(
            nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH)
        )

    def attended(self, x: Any) -> Any:
        """After attention."""
        rows, tokens, _ = x.shape
        parts = self.joint(self.first(x)).view(rows, tokens, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(*parts)
        return x + self.out(mixed.transpose(1, 2).reshape(rows, tokens, WIDTH))

    def forward(self, x: Any) -> Any:
        """After the layer."""
        return x + self.layer(self.second(x))


class Denoiser(nn.Module):  # type: ignore[misc]
    """The noise in noisy images, float[n, 64], at an angle (0: clean), under a condition."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.velocity = nn.Linear(4, WIDTH), nn.Linear(WIDTH, 4)
        self.places = nn.Parameter(torch.randn(16, WIDTH) * 0.1)
        self.conditions = nn.Embedding(NOTHING + 1, WIDTH)
        self.times = nn.Linear(2 * WAVES, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.last = nn.LayerNorm(WIDTH)

    def forward(
        self,
        noisy: Any,
        angle: Any,
        condition: Any,
        away: list[Any] | None = None,
        alpha: float = 0.0,
        kept: list[Any] | None = None,
    ) -> Any:
        """`away`: features of a reference after the attention of each block, from which those of
        the images are moved by `alpha` (NegToMe); `kept`: where to put them.
        """
        waves = angle[:, None] * torch.arange(1, WAVES + 1)
        time = self.times(torch.cat([waves.sin(), waves.cos()], 1))
        told = (self.conditions(condition) + time)[:, None]
        patches = noisy.view(-1, 4, 2, 4, 2).permute(0, 1, 3, 2, 4).reshape(-1, 16, 4)
        x = torch.cat([told, self.patches(patches) + self.places + time[:, None]], 1)
        for number, block in enumerate(self.blocks):
            x = block.attended(x)
            if kept is not None:
                kept.append(x[:, 1:])
            if away is not None:
                x = torch.cat([x[:, :1], negtome(x[:, 1:], away[number], alpha=alpha)], 1)
            x = block(x)
        made = self.velocity(self.last(x[:, 1:]))
        made = made.view(-1, 4, 4, 2, 2).permute(0, 1, 3, 2, 4).reshape(-1, 64)
        # Of cos noise - sin clean, so that where nearly all is noise hardly any error is left.
        return angle.sin()[:, None] * noisy + angle.cos()[:, None] * made


def shown(targets: Any, random: np.random.Generator) -> Any:
    """int64[n]: of each digit a property that it has, or nothing."""
    has = np.array([[digit in each for each in PROPERTIES.values()] for digit in range(10)])
    draws = random.random((len(targets), len(NAMES))) * has[targets]
    condition = draws.argmax(1)
    condition[random.random(len(targets)) < LEFT_OUT] = NOTHING
    return torch.as_tensor(condition)


def velocity_error(predicted: Any, noise: Any, angle: Any) -> Any:
    """The mean squared error of what the model predicts, which weighs noise levels alike."""
    return ((predicted - noise) / angle.cos()[:, None]).square().mean()


def trained(steps: int = STEPS, folder: Path = CACHE / "guidance") -> Denoiser:
    """The model, trained once for so many steps and kept."""
    path = folder / f"denoiser-{steps}.pt"
    torch.manual_seed(0)
    model = Denoiser()
    if path.is_file():
        model.load_state_dict(torch.load(path, weights_only=True))
        model.eval()
        return model
    images, targets, _, _ = digits()
    random = np.random.default_rng(0)
    average = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(AVERAGED)
    )
    learner = torch.optim.AdamW(model.parameters(), RATE, weight_decay=0.01)
    rates = torch.optim.lr_scheduler.CosineAnnealingLR(learner, steps)
    for _ in range(steps):
        rows = random.integers(len(images), size=BATCH)
        clean, noise = torch.from_numpy(images[rows]), torch.randn(BATCH, 64)
        angle = torch.rand(BATCH) * (math.pi / 2 - 0.04) + 0.02
        noisy = angle.cos()[:, None] * clean + angle.sin()[:, None] * noise
        loss = velocity_error(model(noisy, angle, shown(targets[rows], random)), noise, angle)
        learner.zero_grad()
        loss.backward()
        learner.step()
        rates.step()
        average.update_parameters(model)
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    torch.save(average.module.state_dict(), unfinished)
    unfinished.rename(path)
    model.load_state_dict(average.module.state_dict())
    model.eval()
    return model


# ---- the judges ----------------------------------------------------------------------------------


class Judges:
    """Which digit a sample is, and -1 where it is none: made of real digits alone."""

    def __init__(self) -> None:
        images, targets, held, held_targets = digits()
        self.classifier = SVC(gamma=0.02, C=10).fit(images, targets)
        self.neighbours = NearestNeighbors(n_neighbors=1).fit(images)
        self.far = float(np.quantile(self.neighbours.kneighbors(held)[0], 0.99))
        self.accuracy = float(self.classifier.score(held, held_targets))

    def __call__(self, samples: Any) -> Any:
        """int64[n]."""
        apart = self.neighbours.kneighbors(samples)[0][:, 0]
        return np.where(apart <= self.far, self.classifier.predict(samples), -1)
