"""Data handed over in Python: any library's tables, any id type, any order; or a message."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import negatives as neg
from negatives.errors import DataError, InputError, NegativesError
from negatives.read import load

Q = ["why is it", "who was that", "where are they"]
A = ["it is so here", "it was I there", "they are away now"]
FAQ = pd.DataFrame({"question": Q, "answer": A})
CORPUS = pd.DataFrame({"id": [1, 2, 3, 4], "text": [*A, "more is here"]})
IDS = pd.DataFrame({"question": Q, "doc_id": [1, 2, 3]})
UUIDS = [UUID(int=number) for number in range(1, 5)]

from_pairs = neg.Collection.from_pairs


def pairs_of(data: neg.Collection | Any) -> list[tuple[str, str]]:
    """The texts of all positives, sorted."""
    made = [
        (data.queries["text"][query], data.corpus["text"][doc])
        for query, doc in data.positives.rows()
    ]
    return sorted(made)


EXPECTED = sorted(zip(Q, A, strict=True))


def said(call: Any) -> str:
    """What a user reads, on one line."""
    with pytest.raises(NegativesError) as caught:
        call()
    assert caught.value.exit_code == 2
    return " | ".join(line.strip() for line in str(caught.value).splitlines())


def test_a_table_of_any_library_is_the_file_of_the_same_rows(tmp_path: Path) -> None:
    FAQ.to_csv(tmp_path / "faq.csv", index=False)
    file = load(tmp_path / "faq.csv")
    forms = {
        "pandas": FAQ,
        "pandas, another index": FAQ.set_index(pd.Index([9, 3, 1], name="number")),
        "pandas, other types": FAQ.astype("string"),
        "pandas, categories": FAQ.astype("category"),
        "pandas, another order of columns": FAQ[["answer", "question"]],
        "polars": pl.from_pandas(FAQ),
        "polars, lazy": pl.from_pandas(FAQ).lazy(),
        "arrow": pa.Table.from_pandas(FAQ),
        "datasets": datasets.Dataset.from_pandas(FAQ),
        "rows": FAQ.to_dict("records"),
        "tuples": list(zip(Q, A, strict=True)),
        "columns": {"question": Q, "answer": A},
        "columns of numpy": {"question": np.array(Q), "answer": np.array(A)},
        "columns of pandas": {"question": FAQ["question"], "answer": FAQ["answer"]},
        "pandas, queries in the index": FAQ.set_index("question"),
        "pandas, a column of many types": FAQ.assign(more=[1, "a", {"b": [2.5]}]),
        "pandas, a column of objects": FAQ.assign(more=[{1}, object(), 2**200]),
        "rows, a column of many types": [
            {"question": question, "answer": answer, "more": more}
            for question, answer, more in zip(Q, A, (1, "a", [2.5]), strict=True)
        ],
        "arrow, batch by batch": pa.Table.from_pandas(FAQ).to_reader(),
        "a split, batch by batch": {"train": pa.Table.from_pandas(FAQ).to_reader()},
        "a split": {"train": FAQ, "validation": FAQ[:1]},
        "splits of datasets": datasets.DatasetDict(test=datasets.Dataset.from_pandas(FAQ)),
    }
    for name, form in forms.items():
        data = load(form)
        assert data.corpus.equals(file.corpus), name
        assert data.queries.equals(file.queries), name
        assert data.qrels.equals(file.qrels), name
        assert data.origin == "", name


def test_another_order_of_rows_is_the_same_ids_and_pairs() -> None:
    turned = load(FAQ[::-1])
    assert turned.qrels.equals(load(FAQ).qrels)


def test_ids_may_be_of_any_type() -> None:
    text = pd.DataFrame({"id": ["1", "2", "3", "4"], "text": CORPUS["text"]})
    for name, pairs, corpus in (
        ("whole", IDS, CORPUS),
        ("whole beside text", IDS, text),
        ("nullable", IDS.astype({"doc_id": "Int64"}), CORPUS),
        ("fractions that are whole", IDS.astype({"doc_id": float}), CORPUS),
        ("UUID", IDS.assign(doc_id=UUIDS[:3]), CORPUS.assign(id=UUIDS)),
        ("UUID as text", IDS.assign(doc_id=UUIDS[:3]), CORPUS.assign(id=[*map(str, UUIDS)])),
        ("several", IDS.assign(doc_id=[1, "b", 3]), CORPUS.assign(id=[1, "b", 3, 4])),
        ("index of the corpus", IDS, CORPUS.set_index("id")),
        ("of polars", pl.from_pandas(IDS), pl.from_pandas(CORPUS)),
        ("by id", IDS, dict(zip([1, 2, 3, 4], CORPUS["text"], strict=True))),
    ):
        data = neg.Collection.from_pandas(pairs, corpus=corpus)
        assert pairs_of(data) == EXPECTED, name
        assert len(data.corpus) == 4, name


def test_queries_and_documents_by_their_ids() -> None:
    asked = pd.DataFrame({"query": Q, "query_id": [10, 20, 30]})
    pairs = pd.DataFrame({"doc_id": [3, 1, 2], "query_id": [30, 10, 20]})
    assert pairs_of(load(pairs, corpus=CORPUS, queries=asked)) == EXPECTED
    lists = pd.DataFrame({"question": Q, "found": [[1], [2], [3]]})
    assert pairs_of(load(lists, corpus=CORPUS, positive_column="found")) == EXPECTED
    coded = CORPUS.assign(id=["A", "B", "C", "D"])
    article = pd.DataFrame({"question": Q, "article": ["A", "B", "C"]})
    assert pairs_of(load(article, corpus=coded, positive_column="article")) == EXPECTED


def test_columns_are_named_where_their_names_do_not_tell() -> None:
    odd = pd.DataFrame({"bad": A[::-1], "gut": A, "ask": Q, "answer": ["x y"] * 3})
    data = load(odd, query_column="ask", positive_column="gut", negative_column="bad")
    assert pairs_of(data) == EXPECTED
    assert len(data.given) == 3


def test_from_pairs_takes_what_evaluators_take() -> None:
    queries, corpus = dict(enumerate(Q)), dict(enumerate([*A, "more"]))
    for qrels in (
        {0: {0}, 1: {1}, 2: {2}},
        {0: [0], 1: (1,), 2: 2},
        {0: {0: 2, 3: 0}, 1: {1: 1.0}, 2: {2: True}},
        {np.int64(number): {np.int64(number)} for number in range(3)},
        [(0, 0), (1, 1, 1), (2, 2)],
        pd.DataFrame({"corpus-id": [0, 1, 2], "query-id": [0, 1, 2]}),
    ):
        assert pairs_of(from_pairs(queries, corpus, qrels)) == EXPECTED, qrels
    titled = {number: {"title": "T", "text": text} for number, text in enumerate(A)}
    assert from_pairs(queries, titled, {0: 0}).corpus["text"][0] == "T it is so here"


def test_what_is_not_understood_is_refused_in_words() -> None:
    text = {1: "x y"}
    for call, words in {
        lambda: load(IDS.assign(doc_id=[1.5, 2, 3]), corpus=CORPUS): "numbers that are no ids, su",
        lambda: load(IDS.assign(doc_id=[1, 2, None]), corpus=CORPUS): "row 3: 'doc_id' is null",
        lambda: load(IDS.assign(doc_id=[1, 2, 9]), corpus=CORPUS): "row 3: document '9' is not in",
        lambda: load(IDS, corpus=CORPUS.assign(id=1)): "doc_id '1' is also at row 1",
        lambda: load(IDS, corpus=CORPUS[["id"]]): "no column 'text' among id",
        lambda: load(IDS): "name what has them: --corpus DATA",
        lambda: load(
            pd.DataFrame({"query_id": [1, None], "doc_id": [1, 2]}), corpus=CORPUS, queries=text
        ): "row 2: 'query_id' is null",
        lambda: load(
            pd.DataFrame({"query_id": [1], "doc_id": [1]}), corpus=CORPUS
        ): "names queries by their ids, and nothing has their texts",
        lambda: load(FAQ, query_column="questoin"): "did you mean 'question'?",
        lambda: load(FAQ, query_column="answer", positive_column="answer"): "name each column once",
        lambda: load(FAQ.rename(columns={"question": 0})): "column 1 is called 0",
        lambda: load(FAQ.assign(answer=[None, "x y", "z z"])): "row 1: 'answer' is null",
        lambda: load(FAQ[:0]): "the table holds no rows",
        lambda: load(
            FAQ["question"]
        ): "data cannot be read from Series | where: data frame | fix:   "
        "name it: give a frame with columns",
        lambda: load(FAQ.to_numpy()): 'fix:   name its columns: {"query": array[:, 0]',
        lambda: load(zip(Q, A, strict=True)): "fix:   give list(...) of it",
        lambda: load([{"query": "a", "positive": "b"}, 3]): "row 2 is 3, and others are dict",
        lambda: load(FAQ.assign(answer=["x", "y", 3])): "column 'answer' holds 3 in row 3: not a",
        lambda: load(FAQ.assign(answer=["x", "y", {3}])): "in row 3: neither a text nor an id | w",
        lambda: load({"question": Q, "answer": ["x", "y", "\ud800"]}): (
            "column 'answer' holds a text that is no Unicode in row 3"
        ),
        lambda: load(pl.from_pandas(FAQ).lazy().select("no")): "cannot be collected: unable to fi",
        lambda: load(pl.scan_csv("no such.csv")): "cannot be collected: No such file",
        lambda: load(pa.Table.from_arrays([Q, A, A], ["query", "answer", "answer"])): (
            "two columns are called 'answer'"
        ),
        lambda: load({"train": datasets.Dataset.from_pandas(FAQ).to_iterable_dataset()}): (
            "load it without streaming=True"
        ),
        lambda: load(None): "data cannot be read from NoneType",
        lambda: neg.lint(datasets.DatasetDict()): "give one of its splits, such as data['train']",
        lambda: load({"a": 1}): "its keys are 'a'",
        lambda: load({"train": FAQ}, split="dev"): "negatives data split DATA --dev 0.1 -o FOLDER",
        lambda: load(FAQ, relevant_from=0.5): "no column has labels or scores",
        lambda: load(FAQ.assign(score=[0.5, 1, 1])): "row 1: score is 0.5",
        lambda: from_pairs({1.5: "x"}, text, {1: 1}): "queries, row 1: 1.5 is no id",
        lambda: from_pairs({True: "x"}, text, {1: 1}): "True is no id",
        lambda: from_pairs({1: None}, text, {1: 1}): "'1' has no text",
        lambda: from_pairs({1: "x\ud800"}, text, {1: 1}): "the text of '1' is no Unicode",
        lambda: from_pairs({"\ud800": "x"}, text, {1: 1}): "'\\ud800' is no id",
        lambda: from_pairs(text, text, {1: {"\ud800": 1}}): "'\\ud800' is no id",
        lambda: from_pairs(text, text, {1: {1: 0.5}}): "relevance is 0.5",
        lambda: from_pairs(text, text, {1: {1: 2**31}}): "relevance is 2147483648",
        lambda: from_pairs(text, text, {1: {1: 10**400}}): "relevance is 1000",
        lambda: from_pairs(text, text, {1: {1: float("inf")}}): "relevance is inf",
        lambda: from_pairs(text, text, {1: {2}}): "they name '2', and the corpus holds '1'",
    }.items():
        assert words in said(call)


def test_lists_of_one_length_are_lists_wherever_they_come_from(tmp_path: Path) -> None:
    two = datasets.Sequence(datasets.Value("string"), length=2)
    text = datasets.Value("string")
    saved = datasets.Dataset.from_dict(
        {"question": Q, "answer": A, "negative": [["x", "y"]] * 3},
        features=datasets.Features(question=text, answer=text, negative=two),
    )
    saved.save_to_disk(str(tmp_path / "saved"))
    for data in (load(saved), load(tmp_path / "saved")):
        assert len(data.corpus) == 5
    for dtype in (pl.List(pl.Array(pl.String, 2)), pl.Array(pl.Array(pl.String, 2), 1)):
        frame = pl.DataFrame({"question": Q, "answer": A}).with_columns(
            pl.Series("negatives", [[["x", "y"]]] * 3, dtype=dtype)
        )
        frame.write_parquet(tmp_path / "nested.parquet")
        for form in (frame, tmp_path / "nested.parquet"):
            assert "'negatives' holds lists of lists of texts" in said(lambda form=form: load(form))


def test_bad_rows_of_a_table_are_set_aside(tmp_path: Path) -> None:
    aside = tmp_path / "aside.jsonl"
    data = load(FAQ.assign(answer=[None, *A[1:]]), quarantine=aside)
    assert len(data.positives) == 2
    assert aside.read_text().count("\n") == 1


def test_a_collection_that_was_read_is_not_read_otherwise() -> None:
    with pytest.raises(InputError, match="read already"):
        load(load(FAQ), corpus=CORPUS)


def test_a_table_is_linted_trained_with_and_measured_by_like_a_file() -> None:
    copied = FAQ.assign(negative=[A[0].upper(), A[0], A[1]])
    assert [each.rule for each in neg.lint(copied).findings] == ["positive-by-normalised-text"]
    figures = neg.evaluate("bm25", FAQ).figures
    assert figures["queries"] == 3
    with pytest.raises(DataError, match="holds no rows"):
        neg.evaluate("bm25", FAQ[:0])


def test_a_saved_dataset_of_three_tables_is_read_as_the_one_at_hand(tmp_path: Path) -> None:
    asked = {"_id": [10, 20, 30], "text": Q}
    judged = {"query-id": [10, 20, 30], "corpus-id": [1, 2, 3], "score": [1, 1, 1]}
    whole = datasets.DatasetDict(
        corpus=datasets.Dataset.from_pandas(CORPUS),
        queries=datasets.Dataset.from_dict(asked),
        qrels=datasets.Dataset.from_dict(judged),
    )
    whole.save_to_disk(str(tmp_path / "saved"))
    for data in (load(whole), load(tmp_path / "saved")):
        assert pairs_of(data) == EXPECTED
        assert len(data.corpus) == 4


def test_columns_of_different_lengths_are_no_splits() -> None:
    for columns in ({"query": ["a", "b"], "positive": ["c"]}, {"qid": [1], "query": []}):
        with pytest.raises(DataError, match="columns of different lengths: '"):
            load(columns)
