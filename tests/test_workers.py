"""Workers: results in order, errors as themselves, and nobody left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from negatives import errors
from negatives.errors import NegativesError, WorkError
from negatives.workers import share_out


def slower_first(number: int) -> tuple[int, int]:
    time.sleep(0.3 if number == 0 else 0.01)
    return number, os.getpid()


def fail(error: Exception) -> None:
    raise error


def power(base: int, exponent: int) -> int:
    return int(base**exponent)


def chatter(number: int) -> int:
    print("a library that prints")
    return number


class Unpicklable(Exception):
    """Cannot be made again from its arguments."""

    def __init__(self, left: str, right: str) -> None:
        super().__init__(left + right)


def unpicklable(_: int) -> None:
    raise Unpicklable("one ", "thing")


def end_by(name: str) -> None:
    os.kill(os.getpid(), signal.Signals[name])


def leave(code: int) -> None:
    os._exit(code)


def environment(name: str) -> str:
    return os.environ[name]


@pytest.mark.slow
def test_results_come_in_the_order_of_the_items_from_several_processes() -> None:
    results = list(share_out(slower_first, range(9), 2))
    assert [number for number, _ in results] == list(range(9))
    processes = {process for _, process in results}
    assert len(processes) == 2
    assert os.getpid() not in processes


def test_one_process_is_this_one() -> None:
    assert list(share_out(slower_first, [1], 1)) == [(1, os.getpid())]


@pytest.mark.slow
def test_arguments_common_to_all_items_can_be_bound() -> None:
    assert list(share_out(partial(power, 3), [0, 1, 2], 2)) == [1, 3, 9]


def test_no_items_give_no_results() -> None:
    assert list(share_out(slower_first, [], 2)) == []


def test_items_are_taken_as_they_are_needed() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in count(1):
            taken.append(number)
            yield number

    results = share_out(slower_first, items(), 2)
    assert next(results)[0] == 1
    results.close()  # type: ignore[attr-defined]
    assert len(taken) == 4


@pytest.mark.slow
def test_what_a_worker_prints_does_not_get_among_the_results() -> None:
    assert list(share_out(chatter, [1, 2, 3], 2)) == [1, 2, 3]


@pytest.mark.slow
def test_a_worker_computes_on_one_core() -> None:
    assert set(share_out(environment, ["OMP_NUM_THREADS", "POLARS_MAX_THREADS"], 2)) == {"1"}


@pytest.mark.parametrize("kind", [errors.MissingExtra, errors.ServiceError])
def test_an_error_of_this_library_reaches_the_caller_as_itself(
    kind: type[NegativesError],
) -> None:
    with pytest.raises(NegativesError) as caught:
        list(share_out(fail, [kind("what", where="where", fix="fix")], 2))
    assert type(caught.value) is kind
    assert str(caught.value) == "what\n  where: where\n  fix:   fix"


@pytest.mark.slow
def test_any_other_error_too_with_the_workers_own_traceback() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        list(share_out(partial(power, 0), [1, -1], 2))
    assert "in power" in caught.value.__notes__[0]


def test_an_error_that_cannot_travel_is_told_by_its_text() -> None:
    with pytest.raises(WorkError) as caught:
        list(share_out(unpicklable, [1], 2))
    assert str(caught.value) == "Unpicklable: one thing"


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
def test_a_worker_killed_by_the_system_is_a_clear_error() -> None:
    with pytest.raises(WorkError) as caught:
        list(share_out(end_by, ["SIGKILL"], 2))
    assert str(caught.value) == (
        "a worker process was killed (SIGKILL), perhaps for want of memory\n"
        "  fix:   run the same command again, with fewer --threads or less --memory"
    )


def test_a_worker_that_ends_itself_is_a_clear_error() -> None:
    with pytest.raises(WorkError, match=r"a worker process ended early \(exit code 3\)"):
        list(share_out(leave, [3], 2))


def test_work_can_be_shared_out_from_any_thread() -> None:
    results: list[int] = []
    thread = threading.Thread(
        target=lambda: results.extend(share_out(partial(power, 2), [1, 2, 3], 2))
    )
    thread.start()
    thread.join()
    assert results == [2, 4, 8]


# A script without a guard, as a user would write it: workers must not run it again.
PARENT = """
import sys
from tests.test_workers import report_and_sleep
from negatives.workers import share_out
print("started", flush=True)
for _ in share_out(report_and_sleep, [sys.argv[1]] * 2, 2):
    pass
"""


def report_and_sleep(folder: str) -> None:
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(60)


def alive(process: int) -> bool:
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_no_worker_outlives_its_parent(blow: signal.Signals, tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 30
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    workers = [int(path.name) for path in tmp_path.iterdir()]
    assert [alive(worker) for worker in workers] == [True, True]
    parent.send_signal(blow)
    said, complaints = parent.communicate(timeout=10)
    assert parent.returncode != 0
    assert said == "started\n"
    assert complaints.count("Traceback") == (1 if blow == signal.SIGINT else 0)
    time.sleep(1)
    assert [alive(worker) for worker in workers] == [False, False]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_nor_one_that_was_started_from_a_thread(tmp_path: Path) -> None:
    head, _, tail = PARENT.partition("\nfor _")
    tail = tail.replace("\n    pass", " pass")
    script = f"{head}\nimport threading\ndef work():\n  for _{tail}"
    script += "thread = threading.Thread(target=work)\nthread.start()\nthread.join()\n"
    parent = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)])
    while len(list(tmp_path.iterdir())) < 2 and parent.poll() is None:
        time.sleep(0.01)
    workers = [int(path.name) for path in tmp_path.iterdir()]
    parent.kill()
    parent.wait()
    time.sleep(1)
    assert [alive(worker) for worker in workers] == [False, False]
