"""What can be said of a setting: its type as a user writes it, its description, its bounds."""

from __future__ import annotations

import json
import math
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

LARGEST_WHOLE = 2**31 - 1
LARGEST = 1e12

Named = Literal["file", "model"]
"""What the text of a setting may name."""
_NAMES = "names"
FileName = Annotated[str, msgspec.Meta(extra={_NAMES: "file"})]
"""The type of a setting that names a file, or of each that a list or the values of a table name."""
ModelName = Annotated[str, msgspec.Meta(extra={_NAMES: "model"})]
"""The same of a model: its folder or file on this machine, or a name or an address elsewhere."""


def every(value: Any, holds: Callable[[Any], bool]) -> bool:
    """Whether something holds for every number, text and truth value in a plain value."""
    if isinstance(value, Mapping):
        return all(every(inner, holds) for inner in value.values())
    if isinstance(value, list | tuple):
        return all(every(inner, holds) for inner in value)
    return holds(value)


def without_numpy(value: Any) -> Any:
    """Numbers and arrays of numpy, also inside lists and tables, as Python's own; else as it is.

    >>> import numpy as np
    >>> without_numpy({"top": np.int64(50), "edges": np.array([10, 30])})
    {'top': 50, 'edges': [10, 30]}
    """
    if isinstance(value, Mapping):
        return {key: without_numpy(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_numpy(inner) for inner in value]
    return value.tolist() if hasattr(value, "tolist") else value


def finite(value: Any) -> bool:
    """Whether JSON could hold it."""
    return not isinstance(value, float) or math.isfinite(value)


def computable(value: Any) -> bool:
    """Whether the libraries beneath take a number of its size."""
    if isinstance(value, int):
        return abs(value) <= LARGEST_WHOLE
    return not isinstance(value, float) or abs(value) <= LARGEST


def names(kind: Named, typed: Any) -> bool:
    """Whether the texts of a type name files, or models.

    >>> names("file", dict[str, FileName]), names("file", str)
    (True, False)
    """
    marks = [getattr(meta, "extra", None) or {} for meta in getattr(typed, "__metadata__", ())]
    return any(mark.get(_NAMES) == kind for mark in marks) or any(
        names(kind, inner) for inner in get_args(typed)
    )


def is_text(typed: Any) -> bool:
    """Whether a type is `str`, whatever is said of it besides."""
    return typed is str or (get_origin(typed) is Annotated and is_text(get_args(typed)[0]))


def texts(value: Any) -> Iterator[str]:
    """The texts in a plain value that are not empty."""
    if isinstance(value, str) and value:
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from texts(each)


def about(field: msgspec.structs.FieldInfo) -> str:
    """A setting in one line: its name, its type, what it is."""
    found = describe_field(field)
    return f"{field.name}: {found['type']}, {found['description']}"


def required(fields: Iterable[msgspec.structs.FieldInfo]) -> str:
    """Those of the settings that have no default, in one line."""
    return "; ".join(about(field) for field in fields if describe_field(field)["required"])


def describe_field(field: msgspec.structs.FieldInfo) -> dict[str, Any]:
    """Name, type, default and one-line description of a stage's field, for docs and messages."""
    description, inner = "", field.type
    for meta in getattr(field.type, "__metadata__", ()):
        if isinstance(meta, msgspec.Meta) and meta.description:
            description = meta.description
    inner = getattr(field.type, "__origin__", field.type) if description else inner
    default = field.default
    if default is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT:
        default = field.default_factory()
    return {
        "name": field.name,
        "type": _type_name(inner),
        "default": None if default is msgspec.NODEFAULT else default,
        "required": default is msgspec.NODEFAULT,
        "description": description,
    }


def _type_name(kind: Any) -> str:
    """A type as a user would write its values: `int`, `list[str]`, `"cosine" | "dot"`."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return " | ".join(json.dumps(value) for value in inner)
    if origin is Annotated:
        return _type_name(inner[0])
    if origin in (Union, types.UnionType):
        return " | ".join(_type_name(each) for each in inner)
    name = getattr(origin or kind, "__name__", str(kind))
    return f"{name}[{', '.join(_type_name(each) for each in inner)}]" if inner else name
