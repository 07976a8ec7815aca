"""Blocks of ```bash, a line after the other: commands of the tool are carried out in this process.

To start a process for each would take longer than most of them work. What else a page writes is
for bash, as is what follows a command on its line: a pipe, a file to write to.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.cli.commands import negatives

_SPACE = r"(?:[ \t]|\\\n)+"
_WORD = r"(?!#)(?:[^\s|<>&;$`'\"\\(){}*?~]|'[^']*'|\"[^\"$`\\]*\")+"
COMMAND = re.compile(
    rf"^negatives(?P<words>(?:{_SPACE}{_WORD})*?)(?:{_SPACE}(?P<then>[>|].*))?[ \t]*$", re.MULTILINE
)
"""A command in plain words, and where its output goes; any other is carried out by bash."""
TEXT = re.compile(
    r"<<'?(?P<end>\w+)'?\n.*?^(?P=end)$|-c (?P<quote>['\"]).*?(?P=quote)", re.DOTALL | re.MULTILINE
)
"""Lines that are no commands: what a file is written from, a program in quotes."""


def carried_out(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What the lines print, and the exit code of the first that fails; the rest is left out."""
    out, err, ended = "", "", 0
    for part in parts(code):
        done = by_bash(part, folder) if isinstance(part, str) else _command(part, folder)
        out, err, ended = out + done.stdout, err + done.stderr, done.returncode
        if ended:
            break
    return subprocess.CompletedProcess(code, ended, out, err)


def parts(code: str) -> Iterator[str | re.Match[str]]:
    """Lines for bash, and single commands of the tool, in order."""
    texts = [range(*found.span()) for found in TEXT.finditer(code)]
    start = 0
    for found in COMMAND.finditer(code):
        if not any(found.start() in text for text in texts):
            if code[start : found.start()].strip():
                yield code[start : found.start()]
            yield found
            start = found.end()
    if code[start:].strip():
        yield code[start:]


def by_bash(code: str, folder: Path, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """Bash, which finds the tool that is installed here, and stops where a line fails."""
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", code],
        cwd=folder,
        input=given,
        capture_output=True,
        text=True,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )


def _command(found: re.Match[str], folder: Path) -> subprocess.CompletedProcess[str]:
    done = negatives(*_words(found["words"]), cwd=folder)
    if not found["then"]:
        return done
    passed = by_bash(f"cat {found['then']}", folder, done.stdout)
    code = done.returncode or passed.returncode
    return subprocess.CompletedProcess(found[0], code, passed.stdout, done.stderr + passed.stderr)


def _words(text: str) -> list[str]:
    """The words as bash divides them."""
    found = re.findall(_WORD, text.replace("\\\n", " "))
    return [re.sub(r"'([^']*)'|\"([^\"]*)\"", r"\1\2", word) for word in found]
