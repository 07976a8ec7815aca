"""Pair files: which column is what, one document a text, and what a row may be."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from negatives.read import load, splits
from negatives.schema import Collection
from tests.read.tiny import complaint, lines

ROWS = [
    {"query": "who purrs", "positive": "cats", "negative": "dogs"},
    {"query": "who barks", "positive": "dogs", "negative": "cows"},
]


def jsonl(path: Path, rows: list[Any]) -> Path:
    path.write_text(lines(rows), "utf-8")
    return path


def pairs(collection: Collection, table: str = "qrels") -> list[tuple[str, str]]:
    """Judged (or given) pairs by text, in text order."""
    frame: pl.DataFrame = getattr(collection, table)
    queries = dict(collection.queries.select("query_id", "text").iter_rows())
    docs = dict(collection.corpus.select("doc_id", "text").iter_rows())
    return sorted((queries[q], docs[d]) for q, d in frame.select("query_id", "doc_id").iter_rows())


WRITERS: dict[str, Callable[[Path, list[Any]], object]] = {
    "pairs.jsonl": jsonl,
    "pairs.json": jsonl,
    "pairs.jsonl.gz": lambda path, rows: path.write_bytes(gzip.compress(lines(rows).encode())),
    "pairs.parquet": lambda path, rows: pl.DataFrame(rows).write_parquet(path),
    "pairs.csv": lambda path, rows: pl.DataFrame(rows).write_csv(path),
    "pairs.tsv": lambda path, rows: pl.DataFrame(rows).write_csv(path, separator="\t"),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_collection(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name, ROWS)
    collection = load(tmp_path / name)
    assert pairs(collection) == [("who barks", "dogs"), ("who purrs", "cats")]
    assert pairs(collection, "given") == [("who barks", "cows"), ("who purrs", "dogs")]
    assert collection.corpus.sort("row")["text"].to_list() == ["cats", "dogs", "cows"]
    assert (collection.name, collection.split) == ("pairs", "train")
    assert collection.notes == ()


@pytest.mark.parametrize(
    ("query", "positive"),
    [
        ("anchor", "positive"),
        ("question", "answer"),
        ("Query", "Passage"),
        ("sentence1", "sentence2"),
    ],
)
def test_columns_are_found_by_name(tmp_path: Path, query: str, positive: str) -> None:
    path = jsonl(tmp_path / "p.jsonl", [{positive: "cats", "n": "x", query: "who purrs"}])
    assert pairs(load(path)) == [("who purrs", "cats")]


def test_columns_without_a_known_name_are_taken_in_order_and_noted(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "p.jsonl", [{"n": 3, "left": "who purrs", "right": "cats do"}])
    collection = load(path)
    assert pairs(collection) == [("who purrs", "cats do")]
    assert collection.notes == (
        "column 'left' was taken as the query, by its place",
        "column 'right' was taken as the positive, by its place",
    )


def test_flagembedding_lists_are_read(tmp_path: Path) -> None:
    row = {"query": "q", "pos": ["a", "b"], "neg": ["c", "d"], "pos_scores": [1, 2], "prompt": "p"}
    collection = load(jsonl(tmp_path / "p.jsonl", [row, {"query": "r", "pos": ["a"], "neg": []}]))
    assert pairs(collection) == [("q", "a"), ("q", "b"), ("r", "a")]
    assert pairs(collection, "given") == [("q", "c"), ("q", "d")]


def test_lists_in_parquet_are_read(tmp_path: Path) -> None:
    frame = pl.DataFrame({"query": ["q", "r"], "positives": [["a", "b"], ["a"]]})
    frame = frame.with_columns(negatives=pl.Series([["c"], None], dtype=pl.List(pl.String)))
    frame.write_parquet(tmp_path / "p.parquet")
    collection = load(tmp_path / "p.parquet")
    assert pairs(collection) == [("q", "a"), ("q", "b"), ("r", "a")]
    assert pairs(collection, "given") == [("q", "c")]


def test_numbered_negatives_are_given_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    row = {"query": "q", "positive": "a", "negative_10": "k", "negative_2": "c", "negative_1": "b"}
    collection = load(jsonl(tmp_path / "p.jsonl", [row]))
    texts = dict(collection.corpus.select("doc_id", "text").iter_rows())
    assert [texts[doc] for doc in collection.given["doc_id"]] == ["b", "c", "k"]


def test_an_anchor_on_several_rows_has_several_positives(tmp_path: Path) -> None:
    rows = [{"query": "q", "positive": text} for text in ("a", "b", "a")]
    collection = load(jsonl(tmp_path / "p.jsonl", rows))
    assert len(collection.queries) == 1
    assert pairs(collection) == [("q", "a"), ("q", "b")]
    assert collection.notes == ("1 judgement is repeated: it counts once",)


def test_a_text_is_one_document_whichever_side_it_is_on(tmp_path: Path) -> None:
    rows = [
        {"query": "q", "positive": " same\n", "negative": "x"},
        {"query": "r", "positive": "x", "negative": "same"},
    ]
    assert len(load(jsonl(tmp_path / "p.jsonl", rows)).corpus) == 2


def test_ids_are_made_from_the_text_alone(tmp_path: Path) -> None:
    collection = load(jsonl(tmp_path / "p.jsonl", [{"query": "q", "positive": "ä"}]))
    digest = blake2b("ä".encode(), digest_size=8).hexdigest()
    assert collection.corpus["doc_id"].to_list() == [f"d-{digest}"]
    assert collection.queries["query_id"][0].startswith("q-")


def test_ids_of_the_file_are_kept_and_a_negative_has_the_id_its_text_has_elsewhere(
    tmp_path: Path,
) -> None:
    rows = [
        {"query_id": 1, "query": "q", "doc_id": "A", "positive": "a", "negative": "b"},
        {"query_id": 2, "query": "r", "doc_id": "B", "positive": "b", "negative": "a"},
    ]
    collection = load(jsonl(tmp_path / "p.jsonl", rows))
    assert collection.qrels["doc_id"].to_list() == ["A", "B"]
    assert sorted(collection.given.rows()) == [("1", "B"), ("2", "A")]


def test_listed_positives_may_have_listed_ids(tmp_path: Path) -> None:
    row = {"query": "q", "positive": ["a", "b"], "positive_id": ["A", "B"]}
    collection = load(jsonl(tmp_path / "p.jsonl", [row]))
    assert collection.corpus.select("doc_id", "text").rows() == [("A", "a"), ("B", "b")]


def test_listed_positives_and_their_ids_must_be_as_many(tmp_path: Path) -> None:
    row = {"query": "q", "positive": ["a", "b"], "positive_id": ["A"]}
    text = complaint(jsonl(tmp_path / "p.jsonl", [row]))
    assert "p.jsonl, line 1: 1 ids for 2 texts" in text


def test_an_id_with_two_texts_is_an_error(tmp_path: Path) -> None:
    rows = [{"query": "q", "doc_id": "A", "positive": text} for text in ("a", "b")]
    text = complaint(jsonl(tmp_path / "p.jsonl", rows))
    assert "p.jsonl, line 2: id 'A' has another text at line 1" in text


@pytest.mark.parametrize("name", ["pairs.jsonl", "pairs.parquet", "pairs.csv"])
def test_a_label_is_the_relevance_and_zero_a_judged_negative(tmp_path: Path, name: str) -> None:
    rows = [{"query": "q", "passage": text, "label": label} for text, label in (("a", 1), ("b", 0))]
    WRITERS[name](tmp_path / name, rows)
    collection = load(tmp_path / name)
    assert sorted(collection.qrels["relevance"]) == [0, 1]
    assert len(collection.given) == 0


@pytest.mark.parametrize("name", ["pairs.jsonl", "pairs.parquet", "pairs.csv"])
def test_a_fractional_score_is_no_relevance(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name, [{"sentence1": "q", "sentence2": "a", "score": 0.25}])
    assert "score is 0.25" in complaint(tmp_path / name)


def test_a_given_negative_that_is_also_a_positive_is_noted(tmp_path: Path) -> None:
    row = {"query": "q", "pos": ["a"], "neg": ["a", "b"]}
    notes = load(jsonl(tmp_path / "p.jsonl", [row])).notes
    assert notes == ("1 given negative is also judged relevant to its query",)


def test_a_query_without_positives_is_kept_and_noted(tmp_path: Path) -> None:
    rows = [{"query": "q", "pos": ["a"]}, {"query": "r", "pos": []}]
    collection = load(jsonl(tmp_path / "p.jsonl", rows))
    assert len(collection.queries) == 2
    assert collection.notes == ("1 query has no positive: it is not mined",)


def test_rows_without_a_negative_have_none(tmp_path: Path) -> None:
    rows = [{"query": "q", "positive": "a", "negative": None}, {"query": "r", "positive": "b"}]
    assert len(load(jsonl(tmp_path / "p.jsonl", rows)).given) == 0
    (tmp_path / "p.csv").write_text("query,positive,negative\nq,a,\nr,b,\n")
    assert len(load(tmp_path / "p.csv").given) == 0


def test_several_files_are_one_collection_by_folder_or_by_pattern(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for at, row in enumerate(ROWS):
        pl.DataFrame([row]).write_parquet(tmp_path / "data" / f"part-{at}.parquet")
    assert len(load(tmp_path).queries) == 2
    assert len(load(tmp_path / "data" / "part-*.parquet").queries) == 2


def test_an_error_in_one_of_several_files_names_that_file(tmp_path: Path) -> None:
    jsonl(tmp_path / "a.jsonl", ROWS)
    jsonl(tmp_path / "b.jsonl", [ROWS[0], {"query": "q", "positive": None}])
    assert "b.jsonl, line 2: 'positive' is null" in complaint(tmp_path)


def test_file_names_tell_the_split(tmp_path: Path) -> None:
    for name in ("train-00000-of-00002", "train-00001-of-00002", "validation", "trainer"):
        jsonl(tmp_path / f"{name}.jsonl", [{"query": name, "positive": "x"}])
    assert splits(tmp_path) == ["train", "validation"]
    assert len(load(tmp_path).queries) == 3
    assert load(f"{tmp_path}@validation").queries["text"].to_list() == ["validation"]


def test_a_pattern_that_matches_nothing_is_an_error(tmp_path: Path) -> None:
    assert "no file matches" in complaint(tmp_path / "*.parquet")


def test_a_corpus_is_not_taken_for_pairs(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "corpus.jsonl", [{"_id": "d", "title": "t", "text": "x"}])
    text = complaint(path)
    assert "this file holds documents or queries, not pairs" in text
    assert "name the folder" in text


def test_a_file_with_one_text_column_is_an_error(tmp_path: Path) -> None:
    text = complaint(jsonl(tmp_path / "p.jsonl", [{"query": "q", "n": 1}]))
    assert "no column for the positive among 'query', 'n'" in text
    assert "name the columns query and positive" in text


def test_a_text_column_of_numbers_is_an_error(tmp_path: Path) -> None:
    pl.DataFrame({"query": ["q"], "positive": [1]}).write_parquet(tmp_path / "p.parquet")
    for path in (tmp_path / "p.parquet", jsonl(tmp_path / "p.jsonl", [{"query": "q", "pos": 1}])):
        assert "holds ids of queries or documents, and no texts" in complaint(path)
    rows = [ROWS[0], {"query": "q", "positive": 1}, ROWS[1]]
    text = complaint(jsonl(tmp_path / "p.jsonl", rows))
    assert "p.jsonl, line 2: 'positive' must be text or a list of texts, and is 1" in text


def test_a_null_in_parquet_is_shown_with_its_row(tmp_path: Path) -> None:
    frame = pl.DataFrame({"query": ["q", None, "r"], "positive": ["a", "b", None]})
    frame.write_parquet(tmp_path / "p.parquet")
    text = complaint(tmp_path / "p.parquet")
    assert "p.parquet, row 2: 'query' is null" in text
    assert "p.parquet, row 3: 'positive' is null" in text


def test_a_ragged_csv_row_is_shown_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text('query,positive\n"a\nb",c\nq,a,x\nq\n')
    text = complaint(tmp_path / "p.csv")
    assert text.splitlines()[0] == "2 rows have the wrong number of columns"
    assert "p.csv, line 4: 3 columns, where the first line has 2" in text
    assert "p.csv, line 5: 1 columns, where the first line has 2" in text


@pytest.mark.parametrize("name", ["pairs.jsonl", "pairs.parquet", "pairs.csv"])
def test_columns_may_be_called_row_file_or_line(tmp_path: Path, name: str) -> None:
    WRITERS[name](
        tmp_path / name, [{"query": "q", "line": "l", "row": "a", "file": "f", "pos": "a"}]
    )
    assert pairs(load(tmp_path / name)) == [("q", "a")]


def test_a_csv_file_without_a_header_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "p.tsv").write_text("how do cats purr\tthey just do\n")
    text = complaint(tmp_path / "p.tsv")
    assert "the first line is no header that is known: ['how do cats purr', 'they just do']" in text


@pytest.mark.parametrize("name", ["p.csv", "p.jsonl", "p.tsv"])
def test_an_empty_file_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert "the file holds no rows" in complaint(tmp_path / name)


def test_an_empty_parquet_file_is_an_error(tmp_path: Path) -> None:
    pl.DataFrame(ROWS).clear().write_parquet(tmp_path / "p.parquet")
    assert "the file holds no rows" in complaint(tmp_path / "p.parquet")
    (tmp_path / "p.parquet").write_bytes(b"")
    assert "not a whole Parquet file" in complaint(tmp_path / "p.parquet")


def test_bad_rows_are_set_aside_in_every_format(tmp_path: Path) -> None:
    frame = pl.DataFrame({"query": ["q", None], "positive": ["a", "b"], "label": [1.0, 1.0]})
    frame.write_parquet(tmp_path / "p.parquet")
    (tmp_path / "p.csv").write_text("query,positive,label\nq,a,1\nq,b,x\nq\n")
    for name, count in (("p.parquet", 1), ("p.csv", 2)):
        collection = load(tmp_path / name, quarantine=tmp_path / "bad.jsonl")
        assert pairs(collection) == [("q", "a")]
        bad = [json.loads(line) for line in (tmp_path / "bad.jsonl").read_text().splitlines()]
        assert len(bad) == count


def test_documents_longer_than_the_limits_of_csv_readers_are_read(tmp_path: Path) -> None:
    long = "word " * 60_000
    (tmp_path / "p.csv").write_text(f"query,positive\nq,{long}\n")
    assert load(tmp_path / "p.csv").corpus["text"][0] == long.strip()


def test_rows_of_separators_alone_are_blank_lines_wherever_they_stand(tmp_path: Path) -> None:
    for ending, apart in (("csv", ","), ("tsv", "\t")):
        path = tmp_path / f"pairs.{ending}"
        rows = [
            "||",
            "question|answer",
            "|",
            "who purrs|cats",
            " | ",
            "|",
            "||",
            "who barks|dogs",
            "|",
        ]
        path.write_text("\n".join(rows).replace("|", apart), "utf-8")
        found = load(path)
        assert pairs(found) == [("who barks", "dogs"), ("who purrs", "cats")]
        assert found.notes == ("6 rows hold nothing but separators: they are left out",)
    path.write_text("question\tanswer\nwho purrs\tcats\nwho barks\t\n", "utf-8")
    assert load(path).notes == ("1 document has no text: it is never proposed",), "half a pair"


def test_words_for_a_missing_value_are_texts_and_noted(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text(
        "question,answer\nwho purrs,cats\nwhy,NULL\nNone,nan\nnanny,None of us\n", "utf-8"
    )
    found = load(path)
    assert ("None", "nan") in pairs(found)
    assert found.notes == (
        "2 documents are a word ('NULL', 'nan'), as programs write a missing value: read as text; "
        "leave them out where nothing was meant",
        "1 query is a word ('None'), as programs write a missing value: read as text; "
        "leave it out where nothing was meant",
    )
