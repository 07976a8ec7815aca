"""The table of commands, and how an error becomes a message and an exit code."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import Annotated

import cyclopts
from cyclopts import Parameter

from negatives.cli.adapt import adapt
from negatives.cli.audit import audit
from negatives.cli.bench import bench
from negatives.cli.cache import app as cache
from negatives.cli.compare import compare
from negatives.cli.data import app as data
from negatives.cli.diff import diff
from negatives.cli.distract import distract
from negatives.cli.doctor import doctor
from negatives.cli.ending import check_words, terminable, told
from negatives.cli.evaluate import evaluate
from negatives.cli.export import export
from negatives.cli.generalise import generalise
from negatives.cli.judge import judge
from negatives.cli.lint import lint
from negatives.cli.make import make
from negatives.cli.mine import mine
from negatives.cli.numbers import as_written
from negatives.cli.pick import pick
from negatives.cli.recipes import app as recipes
from negatives.cli.report import report
from negatives.cli.review import review
from negatives.cli.show import show
from negatives.cli.streams import streams
from negatives.cli.telling import PLAIN, Telling, told_so
from negatives.cli.train import train

# Lines of help are kept as they are, so none is wider than a terminal.
HELP = """Negatives for retrieval training: hard, not secretly relevant, explainable.

DATA is a BEIR folder, a Parquet/JSONL/CSV pair file, a folder of TREC files,
a Hugging Face dataset (folder or hub name), ir_datasets:NAME, or `cranfield`
(bundled); or a file or folder of users and items, triples of a knowledge graph,
texts with labels, time series, images with captions, or responses of a language
model. DATA@dev names a split, `reverse:DATA` turns queries and documents round.

Start here:

    negatives mine cranfield --out runs/cranfield

    negatives export runs/cranfield --format triplet -o triplets.parquet
"""

app = cyclopts.App(
    name="negatives",
    help=HELP,
    help_format="plaintext",
    suppress_keyboard_interrupt=False,
    default_parameter=Parameter(converter=as_written),
    version_flags=["--version"],
    version=lambda: _version(),
)
VERBOSE = frozenset({"-v", "--verbose", "-qv", "-vq"})
COMMANDS = (
    adapt,
    mine,
    make,
    judge,
    review,
    pick,
    show,
    export,
    audit,
    report,
    evaluate,
    lint,
    train,
    compare,
    bench,
    generalise,
    diff,
    distract,
    doctor,
)
for command in COMMANDS:
    app.command(command)
for name, group in (("data", data), ("recipes", recipes), ("cache", cache)):
    app.command(group, name=name)


app.register_install_completion_command(
    help="Complete commands and options in your shell (bash, zsh, fish) from now on."
)


# An interruption is told by `told`, like all else that ends a command.
app.meta.suppress_keyboard_interrupt = False


@app.meta.default
def launch(
    *words: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    telling: Telling = PLAIN,
) -> object:
    """Carry out the command that `words` are, after the options that every command has."""
    with told_so(telling), warnings.catch_warnings():
        if telling.verbose and not sys.warnoptions:
            warnings.simplefilter("default")
        return app(words, exit_on_error=False, print_error=False, result_action="return_value")


def run(arguments: Sequence[str]) -> int:
    """Carry out one command; the exit code. Whatever happens ends in a message at most."""
    words = list(arguments)
    with streams(words), terminable():
        try:
            check_words(words)
            result = app.meta(
                words, exit_on_error=False, print_error=False, result_action="return_value"
            )
            sys.stdout.flush()
        except SystemExit:
            raise
        except BaseException as error:  # an interruption, and a panic of polars, are no Exception
            return told(error, command_of(words), traced=VERBOSE & {*words} != set())
    return result if isinstance(result, int) else 0


def command_of(words: Sequence[str]) -> str:
    """The command that words begin with, options aside: `data validate`; empty where it is none."""
    group, named = app, list[str]()
    for word in words:
        if word.startswith("-"):
            continue
        if word not in group:
            break
        group = group[word]
        named.append(word)
    return " ".join(named)


def _version() -> str:
    from negatives import __version__

    return __version__
