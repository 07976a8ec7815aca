"""A collection as a retrieval task of MTEB, so that `mteb.evaluate(model, task)` runs on it.

MTEB encodes, searches and measures by itself; nothing of ours but the texts and judgements is in
its figures. Its nDCG is trec_eval's, as ours is.
"""

from __future__ import annotations

import re
from typing import Any

import polars as pl

from negatives.optional import require
from negatives.schema import Collection
from negatives.store.fingerprints import fingerprints

_SUBSET = "default"


def mteb_task(collection: Collection, *, name: str = "", language: str = "eng-Latn") -> Any:
    """An `AbsTaskRetrieval` of the collection's split, its data in memory.

    `name` is what MTEB files results under (the collection's own, else); `language`: a BCP-47 code
    with its script. MTEB keeps results by name and revision: the revision here is a hash of texts
    and judgements, so figures of other data are never taken for these. Only queries with a
    positive are in the task. Raises `MissingExtra` where mteb is not installed.
    """
    library = require("mteb", extra="mteb")
    require("mteb.abstasks", extra="mteb")
    require("datasets", extra="mteb")
    split = re.sub(r"\W+", "_", collection.split)
    called = name or re.sub(r"\W+", "", collection.name.title())
    metadata = library.abstasks.task_metadata.TaskMetadata(
        name=called,
        description=f"{collection.name}@{collection.split}, as negatives reads it.",
        type="Retrieval",
        category="t2t",
        modalities=["text"],
        dataset={"path": f"negatives/{called}", "revision": _revision(collection)},
        eval_splits=[split],
        eval_langs=[language],
        main_score="ndcg_at_10",
        is_public=False,
    )
    base: Any = library.abstasks.AbsTaskRetrieval
    members = {"metadata": metadata, "load_data": _loader(collection, split)}
    return type(called, (base,), members)()


def _loader(collection: Collection, split: str) -> Any:
    """The method that MTEB calls for the data."""

    def load_data(self: Any, *_: Any, **__: Any) -> None:
        self.dataset = {_SUBSET: {split: _split_data(collection)}}
        self.data_loaded = True

    return load_data


def _split_data(collection: Collection) -> dict[str, Any]:
    table: Any = require("datasets", extra="mteb").Dataset
    queries = collection.queries[collection.mined_queries]
    relevant: dict[str, dict[str, int]] = {}
    judged = collection.qrels.filter(
        pl.col("query_id").is_in(queries["query_id"].implode()), pl.col("relevance") >= 0
    )
    for query, doc, relevance in judged.iter_rows():
        relevant.setdefault(query, {})[doc] = relevance
    return {
        "corpus": table.from_dict(
            {
                "id": collection.corpus["doc_id"].to_list(),
                "text": collection.corpus["text"].to_list(),
                "title": [""] * len(collection.corpus),
            }
        ),
        "queries": table.from_dict(
            {"id": queries["query_id"].to_list(), "text": queries["text"].to_list()}
        ),
        "relevant_docs": relevant,
        "top_ranked": None,
    }


def _revision(collection: Collection) -> str:
    """A hash of everything that a figure depends on."""
    return "-".join(each[:12] for each in fingerprints(collection).values() if len(each) == 32)
