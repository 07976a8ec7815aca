"""One test over many inputs, in place of one test for each input.

`for_each` is written as `pytest.mark.parametrize` is, and stands in its place where the inputs are
rows of a table: the suite then counts behaviours, not rows. Every input is tried, whatever became
of the others; those that fail are reported together, each with its values.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

Test = Callable[..., None]
Ids = Callable[[Any], object] | Iterable[str] | None
Case = tuple[str, dict[str, Any]]

LONGEST = 100
"""Signs of a value in the report of a failure."""


def for_each(
    names: str | Sequence[str], values: Iterable[Any], ids: Ids = None
) -> Callable[[Test], Test]:
    """Call the test with each of the values under these names; stacked, with each combination.

    A test that asks for `tmp_path` or `monkeypatch` is given one for every input. Other fixtures
    are shared between the inputs.
    """
    asked = [names] if isinstance(names, str) else list(names)
    wide = [(value,) if len(asked) == 1 else tuple(value) for value in values]
    rows = [dict(zip(asked, each, strict=True)) for each in wide]
    if ids is None or callable(ids):
        labels = [_label(row, ids or repr) for row in rows]
    else:
        labels = [f"{' and '.join(asked)} = {name}" for name in ids]

    def decorate(test: Test) -> Test:
        below: list[Case] = getattr(test, "cases", [])
        cases = [
            (f"{label}, {inner}" if inner else label, {**row, **more})
            for label, row in zip(labels, rows, strict=True)
            for inner, more in below or [("", {})]
        ]
        marks = getattr(test, "pytestmark", [])
        return _looped(vars(test)["__wrapped__"] if below else test, cases, marks)

    return decorate


def _looped(test: Test, cases: list[Case], marks: Sequence[pytest.Mark]) -> Test:
    """A test that calls another with every case, and fails with all that failed."""
    if not cases:
        raise ValueError(f"{test.__name__}: no case")

    def loop(**fixtures: Any) -> None:
        failed = []
        for at, (label, values) in enumerate(cases):
            try:
                _call(test, values, fixtures, at)
            except (Exception, pytest.fail.Exception) as error:
                error.add_note(f"with {label}")
                failed.append(error)
        if failed:
            raise BaseExceptionGroup(f"{len(failed)} of {len(cases)} cases fail", failed)

    asked = inspect.signature(test).parameters
    if unknown := cases[0][1].keys() - asked.keys():
        raise ValueError(f"{test.__name__} does not ask for {', '.join(sorted(unknown))}")
    left = [
        each.replace(kind=each.KEYWORD_ONLY)
        for name, each in asked.items()
        if name not in cases[0][1]
    ]
    loop.__name__, loop.__doc__, loop.__module__ = test.__name__, test.__doc__, test.__module__
    known = {"__signature__": inspect.Signature(left), "__wrapped__": test}
    vars(loop).update(known, cases=cases, pytestmark=list(marks))
    return loop


def _call(test: Test, values: Mapping[str, Any], fixtures: Mapping[str, Any], at: int) -> None:
    own = dict(fixtures)
    if "tmp_path" in own:
        own["tmp_path"] = folder = Path(own["tmp_path"]) / str(at)
        folder.mkdir()
    if "monkeypatch" in own:
        with own["monkeypatch"].context() as patch:
            test(**{**own, "monkeypatch": patch}, **values)
    else:
        test(**own, **values)


def _label(row: Mapping[str, Any], said: Callable[[Any], object]) -> str:
    texts = {name: str(said(value)) for name, value in row.items()}
    return ", ".join(
        f"{name} = {text if len(text) <= LONGEST else text[:LONGEST] + '...'}"
        for name, text in texts.items()
    )
