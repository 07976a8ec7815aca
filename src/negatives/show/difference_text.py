"""What two runs differ in, in lines for a terminal."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final

from negatives.show.difference import Difference
from negatives.store.fingerprints import table_called
from negatives.text.naming import called
from negatives.wording import MISSING, count, figure, percent

_WIDEST: Final = 120
_BOTH: Final = {"pairs": "pairs in both ledgers", "written": "texts written for both"}
_SHARES: Final = ("coverage", "false share", "above")
"""How the names of figures begin that are shares."""


def difference_text(found: Difference) -> str:
    """All of it, wrapped to the terminal."""
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    blocks = [_settings(found, width), _figures(found, width), _pairs(found, width)]
    head = [f"1: {found.first}", f"2: {found.second}"]
    if found.data:
        head.append(f"the data is not the same: {', '.join(map(table_called, found.data))} differ")
    return "\n\n".join("\n".join(block) for block in [head, *blocks])


def _settings(found: Difference, width: int) -> list[str]:
    if not found.settings:
        return ["settings: the same"]
    lines = ["settings"]
    for row in found.settings:
        lines.append(f"  {row['setting']}")
        for number, name in ((1, "first"), (2, "second")):
            told = _setting(row[name])
            lines += textwrap.wrap(
                told, width, initial_indent=f"    {number}: ", subsequent_indent=" " * 7
            )
    return lines


def _setting(value: object) -> str:
    """A setting as a recipe writes it; a stage as its kind and settings."""
    if value is None:
        return "not there"
    if isinstance(value, Mapping):
        more = ", ".join(f"{key} = {json.dumps(v)}" for key, v in value.items() if key != "kind")
        return f"{value['kind']}{f': {more}' if more else ''}"
    return json.dumps(value, ensure_ascii=False)


def _figures(found: Difference, width: int) -> list[str]:
    rows = [
        (row["name"], *(_value(row["name"], row[name]) for name in ("first", "second")))
        for row in found.figures
        if row["first"] is not None or row["second"] is not None
    ]
    first = max((len(row[1]) for row in rows), default=1)
    second = max((len(row[2]) for row in rows), default=1)
    room = max(12, width - first - second - 6)
    lines = [f"{'figures':<{_widest(rows, room) + 2}}  {'1':>{first}}  {'2':>{second}}"]
    for name, one, two in rows:
        *before, last = textwrap.wrap(name, room)
        lines += [f"  {part}" for part in before]
        lines.append(f"  {last:<{_widest(rows, room)}}  {one:>{first}}  {two:>{second}}")
    if not found.comparable:
        told = "hardness cannot be compared: not one collection and one reference scorer"
        lines += textwrap.wrap(told, width - 2, initial_indent="  ", subsequent_indent="  ")
    return lines


def _widest(rows: list[tuple[str, str, str]], room: int) -> int:
    return max((len(part) for row in rows for part in textwrap.wrap(row[0], room)), default=0)


def _value(name: str, value: float | None) -> str:
    if name.startswith(_SHARES):
        return percent(value)
    return count(value) if isinstance(value, int) else MISSING if value is None else figure(value)


def _pairs(found: Difference, width: int) -> list[str]:
    counts = found.negatives
    either = sum(counts[name] for name in ("both", "only_first", "only_second"))
    shared = f"{count(counts['both'])} in both"
    if either:
        shared += f", {percent(counts['jaccard'])} of the {count(either)} in either"
    lines = [f"negatives: {shared}"]
    for sort, flips in found.flips.items():
        if flips["gained"] or flips["lost"]:
            told = (
                f"of {count(flips['items'])} {_BOTH[sort]} {percent(flips['share'])} flip: "
                f"{count(flips['lost'])} are kept in 1 only, {count(flips['gained'])} in 2 only "
                f"(McNemar's p {figure(flips['p'])})"
            )
            lines += textwrap.wrap(told, width - 2, initial_indent="  ", subsequent_indent="    ")
    for number, other, name in ((1, 2, "only_first"), (2, 1, "only_second")):
        fates = ", ".join(f"{count(rows)} {fate}" for fate, rows in found.fates[name].items())
        told = f"only in {number}: {count(counts[name])}"
        told += f"; in {other} they are: {fates}" if fates else ""
        lines += textwrap.wrap(told, width - 2, initial_indent="  ", subsequent_indent="    ")
        for example in found.examples[name]:
            lines += _example(example, width)
    return lines


def _example(example: Mapping[str, Any], width: int) -> Iterator[str]:
    """A pair of only one run: the query, and what became of the document in the other run."""
    room = max(20, width - 12)
    known = []
    if example["p_relevant"] is not None:
        known.append(f"p {figure(example['p_relevant'])}")
    if example["hardness"] is not None:
        known.append(f"hardness {figure(example['hardness'])}")
    known.append(f"in the other: {example['fate']}")
    yield from textwrap.wrap(
        f"query {called(example['query_id'], example['query'], room)}",
        width,
        initial_indent="    ",
        subsequent_indent="      ",
    )
    for line in (called(example["doc_id"], example["text"], 2 * room), ", ".join(known)):
        yield from textwrap.wrap(line, width, initial_indent="      ", subsequent_indent="      ")
