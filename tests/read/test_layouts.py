"""What columns are taken for, and what is refused: nothing is guessed, by any command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from negatives.read import load
from negatives.read.mined.reading import blocks
from negatives.read.mined.rows import mined_file
from tests.read.tiny import complaint
from tests.read.understood import Counts, understood

Q = ["what is lift", "what is drag", "what is stall"]
P = ["Lift acts across the flow.", "Drag acts along it.", "Stall is a loss of lift."]
N = ["Thrust pushes it forward.", "Weight pulls it down.", "Yaw turns the nose."]
Row = dict[str, Any]


def rows(**columns: Any) -> list[Row]:
    """Three rows; a function makes the value of a row from its number."""
    return [{k: v(at) if callable(v) else v for k, v in columns.items()} for at in range(3)]


def q(at: int) -> str:
    return Q[at]


def p(at: int) -> str:
    return P[at]


def n(at: int) -> str:
    return N[at]


def passage(at: int, text: str) -> Row:
    return {"docid": f"p{at}", "title": "", "text": text}


def said(role: str, text: str) -> list[Row]:
    return [{"role": role, "content": text}]


READ: dict[str, tuple[list[Row], Counts]] = {
    "Tevatron's passages and one column more": (
        rows(query=q, positive_passages=lambda at: [passage(at, P[at])],
             negative_passages=lambda at: [passage(9, N[0])], why=lambda at: f"it is {at} so"),
        (3, 3, 3),
    ),
    "texts by system": (
        rows(query=q, pos=lambda at: [P[at]], neg=lambda at: {"bm25": [N[0]], "dense": N[1:]}),
        (3, 3, 9),
    ),
    "objects of parallel lists": (
        rows(query=q, positives=lambda at: {"id": [f"p{at}"], "text": [P[at]]},
             negatives=lambda at: {"id": ["8", "9"], "text": N[:2], "score": [0.1, 0.2]}),
        (3, 3, 6),
    ),
    "preferences as conversations": (
        rows(prompt=q, chosen=lambda at: said("user", Q[at]) + said("assistant", P[at]),
             rejected=lambda at: said("user", Q[at]) + said("assistant", N[at])),
        (3, 3, 3),
    ),
    "true and false": (
        [{"query": Q[at], "document": text, "label": text == P[at]}
         for at in range(3) for text in (P[at], N[at])],
        (3, 3, 3),
    ),
    "completions with labels": (
        [{"prompt": Q[at], "completion": text, "label": text == P[at]}
         for at in range(3) for text in (P[at], N[at])],
        (3, 3, 3),
    ),
    "a label below 0, which is no judgement": (
        [{"query": Q[0], "document": text, "label": label}
         for text, label in ((P[0], 2), (N[0], 0), (N[1], -1))],
        (1, 1, 1),
    ),
    "a negative that only the last row has": (
        [{"query": Q[0], "positive": P[0]}, {"query": Q[1], "positive": P[1], "negative": N[1]}],
        (2, 2, 1),
    ),
    "the margin of a teacher beside a triplet": (
        rows(query=q, positive=p, negative=n, score=lambda at: at + 0.5), (3, 3, 3)
    ),
    "irrelevant documents": (
        rows(query=q, relevant_docs=lambda at: [P[at]], irrelevant_docs=lambda at: [N[at]]),
        (3, 3, 3),
    ),
    "names in capitals, with spaces": (
        [{"Query": Q[at], "Positive": P[at], "Hard Negatives": [N[at]]} for at in range(3)],
        (3, 3, 3),
    ),
}  # fmt: skip

REFUSED: dict[str, tuple[list[Row], str]] = {
    "a label that some rows lack": (
        [{"query": Q[0], "positive": P[0]}, {"query": Q[0], "positive": N[0], "label": 0}],
        "1 row has a relevance that is no whole number",
    ),
    "a label in words": (
        rows(sentence1=q, sentence2=p, label="entailment"), "column 'label' holds 'entailment'"
    ),
    "classes of inference": (
        rows(premise=q, hypothesis=p, label=lambda at: at), "'hypothesis' holds texts"
    ),
    "a label 0 beside a positive and a negative": (
        rows(query=q, positive=p, negative=n, label=lambda at: at),
        "1 row has a positive and negatives, and a label of 0",
    ),
    "scores without labels": (
        rows(query=q, documents=lambda at: [P[at], N[at]], scores=[9.1, 0.2]),
        "scores of a teacher do not tell which are negatives",
    ),
    "fewer scores than negatives": (
        rows(query=q, pos=lambda at: [P[at]], neg=N[:2], neg_scores=[0.1]),
        "3 rows have lists of different lengths",
    ),
    "fewer labels than documents": (
        rows(query=q, docs=lambda at: [P[at], N[at]], labels=[1]),
        "3 rows have lists of different lengths",
    ),
    "rejected answers under a name of their own": (
        rows(question=q, answer=p, rejected_answers=lambda at: [N[at]]),
        "column 'rejected_answers' holds lists of texts, and it is not known on which side",
    ),
    "contexts beside an answer": (
        rows(question=q, answer=p, contexts=lambda at: [N[at]]), "column 'contexts' holds lists"
    ),
    "passages that were found": (
        rows(query=q, passages=lambda at: [P[at], N[at]]), "not known on which side they are"
    ),
    "passages with a mark of their own": (
        rows(query=q, passages=lambda at: {"is_selected": [1, 0], "passage_text": [P[at], N[at]]}),
        "not known on which side they are",
    ),
    "two columns of positives": (
        rows(query=q, positive=p, pos=p, negative=n), "several columns could be the positive"
    ),
    "the name of a data set": (rows(query=q, source="natural questions"), "no column for the pos"),
    "an id": (rows(query=q, key=lambda at: f"abc-{at}"), "'key' holds texts"),
    "objects that are no documents": (
        rows(query=q, pos=lambda at: [P[at]], neg=lambda at: [{"doc": N[at], "rank": 1}]),
        "column 'neg' holds lists of objects with 'doc', 'rank', and no documents",
    ),
    "scores by id": (
        rows(query=q, pos=lambda at: [P[at]], neg={"d1": 0.1, "d2": 0.2}), "and no documents"
    ),
    "lists of lists": (
        rows(query=q, pos=lambda at: [P[at]], neg=[[N[0], N[1]]]), "lists of lists of texts"
    ),
    "texts with an instruction each": (
        rows(query=lambda at: ["Represent", Q[at]], pos=lambda at: [P[at]], neg=[N[0]]),
        "column 'query' holds lists of texts, and no query",
    ),
    "conversations of several answers": (
        rows(prompt=q, chosen=lambda at: said("assistant", P[at]) * 2,
             rejected=lambda at: said("assistant", N[at])),
        "a conversation of several answers",
    ),
}  # fmt: skip


def written(folder: Path, some: list[Row]) -> list[Path]:
    """The rows as JSON lines and, where its types can hold them, as Parquet."""
    lines = folder / "rows.jsonl"
    lines.write_text("".join(json.dumps(row) + "\n" for row in some))
    try:
        pl.DataFrame(some).write_parquet(folder / "rows.parquet")
    except (TypeError, pl.exceptions.PolarsError):
        return [lines]
    return [lines, folder / "rows.parquet"]


@pytest.mark.slow
def test_what_is_known_by_its_name_and_content_is_read_alike(tmp_path: Path) -> None:
    for what, (some, expected) in READ.items():
        for file in written(tmp_path, some):
            found = understood(file)
            assert {*found.values()} == {expected}, (what, file.suffix, found)


@pytest.mark.slow
def test_what_is_not_known_is_refused_alike(tmp_path: Path) -> None:
    for what, (some, expected) in REFUSED.items():
        for file in written(tmp_path, some):
            found = understood(file)
            assert len({*found.values()}) == 1, (what, file.suffix, found)
            assert expected in str(found["mine"]), (what, file.suffix, found)


def test_scores_come_with_their_documents(tmp_path: Path) -> None:
    some = rows(query=q, pos=lambda at: [P[at]], neg=N[:2], pos_scores=[0.9], neg_scores=[0.1, 0.2])
    some[1] |= {"pos_scores": [], "neg_scores": None}
    for file in written(tmp_path, some):
        (block,) = blocks(mined_file(file))
        assert block.positives["score"].to_list() == [0.9, None, 0.9]
        assert block.negatives["score"].to_list() == [0.1, 0.2, None, None, 0.1, 0.2]
    beside = rows(query=q, positive=p, negative_1=N[0], negative_2=N[1], scores=[0.9, 0.1, 0.2])
    for file in written(tmp_path, beside):
        (block,) = blocks(mined_file(file))
        assert block.positives["score"].to_list() == [0.9] * 3
        assert block.negatives["score"].to_list() == [0.1, 0.2] * 3


def test_a_column_of_texts_that_is_not_used_is_told_of(tmp_path: Path) -> None:
    some = rows(query=q, positive=p, title=lambda at: f"the title {at}", prompt="Represent it")
    assert load(written(tmp_path, some)[0]).notes == (
        "column 'title' holds texts that are not used",
    )


def test_a_row_of_another_type_is_told_with_its_line(tmp_path: Path) -> None:
    some = [
        *rows(query=q, pos=lambda at: [P[at]], neg=N),
        {"query": "q", "pos": {"x": 1}, "neg": []},
    ]
    text = complaint(written(tmp_path, some)[0])
    assert "rows.jsonl, line 4: 'pos' must be text or a list of texts, and is {" in text


def test_what_may_say_which_are_relevant_is_read_or_refused_and_never_passed_over(
    tmp_path: Path,
) -> None:
    path = tmp_path / "rows.jsonl"
    pairs = rows(query=q, passage=lambda at: P[at])
    placed = rows(question1=q, question2=lambda at: P[at])

    def write(some: list[Row], name: str, values: list[Any]) -> None:
        with_values = [row | {name: value} for row, value in zip(some, values, strict=True)]
        path.write_text("".join(json.dumps(row) + "\n" for row in with_values))

    for name in ("is_relevant", "Is-Positive", "is_duplicate", "gold_label", "judgment"):
        write(pairs, name, [1, False, True])
        assert load(path).qrels["relevance"].sort().to_list() == [0, 1, 1], name
    flags: dict[str, list[Any]] = {
        **{name: [1, 0, 1] for name in ("target", "relevant", "qrel", "y", "is_answer")},
        "similarity": [0.1, 0.9, 0.4],
        "useful": [True, False, True],
    }
    for name, values in flags.items():
        for some in (pairs, placed):
            write(some, name, values)
            assert f"column {name!r} holds" in complaint(path)
            assert "may say which documents are relevant" in complaint(path)
            query, positive = some[0]
            told = load(path, query_column=query, positive_column=positive)
            assert len(told.positives) == 3, name
    write(pairs, "label_name", ["yes", "no", "yes"])
    assert "may say which documents are relevant" in complaint(path)
    for name in ("year", "rank", "id", "length"):
        write(pairs, name, [3, 1, 0])
        assert len(load(path).positives) == 3, name


def test_both_sides_may_be_called_alike(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    for what in ("doc", "docs", "passage", "contexts", "texts"):
        some = [{"query": q(n), f"pos_{what}": P[n], f"neg_{what}": [N[n]]} for n in range(3)]
        path.write_text("".join(json.dumps(row) + "\n" for row in some))
        assert len(load(path).positives) == 3, what
        assert len(load(path).given) == 3, what
