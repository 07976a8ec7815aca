"""A summary rendered as one HTML page: no figure is made here, and nothing is fetched.

Texts of the corpus are data: every value is escaped by the template engine, and the page's policy
allows no script and no request at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

import jinja2
from markupsafe import Markup, escape

from negatives import wording
from negatives.show import charts
from negatives.show.summary import Summary
from negatives.show.texts import shortened

TITLES: Final[Mapping[str, str]] = {
    "asked": "What was asked",
    "delivered": "What was delivered",
    "verdicts": "What became of the candidates",
    "hardness": "How hard they are",
    "certificate": "How many are false, and how sure that is",
    "relevance": "How likely they are false",
    "pairs": "The pairs to read",
    "sources": "Where they came from",
    "hubs": "Documents used often",
    "cost": "Time and memory",
    "provenance": "How to make this again",
    "generated": "Documents that were written for this run",
}
"""Section -> heading; a section that is not here is headed by its name."""

SERIES: Final[Mapping[str, str]] = {
    "positives": "Positives",
    "negatives": "Negatives",
    "pool": "Eligible pool",
    "left": "Eligible, not chosen",
    "rejected": "Rejected",
}
"""What each series of a picture is called."""

_LONGEST_ID: Final = 80
_WORD: Final = re.compile(r"\w{4,}")


def render(summary: Summary) -> str:
    """The report as HTML."""
    return template("report.html.j2").render(summary=summary)


def template(name: str) -> jinja2.Template:
    """A template of this room, with its filters."""
    return _environment().get_template(name)


@cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("negatives.show", ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "count": wording.count,
        "figure": wording.figure,
        "percent": wording.percent,
        "seconds": wording.seconds,
        "megabytes": wording.megabytes,
        "id": _id,
        "plural": _plural,
        "correlation": wording.correlation,
        "cut": shortened,
        "setting": _setting,
    }
    made.globals |= {"charts": charts, "titles": TITLES, "series": SERIES, "sharing": _sharing}
    return made


def _id(name: str) -> str:
    """An id, shortened in the middle when it is very long."""
    half = _LONGEST_ID // 2
    return name if len(name) <= _LONGEST_ID else f"{name[:half]}…{name[-half:]}"


def _plural(number: int, one: str, many: str = "") -> str:
    """`1 query`, `2 queries`."""
    return f"{wording.count(number)} {one if number == 1 else many or one + 's'}"


def _setting(value: object) -> str:
    """A setting as a recipe writes it, without its brackets and quotes."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(map(_setting, value))
    if isinstance(value, dict):
        return ", ".join(f"{key} {_setting(inner)}" for key, inner in value.items())
    return str(value)


def _sharing(text: str, query: str | None) -> Markup:
    """The text with the words it has in common with the query set off; both are escaped."""
    words = {word.lower() for word in _WORD.findall(query or "")}
    pieces, at = [], 0
    for match in _WORD.finditer(text):
        if match[0].lower() in words:
            pieces += [escape(text[at : match.start()]), Markup("<mark>{}</mark>").format(match[0])]
            at = match.end()
    return Markup("").join([*pieces, escape(text[at:])])
