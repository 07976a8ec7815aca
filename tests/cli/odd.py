"""Odd inputs: a command, the files it finds, and what must hold however it ends.

Whatever the input, a command ends with exit code 0, 1 or 2, raises nothing, says what is wrong and
how to fix it where it refuses, and then leaves its folder as it found it.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from negatives.cli.app import run
from negatives.store.atomic import file_hash
from negatives.store.lock import NAME as LOCK


@dataclass(frozen=True)
class Odd:
    """A command in a folder of its own, which holds `files`.

    `ends`: the exit codes that are right; `says`: words of what is told, in any case.
    """

    name: str
    words: tuple[str, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)
    ends: tuple[int, ...] = (2,)
    says: str = ""


def complaints(odds: Iterable[Odd], folder: Path) -> list[str]:
    """What is wrong with how the commands end, a line each; nothing where all is right."""
    found = []
    for number, odd in enumerate(odds):
        place = folder / f"{number:04d}"
        place.mkdir()
        found += [f"{odd.name}: {wrong}" for wrong in _carried_out(odd, place)]
    return found


def _carried_out(odd: Odd, place: Path) -> list[str]:
    for name, content in odd.files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    before = _tree(place)
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(place),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            code = run(odd.words)
        except BaseException as error:  # the very thing that must not be
            return [f"raised {error!r}"]
    told = out.getvalue() + err.getvalue()
    wrong = []
    if code not in odd.ends:
        wrong.append(f"exit code {code}: {told[-300:]!r}")
    if "Traceback" in told or "not foreseen" in told:
        wrong.append(f"a fault: {told[-400:]!r}")
    if code == 2 and ("error: " not in told and odd.words[:2] != ("data", "validate")):
        wrong.append(f"no message: {told!r}")
    if code == 2 and "fix:" not in told:
        wrong.append(f"no fix: {told!r}")
    if code == 2 and "Warning" in told:
        wrong.append(f"a library warns: {told[-400:]!r}")
    if odd.says.lower() not in told.lower():
        wrong.append(f"does not say {odd.says!r}: {told!r}")
    if code == 2 and (left := _tree(place) - before):
        wrong.append(f"left behind {sorted(left)}")
    if code == 2 and not before <= _tree(place):
        wrong.append("changed or removed what was there")
    return wrong


def _tree(folder: Path) -> set[tuple[str, str]]:
    """Every file below a folder with a hash of its bytes, and every folder; no locks."""
    return {
        (path.relative_to(folder).as_posix(), file_hash(path) if path.is_file() else "")
        for path in folder.rglob("*")
        if path.name != LOCK and _names(path) != [LOCK]
    }


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []
