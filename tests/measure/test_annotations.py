"""Judgements of Label Studio and Argilla: tasks out, what they export in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import negatives as neg
from negatives.errors import DataError
from negatives.measure.review import draw_questions, draw_sample, read_review, read_verdicts
from negatives.run.asking import picks_of
from negatives.run.reviews import read_lines
from tests.cli.commands import negatives


def label_studio(task: dict[str, Any], number: int, word: str | None) -> dict[str, Any]:
    """A task as Label Studio exports it."""
    result = [] if word is None else [{
        "id": "x", "type": "choices", "from_name": "verdict", "to_name": "document",
        "value": {"choices": [word]},
    }]  # fmt: skip
    annotation = {
        "id": number, "completed_by": {"id": 7, "email": "ann@example.org"},
        "was_cancelled": False, "created_at": "2026-01-02T03:04:05Z", "result": result,
    }  # fmt: skip
    return {"id": number, "data": task["data"], "annotations": [annotation], "predictions": []}


@pytest.mark.parametrize("form", ["label-studio", "argilla"])
def test_pairs_go_out_and_come_back_as_reviews_of_their_order(
    run: neg.Run, tmp_path: Path, form: Any
) -> None:
    out = tmp_path / "tasks.json"
    assert draw_sample(run, 12, out, form) == 12
    items = json.loads(out.read_text("utf-8"))
    words = ["relevant", "not"] + ["Not relevant"] * 8 + [None, "Can't tell"]
    if form == "label-studio":
        back = [
            label_studio(item, n, word)
            for n, (item, word) in enumerate(zip(items, words, strict=True))
        ]
    else:
        back = [
            item | {"responses": {} if word is None else {
                "verdict": [{"value": word, "user_id": "0a1b", "status": "submitted"}]}}
            for item, word in zip(items, words, strict=True)
        ]  # fmt: skip
    judged = tmp_path / "judged.json"
    judged.write_text(json.dumps(back), "utf-8")
    review = read_review(judged, run)
    assert (review.judged, review.relevant, review.undecided) == (10, 1, 2)
    lines, _ = read_verdicts(judged)
    assert lines["order"].unique().to_list() == ["random"]
    assert lines["picks"].unique().to_list() == [picks_of(run)]
    assert lines["reviewer"].unique().to_list() == [
        "ann@example.org" if form == "label-studio" else "0a1b"
    ]


def test_the_flat_form_of_label_studio_and_the_old_one_of_argilla_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    flat = [
        {"query_id": "q", "doc_id": "d", "annotation_id": 3, "annotator": 5, "verdict": "partly"}
    ]
    old = [{
        "fields": {}, "metadata": {"query_id": "q", "doc_id": "d"},
        "responses": [
            {"user_id": "u", "status": "submitted", "values": {"verdict": {"value": "partly"}}},
            {"user_id": "w", "status": "discarded", "values": {"verdict": {"value": "not"}}},
        ],
    }]  # fmt: skip
    for items in (flat, old):
        path.write_text(json.dumps(items), "utf-8")
        lines, undecided = read_verdicts(path)
        assert (lines["verdict"].to_list(), undecided) == (["partly"], 0)


def test_what_is_neither_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    about = {"query_id": "q", "doc_id": "d"}
    for content, said in {
        "{": "this is no JSON",
        "{}": "no list of tasks or records",
        "[1]": "neither a task nor a record",
        '[{"text": "a"}]': "neither a task nor a record",
        '[{"data": {"text": "a"}, "annotations": []}]': "has no query_id",
        json.dumps([label_studio({"data": about}, 1, "perhaps")]): "the first 'perhaps'",
        json.dumps(
            [{"metadata": about, "fields": {}, "responses": {"verdict": [{"value": 4}]}}]
        ): "which is no word",
        json.dumps(
            [{"data": about, "annotations": [{"result": [{"value": {"choices": ["a", "b"]}}]}]}]
        ): "several verdicts",
    }.items():
        path.write_text(content, "utf-8")
        with pytest.raises(DataError) as caught:
            read_verdicts(path)
        assert said in str(caught.value)
        assert str(path) in str(caught.value)


def test_tasks_are_written_by_command_and_a_table_is_no_json(run: neg.Run, tmp_path: Path) -> None:
    out = tmp_path / "tasks.json"
    asked = negatives("judge", run.path, "--ask", "5", "--format", "argilla", "-o", out)
    assert asked.stdout.startswith(f"{out}: 5 pairs. Judge them there, export them as JSON, then:")
    assert {item["metadata"]["order"] for item in json.loads(out.read_text("utf-8"))} == {"active"}
    wrong = negatives("audit", run.path, "--sample", "5", "--format", "label-studio", "-o", "x.csv")
    assert wrong.returncode == 2
    assert "end its name in one of .json" in wrong.stderr
    assert draw_questions(run, 5, tmp_path / "same.csv") == 5
    assert read_lines(run.path).is_empty()
