"""A teacher from the future: the step against one worked out by hand, and few labels."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from negatives.errors import NegativesError

torch: Any = pytest.importorskip("torch")

from negatives.learn.future_teacher import future_step  # noqa: E402


def squared(student: Any, teacher: Any) -> Any:
    x = torch.tensor([[1.0, 2.0], [-1.0, 0.5]])
    labelled = (student(x[:1]) - 1.0).square().sum()
    return labelled + (student(x[1:]) - teacher(x[1:]).detach()).square().sum()


def start() -> tuple[Any, Any]:
    torch.manual_seed(0)
    student = torch.nn.Linear(2, 1)
    return student, copy.deepcopy(student)


@pytest.mark.method("future-self-training")
@pytest.mark.parametrize("depth", [1, 3])
def test_a_step_is_the_one_worked_out_by_hand(depth: int) -> None:
    student, teacher = start()
    own, other = start()
    optimiser = torch.optim.SGD(student.parameters(), lr=0.05)
    for _ in range(3):
        future_step(student, teacher, optimiser, squared, momentum=0.6, depth=depth)
        ahead = copy.deepcopy(own)
        for _ in range(depth):
            down = torch.autograd.grad(squared(ahead, other), [*ahead.parameters()])
            with torch.no_grad():
                for each, gradient in zip(ahead.parameters(), down, strict=True):
                    each -= 0.05 * gradient
        with torch.no_grad():
            for mean, each in zip(other.parameters(), ahead.parameters(), strict=True):
                mean.copy_(0.6 * mean + 0.4 * each)
        down = torch.autograd.grad(squared(own, other), [*own.parameters()])
        with torch.no_grad():
            for each, gradient in zip(own.parameters(), down, strict=True):
                each -= 0.05 * gradient
    for mine, theirs in ((student, own), (teacher, other)):
        for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(a, b)


def test_what_was_looked_at_ahead_leaves_no_trace_in_the_student_or_its_optimiser() -> None:
    student, teacher = start()
    own, _ = start()
    ahead, plain = (torch.optim.Adam(each.parameters(), lr=0.01) for each in (student, own))
    for _ in range(4):
        future_step(student, teacher, ahead, squared, momentum=1.0, depth=2)
        plain.zero_grad()
        squared(own, teacher).backward()
        plain.step()
    for a, b in zip(student.parameters(), own.parameters(), strict=True):
        torch.testing.assert_close(a, b)
    with pytest.raises(NegativesError, match="momentum = 2"):
        future_step(student, teacher, ahead, squared, momentum=2.0)
