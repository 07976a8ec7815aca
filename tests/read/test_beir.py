"""BEIR folders: what is read, in which order, and which split."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest

from negatives.read import load, splits
from tests.read.tiny import CORPUS, QRELS, QUERIES, beir, complaint, lines


def test_a_document_is_its_title_a_space_and_its_text(tmp_path: Path) -> None:
    collection = load(beir(tmp_path))
    assert collection.corpus["text"].to_list() == ["Cats purr", "Dogs bark", "Cows moo"]


def test_documents_and_queries_are_in_id_order_and_remember_their_place_in_the_file(
    tmp_path: Path,
) -> None:
    collection = load(beir(tmp_path, corpus=reversed(CORPUS), queries=reversed(QUERIES)))
    assert collection.corpus["doc_id"].to_list() == ["d1", "d2", "d3"]
    assert collection.corpus["row"].to_list() == [2, 1, 0]
    assert collection.queries["row"].to_list() == [1, 0]


def test_judgements_keep_their_grades_and_an_explicit_zero(tmp_path: Path) -> None:
    assert load(beir(tmp_path)).qrels.rows() == [("q1", "d1", 2), ("q2", "d2", 1), ("q2", "d3", 0)]


def test_packed_files_are_read_like_plain_ones(tmp_path: Path) -> None:
    plain = load(beir(tmp_path / "a"))
    folder = beir(tmp_path / "b")
    for path in [folder / "corpus.jsonl", folder / "queries.jsonl", folder / "qrels/train.tsv"]:
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert load(folder).corpus.equals(plain.corpus)
    assert load(folder).qrels.equals(plain.qrels)


def test_the_split_is_train_where_there_is_one(tmp_path: Path) -> None:
    folder = beir(tmp_path, qrels={"dev": QRELS, "train": QRELS})
    assert load(folder).split == "train"
    assert splits(folder) == ["dev", "train"]


def test_the_only_split_is_taken_whatever_its_name(tmp_path: Path) -> None:
    assert load(beir(tmp_path, qrels={"odd": QRELS})).split == "odd"


def test_a_split_is_named_after_an_at_sign(tmp_path: Path) -> None:
    folder = beir(tmp_path, qrels={"dev": QRELS, "train": QRELS})
    assert load(f"{folder}@dev").split == "dev"


def test_a_folder_whose_name_has_an_at_sign_wins_over_a_split(tmp_path: Path) -> None:
    folder = beir(tmp_path / "data@dev", qrels={"train": QRELS, "dev": QRELS})
    assert load(folder).split == "train"
    assert load(f"{folder}@dev").split == "dev"


def test_queries_that_only_other_splits_judge_are_left_out(tmp_path: Path) -> None:
    qrels = {"train": "query-id\tcorpus-id\tscore\nq1\td1\t1\n", "dev": QRELS.replace("q1", "q2")}
    queries = [*QUERIES, {"_id": "q3", "text": "judged nowhere"}]
    qrels["dev"] = "query-id\tcorpus-id\tscore\nq2\td2\t1\n"
    collection = load(beir(tmp_path, queries=queries, qrels=qrels))
    assert collection.queries["query_id"].to_list() == ["q1", "q3"]
    assert collection.notes == ("1 query has no positive: it is not mined",)


def test_empty_texts_are_kept_and_noted(tmp_path: Path) -> None:
    corpus = [*CORPUS, {"_id": "e1", "text": ""}, {"_id": "e2", "title": " ", "text": "\n"}]
    collection = load(beir(tmp_path, corpus=corpus))
    assert collection.notes == ("2 documents have no text: they are never proposed",)
    assert collection.empty_docs.tolist() == [3, 4]


def test_ids_that_are_numbers_are_read_as_text_and_noted(tmp_path: Path) -> None:
    corpus = [{"_id": 10, "text": "a"}, {"_id": "9", "text": "b"}]
    folder = beir(tmp_path, corpus, [{"_id": 1, "text": "q"}], "qid\tdocid\trel\n1\t10\t1\n")
    collection = load(folder)
    assert collection.corpus["doc_id"].to_list() == ["10", "9"]
    assert collection.notes == ("2 ids are numbers: they were read as text",)


def test_blank_lines_a_byte_order_mark_and_windows_line_ends_are_harmless(tmp_path: Path) -> None:
    folder = beir(tmp_path)
    text = lines(CORPUS).replace("\n", "\r\n\r\n")
    (folder / "corpus.jsonl").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (folder / "qrels/train.tsv").write_bytes(b"\xef\xbb\xbf" + QRELS.replace("\n", "\r\n").encode())
    collection = load(folder)
    assert collection.corpus["row"].to_list() == [0, 1, 2]
    assert len(collection.qrels) == 3


def test_lines_in_blank_company_are_still_numbered_as_an_editor_would(tmp_path: Path) -> None:
    folder = beir(tmp_path, corpus=["", CORPUS[0], "", "{oops"])
    assert "corpus.jsonl, line 4:" in complaint(folder)


def test_ids_may_hold_tabs_quotes_and_line_ends_when_the_judgements_quote_them(
    tmp_path: Path,
) -> None:
    corpus = [{"_id": 'a\t"b"\n', "text": "x"}]
    collection = load(beir(tmp_path, corpus, QUERIES[:1], 'qid\tdocid\trel\nq1\t"a\t""b""\n"\t1\n'))
    assert collection.qrels.rows() == [("q1", 'a\t"b"\n', 1)]


@pytest.mark.parametrize(
    "qrels",
    ["q1\td1\t2\n", "q1 0 d1 2\n", "q1\t0\td1\t2\n", "corpus-id\tscore\tquery-id\nd1\t2\tq1\n"],
    ids=["no header", "TREC", "TREC with tabs", "columns in another order"],
)
def test_judgements_of_other_shapes_are_accepted_where_nothing_is_ambiguous(
    tmp_path: Path, qrels: str
) -> None:
    assert load(beir(tmp_path, qrels=qrels)).qrels.rows() == [("q1", "d1", 2)]


def test_a_judgement_given_twice_counts_once_and_is_noted(tmp_path: Path) -> None:
    collection = load(beir(tmp_path, qrels=QRELS + "q1\td1\t2\n"))
    assert len(collection.qrels) == 3
    assert collection.notes == ("1 judgement is repeated: it counts once",)


def test_extra_keys_are_ignored(tmp_path: Path) -> None:
    corpus = [{**row, "metadata": {"url": [1, None]}} for row in CORPUS]
    assert load(beir(tmp_path, corpus=corpus)).corpus.height == 3


def test_the_tables_have_the_types_every_stage_expects(tmp_path: Path) -> None:
    collection = load(beir(tmp_path))
    schema = {"doc_id": pl.String, "text": pl.String, "row": pl.UInt32, "title": pl.String}
    assert collection.corpus.schema == schema
    assert collection.qrels.schema["relevance"] == pl.Int32
