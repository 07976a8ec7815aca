"""Judgements that name what is not there: told with their lines, counted, or set aside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from negatives.errors import DataError
from negatives.read import load, validate
from negatives.read.quarantine import Quarantine
from negatives.schema import check_collection
from tests.cli.commands import negatives
from tests.read.tiny import CORPUS, QRELS, beir, complaint

CASES = Path(__file__).parent.parent / "cases"
DANGLING = CASES / "dangling-qrels"
ARGUANA = CASES / "evaluate-dangling" / "beir"


def set_aside(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_each_is_told_with_its_line_and_how_many_of_how_many_there_are() -> None:
    text = complaint(DANGLING / "doc")
    assert text.splitlines()[0] == "2 of 6 rows name a query or document that is not there"
    assert "test.tsv, line 6: document 'test-speech-con03b' is not in the corpus" in text
    assert "test.tsv, line 7: document 'd2b' is not in the corpus" in text
    text = complaint(DANGLING / "query")
    assert text.splitlines()[0] == "1 of 5 rows names a query or document that is not there"
    assert "test.tsv, line 6: query 'PLAIN-2' is not in the queries" in text


def test_the_rows_of_a_file_are_counted_alike_whether_lost_documents_count_or_not(
    tmp_path: Path,
) -> None:
    qrels = "query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\tzz\t1\nq2\tyy\t1\nq9\td1\t1\n"
    folder = beir(tmp_path, qrels=qrels)
    assert complaint(folder).startswith("3 of 4 rows name a query or document that is not there")
    said = complaint(folder, lost="count")
    assert said.startswith("1 of 4 rows names a query or document that is not there")


def test_judgements_that_are_missing_are_asked_for_as_such(tmp_path: Path) -> None:
    said = complaint(beir(tmp_path, qrels="query-id\tcorpus-id\tscore\n"))
    assert "there are no judgements in split 'train'" in said
    assert "give it at least one row with a query, a document and a grade" in said


def test_where_no_id_matches_two_of_each_side_are_shown(tmp_path: Path) -> None:
    for lost in ("refuse", "count"):
        text = complaint(DANGLING / "all", lost=lost)
        assert "none of the 4 documents that the judgements name is in the corpus" in text
        assert "they name 'd1-0-20' and 'd2-0-20', and the corpus holds 'd1' and 'd2'" in text
    assert "none of the 4 documents" in complaint(DANGLING / "all", quarantine=tmp_path / "bad")
    text = complaint(beir(tmp_path, qrels="query-id\tcorpus-id\tscore\nPLAIN-1\td1\t1\n"))
    assert "the one query that the judgements name is not in the queries" in text
    assert "they name 'PLAIN-1', and the queries hold 'q1' and 'q2'" in text


def test_validate_tells_both_the_rows_and_that_none_matches() -> None:
    rows, fatal = validate(DANGLING / "all")["problems"]
    assert rows["what"] == "4 of 4 rows name a query or document that is not there"
    assert len(rows["first"]) == 4
    assert fatal["what"].startswith("none of the 4 documents")


def test_documents_that_the_corpus_lacks_may_count_as_not_found() -> None:
    collection = load(ARGUANA, lost="count")
    assert len(collection.qrels) == 5
    assert len(collection.positives) == 4
    (note,) = collection.notes
    assert note.startswith("1 of 5 judgements names a document that the corpus lacks")
    assert "test.tsv, line 6: 'con03b'" in note
    with pytest.raises(DataError):
        check_collection(collection)


def test_a_query_of_which_all_positives_are_lost_is_still_asked(tmp_path: Path) -> None:
    folder = beir(tmp_path, qrels=QRELS.replace("q1\td1", "q1\tgone"))
    assert load(folder, lost="count").mined_queries.tolist() == [0, 1]


def test_an_unknown_query_is_refused_even_where_documents_are_counted() -> None:
    assert "query 'PLAIN-2' is not in the queries" in complaint(DANGLING / "query", lost="count")


def test_evaluate_measures_and_tells() -> None:
    done = negatives("evaluate", "bm25", ARGUANA, "--metric", "R@5", "--quiet", "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["positives"], figures["positives not in the corpus"]) == (5, 1)
    assert figures["metrics"]["R@5"]["ceiling"] < 1
    done = negatives("evaluate", "bm25", ARGUANA, "--metric", "R@5", "--quiet")
    assert "not in the corpus: 1 of these positives, which count as not found" in done.stdout


def test_lint_goes_on_and_tells() -> None:
    file = ARGUANA.parent / "lint.jsonl"
    done = negatives("lint", file, "--data", ARGUANA, "--quiet")
    assert done.returncode == 0, done.stderr
    assert "note: 1 of 5 judgements names a document that the corpus lacks" in done.stdout


@pytest.mark.slow
def test_mining_is_told_and_sets_the_row_aside(tmp_path: Path) -> None:
    arguments = ("mine", DANGLING / "doc", "--out", tmp_path / "run", "--quiet", "--threads", "1")
    done = negatives(*arguments)
    assert done.returncode == 2
    assert "2 of 6 rows" in done.stderr
    assert "--quarantine FILE" in done.stderr
    done = negatives(*arguments, "--quarantine", tmp_path / "bad.jsonl")
    assert done.returncode == 0, done.stderr
    assert [row["line"] for row in set_aside(tmp_path / "bad.jsonl")] == [6, 7]


@pytest.mark.slow
def test_every_command_that_names_the_option_has_it(tmp_path: Path) -> None:
    bad = beir(tmp_path / "set", corpus=[*CORPUS, "oops"])
    out = ("--out", tmp_path / "out")
    for arguments in (
        ("mine", bad, *out),
        ("train", bad, *out),
        ("compare", bad, "--recipes", "default", *out),
        ("evaluate", "bm25", bad),
        ("lint", ARGUANA.parent / "lint.jsonl", "--data", bad),
        ("data", "describe", bad),
        ("data", "convert", bad, *out),
        ("data", "plant", bad, *out),
    ):
        done = negatives(*arguments, "--quiet") if arguments[0] != "data" else negatives(*arguments)
        assert done.returncode == 2, arguments
        assert "1 line is not JSON" in done.stderr, arguments
        assert "--quarantine FILE" in done.stderr, arguments
        command = arguments[:2] if arguments[0] == "data" else arguments[:1]
        assert "--quarantine" in negatives(*command, "--help").stdout, arguments


@pytest.mark.slow
def test_a_message_of_other_commands_does_not_name_it(tmp_path: Path) -> None:
    folder = beir(tmp_path / "set")
    done = negatives("mine", folder, "--out", tmp_path / "run", "--quiet", "--threads", "1")
    assert done.returncode == 0, done.stderr
    with (folder / "corpus.jsonl").open("a") as file:
        file.write("oops\n")
    done = negatives("export", tmp_path / "run", "-f", "triplet", "-o", tmp_path / "t.jsonl")
    assert done.returncode == 2
    assert "cannot be read any more: 1 line is not JSON" in done.stderr
    assert "--quarantine" not in done.stderr
    (tmp_path / "truth.tsv").write_text("q1\td1\thigh\n")
    done = negatives("audit", tmp_path / "run", "--truth", tmp_path / "truth.tsv")
    assert done.returncode == 2
    assert "--quarantine" not in done.stderr


def test_one_quarantine_holds_the_rows_of_several_collections_each_once(tmp_path: Path) -> None:
    folder = beir(tmp_path / "set", [*CORPUS, "oops"], qrels={"dev": QRELS, "train": QRELS})
    (folder / "qrels" / "dev.tsv").write_text(QRELS + "q1\td9\t1\n")
    aside = Quarantine(tmp_path / "bad.jsonl")
    load(folder, quarantine=aside)
    dev = load(f"{folder}@dev", quarantine=aside)
    assert [row["fault"] for row in set_aside(aside.path)] == ["not-json", "dangling"]
    assert dev.notes[0] == "1 line is not JSON: set aside"


def test_an_id_that_only_looks_like_one_that_is_there_is_told_with_its_code_points(
    tmp_path: Path,
) -> None:
    for place, (there, named) in enumerate(
        (
            ("d\u00e9", "de\u0301"),
            ("d1", "\ufeffd1"),
            ("d1", "d\u200b1"),
            ("d1", "d1\u00a0"),
            ("007", "7"),
            ("7", "7.0"),
            ("0", "00"),
        )
    ):
        corpus = [{"_id": there, "text": "a"}, {"_id": "d2", "text": "b"}]
        qrels = f"query-id\tcorpus-id\tscore\nq1\t{named}\t1\nq2\td2\t1\n"
        text = complaint(beir(tmp_path / str(place), corpus=corpus, qrels=qrels))
        assert f"({there!a} is, which looks like {named!a})" in text
