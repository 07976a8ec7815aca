"""One reading of a file: `validate`, `mine`, `lint` and `train` understand the same of it.

The files of tests/cases are small ones in the shapes that other tools write.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from negatives.errors import DataError
from negatives.read import load
from tests.build import collection
from tests.read.understood import Counts, understood

CASES = Path(__file__).parent.parent / "cases"

DOCS = {str(n): f"document number {n}" for n in range(31)}
DOCS |= {f"d{n}": f"another document {n}" for n in range(13)}
QUERIES = {str(n): f"query number {n}" for n in range(3)}
QUERIES |= {f"{letter}{n}": f"a query {letter} {n}" for letter in "gq" for n in range(5)}
TEXTS = collection(DOCS, QUERIES)
JUDGED = collection(DOCS, QUERIES, [("0", "1", 1), ("1", "2", 1), ("2", "3", 1)])

NO_TEXTS = "the file holds ids of queries or documents, and no texts"
NO_NEGATIVES = "there is no negative in the file"

READ: dict[str, Counts] = {
    "mined-formats/arr.json": (3, 3, 3),
    "mined-formats/aug.jsonl": (3, 3, 9),
    "mined-formats/cohere.jsonl": (3, 3, 9),
    "mined-formats/e5.jsonl": (3, 3, 9),
    "mined-formats/icl.jsonl": (3, 3, 9),
    "mined-formats/m3.jsonl": (3, 3, 9),
    "mined-formats/m3b.jsonl": (3, 3, 9),
    "mined-formats/m3c.jsonl": (3, 3, 3),
    "mined-formats/mtebr.jsonl": (3, 3, 9),
    "mined-formats/nomic.jsonl": (3, 3, 9),
    "mined-formats/nomic2.jsonl": (3, 3, 9),
    "mined-formats/nts.jsonl": (3, 3, 6),
    "mined-formats/rlhn.parquet": (3, 3, 9),
    "mined-formats/simcse.csv": (3, 3, 3),
    "mined-formats/stll.jsonl": (3, 3, 9),
    "mined-formats/stlp.jsonl": (3, 3, 3),
    "mined-formats/swift.jsonl": (3, 3, 9),
    "mined-formats/t50.jsonl": (3, 3, 150),
    "mined-formats/triples.train.small.tsv": (3, 3, 3),
    "mined-formats/two.jsonl": (2, 2, 2),
    "columns-by-place/chosen.jsonl": (3, 3, 3),
    "columns-by-place/dpr.jsonl": (3, 3, 3),
    "columns-by-place/triples.tsv": (3, 3, 3),
    "flagembedding-shapes/mixed.jsonl": (2, 2, 2),
    "flagembedding-shapes/pos-empty.jsonl": (2, 1, 2),
    "flagembedding-shapes/scores.jsonl": (3, 3, 3),
    "glued-rows/triplets.tsv": (100, 100, 100),
    "tsv-literal-quotes/triplets.tsv": (3, 3, 3),
    "pandas-index/trip_idx.csv": (3, 3, 19),
}
"""Files of texts, with their queries, positives and negatives."""

OF_IDS: dict[str, Counts] = {
    "mined-formats/ce.jsonl": (3, 3, 3),
    "mined-formats/hard-negatives.jsonl": (3, 3, 9),
    "mined-formats/ids.parquet": (3, 3, 3),
    "mined-formats/mm.jsonl": (3, 3, 6),  # one negative a query is its positive
    "mined-formats/msmarco-hard-negatives.jsonl.gz": (3, 3, 9),
    "mined-formats/qidpidtriples.tsv": (3, 3, 6),
    "columns-by-place/ids-only.jsonl": (1, 1, 2),
    "columns-by-place/msmarco-ids.jsonl": (1, 1, 1),
    "columns-by-place/qidpid.tsv": (3, 3, 2),
}
"""Files of ids, whose texts a collection has."""

PAIRS: dict[str, Counts] = {
    "columns-by-place/answer-first.jsonl": (3, 3, 0),
    "flagembedding-shapes/neg-empty.jsonl": (3, 3, 0),
    "flagembedding-shapes/neg-missing.jsonl": (3, 3, 0),
    "flagembedding-shapes/pos-string.jsonl": (3, 3, 0),
    "tsv-literal-quotes/glued.tsv": (4, 4, 0),
    "tsv-literal-quotes/pairs.tsv": (4, 4, 0),
    "tsv-literal-quotes/unclosed.tsv": (4, 4, 0),
}
"""Files of pairs alone: there is nothing in them for lint."""

REFUSED: dict[str, str] = {
    "mined-formats/nohead.csv": "the first line is no header that is known: ['what is lift'",
    "columns-by-place/collection.tsv": "ids and texts, as of documents or queries",
    "columns-by-place/good-bad.jsonl": "'bad_answer' holds texts",
    "columns-by-place/msmarco-triples.jsonl": "lines are JSON arrays without names",
    "columns-by-place/qqp.jsonl": "'set' holds lists of texts",
    "columns-by-place/question-context.jsonl": "'context' holds texts",
    "columns-by-place/st-pairs.jsonl": "'texts' holds lists of texts",
    "flagembedding-shapes/nested.jsonl": "'set' holds objects with 'query', 'pos', 'neg'",
    "glued-rows/pairs.csv": "rows are glued together by stray quotation marks",
    "glued-rows/triplets.csv": "rows are glued together by stray quotation marks",
    "headerless-two-columns/collection.tsv": "ids and texts, as of documents or queries",
    "headerless-two-columns/pairs.tsv": "the first line is no header that is known",
}


def same(name: str, expected: object, found: dict[str, Counts | str]) -> None:
    """Every command says what is expected, or a text that has it in it."""
    for command, said in found.items():
        if isinstance(expected, str):
            assert expected in str(said), (name, command, said)
        else:
            assert said == expected, (name, command)


def test_every_file_of_the_cases_has_an_expectation() -> None:
    folders = {Path(name).parts[0] for name in REFUSED | READ | OF_IDS | PAIRS}
    files = {
        str(path.relative_to(CASES))
        for folder in folders
        for path in (CASES / folder).iterdir()
        if path.is_file()
    }
    told = {*READ, *OF_IDS, *PAIRS, *REFUSED}
    assert files - told == {"mined-formats/kd.jsonl", "headerless-two-columns/qrels.tsv"}
    assert told <= files


@pytest.mark.slow
def test_all_commands_understand_the_same() -> None:
    for name, expected in READ.items():
        same(name, expected, understood(CASES / name))
    for name, expected in PAIRS.items():
        found = understood(CASES / name)
        assert found.pop("lint") == NO_NEGATIVES
        same(name, expected, found)


def test_all_commands_refuse_the_same() -> None:
    for name, expected in REFUSED.items():
        found = understood(CASES / name)
        # some commands stop at the fifth bad row, and say so
        assert len({re.sub(r"^(at least )?\d+ ", "", str(said)) for said in found.values()}) == 1
        same(name, expected, found)


@pytest.mark.slow
def test_a_file_of_ids_needs_a_collection_and_is_read_with_one() -> None:
    for name, expected in OF_IDS.items():
        same(name, NO_TEXTS, understood(CASES / name))
        same(name, expected, understood(CASES / name, TEXTS))


def test_scores_alone_do_not_tell_a_positive_and_judgements_do() -> None:
    file = CASES / "mined-formats/kd.jsonl"
    same("kd", NO_TEXTS, understood(file))
    same("kd", "scores of a teacher do not tell which documents", understood(file, TEXTS))
    same("kd", (3, 3, 6), understood(file, JUDGED))


def test_a_column_that_is_not_used_is_told_of() -> None:
    notes = load(CASES / "columns-by-place/dpr.jsonl").notes
    assert notes == ("1 id of a passage has several texts: they are told apart by their texts",)
    assert load(CASES / "mined-formats/triples.train.small.tsv").notes == (
        "no header: read as triples of query, positive, negative",
    )


QPN = ("what is lift", "Lift acts across the flow.", "Thrust pushes the aircraft.")


def test_names_that_other_tools_have_for_negatives_are_known(tmp_path: Path) -> None:
    query, positive, negative = QPN
    for at, row in enumerate(
        [
            {"query": query, "response": positive, "rejected_response": negative},
            {"query": query, "response": positive, "rejected_responses": [negative]},
            {"query": query, "positive": positive, "hn_0": negative, "hn_1": "Yaw turns it."},
            {"prompt": query, "chosen": positive, "rejected_passages": [negative]},
        ]
    ):
        file = tmp_path / f"{at}.jsonl"
        file.write_text(json.dumps(row) + "\n")
        same(file.name, (1, 1, 2 if at == 2 else 1), understood(file))


def test_what_takes_nested_rows_out_is_a_program_that_does(tmp_path: Path) -> None:
    row = dict(zip(("query", "positive", "negative"), QPN, strict=True))
    fixes = {
        ".data[]": {"version": "1", "data": [row]},
        ".row": {"row": row},
        '.["my row"]': {"my row": row},
        ".[]": {"7": row, "8": row},
        ".inputs + .outputs": {"inputs": {"query": QPN[0]}, "outputs": {"positive": QPN[1]}},
    }
    for program, held in fixes.items():
        file = tmp_path / "rows.json"
        file.write_text(json.dumps(held))
        with pytest.raises(DataError) as caught:
            load(file)
        assert f"jq -c '{program}')" in str(caught.value)
