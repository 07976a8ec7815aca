"""A summary rendered as one HTML page: no figure is made here, and nothing is fetched.

Texts of the corpus are data: every value is escaped by the template engine. The page's policy
allows its one stylesheet and its one script, named by their hashes, and no request at all.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Final

import jinja2
from markupsafe import Markup, escape

from negatives import wording
from negatives.show import answer_charts, charts
from negatives.show.next_steps import quoted
from negatives.show.summary import Summary
from negatives.show.texts import shortened

TITLES: Final[Mapping[str, str]] = {
    "pairs": "The pairs",
    "certificate": "How many are false, and how sure that is",
    "relevance": "Is p_relevant right?",
    "checks": "What else could be wrong",
    "sources": "Sources, and what each adds",
    "hardness": "How hard they are",
    "verdicts": "What became of the candidates",
    "delivered": "What was delivered",
    "hubs": "Documents used often",
    "cost": "Time and memory",
    "asked": "What was asked",
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

_SHARED: Final = ("colours.css", "base.css", "first.css")
_LONGEST_ID: Final = 80
_MARKED: Final = Markup("<mark>")
_MARK_ENDS: Final = Markup("</mark>")
_WORD: Final = re.compile(r"\w{4,}")


def render(summary: Summary) -> str:
    """The report as HTML."""
    page = template("report.html.j2")
    script = Markup(file("report.js"))
    return page.render(summary=summary, styles=styles("report.css"), script=script)


def styles(*names: str) -> Markup:
    """The stylesheet of a page: colours and type that all pages share, then files of its own."""
    return Markup("".join(file(name) for name in (*_SHARED, *names)))


def policy(styles: str, script: str = "", *, images: bool = False) -> str:
    """A content security policy: this stylesheet, this script, with `images` those that are in the
    page itself, and nothing else from anywhere.
    """
    allowed = f"; script-src '{_digest(script)}'" if script else ""
    allowed += "; img-src data:" if images else ""
    return (
        f"default-src 'none'; style-src '{_digest(styles)}'{allowed}; base-uri 'none'; "
        "form-action 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()


@cache
def file(name: str) -> str:
    """The text of a file of this room."""
    return (files("negatives.show") / name).read_text("utf-8")


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
        "asked_share": wording.asked_share,
        "seconds": wording.seconds,
        "megabytes": wording.megabytes,
        "id": _id,
        "plural": wording.plural,
        "correlation": wording.correlation,
        "cut": shortened,
        "setting": _setting,
        "quoted": quoted,
    }
    made.globals |= {
        "charts": charts,
        "first_charts": answer_charts,
        "titles": TITLES,
        "series": SERIES,
        "sharing": _sharing,
        "policy": policy,
    }
    return made


def _id(name: str) -> str:
    """An id, shortened in the middle when it is very long."""
    half = _LONGEST_ID // 2
    return name if len(name) <= _LONGEST_ID else f"{name[:half]}…{name[-half:]}"


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
            pieces += [escape(text[at : match.start()]), _MARKED, escape(match[0]), _MARK_ENDS]
            at = match.end()
    return Markup("").join([*pieces, escape(text[at:])])
