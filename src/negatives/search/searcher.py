"""A search opened on documents: exact by whatever multiplies fastest here, or an approximation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from negatives.arrays import Floats, Rows
from negatives.machine import Machine
from negatives.search.backends import choose_backend
from negatives.search.exact import top_k
from negatives.search.excluded import Excluded


class Searcher(Protocol):
    """What finds the documents nearest to queries."""

    def search(self, queries: Floats, k: int, excluded: Excluded) -> tuple[Rows, Floats]:
        """(uint32[q, k'], float32[q, k']), best first; a short row ends in `NO_DOC` at -inf."""
        ...


@dataclass(frozen=True, slots=True)
class ExactSearch:
    """`top_k` by the backend that suits each search, in half the memory; `note` hears which."""

    docs: Floats
    banned: Rows
    machine: Machine
    note: Callable[[Any], None]

    def search(self, queries: Floats, k: int, excluded: Excluded) -> tuple[Rows, Floats]:
        """See `top_k`."""
        operations, wanted = 2.0 * queries.size * len(self.docs), k / max(1, len(self.docs))
        backend = choose_backend(self.machine.device, operations, wanted, self.machine.threads)
        self.note({"exact": True, "backend": backend.name})
        return top_k(
            queries,
            self.docs,
            k,
            banned=self.banned,
            excluded=excluded,
            backend=backend,
            memory=self.machine.memory // 2,
        )
