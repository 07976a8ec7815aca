"""Builds the site: python docs/build.py [--out FOLDER], or --marked to refresh the marked parts.

Pages are copied from docs/, the others are written by generated.py, and mkdocs makes the site of
both. Nothing generated is committed but the marked parts of README.md and of the pages, which a
test compares with what would be written there.
"""

from __future__ import annotations

import argparse
import logging
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from generated import DOCS, PAGES, filled

ROOT = DOCS.parent
FENCE = re.compile(r"^(\s*```\w+)[^\n`]+$", re.MULTILINE)
RECIPE = re.compile(r"\.\./src/negatives/recipes/([\w-]+)\.toml")
LINK = re.compile(r"(?<=\]\()[^)\s]+(?=\))")
GENERATED = {
    "results/": "results/index.md",
    "../src/negatives/__init__.py": "reference/api.md",
    "../src/negatives/batch/": "reference/stages.md#batch",
    "../src/negatives/cli/": "reference/cli.md",
    "../src/negatives/kinds.py": "reference/stages.md",
    "../src/negatives/pick/": "reference/stages.md#pick",
    "../src/negatives/learn/round.py": "reference/stages.md#round",
    "../src/negatives/read/": "reference/formats.md",
    "../src/negatives/read/mined/names.py": "reference/formats.md#columns",
    "../src/negatives/recipes/": "reference/recipes.md",
}
"""Where a page links to what a generated page is made from -> that page: the site has only the one,
the repository only the other."""

NAV: list[tuple[str, list[str]]] = [
    (
        "",
        [
            "index.md",
            "tutorial.md",
            "quickstart.md",
            "data-in.md",
            "glossary.md",
            "concepts.md",
            "choosing.md",
            "recipes.md",
            "methods.md",
            "probability.md",
            "judging.md",
            "scale.md",
            "looking.md",
            "exports.md",
            "audit.md",
            "review.md",
            "lint.md",
            "more-than-text.md",
            "images.md",
            "knowledge-graphs.md",
            "rare.md",
            "language-models.md",
            "adapt.md",
            "making.md",
            "guides.md",
            "learning.md",
            "errors.md",
        ],
    ),
    ("Reference", ["reference/"]),
    ("Results", ["results/"]),
    ("Contributing", ["contributing/"]),
]


def assemble(folder: Path) -> None:
    """Write every page, copied and generated, into `folder`."""
    for path in sorted(DOCS.rglob("*")):
        target = folder / path.relative_to(DOCS)
        if path.suffix == ".md":
            # What follows the language of a fence is for the tests, and mkdocs takes it amiss.
            text = FENCE.sub(r"\1", filled(path.read_text("utf-8")))
            text = LINK.sub(lambda link: _on_the_site(link[0]), text)
        elif path.suffix == ".svg":
            text = path.read_text("utf-8")
        else:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
    for name, make in PAGES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(make(), "utf-8")


def _on_the_site(link: str) -> str:
    """Where a link of the repository leads to on the site."""
    return GENERATED.get(link) or RECIPE.sub(r"reference/recipes.md#\1", link)


def navigation(folder: Path) -> list[Any]:
    """The pages there are in `folder`, in order; a name that ends in / is all of a folder."""
    nav: list[Any] = []
    for section, names in NAV:
        pages: list[str] = []
        for name in names:
            if name.endswith("/"):
                found = sorted(path.name for path in (folder / name).glob("*.md"))
                found.sort(key=lambda page: page != "index.md")
                pages += [f"{name}{page}" for page in found]
            elif (folder / name).exists():
                pages.append(name)
        nav += pages if len(pages) == 1 or not section else [{section: pages}]
    return nav


def build(out: Path) -> None:
    """The site in `out`; a broken link or a page out of the navigation is an error."""
    with tempfile.TemporaryDirectory() as folder:
        _build(out, Path(folder))


def _build(out: Path, folder: Path) -> None:
    from mkdocs.commands.build import build as build_site
    from mkdocs.config import load_config

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    assemble(folder)
    config = load_config(
        str(DOCS / "mkdocs.yml"),
        docs_dir=str(folder),
        site_dir=str(out),
        nav=navigation(folder),
        strict=True,
    )
    build_site(config)


def main() -> None:
    """Build the site, or write the marked parts of README.md and of the pages."""
    parser = argparse.ArgumentParser(description="Build the site, or refresh the marked parts.")
    parser.add_argument("--out", type=Path, default=ROOT / "site")
    parser.add_argument("--marked", action="store_true", help="write the marked parts anew")
    given = parser.parse_args()
    if given.marked:
        for page in (ROOT / "README.md", *DOCS.rglob("*.md")):
            page.write_text(filled(page.read_text("utf-8")), "utf-8")
        return
    from mkdocs.exceptions import Abort

    try:
        build(given.out.absolute())
    except Abort as error:
        sys.exit(f"the site was not built: {error}")
    print(f"{given.out / 'index.html'}")


if __name__ == "__main__":
    main()
