"""JSON objects that name a key twice: of the two values nobody can say which is meant."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any


class RepeatedKeys:
    """Looks for keys that an object of a JSON lines file has twice; keys inside values are free."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)
        written = (json.dumps(name, ensure_ascii=False)[1:-1].encode() for name in self._names)
        self._keys = re.compile(rb'"(%s)"\s*:' % b"|".join(map(re.escape, written)))

    def may_be_in(self, block: bytes, lines: int) -> bool:
        """Whether some key is written more often than there are lines; few blocks are like that.

        All keys are counted in one pass, for a pass over the bytes costs as much as decoding them.
        """
        return any(count > lines for count in Counter(self._keys.findall(block)).values())

    def of(self, line: bytes) -> str | None:
        """The first key that the object in a line of sound JSON has twice, if any."""
        again: list[str] = []

        def note(pairs: list[tuple[str, Any]]) -> None:
            counts = Counter(key for key, _ in pairs)
            again[:] = [key for key in counts if counts[key] > 1 and key in self._names]

        json.loads(line, object_pairs_hook=note)  # the outermost object is the last to be noted
        return again[0] if again else None
