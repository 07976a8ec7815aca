"""What is told of a collection, and everything that is wrong with one."""

from __future__ import annotations

import json
from pathlib import Path

from negatives.read import describe, load, validate
from tests.read.tiny import CORPUS, QRELS, QUERIES, beir


def test_counts_are_those_a_reader_would_count(tmp_path: Path) -> None:
    corpus = [*CORPUS, {"_id": "d4", "text": "Dogs bark"}, {"_id": "d5", "text": ""}]
    queries = [*QUERIES, {"_id": "q3", "text": "nothing"}]
    told = describe(load(beir(tmp_path, corpus, queries, QRELS + "q1\td4\t1\n")))
    assert (told["documents"], told["queries"], told["judgements"]) == (5, 3, 4)
    assert (told["positives"], told["judged_negatives"], told["given_negatives"]) == (3, 1, 0)
    below = beir(tmp_path / "below", corpus, queries, QRELS + "q1\td4\t-1\n")
    assert describe(load(below))["judged_negatives"] == 1, "below 0 nobody has judged it"
    assert told["grades"] == {"0": 1, "1": 2, "2": 1}
    assert told["positives_per_query"] == {"min": 1, "median": 1.5, "mean": 1.5, "max": 2}
    assert told["queries_without_positive"] == 1
    assert told["documents_never_judged"] == 1
    assert (told["corpus"]["empty"], told["corpus"]["duplicates"]) == (1, 1)


def test_lengths_are_in_characters_and_in_words(tmp_path: Path) -> None:
    corpus = [{"_id": "d1", "text": "größe ändert"}, *CORPUS[1:]]
    told = describe(load(beir(tmp_path, corpus)))["corpus"]
    assert (told["characters"]["max"], told["words"]["max"]) == (12, 2)
    assert (told["characters"]["min"], told["characters"]["p50"]) == (8, 9)


def test_a_description_is_plain_json(tmp_path: Path) -> None:
    told = describe(load(beir(tmp_path)))
    assert json.loads(json.dumps(told)) == told


def test_a_sound_collection_is_valid(tmp_path: Path) -> None:
    told = validate(beir(tmp_path))
    assert told["ok"]
    assert told["problems"] == []
    assert told["description"]["documents"] == 3


def test_validation_gathers_every_problem_of_every_file(tmp_path: Path) -> None:
    folder = beir(
        tmp_path,
        corpus=[*CORPUS, "oops", {"_id": "d1", "text": "again"}, {"_id": 5}],
        queries=[*QUERIES, {"_id": "q3", "text": 1}],
        qrels=QRELS + "q9\td1\t1\nq1\td1\t0\nq1\td3\tx\n" + "q1\td9\t1\n" * 6,
    )
    told = validate(folder)
    assert not told["ok"]
    counts = {problem["kind"]: problem["count"] for problem in told["problems"]}
    assert counts == {
        "not-json": 1,
        "missing": 1,
        "wrong-type": 1,
        "bad-score": 1,
        "duplicate-id": 1,
        "dangling": 7,
        "contradictory": 1,
    }
    dangling = next(p for p in told["problems"] if p["kind"] == "dangling")
    assert len(dangling["first"]) == 5
    assert dangling["first"][0]["line"] == 5
    assert json.loads(json.dumps(told)) == told


def test_what_ends_reading_is_the_last_problem(tmp_path: Path) -> None:
    folder = beir(tmp_path, corpus=["oops"])
    told = validate(folder)
    assert [problem["kind"] for problem in told["problems"]] == ["not-json", "fatal"]
    assert told["problems"][1]["what"].startswith("the corpus is empty")
    assert told["description"] is None
    assert validate(tmp_path / "nowhere")["problems"][0]["what"] == "no such file or folder"
