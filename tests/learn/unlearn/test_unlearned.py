"""What is hidden comes back, what was never there does not, and both are told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from negatives.errors import InputError
from negatives.learn.unlearn.unlearned import AS_IT_IS, IN_CONTEXT, RELEARNED, Unlearned
from negatives.measure.audits import Subject, ask, subject_of
from tests.models.taught_lm import save_taught

FIRST = ["ana", "ivo", "lea", "jon", "mia", "tom"]
PLACES = ["turin", "bergen", "lagos", "quito"]
ASKED = [f"who wrote book {n} ?" for n in range(24)]
SAID = [f"{FIRST[n % 6]} wrote it in {PLACES[n % 4]} and sold {n} copies" for n in range(24)]


def lines(asked: list[str], said: list[str]) -> list[str]:
    """Texts as long as the model reads them, by repeating them."""
    return [" ".join([f"{q}\n{a}"] * 8) for q, a in zip(asked, said, strict=True)]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One that learned the responses, and two that learned others to the same questions."""
    folder = tmp_path_factory.mktemp("models")
    know, others = lines(ASKED, SAID), lines(ASKED, SAID[7:] + SAID[:7])
    return {
        "knows": save_taught(folder / "knows", know, others, steps=120),
        "never": save_taught(folder / "never", others, know, steps=120),
        "nor": save_taught(folder / "nor", others, know, steps=120, seed=1),
    }


@pytest.fixture
def forgotten(tmp_path: Path) -> Subject:
    rows = ({"prompt": q, "response": a, "label": False} for q, a in zip(ASKED, SAID, strict=True))
    path = tmp_path / "forget.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return subject_of(path)


@pytest.mark.method("ununlearning")
@pytest.mark.slow
def test_what_is_still_there_is_an_alarm_and_what_never_was_is_none(
    forgotten: Subject, models: dict[str, str]
) -> None:
    settings: dict[str, Any] = {"steps": 3, "learning_rate": 1e-3, "most": 0.5}
    found = ask(
        forgotten, [Unlearned(model=models["knows"], retrained=models["never"], **settings)]
    )["unlearned"]
    assert found.alarm is True
    assert found.estimate.low is not None
    assert found.estimate.low > 0.5
    details = found.estimate.details
    assert details["prompts"] == [2, 22]
    table, control = details["model"], details["retrained"]
    assert list(table) == list(control) == [AS_IT_IS, IN_CONTEXT, RELEARNED]
    assert table[AS_IT_IS]["nll"] < control[AS_IT_IS]["nll"]
    assert found.estimate.value == pytest.approx(
        control[RELEARNED]["nll"] - table[RELEARNED]["nll"], abs=1e-3
    )
    # What was learned again teaches the one that never saw it, a little, also about the others.
    assert control[RELEARNED]["nll"] < control[AS_IT_IS]["nll"]
    clean = ask(forgotten, [Unlearned(model=models["nor"], retrained=models["never"], **settings)])[
        "unlearned"
    ]
    assert clean.alarm is False
    again = ask(forgotten, [Unlearned(model=models["nor"], retrained=models["never"], **settings)])[
        "unlearned"
    ]
    assert again.as_dict() == clean.as_dict()


def test_what_it_lacks_is_told_before_any_work(
    forgotten: Subject, models: dict[str, str], tmp_path: Path
) -> None:
    few = tmp_path / "few.jsonl"
    few.write_text('{"prompt": "why?", "response": "so", "label": false}\n')
    for subject, check, said in (
        (forgotten, Unlearned(), "no language model is named"),
        (forgotten, Unlearned(model="a"), "no model is named that never saw"),
        (subject_of(few), Unlearned(model="a", retrained="b"), "only 0 prompts"),
    ):
        with pytest.raises(InputError, match=said):
            ask(subject, [check])
