"""Options and arguments that several commands have, each with its help said once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

Flag = Annotated[bool, Parameter(negative="", show_default=False)]
"""Given or not: no --no- form, and nothing said of its default."""
Quiet = Annotated[
    bool,
    Parameter(name=("--quiet", "-q"), negative="", show_default=False, help="Show no progress."),
]
RunFolder = Annotated[Path, Parameter(help="A finished run directory.")]
Out = Annotated[Path, Parameter(name=["--out", "-o"])]
Changes = Annotated[list[str] | None, Parameter(name="--set", negative="")]
Corpus = Annotated[
    str | None,
    Parameter(help="What has the texts, where DATA is a file of ids: a collection in any form."),
]
QuarantineFile = Annotated[
    Path | None, Parameter(help="Set bad rows aside in this file instead of stopping at them.")
]


def changes(set_: list[str] | None, options: Mapping[str, object]) -> list[str]:
    """What --set says, and what options say that stand for a setting: path -> value or None."""
    given = {path: value for path, value in options.items() if value is not None}
    return [*(set_ or []), *(f"{path}={value}" for path, value in given.items())]


Form = Literal["table", "label-studio", "argilla"]
"""How pairs to be judged are written."""
