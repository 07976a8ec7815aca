"""Every error that a user can meet. Each says what is wrong, where, and how to fix it.

NegativesError
├── InputError            the input or the command is wrong (exit code 2)
│   ├── DataError         a file or collection cannot be used as it is
│   ├── RecipeError       a recipe or a stage's settings are wrong
│   ├── RunError          a run directory is in use, belongs to other inputs, or is no run
│   ├── MissingExtra      an optional dependency is not installed
│   └── UnknownKeyword    a function has no parameter of that name
└── WorkError             the input was right and the work failed (exit code 1)
    ├── DiskFull          no space left where a file was being written
    └── ServiceError      a model endpoint did not answer usably
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import partial
from itertools import islice
from pathlib import Path

from negatives.printable import printable


class NegativesError(Exception):
    """The root of the tree: `what` happened, `where`, and how to `fix` it.

    >>> from negatives import NegativesError, load_recipe
    >>> try:
    ...     load_recipe("bm52")
    ... except NegativesError as error:
    ...     print(error.what, error.fix, error.exit_code, sep=" | ")
    there is no recipe 'bm52' | did you mean 'bm25'? (or give the path of a .toml file) | 2
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(what, where, fix)
        self.what = what
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.fix:
            lines.append(f"  fix:   {self.fix}")
        return printable("\n".join(lines))

    def __reduce__(self) -> tuple[object, ...]:
        return partial(type(self), where=self.where, fix=self.fix), (self.what,)


class NegativesWarning(UserWarning):
    """Something a user of the library should know that does not stop the work.

    The manifest of a run keeps it too. `warnings.simplefilter("ignore", NegativesWarning)` hides
    them, `"error"` stops at the first.

    >>> import warnings
    >>> from negatives import BM25, NegativesWarning, Top, mine, tiny
    >>> with warnings.catch_warnings(record=True) as told:
    ...     warnings.simplefilter("always", NegativesWarning)
    ...     run = mine(tiny.collection(), "run", sources=[BM25(top=4)], pick=Top(per_query=2))
    >>> print(told[0].message)
    p_relevant is null: no stage of this recipe estimates the probability of relevance
    """


class InputError(NegativesError):
    """The input or the command is wrong; nothing was written."""

    exit_code = 2


class DataError(InputError):
    """A file or a collection cannot be used as it is.

    >>> from negatives import Collection
    >>> Collection.load("nowhere")
    Traceback (most recent call last):
        ...
    negatives.errors.DataError: no such file or folder
      where: nowhere
      fix:   name a BEIR folder (corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv), ...
    """


class RecipeError(InputError):
    """A recipe or a stage's settings are wrong.

    >>> from negatives import BM25
    >>> BM25(k1=-1)
    Traceback (most recent call last):
        ...
    negatives.errors.RecipeError: bm25: k1 = -1: Expected `float` >= 0.0
      fix:   k1: float, saturation of term frequency
    """


class RunError(InputError):
    """A run directory is in use, belongs to other inputs, or is no run.

    >>> from negatives import Run
    >>> Run("nowhere")
    Traceback (most recent call last):
        ...
    negatives.errors.RunError: there is no run here
      where: nowhere
      fix:   negatives mine DATA --out RUN
    """


class MissingExtra(InputError, ImportError):
    """An optional dependency is not installed; the message holds the command that installs it."""


class UnknownKeyword(InputError, TypeError):
    """A function has no parameter of that name; the message holds the nearest that it has."""


class WorkError(NegativesError):
    """The input was right and the work failed."""


class DiskFull(WorkError):
    """No space left where a file was being written; nothing half-written was kept."""


class ServiceError(WorkError):
    """A model endpoint did not answer, or answered something unusable."""


def nearest_path(path: Path, otherwise: str = "check the path", also: Iterable[str] = ()) -> str:
    """A hint naming what there is of nearly this path; `otherwise` where nothing is.

    `also`: names that mean something without being a path.
    """
    missing = path
    while not missing.parent.exists() and missing.parent != missing:
        missing = missing.parent
    try:
        there = [entry.name for entry in islice(missing.parent.iterdir(), _LOOKED_AT)]
    except OSError:
        there = []
    written = {name.lower(): name for name in (*sorted(there), *also)}
    for close in difflib.get_close_matches(missing.name.lower(), written, n=3, cutoff=0.6):
        name = written[close]
        found = name if name in also else str(missing.parent / name / path.relative_to(missing))
        if name in also or (Path(found).exists() and not path.exists()):
            return f"did you mean {found!r}?"
    return otherwise


_LOOKED_AT = 2_000
"""Entries of a folder among which a like one is looked for, at most."""


def nearest(name: str, valid: Iterable[str]) -> str:
    """A hint naming the closest of `valid`, or all of them when none is close."""
    names = sorted(valid)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"valid: {', '.join(names)}"
