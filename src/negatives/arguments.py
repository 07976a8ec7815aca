"""Arguments of a type that a function cannot take, refused by name before any work.

Only annotations of plain types are looked at: texts, paths, numbers, True and False, None. What
else a function takes it looks at itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache, wraps
from inspect import Parameter, signature
from numbers import Integral, Real
from typing import Any, Final, ParamSpec, TypeVar

from negatives.errors import InputError

P = ParamSpec("P")
R = TypeVar("R")

_TYPES: Final[Mapping[str, tuple[type, str]]] = {
    "str": (str, "a text"),
    "Path": (os.PathLike, "a path"),
    "int": (Integral, "a whole number"),
    "float": (Real, "a number"),
    "bool": (bool, "True or False"),
    "None": (type(None), "None"),
    "Sequence[str]": (Sequence, "a list of texts"),
    "Mapping[str, Any]": (Mapping, "a dictionary"),
    "Emit": (Callable, "a function of an event"),  # type: ignore[dict-item]
}


def checked(verb: Callable[P, R]) -> Callable[P, R]:
    """`verb`, which refuses arguments of another type than it says.

    >>> from negatives.arguments import checked
    >>> @checked
    ... def half(number: float) -> float:
    ...     return number / 2
    >>> half(number="3")
    Traceback (most recent call last):
        ...
    negatives.errors.InputError: number cannot be '3'
      where: half()
      fix:   give a number
    """

    @wraps(verb)
    def call(*args: P.args, **options: P.kwargs) -> R:
        check_arguments(verb, args, options)
        return verb(*args, **options)

    return call


def check_arguments(
    verb: Callable[..., Any], args: Sequence[Any], options: Mapping[str, Any]
) -> None:
    """Raise `InputError` where an argument of plain type is of another one."""
    named = _named(verb)
    given = [*zip(named, args, strict=False), *options.items()]
    for name, value in given:
        kinds = named.get(name) or ()
        if not kinds or any(_is(value, kind) for kind in kinds):
            continue
        said = [_TYPES[kind][1] for kind in kinds]
        listed = " or ".join(filter(None, (", ".join(said[:-1]), said[-1])))
        raise InputError(
            f"{name} cannot be {value!r:.60}", where=f"{verb.__name__}()", fix=f"give {listed}"
        )


def _is(value: object, kind: str) -> bool:
    if kind == "Sequence[str]" and isinstance(value, Sequence):
        return not isinstance(value, str) and all(isinstance(each, str) for each in value)
    if kind == "bool" and type(value).__name__ in ("bool", "bool_"):  # also numpy's
        return True
    return isinstance(value, _TYPES[kind][0])


@cache
def _named(verb: Callable[..., Any]) -> dict[str, tuple[str, ...]]:
    """Parameter -> its types, in order; none where one of them is not plain."""
    found = {}
    for name, parameter in signature(verb).parameters.items():
        if parameter.kind is Parameter.VAR_POSITIONAL:
            break
        kinds = tuple(str(parameter.annotation).split(" | "))
        found[name] = kinds if {*kinds} <= {*_TYPES} else ()
    return found
