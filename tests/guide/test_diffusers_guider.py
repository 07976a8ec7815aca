"""The guider for diffusers: against its interface, and in the library itself where it is there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from negatives.errors import DataError, MissingExtra
from negatives.guide import diffusers_guider, negative_guider, perp_neg, subtracted

torch: Any = pytest.importorskip("torch")

THERE = find_spec("diffusers") is not None
KEY = "__guidance_identifier__"
WANTED, UNWANTED, EMPTY = (torch.full((2, 3), value) for value in (1.0, 2.0, 0.0))
TIMES = torch.ones((2, 1))


class BaseGuidance:
    """What a guider is derived from in diffusers 0.42, as far as it is used."""

    _identifier_key = KEY

    def __init__(self, start: float, stop: float, enabled: bool) -> None:
        self._enabled, self._count_prepared = enabled, 0
        self._step: int | None = None
        self._num_inference_steps: int | None = None

    def set_state(self, step: int, num_inference_steps: int, timestep: Any) -> None:
        """Called before each step."""
        self._step, self._num_inference_steps, self._count_prepared = step, num_inference_steps, 0

    def prepare_models(self, denoiser: Any) -> None:
        """Called before each prediction."""
        self._count_prepared += 1

    @classmethod
    def _prepare_batch(cls, data: dict[str, Any], place: int, name: str) -> Any:
        chosen = {
            key: value[place] if isinstance(value, tuple) else value for key, value in data.items()
        }
        return SimpleNamespace(**chosen, **{KEY: name})

    def __call__(self, data: list[Any]) -> Any:
        given = {getattr(each, KEY): each.noise_pred for each in data}
        return self.forward(**given)  # type: ignore[attr-defined]


@pytest.fixture(params=["stand-in", "diffusers"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The library itself, or a stand-in for its base class: the guider is made for each anew."""
    diffusers_guider._guider_class.cache_clear()
    if request.param == "diffusers":
        if not THERE:
            pytest.skip("diffusers is not installed: pip install 'negatives[diffusion]'")
    else:
        modules: dict[str, dict[str, Any]] = {
            "diffusers": {},
            "diffusers.guiders": {},
            "diffusers.guiders.guider_utils": {
                "BaseGuidance": BaseGuidance,
                "GuiderOutput": SimpleNamespace,
            },
            "diffusers.configuration_utils": {"register_to_config": lambda init: init},
        }
        for name, content in modules.items():
            module = ModuleType(name)
            vars(module).update(content)
            monkeypatch.setitem(sys.modules, name, module)
    yield
    diffusers_guider._guider_class.cache_clear()


def step(
    guider: Any, number: int = 0, steps: int = 10, inputs: Any = None
) -> tuple[Any, list[Any]]:
    """One step as a pipeline takes it, with the prompt itself as what is predicted."""
    data = inputs or {"prompt_embeds": (WANTED, UNWANTED), "time_ids": (TIMES, TIMES)}
    guider.set_state(step=number, num_inference_steps=steps, timestep=torch.tensor(0))
    batches, conditional = guider.prepare_inputs(data), []
    for batch in batches:
        guider.prepare_models(None)
        conditional.append(guider.is_conditional)
        assert torch.equal(batch.time_ids, TIMES)
        # A model whose prediction bends with the prompt, so that nothing is in one line.
        batch.noise_pred = torch.stack([batch.prompt_embeds, batch.prompt_embeds**2], 1)
    assert conditional == [True, *[False] * (len(batches) - 1)]
    return guider(batches).pred, batches


def prediction(prompt: Any) -> Any:
    return torch.stack([prompt, prompt**2], 1)


@pytest.mark.usefixtures("library")
def test_three_predictions_are_guided_as_the_function_guides_them() -> None:
    for method, function in {"perp-neg": perp_neg, "subtracted": subtracted}.items():
        guider = negative_guider(
            method=method,  # type: ignore[arg-type]
            scale=3.0,
            weight=0.7,
            unconditional={"prompt_embeds": EMPTY[:1]},
        )
        made, batches = step(guider)
        assert [getattr(each, KEY) for each in batches] == [
            "pred_cond",
            "pred_negative",
            "pred_uncond",
        ]
        expected = function(
            prediction(EMPTY), prediction(WANTED), [prediction(UNWANTED)], 0.7, scale=3.0
        )
        assert torch.allclose(made, expected)


@pytest.mark.usefixtures("library")
def test_after_its_stop_the_prompt_alone_is_run() -> None:
    guider = negative_guider(stop=0.6, unconditional={"prompt_embeds": EMPTY})
    assert [len(step(guider, number)[1]) for number in (0, 5, 6, 9)] == [3, 3, 1, 1]
    assert torch.equal(step(guider, 6)[0], prediction(WANTED))


@pytest.mark.usefixtures("library")
def test_what_there_is_without_a_prompt_is_given_or_asked_for() -> None:
    guider = negative_guider()
    with pytest.raises(DataError, match="'prompt_embeds' is without any prompt") as told:
        step(guider)
    assert "unconditional={'prompt_embeds'" in told.value.fix
    triple = {"prompt_embeds": (WANTED, UNWANTED, EMPTY), "time_ids": TIMES}
    assert len(step(guider, inputs=triple)[1]) == 3
    state = SimpleNamespace(wanted=WANTED, unwanted=UNWANTED, empty=EMPTY, times=TIMES)
    fields = {"prompt_embeds": ("wanted", "unwanted", "empty"), "time_ids": "times"}
    guider.set_state(step=0, num_inference_steps=10, timestep=torch.tensor(0))
    batches = guider.prepare_inputs_from_block_state(state, fields)
    assert torch.equal(batches[2].prompt_embeds, EMPTY)
    assert torch.equal(batches[0].time_ids, TIMES)


def test_nonsense_is_refused_before_diffusers_is_asked() -> None:
    for settings, said in (
        ({"method": "cfg++"}, "no guider is 'cfg\\+\\+'"),
        ({"weight": -1.0}, "a weight of -1"),
        ({"stop": 2.0}, "a schedule from 0 to 2"),
        ({"start": 1.0, "stop": 1.0}, "a guider that starts at 1"),
    ):
        given: dict[str, Any] = {**settings}
        with pytest.raises(DataError, match=said):
            negative_guider(**given)


@pytest.mark.skipif(THERE, reason="diffusers is installed")
def test_without_diffusers_the_command_that_installs_it_is_told() -> None:
    with pytest.raises(MissingExtra) as told:
        negative_guider()
    assert told.value.fix == "pip install 'negatives[diffusion]'"
