"""The table of commands, and how an error becomes a message and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import cyclopts

from negatives.cli.audit import audit
from negatives.cli.cache import app as cache
from negatives.cli.compare import compare
from negatives.cli.data import app as data
from negatives.cli.doctor import doctor
from negatives.cli.evaluate import evaluate
from negatives.cli.export import export
from negatives.cli.judge import judge
from negatives.cli.lint import lint
from negatives.cli.mine import mine
from negatives.cli.output import plain_output
from negatives.cli.pick import pick
from negatives.cli.recipes import app as recipes
from negatives.cli.report import report
from negatives.cli.train import train
from negatives.errors import NegativesError
from negatives.printable import printable

# Lines of help are kept as they are, so none is wider than a terminal.
HELP = """Negatives for retrieval training: hard, not secretly relevant, explainable.

DATA is a BEIR folder, a Parquet/JSONL/CSV pair file, a folder of TREC files,
a Hugging Face dataset (folder or hub name), ir_datasets:NAME, or `cranfield`
(bundled). DATA@dev names a split.

Start here:

    negatives mine cranfield --out runs/cranfield

    negatives export runs/cranfield --format triplet -o triplets.parquet
"""

app = cyclopts.App(
    name="negatives",
    help=HELP,
    help_format="plaintext",
    suppress_keyboard_interrupt=False,
    version_flags=["--version"],
    version=lambda: _version(),
)
for command in (mine, judge, pick, export, audit, report, evaluate, lint, train, compare, doctor):
    app.command(command)
for name, group in (("data", data), ("recipes", recipes), ("cache", cache)):
    app.command(group, name=name)


def run(arguments: Sequence[str]) -> int:
    """Carry out one command; the exit code."""
    try:
        with plain_output(arguments):
            result = app(list(arguments), exit_on_error=False, print_error=False)
    except cyclopts.CycloptsError as error:
        _say(f"{str(error).strip()}\n  mend:  negatives {_command(arguments)}--help")
        return 2
    except NegativesError as error:
        _say(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        _say("interrupted; run the same command again to go on from here")
        return 130
    except BrokenPipeError:
        # The reader of our output went away; whatever Python flushes at exit has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return result if isinstance(result, int) else 0


def _say(text: str) -> None:
    print(f"error: {printable(text)}", file=sys.stderr)


def _command(arguments: Sequence[str]) -> str:
    first = arguments[0] if arguments and not arguments[0].startswith("-") else ""
    return f"{first} " if first in app else ""


def _version() -> str:
    from negatives import __version__

    return __version__
