"""When a loop is worth compiling."""

from __future__ import annotations

import sys

import pytest

from negatives.compiling import Paid


@pytest.fixture
def unstarted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "numba", raising=False)


@pytest.mark.usefixtures("unstarted")
def test_work_pays_for_the_compiler_once_as_much_has_been_done() -> None:
    paid = Paid(100)
    assert [paid.off(40), paid.off(40), paid.off(40)] == [False, False, True]


@pytest.mark.usefixtures("unstarted")
def test_work_that_is_known_to_come_pays_at_once() -> None:
    assert Paid(100).off(10, foreseen=200)
    assert not Paid(100).off(10, foreseen=90)


def test_a_compiler_that_has_started_costs_a_quarter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", sys)
    assert not Paid(100).off(24)
    assert Paid(100).off(25)
