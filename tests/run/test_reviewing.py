"""Verdicts of people: kept whole, and what follows from them for all pairs."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

import negatives as neg
from negatives.chance import pair_uniforms
from negatives.errors import DataError, DiskFull, RunError
from negatives.run.asking import ask_about
from negatives.run.reviews import (
    REVIEWS,
    Verdict,
    append_reviews,
    read_lines,
    read_reviews,
    settled,
)
from tests.cli.commands import negatives

PAIR = ["query_id", "doc_id"]


@pytest.fixture(scope="module")
def one_known(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pl.DataFrame]:
    """A run of Cranfield with one known positive a query, and the positives it does not know."""
    data = neg.Collection.load("cranfield")
    positives = data.qrels.filter(pl.col("relevance") > 0)
    drawn = positives.with_columns(_draw=pl.Series(pair_uniforms(positives, 0, "one"))).sort(
        "query_id", "_draw"
    )
    first = pl.int_range(pl.len()).over("query_id") == 0
    left = replace(data, qrels=drawn.filter(first).drop("_draw"), origin="")
    out = tmp_path_factory.mktemp("reviewing") / "run"
    neg.mine(left, out, sources=[neg.BM25(top=40), neg.Dense(top=40)], judges=[],
             estimate=neg.Evidence(), pick=neg.RiskLimited(per_query=5))  # fmt: skip
    return out, drawn.filter(~first).select(PAIR)


@pytest.fixture
def run(one_known: tuple[Path, pl.DataFrame], tmp_path: Path) -> neg.Run:
    shutil.copytree(one_known[0], tmp_path / "run")
    return neg.Run(tmp_path / "run")


@pytest.fixture
def hidden(one_known: tuple[Path, pl.DataFrame]) -> pl.DataFrame:
    return one_known[1]


def verdicts(pairs: pl.DataFrame, hidden: pl.DataFrame) -> pl.DataFrame:
    """What somebody who knows the truth says of pairs."""
    told = pairs.join(hidden.with_columns(relevant=pl.lit(True)), on=PAIR, how="left")
    return told.select(*PAIR, pl.col("relevant").fill_null(False))


def contents(run: neg.Run) -> list[bytes]:
    return [path.read_bytes() for path in (*run.parts, run.path / "negatives.parquet")]


@pytest.mark.slow
def test_without_verdicts_nothing_is_promised_and_with_sixty_it_is_and_holds(
    run: neg.Run, hidden: pl.DataFrame
) -> None:
    assert any("labels cannot tell how many more it has" in each for each in run.manifest.warnings)
    assert not run.manifest.facts.tuning["promised"]
    low, high = (run.manifest.facts.tuning[name] for name in ("low", "high"))
    for _ in range(3):
        run = run.review(verdicts(ask_about(run, 20), hidden))
    tuning = run.manifest.facts.tuning
    assert tuning["promised"]
    assert tuning["basis"] == "verdicts"
    assert tuning["high"] / tuning["low"] < high / low / 2
    false = len(run.negatives.join(hidden, on=PAIR, how="semi")) / len(run.negatives)
    assert false <= 0.065
    assert not any("labels cannot tell" in each for each in run.manifest.warnings)


@pytest.mark.slow
def test_a_judged_pair_is_never_unjudged_again(run: neg.Run, hidden: pl.DataFrame) -> None:
    found = verdicts(ask_about(run, 60), hidden)
    assert 0 < found["relevant"].sum() < 60
    run = run.review(found)
    rows = run.candidates().collect().join(found, on=PAIR)
    assert len(rows) == 60
    for row in rows.iter_rows(named=True):
        expected = "rejected" if row["relevant"] else "judged-negative"
        assert row["verdict"] == expected
        assert row["reason"] == f"review: found {'' if row['relevant'] else 'not '}relevant"
    assert run.negatives.join(found.filter("relevant"), on=PAIR, how="semi").is_empty()
    again = ask_about(run, 60)
    assert again.join(found, on=PAIR, how="semi").is_empty()


@pytest.mark.slow
def test_it_does_not_matter_in_how_many_calls_verdicts_come(
    run: neg.Run, hidden: pl.DataFrame, tmp_path: Path
) -> None:
    shutil.copytree(run.path, tmp_path / "other")
    other = neg.Run(tmp_path / "other", collection=run.at_hand)
    found = verdicts(ask_about(run, 40), hidden)
    once = run.review(found)
    other = other.review(found.head(15)).review(found.tail(25))
    assert contents(once) == contents(other)
    files = {each: each.stat().st_mtime_ns for each in once.parts}
    assert contents(once.review(found)) == contents(other)
    assert {each: each.stat().st_mtime_ns for each in once.parts} == files  # nothing was to do


@pytest.mark.slow
def test_a_verdict_that_is_changed_counts_as_it_is_now(
    run: neg.Run, hidden: pl.DataFrame, tmp_path: Path
) -> None:
    shutil.copytree(run.path, tmp_path / "other")
    other = neg.Run(tmp_path / "other", collection=run.at_hand)
    found = verdicts(ask_about(run, 20), hidden)
    wrong = found.with_columns(~pl.col("relevant"))
    assert contents(run.review(wrong).review(found)) == contents(other.review(found))
    assert len((run.path / REVIEWS).read_text("utf-8").splitlines()) == 40


def test_verdicts_on_other_runs_are_refused(run: neg.Run) -> None:
    strange = pl.DataFrame({"query_id": ["q?"], "doc_id": ["d?"], "relevant": [True]})
    with pytest.raises(DataError, match="none of 1 verdicts is of a pair of this run"):
        run.review(strange)
    assert not (run.path / REVIEWS).exists()


def said(query: str, doc: str, verdict: str, reviewer: str = "", **more: str) -> Verdict:
    return Verdict(query_id=query, doc_id=doc, verdict=verdict, reviewer=reviewer, **more)  # type: ignore[arg-type]


def test_a_line_that_a_kill_cut_short_is_dropped_and_no_other(tmp_path: Path) -> None:
    pairs = [said("a", "x", "relevant"), said("b", "y", "not")]
    assert append_reviews(tmp_path, pairs) == 2
    path = tmp_path / REVIEWS
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"query_id": "c", "doc')
    assert read_reviews(tmp_path)["relevant"].to_list() == [True, False]
    assert append_reviews(tmp_path, [*pairs, said("c", "z", "partly")]) == 1
    assert path.read_bytes().startswith(whole)
    assert [json.loads(line)["query_id"] for line in path.read_text("utf-8").splitlines()] == [
        "a", "b", "c",
    ]  # fmt: skip
    path.write_bytes(b"not json\n" + whole)
    with pytest.raises(RunError) as caught:
        read_reviews(tmp_path)
    assert "reviews.jsonl, line 1" in str(caught.value)


def test_a_line_that_a_full_disk_cut_short_is_an_error_and_not_written(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    first, second = said("a", "x", "relevant"), said("b", "y", "not")
    append_reviews(tmp_path, [first])
    size = (tmp_path / REVIEWS).stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 9, before[1]))
    try:
        with pytest.raises(DiskFull):
            append_reviews(tmp_path, [second])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert read_lines(tmp_path)["query_id"].to_list() == ["a"]
    assert append_reviews(tmp_path, [second]) == 1
    assert read_lines(tmp_path)["query_id"].to_list() == ["a", "b"]


def test_what_counts_is_the_last_word_of_each_reviewer_and_in_doubt_a_pair_is_relevant(
    tmp_path: Path,
) -> None:
    append_reviews(
        tmp_path,
        [
            said("q", "changed", "not", "ann"),
            said("q", "changed", "partly", "ann"),
            said("q", "taken back", "relevant", "ann"),
            said("q", "taken back", "retracted", "ann"),
            said("q", "between two", "not", "ann"),
            said("q", "between two", "relevant", "bob"),
            said("q", "of three", "relevant", "ann"),
            said("q", "of three", "not", "bob"),
            said("q", "of three", "not", "eve"),
            said("q", "nobody can tell", "unsure", "ann"),
        ],
    )
    found = settled(read_lines(tmp_path))
    assert dict(zip(found["doc_id"], found["grade"], strict=True)) == {
        "between two": 1, "changed": 1, "of three": 0,
    }  # fmt: skip
    assert found["relevant"].to_list() == [True, True, False]


@pytest.mark.slow
def test_pairs_are_written_judged_and_read_from_the_command_line(tmp_path: Path) -> None:
    out, file = tmp_path / "run", tmp_path / "judge-me.csv"
    mined = negatives("mine", "cranfield", "--out", out, "--recipe", "default", "--per-query", "2",
                      "--quiet")  # fmt: skip
    assert mined.returncode == 0
    alone = negatives("judge", out, "--ask", "20")
    assert alone.returncode == 2
    assert "--ask and --out go together" in alone.stderr
    asked = negatives("judge", out, "--ask", "20", "-o", file)
    assert asked.stdout.startswith(f"{file}: 20 pairs. Fill in `relevant` (1, 0, or nothing")
    table = pl.read_csv(file, infer_schema=False)
    columns = ["query_id", "doc_id", "query", "document", "relevant", "order", "picks"]
    assert table.columns == columns
    table.with_columns(relevant=pl.lit("0")).write_csv(file)
    told = negatives("judge", out, "--verdicts", file, "--quiet")
    assert told.returncode == 0
    assert told.stdout.startswith("20 verdicts, 0 of them relevant; label rate ")
    assert "p_relevant revised" in told.stdout
    # A run does not fail its own lint, whatever was judged.
    linted = negatives("lint", out, "--json")
    assert [each for each in json.loads(linted.stdout)["findings"] if each["severity"] == "error"] \
        == []  # fmt: skip
