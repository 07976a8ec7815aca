"""The table of formats: which module reads which."""

from __future__ import annotations

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


class BesideReader(Protocol):
    """What the modules of formats have whose ids another collection may know."""

    def read(
        self, address: Address, split: str, findings: Findings, known: Collection | None = None
    ) -> Collection:
        """The collection of one split, its ids those of `known`."""


READERS: Final[dict[Format, Reader]] = {
    "beir": beir,
    "pairs": pair_files,
    "trec": trec,
    "hub": hub,
    "ir_datasets": ir,
}
BESIDE: Final[dict[Format, BesideReader]] = {"pairs": pair_files, "hub": hub}
