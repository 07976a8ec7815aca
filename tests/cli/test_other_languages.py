"""Texts in other languages and scripts than English, from the command line."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from tests.cli.commands import negatives

CASES = Path(__file__).parents[1] / "cases"


@pytest.mark.parametrize("language", ["zh", "ja", "th", "ko"])
def test_bm25_finds_words_in_scripts_without_spaces(language: str, tmp_path: Path) -> None:
    data = CASES / "cjk-bm25" / language
    found = negatives("evaluate", "bm25", data, "--metric", "RR", "--json", "--quiet")
    figures = json.loads(found.stdout)
    assert figures["metrics"]["RR"]["value"] == 1.0
    assert figures["queries that found nothing"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("language", ["zh", "ar"])
def test_the_default_recipe_compares_what_the_built_in_encoder_cannot_read_by_characters(
    language: str, tmp_path: Path
) -> None:
    data, out = CASES / "other-scripts" / f"{language}.jsonl", tmp_path / "run"
    ended = negatives("mine", data, "--out", out, "--quiet")
    assert ended.returncode == 0, ended.stderr
    assert f"language    {language} 100% of the letters" in ended.stdout
    assert (
        "dense is replaced by characters (bm25): the encoder static cannot read the queries: it "
        f"has pieces of words for 0% of the letters ({language} 100%); name one that reads them "
        "with --encoder"
    ) in ended.stdout
    report = json.loads((out / "report.json").read_text())
    assert [stage["label"] for stage in report["sections"]["asked"]["find"]] == [
        "bm25",
        "characters",
    ]
    delivered = report["sections"]["delivered"]
    assert delivered["delivered"] >= 0.6 * delivered["asked"]
    # Every negative shares something with its query, and none has the scores of any other.
    negatives_ = pl.read_parquet(out / "negatives.parquet")
    assert (negatives_["score"] > 0).all()
    assert negatives_["score"].n_unique() > len(negatives_) / 3
    again = negatives("mine", data, "--out", out, "--quiet")
    assert again.returncode == 0
    assert _lasting(again.stdout) == _lasting(ended.stdout)
    lint = negatives("lint", out)
    assert lint.returncode == 0, lint.stdout


@pytest.mark.slow
def test_an_encoder_that_was_asked_for_is_an_error_where_it_cannot_read(tmp_path: Path) -> None:
    data, out = CASES / "other-scripts" / "zh.jsonl", tmp_path / "run"
    for more in (["--encoder", "static"], ["--recipe", "nv-retriever"]):
        ended = negatives("mine", data, "--out", out, "--quiet", *more)
        assert ended.returncode == 2
        assert ended.stderr.startswith(
            "error: the encoder static cannot read the queries: it has pieces of words for 0% of "
            "the letters (zh 100%)"
        )
        assert "--encoder" in ended.stderr
        assert not (out / "manifest.json").exists()
    ended = negatives("evaluate", "static", CASES / "cjk-bm25" / "ja", "--quiet")
    assert ended.returncode == 2
    assert "cannot read" in ended.stderr


@pytest.mark.slow
def test_signs_alone_can_be_mined(tmp_path: Path) -> None:
    signs = "😀🎉🚗🚕🍎🍏🐶🐱⚽🏀"
    rows = [{"query": a, "positive": a + b} for a, b in pairwise(signs)]
    data = tmp_path / "signs.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    ended = negatives("mine", data, "--out", tmp_path / "run", "--per-query", "1", "--quiet")
    assert ended.returncode == 0, ended.stderr
    assert len(pl.read_parquet(tmp_path / "run" / "negatives.parquet")) == 8


def test_describe_and_doctor_name_languages() -> None:
    described = negatives("data", "describe", CASES / "cjk-bm25" / "ko", "--json")
    assert json.loads(described.stdout)["languages"] == {"ko": 1.0}
    known = json.loads(negatives("doctor", "--json").stdout)
    assert {"en", "de", "ar"} <= set(known["languages"]["stems"])
    assert {"zh", "ja", "th"} <= set(known["languages"]["characters"])
    assert known["encoder"].endswith("reads en only")


@pytest.mark.slow
def test_a_run_passes_its_own_lint_where_queries_ask_the_same(tmp_path: Path) -> None:
    subjects = ["lift", "drag", "thrust", "flutter", "shock", "heat", "noise", "wear"]
    rows = [
        {"query": f"{ask} {subject}{end}", "positive": f"{answer} {subject} of a wing in a tunnel"}
        for subject in subjects
        for ask, answer, end in (
            ("what is", "the measured", ""),
            ("What is", "about the", "?"),
            ("  what is", "some say the", " !"),
        )
    ]
    data, out = tmp_path / "asked.jsonl", tmp_path / "run"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert negatives("mine", data, "--out", out, "--quiet").returncode == 0
    lint = json.loads(negatives("lint", out, "--data", data, "--json").stdout)
    assert [each["rule"] for each in lint["findings"] if each["severity"] == "error"] == []
    ledger = pl.read_parquet(out / "candidates" / "part-00000.parquet")
    assert ledger["reason"].str.starts_with("same-question: a positive of query").any()


def _lasting(text: str) -> list[str]:
    """The lines but that of where time went, which a call says of itself."""
    return [line for line in text.splitlines() if not line.startswith("  time ")]
