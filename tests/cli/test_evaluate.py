"""negatives evaluate, as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from negatives.cli.app import run
from tests.each import for_each
from tests.models.tiny_reranker import save_onnx


def command(arguments: list[str]) -> object:
    """The exit code."""
    try:
        return run(arguments)
    except SystemExit as end:
        return end.code


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A BEIR folder, and a run of it."""
    data = tmp_path / "data"
    (data / "qrels").mkdir(parents=True)
    docs = {"d1": "wing flow", "d2": "wing", "d3": "heat flow", "d4": "shell"}
    lines = [json.dumps({"_id": name, "text": text}) for name, text in docs.items()]
    (data / "corpus.jsonl").write_text("\n".join(lines))
    queries = [json.dumps({"_id": f"q{n}", "text": "wing flow"}) for n in (1, 2)]
    (data / "queries.jsonl").write_text("\n".join(queries))
    head = "query-id\tcorpus-id\tscore\n"
    (data / "qrels" / "test.tsv").write_text(head + "q1\td2\t2\nq1\td3\t0\nq2\td4\t1\n")
    (data / "qrels" / "train.tsv").write_text(head + "q2\td1\t1\n")
    (tmp_path / "a.run").write_text("q1 Q0 d1 1 9 x\nq1 Q0 d2 2 8 x\nq2 Q0 d4 1 7 x\n")
    return tmp_path


def test_a_run_is_measured_and_shown_with_intervals(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = f"{folder}/data@test"
    assert command(["evaluate", f"{folder}/a.run", data, "--metric", "RR@10", "--quiet"]) == 0
    shown = capsys.readouterr().out
    assert "2 queries, 2 positives among 4 documents" in shown
    assert "metric      value  95% interval      ceiling" in shown
    assert "RR@10       0.750  0.500 to 1.000      1.000" in shown
    assert "ranked: at most 1,000 documents a query; judged: 75.0% of the first 10" in shown
    assert command(["evaluate", "bm25", data, "--metric", "RR@10", "--quiet"]) == 0
    assert "ranked: all documents; judged: " in capsys.readouterr().out


def test_figures_come_as_json_and_queries_as_a_table(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "values.csv"
    arguments = ["evaluate", f"{folder}/a.run", f"{folder}/data@test", "--per-query", str(out)]
    assert command([*arguments, "--metric", "nDCG@10", "--json", "--condensed", "--slices"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["metrics"]["nDCG@10"]["value"] == pytest.approx(0.815465, abs=1e-6)
    assert figures["condensed"]["nDCG@10"]["value"] == 1
    assert pl.read_csv(out)["nDCG@10"].to_list() == pytest.approx([0.63093, 1], abs=1e-5)


def test_slices_stand_below_the_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["evaluate", "static", f"{folder}/data@test", "--slices", "--quiet"]) == 0
    shown = capsys.readouterr().out
    assert "by words of the query  queries  nDCG@10    RR@10    R@100       AP" in shown
    assert "\n2                            2    0.531    0.375    1.000    0.375\n" in shown


def test_a_reranker_orders_the_top_of_bm25(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(save_onnx(folder))
    data = f"{folder}/data@test"
    assert command(["evaluate", model, data, "--rerank", "bm25", "--top", "2", "--quiet"]) == 0
    shown = capsys.readouterr().out
    assert f"{model}, of the 2 best of bm25 on data@test: 2 queries" in shown
    assert "found nothing" not in shown


def test_only_what_is_older_is_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "queries.csv").write_text("id,time\nq1,2001-01-01\nq2,2001-01-01\n")
    (folder / "docs.csv").write_text(
        "id,time\nd1,2000-01-01\nd2,2000-01-01\nd3,2000-01-01\nd4,2002-01-01\n"
    )
    arguments = ["--query-times", f"{folder}/queries.csv", "--doc-times", f"{folder}/docs.csv"]
    assert command(["evaluate", "bm25", f"{folder}/data@test", *arguments, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["queries"], figures["protocols"]) == (1, ["InTime"])


@pytest.mark.slow
@for_each(
    ("arguments", "says"),
    [
        (["static", "DATA@test", "--metric", "nDGC@10"], "there is no metric 'nDGC@10'"),
        (["static", "DATA@test", "--metric", "nDGC@10"], "did you mean 'nDCG'?"),
        (["./nothing", "DATA@test"], "there is no encoder at './nothing'"),
        (["nothing.onnx", "DATA@test"], "nothing.onnx"),
        (["./nothing", "DATA@test", "--rerank", "bm25"], "there is no reranker at './nothing'"),
        (["static", "DATA@dev"], "there is no split 'dev'"),
        (["FOLDER/a.run", "DATA@train", "--query-prompt", "q: "], "are for encoders"),
        (["static", "DATA@test", "--protocol", "interpolation"], "asks what the model was"),
        (["static", "DATA@test", "--query-times", "x.csv"], "--doc-times go together"),
        (["static", "DATA@test", "--confidence", "95"], "a confidence of 95"),
        (["static", "DATA@test", "--per-query", "x.doc"], "tells no format of a table"),
        (["static", "DATA@test", "--run", "r"], "give --slices too"),
        (["FOLDER/other.run", "DATA@test"], "2 documents of the run are not in the corpus: 'x1'"),
        (["FOLDER/empty.run", "DATA@test"], "no query of the run has a positive"),
        (["precomputed", "DATA@test"], "precomputed vectors need two files"),
    ],
)  # fmt: skip
def test_wrong_input_ends_with_2_and_says_what_is_wrong(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    (folder / "other.run").write_text("q1 Q0 x1 1 9 x\nq1 Q0 x2 2 8 x\n")
    (folder / "empty.run").write_text("q9 Q0 d1 1 9 x\n")
    places = {"DATA": f"{folder}/data", "FOLDER": str(folder)}
    for name, place in places.items():
        arguments = [each.replace(name, place) for each in arguments]
    assert command(["evaluate", *arguments, "--quiet"]) == 2
    assert says in capsys.readouterr().err
