"""Taking an encoder's specification apart: what it names, and the options after its `?`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from negatives.errors import RecipeError, nearest

Options = Mapping[str, str]

_FLAG: Final = ""
_LARGEST: Final = 1_000_000
"""What an option may be that has no bound of its own; no clock or pool takes much more."""
_LONGEST_NAME: Final = 200
"""Characters; the hub takes 96 for each of owner and name."""


def split_options(
    spec: str, flags: Collection[str] = (), values: Collection[str] = ()
) -> tuple[str, Options]:
    """`NAME?FLAG&KEY=VALUE` as `NAME` and its options, those of `flags` with an empty value.

    Raises `RecipeError` for an option that is neither in `flags` nor in `values`, that comes
    twice, that is a flag and has a value, or is none and lacks it.
    """
    name, _, written = spec.partition("?")
    options: dict[str, str] = {}
    for option in filter(None, written.split("&")):
        key, equals, value = option.partition("=")
        if key not in {*flags, *values}:
            raise _refused(spec, f"there is no option {key!r}", nearest(key, [*flags, *values]))
        if key in options:
            raise _refused(spec, f"the option {key!r} comes twice", "leave one out")
        if key in flags and equals:
            raise _refused(spec, f"the option {key!r} takes no value", f"write only {key}")
        if key in values and not value:
            raise _refused(spec, f"the option {key!r} has no value", f"write {key}=VALUE")
        options[key] = value or _FLAG
    return name, options


def names_nothing(spec: str) -> bool:
    """Whether `spec` is a path at which nothing is.

    A hub name is NAME or OWNER/NAME; anything else is a path. So is a name of a length, or with a
    character, that neither can have.
    """
    is_path = spec.startswith((".", "/", "~")) or "\\" in spec or spec.count("/") > 1
    try:
        return not Path(spec).exists() and (is_path or len(spec) > _LONGEST_NAME)
    except (OSError, ValueError):  # too long for a path, or with a null byte
        return True


def whole_number(
    options: Options, key: str, otherwise: int, spec: str, most: int = _LARGEST
) -> int:
    """The number from 1 to `most` that an option holds, or `otherwise`."""
    value = options.get(key)
    if value is None:
        return otherwise
    if not value.isascii() or not value.isdigit() or not value.strip("0"):
        raise _refused(spec, f"{key}={value} is no positive number", f"write {key}=8, for example")
    digits = value.lstrip("0")
    # Python reads no number of thousands of digits, so the length is looked at first.
    if len(digits) > len(str(most)) or int(digits) > most:
        raise _refused(spec, f"{key} is above {most:,}", f"write {key}=8, for example")
    return int(digits)


def _refused(spec: str, what: str, fix: str) -> RecipeError:
    return RecipeError(what, where=f"the encoder {spec!r}", fix=fix)
