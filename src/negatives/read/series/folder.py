"""Time series as collections: what asks, what is found, and what is right.

The classification archives of UCR and UEA have two files a data set, NAME_TRAIN and NAME_TEST, as
`.ts` files or, in the older one, as tables by tabs whose first column is the class.

`train`: every series is a query and a document, and its own positive, for contrastive learning sees
it twice, each time changed by chance; classes are not used. `test`: the series of the test file are
queries, those of the train file documents, and those of a query's class are right: Success@1 is the
accuracy of the nearest neighbour, by which the archive's own results are told. The class is the
field `type` of both. The pairs of `test` are as many as test series times those of their class.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from negatives.errors import DataError
from negatives.read.address import Address
from negatives.read.findings import Findings
from negatives.read.gathered import Tables, Unlabelled, gather
from negatives.read.series.found import beside, splits_of
from negatives.read.series.rows import read_rows
from negatives.schema import Collection


def splits(address: Address) -> list[str]:
    """The splits that the names of the files tell; train where they tell none."""
    return sorted(splits_of(address.path))


def read(address: Address, split: str, findings: Findings) -> Collection:
    """The collection of one split."""
    path = splits_of(address.path)[split]
    asked = read_rows(path, split, findings)
    if split == "train":
        found = asked
        qrels = asked.select("file", "line", query_id="id", doc_id="id")
    else:
        others = beside(path, "train")
        if others is None:
            raise DataError(
                "series of test are compared with those of train, and there are none",
                where=str(path),
                fix="put the file ..._TRAIN beside it",
            )
        found = read_rows(others, "train", findings)
        if "type" not in asked.columns or "type" not in found.columns:
            raise DataError(
                "nothing says which series are alike: they have no classes",
                where=str(path),
                fix="name the split of train, of which each series is its own positive",
            )
        qrels = asked.select("file", "line", "type", query_id="id").join(
            found.select("type", doc_id="id"), on="type", maintain_order="left_right"
        )
    tables = Tables(
        corpus=found.rename({"id": "doc_id"}),
        queries=asked.rename({"id": "query_id"}),
        qrels=qrels.select(
            "query_id", "doc_id", pl.lit(1, pl.Int32).alias("relevance"), "file", "line"
        ),
        identity="id",
        unlabelled=Unlabelled(
            "{n} series has a class that no series of train has",
            "{n} series have a class that no series of train has",
        ),
    )
    made = gather(address.name, split, tables, findings)
    return replace(made, notes=findings.notes)
