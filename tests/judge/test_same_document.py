"""same-document: passages of the document of another positive; the rule in words is the oracle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import negatives as neg
from negatives.errors import DataError
from negatives.judge.same_document import SameDocument
from negatives.opening import JudgeContext
from negatives.run import mine
from negatives.schema import Collection

PARENTS = ["a", "a", "a", "b", "b", None, None, "c"]


def passages() -> Collection:
    ids = [f"p{row}" for row in range(len(PARENTS))]
    corpus = pl.DataFrame({"doc_id": ids, "text": ids, "parent": PARENTS}).with_row_index("row")
    queries = pl.DataFrame({"query_id": ["q", "r"], "text": ["q", "r"]}).with_row_index("row")
    return Collection(
        name="passages",
        split="train",
        corpus=corpus.select("doc_id", "text", "row", "parent"),
        queries=queries.select("query_id", "text", "row"),
        qrels=pl.DataFrame(schema={"query_id": pl.String, "doc_id": pl.String, "relevance": int}),
    )


def test_a_passage_is_rejected_where_another_of_its_document_is_a_positive(tmp_path: Path) -> None:
    draw = np.random.default_rng(5)
    context = JudgeContext(passages(), tmp_path)
    for _ in range(20):
        docs = np.sort(draw.choice(8, size=6, replace=False))
        drawn = draw.choice(4, size=6, p=[0.5, 0.1, 0.2, 0.2])
        grades = [(None, 0, 1, 2)[each] for each in drawn]
        rows = pl.DataFrame(
            {"query": [0] * 6 + [1], "doc": [*docs, 0], "relevance": [*grades, None]},
            schema={"query": pl.UInt32, "doc": pl.UInt32, "relevance": pl.Int32},
        )
        for verdict in ("reject", "tell"):
            found = SameDocument(verdict=verdict).open(context).judge(rows)
            for at, (doc, grade) in enumerate(zip(docs, grades, strict=True)):
                others = [
                    other
                    for other, judged in zip(docs, grades, strict=True)
                    if judged and other != doc and PARENTS[other] == PARENTS[doc] is not None
                ]
                assert found["same_document"][at] == bool(others)
                out = bool(others) and grade is None and verdict == "reject"
                assert (found["verdict"][at] == "rejected") == out
                if out:
                    wanted = f"same-document: of {PARENTS[doc]}, as positive p{min(others)}"
                    assert found["reason"][at] == wanted
            assert found["same_document"][6] is False, "another query's positives are not its own"


def test_what_is_of_the_querys_own_document_is_rejected_where_queries_have_one(
    tmp_path: Path,
) -> None:
    data = passages()
    cases = replace(data, queries=data.queries.with_columns(parent=pl.Series(["b", None])))
    rows = pl.DataFrame(
        {"query": [0, 0, 0, 1], "doc": [0, 3, 5, 3], "relevance": [1, None, None, None]},
        schema={"query": pl.UInt32, "doc": pl.UInt32, "relevance": pl.Int32},
    )
    found = SameDocument().open(JudgeContext(cases, tmp_path)).judge(rows)
    assert found["reason"].to_list() == [
        None,
        "same-document: of b, as the query itself",
        None,
        None,
    ]


def test_without_documents_to_compare_it_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        mine("cranfield", tmp_path / "run", sources=[neg.BM25()], judges=[SameDocument()])
    assert str(caught.value) == (
        "same-document needs the parent of the documents, and these have none\n"
        "  where: judge same-document, collection 'cranfield'\n"
        "  fix:   give the documents a parent, as negatives data passages does; or leave "
        "same-document out of the recipe"
    )
    assert not (tmp_path / "run").exists()
