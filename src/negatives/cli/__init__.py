"""The command line: thin. It parses, calls the library, and shows what it says.

Exit codes: 0 done; 1 the work failed; 2 the input or the command is wrong; 130 interrupted.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the `negatives` command; always ends by `SystemExit`."""
    if arguments is None and not sys.warnoptions:
        warnings.simplefilter("ignore")  # they are for programmers: -W, PYTHONWARNINGS show them
    try:
        from negatives.cli.app import run
    except KeyboardInterrupt:  # while the command line itself was loaded: nothing has begun
        sys.exit(130)
    sys.exit(run(sys.argv[1:] if arguments is None else list(arguments)))
