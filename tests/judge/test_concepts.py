"""Rules for documents that are concepts: above and below, named by the query, named alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from negatives.errors import DataError
from negatives.judge.named_in_query import NamedInQuery
from negatives.judge.same_branch import SameBranch
from negatives.judge.shared_alias import SharedAlias
from negatives.run import mine
from tests.build import collection, context

CONCEPTS = {
    "heat": ("Install radiators", "Install heaters or radiators.", "work"),
    "heat-2": ("Put up convector heaters", "Also called to install radiators. A craft.", "work"),
    "java": ("Java", "A language.", "language"),
    "language": ("programming language", "What Java is.", ""),
    "pipe": ("Lay pipes", "To lay pipes for water.", "work"),
    "work": ("craft", "Work by hand.", ""),
}
QUERIES = {"q1": "We install radiators, and LAY PIPES.", "q2": "Somebody who writes Java"}
MADE = collection(
    {doc: f"{title} {text}" for doc, (title, text, _) in CONCEPTS.items()},
    QUERIES,
    [("q1", "heat", 1), ("q2", "java", 1)],
)
DATA = replace(
    MADE,
    corpus=MADE.corpus.with_columns(
        title=pl.Series([title for title, _, _ in CONCEPTS.values()]),
        parent=pl.Series([parent for _, _, parent in CONCEPTS.values()]),
    ),
)


def reasons(judge: Any, folder: Path) -> dict[tuple[str, str], str]:
    """Why each pair is rejected, of all pairs there are."""
    rows = pl.DataFrame(
        {
            "query": np.repeat(np.arange(2, dtype=np.uint32), 6),
            "doc": np.tile(np.arange(6, dtype=np.uint32), 2),
        }
    ).join(DATA.judged, on=["query", "doc"], how="left", maintain_order="left")
    said = judge.open(context(DATA, folder)).judge(rows)
    assert (said["verdict"].is_not_null() == said["reason"].is_not_null()).all()
    named = DATA.ids_of(rows).select("query_id", "doc_id")
    kept = pl.concat([named, said], how="horizontal").filter(pl.col("verdict") == "rejected")
    return {(query, doc): why for query, doc, why in kept.select(*named.columns, "reason").rows()}


def test_above_and_below_a_positive_are_rejected_and_siblings_are_not(tmp_path: Path) -> None:
    above = "same-branch: above a positive of the query in the taxonomy"
    assert reasons(SameBranch(), tmp_path) == {("q1", "work"): above, ("q2", "language"): above}
    assert reasons(SameBranch(reject="below"), tmp_path) == {}
    wider = replace(DATA, qrels=DATA.qrels.with_columns(doc_id=pl.Series(["work", "language"])))
    rows = pl.DataFrame({"query": [0], "doc": [0], "relevance": [None]})
    rows = rows.cast({"query": pl.UInt32, "doc": pl.UInt32, "relevance": pl.Int32})
    said = SameBranch().open(context(wider, tmp_path)).judge(rows)
    assert said["branch"].to_list() == ["below"]


def test_what_the_query_names_is_rejected(tmp_path: Path) -> None:
    assert reasons(NamedInQuery(), tmp_path) == {
        ("q1", "pipe"): 'named-in-query: the query says "lay pipes"'
    }


def test_the_same_concept_under_another_name_is_rejected(tmp_path: Path) -> None:
    named = "shared-alias: it names the positive Install radiators"
    assert reasons(SharedAlias(), tmp_path) == {("q1", "heat-2"): named}
    assert reasons(SharedAlias(words=1), tmp_path) == {
        ("q1", "heat-2"): named,
        ("q2", "language"): "shared-alias: it names the positive Java",
    }


def test_concepts_without_names_are_refused_before_any_work(tmp_path: Path) -> None:
    for judge in (NamedInQuery(), SharedAlias()):
        with pytest.raises(DataError, match=f"{judge.kind} needs the title of the documents"):
            mine(MADE, tmp_path / "run", judges=[judge])
    assert not (tmp_path / "run").exists()
