"""Items as tasks of a Ray cluster, or of one that is started here and ends with the command.

One task an item, without any state of Ray's: the run's own manifest says what is finished. Tasks
are not retried by Ray, for the engine does that, and names an item that fails again and again.
Nothing is told to anybody: usage statistics and the dashboard are off.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from negatives.engine import Mapper, SetAside, call_shipped, shipped
from negatives.errors import MissingExtra, NegativesError, WorkError
from negatives.optional import require
from negatives.workers import POOLS, opened_reply, reply_of

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Ray:
    """Tasks on a cluster: the one at `address`, or one on this machine where that is empty.

    `threads`: of each worker. All workers must reach the run's folder, and what the recipe names,
    by the same paths, and have this package installed.
    """

    workers: int
    threads: int = 1
    address: str = ""

    @contextmanager
    def started(self) -> Iterator[Mapper]:
        """Connected, until the end; a connection that is there already is used, and left."""
        ray = self._imported()
        there = ray.is_initialized()
        if not there:
            self._connect(ray)
        try:
            task = ray.remote(max_retries=0, num_cpus=1)(_answered)
            mapper = _Started(task, self.workers)
            try:
                yield mapper
            finally:
                mapper.end()
        finally:
            if not there:
                ray.shutdown()

    def _imported(self) -> Any:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        if not self.address:
            os.environ[_CLUSTER] = "0"
        try:
            ray = require("ray", extra="ray")
        except MissingExtra as error:
            raise MissingExtra(error.what, fix=f"{error.fix}, or give --engine local") from None
        logging.getLogger("ray").setLevel(logging.ERROR)
        with suppress(AttributeError):
            ray._private.worker.print_to_stdstream = _unsaid
        return ray

    def _connect(self, ray: Any) -> None:
        settings: dict[str, Any] = {"address": "local", "num_cpus": self.workers,
                                    "include_dashboard": False}  # fmt: skip
        if self.address:
            settings = {"address": self.address}
        environment = dict.fromkeys(POOLS, str(self.threads))
        try:
            self._reach()
            with _same_signals():
                ray.init(
                    **settings,
                    log_to_driver=False,
                    configure_logging=False,
                    logging_level=logging.ERROR,
                    runtime_env={"env_vars": environment},
                )
        except Exception as error:  # it has one for each way in which a cluster may not be there
            raise WorkError(
                f"Ray cannot be started: {_first_line(error)}",
                where=f"--address {self.address}" if self.address else "--engine ray",
                fix="check that the cluster can be reached, or give --engine local",
            ) from None

    def _reach(self) -> None:
        """Raise `OSError` where nobody listens at the address; Ray would wait for minutes."""
        host, colon, port = self.address.rpartition("//")[2].rpartition(":")
        if colon and port.isdecimal():
            socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()


_CLUSTER: Final = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""Where this is 0, whatever the system, Ray listens at the loopback address only."""
_PATIENCE: Final = 10.0
"""Seconds in which a cluster must answer."""
_GLANCE: Final = 0.5
"""Seconds after which who waits for a task looks whether it is still wanted."""
_OVER: Final = "the pass on Ray has ended"


@contextmanager
def _same_signals() -> Iterator[None]:
    """Ray has a handler of SIGTERM of its own: the one before is put back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _unsaid(*_: object, **__: object) -> None:
    """Ray prints on stdout that a worker has died: the engine says so, where it matters."""


@dataclass(frozen=True, slots=True)
class _Started:
    """Whoever calls Ray after it was shut down starts it anew, and is ended when that one ends.

    Threads may still wait for tasks when the first error ends a pass: from then on (`end`) they are
    given nothing, and ask for nothing.
    """

    task: Any
    workers: int
    _ended: threading.Event = field(default_factory=threading.Event)
    _calling: threading.Lock = field(default_factory=threading.Lock)

    def map(
        self, function: Callable[[Item], Result], items: Sequence[Item], *, alone: bool = True
    ) -> Iterator[Result | SetAside]:
        """See `Mapper.map`."""
        return shipped(self._ask, function, items, self.workers)

    def _ask(self, message: tuple[str, bytes, Any]) -> Any:
        with self._calling:
            if self._ended.is_set():
                raise WorkError(_OVER)
            reply = self.task.remote(message).future()
        while not wait([reply], timeout=_GLANCE).done:
            if self._ended.is_set():
                raise WorkError(_OVER)
        try:
            answer = reply.result()
        except Exception as error:  # a worker or its machine is gone
            raise WorkError(f"a Ray worker ended early: {_first_line(error)}") from None
        return opened_reply(answer)

    def end(self) -> None:
        """Ask Ray for nothing any more."""
        with self._calling:
            self._ended.set()


def _answered(message: tuple[str, bytes, Any]) -> bytes:
    """A task: what the function in the message makes of its item, or why it makes nothing."""
    return reply_of(call_shipped, message)


def _first_line(error: Exception) -> str:
    text = str(error.what if isinstance(error, NegativesError) else error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0] if text else 'no reason given'}"
