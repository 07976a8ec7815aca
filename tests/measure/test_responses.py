"""What a language model makes of right and wrong responses."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from negatives.measure.responses import (
    Said,
    at_equal_forgetting,
    compared_with,
    figures_of,
    leak,
    membership,
)
from tests.cli.commands import negatives
from tests.models.tiny_lm import save_llama, tiny_llama


def said(nll: list[float], right: list[bool], query: list[int]) -> Said:
    values = np.array(nll)
    return Said(np.array(query), np.array(right), values, -2 * values, -values)


def test_likelihood_is_a_verifier_as_far_as_right_is_above_wrong() -> None:
    found = figures_of(said([1, 2, 3, 5, 4], [True, False, False, True, False], [0, 0, 0, 1, 1]))
    assert (found["right_nll"], found["wrong_nll"], found["gap"]) == (3.0, 3.0, 0.0)
    assert found["verifier_accuracy"] == 0.5
    assert found["best_is_right"] == 0.5
    chances = [math.exp(-2 * nll) for nll in (2, 3, 4)]
    assert found["wrong_extraction"] == pytest.approx(np.mean(chances))
    several = [1 - (1 - p) ** 100 for p in chances]
    assert found["wrong_extracted_in_100"] == pytest.approx(np.mean(several))
    alone = figures_of(said([1.0], [True], [0]))
    assert alone["wrong_nll"] is alone["verifier_accuracy"] is alone["gap"] is None


def test_a_model_is_compared_with_one_that_never_saw_what_is_forgotten() -> None:
    own = said([1, 2, 3, 4], [True, False, False, False], [0, 1, 2, 3])
    same = compared_with(own, own)
    assert (same["ks_p"], same["overshoot"]) == (1.0, 0.0)
    apart = compared_with(own, said([1, 8, 9, 10], [True, False, False, False], [0, 1, 2, 3]))
    assert apart["overshoot"] == -6
    assert apart["ks_p"] < same["ks_p"]
    assert membership(own, said([9.0], [False], [0])) == 1.0
    assert leak(0.5, 0.5) == 0
    seen = [{"step": 0, "right_nll": 1.0, "wrong_nll": 2.0}]
    assert at_equal_forgetting(seen, 1.5) == {"step": 0.0, "right_nll": 1.0}


@pytest.mark.slow
def test_the_command_measures_a_language_model_by_its_folder(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    data = tmp_path / "sums.jsonl"
    rows: list[dict[str, Any]] = [
        {"prompt": "1+1?", "response": f"it is {n}", "label": n == 2} for n in range(1, 5)
    ]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    other = save_llama(tmp_path / "other", seed=1)
    done = negatives("evaluate", tiny_llama(), data, "--retrained", other, "--json")
    found = json.loads(done.stdout)
    assert (found["prompts"], found["right"], found["wrong"]) == (1, 1, 3)
    assert found["gap"] == pytest.approx(found["wrong_nll"] - found["right_nll"])
    assert 0 <= found["retrained"]["ks_p"] <= 1
    shown = negatives("evaluate", tiny_llama(), data).stdout
    assert "NLL of wrong, a token" in shown
    for said in (["--metric", "AP"], ["--depth", "5"], ["--without-self"], ["--seed", "1"], [data]):
        refused = negatives("evaluate", tiny_llama(), data, *said)
        assert refused.returncode == 2
        assert "measured by its likelihoods" in refused.stderr
    refused = negatives("evaluate", "static", data, "--retrained", other)
    assert refused.returncode == 2
    assert "of a language model, and none is measured" in refused.stderr


@pytest.mark.slow
def test_a_model_is_measured_with_what_it_was_trained_with_between_prompt_and_response(
    tmp_path: Path,
) -> None:
    pytest.importorskip("transformers")
    data, out = tmp_path / "sums.jsonl", tmp_path / "made"
    data.write_text('{"prompt": "1+1?", "response": "it is 3", "label": false}\n', "utf-8")
    settings = ("train.between= = ", "learn.retain=none", "train.steps=1")
    given = [part for each in settings for part in ("--set", each)]
    done = negatives(
        "train", data, "--model", tiny_llama(), "--out", out, "--recipe", "npo", *given
    )
    assert f"negatives evaluate {out} DATA --retrained MODEL   says how good it is" in done.stdout
    assert f"{out}: 1 example, 1 step\n" in done.stdout
    told = [
        json.loads(negatives("evaluate", out, data, *more, "--json").stdout)["wrong_nll"]
        for more in ((), ("--between", " = "), ("--between", "\n"))
    ]
    assert told[0] == told[1] != told[2]
