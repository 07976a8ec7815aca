"""The table of formats: which module reads which."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from negatives.read import beir, hub, ir, pair_files, trec
from negatives.read.address import Address, Format
from negatives.read.findings import Findings
from negatives.schema import Collection


class Reader(Protocol):
    """What every module of a format has."""

    def splits(self, address: Address) -> list[str]:
        """The splits there are, in name order."""

    def read(self, address: Address, split: str, findings: Findings) -> Collection:
        """The collection of one split, checked."""


READERS: Final[dict[Format, Reader]] = {
    "beir": beir,
    "pairs": pair_files,
    "trec": trec,
    "hub": hub,
    "ir_datasets": ir,
}
BESIDE: Final[dict[Format, Callable[..., Collection]]] = {"pairs": pair_files.read, "hub": hub.read}
"""How formats are read whose ids another collection may know: it is named last."""
