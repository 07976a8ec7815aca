"""Self-training with a teacher from the future: pseudo-labels by the student of the next step.

Du et al. 2022, Learning from Future (FST): a teacher that is a running mean of past students hands
their errors on. So at every step the student is first moved `depth` steps ahead, only to look; the
teacher takes the mean with that student; the student is put back, and learns from the labels that
the teacher now gives:

    ahead    = student - rate * gradient(supervised + by the teacher as it was), `depth` times
    teacher  = momentum * teacher + (1 - momentum) * ahead
    student  = student - rate * gradient(supervised + by the teacher as it is now)

A reconstruction from the abstract, of FST-D; for any torch modules, and whatever labels: a false
negative that the teacher calls relevant is one that the student need not learn as wrong.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from negatives.errors import InputError
from negatives.optional import Tensor, torch

Guided = Callable[[Any, Any], Tensor]
"""The student and the teacher -> the loss of one step, a number with gradient."""


def future_step(
    student: Any,
    teacher: Any,
    optimiser: Any,
    loss: Guided,
    *,
    momentum: float = 0.99,
    depth: int = 1,
) -> float:
    """One step of a student, in place, by a teacher that has seen the next; the loss.

    teacher: a copy of the student at first, which has no gradient. optimiser: the student's. loss:
    all of it, what labels say and what the teacher says of unlabelled rows. A step costs 1 + depth
    times as much. The student's buffers, such as running means, are put back too.

    >>> import torch
    >>> from negatives.learn.future_teacher import future_step
    >>> student, teacher = torch.nn.Linear(1, 1, bias=False), torch.nn.Linear(1, 1, bias=False)
    >>> for each in (student, teacher):
    ...     _ = torch.nn.init.zeros_(each.weight)
    >>> descent = torch.optim.SGD(student.parameters(), lr=0.5)
    >>> squared = lambda own, other: (own.weight - 1 - other.weight.detach()).square().sum()
    >>> loss = future_step(student, teacher, descent, squared, momentum=0.5)
    >>> teacher.weight.item(), student.weight.item(), loss
    (0.5, 1.5, 2.25)
    """
    if not 0 <= momentum <= 1 or depth < 1:
        raise InputError(
            f"momentum = {momentum:g}, depth = {depth}",
            fix="a momentum from 0 to 1, and at least one step ahead",
        )
    there = copy.deepcopy(student.state_dict())
    before = copy.deepcopy(optimiser.state_dict())
    for _ in range(depth):
        _stepped(student, teacher, optimiser, loss)
    with torch.no_grad():
        for mean, ahead in zip(teacher.parameters(), student.parameters(), strict=True):
            mean.lerp_(ahead, 1 - momentum)
        for mean, ahead in zip(teacher.buffers(), student.buffers(), strict=True):
            mean.copy_(ahead)
    student.load_state_dict(there)
    optimiser.load_state_dict(before)
    return _stepped(student, teacher, optimiser, loss)


def _stepped(student: Any, teacher: Any, optimiser: Any, loss: Guided) -> float:
    optimiser.zero_grad()
    found = loss(student, teacher)
    found.backward()
    optimiser.step()
    optimiser.zero_grad()
    return float(found.detach())
