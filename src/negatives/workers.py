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
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import IO, Any, TypeVar

from negatives.errors import WorkError

Item = TypeVar("Item")
Result = TypeVar("Result")

_SIZE = struct.Struct("<Q")
_AHEAD = 2  # items a process may have done or in hand before the first of them is asked for
_ONE_CORE = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1",
}
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
    job = pickle.dumps(function)
    idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
    workers: list[_Worker] = []

    def ask(item: Item) -> Result:
        worker = idle.get()
        try:
            answer: Result = worker.answer(item)
        finally:
            idle.put(worker)
        return answer

    pool = ThreadPoolExecutor(processes)
    try:
        for _ in range(processes):
            workers.append(_Worker(job))
            idle.put(workers[-1])
        asked: deque[Future[Result]] = deque()
        for item in items:
            asked.append(pool.submit(ask, item))
            if len(asked) >= _AHEAD * processes:
                yield asked.popleft().result()
        while asked:
            yield asked.popleft().result()
    finally:
        for worker in workers:
            worker.end()
        pool.shutdown(cancel_futures=True)


class _Worker:
    """One process, and the two pipes to it."""

    def __init__(self, job: bytes) -> None:
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
            env=os.environ | _ONE_CORE,
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
                mend="run the same command again, with fewer --threads or less --memory",
            ) from None
        result, error, trace = pickle.loads(reply)
        if error is not None:
            error.add_note(f"in a worker process:\n{trace}")
            raise error
        return result

    def end(self) -> None:
        """Kill the process, whatever it is doing."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()


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
    while True:
        message = work.get()
        try:
            function = function or pickle.loads(job)
            reply = pickle.dumps((function(pickle.loads(message)), None, ""), 5)
        except Exception as error:
            reply = _excuse(error)
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
