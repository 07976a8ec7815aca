"""Pair files and mined files: one file, several named by a pattern, or a folder of them.

Which files are of one split: `split_files.py`. What is in a file: the package `mined`. How rows
become a collection: `pairs.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from negatives.errors import DataError
from negatives.read.address import Address
from negatives.read.by_id import collected_by_id
from negatives.read.edges import collected_edges, holds_edges, unnamed_edges
from negatives.read.file_options import AS_NAMED, FileOptions
from negatives.read.findings import Findings
from negatives.read.item_names import holds_names, with_names
from negatives.read.mined.layout import INTERACTIONS
from negatives.read.mined.rows import MinedFile, mined_file
from negatives.read.pairs import PairTable
from negatives.read.split_files import files_by_split, names_a_split
from negatives.schema import Collection


def splits(address: Address) -> list[str]:
    """The splits that the names of the files tell."""
    return sorted(files_by_split(address.path))


def read(
    address: Address,
    split: str,
    findings: Findings,
    known: Collection | None = None,
    options: FileOptions = AS_NAMED,
) -> Collection:
    """The collection of all files of one split, their ids those of `known`."""
    by_split = files_by_split(address.path)
    paths, names = _apart(by_split[split], address)
    named = [path for path in paths if names_a_split(path)] or paths
    if address.by_id and options == AS_NAMED and holds_edges(named[0]):
        made = collected_edges(
            address.name, split, named, _of_other_splits(by_split, split), findings
        )
        return with_names(made, names[0], findings) if names else made
    try:
        first = mined_file(named[0], known, options)
    except DataError as error:
        raise (unnamed_edges(named[0]) if address.by_id else None) or error from None
    if not (address.by_id or (first.layout.name == INTERACTIONS and known is None)):
        files = [mined_file(path, known, options) for path in paths]
        return collected(address.name, split, files, findings)[0]
    if len(named) < len(paths):
        left = [path.name for path in paths if path not in named]
        findings.note(f"not read, for it is of no split: {', '.join(left)}", "", 1)
    others = _of_other_splits(by_split, split)
    of_split, *of_others = (
        [mined_file(path, options=options) for path in some] for some in (named, *others.values())
    )
    there = dict(zip(others, of_others, strict=True))
    made = collected_by_id(address.name, split, of_split, there, findings)
    return with_names(made, names[0], findings) if names else made


def goes_by_id(address: Address, options: FileOptions) -> bool:
    """Whether the files hold ids alone: interactions, or what `ids:` stands before."""
    if address.by_id or not address.path.exists():
        return address.by_id
    first = next(iter(files_by_split(address.path).values()))[0]
    return mined_file(first, options=options).layout.name == INTERACTIONS


def _apart(paths: list[Path], address: Address) -> tuple[list[Path], list[Path]]:
    """Files of rows, and files of the names of items beside rows that have none."""
    names = [path for path in paths if holds_names(path)] if paths[1:] else []
    rows = [path for path in paths if path not in names]
    if not names or not rows:
        return paths, []
    if not address.by_id and mined_file(rows[0]).layout.name != INTERACTIONS:
        return paths, []
    return rows, names


def _of_other_splits(by_split: Mapping[str, list[Path]], split: str) -> dict[str, list[Path]]:
    """The files of each other split, which are those that its name begins."""
    named = {
        other: [path for path in there if names_a_split(path)]
        for other, there in by_split.items()
        if other != split
    }
    return {other: there for other, there in named.items() if there}


def collected(
    name: str, split: str, files: list[MinedFile], findings: Findings
) -> tuple[Collection, pl.DataFrame]:
    """The collection of some files, and their negatives in order: query_id, doc_id."""
    pairs = PairTable(findings, files[0].known)
    for file in files:
        pairs.read(file)
    return pairs.collection(name, split)
