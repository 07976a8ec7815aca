"""The options of what carries a command's work out: this process, several, or a Ray cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cyclopts import Parameter


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class EngineOptions:
    """What is asked for; see `engine_named`.

    Parameters
    ----------
    engine
        What carries the work out: `local` (this process), `processes`, or `ray`.
    workers
        Parts worked on at one time, by `processes` or `ray`; as many as threads by default.
    address
        Of a Ray cluster; without one, Ray is started on this machine.
    """

    engine: str = "local"
    workers: int | None = None
    address: str = ""


HERE: Final = EngineOptions()
