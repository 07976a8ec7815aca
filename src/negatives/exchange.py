"""Another kind of stage in the place of one: what both can be set to stays as it is set."""

from __future__ import annotations

import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec

from negatives.events import Emit, Warned
from negatives.kinds import kinds
from negatives.settings import describe_field
from negatives.stage import stage_class

_NONE: frozenset[str] = frozenset()


def exchanged(
    section: str,
    settings: Mapping[str, Any],
    kind: str,
    emit: Emit,
    stated: AbstractSet[str] = _NONE,
    said: AbstractSet[str] = _NONE,
) -> dict[str, Any]:
    """The settings of another kind in the place of a stage's.

    `settings` are a stage's, defaults written out. Those that both kinds have, of one name and
    type, are kept where they are not the default or a recipe has `stated` them; a `Warned` event
    names those that are lost. What the user has just `said` is kept in any case, for the new kind
    to take or to refuse. A kind that there is not is left to `build`, too.
    """
    if str(kind) not in kinds(section):
        return {**settings, "kind": kind}
    old = str(settings["kind"])
    before, after = (
        {field.name: describe_field(field) for field in msgspec.structs.fields(cls)}
        for cls in (stage_class(section, old), stage_class(section, kind))
    )
    kept: dict[str, Any] = {"kind": kind}
    lost = []
    for name, value in settings.items():
        if name in said:
            kept[name] = value
        elif name != "kind":
            both = name in after and after[name]["type"] == before[name]["type"]
            changed = value != msgspec.to_builtins(before[name]["default"])
            if both and (changed or name in stated):
                kept[name] = value
            elif changed:
                lost.append(f"{name} = {json.dumps(value)}")
    if lost:
        emit(Warned(f"[{section}] {kind} takes the place of {old}, without {', '.join(lost)}"))
    return kept
