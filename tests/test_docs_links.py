"""README.md and docs/ without running them: links, marked parts, names, shown output."""

from __future__ import annotations

import ast
import builtins
import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.doc_pages import BLOCK, CONTRIBUTING, DOCS, README, ROOT, blocks, generated, pages
from tests.each import for_each

LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def written() -> list[Path]:
    """Every page of the repository: those that people write, and the results."""
    return [README, CONTRIBUTING, *sorted(DOCS.rglob("*.md"))]


def broken(text: str, page: Path) -> list[str]:
    """The links of a page's text to no file, or to no heading of one."""
    found = []
    for link in LINK.findall(BLOCK.sub("", text)):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if name.startswith(("http:", "https:")):
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found


def anchors(page: Path) -> set[str]:
    """What the headings of a page can be linked to by, as GitHub and mkdocs name them."""
    found = set()
    for heading in HEADING.findall(BLOCK.sub("", page.read_text("utf-8"))):
        given = re.search(r"\{ #(\S+) \}$", heading)
        plain = re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        found.add(given[1] if given else plain)
    return found


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@for_each("page", written(), ids=named)
def test_the_links_of_a_page_lead_to_what_the_repository_has(page: Path) -> None:
    assert broken(page.read_text("utf-8"), page) == []


def test_a_link_to_a_page_or_a_heading_that_is_not_there_is_found() -> None:
    text = "[a](nowhere.md) [b](concepts.md#nothing) [c](concepts.md#hardness) [d](https://e.org)"
    assert broken(text, DOCS / "index.md") == ["nowhere.md", "concepts.md#nothing"]


@pytest.mark.slow
def test_the_links_of_the_site_lead_to_its_own_pages(tmp_path: Path) -> None:
    builder().assemble(tmp_path)
    for page in sorted(tmp_path.rglob("*.md")):
        text = page.read_text("utf-8")
        assert broken(text, page) == [], page.name
        assert "](../src" not in text, page.name


def builder() -> Any:
    """docs/build.py, which is in no package."""
    sys.path.insert(0, str(DOCS))
    try:
        return importlib.import_module("build")
    finally:
        sys.path.remove(str(DOCS))


@for_each("page", written(), ids=named)
def test_the_marked_parts_of_a_page_are_as_the_code_is(page: Path) -> None:
    text = page.read_text("utf-8")
    assert text == generated().filled(text), "python docs/build.py --marked writes it anew"


@for_each("page", pages(), ids=named)
def test_shown_output_is_shown(page: Path) -> None:
    """Dots in the place of a line or of a figure say nothing; and nothing would be compared."""
    for block in blocks(page):
        for line in (block.output or "").splitlines():
            assert hidden(line) is None, f"{page.name}:{block.line}: {line}"


@for_each("page", pages(), ids=named)
def test_what_an_example_prints_is_on_the_page(page: Path) -> None:
    for block in blocks(page):
        if block.language == "python" and "no-run" not in block.marks:
            prints = re.search(r"^ *print\(", block.code, re.MULTILINE)
            written = re.search(r"^def ", block.code, re.MULTILINE)
            assert not prints or written or block.output, f"{page.name}:{block.line}"


def hidden(line: str) -> str | None:
    """The dots of a line that stand where a word or a figure should."""
    found = re.search(r"(^|\s)(\.\.\.|…)(%|\s|$)", line)
    return found[0] if found else None


def test_dots_in_the_place_of_a_line_or_a_figure_are_found() -> None:
    for line in ("...", "  hubs   ...", "model  ...% with confidence", "edited: ... of 39", "…"):
        assert hidden(line)
    for line in ("the beginning of a long text...", "expected 4.7%", ""):
        assert not hidden(line)


@for_each("page", pages(), ids=named)
def test_examples_that_are_not_run_use_names_that_the_page_has(page: Path) -> None:
    known = set(dir(builtins))
    for block in blocks(page):
        if block.language == "python":
            tree = ast.parse(block.code)
            known |= set(bound(tree))
            unknown = {name.id for name in ast.walk(tree) if isinstance(name, ast.Name)} - known
            assert not unknown, f"{page.name}:{block.line}"


def bound(tree: ast.AST) -> Iterator[str]:
    """The names that a block gives a meaning."""
    for node in ast.walk(tree):
        if isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name
