"""--recipe auto: between few recipes, by what a probe of the data shows, and saying why."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import negatives as neg
from negatives.errors import InputError
from negatives.events import Event, Warned, silent
from negatives.learn.source import for_these_data
from negatives.machine import Machine
from negatives.run.automatic import FALSE, UNREACHED, Evidence, choose, evidence_of
from tests.cli.commands import negatives


def seen(false: float | None, unreached: float | None) -> Evidence:
    return Evidence(300, 9_000, 1.0, (0.3, 0.2, 0.9), false, 0.5, unreached)


def test_queries_out_of_reach_and_a_false_top_speak_for_passages_and_nothing_else_does() -> None:
    assert choose(seen(FALSE, UNREACHED)).name == "passages"
    assert choose(seen(FALSE - 0.01, UNREACHED)).name == "default"
    assert choose(seen(FALSE, UNREACHED - 0.01)).name == "default"
    assert choose(seen(None, None)).name == "default"


def test_the_reason_has_its_figures() -> None:
    assert choose(seen(0.2, 0.3)).reason == (
        "30% of the queries have every positive out of the scorer's reach, and 20.0% of the top is "
        "expected to be false"
    )
    assert "30% of what is relevant labelled (20% to 90%)" in str(seen(0.2, 0.3))
    # That nothing is known of the top is no word about the scorer.
    assert choose(seen(None, 0.0)).reason == (
        "few queries have every positive out of the scorer's reach (0%)"
    )
    assert choose(seen(None, 0.3)).name == "default"
    assert "too few labelled pairs" in choose(seen(None, 0.3)).reason
    assert "no scorer" in choose(seen(None, None)).reason


def test_what_a_run_shows_is_what_loops_count(tmp_path: Path) -> None:
    data = neg.Collection.load("cranfield")
    run = neg.mine(data, tmp_path / "run", recipe="default", emit=silent)
    found = evidence_of(run, data)
    ledger = run.candidates().collect()
    above, tops = [], []
    for _, rows in ledger.group_by("query_id"):
        best = rows.filter(verdict="positive")["dense_score"].max()
        others = rows.filter(~pl.col("verdict").is_in(["positive", "judged-negative"]))
        assert isinstance(best, float)
        above.append(sum(score >= best for score in others["dense_score"] if score is not None))
        free = others.filter(pl.col("verdict") != "duplicate")
        tops += free.sort("dense_score", descending=True, nulls_last=True)["p_relevant"][
            :3
        ].to_list()
    assert found.unreached == pytest.approx(sum(count > 40 for count in above) / len(above))
    known = [p for p in tops if p is not None]
    assert found.false == pytest.approx(sum(known) / len(known), abs=1e-3)
    assert found.doubtful == pytest.approx(sum(p > 0.5 for p in known) / len(known), abs=1e-3)


def test_the_run_and_the_screen_say_which_and_why(tmp_path: Path) -> None:
    said: list[Event] = []
    run = neg.mine("cranfield", tmp_path / "run", recipe="auto", emit=said.append)
    told = [event.text for event in said if isinstance(event, Warned)]
    assert any(text.startswith("auto chose default: few queries have") for text in told)
    assert run.recipe.name == "default"
    reason = "Chosen because few queries have every positive out of the scorer's reach"
    assert reason in run.recipe.about
    done = negatives("mine", "cranfield", "--recipe", "auto", "--out", tmp_path / "again")
    assert done.returncode == 0, done.stderr
    assert "note: auto chose default" in done.stderr
    assert neg.Run(tmp_path / "again").recipe.about == run.recipe.about


def test_negatives_that_are_there_leave_nothing_to_choose(tmp_path: Path) -> None:
    run = neg.mine("cranfield", tmp_path / "run", recipe="bm25", emit=silent)
    machine = Machine.checked(1, "512MB", "cpu")
    with pytest.raises(InputError, match="these negatives are there already"):
        for_these_data(run, "static", machine, silent)


def test_without_texts_there_is_one_that_applies(tmp_path: Path) -> None:
    pairs = tmp_path / "plays.csv"
    rows = [f"u{user},i{item}" for user in range(12) for item in range(user % 4, 9, 3)]
    pairs.write_text("\n".join(["user_id,item_id", *rows]) + "\n")
    made = negatives("mine", pairs, "--recipe", "auto", "--out", tmp_path / "run")
    assert made.returncode == 0, made.stderr
    assert "auto chose ids" in made.stderr
