"""The table of commands, and how an error becomes a message and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import cyclopts

from negatives.cli.audit import audit
from negatives.cli.cache import app as cache
from negatives.cli.compare import compare
from negatives.cli.data import app as data
from negatives.cli.doctor import doctor
from negatives.cli.ending import check_words, terminable, told
from negatives.cli.evaluate import evaluate
from negatives.cli.export import export
from negatives.cli.judge import judge
from negatives.cli.lint import lint
from negatives.cli.make import make
from negatives.cli.mine import mine
from negatives.cli.pick import pick
from negatives.cli.recipes import app as recipes
from negatives.cli.report import report
from negatives.cli.review import review
from negatives.cli.streams import streams
from negatives.cli.train import train

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
COMMANDS = (
    mine,
    make,
    judge,
    review,
    pick,
    export,
    audit,
    report,
    evaluate,
    lint,
    train,
    compare,
    doctor,
)
for command in COMMANDS:
    app.command(command)
for name, group in (("data", data), ("recipes", recipes), ("cache", cache)):
    app.command(group, name=name)


def run(arguments: Sequence[str]) -> int:
    """Carry out one command; the exit code. Whatever happens ends in a message at most."""
    words = list(arguments)
    with streams(words), terminable():
        try:
            check_words(words)
            result = app(
                words, exit_on_error=False, print_error=False, result_action="return_value"
            )
            sys.stdout.flush()
        except SystemExit:
            raise
        except BaseException as error:  # an interruption, and a panic of polars, are no Exception
            return told(error, words, lambda word: word in app)
    return result if isinstance(result, int) else 0


def _version() -> str:
    from negatives import __version__

    return __version__
