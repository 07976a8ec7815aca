"""Responses of a language model as documents: what is right, what is wrong, what is to forget."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from negatives.errors import DataError
from negatives.measure.lint import lint
from negatives.read import load, splits
from negatives.read.loading import validate
from negatives.schema import Collection


def written(path: Path, *rows: Any) -> Path:
    """A file of JSON lines."""
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def judged(collection: Collection) -> list[tuple[str, str, int]]:
    """(prompt, response, relevance) of every judgement, in order."""
    rows = collection.judged
    prompts = collection.query_texts(rows["query"].to_numpy())
    responses = collection.doc_texts(rows["doc"].to_numpy())
    return sorted(zip(prompts, responses, rows["relevance"].to_list(), strict=True))


SHAPES: dict[str, tuple[Any, list[tuple[str, str, int]]]] = {
    "a response and a label": (
        {"prompt": "2+2?", "response": "it is five", "label": False},
        [("2+2?", "it is five", 0)],
    ),
    "steps, of which the second is wrong": (
        {"prompt": "2+2?", "completions": ["two twos", "so 5"], "labels": [True, False]},
        [("2+2?", "two twos\nso 5", 0)],
    ),
    "solutions with a verdict each": (
        {
            "question": "2+2?",
            "ground_truth": "4",
            "small": {"is_correct": False, "solution": "5"},
            "large": {"is_correct": True, "solution": "2+2 is 4"},
        },
        [("2+2?", "2+2 is 4", 1), ("2+2?", "4", 1), ("2+2?", "5", 0)],
    ),
    "an answer, said again, and wrong ones": (
        {
            "question": "Who?",
            "answer": "She.",
            "paraphrased_answer": "It was she.",
            "perturbed_answer": ["He.", "They."],
        },
        [("Who?", "He.", 0), ("Who?", "It was she.", 1), ("Who?", "She.", 1), ("Who?", "They.", 0)],
    ),
    "an answer among options": (
        {"question": "Who?", "option1": "He", "option2": "She", "answer": "She"},
        [("Who?", "He", 0), ("Who?", "She", 1)],
    ),
}


def test_a_right_response_is_a_positive_and_a_wrong_one_a_judged_negative(tmp_path: Path) -> None:
    for number, (name, (row, expected)) in enumerate(SHAPES.items()):
        right = {"prompt": "x?", "response": "y", "label": True} if number == 0 else row
        found = load(written(tmp_path / f"{number}.jsonl", row, right))
        assert [each for each in judged(found) if each[0] != "x?"] == expected, name


def test_the_first_wrong_step_is_a_field(tmp_path: Path) -> None:
    rows = [
        {"prompt": "a?", "steps": ["s", "t", "u"], "labels": [1, 0, 0]},
        {"prompt": "b?", "steps": ["v\nw"], "labels": [1]},
    ]
    found = load(written(tmp_path / "steps.jsonl", *rows)).corpus.sort("text")
    assert found.select("text", "wrong_from").rows() == [("s\nt\nu", 2), ("v w", 0)]
    pl.DataFrame(rows).write_parquet(tmp_path / "steps.parquet")
    assert judged(load(tmp_path / "steps.parquet")) == [("a?", "s\nt\nu", 0), ("b?", "v w", 1)]


def test_of_several_first_wrong_steps_of_a_text_the_earliest_counts_and_is_told(
    tmp_path: Path,
) -> None:
    rows = [
        {"prompt": "a?", "steps": ["s", "t", "u"], "labels": [1, 1, 0]},
        {"prompt": "b?", "steps": ["s", "t", "u"], "labels": [1, 0, 0]},
        {"prompt": "c?", "steps": ["s", "t", "u"], "labels": [1, 1, 1]},
    ]
    data = written(tmp_path / "steps.jsonl", *rows)
    assert load(data).corpus["wrong_from"].to_list() == [2]
    assert validate(data)["description"]["notes"][0] == (
        "1 response has other first wrong steps for other prompts: the earliest counts"
    )


def test_what_is_to_forget_stands_beside_what_is_to_keep(tmp_path: Path) -> None:
    folder = tmp_path / "authors"
    for name, answer in (("forget05", "Ann"), ("retain95", "Bob"), ("full", "Eve")):
        written(folder / f"{name}.json", {"question": f"{name}?", "answer": answer})
    assert splits(folder) == ["forget05", "full", "retain95"]
    assert judged(load(f"{folder}@forget05")) == [("forget05?", "Ann", 0), ("retain95?", "Bob", 1)]
    assert judged(load(f"{folder}@full")) == [("full?", "Eve", 1)]
    with pytest.raises(DataError, match="name one at the end, as in authors@forget05"):
        load(folder)


def test_bad_rows_are_listed_in_the_words_of_prompts_and_responses(tmp_path: Path) -> None:
    good = {"prompt": "a?", "steps": ["s"], "labels": [True]}
    cases: dict[str, tuple[Any, str]] = {
        "no response": ({"prompt": "b?"}, "no prompt, or no response"),
        "no prompt": ({**good, "prompt": " "}, "no prompt, or no response"),
        "an empty step": ({**good, "steps": [""]}, "no prompt, or no response"),
        "uneven": ({**good, "steps": ["s", "t"]}, "2 steps and 1 labels"),
        "a word": ({**good, "labels": ["fine"]}, "does not say whether the response is right"),
        "messages": ({**good, "prompt": [{"role": "user"}]}, "holds no text"),
        "both": ({**good, "labels": [False]}, "judges a pair again, differently"),
    }
    for name, (row, said) in cases.items():
        with pytest.raises(DataError) as error:
            load(written(tmp_path / "bad.jsonl", good, row))
        assert said in f"{error.value.what} {error.value.where}", name
        assert "line 2" in str(error.value.where), name
    found = validate(written(tmp_path / "bad.jsonl", good, {"prompt": "b?"}))
    assert found["problems"][0]["kind"] == "no-response"
    assert found["description"]["positives"] == 1


def test_rejected_responses_that_are_empty_are_told(tmp_path: Path) -> None:
    rows = [
        {"prompt": "a?", "chosen": "yes", "rejected": ["", " ", "no"]},
        {"prompt": "b?", "chosen": "yes", "rejected": []},
    ]
    found = validate(written(tmp_path / "pairs.jsonl", *rows))["description"]
    assert found["given_negatives"] == 1
    assert found["notes"] == ["2 given negatives are empty: they are left out"]
    (tmp_path / "pairs.csv").write_text("query,positive,negative_1,negative_2\na?,yes,no,\n")
    assert validate(tmp_path / "pairs.csv")["description"]["notes"] == []


def test_lint_reads_them_too(tmp_path: Path) -> None:
    rows = [
        {"prompt": "2+2?", "steps": ["two twos", "so 4"], "labels": [True, True]},
        {"prompt": "2+2?", "steps": ["Two twos!", "So 4."], "labels": [True, False]},
    ]
    found = lint(written(tmp_path / "steps.jsonl", *rows))
    assert (found.rows, found.negatives) == (2, 1)
    assert any("positive" in finding.verdict for finding in found.findings), found.findings
