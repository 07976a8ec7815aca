"""Taking an encoder's specification apart: what it names, and the options after its `?`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from negatives.errors import RecipeError, nearest

Options = Mapping[str, str]

_FLAG: Final = ""


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


def whole_number(options: Options, key: str, otherwise: int, spec: str) -> int:
    """The positive number that an option holds, or `otherwise`."""
    value = options.get(key)
    if value is None:
        return otherwise
    if not value.isascii() or not value.isdigit() or int(value) < 1:
        raise _refused(spec, f"{key}={value} is no positive number", f"write {key}=8, for example")
    return int(value)


def _refused(spec: str, what: str, mend: str) -> RecipeError:
    return RecipeError(what, where=f"the encoder {spec!r}", mend=mend)
