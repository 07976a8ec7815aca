"""Engines: results in order whatever fails, three attempts, and the odd item named at the end."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest

from negatives.engine import ATTEMPTS, MOST_SET_ASIDE, Engine, Local, Mapper, carried_out
from negatives.errors import DataError, InputError, MissingExtra, WorkError
from negatives.machine import Machine
from negatives.run.engine import Processes, engine_named
from negatives.run.ray import Ray


def square(number: int) -> int:
    return number * number


def odd_ones_fail(error: type[Exception], number: int) -> int:
    if number % 2:
        raise error(f"no square of {number}")
    return number * number


class Slow(int):
    """A number that takes seconds to be sent."""

    def __reduce__(self) -> tuple[type[int], tuple[int]]:
        time.sleep(3)
        return int, (int(self),)


def zero_fails(number: int) -> int:
    if number == 0:
        raise DataError("no square of 0")
    return number * number


def killed_once(folder: Path, number: int) -> int:
    """Ends its own process, the first time that it is asked for 2."""
    if number == 2:
        try:
            (folder / "killed").touch(exist_ok=False)
        except FileExistsError:
            return number * number
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def killed_always(number: int) -> int:
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def counted(folder: Path, number: int) -> int:
    """Leaves a file for each attempt, and fails at all of them."""
    (folder / f"{number}-{len(list(folder.iterdir()))}").touch()
    raise ValueError("as always")


@contextmanager
def started(engine: Engine) -> Iterator[Mapper]:
    with engine.started() as mapper:
        yield mapper


def squares(mapper: Mapper, function: object, count: int = 6) -> list[int]:
    named = "the square of {}".format
    return list(carried_out(mapper, function, range(count), do="find", name=named, alone=False))  # type: ignore[arg-type]


def refused(mapper: Mapper, function: object) -> str:
    with pytest.raises(WorkError) as caught:
        squares(mapper, function)
    return str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    "engine", [Local(), Local(2), Processes(2)], ids=["local", "threads", "processes"]
)
def test_what_fails_is_named_when_the_others_are_finished(engine: Engine, tmp_path: Path) -> None:
    with started(engine) as mapper:
        assert squares(mapper, square) == [0, 1, 4, 9, 16, 25]
        finished: list[int] = []
        named = "the square of {}".format
        fails = partial(odd_ones_fail, ValueError)
        with pytest.raises(WorkError) as caught:
            finished.extend(carried_out(mapper, fails, range(6), do="find", name=named))
        assert finished == [0, 4, 16]
        assert str(caught.value) == (
            "could not find the square of 1; the square of 3; the square of 5: ValueError: no "
            "square of 5 (tried 3 times; the others are finished)\n"
            "  fix:   fix what it says, if it can be, and run the same command again: finished "
            "parts are kept"
        )
        # Of the input, or of the disk, it is said at once: nothing would change the next time.
        with pytest.raises(DataError, match="no square of 1"):
            squares(mapper, partial(odd_ones_fail, DataError))


def test_an_item_is_tried_three_times_and_many_bad_ones_end_the_pass(tmp_path: Path) -> None:
    text = ""
    with pytest.raises(WorkError) as caught:
        squares(Local(), partial(counted, tmp_path), 50)
    text = str(caught.value)
    assert len(list(tmp_path.iterdir())) == ATTEMPTS * MOST_SET_ASIDE
    assert "the square of 9: ValueError: as always (tried 3 times; the rest was not tried)" in text


@pytest.mark.slow
def test_a_worker_that_is_killed_is_replaced(tmp_path: Path) -> None:
    with started(Processes(2)) as mapper:
        assert squares(mapper, partial(killed_once, tmp_path)) == [0, 1, 4, 9, 16, 25]
        assert "the square of 2: a worker process was killed (SIGKILL)" in refused(
            mapper, killed_always
        )
        assert squares(mapper, square) == [0, 1, 4, 9, 16, 25]


def test_engines_by_name_and_what_does_not_go_together() -> None:
    machine = Machine(threads=4)
    assert engine_named("local", None, "", Machine(threads=8)) == Local(6)  # 80 MB for each part
    assert engine_named("local", None, "", Machine(4, 64 * 2**20)) == Local(1)
    assert engine_named("processes", None, "", machine) == Processes(4, 1)
    assert engine_named("processes", 2, "", machine) == Processes(2, 2)
    assert engine_named("ray", 2, "auto", machine) == Ray(2, 2, "auto")
    assert engine_named(Processes(3), None, "", machine) == Processes(3)
    for name, workers, address, where in (
        ("lokal", None, "", "--engine"),
        ("local", 2, "", "--workers"),
        ("processes", 0, "", "--workers"),
        ("processes", None, "127.0.0.1:6379", "--address"),
    ):
        with pytest.raises(InputError) as caught:
            engine_named(name, workers, address, machine)
        assert caught.value.where == where


def test_where_ray_is_not_installed_another_engine_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(MissingExtra) as caught, Ray(2).started():
        pass
    assert caught.value.fix == "pip install 'negatives[ray]', or give --engine local"


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed")
def test_ray_does_the_same_and_says_where_it_cannot_be_reached(tmp_path: Path) -> None:
    with started(Ray(2)) as mapper:
        assert squares(mapper, partial(killed_once, tmp_path)) == [0, 1, 4, 9, 16, 25]
        assert "ValueError: no square of 5" in refused(mapper, partial(odd_ones_fail, ValueError))
        with pytest.raises(DataError, match="no square of 0"):
            list(carried_out(mapper, zero_fails, [0, Slow(1)], do="square", name=str))
    for thread in threading.enumerate():  # whoever still waited when the error ended the pass
        if thread.name.startswith("ThreadPoolExecutor"):
            thread.join(60)
    assert not __import__("ray").is_initialized(), "it was started anew, and will end this process"
    with pytest.raises(WorkError) as caught, Ray(2, address="127.0.0.1:1").started():
        pass
    assert "or give --engine local" in caught.value.fix
