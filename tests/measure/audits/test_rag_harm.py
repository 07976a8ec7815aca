"""A reader that negatives lead astray sounds an alarm, and one that reads past them does not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import negatives as neg
from negatives.cli import app
from negatives.errors import InputError, RecipeError
from negatives.measure.audits import ask, subject_of
from negatives.measure.audits.rag_harm import RagHarm, harm
from negatives.measure.distraction import ALONE, HARD, RANDOM, REORDERED, Distraction, distraction
from negatives.read import convert
from tests.build import collection
from tests.measure.test_distraction import (
    ANSWERS,
    COUNT,
    DOCS,
    QUERIES,
    distractible,
    oracle,
    reading,
)
from tests.models.chat_server import serving


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> neg.Run:
    folder = tmp_path_factory.mktemp("rag-harm")
    data = collection(DOCS, QUERIES, [(f"q{n}", f"good-{n}", 1) for n in range(COUNT)])
    pick = neg.Top(per_query=4, by="bm25_score")
    return neg.mine(
        convert(data, folder / "data"), folder / "run", sources=[neg.BM25(top=6)], pick=pick
    )


def test_it_says_what_distract_says_and_alarms_for_the_reader_that_errs(
    asked: neg.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = tmp_path / "answers.csv"
    ANSWERS.write_csv(answers)
    with serving() as server:
        for reader, code in ((oracle, 0), (distractible, 1)):
            reading(server, reader)
            spec = server.spec.replace("small", f"audit-{reader.__name__}")
            told = distraction(asked, answers, llm=spec, distractors=3).as_dict()
            chosen = [
                *("--set", f"rag-harm.model={spec}"),
                *("--set", f"rag-harm.answers={answers}"),
                *("--set", "rag-harm.distractors=3"),
            ]
            done = ["audit", str(asked.path), "--checks", "rag-harm", "--fail-on", "all", "--json"]
            assert app.run([*done, *chosen]) == code
            (found,) = json.loads(capsys.readouterr().out)["checks"]
            assert found["right"] == told["right"]
            assert found["value"] == told["right"][RANDOM] - told["right"][HARD]
            assert found["alarm"] is bool(code)


def simulated(astray: float, seed: int) -> Distraction:
    rng = np.random.default_rng(seed)
    able = rng.random(200) < 0.7
    right = {way: able ^ (rng.random(200) < 0.05) for way in (ALONE, RANDOM, HARD, REORDERED)}
    right[HARD] &= rng.random(200) >= astray
    told = {way: [bool(value) for value in each] for way, each in right.items()}
    return Distraction(told, 4, 0, 0, "simulated")


def test_it_alarms_for_a_tenth_led_astray_in_most_of_twenty_cases_and_for_none_in_one() -> None:
    fine = [harm(simulated(0.0, seed)) for seed in range(20)]
    clean = sum(alarm for _, alarm, _ in fine)
    for lost, alarm, advice in fine:  # no all-clear where harm is not excluded
        assert alarm or ("ask more of them" in advice) == ((lost.high or 0) > 0)
    planted = [harm(simulated(0.15, seed)) for seed in range(20)]
    assert clean <= 2
    assert sum(alarm for _, alarm, _ in planted) >= 15
    assert any("brings answers back" in advice for _, alarm, advice in planted if alarm)
    assert all((lost.low or 0) <= (lost.value or 0) <= (lost.high or 1) for lost, *_ in planted)


def test_what_it_lacks_is_told_before_any_call(asked: neg.Run, triplets_file: Path) -> None:
    with pytest.raises(InputError, match="a file has no run"):
        ask(subject_of(triplets_file), [RagHarm(model="http://127.0.0.1:9/v1#m")])
    subject = subject_of(asked)
    with pytest.raises(InputError, match="no reader is named, and asking one costs calls"):
        ask(subject, [RagHarm()])
    with pytest.raises(InputError, match="no right answers are named"):
        ask(subject, [RagHarm(model="http://127.0.0.1:9/v1#m")])
    with pytest.raises(InputError, match=r"there is no file of answers gone\.csv"):
        ask(subject, [RagHarm(model="http://127.0.0.1:9/v1#m", answers="gone.csv")])
    with pytest.raises(RecipeError):
        RagHarm(api_key="secret")
