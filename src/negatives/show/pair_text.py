"""Examples as a person reads them: on a terminal, wrapped and coloured, or in a notebook.

Whatever comes from the data is made harmless before it is printed: no control characters, no marks
that reorder a line, no markup.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TextIO

from markupsafe import Markup

from negatives.printable import printable
from negatives.svg import mark
from negatives.text.naming import is_made
from negatives.wording import figure

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_WIDEST: Final = 120
"""Columns that a text fills, at most: longer lines are hard to read."""
_NARROWEST: Final = 20
_WORD: Final = re.compile(r"\w{4,}")
_LOOKS: Final = {"positive": "bold green", "negative": "bold red", "left": "bold yellow"}


@dataclass(frozen=True, slots=True)
class Examples:
    """Pairs of a run, grouped by query.

    Each of `queries` has query_id and its text, `positives` (the first few), `positives_in_all`,
    and `pairs`: doc_id, its text, `fate` (negative, left, positive, or the verdict), position,
    p_relevant, hardness, verdict, rule, reason, what `sources` and the `evidence` of judges say,
    and `more`, the other columns of the ledger. `why`: why there are no texts, where there are
    none.
    """

    run: str
    title: str
    queries: list[dict[str, Any]]
    why: str = ""
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return sum(len(query["pairs"]) for query in self.queries)

    def __repr__(self) -> str:
        return plain_text(self)

    def _repr_html_(self) -> str:
        return html(self)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, JSON-able."""
        return {
            "run": self.run,
            "title": self.title,
            "queries": self.queries,
            "why no texts": self.why,
            "notes": list(self.notes),
        }


def print_examples(found: Examples, file: TextIO | None = None) -> None:
    """Print examples, coloured where `file` (by default stdout) is a terminal."""
    from rich.console import Console

    stream = sys.stdout if file is None else file
    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    console.width = max(_NARROWEST, min(console.width, _WIDEST))
    _print(found, console)


def plain_text(found: Examples) -> str:
    """The same without colours."""
    from rich.console import Console

    out = io.StringIO()
    _print(found, Console(file=out, width=100, color_system=None, highlight=False, markup=False))
    return out.getvalue().rstrip("\n")


def html(found: Examples) -> Markup:
    """The same as a fragment of a page, for a notebook."""
    parts = [mark("p", mark("b", found.title))]
    parts += [mark("p", note) for note in _notes(found)]
    for query in found.queries:
        rows = []
        for kind, side in _sides(query):
            cells = (kind, _name(side, "doc_id"), ", ".join(_evidence(side)), _text(side))
            rows.append(mark("tr", *(mark("td", _safe(cell) or " ") for cell in cells)))
        parts.append(mark("p", mark("b", _safe(_heading(query)))))
        parts.append(mark("table", *rows) if rows else Markup(""))
    return mark("div", *parts)


def _print(found: Examples, console: Console) -> None:
    """A query, its positives, and the pairs; the words that a text shares with it stand out."""
    from rich.text import Text

    _write(console, Text(_safe(f"{found.run}: {found.title}"), style="bold"))
    for note in _notes(found):
        _write(console, Text(_safe(note), style="dim"))
    for query in found.queries:
        console.print()
        _write(console, Text(_safe(_heading(query)), style="bold cyan"), hanging=2)
        words = {word.lower() for word in _WORD.findall(query["text"] or "")}
        shared = rf"(?i)\b({'|'.join(map(re.escape, sorted(words)))})\b" if words else ""
        for kind, side in _sides(query):
            head = Text(_safe(kind), style=_look(kind), end="")
            told = [each for each in (_name(side, "doc_id"), *_evidence(side)) if each]
            head.append("".join(f"  {_safe(each)}" for each in told), style="not bold dim default")
            _write(console, head, indent=2, hanging=4)
            if side.get("reason"):
                _write(console, Text(_safe(side["reason"]), style="yellow"), indent=4)
            text = Text(_safe(_text(side)))
            if shared:
                text.highlight_regex(shared, style="bold")
            _write(console, text, indent=4)


def _write(console: Console, text: Text, indent: int = 0, hanging: int = 0) -> None:
    """Wrap and print a text; `hanging`: how far its further lines are indented."""
    from rich.text import Text

    if not text.plain:
        return
    first = Text(" " * indent)
    room = max(_NARROWEST // 2, console.width - max(indent, hanging))
    for number, line in enumerate(text.wrap(console, room)):
        line.rstrip()
        before = Text(" " * (hanging or indent)) if number else first
        console.print(before + line, no_wrap=True, overflow="ignore", crop=False)


def _look(kind: str) -> str:
    return _LOOKS.get(kind, "dim" if kind.startswith("and ") else "bold magenta")


def _sides(query: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What is shown of a query: `positive`, or what became of a pair, and its side."""
    for side in query["positives"]:
        yield "positive", side
    more = query["positives_in_all"] - len(query["positives"])
    if more > 0:
        nothing = {"doc_id": "", "text": None, "hardness": None, "relevance": None}
        yield (
            f"and {more:,} more {'positive' if more == 1 else 'positives'}",
            {**nothing, "sources": [], "evidence": {}},
        )
    for side in query["pairs"]:
        rule = f" by {side['rule']}" if side["rule"] and side["fate"] != "negative" else ""
        yield f"{side['fate']}{rule}", side


def _heading(query: Mapping[str, Any]) -> str:
    name = _name(query, "query_id")
    return f"{' '.join(part for part in ('query', name) if part)}: {query['text'] or ''}"


def _name(side: Mapping[str, Any], key: str) -> str:
    """The id, where it says something, or there is nothing else."""
    name: str = side[key]
    return "" if is_made(name) and side["text"] else name


def _text(side: Mapping[str, Any]) -> str:
    if side["text"] is None:
        return ""
    rest = "" if side["whole"] else f" [of {side['characters']:,} characters]"
    return f"{side['text']}{rest}"


def _evidence(side: Mapping[str, Any]) -> list[str]:
    """What is known of a pair, a few words each."""
    told = []
    if side.get("p_relevant") is not None:
        told.append(f"p {figure(side['p_relevant'])}")
    if side["hardness"] is not None:
        told.append(f"hardness {side['hardness']:+.2f}".replace("-", "−"))
    if side["relevance"] is not None and side["relevance"] != 1:
        told.append(f"judged {side['relevance']}")
    for source in side["sources"]:
        rank = "" if source["rank"] is None else f" {source['rank']:,}"
        score = "" if source["score"] is None else f" ({figure(source['score'])})"
        told.append(f"{source['source']}{rank}{score}")
    known = {name: value for name, value in side["evidence"].items() if value is not False}
    told += [name if value is True else f"{name} {_value(value)}" for name, value in known.items()]
    return told


def _value(value: object) -> str:
    return figure(value) if isinstance(value, float) else str(value)


def _notes(found: Examples) -> list[str]:
    return [*found.notes, *([f"no texts: {found.why}"] if found.why else [])]


def _safe(text: str) -> str:
    """Text of the data as one may print it: on one line, and nothing that steers a terminal."""
    return printable(" ".join(text.split()))
