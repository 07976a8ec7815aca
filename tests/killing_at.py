"""A command that kills itself at one of the moments at which files are made durable, or named.

`python tests/killing_at.py MOMENT COMMAND...`: MOMENT counts from 1. Nothing is tidied up.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

NAMES = ("replace", "rename", "fsync")
"""Calls of the operating system that a moment comes before."""


class Moments:
    """Counts the calls, and kills the process at the one that is wanted."""

    def __init__(self, wanted: int) -> None:
        self.wanted, self.seen = wanted, 0
        for name in NAMES:
            setattr(os, name, self._counted(getattr(os, name)))

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            self.seen += 1
            if self.seen == self.wanted:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **options)

        return counted


def main(moment: str, *words: str) -> int:
    """Carry the command out, as far as it is to come."""
    Moments(int(moment))
    from negatives.cli.app import run

    return run(words)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
