"""Reading DATA in any form: one split of it, checked; which splits there are; what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from negatives.arguments import checked
from negatives.errors import DataError, InputError, MissingExtra, nearest
from negatives.needs import check_needs
from negatives.read.address import BY_ID, REVERSE, Address, parse
from negatives.read.describe import describe
from negatives.read.file_options import AS_NAMED, FileOptions
from negatives.read.findings import Findings
from negatives.read.formats import read_beside, reader
from negatives.read.id_notes import DOCUMENTS, without_negatives
from negatives.read.images import unreadable
from negatives.read.item_names import holds_names, with_names
from negatives.read.known import sides
from negatives.read.memory import is_named, of_parts, read_memory, splits_of
from negatives.read.pair_files import goes_by_id
from negatives.read.quarantine import Quarantine, as_quarantine, finding
from negatives.read.triples import is_graph
from negatives.read.turned import turned
from negatives.schema import CONTENT, Collection, Lost, Needs

DEV: Final = ("dev", "validation", "valid", "val")
"""Names of one thing: where there is one of them, each stands for it."""

Data = Any
"""A path or an address; a collection; or data that is handed over, in a form of `memory.py`."""


@checked
def load(
    data: Data,
    *,
    split: str = "",
    corpus: Data = None,
    queries: Data = None,
    query_column: str = "",
    positive_column: str = "",
    negative_column: str | Sequence[str] = (),
    relevant_from: float | None = None,
    name: str = "",
    quarantine: str | Path | Quarantine | None = None,
    lost: Lost = "refuse",
) -> Collection:
    """Read a collection: a path, `cranfield`, `ir_datasets:NAME` or a hub name; `@SPLIT` last.

    Or data that is handed over: a frame of pandas or polars, a dataset, a list of rows, or
    `{"queries": ..., "corpus": ..., "qrels": ...}`; `split` names one split, as @SPLIT does, and
    `name` what it is called.

    `corpus` names what has the texts of a file of ids, and more documents: a collection in any
    form, a BEIR folder without judgements, or a file or a table of documents; `queries` a file or a
    table of queries. `query_column`, `positive_column` and `negative_column` name columns of pairs
    whose names do not tell it; from `relevant_from` on a score, or a rating, is relevant.

    Raises `DataError` listing the first five offenders with file and row; with `quarantine`, bad
    rows are set aside in that file instead, as JSON lines (file, row, reason, raw content), and
    counted in `notes`. Judgements of documents that the corpus lacks are bad rows; with `lost`
    "count" they stay in `qrels`, to be measured by as not found, and are told in `notes`.
    """
    options = FileOptions.of(query_column, positive_column, negative_column, relevant_from)
    if isinstance(data, Collection):
        _refuse_collection(data, split, corpus, queries, options)
        return data
    aside = as_quarantine(quarantine)
    names = _names_beside(data, corpus, queries, options)
    texts = None if names is not None else corpus
    known = None if texts is None and queries is None else known_texts(texts, queries, aside)
    with finding(aside) as findings:
        findings.count_lost = lost == "count"
        collection = _read(data, split, findings, known, options, name)
        if names is not None:
            collection = with_names(collection, names, findings)
    if known is not None and known.qrels.is_empty():
        collection = replace(collection, notes=(*known.notes, *collection.notes))
    beside = {"corpus": corpus, "queries": queries}
    there = {key: each for key, each in beside.items() if each is not None}
    where = {key: _origin(each) for key, each in there.items()}
    if not is_named(data) or not all(where.values()):
        return collection  # nothing that is handed over can be read again
    return replace(
        collection,
        origin=_absolute(_at(data, split)),
        quarantined=quarantine is not None,
        read_with=where | options.settings(),
    )


def _names_beside(data: Data, corpus: Data, queries: Data, options: FileOptions) -> Path | None:
    """The file of the names of items that `corpus` is, where `data` goes by its ids."""
    if queries is not None or not (is_named(data) and is_named(corpus)):
        return None
    address = parse(data)
    if address.format != "pairs" or not holds_names(Path(corpus)):
        return None
    return Path(corpus) if goes_by_id(address, options) else None


def load_parts(
    queries: Data,
    corpus: Data,
    qrels: Data,
    *,
    name: str = "pairs",
    split: str = "train",
    quarantine: str | Path | Quarantine | None = None,
    lost: Lost = "refuse",
) -> Collection:
    """The collection of queries, corpus and judgements, each a file, a table, or a dictionary."""
    with finding(quarantine) as findings:
        findings.count_lost = lost == "count"
        return of_parts(queries, corpus, qrels, name=name, split=split, findings=findings)


def as_collection(
    data: Data, *, quarantine: str | Path | Quarantine | None = None, lost: Lost = "refuse"
) -> Collection:
    """`data` itself where it is a collection, else what `load` makes of it."""
    return load(data, quarantine=quarantine, lost=lost)


def known_texts(
    corpus: Data, queries: Data = None, quarantine: Quarantine | None = None, lost: Lost = "refuse"
) -> Collection:
    """The texts that `corpus` and `queries` name, as a collection that may lack either.

    `quarantine` and `lost` are as for `load`.
    """
    with finding(quarantine) as findings:
        found = sides(corpus, queries, findings)
    if found is not None:
        return found
    whole = load(corpus, quarantine=quarantine, lost=lost)
    if queries is None:
        return whole
    with finding(quarantine) as findings:
        asked = sides(None, queries, findings)
    return replace(asked, corpus=whole.corpus) if asked is not None else whole


def splits(data: Data) -> list[str]:
    """The names that `@SPLIT` may have, in order; without it train is read, or the only one."""
    if not is_named(data):
        return [data.split] if isinstance(data, Collection) else splits_of(data)
    address = parse(data)
    return reader(address.format).splits(address)


def validate(
    data: Data, *, corpus: Data = None, queries: Data = None, **said: Any
) -> dict[str, Any]:
    """Everything that is wrong with DATA, not only the first thing; plain values.

    `ok`: whether it loads as it is. `problems`: each with kind, what, count, first (up to five
    offenders), fix. Every image is opened, which loading does not do. `description`: what is left
    once the bad rows are set aside, null if nothing.
    `said`: the names of columns, as for `load`.
    """
    findings = Findings(set_aside=True)
    try:
        options = FileOptions.of(**said)
        names = _names_beside(data, corpus, queries, options)
        beside = names is None and (corpus is not None or queries is not None)
        known = known_texts(corpus, queries) if beside else None
        found = _read(data, "", findings, known, options)
        found = found if names is None else with_names(found, names, findings)
        description = describe(found)
    except DataError as error:
        fatal = {"kind": "fatal", "what": error.what, "where": error.where, "fix": error.fix}
        problems = [*findings.problems(), fatal]
        return {"ok": False, "problems": problems, "description": None}
    problems = findings.problems()
    try:
        problems += unreadable(found)
    except MissingExtra as error:
        description["notes"].append(f"no image was opened: {error.what}: {error.fix}")
    return {"ok": not problems, "problems": problems, "description": description}


def _read(
    data: Data,
    split: str,
    findings: Findings,
    known: Collection | None,
    options: FileOptions = AS_NAMED,
    name: str = "",
) -> Collection:
    if known is not None:
        check_needs(known, Needs(docs=("text",)), "a corpus beside a file of ids")
    if not is_named(data):
        called = name or "the data"
        chosen = chosen_split(splits_of(data), split or None, called, called)
        return read_memory(data, chosen, findings, known, options, name)
    address = parse(_at(data, split))
    read, beside = reader(address.format), read_beside(address.format)
    where = str(address.path) if address.path.exists() else address.name
    if beside is None and (known is not None or options != AS_NAMED):
        what = "a corpus goes beside" if known is not None else "columns are said of"
        raise DataError(
            f"{what} a file of pairs or of negatives, and this has its own",
            where=where,
            fix="leave --corpus out, and --queries"
            if known is not None
            else "leave --query-column, --positive-column and the like out",
        )
    fix = "a BEIR folder holds qrels/SPLIT.tsv" if address.format == "beir" else ""
    chosen = chosen_split(read.splits(address), address.split, address.name, where, fix)
    if beside is None:
        found = read.read(address, chosen, findings)
    else:
        found = beside(address, chosen, findings, known, options)
    if address.reverse:
        found = turned(found)
        found = replace(found, notes=(*found.notes, *without_negatives(found, DOCUMENTS)))
    found = replace(found, images=_images_of(found, address))
    return replace(found, name=name) if name else found


def _images_of(found: Collection, address: Address) -> str:
    """The folder where paths of images begin; empty where there are no images."""
    if not (found.has("docs", "image") or found.has("queries", "image")):
        return ""
    path = address.path
    return str((path if path.is_dir() else path.parent).absolute())


def chosen_split(there: list[str], asked: str | None, name: str, where: str, fix: str = "") -> str:
    """The split asked for; or train where there is one, else the only one."""
    if not there:
        raise DataError("there are no judgements", where=where, fix=fix)
    if asked in there:
        return str(asked)
    if asked in DEV and len(same := [each for each in there if each in DEV]) == 1:
        return same[0]
    listed = ", ".join(there)
    if asked is not None:
        near = nearest(asked, there) + (f" (there are {listed})" if there[1:] else "")
        if asked in DEV:
            near += f"; {NEW_SPLIT}"
        raise DataError(f"there is no split {asked!r}", where=where, fix=near)
    if "train" in there or len(there) == 1:
        return "train" if "train" in there else there[0]
    raise DataError(
        f"there are several splits and none is named train: {listed}",
        where=where,
        fix=f"name one at the end, as in {name}@{there[0]}",
    )


NEW_SPLIT: Final = "negatives data split DATA --dev 0.1 -o FOLDER makes a dev split"
"""What there is to do where there is no dev split."""


def new_split(collection: Collection) -> str:
    """The same for a collection: its pairs are parted where a query is an id, or a triple's."""
    by_id = is_graph(collection) or not any(collection.has("queries", each) for each in CONTENT)
    return NEW_SPLIT.replace("--dev", "--by pairs --dev") if by_id else NEW_SPLIT


def _refuse_collection(
    data: Collection, split: str, corpus: Data, queries: Data, options: FileOptions
) -> None:
    """A collection that was read is as it is."""
    if split in ("", data.split) and corpus is None and queries is None and options == AS_NAMED:
        return
    raise InputError(
        "the collection was read already: its split, its corpus and its columns are what they are",
        where=f"collection {data.name!r}",
        fix="say them where it is read, as in Collection.load(path, corpus=...)",
    )


def _at(data: str | Path, split: str) -> str | Path:
    """An address with its split; `DataError` where two are named."""
    if not split:
        return data
    if parse(data).split is not None:
        raise DataError(
            f"two splits are named: {split!r} and that of the address",
            where=str(data),
            fix="name one of them",
        )
    return f"{data}@{split}"


def _origin(data: Data) -> str:
    """What names data, from any folder; empty where nothing does."""
    if isinstance(data, Collection):
        return data.origin if not data.read_with else ""
    return _absolute(data) if is_named(data) else ""


def _absolute(data: str | Path) -> str:
    """What names some data, from any folder."""
    for before in (BY_ID, REVERSE):
        if str(data).startswith(before) and not Path(data).exists():
            return f"{before}{_absolute(str(data).removeprefix(before))}"
    folder = str(data).rpartition("@")[0]
    local = Path(data).exists() or (folder != "" and Path(folder).exists())
    return str(Path(data).absolute() if local else data)
