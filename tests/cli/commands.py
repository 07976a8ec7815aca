"""A command of the tool, carried out in this process: starting one for each would take longer."""

from __future__ import annotations

import contextlib
import io
import subprocess
from pathlib import Path

from negatives.cli import main


def negatives(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Its exit code and what it says, as if it had been a process started in `cwd`."""
    words = [str(each) for each in arguments]
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(cwd or Path.cwd()),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main(words)
        except SystemExit as end:
            code = end.code
    assert isinstance(code, int)
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())
