"""near-positive and alike-names: what is like a positive, compared with everything naively."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from negatives.find.dense import Dense
from negatives.find.positive_neighbours import AlikeNames, NearPositive
from negatives.schema import Collection
from tests.build import collection, context
from tests.text.test_edit_distance import naive

NAMES = {
    "d1": "java", "d2": "javascript", "d3": "python", "d4": "jira", "d5": "", "d6": "scala",
    "d7": "r",
}  # fmt: skip
DATA = collection(
    {doc: f"The language {name}, and what it is for." for doc, name in NAMES.items()},
    {"q1": "who knows java", "q2": "and scala", "q3": "nobody"},
    [("q1", "d1", 1), ("q1", "d3", 1), ("q2", "d6", 1), ("q2", "d5", 1)],
)
TITLED = replace(DATA, corpus=DATA.corpus.with_columns(title=pl.Series([*NAMES.values()])))


def of(data: Collection, found: pl.DataFrame, query: str) -> list[tuple[str, float]]:
    rows = data.ids_of(found).filter(pl.col("query_id") == query)
    return [(doc, round(score, 4)) for doc, score in rows.select("doc_id", "score").rows()]


def test_names_are_ordered_by_edits_to_any_positive(tmp_path: Path) -> None:
    found = AlikeNames(top=3).open(context(TITLED, tmp_path)).propose(TITLED.mined_queries, {})
    edits = {
        doc: min(naive(name, "java"), naive(name, "python"))
        for doc, name in NAMES.items()
        if doc not in ("d1", "d3", "d5")
    }
    wanted = sorted((count, doc) for doc, count in edits.items())[:3]
    assert of(TITLED, found, "q1") == [(doc, -count) for count, doc in wanted]
    # A document without a name is not proposed, and a positive without one asks for nothing.
    assert [doc for doc, _ in of(TITLED, found, "q2")] == ["d1", "d4", "d7"]


def test_near_positive_is_a_search_that_is_asked_with_documents(tmp_path: Path) -> None:
    queries = DATA.mined_queries
    found = NearPositive(top=3).open(context(DATA, tmp_path / "near")).propose(queries, {})
    dense = Dense().open(context(DATA, tmp_path / "dense"))
    like = dense.doc_vectors @ dense.doc_vectors.T
    for query, positives in (("q1", [0, 2]), ("q2", [4, 5])):
        best = like[positives].max(axis=0)
        best[positives] = -np.inf
        order = np.argsort(-best, kind="stable")[:3]
        docs = [doc for doc, _ in of(DATA, found, query)]
        assert docs == [DATA.corpus["doc_id"][int(row)] for row in order]
