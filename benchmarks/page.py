"""A page of docs/results/: the figures, and how, when and with what they were made."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

RESULTS = Path("docs/results")
_PACKAGES = (
    "negatives",
    "numpy",
    "numba",
    "polars",
    "bm25s",
    "sentence-transformers",
    "torch",
    "onnxruntime",
    "faiss-cpu",
)


def write_page(
    name: str, title: str, about: str | None, lines: Iterable[str], module: str = ""
) -> None:
    """Write docs/results/NAME.md: the title, what `about` (the benchmark's own docstring) says, the
    lines, and a note of the command (`module`, where it is not called as the page is), the date and
    the versions.
    """
    found = []
    for package in _PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    module = module or name.replace("-", "_")
    note = (
        f"\n\n---\nWritten by `python -m benchmarks {module}` on {datetime.date.today()}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}, {', '.join(found)}.\n"
    )
    body = "\n".join([f"# {title}", "", " ".join((about or "").split()), "", *lines])
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.md").write_text(body.rstrip() + note, "utf-8")


def write_picture(name: str, svg: str) -> None:
    """Write docs/results/NAME.svg."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.svg").write_text(svg, "utf-8")
