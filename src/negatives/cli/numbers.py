"""How the numbers of options are read: as they are written, or not at all.

The parser beneath rounds 2.6 to 3 where a whole number is asked for, takes `none` for an option
that is not given, and reads 0x10 and 1_000. Each would be another run than the one asked for,
without a word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import NoneType
from typing import Any, Final, get_args

import cyclopts
from cyclopts import Token

_WHOLE: Final = re.compile(r"[+-]?[0-9]+")
_NUMBER: Final = re.compile(
    r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|[+-]?(inf|infinity)|nan", re.IGNORECASE
)
_NAMED: Final = {int: ("a whole number", _WHOLE), float: ("a number", _NUMBER)}
_MOST_DIGITS: Final = 4000
"""Python reads no longer ones."""


def as_written(kind: Any, tokens: Sequence[Token]) -> Any:
    """The value of an option of this type; `ValueError` where a number is not written as one."""
    asked = [each for each in get_args(kind) or (kind,) if each is not NoneType]
    if asked not in ([int], [float]):
        return cyclopts.convert(kind, tokens)
    (number,), (token,) = asked, tokens
    what, form = _NAMED[number]
    if not form.fullmatch(token.value) or len(token.value) > _MOST_DIGITS:
        raise ValueError(f"{token.value!r} is not {what}")
    return number(token.value) + number(0)  # -0.0 is nought, and nobody is told of another
