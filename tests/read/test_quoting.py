"""CSV and TSV: what a quotation mark is, what a header is, and which separator."""

from __future__ import annotations

from pathlib import Path

import pytest

from negatives.read import load
from tests.read.tiny import complaint
from tests.read.understood import Counts, understood

READ: dict[str, tuple[str, Counts]] = {
    "marks that are characters": (
        'query\tpositive\tnegative\nwho said "no"\t"No" he said\tus\nwhy\tso "what\tn\n', (2, 2, 2)
    ),
    "a mark that opens and never closes": (
        'query\tpositive\tnegative\nq one\t"p one\tn one\nq two\tp two\tn two\n', (2, 2, 2)
    ),
    "line ends of Windows": (
        'query\tpositive\tnegative\r\nq "one"\tp one\tn one\r\n', (1, 1, 1)
    ),
    "quoted as libraries do": (
        'query\tpositive\tnegative\n"q ""one"""\t"p\tone"\t"n\none"\n', (1, 1, 1)
    ),
}  # fmt: skip

CSV: dict[str, tuple[str, Counts | str]] = {
    "texts of several lines": (
        'query,positive,negative\nq one,"one\ntwo, three",n one\nq two,"x\ny",n two\n', (2, 2, 2)
    ),
    "two rows glued": (
        'query,positive\nq one,"p one\nq two,p two"\nq three,p three\n', "2 rows are glued together"
    ),
    "two rows glued by their queries": (
        'query,positive\n"q one,p one\nq two",p two\n', "2 rows are glued together"
    ),
    "a carriage return within a field": (
        'query,positive\nq one,p\rone\nq two,p two\n', "a carriage return in the middle of a field"
    ),
    "line ends of three kinds": (
        'query,positive\r\nq one,p one\rq two,p two\nq three,p three\n', "a carriage return in"
    ),
    "line ends of old computers, and another within a field": (
        'query,positive\rq one,"p\none"\rq two,p two\r', "a carriage return in the middle"
    ),
    "a mark that never closes, in all rows": ('query,"positive\nq,p\n', "marks that do not match"),
    "a carriage return in quotation marks": (
        'query,positive,negative\nq one,"p\rone",n one\n', (1, 1, 1)
    ),
    "lists written as text": (
        "query,pos,neg\nwhat is a,\"['p a', 'p b']\",\"['n a']\"\n", "lists or objects written as"
    ),
    "an empty list written as text": ("query,pos,neg\nwhat is a,p a,[]\n", "written as text"),
    "row numbers of pandas": (
        ",query,positive,negative\n0,a b,c d,e f\n1,a c,c d,e f\n", (2, 2, 2)
    ),
    "a column without a name": ("query,positive,negative,\na,b,c,d e\n", "column 4 has no name"),
    "another separator": ("query;positive;negative\na;b;c\n", "no header that is known"),
    "no header": ("rivers,yeast\nroots,salt\n", "no header that is known"),
    "labels as fractions that are whole": (
        "query,passage,label\na b,c d,1.0\na b,e f,0.0\n", (1, 1, 1)
    ),
    "labels as words": ("query,passage,label\na b,c d,True\na b,e f,False\n", (1, 1, 1)),
    "no label": ("query,passage,label\na b,c d,1\na b,e f,\n", "1 row has a relevance"),
}  # fmt: skip

TSV: dict[str, tuple[str, str]] = {
    "documents or queries": ("0\tsalty sea\n1\trising bread\n", "as of documents or queries"),
    "pairs without a header": ("q one x\tp one x\nq two x\tp two x\n", "no header that is known"),
    "ids and texts": ("1\t7\tq one\tp one\n2\t8\tq two\tp two\n", "no header that is known"),
    "judgements of three columns": ("1\t77\t1\n2\t78\t0\n", "no header that is known"),
    "triples of ids": ("1\t77\t88\n2\t78\t99\n", "holds ids of queries or documents"),
    "a run": ("1\tQ0\td1\t1\t3.2\trun\n", "holds ids of queries or documents"),
}


@pytest.mark.slow
def test_marks_in_a_tsv_file_are_characters_unless_all_fields_are_quoted(tmp_path: Path) -> None:
    for what, (text, expected) in READ.items():
        (tmp_path / "x.tsv").write_text(text, newline="")
        found = understood(tmp_path / "x.tsv")
        assert {*found.values()} == {expected}, (what, found)
    texts = {*load(tmp_path / "x.tsv").corpus["text"]}
    assert texts == {"p\tone", "n\none"}


@pytest.mark.slow
def test_a_csv_file_is_understood_alike_or_refused_alike(tmp_path: Path) -> None:
    for what, (text, expected) in CSV.items():
        (tmp_path / "x.csv").write_text(text)
        found = understood(tmp_path / "x.csv")
        assert len({*found.values()}) == 1, (what, found)
        told = found["mine"]
        assert told == expected or (isinstance(expected, str) and expected in str(told)), what


def test_a_first_row_is_never_lost_as_a_header(tmp_path: Path) -> None:
    for what, (text, expected) in TSV.items():
        (tmp_path / "x.tsv").write_text(text)
        found = understood(tmp_path / "x.tsv")
        assert len({*found.values()}) == 1, (what, found)
        assert expected in str(found["mine"]), (what, found)


def test_glued_rows_are_told_with_their_lines(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text('query,positive\na,b\nq one,"p one\nq two,p two"\n')
    text = complaint(tmp_path / "x.csv")
    assert "x.csv, line 3: a quotation mark opens here, and the next one is in line 4" in text
    assert 'as "" inside a quoted field' in text


def test_a_prose_text_of_two_lines_is_no_glue(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text('query,positive\nwho,"The name\nSmith, John"\nwhat,thing\n')
    assert len(load(tmp_path / "x.csv").queries) == 2
