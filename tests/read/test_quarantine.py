"""With a quarantine file bad rows are set aside, and the rest is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from negatives.read import load
from tests.read.tiny import CORPUS, QRELS, QUERIES, beir, complaint


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_bad_rows_are_set_aside_with_file_line_reason_and_content(tmp_path: Path) -> None:
    folder = beir(tmp_path / "set", corpus=[*CORPUS, "oops", {"_id": "d1", "text": "again"}])
    collection = load(folder, quarantine=tmp_path / "bad.jsonl")
    first, second = rows(tmp_path / "bad.jsonl")
    assert first["file"] == str(folder / "corpus.jsonl")
    assert first["line"] == 4
    assert first["raw"] == "oops"
    assert second["reason"] == "doc_id 'd1' is also at line 1"
    assert second["raw"] == {"doc_id": "d1", "text": "again"}
    assert collection.corpus["doc_id"].to_list() == ["d1", "d2", "d3"]


def test_what_was_set_aside_is_counted_in_the_notes(tmp_path: Path) -> None:
    folder = beir(tmp_path / "set", corpus=[*CORPUS, *["oops"] * 7], qrels=QRELS + "q1\td9\t1\n")
    collection = load(folder, quarantine=tmp_path / "bad.jsonl")
    assert collection.notes == (
        "7 lines are not JSON: set aside",
        "1 of 4 rows names a query or document that is not there: set aside",
    )


def test_documents_keep_their_place_in_the_file(tmp_path: Path) -> None:
    folder = beir(tmp_path / "set", corpus=["oops", *CORPUS])
    collection = load(folder, quarantine=tmp_path / "bad.jsonl")
    assert collection.corpus["row"].to_list() == [1, 2, 3]


def test_judgements_of_a_document_that_was_set_aside_follow_it(tmp_path: Path) -> None:
    folder = beir(tmp_path / "set", corpus=[{"_id": "d1"}, *CORPUS[1:]])
    assert load(folder, quarantine=tmp_path / "bad.jsonl").qrels["query_id"].to_list() == ["q2"] * 2
    assert [row["fault"] for row in rows(tmp_path / "bad.jsonl")] == ["missing", "dangling"]


def test_the_first_of_two_contradictory_judgements_is_kept(tmp_path: Path) -> None:
    folder = beir(tmp_path / "set", qrels=QRELS + "q1\td1\t0\n")
    collection = load(folder, quarantine=tmp_path / "bad.jsonl")
    assert collection.qrels.row(0) == ("q1", "d1", 2)


def test_every_row_whose_id_has_another_text_is_counted(tmp_path: Path) -> None:
    row = '{{"query_id": "{}", "query": "{}", "positive": "{}"}}\n'.format
    said = [("q1", "one", "a"), ("q1", "other", "b"), ("q1", "other", "c"), ("q2", "two", "d")]
    (tmp_path / "pairs.jsonl").write_text("".join(row(*each) for each in said))
    collection = load(tmp_path / "pairs.jsonl", quarantine=tmp_path / "bad.jsonl")
    assert [each["line"] for each in rows(tmp_path / "bad.jsonl")] == [2, 3]
    assert collection.notes[0] == "2 rows repeat an id: set aside"
    assert len(collection.qrels) == 2


def test_every_line_that_a_quotation_mark_swallows_is_counted(tmp_path: Path) -> None:
    said = [f"query {n},answer {n}" for n in range(1, 21)]
    said[4] = '"query 5,answer 5'  # never closed: the rest of the file is one field
    path = tmp_path / "pairs.csv"
    path.write_text("\n".join(["query,positive", *said]) + "\n")
    collection = load(path, quarantine=tmp_path / "bad.jsonl")
    assert [each["raw"] for each in rows(tmp_path / "bad.jsonl")] == said[4:]
    assert collection.notes[0] == "16 rows have quotation marks that do not match: set aside"
    said[9] = 'query 10",answer 10'
    path.write_text("\n".join(["query,positive", *said]) + "\n")
    collection = load(path, quarantine=tmp_path / "bad.jsonl")
    assert [each["raw"] for each in rows(tmp_path / "bad.jsonl")] == said[4:10]
    assert len(collection.queries) == 14


def test_a_row_of_which_a_line_is_no_utf8_is_set_aside_whole(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_bytes(b'query,positive\none,"a\nb \xff\nc"\ntwo,d\n')
    collection = load(path, quarantine=tmp_path / "bad.jsonl")
    assert collection.queries["text"].to_list() == ["two"]
    assert sorted(each["line"] for each in rows(tmp_path / "bad.jsonl")) == [2, 3, 4]


def test_a_sound_collection_leaves_an_empty_quarantine(tmp_path: Path) -> None:
    load(beir(tmp_path / "set"), quarantine=tmp_path / "bad.jsonl")
    assert (tmp_path / "bad.jsonl").read_bytes() == b""


def test_a_second_reading_replaces_the_quarantine_of_the_first(tmp_path: Path) -> None:
    folder = beir(tmp_path / "set", corpus=[*CORPUS, "oops"])
    load(folder, quarantine=tmp_path / "bad.jsonl")
    load(folder, quarantine=tmp_path / "bad.jsonl")
    assert len(rows(tmp_path / "bad.jsonl")) == 1


def test_a_quarantine_never_replaces_the_data(tmp_path: Path) -> None:
    folder = beir(tmp_path / "set")
    before = (folder / "corpus.jsonl").read_bytes()
    text = complaint(folder, quarantine=folder / "corpus.jsonl")
    assert "the quarantine file exists and was not written as one" in text
    assert (folder / "corpus.jsonl").read_bytes() == before


def test_what_cannot_be_set_aside_is_still_an_error_and_leaves_no_file(tmp_path: Path) -> None:
    folder = beir(tmp_path / "set", queries=["oops"])
    text = complaint(folder, quarantine=tmp_path / "bad.jsonl")
    assert "the queries are empty once bad rows are set aside (1 line is not JSON" in text
    assert not (tmp_path / "bad.jsonl").exists()
    assert "no such file" in complaint(tmp_path / "no", quarantine=tmp_path / "bad.jsonl")


def test_nothing_temporary_is_left_behind(tmp_path: Path) -> None:
    load(beir(tmp_path / "set", queries=[*QUERIES, "?"]), quarantine=tmp_path / "bad.jsonl")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.jsonl", "set"]
