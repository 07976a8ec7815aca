"""Which tests are about which recipe: python scripts/tested.py writes recipes/tested.json.

A test says so by a mark, `@pytest.mark.recipe("simans")`, or `@pytest.mark.method("perp-neg")` of a
method that is no recipe but a function or a command. It is for tests of the numbers that the paper,
or the page on it, works out, and where there are none, of what defines the method.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "src/negatives/recipes/tested.json"
MARKS = ("pytest.mark.recipe", "pytest.mark.method")


def marked() -> dict[str, list[str]]:
    """Recipe or method -> the tests that are marked with it, in order."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for name in _named(node):
                    test = f"{path.relative_to(ROOT).as_posix()}::{node.name}"
                    found.setdefault(name, []).append(test)
    return dict(sorted(found.items()))


def _named(test: ast.FunctionDef) -> Iterator[str]:
    for mark in test.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) in MARKS:
            yield from (str(ast.literal_eval(name)) for name in mark.args)


def written() -> str:
    """The file as it should be."""
    return json.dumps(marked(), indent=1) + "\n"


if __name__ == "__main__":
    TABLE.write_text(written(), "utf-8")
    print(f"{TABLE}: {len(marked())} recipes and methods")
