"""Every public class shows how it is used, and what its example says comes out."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

import negatives
from negatives.kinds import KINDS
from negatives.stage import stage_class

TORCH = ("learn", "train")
"""Sections whose examples may compute with torch."""


def public_classes() -> Iterator[type]:
    """Those that the package or one of its modules exports, and every stage."""
    modules = [negatives]
    for found in pkgutil.walk_packages(negatives.__path__, "negatives."):
        path = Path(getattr(found.module_finder, "path", ""), f"{found.name.rpartition('.')[2]}")
        source = path / "__init__.py" if found.ispkg else path.with_suffix(".py")
        if "__all__" in source.read_text("utf-8"):
            modules.append(importlib.import_module(found.name))
    for module in modules:
        values = (getattr(module, name) for name in module.__all__)
        yield from (value for value in values if isinstance(value, type))
    yield from (stage_class(section, kind) for section, kinds in KINDS.items() for kind in kinds)


def test_every_public_class_has_an_example_that_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finder = doctest.DocTestFinder(recurse=False, exclude_empty=False)
    wrong = []
    classes = {f"{cls.__module__}.{cls.__qualname__}": cls for cls in public_classes()}
    assert len(classes) > 70
    for name, cls in classes.items():
        (example,) = finder.find(cls, name, globs={})
        if not example.examples:
            wrong.append(f"{name} has no example: write >>> in its docstring")
            continue
        if getattr(cls, "section", "") in TORCH and not find_spec("torch"):
            continue
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.chdir(folder)
        said: list[str] = []
        doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=said.append)
        wrong += said
    assert not wrong, "\n".join(wrong)
