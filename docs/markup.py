"""What is written on a page as Markdown: prose with its signs escaped, examples as code."""

from __future__ import annotations

import re


def page(parts: list[str]) -> str:
    """The parts of a page, an empty line between them; empty ones are left out."""
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def prose(text: str) -> str:
    """Plain text as Markdown: signs that mean something there are escaped, but in code.

    A paragraph that begins with `>>>` is an example, and stays as it is.
    """
    return "\n\n".join(
        f"```pycon\n{part}\n```" if part.startswith(">>>") else _escaped(part)
        for part in text.split("\n\n")
    )


def _escaped(text: str) -> str:
    return "\n".join(
        line
        if line.startswith("    ")
        else "".join(
            part if at % 2 else re.sub(r"([*<])", r"\\\1", part)
            for at, part in enumerate(re.split(r"(`[^`]*`)", line))
        )
        for line in text.split("\n")
    )


def cell(text: str) -> str:
    """The types of a setting, each as code."""
    return " or ".join(f"`{part}`" for part in text.split(" | "))


def title(text: str) -> str:
    """The title of a page."""
    found = re.search(r"^# (.+)$", text, re.MULTILINE)
    return found[1] if found else ""
