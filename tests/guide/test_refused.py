"""What every guide refuses: no numbers, arrays of two libraries, and nothing at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import negatives as neg
from negatives.errors import DataError

G = neg.guide
ONE, OTHER = np.array([[1.0, 0.0]]), np.array([[0.6, 0.8]])
STRENGTHS: dict[str, Callable[[float], Any]] = {
    "scale of cfg": lambda s: G.cfg(ONE, OTHER, s),
    "scale of negative_prompt": lambda s: G.negative_prompt(ONE, OTHER, s),
    "scale of subtracted": lambda s: G.subtracted(ONE, OTHER, [ONE], scale=s),
    "scale of perp_neg": lambda s: G.perp_neg(ONE, OTHER, [ONE], scale=s),
    "weight of perp_neg": lambda s: G.perp_neg(ONE, OTHER, [ONE], s),
    "strength of cfg_plus_plus": lambda s: G.cfg_plus_plus(ONE, ONE, OTHER, s, 0.5, 0.8),
    "alpha of negtome": lambda s: G.negtome(ONE, OTHER, alpha=s),
    "gamma of steered": lambda s: G.steered(ONE, OTHER, gamma=s),
    "eta of steered": lambda s: G.steered(ONE, OTHER, ONE, eta=s),
    "strength of contrasted": lambda s: G.contrasted(ONE, OTHER, strength=s),
    "scale of caption_guided": lambda s: G.caption_guided(ONE, OTHER, scale=s),
    "scale of classifier_guided": lambda s: G.classifier_guided(ONE, OTHER, s, 0.5),
    "entropy of trials": lambda s: G.trials(s, 2.0, 5),
    "scale of negative_guider": lambda s: G.negative_guider(scale=s),
    "weight of negative_guider": lambda s: G.negative_guider(weight=s),
}


def test_a_strength_may_be_one_a_sample_and_is_finite() -> None:
    none, wanted = np.zeros((2, 3)), np.ones((2, 3))
    scales: Any = np.array([[1.0], [2.0]])
    assert G.cfg(none, wanted, scales).tolist() == [[1.0] * 3, [2.0] * 3]
    with pytest.raises(DataError, match="no finite number"):
        G.cfg(none, wanted, scales * np.nan)


def test_a_strength_that_is_no_finite_number_is_refused_by_every_guide() -> None:
    for name, guide in STRENGTHS.items():
        for value in (float("nan"), float("inf")):
            with pytest.raises(DataError) as error:
                guide(value)
            assert f"{value:g}" in error.value.what, name
            assert error.value.fix, name


def test_processors_refuse_their_settings_before_anything_is_generated() -> None:
    pytest.importorskip("torch")

    def embed(texts: list[str]) -> Any:
        return np.array([[float("Ana" in text), 1.0] for text in texts])

    asked, kept, reader = ["Who is Ana?"], ["Who is Ivo?"], object()
    refused: dict[str, Callable[[], Any]] = {
        "gamma is nan": lambda: G.SteeredLogits(base=len, gamma=float("nan")),
        "a cut at 2": lambda: G.SteeredLogits(base=len, alpha=2.0),
        "one text: 'Ana Lem'": lambda: G.RestrictedLogits(reader, "Ana Lem", start=0),
        "start = -1": lambda: G.RestrictedLogits(reader, ["Lem"], start=-1),
        "penalty = nan": lambda: G.RestrictedLogits(reader, ["Lem"], start=0, penalty=float("nan")),
        "alike = 2": lambda: G.RestrictedLogits(reader, ["Lem"], start=0, alike=2.0),
        "one text: 'Lem'": lambda: G.ForgetIndex(embed, asked, ["Lem"], kept),
        "above = 2": lambda: G.ForgetIndex(embed, asked, [["Lem"]], kept, above=2.0),
        "nearest = 0": lambda: G.ForgetIndex(embed, asked, [["Lem"]], kept, nearest=0),
    }
    for said, made in refused.items():
        with pytest.raises(DataError, match=said):
            made()


def test_arrays_beside_tensors_are_told_apart() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(DataError, match="unconditional of numpy, conditional of torch") as error:
        G.cfg(ONE, torch.tensor(OTHER), 2.0)
    assert "torch.as_tensor" in error.value.fix
    with pytest.raises(DataError, match="hidden of numpy, reference of torch"):
        G.negtome(ONE, torch.tensor(OTHER))


def test_nothing_to_move_away_from_and_nothing_to_choose_from_are_refused() -> None:
    refused: dict[str, Callable[[], Any]] = {
        "the reference has no token": lambda: G.negtome(ONE, OTHER[:0]),
        "an alpha of -1": lambda: G.negtome(ONE, OTHER, alpha=-1.0),
        "of 0 trials": lambda: G.likeliest([]),
        "some have no token": lambda: G.likeliest([[-1.0], []]),
        "several tries above 0": lambda: G.trials(1.0, 0.0, 5),
        r"values of shape \(1, 2\)": lambda: G.spread([[1.0, 2.0]]),  # type: ignore[list-item]
        "the cost of step 3, and 3 steps": lambda: G.cut(9, 2, G.spread([1, 2, 3])),
        "the cost of step 2, and 2 steps": lambda: G.cut(3, 2, G.strangeness(np.eye(2))),
        r"gradients of shape \(2,\)": lambda: G.reconciled(np.ones(2)),
        "0 steps from a share": lambda: G.signals(0),
    }
    for said, asked in refused.items():
        with pytest.raises(DataError, match=said):
            asked()
