"""Distractors that answer another question: none with a keyword or a concept in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from negatives.errors import DataError, RecipeError
from negatives.judge.shared_keywords import SharedKeywords
from tests.build import collection, context

QUERIES = {"cat": "to adopt the cat", "car": "repair a car", "dog": "walking a dog"}
ANSWERS = {"a": "buy food for it", "b": "go out with it", "c": "call a garage", "d": "nothing"}
DATA = collection(ANSWERS, QUERIES, [("cat", "a", 1), ("dog", "b", 1), ("car", "c", 1)])
ROWS = pl.DataFrame(
    [(query, doc, 1 if (query, doc) in {(1, 0), (2, 1), (0, 2)} else None)
     for query in range(3) for doc in range(4)],
    schema={"query": pl.UInt32, "doc": pl.UInt32, "relevance": pl.Int32},
    orient="row",
)  # fmt: skip


def left(scratch: Path, **settings: Any) -> dict[str, str]:
    """What is not rejected of the unjudged documents, by query."""
    made = SharedKeywords(**settings).open(context(DATA, scratch)).judge(ROWS)
    assert len(made) == len(ROWS)
    kept = ROWS.filter(made["verdict"].is_null() & ROWS["relevance"].is_null())
    names = sorted(QUERIES)
    return {
        names[key]: "".join(sorted(ANSWERS)[doc] for doc in sorted(group["doc"]))
        for (key,), group in kept.group_by("query")
    }


@pytest.mark.recipe("car")
def test_with_a_concept_in_common_only_answers_of_other_things_are_left(tmp_path: Path) -> None:
    concepts = tmp_path / "concepts.tsv"
    assert left(tmp_path) == {"cat": "bcd", "car": "abd", "dog": "acd"}, "words alone"
    concepts.write_text("cat\tpet\nDog\tpet\n\ncar\tvehicle\n")
    own = {"concepts": str(concepts)}
    assert left(tmp_path, **own) == {"cat": "cd", "car": "abd", "dog": "cd"}
    assert left(tmp_path, **own, unowned="reject") == {"cat": "c", "car": "ab", "dog": "c"}
    concepts.write_text("cat\tthing\ndog\tthing\ncar\tthing\n")
    assert left(tmp_path, **own) == {"cat": "d", "car": "d", "dog": "d"}


def test_a_reason_names_what_is_shared_and_a_judged_pair_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "c.tsv").write_text("cat\tpet\ndog\tpet\n")
    ruling = SharedKeywords(concepts=str(tmp_path / "c.tsv")).open(context(DATA, tmp_path))
    made = ruling.judge(ROWS)
    assert set(made["reason"].drop_nulls()) == {
        "shared-keywords: it answers another query with pet"
    }
    assert made.filter(ROWS["relevance"] == 1)["verdict"].null_count() == 3
    assert ruling.judge(ROWS.clear()).height == 0


def test_a_keyword_of_many_queries_is_none(tmp_path: Path) -> None:
    many = {f"q{n}": f"thing number x{n}" for n in range(9)}
    data = collection({f"d{n}": "text" for n in range(9)}, many, [(f"q{n}", f"d{n}", 1)
                                                                  for n in range(9)])  # fmt: skip
    rows = ROWS.head(1).with_columns(relevance=pl.lit(None, pl.Int32), doc=pl.lit(5, pl.UInt32))
    for common, rejected in ((0.05, False), (1.0, True)):
        made = SharedKeywords(common=common).open(context(data, tmp_path)).judge(rows)
        assert made["verdict"].is_not_null().to_list() == [rejected]


def test_a_file_that_holds_no_concepts_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "c.tsv"
    for text, said in [("cat pet\n", "line 1"), ("a\tb\nx\t\n", "line 2"), ("\n", "empty"),
                       ("a\tb\tc\n", "line 1")]:  # fmt: skip
        path.write_text(text)
        with pytest.raises(DataError, match=said):
            SharedKeywords(concepts=str(path)).open(context(DATA, tmp_path))
    with pytest.raises(DataError, match="No such file"):
        SharedKeywords(concepts="nowhere.tsv").open(context(DATA, tmp_path))
    with pytest.raises(RecipeError, match="no stop words"):
        SharedKeywords(language="klingon").open(context(DATA, tmp_path))
