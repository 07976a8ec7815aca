"""The plainest training of a small network on vectors: batches by chance, Adam, any loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Doubles
from negatives.errors import DataError
from negatives.optional import Tensor, torch

Objective = Callable[[Tensor, Tensor], Tensor]
"""Logits and targets of a batch -> one number; the first axis is of items."""


def small(inputs: int, outputs: int, *, width: int = 32, seed: int = 0) -> Any:
    """A network of one hidden layer (a linear one where the width is 0), by the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if not width:
            return torch.nn.Linear(inputs, outputs)
        return torch.nn.Sequential(
            torch.nn.Linear(inputs, width), torch.nn.ReLU(), torch.nn.Linear(width, outputs)
        )


def fit(
    network: Any,
    vectors: NDArray[Any],
    targets: NDArray[Any],
    objective: Objective,
    *,
    epochs: int = 60,
    batch: int = 64,
    learning_rate: float = 0.01,
    weight_decay: float = 1e-4,
    seed: int = 0,
    after_step: Callable[[], None] = lambda: None,
) -> list[float]:
    """Train a torch module in place; the mean loss of each epoch.

    vectors: float[n, dim]; targets: [n, ...]. `after_step` is called after each step, such as to
    hold pruned weights at 0. `DataError` where there is nothing to learn from, or all targets are
    one.
    """
    if len(np.unique(targets)) < 2:
        raise DataError(
            f"{len(targets):,} items of {len(np.unique(targets))} classes",
            where="train",
            fix="give items of two classes or more: from one nothing is learned",
        )
    inputs = torch.from_numpy(np.array(vectors, np.float32))
    wanted = torch.from_numpy(np.array(targets))
    optimiser = torch.optim.Adam(network.parameters(), lr=learning_rate, weight_decay=weight_decay)
    draw = torch.Generator().manual_seed(seed)
    network.train()
    means = []
    for _ in range(epochs):
        losses = []
        for places in torch.randperm(len(inputs), generator=draw).split(batch):
            if len(places) < 2:  # a batch of one has no statistics to normalise by
                continue
            loss = objective(network(inputs[places]), wanted[places])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            after_step()
            losses.append(float(loss.detach()))
        means.append(float(np.mean(losses)))
    network.eval()
    return means


def outputs(network: Any, vectors: NDArray[Any]) -> Doubles:
    """float64[n, ...]: what a network says of vectors; one output is an axis less."""
    with torch.no_grad():
        said = network(torch.from_numpy(np.array(vectors, np.float32))).double().numpy()
    return np.asarray(said[:, 0] if said.ndim == 2 and said.shape[1] == 1 else said)


def scaled_by(vectors: NDArray[Any]) -> tuple[Doubles, Doubles]:
    """Mean and deviation of each number of vectors; a number that never changes has deviation 1."""
    spread = np.asarray(vectors.std(0), np.float64)
    return np.asarray(vectors.mean(0), np.float64), np.where(spread > 1e-12, spread, 1.0)
