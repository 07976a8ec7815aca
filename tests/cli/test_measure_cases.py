"""What `evaluate` says of odd metrics, of ties, and of queries that are documents themselves."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.commands import negatives

CASES = Path(__file__).parents[1] / "cases"

VALUES = {
    "nDCG(dcg='exp-log2')@10": "0.535", "RBP(rel=1,p=0.9)": "0.106", "infAP": "0.438",
    "IPrec@0.1": "0.458", "SetP": "0.375", "Compat(p=0.9)": "0.304", "Accuracy": "0.250",
}  # fmt: skip
REFUSED = {
    "ERR@10": "ERR takes grades of relevance up to 4: the judgements have 5",
    "nERR@10": "there is no metric 'nERR@10'\n  fix:   did you mean 'ERR'?",
    "alpha_nDCG@10": "needs judgements by subtopic",
    "RBP(p=0.8)": "lacks rel, the least grade that counts as relevant\n  fix:   write RBP(rel=1)",
    "INST": "the metric 'INST' lacks max_rel",
    "Recall": "lacks a cutoff\n  fix:   write Recall@10, say",
}


@pytest.mark.slow
def test_every_metric_has_a_value_or_an_answer_in_words() -> None:
    run, data = CASES / "err-metric/run.trec", CASES / "err-metric/beir"
    for name, value in VALUES.items():
        found = negatives("evaluate", run, data, "--metric", name, "--quiet")
        assert (found.returncode, found.stderr) == (0, ""), name
        assert f"\n{name} " in found.stdout
        assert value in found.stdout, found.stdout
    for name, says in REFUSED.items():
        found = negatives("evaluate", run, data, "--metric", name, "--quiet")
        assert (found.returncode, found.stdout) == (2, "")
        assert says in found.stderr
        assert "fix: " in found.stderr


def test_err_takes_ids_with_letters(tmp_path: Path) -> None:
    qrels = tmp_path / "qrels.txt"
    qrels.write_text("q1 0 d1 1\nq2 0 d2 4\n")
    run = CASES / "err-metric/run.trec"
    found = negatives("evaluate", run, qrels, "--metric", "ERR@10", "--quiet")
    assert f"\nERR@10     {(1 / 16 / 2 + 15 / 16 / 2) / 2:6.3f} " in found.stdout


def test_counts_are_sums_and_have_no_interval() -> None:
    run, data = CASES / "err-metric/run.trec", CASES / "err-metric/beir"
    names = ("NumRet", "NumRelRet", "NumRel", "NumQ")
    asked = [word for name in names for word in ("--metric", name)]
    shown = negatives("evaluate", run, data, *asked, "--quiet").stdout
    for name, count in zip(names, (13, 5, 5, 4), strict=True):
        assert f"\n{name:<9}  {count:>6}  in all " in shown


@pytest.mark.parametrize("data", ["beir", "beir/qrels/test.tsv"])
def test_ties_are_told(data: str) -> None:
    case = CASES / "ties"
    found = negatives("evaluate", case / "ties.trec", case / data, "--metric", "RR", "--quiet")
    assert "\ntied: 24 of 24 documents have the score of another of their query" in found.stdout
    assert "\nRR          0.237 " in found.stdout


@pytest.mark.slow
def test_queries_that_find_themselves_are_told_and_how_to_leave_them_out(tmp_path: Path) -> None:
    command: list[str | Path] = [
        "evaluate",
        "bm25",
        CASES / "self-retrieval/beir",
        "--metric",
        "RR",
        "--quiet",
    ]
    shown = negatives(*command).stdout
    assert "\nfind themselves: 6 queries, which rank the document of their own id; " in shown
    assert "--without-self leaves it out" in shown
    assert "find themselves" not in negatives(*command, "--without-self").stdout
    renamed = shutil.copytree(CASES / "self-retrieval/beir", tmp_path / "beir")
    queries = [json.loads(line) for line in (renamed / "queries.jsonl").read_text().splitlines()]
    for query in queries:
        query["_id"] = f"as-{query['_id']}"
    (renamed / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
    head, *rows = (renamed / "qrels/test.tsv").read_text().splitlines()
    (renamed / "qrels/test.tsv").write_text("\n".join([head, *(f"as-{row}" for row in rows)]))
    command[2] = renamed
    shown = negatives(*command).stdout
    assert "\nfind copies: 6 queries, which rank a document of their own text that is not" in shown
    assert "--without-copies leaves such out" in shown
    left = negatives(*command, "--without-copies").stdout
    assert "find copies" not in left
    assert left.split("metric", 1)[1] == negatives(
        "evaluate", "bm25", CASES / "self-retrieval/beir", "--metric", "RR", "--quiet",
        "--without-self",
    ).stdout.split("metric", 1)[1]  # fmt: skip
    assert "find themselves" not in negatives("evaluate", "bm25", "cranfield", "--quiet").stdout
