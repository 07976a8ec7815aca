"""The table of formats: which module reads which. A module is imported when it is used."""

from __future__ import annotations

import importlib
from typing import Any, Final, Protocol, cast

from negatives.read.address import Address, Format
from negatives.read.findings import Findings
from negatives.schema import Collection

READERS: Final[dict[Format, str]] = {
    "beir": "negatives.read.beir",
    "pairs": "negatives.read.pair_files",
    "trec": "negatives.read.trec",
    "hub": "negatives.read.hub",
    "ir_datasets": "negatives.read.ir",
}


class Reader(Protocol):
    """What every module of a format has."""

    def splits(self, address: Address) -> list[str]:
        """The splits there are, in name order."""
        ...

    def read(self, address: Address, split: str, findings: Findings) -> Collection:
        """The collection of one split, checked."""
        ...


class BesideReader(Protocol):
    """What the modules of formats have whose ids another collection may know."""

    def read_beside(
        self, address: Address, split: str, findings: Findings, known: Collection | None
    ) -> Collection:
        """The collection of one split, its ids those of `known`."""
        ...


BESIDE: Final[frozenset[Format]] = frozenset(("pairs", "hub"))
"""The formats of which that is so."""


def beside(address: Address) -> BesideReader:
    """The reader of an address's format, for files whose ids another collection knows."""
    return cast(BesideReader, importlib.import_module(READERS[address.format]))


def reader(address: Address) -> Reader:
    """The reader of an address's format."""
    module: Any = importlib.import_module(READERS[address.format])
    return cast(Reader, module)
