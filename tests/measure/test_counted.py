"""How often the first document is of another type than the query asks for."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from negatives.measure.counted import first_of_another_type
from negatives.measure.evaluation import evaluate
from negatives.read import load
from tests.judge.test_wanted_type import folder


def test_only_the_first_of_each_query_counts_and_only_with_types(tmp_path: Path) -> None:
    data = load(folder(tmp_path / "data"))
    ranking = pl.DataFrame(
        {
            "query_id": ["q1", "q1", "q2", "q2"],
            "doc_id": ["body1", "title1", "title2", "body2"],
            "score": [2.0, 1.0, 2.0, 1.0],
        }
    ).with_columns(rank=pl.Series([1, 2, 1, 2]))
    assert first_of_another_type(ranking, data)["query_id"].to_list() == ["q1"]
    found = evaluate(ranking.drop("rank"), data, metrics=["R@1"])
    assert found.figures["queries that find another type first"] == 1


def test_slices_part_queries_by_the_type_they_ask_for(tmp_path: Path) -> None:
    found = evaluate("bm25", load(folder(tmp_path / "data")), metrics=["R@1"], slices=True)
    groups = found.slices.filter(pl.col("by") == "type of the query")
    assert groups.select("group", "queries").rows() == [("title", 9)]
