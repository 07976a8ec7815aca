"""Processes that share out work, and never outlive the process that started them.

Each is a fresh interpreter that imports what it is asked to call, and nothing of the user's own
script, so that a script needs no guard. Its work comes in on a pipe and its answers go out on
another; when the first one closes, for whatever reason, the process ends itself at once.
"""

from __future__ import annotations

import ctypes
import os
import pickle  # only between a process and the ones it started
import queue
import signal
import struct
import subprocess
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import IO, Any, TypeVar

from negatives.errors import WorkError
from negatives.stopping import stopping

Item = TypeVar("Item")
Result = TypeVar("Result")

_SIZE = struct.Struct("<Q")
_AHEAD = 2  # items a process may have done or in hand before the first of them is asked for
POOLS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")
"""Variables that say how many threads a library's own pool may have."""
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of Linux's prctl


def share_out(
    function: Callable[[Item], Result], items: Iterable[Item], processes: int
) -> Iterator[Result]:
    """Results of `function` in the order of `items`, from that many processes of one core each.

    `function` must be importable (a `functools.partial` of one will do); it, the items and the
    results travel through pipes: hand over paths of large things, not the things. Items are taken
    as they are needed. With one process everything happens here. An error of the function is raised
    as itself, with the worker's own traceback as a note; `WorkError` if a worker is killed.
    """
    if processes <= 1:
        yield from map(function, items)
        return
    with Pool(function, processes) as pool:
        yield from in_order(pool.ask, items, processes)


def in_order(
    ask: Callable[[Item], Result], items: Iterable[Item], at_once: int
) -> Iterator[Result]:
    """Results of `ask` in the order of `items`, so many asked at once, each from a thread."""
    asked: deque[Future[Result]] = deque()
    with stopping() as stopped:
        pool = stopped.pool(at_once)
        try:
            for item in items:
                asked.append(pool.submit(ask, item))
                if len(asked) >= _AHEAD * at_once:
                    yield asked.popleft().result()
            while asked:
                yield asked.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


class Pool:
    """Processes of so many `threads` that each call one function; one that dies is replaced."""

    def __init__(
        self, function: Callable[[Item], Result], processes: int, threads: int = 1
    ) -> None:
        self._job = pickle.dumps(function)
        self._pools = {name: str(threads) for name in POOLS}
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        self._changing = threading.Lock()
        self._workers = [self._start() for _ in range(processes)]
        for worker in self._workers:
            self._idle.put(worker)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        with self._changing:
            self._job = b""
            for worker in self._workers:
                worker.end()

    def ask(self, item: Any) -> Any:
        """What the function makes of an item; waits for a process that has nothing to do."""
        worker = self._idle.get()
        try:
            return worker.answer(item)
        finally:
            self._idle.put(self._alive(worker))

    def _alive(self, worker: _Worker) -> _Worker:
        """The worker, or another in its place where it has died."""
        with self._changing:
            if not self._job or worker.process.poll() is None:
                return worker
            worker.end()
            self._workers.remove(worker)
            self._workers.append(self._start())
            return self._workers[-1]

    def _start(self) -> _Worker:
        return _Worker(self._job, self._pools)


class _Worker:
    """One process, and the two pipes to it."""

    def __init__(self, job: bytes, environment: Mapping[str, str]) -> None:
        # A signal at the death of the parent's *thread*: of use where that is the whole process.
        follow = threading.current_thread() is threading.main_thread()
        start = (
            f"import sys; sys.path[:] = {sys.path!r}; "
            f"from negatives.workers import _serve; _serve({os.getpid() if follow else 0})"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", start],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **environment},
        )
        with suppress(OSError):  # dead already: found out when it is asked something
            _send(self.process.stdin, job)

    def answer(self, item: Any) -> Any:
        """What the function makes of an item."""
        message = pickle.dumps(item, pickle.HIGHEST_PROTOCOL)
        try:
            _send(self.process.stdin, message)
            reply = _receive(self.process.stdout)
        except (OSError, EOFError, ValueError):
            raise WorkError(
                f"a worker process {_ending(self.process.wait())}",
                fix="run the same command again, with fewer --threads or less --memory",
            ) from None
        return opened_reply(reply)

    def end(self) -> None:
        """Kill the process, whatever it is doing."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()


def reply_of(function: Callable[[Item], Result], item: Item) -> bytes:
    """What a function makes of an item, or why it makes nothing, to be sent to who asked."""
    try:
        return pickle.dumps((function(item), None, ""), 5)
    except Exception as error:
        return _excuse(error)


def opened_reply(reply: bytes) -> Any:
    """The result in a reply; its error is raised, with the worker's traceback as a note."""
    result, error, trace = pickle.loads(reply)
    if error is not None:
        error.add_note(f"in a worker process:\n{trace}")
        raise error
    return result


def _ending(code: int) -> str:
    if code < 0:
        return f"was killed ({signal.Signals(-code).name}), perhaps for want of memory"
    return f"ended early (exit code {code})"


def _send(pipe: IO[bytes] | None, message: bytes) -> None:
    assert pipe is not None
    pipe.write(_SIZE.pack(len(message)))
    pipe.write(message)
    pipe.flush()


def _receive(pipe: IO[bytes] | None) -> bytes:
    assert pipe is not None
    head = pipe.read(_SIZE.size)
    if len(head) < _SIZE.size:
        raise EOFError
    (size,) = _SIZE.unpack(head)
    message = pipe.read(size)
    if len(message) < size:
        raise EOFError
    return message


def _serve(parent: int) -> None:
    """What a worker does: answer until the pipe that brings the work closes.

    `parent`: the process to die with, at a signal of the system; 0: only by the pipe.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it, and ends its workers
    if parent and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    source, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not end among the answers
    work: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def listen() -> None:
        with suppress(EOFError, OSError):
            while True:
                work.put(_receive(source))
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    function: Any = None
    job = work.get()

    def answer(message: bytes) -> Any:
        nonlocal function
        function = function or pickle.loads(job)
        return function(pickle.loads(message))

    while True:
        reply = reply_of(answer, work.get())
        with suppress(BrokenPipeError):  # the parent is gone, and so are we in a moment
            _send(answers, reply)


def _excuse(error: Exception) -> bytes:
    """An error as it will be raised by the parent: itself, or its text where it cannot travel."""
    trace = traceback.format_exc()
    try:
        reply = pickle.dumps((None, error, trace))
        pickle.loads(reply)
    except Exception:
        reply = pickle.dumps((None, WorkError(f"{type(error).__name__}: {error}"), trace))
    return reply
