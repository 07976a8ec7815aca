"""Jobs of several threads of which the first failure ends the others, and is what is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from negatives.errors import ServiceError

Made = TypeVar("Made")


class GivenUp(ServiceError):
    """A job ended because another had failed: the other one's error says what went wrong."""


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
    begun = begin(pool, jobs, stopped)
    try:
        for future in begun:
            future.result()
    except BaseException:
        stopped.set()
        raise
