"""README.md and the pages of docs/, as the tests read them."""

from __future__ import annotations

import importlib
import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```(\w*)([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN = {"python": "python", "bash": "bash", "sh": "bash"}


def pages() -> list[Path]:
    """README.md, CONTRIBUTING.md and every page of docs/ that people write."""
    written = [path for path in sorted(DOCS.rglob("*.md")) if path.parent.name != "results"]
    return [README, CONTRIBUTING, *written]


@dataclass(frozen=True)
class Block:
    """A fenced block, and the output that the page gives for it."""

    page: Path
    line: int
    language: str
    marks: tuple[str, ...]
    code: str
    output: str | None

    @property
    def exit(self) -> int:
        """The exit code that the page promises."""
        return next((int(m.removeprefix("exit=")) for m in self.marks if "exit=" in m), 0)


def blocks(page: Path) -> list[Block]:
    """The blocks of a page that can be run, in order."""
    text = page.read_text("utf-8")
    found = list(BLOCK.finditer(text))
    made = []
    for at, match in enumerate(found):
        line = text[: match.start()].count("\n") + 1
        if match[1] not in RUN:
            continue
        after = found[at + 1] if at + 1 < len(found) else None
        follows = after and after[1] == "text" and not text[match.end() : after.start()].strip()
        output = after[3] if after and follows else None
        made.append(Block(page, line, RUN[match[1]], tuple(match[2].split()), match[3], output))
    return made


@cache
def generated() -> Any:
    """docs/generated.py, which is in no package."""
    sys.path.insert(0, str(DOCS))
    try:
        return importlib.import_module("generated")
    finally:
        sys.path.remove(str(DOCS))
