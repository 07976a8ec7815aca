"""What is told of several threads' work is the failure that ended it, not those who gave up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed

import pytest

from negatives.models.stopping import GivenUp, all_or_stop, begin


class Lingers(threading.Event):
    """Is set for a while before the thread that sets it goes on."""

    def set(self) -> None:
        first = not self.is_set()
        super().set()
        time.sleep(0.1 if first else 0)


def jobs(stopped: threading.Event) -> list[Callable[[], None]]:
    """One that waits for the other and gives up, one that fails meanwhile."""
    waits = threading.Event()

    def give_up() -> None:
        waits.set()
        stopped.wait(10)
        raise GivenUp("given up, for another failed")

    def fail() -> None:
        waits.wait(10)
        raise ValueError("what went wrong")

    return [give_up, fail]


def test_who_gives_up_first_does_not_hide_why() -> None:
    stopped = Lingers()
    with ThreadPoolExecutor(2) as pool, pytest.raises(ValueError, match="what went wrong"):
        all_or_stop(pool, jobs(stopped), stopped)
    stopped = Lingers()
    with ThreadPoolExecutor(2) as pool:
        gave_up, failed = as_completed(begin(pool, jobs(stopped), stopped))
    assert gave_up.result() is None
    assert str(failed.exception()) == "what went wrong"


def test_each_job_has_its_own_result_and_none_begins_after_a_failure() -> None:
    def failing() -> int:
        raise ValueError("what went wrong")

    stopped = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        made = begin(pool, [lambda: 1, lambda: 2, failing, lambda: 4], stopped)
    assert [each.result() for each in made if each is not made[2]] == [1, 2, None]
    assert stopped.is_set()
