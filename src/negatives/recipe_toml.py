"""Settings as lines of TOML, each with its description beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from negatives.settings import describe_field
from negatives.stage import Stage, fields_of


def stage_lines(stage: Stage) -> list[str]:
    """The settings of a stage, a line each, below the name of its section."""
    lines = [line("kind", stage.kind, (type(stage).__doc__ or "").split("\n")[0])]
    for setting in fields_of(type(stage)):
        about = describe_field(setting)["description"]
        lines.append(line(setting.name, msgspec.to_builtins(getattr(stage, setting.name)), about))
    return lines


def line(key: str, value: Any, about: str) -> str:
    """One setting, with what it is about where that is said.

    >>> line("top", 100, "candidates per query")
    'top = 100  # candidates per query'
    """
    return f"{key} = {_value(value)}" + (f"  # {about}" if about else "")


def _value(value: Any) -> str:
    """A TOML value. JSON's strings, integers, floats and booleans are TOML's too."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_value(str(key))} = {_value(item)}" for key, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value)}]"
    if isinstance(value, float):
        return repr(value)
    # TOML forbids a bare DEL in a string, JSON does not escape it.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
