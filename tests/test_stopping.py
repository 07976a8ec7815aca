"""Several threads' work ends with its first failure, which is what is told, or with who waits."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor, as_completed

import pytest

from negatives.models.http_call import TimedOut, post
from negatives.stopping import GivenUp, Stop, all_or_stop, begin, stopping
from negatives.workers import in_order


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


def test_jobs_end_with_who_waits_for_them_and_so_do_those_that_they_have_begun() -> None:
    begun, ended = threading.Event(), threading.Event()

    def wait(stopped: Stop) -> None:
        begun.set()
        stopped.wait(10)

    def begin_others(number: int) -> None:
        if number == 1:
            with (
                ThreadPoolExecutor(1) as pool,
                stopping() as stopped,
                stopped.cutting(ended.set),
            ):
                all_or_stop(pool, [lambda: wait(stopped)], stopped)

    made = in_order(begin_others, [0, 1], 1)
    next(made)
    assert begun.wait(10)
    assert isinstance(made, Generator)
    made.close()
    assert ended.wait(5)


def test_jobs_that_gave_up_are_not_taken_for_done() -> None:
    """Their results would be whatever stood there before."""
    outer = Stop()

    def wait() -> None:
        with ThreadPoolExecutor(1) as pool, stopping() as stopped:
            all_or_stop(pool, [lambda: None, outer.set, lambda: None], stopped)

    with outer.pool(1) as pool, pytest.raises(GivenUp):
        pool.submit(wait).result()


def test_a_call_is_cut_wherever_it_stands() -> None:
    """Nobody takes the connection; nobody answers; the answer does not end."""
    for standing in ("connecting", "waiting", "reading"):
        with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
            held: list[socket.socket] = []
            if standing == "connecting":  # what would take the call has no place for one more
                for _ in range(4):
                    held.append(socket.socket())
                    held[-1].setblocking(False)
                    held[-1].connect_ex(server.getsockname())
            stopped = Stop()
            timer = threading.Timer(0.1, stopped.set)
            if standing == "reading":
                threading.Thread(target=answer_in_part, args=(server, held)).start()
            timer.start()
            began = time.monotonic()
            with pytest.raises(TimedOut):
                post(
                    f"http://127.0.0.1:{server.getsockname()[1]}", b"{}",
                    seconds=30, most=99, stopped=stopped,
                )  # fmt: skip
            assert time.monotonic() - began < 5, standing
            for each in held:
                each.close()


def answer_in_part(server: socket.socket, held: list[socket.socket]) -> None:
    held.append(server.accept()[0])
    held[-1].sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nha")


WAITS = """
import polars  # whose handler of Ctrl-C has a wait go on
from negatives.stopping import of_this_thread
from negatives.workers import in_order
print(next(in_order(lambda _: print("waits", flush=True) or of_this_thread().wait(), [0], 1)))
"""


@pytest.mark.slow
def test_who_waits_for_a_job_can_be_interrupted() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WAITS],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=10)
    assert said.rstrip().endswith("KeyboardInterrupt")
