"""A concept's key led to another: the page's numbers, invariants, and a model that knows facts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.errors import NegativesError
from negatives.learn.request import completed
from negatives.learn.train import train
from negatives.learn.unlearn.redirect import covariance_of, redirect, redirected, redirected_all
from negatives.models.causal_lm import CausalLM
from negatives.recipe import load_recipe
from tests.models.tiny_lm import tiny_llama


@pytest.mark.method("rocr")
def test_the_numbers_of_two_dimensions() -> None:
    weight, key, value = 2 * np.eye(2), np.array([1.0, 0.0]), np.array([0.0, 3.0])
    new = redirected(weight, key, value, np.diag([2.0, 1.0]))
    assert (new - weight).tolist() == [[-2, 0], [3, 0]]
    assert (new @ key).tolist() == [0, 3]
    assert (new @ np.array([0.0, 1.0])).tolist() == [0, 2]


@given(st.integers(0, 10**6))
def test_the_key_leads_to_the_value_and_what_is_orthogonal_by_c_stays(seed: int) -> None:
    draw = np.random.default_rng(seed)
    weight, key, value = draw.normal(size=(4, 3)), draw.normal(size=3), draw.normal(size=4)
    root = draw.normal(size=(3, 3))
    covariance = root @ root.T + 0.1 * np.eye(3)
    new = redirected(weight, key, value, covariance)
    np.testing.assert_allclose(new @ key, value, atol=1e-6)
    assert np.linalg.matrix_rank(new - weight, tol=1e-8) <= 1
    other = draw.normal(size=3)
    toward = np.linalg.solve(covariance, key)
    other -= (other @ toward) / (toward @ toward) * toward
    np.testing.assert_allclose(new @ other, weight @ other, atol=1e-6)
    np.testing.assert_allclose(redirected(weight, key, weight @ key, covariance), weight, atol=1e-9)
    plain = redirected(weight, key, value, np.eye(3))
    shortest = np.outer(value - weight @ key, np.linalg.pinv(key[:, None])[0])
    np.testing.assert_allclose(plain - weight, shortest, atol=1e-9)
    one = redirected_all(weight, key[None], value[None], covariance, 1e-6)
    share = key @ toward / (1e-6 + key @ toward)  # of the way, which a tie of 0 goes to its end
    np.testing.assert_allclose(one - weight, share * (new - weight), atol=1e-6)


def test_what_cannot_be_solved_is_refused() -> None:
    eye = np.eye(2)
    for case, said in (
        ((eye, np.zeros(2), np.ones(2), eye), "all zeros"),
        ((eye, np.ones(2), np.ones(2), np.zeros((2, 2))), "singular"),
        ((np.ones((3, 2)), np.ones(3), np.ones(2), eye), "the other way round"),
    ):
        with pytest.raises(NegativesError) as error:
            redirected(*case)
        assert said in str(error.value)


@pytest.mark.slow
def test_a_model_says_of_one_name_what_it_knows_of_another_in_both_of_its_wordings(
    tmp_path: Path,
) -> None:
    facts = {"Zoe": "9", "Mia": "4", "Ben": "7"}
    forms = ("{}", "say of {}")
    rows = [
        {"prompt": form.format(name), "response": number, "label": True}
        for name, number in facts.items()
        for form in forms
    ]
    path = tmp_path / "facts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    changes = (
        "learn.kind=likelihood", "train.steps=120", "train.batch_size=6",
        "train.learning_rate=0.005", "train.schedule=constant", "train.between= ",
    )  # fmt: skip
    chosen = completed(load_recipe("default"), tiny_llama(), "language-model", changes)
    out = str(tmp_path / "m")
    train(path, out, model=tiny_llama(), recipe=chosen, threads=1, device="cpu", look=False,
          emit=lambda _: None)  # fmt: skip
    model = CausalLM(out, device="cpu")

    def says(name: str, number: str) -> list[float]:
        return [-each.mean for each in model.continuations(
            [(f"{form.format(name)} ", number) for form in forms])]  # fmt: skip

    assert max(says("Zoe", "9")) < 0.1
    assert min(says("Zoe", "4")) > 5
    moved = redirect(
        model,
        [f"{form.format('Zoe')} " for form in forms],
        [f"{form.format('Mia')} " for form in forms],
        covariance_of(model, [f"{form.format('Ben')} 7" for form in forms] + ["say of"], layer=0),
        layer=0,
    )
    assert 0 < moved < 1
    assert max(says("Zoe", "4")) < 1 < min(says("Zoe", "9")), "both wordings are redirected"
    assert max(says("Ben", "7")) < 0.1, "and others are left alone"
    with pytest.raises(NegativesError, match="has 2 layers"):
        redirect(model, ["a"], ["b"], np.eye(3), layer=2)
    with pytest.raises(NegativesError, match="give texts of any kind"):
        covariance_of(model, [], layer=0)
