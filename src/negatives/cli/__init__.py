"""The command line: thin. It parses, calls the library, and shows what it says.

Exit codes: 0 done; 1 the work failed; 2 the input or the command is wrong; 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the `negatives` command; always ends by `SystemExit`."""
    from negatives.cli.app import run

    sys.exit(run(sys.argv[1:] if arguments is None else list(arguments)))
