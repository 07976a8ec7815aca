"""A teacher that has seen the next step beside the usual running mean, on digits of which few have
labels.

Five digits of each class have labels, 1,000 have none, 100 choose and the others test. A network of
one hidden layer learns labels and, of noisy unlabelled digits, what the teacher is sure of. All
arms see the same batches; a step of the teacher from the future costs two gradients, so that the
usual one has twice as many steps in an arm of its own.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import torch

from benchmarks.made_digits import digits, few
from negatives.learn.future_teacher import future_step
from negatives.learn.rare.network import small

STEPS: Final = 600
SURE: Final = 0.8
"""The teacher's probability from which its label is learned."""
NOISE: Final = 0.3
MOMENTA: Final = (0.9, 0.99)
Figures = dict[str, float]
Step = Callable[[Any, Any, Any, Any, float], Any]
"""Student, teacher, optimiser, loss and momentum: one step of both."""


def usual(student: Any, teacher: Any, optimiser: Any, loss: Any, momentum: float) -> None:
    """The student learns by the teacher; the teacher is the running mean of students."""
    optimiser.zero_grad()
    loss(student, teacher).backward()
    optimiser.step()
    with torch.no_grad():
        for mean, now in zip(teacher.parameters(), student.parameters(), strict=True):
            mean.lerp_(now, 1 - momentum)


def future(student: Any, teacher: Any, optimiser: Any, loss: Any, momentum: float) -> None:
    """The teacher sees the next student first."""
    future_step(student, teacher, optimiser, loss, momentum=momentum)


ARMS: Final[dict[str, tuple[Step | None, int]]] = {
    "labels alone": (None, STEPS),
    "the usual teacher": (usual, STEPS),
    "the usual teacher, twice as many steps": (usual, 2 * STEPS),
    "a teacher from the future": (future, STEPS),
}


def studied(seed: int) -> Figures:
    """Accuracy of the student and of its teacher, at the momentum that is chosen."""
    images, classes = digits()
    flat = images.reshape(-1, 64).astype(np.float32)
    kept, others = few(5, seed)
    others = np.random.default_rng(seed).permutation(others)
    unlabelled, chosen, tested = np.split(others, [1000, 1100])
    made: Figures = {}
    for name, (step, steps) in ARMS.items():
        tried = []
        for momentum in MOMENTA if step else (0.0,):
            student, teacher = trained(flat, classes, kept, unlabelled, step, steps, momentum, seed)
            right = [accuracy(student, flat, classes, rows) for rows in (chosen, tested)]
            of_teacher = accuracy(teacher, flat, classes, tested)
            tried.append((right[0], momentum, right[1], of_teacher))
        _, momentum, tests, of_teacher = max(tried)
        made[name] = tests
        if step:
            made |= {f"{name}: the teacher itself": of_teacher, f"{name}: momentum": momentum}
    return made


def trained(
    flat: Any, classes: Any, kept: Any, unlabelled: Any, step: Step | None, steps: int,
    momentum: float, seed: int,
) -> tuple[Any, Any]:  # fmt: skip
    """A student and its teacher."""
    student = small(64, 10, width=64, seed=seed)
    teacher = copy.deepcopy(student).requires_grad_(False)
    optimiser = torch.optim.SGD(student.parameters(), lr=0.1, momentum=0.9)
    draw = torch.Generator().manual_seed(seed)
    seen, right = torch.from_numpy(flat), torch.from_numpy(classes)
    entropy = torch.nn.functional.cross_entropy
    for _ in range(steps):
        labelled = torch.from_numpy(kept)[torch.randint(len(kept), (20,), generator=draw)]
        free = torch.from_numpy(unlabelled)[torch.randint(len(unlabelled), (100,), generator=draw)]
        noisy = seen[free] + NOISE * torch.randn((100, 64), generator=draw)

        def loss(own: Any, other: Any, at: Any = (labelled, free, noisy)) -> Any:
            known, unknown, inputs = at
            found = entropy(own(seen[known]), right[known])
            if step is None:
                return found
            with torch.no_grad():
                sure, said = other(seen[unknown]).softmax(-1).max(-1)
            by_teacher = entropy(own(inputs), said, reduction="none")
            return found + (by_teacher * (sure > SURE)).mean()

        (step or usual)(student, teacher, optimiser, loss, momentum)
    return student, teacher


def accuracy(network: Any, flat: Any, classes: Any, rows: Any) -> float:
    """How often the highest output is of the right class."""
    with torch.no_grad():
        said = network(torch.from_numpy(flat[rows])).argmax(-1).numpy()
    return float((said == classes[rows]).mean())
