"""The kinds of stage there are: section -> name -> where the stage lives, third parties' included.

Resolved lazily, so that a recipe can be read without importing what it does not use.
"""

from __future__ import annotations

from functools import cache

from negatives.table_of_kinds import KINDS as KINDS

PUBLIC = ("find", "make", "judge", "estimate", "pick")
"""Sections whose stages are public names of the package: those of mining."""

ENTRY_POINT = "negatives.stages"
"""Entry-point group; an entry is named SECTION.KIND and points at a stage class.

Of a format, which is no stage, the section is `export`, and the entry points at a `Format`.
"""


def kinds(section: str) -> dict[str, str]:
    """Kind -> module path of every stage of a section, third parties' included."""
    return _third_parties().get(section, {}) | KINDS.get(section, {})


def place_of(section: str, kind: str) -> str | None:
    """The module path of a kind of stage; of this package's own without a look at the others."""
    return KINDS.get(section, {}).get(kind) or kinds(section).get(kind)


@cache
def _third_parties() -> dict[str, dict[str, str]]:
    """What installed packages add; looked for once, since every package's metadata is read."""
    from importlib.metadata import entry_points

    found: dict[str, dict[str, str]] = {}
    for entry in entry_points(group=ENTRY_POINT):
        section, _, kind = entry.name.partition(".")
        found.setdefault(section, {})[kind] = entry.value
    return found
