"""Pictures as SVG text, mark by mark; whatever stands in a mark is escaped."""

from __future__ import annotations

from markupsafe import Markup


def mark(name: str, *inside: str, **attributes: object) -> Markup:
    """An element with its attributes in the order given, written with _ for -: `class_`."""
    words = [name]
    for key, value in attributes.items():
        words.append(Markup('{}="{}"').format(key.rstrip("_").replace("_", "-"), value))
    opened = Markup(" ").join(words)
    if not inside:
        return Markup("<{}/>").format(opened)
    return Markup("<{}>{}</{}>").format(opened, Markup("").join(inside), name)
