"""Protocols of evaluation: what is judged, and what a query may find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from negatives.events import Emit
from negatives.measure.barred import Bar, SameId, SameText
from negatives.measure.elsewhere import WithoutKnown
from negatives.schema import Collection

Known = Literal["leave-out", "keep"]
"""What becomes of documents that another split says are relevant: not ranked, or ranked."""


class Setting(Protocol):
    """A protocol of evaluation: what is judged, and what may be found. See `InTime`, `Like`."""

    def apply(self, collection: Collection, emit: Emit) -> tuple[Collection, Bar]:
        """The collection as this protocol judges it, and documents that queries may not find."""


@dataclass(frozen=True, slots=True)
class WithoutSelf:
    """A protocol: no query finds the document of its own id (as ArguAna's and Quora's would)."""

    def apply(self, collection: Collection, emit: Emit) -> tuple[Collection, Bar]:
        """The collection as it is."""
        return collection, SameId.of(collection)


@dataclass(frozen=True, slots=True)
class WithoutCopies:
    """A protocol: no query finds a document of its own text, unless that is judged relevant to it.

    As `mine` has it, which takes none for a negative; where documents go by their ids, none is one.
    """

    def apply(self, collection: Collection, emit: Emit) -> tuple[Collection, Bar]:
        """The collection as it is."""
        return collection, SameText.of(collection)


def with_known(
    protocols: Sequence[Setting], known: Known | None, collection: Collection
) -> list[Setting]:
    """The protocols, and the one that leaves out what is known elsewhere, where it is wanted."""
    said = any(isinstance(protocol, WithoutKnown) for protocol in protocols)
    wanted = known == "leave-out" or (known is None and collection.identity == "id")
    return [*protocols, *([WithoutKnown()] if wanted and not said else [])]
