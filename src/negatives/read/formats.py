"""Which module reads which format; it is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from negatives.read.address import Address, Format
from negatives.read.findings import Findings
from negatives.schema import Collection


class Reader(Protocol):
    """What every module of a format has."""

    def splits(self, address: Address) -> list[str]:
        """The splits there are, in name order."""

    def read(self, address: Address, split: str, findings: Findings) -> Collection:
        """The collection of one split, checked."""


def reader(named: Format) -> Reader:
    """The module that reads a format."""
    match named:
        case "beir":
            from negatives.read import beir

            return beir
        case "pairs":
            from negatives.read import pair_files

            return pair_files
        case "parts":
            from negatives.read import parts

            return parts
        case "captioned":
            from negatives.read.captioned import folder as captioned

            return captioned
        case "labelled":
            from negatives.read.labelled import folder as labelled

            return labelled
        case "series":
            from negatives.read.series import folder as series

            return series
        case "triples":
            from negatives.read import triples

            return triples
        case "responses":
            from negatives.read.responses import folder as responses

            return responses
        case "trec":
            from negatives.read import trec

            return trec
        case "hub":
            from negatives.read import hub

            return hub
        case "ir_datasets":
            from negatives.read import ir

            return ir


def read_beside(named: Format) -> Callable[..., Collection] | None:
    """How a format is read whose ids another collection, named last, may know; None of others."""
    match named:
        case "pairs":
            from negatives.read import pair_files

            return pair_files.read
        case "hub":
            from negatives.read import hub

            return hub.read
        case _:
            return None
