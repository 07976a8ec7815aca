"""Datasets of Hugging Face: saved by `save_to_disk`, in a folder with configs, or on the hub.

OWNER/NAME:CONFIG names a config where there are several. A dataset with the configs corpus and
queries is read as BEIR's (judgements in its config qrels or default, or in the dataset
OWNER/NAME-qrels); every other one as pairs, as a file of pairs. Nothing a dataset
brings is ever executed: the library asks for no dataset script and never unpickles.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import polars as pl

from negatives.errors import DataError, nearest
from negatives.faults import raise_spent
from negatives.optional import require
from negatives.read.address import Address
from negatives.read.beir import text_fields, with_titles
from negatives.read.by_id import collected_by_id
from negatives.read.class_labels import graded
from negatives.read.findings import Findings
from negatives.read.frames import from_frame, with_whole_relevance
from negatives.read.gathered import Tables, gather
from negatives.read.jsonl import Field, Kind
from negatives.read.mined.layout import INTERACTIONS
from negatives.read.mined.rows import understood
from negatives.read.mined.source import tables
from negatives.read.pair_files import collected
from negatives.read.qrels import BEIR, SCHEMA, named
from negatives.schema import Collection

BATCH: Final = 50_000
QRELS: Final[dict[str, Kind]] = {"query_id": "id", "doc_id": "id", "relevance": "number"}


def splits(address: Address) -> list[str]:
    """The splits of the pairs, or of the judgements."""
    with _datasets(address) as datasets:
        if _is_saved(address):
            return sorted(_saved(datasets, address))
        target, config = _target(datasets, address)
        if config == "corpus":
            target, config = _judgements(datasets, target)
        return sorted(datasets.get_dataset_split_names(target, config))


def read(address: Address, split: str, findings: Findings) -> Collection:
    """The collection of one split."""
    return read_beside(address, split, findings, None)


def read_beside(
    address: Address, split: str, findings: Findings, known: Collection | None
) -> Collection:
    """The collection of one split; ids of a dataset of pairs are those of `known`."""
    with _datasets(address) as datasets:
        if _is_saved(address):
            return _read_pairs(_saved(datasets, address)[split], address, split, findings, known)
        target, config = _target(datasets, address)
        if config != "corpus":
            pairs = datasets.load_dataset(target, config, split=split)
            return _read_pairs(pairs, address, split, findings, known)
        qrels_target, qrels_config = _judgements(datasets, target)
        qrels = datasets.load_dataset(qrels_target, qrels_config, split=split)
        tables = Tables(
            corpus=_texts(_only(datasets, target, "corpus", split), "doc_id", address, findings),
            queries=_texts(
                _only(datasets, target, "queries", split), "query_id", address, findings
            ),
            qrels=_qrels(qrels, f"{address.name} (judgements)", findings),
        )
        findings.done()
        return gather(address.name, split, tables, findings)


@contextmanager
def _datasets(address: Address) -> Iterator[Any]:
    """The library, its progress bars off; all its ways of failing become one `DataError`."""
    datasets = require("datasets", extra="hub")
    bars = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        yield datasets
    except DataError:
        raise
    except Exception as error:  # the library raises its own, the hub's, Arrow's and the system's
        raise_spent(error)
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DataError(
            f"the dataset cannot be read: {reason}",
            where=address.name,
            mend="check the name and the connection; a file or folder here would be read instead",
        ) from None
    finally:
        if not bars:
            datasets.enable_progress_bars()


def _is_saved(address: Address) -> bool:
    names = ("dataset_info.json", "dataset_dict.json")
    return any((address.path / name).is_file() for name in names)


def _saved(datasets: Any, address: Address) -> dict[str, Any]:
    loaded = datasets.load_from_disk(str(address.path))
    return dict(loaded) if isinstance(loaded, dict) else {"train": loaded}


def _target(datasets: Any, address: Address) -> tuple[str, str]:
    """What to load and the config of its pairs; `corpus` where it is BEIR's."""
    name, _, asked = address.name.partition(":")
    target = str(address.path) if address.path.is_dir() else name
    configs: list[str] = datasets.get_dataset_config_names(target)
    if asked:
        if asked not in configs:
            raise DataError(f"no config {asked!r}", where=name, mend=nearest(asked, configs))
        return target, asked
    if {"corpus", "queries"} <= set(configs):
        return target, "corpus"
    if len(configs) == 1 or "default" in configs:
        return target, "default" if "default" in configs else configs[0]
    raise DataError(
        f"the dataset has several configs: {', '.join(configs)}",
        where=name,
        mend=f"name one, as in {name}:{configs[0]}",
    )


def _judgements(datasets: Any, target: str) -> tuple[str, str]:
    """Where the judgements of a BEIR-like dataset are: dataset and config."""
    configs = datasets.get_dataset_config_names(target)
    for config in ("qrels", "default"):
        if config in configs:
            return target, config
    return f"{target}-qrels", "default"


def _only(datasets: Any, target: str, config: str, split: str) -> Any:
    """All rows of a config of texts: of its only split, of that of its own name, or of `split`."""
    names = datasets.get_dataset_split_names(target, config)
    chosen = names[0] if len(names) == 1 else config if config in names else split
    if chosen not in names:
        raise DataError(
            f"the config {config} has several splits, and none is named {config} or {split}: "
            f"{', '.join(names)}",
            where=target,
            mend=f"keep all rows of {config} in one split",
        )
    return datasets.load_dataset(target, config, split=chosen)


def _texts(dataset: Any, key: str, address: Address, findings: Findings) -> pl.DataFrame:
    fields = text_fields(dataset.column_names, key)
    if "title" not in dataset.column_names:
        del fields["title"]
    part = "corpus" if key == "doc_id" else "queries"
    blocks = _columns(dataset, fields, f"{address.name} ({part})", findings)
    table = pl.concat([with_titles(block, key) for block in blocks], rechunk=False)
    findings.done()
    return table


def _qrels(dataset: Any, where: str, findings: Findings) -> pl.DataFrame:
    names = dataset.column_names
    fields = {
        key: Field(own if at is None else names[at], kind)
        for (key, kind), at, own in zip(QRELS.items(), named(names), BEIR, strict=True)
    }
    blocks = [with_whole_relevance(b, findings) for b in _columns(dataset, fields, where, findings)]
    findings.done()
    return pl.concat(blocks).select(pl.col(key).cast(kind) for key, kind in SCHEMA.items())


def _columns(
    dataset: Any, fields: dict[str, Field], where: str, findings: Findings
) -> Iterator[pl.DataFrame]:
    for field in fields.values():
        if field.name not in dataset.column_names:
            raise DataError(
                f"there is no column {field.name!r} among {', '.join(dataset.column_names)}",
                where=where,
            )
    for frame, first in _frames(dataset, where):
        yield from from_frame(frame, fields, where, findings, first)


def _frames(dataset: Any, where: str) -> Iterator[tuple[pl.DataFrame, int]]:
    """The rows as tables, each with the number of its first row; at least one table."""
    features = dataset.features
    yield graded(_frame(features.arrow_schema.empty_table()), features, where), 0
    first = 0
    for batch in dataset.with_format("arrow").iter(batch_size=BATCH):
        yield graded(_frame(batch), features, where), first
        first += batch.num_rows


def _frame(table: Any) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    if isinstance(frame, pl.Series):
        return frame.to_frame()
    return frame


def _read_pairs(
    dataset: Any, address: Address, split: str, findings: Findings, known: Collection | None
) -> Collection:
    head, _ = next(_frames(dataset, address.name))

    def frames() -> Iterator[pl.DataFrame]:
        rows = _frames(dataset, address.name)
        next(rows)  # the empty one, which tells the columns
        return (frame for frame, _ in rows)

    file = understood(tables(address.name, dict(head.schema), frames), known)
    if file.layout.name == INTERACTIONS and known is None:
        return collected_by_id(address.name, split, [file], [], findings)
    return collected(address.name, split, [file], findings)[0]
