"""Jobs of several threads that end together: with the first failure, or with who waits for them.

The failure is what is told, not those who give up for its sake. Whoever waits may be interrupted;
then what the jobs wait for is cut, such as a call, for nobody wants it any more.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from negatives.errors import ServiceError

Made = TypeVar("Made")


class GivenUp(ServiceError):
    """A job ended because another had failed: the other one's error says what went wrong."""


class Stop(threading.Event):
    """Set when jobs are not wanted any more."""

    def __init__(self) -> None:
        super().__init__()
        self._changing = threading.Lock()
        self._cuts: list[Callable[[], None]] = []

    def set(self) -> None:
        """End the jobs, and cut what they wait for."""
        with self._changing:
            super().set()
            cuts = list(self._cuts)
        for cut in cuts:
            cut()

    @contextmanager
    def cutting(self, cut: Callable[[], None]) -> Iterator[None]:
        """`cut` is called where this is set meanwhile, or is set already."""
        with self._changing:
            self._cuts.append(cut)
            late = self.is_set()
        try:
            if late:
                cut()
            yield
        finally:
            with self._changing:
                self._cuts.remove(cut)

    def pool(self, threads: int) -> ThreadPoolExecutor:
        """Threads whose jobs this one ends, and with them whatever jobs they begin themselves."""
        return ThreadPoolExecutor(threads, initializer=_OF_THIS_THREAD.set, initargs=(self,))


_OF_THIS_THREAD: ContextVar[Stop | None] = ContextVar("_OF_THIS_THREAD", default=None)


def of_this_thread() -> Stop:
    """What ends the job that this thread carries out; never set in one that carries out none."""
    return _OF_THIS_THREAD.get() or Stop()


@contextmanager
def stopping() -> Iterator[Stop]:
    """What ends the jobs that are begun and waited for here: any exception does, an interruption
    too, and so does the end of the job that this is done for.
    """
    if sys.platform != "win32":
        # With the handler that polars installs, a wait for a lock would go on after Ctrl-C.
        signal.siginterrupt(signal.SIGINT, True)
    made = Stop()
    with of_this_thread().cutting(made.set):
        try:
            yield made
            if made.is_set():  # jobs that have given up have made nothing
                raise GivenUp("given up, for another job failed")
        except BaseException:
            made.set()
            raise


def begin(
    pool: ThreadPoolExecutor, jobs: Iterable[Callable[[], Made]], stopped: threading.Event
) -> list[Future[Made | None]]:
    """A future of each job, in their order; the first job that fails sets `stopped`.

    Jobs that are not begun by then, or that raise `GivenUp`, have None for their result. An error
    of theirs could be seen before that of the job which has failed, and hide what went wrong.
    """

    def one(job: Callable[[], Made]) -> Made | None:
        if stopped.is_set():
            return None
        try:
            return job()
        except GivenUp:
            return None
        except BaseException:
            stopped.set()
            raise

    return [pool.submit(one, job) for job in jobs]


def all_or_stop(
    pool: ThreadPoolExecutor, jobs: Iterable[Callable[[], None]], stopped: threading.Event
) -> None:
    """Do all jobs; of those that fail the first in their order raises its error."""
    for future in begin(pool, jobs, stopped):
        future.result()
