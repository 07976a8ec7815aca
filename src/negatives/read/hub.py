"""Datasets of Hugging Face: saved by `save_to_disk`, in a folder with configs, or on the hub.

OWNER/NAME:CONFIG names a config where there are several. A dataset with the configs corpus and
queries is read as BEIR's (judgements in its config qrels or default, or in the dataset
OWNER/NAME-qrels); every other one as pairs, as a file of pairs. Nothing a dataset
brings is ever executed: the library asks for no dataset script and never unpickles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import polars as pl

from negatives.errors import DataError, nearest
from negatives.hub import hub
from negatives.read import datasets
from negatives.read.address import Address
from negatives.read.fields import fields_of, typed
from negatives.read.file_options import AS_NAMED, FileOptions
from negatives.read.files import telling
from negatives.read.findings import Findings
from negatives.read.frames import from_frames
from negatives.read.gathered import Tables, gather
from negatives.read.jsonl import Field
from negatives.read.memory import read_memory, splits_of
from negatives.read.qrels import typed_qrels
from negatives.read.texts import text_fields, with_titles
from negatives.schema import Collection


def splits(address: Address) -> list[str]:
    """The splits of the pairs, or of the judgements."""
    with _datasets(address) as library:
        if datasets.is_saved(address.path):
            return splits_of(datasets.saved(library, address.path))
        target, config = _target(library, address)
        if config == "corpus":
            target, config = _judgements(library, target)
        return sorted(library.get_dataset_split_names(target, config))


def read(
    address: Address,
    split: str,
    findings: Findings,
    known: Collection | None = None,
    options: FileOptions = AS_NAMED,
) -> Collection:
    """The collection of one split; ids of a dataset of pairs are those of `known`."""
    with _datasets(address) as library:
        if datasets.is_saved(address.path):
            saved = datasets.saved(library, address.path)
            return read_memory(saved, split, findings, known, options, address.name)
        target, config = _target(library, address)
        if config != "corpus":
            pairs = library.load_dataset(target, config, split=split)
            return read_memory({split: pairs}, split, findings, known, options, address.name)
        qrels_target, qrels_config = _judgements(library, target)
        qrels = library.load_dataset(qrels_target, qrels_config, split=split)
        tables = Tables(
            corpus=_texts(_only(library, target, "corpus", split), "doc_id", address, findings),
            queries=_texts(_only(library, target, "queries", split), "query_id", address, findings),
            qrels=typed_qrels(
                datasets.tables(qrels, address.name),
                qrels.column_names,
                f"{address.name} (judgements)",
                findings,
            ),
        )
        findings.done()
        return gather(address.name, split, tables, findings)


def pairs(address: Address, split: str) -> Any:
    """The rows of one split; None where it is no dataset of pairs."""
    with _datasets(address) as library:
        target, config = _target(library, address)
        return None if config == "corpus" else library.load_dataset(target, config, split=split)


@contextmanager
def _datasets(address: Address) -> Iterator[Any]:
    """The library; all its ways of failing (its own, the hub's, Arrow's) become one `DataError`."""
    fix = (
        "check that the folder was copied whole, or save the dataset again"
        if address.path.is_dir()
        else "check the name and the connection; a file or folder here would be read instead"
    )
    if not address.path.is_dir():
        hub()  # before datasets is loaded, which reads once whether the hub may be asked
    with datasets.library() as library, telling("the dataset cannot be read", address.name, fix):
        yield library


def _target(library: Any, address: Address) -> tuple[str, str]:
    """What to load and the config of its pairs; `corpus` where it is BEIR's."""
    name, _, asked = address.name.partition(":")
    target = str(address.path) if address.path.is_dir() else name
    configs: list[str] = library.get_dataset_config_names(target)
    if asked:
        if asked not in configs:
            raise DataError(f"no config {asked!r}", where=target, fix=nearest(asked, configs))
        return target, asked
    if {"corpus", "queries"} <= set(configs):
        return target, "corpus"
    if len(configs) == 1 or "default" in configs:
        return target, "default" if "default" in configs else configs[0]
    raise DataError(
        f"the dataset has several configs: {', '.join(configs)}",
        where=target,
        fix=f"name one, as in {target}:{configs[0]}",
    )


def _judgements(library: Any, target: str) -> tuple[str, str]:
    """Where the judgements of a BEIR-like dataset are: dataset and config."""
    configs = library.get_dataset_config_names(target)
    for config in ("qrels", "default"):
        if config in configs:
            return target, config
    return f"{target}-qrels", "default"


def _only(library: Any, target: str, config: str, split: str) -> Any:
    """All rows of a config of texts: of its only split, of that of its own name, or of `split`."""
    names = library.get_dataset_split_names(target, config)
    chosen = names[0] if len(names) == 1 else config if config in names else split
    if chosen not in names:
        raise DataError(
            f"the config {config} has several splits, and none is named {config} or {split}: "
            f"{', '.join(names)}",
            where=target,
            fix=f"keep all rows of {config} in one split",
        )
    return library.load_dataset(target, config, split=chosen)


def _texts(dataset: Any, key: str, address: Address, findings: Findings) -> pl.DataFrame:
    part = "corpus" if key == "doc_id" else "queries"
    fields = text_fields(dataset.column_names, key) | fields_of(dataset.column_names)
    blocks = _typed(dataset, fields, f"{address.name} ({part})", findings)
    table = with_titles(blocks, key)
    findings.done()
    return typed(table, findings)


def _typed(
    dataset: Any, fields: Mapping[str, Field], where: str, findings: Findings
) -> Iterator[pl.DataFrame]:
    tables = datasets.tables(dataset, where)
    return from_frames(tables, dataset.column_names, fields, where, findings)
