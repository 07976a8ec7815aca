"""The engines by name: here, in several processes of this machine, or on a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Final, TypedDict, TypeVar

from negatives.engine import Engine, Local, Mapper, SetAside, call_shipped, shipped
from negatives.errors import InputError, RecipeError, nearest
from negatives.machine import Machine, checked_threads
from negatives.stage import Stage
from negatives.workers import Pool

Item = TypeVar("Item")
Result = TypeVar("Result")

ENGINES: Final = ("local", "processes", "ray")
A_PART: Final = 80 * 2**20
"""Bytes that one part of a ledger takes while it is worked on, about."""
MOST: Final = 4096
"""Workers that may be asked for."""


def engine_named(
    engine: str | Engine, workers: int | None, address: str, machine: Machine
) -> Engine:
    """The engine that a user names; `InputError` for nonsense."""
    if not isinstance(engine, str) and hasattr(engine, "started"):
        return engine
    if engine not in ENGINES:
        raise InputError(
            f"there is no engine {engine!r}", where="--engine", fix=nearest(str(engine), ENGINES)
        )
    if engine == "local" and workers is not None:
        raise InputError(
            "one process has no workers",
            where="--workers",
            fix="give --engine processes or --engine ray, or --threads for one process",
        )
    if engine != "ray" and address:
        raise InputError(
            "only Ray has an address", where="--address", fix="give --engine ray, or no address"
        )
    if workers is not None and not 1 <= workers <= MOST:
        raise InputError(
            f"{workers} is no number of workers", where="--workers", fix=f"give 1 to {MOST}"
        )
    if engine == "local":
        return Local(min(machine.threads, max(1, machine.memory // A_PART)))
    workers = workers or machine.threads
    threads = machine.shared(workers).threads
    if engine == "processes":
        return Processes(workers, threads)
    from negatives.run.ray import Ray

    return Ray(workers, threads, address)


class SharedOut(TypedDict, total=False):
    """How a command's passes are carried out, as a user says it."""

    threads: int | None
    engine: str | Engine
    workers: int | None
    address: str


def shared_out(
    stages: Iterable[Stage | None],
    *,
    threads: int | None = None,
    engine: str | Engine = "local",
    workers: int | None = None,
    address: str = "",
) -> AbstractContextManager[Mapper]:
    """The engine that a user names, started, for passes that call these stages."""
    chosen = engine_named(engine, workers, address, Machine(checked_threads(threads)))
    refuse_scripts(chosen, stages)
    return chosen.started()


def refuse_scripts(engine: Engine, stages: Iterable[Stage | None]) -> None:
    """Raise `RecipeError` for a stage of the user's own script, which nobody else can import."""
    for stage in stages:
        if type(stage).__module__ == "__main__" and not isinstance(engine, Local):
            raise RecipeError(
                f"{type(stage).__name__} is defined in the script itself: other processes cannot "
                "import it",
                where=f"engine, stage {stage.kind}" if stage is not None else "",
                fix="put it into a module of its own, or use the local engine",
            )


@dataclass(frozen=True, slots=True)
class Processes:
    """Processes of this machine, each of so many threads; one that dies is replaced."""

    workers: int
    threads: int = 1

    @contextmanager
    def started(self) -> Iterator[Mapper]:
        """The processes, until the end."""
        with Pool(call_shipped, self.workers, self.threads) as pool:
            yield _Started(pool, self.workers)


@dataclass(frozen=True, slots=True)
class _Started:
    pool: Pool
    workers: int

    def map(
        self, function: Callable[[Item], Result], items: Sequence[Item], *, alone: bool = True
    ) -> Iterator[Result | SetAside]:
        """See `Mapper.map`."""
        return shipped(self.pool.ask, function, items, self.workers)
