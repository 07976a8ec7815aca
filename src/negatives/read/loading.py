"""Reading DATA in any format: one split of it, checked; which splits there are; what is wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from negatives.errors import DataError, nearest
from negatives.read.address import BY_ID, Address, parse
from negatives.read.describe import describe
from negatives.read.findings import Findings
from negatives.read.formats import read_beside, reader
from negatives.read.known import texts_alone
from negatives.read.quarantine import Quarantine, finding
from negatives.schema import Collection, Lost, Needs, check_needs

DEV: Final = ("dev", "validation", "valid", "val")
"""Names of one thing: where there is one of them, each stands for it."""


def load(
    data: str | Path,
    *,
    quarantine: str | Path | Quarantine | None = None,
    lost: Lost = "refuse",
    corpus: str | Path | Collection | None = None,
) -> Collection:
    """Read a collection: a path, `cranfield`, `ir_datasets:NAME` or a hub name; `@SPLIT` last.

    `corpus` names what has the texts of a file of ids, and more documents: a collection in any
    form, a BEIR folder without judgements, or a file of documents.

    Raises `DataError` listing the first five offenders with file and row; with `quarantine`, bad
    rows are set aside in that file instead, as JSON lines (file, row, reason, raw content), and
    counted in `notes`. Judgements of documents that the corpus lacks are bad rows; with `lost`
    "count" they stay in `qrels`, to be measured by as not found, and are told in `notes`.
    """
    address = parse(data)
    known = None if corpus is None else known_texts(corpus)
    with finding(quarantine) as findings:
        findings.count_lost = lost == "count"
        collection = _read(address, findings, known)
    return replace(
        collection,
        origin=_absolute(data),
        quarantined=quarantine is not None,
        beside=corpus.origin if isinstance(corpus, Collection) else _absolute(corpus),
    )


def as_collection(
    data: str | Path | Collection,
    *,
    quarantine: str | Path | Quarantine | None = None,
    lost: Lost = "refuse",
) -> Collection:
    """`data` itself where it is a collection, else what `load` makes of it."""
    if isinstance(data, Collection):
        return data
    return load(data, quarantine=quarantine, lost=lost)


def known_texts(
    corpus: str | Path | Collection, *, quarantine: Quarantine | None = None, lost: Lost = "refuse"
) -> Collection:
    """The texts that `corpus` names, as a collection that may lack queries and judgements.

    `quarantine` and `lost` are as for `load`.
    """
    if isinstance(corpus, Collection):
        return corpus
    return texts_alone(Path(corpus)) or load(corpus, quarantine=quarantine, lost=lost)


def splits(data: str | Path) -> list[str]:
    """The names that `@SPLIT` may have, in order; without it train is read, or the only one."""
    address = parse(data)
    return reader(address.format).splits(address)


def validate(data: str | Path, *, corpus: str | Path | Collection | None = None) -> dict[str, Any]:
    """Everything that is wrong with DATA, not only the first thing; plain values.

    `ok`: whether it loads as it is. `problems`: each with kind, what, count, first (up to five
    offenders), fix. `description`: what is left once the bad rows are set aside, null if nothing.
    """
    findings = Findings(set_aside=True)
    try:
        known = None if corpus is None else known_texts(corpus)
        description = describe(_read(parse(data), findings, known))
    except DataError as error:
        fatal = {"kind": "fatal", "what": error.what, "where": error.where, "fix": error.fix}
        problems = [*findings.problems(), fatal]
        return {"ok": False, "problems": problems, "description": None}
    problems = findings.problems()
    return {"ok": not problems, "problems": problems, "description": description}


def _read(address: Address, findings: Findings, known: Collection | None) -> Collection:
    read, beside = reader(address.format), read_beside(address.format)
    if known is not None and beside is None:
        raise DataError(
            "a corpus goes beside a file of pairs or of negatives, and this has its own",
            where=str(address.path) if address.path.exists() else address.name,
            fix="leave --corpus out",
        )
    split = _chosen(read.splits(address), address)
    if known is not None and beside is not None:
        check_needs(known, Needs(docs=("text",)), "a corpus beside a file of ids")
        return beside(address, split, findings, known)
    return read.read(address, split, findings)


def _chosen(there: list[str], address: Address) -> str:
    """The split asked for; or train where there is one, else the only one."""
    where = str(address.path) if address.path.exists() else address.name
    if not there:
        fix = "a BEIR folder holds qrels/SPLIT.tsv" if address.format == "beir" else ""
        raise DataError("there are no judgements", where=where, fix=fix)
    if address.split in there:
        return str(address.split)
    if address.split in DEV and len(same := [name for name in there if name in DEV]) == 1:
        return same[0]
    listed = ", ".join(there)
    if address.split is not None:
        fix = f"{nearest(address.split, there)}" + (f" (there are {listed})" if there[1:] else "")
        raise DataError(f"there is no split {address.split!r}", where=where, fix=fix)
    if "train" in there or len(there) == 1:
        return "train" if "train" in there else there[0]
    raise DataError(
        f"there are several splits and none is named train: {listed}",
        where=where,
        fix=f"name one at the end, as in {address.name}@{there[0]}",
    )


def _absolute(data: str | Path | None) -> str:
    """What names some data, from any folder."""
    if data is None:
        return ""
    if str(data).startswith(BY_ID) and not Path(data).exists():
        return f"{BY_ID}{_absolute(str(data).removeprefix(BY_ID))}"
    folder = str(data).rpartition("@")[0]
    local = Path(data).exists() or (folder != "" and Path(folder).exists())
    return str(Path(data).absolute() if local else data)
