"""Every public class shows how it is used, and what its example says comes out."""

from __future__ import annotations

import doctest
import importlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from negatives.kinds import KINDS
from negatives.stage import stage_class
from tests.doc_pages import ROOT

SOURCE = ROOT / "src"
TORCH = ("learn", "train")
"""Sections whose examples may compute with torch."""


def public_classes() -> Iterator[type]:
    """Those that the package or a module of it exports, and every stage."""
    for path in sorted(SOURCE.rglob("*.py")):
        if "\n__all__ =" in path.read_text("utf-8"):
            name = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
            module = importlib.import_module(name.removesuffix(".__init__"))
            values = (getattr(module, name) for name in module.__all__)
            yield from (value for value in values if isinstance(value, type))
    yield from (stage_class(section, kind) for section, kinds in KINDS.items() for kind in kinds)


@pytest.mark.slow
def test_every_public_class_has_an_example_that_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finder = doctest.DocTestFinder(recurse=False, exclude_empty=False)
    classes = {f"{cls.__module__}.{cls.__qualname__}": cls for cls in public_classes()}
    assert len(classes) >= sum(map(len, KINDS.values()))
    wrong: list[str] = []
    for name, cls in classes.items():
        (found,) = finder.find(cls, name, globs={})
        if not found.examples:
            wrong.append(f"{name} has no example: show in its docstring, after >>>, what it does")
        elif getattr(cls, "section", "") not in TORCH or find_spec("torch"):
            (tmp_path / name).mkdir()
            monkeypatch.chdir(tmp_path / name)
            doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(found, out=wrong.append)
    assert not wrong, "\n".join(wrong)
