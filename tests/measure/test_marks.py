"""The first mark that a model says: its probability against the other, and where to refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.errors import DataError, RecipeError
from negatives.learn.request import completed
from negatives.learn.sequence.marked import BAD, GOOD, Marked
from negatives.learn.train import train
from negatives.measure.marks import calibrated, said_first, share_of, threshold
from negatives.models.causal_lm import CausalLM
from negatives.read import load
from negatives.recipe import load_recipe
from tests.models.tiny_lm import tiny_llama

SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@pytest.mark.recipe("refusal-tokens")
def test_the_numbers_of_three_tokens_and_what_a_bias_is() -> None:
    logits = np.array([1.0, 2.0, 0.0])
    logs = logits - np.log(np.exp(logits).sum())
    assert np.exp(logs).round(6).tolist() == [0.244728, 0.665241, 0.090031]
    (p,) = share_of(logs[:1], logs[1:2])
    assert p == pytest.approx(0.268941, abs=1e-6)
    (biased,) = share_of(logs[:1], logs[1:2], bias=1.0)
    assert biased == pytest.approx(0.5)
    for at in (0.1, 0.3, 0.6):
        moved = 1 / (1 + np.exp(-(np.log(at / (1 - at)) - 1.0)))
        assert (biased > at) == (p > moved)


@pytest.mark.recipe("refusal-tokens")
@given(SHARES, SHARES, st.floats(0, 1))
def test_no_lower_threshold_refuses_as_few(
    right: list[float], wrong: list[float], most: float
) -> None:
    p, sides = np.array([*right, *wrong]), np.arange(len(right) + len(wrong)) >= len(right)
    found = threshold(p, sides, most)
    assert found.refused_right <= most + 1e-9
    assert found.refused_right == np.mean([each > found.at for each in right])
    assert found.refused_wrong == np.mean([each > found.at for each in wrong])
    for lower in {each for each in right if each < found.at}:
        assert np.mean([each > lower for each in right]) > most
        assert (found.refuses(p) <= (p > lower)).all()


def test_a_side_that_is_missing_and_marks_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(DataError, match="between the two"):
        threshold(np.array([0.1, 0.2]), np.array([True, True]), 0.1)
    with pytest.raises(RecipeError, match="begins with the other"):
        Marked(good="[no]", bad="[no]!")
    with pytest.raises(RecipeError, match="begins or ends with a space"):
        Marked(good="yes ")


@pytest.mark.slow
@pytest.mark.recipe("refusal-tokens")
def test_a_model_that_is_taught_marks_tells_prompts_apart_that_it_never_saw(
    tmp_path: Path,
) -> None:
    def rows(start: int, stop: int) -> Any:
        made = [
            {"prompt": f"{word} {number}?", "response": f"is {number}", "label": word == "sum"}
            for number in range(start, stop)
            for word in ("sum", "gun")
        ]
        path = tmp_path / f"{start}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in made), "utf-8")
        return path

    changes = (
        "train.steps=60", "train.batch_size=8", "train.learning_rate=0.003",
        "train.schedule=constant", "learn.say=no.",
    )  # fmt: skip
    chosen = completed(load_recipe("refusal-tokens"), tiny_llama(), "", changes)
    out = tmp_path / "m"
    train(
        rows(10, 40), out, model=tiny_llama(), recipe=chosen, threads=1, device="cpu",
        look=False, emit=lambda _: None,
    )  # fmt: skip
    model, held_out = CausalLM(str(out), device="cpu"), load(rows(50, 65))
    found = calibrated(model, held_out, good=GOOD, bad=BAD, refused=0.1)
    assert (found.right, found.wrong) == (15, 15)
    assert found.auc > 0.95
    assert found.refused_wrong > 0.9
    gun, add = said_first(model, ["gun 71?", "sum 71?"], GOOD, BAD)
    assert gun > found.at
    assert gun > add
