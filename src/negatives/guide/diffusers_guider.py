"""Negative guidance in the modular pipelines of diffusers: a guider with a third prediction.

The guiders of diffusers have two predictions, with the prompt and with the negative one. To take
away what is unwanted and not what it shares with the prompt, a third is needed, without any prompt.
Guiders are experimental there; this one uses BaseGuidance (`set_state`, `prepare_inputs`, `forward`
and `_prepare_batch`) as of diffusers 0.42.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, Literal

from negatives.errors import DataError
from negatives.guide.directions import perp_neg, subtracted
from negatives.guide.namespace import finite
from negatives.guide.schedule import Schedule, Shape
from negatives.optional import require, torch

Method = Literal["perp-neg", "subtracted"]
_METHODS = {"perp-neg": perp_neg, "subtracted": subtracted}


def negative_guider(
    *,
    method: Method = "perp-neg",
    scale: float = 7.5,
    weight: float = 1.0,
    start: float = 0.0,
    stop: float = 0.6,
    shape: Shape = "constant",
    unconditional: Mapping[str, Any] | None = None,
) -> Any:
    """A guider of diffusers, for `pipeline.update_components(guider=...)`.

    `unconditional`: the inputs of the denoiser for an empty prompt, under the names that the
    pipeline gives its guider (`prompt_embeds` and `text_embeds` of Stable Diffusion XL,
    `encoder_hidden_states` of others), one row for all. Not needed where a pipeline gives triples.
    Outside of the steps from `start` to `stop` (shares of all) the prompt alone decides.
    """
    if method not in _METHODS:
        raise DataError(f"no guider is {method!r}", fix=f"valid: {', '.join(_METHODS)}")
    finite(scale=scale)
    if not 0 <= weight < float("inf"):
        raise DataError(f"a weight of {weight:g}", fix="0 or above; the sign is the guider's own")
    if not start < 1:
        raise DataError(f"a guider that starts at {start:g}", fix="below 1, the end of the steps")
    Schedule(start, stop, shape)  # refused here, before diffusers does
    made = _guider_class()(
        method=method, scale=scale, weight=weight, start=start, stop=stop, shape=shape
    )
    made.unconditional = dict(unconditional or {})
    return made


@cache
def _guider_class() -> Any:
    """The class, made when diffusers is there to derive it from."""
    guiders = require("diffusers.guiders.guider_utils", extra="diffusion")
    registered = require("diffusers.configuration_utils", extra="diffusion").register_to_config

    class NegativeGuider(guiders.BaseGuidance):  # type: ignore[misc, name-defined]
        """Predictions with the prompt, with the negative one, and without any."""

        _input_predictions: ClassVar = ["pred_cond", "pred_negative", "pred_uncond"]

        @registered  # type: ignore[untyped-decorator]
        def __init__(
            self,
            method: Method = "perp-neg",
            scale: float = 7.5,
            weight: float = 1.0,
            start: float = 0.0,
            stop: float = 0.6,
            shape: Shape = "constant",
            enabled: bool = True,
        ) -> None:
            super().__init__(start, stop, enabled)
            self.schedule = Schedule(start, stop, shape)
            self.method, self.scale, self.weight = method, scale, weight
            self.unconditional: dict[str, Any] = {}

        def prepare_inputs(self, data: Mapping[str, Any]) -> list[Any]:
            """The inputs of each prediction, in the order in which the denoiser is run."""
            if self.num_conditions == 1:
                return [self._prepare_batch(data, 0, "pred_cond")]
            whole = {
                name: (*value[:2], self._without(name, value)) if _varies(value) else value
                for name, value in data.items()
            }
            return [
                self._prepare_batch(whole, place, name)
                for place, name in enumerate(self._input_predictions)
            ]

        def prepare_inputs_from_block_state(
            self, data: Any, input_fields: Mapping[str, Any]
        ) -> list[Any]:
            """The same, of fields by their names in a state of the pipeline."""

            def read(field: Any) -> Any:
                if isinstance(field, str):
                    return getattr(data, field, None)
                return tuple(None if each is None else getattr(data, each, None) for each in field)

            return self.prepare_inputs({name: read(field) for name, field in input_fields.items()})

        def _without(self, name: str, value: tuple[Any, ...]) -> Any:
            """What the denoiser is given under a name where there is no prompt."""
            wanted, unwanted = value[:2]
            if len(value) > 2:
                return value[2]
            if name in self.unconditional:
                empty = torch.as_tensor(self.unconditional[name])
                return empty.to(wanted).expand(wanted.shape) if len(empty) == 1 else empty
            if wanted is None or (unwanted is not None and torch.equal(wanted, unwanted)):
                return wanted  # such as the size of the picture
            raise DataError(
                f"nothing says what {name!r} is without any prompt",
                where="negative_guider",
                fix=f"negative_guider(..., unconditional={{{name!r}: that of an empty prompt}})",
            )

        def forward(
            self, pred_cond: Any, pred_negative: Any = None, pred_uncond: Any = None
        ) -> Any:
            """The guided prediction, after those that it is made of."""
            pred = pred_cond
            if pred_negative is not None:
                share = self._share
                pred = _METHODS[self.method](
                    pred_uncond,
                    pred_cond,
                    [pred_negative],
                    self.weight * share,
                    scale=1 + (self.scale - 1) * share,
                )
            return guiders.GuiderOutput(pred=pred, pred_cond=pred_cond, pred_uncond=pred_uncond)

        @property
        def is_conditional(self) -> bool:
            """Whether the prediction with the prompt is being made, which is the first."""
            return bool(self._count_prepared == 1)

        @property
        def num_conditions(self) -> int:
            """How many predictions this step needs."""
            return 3 if self._share else 1

        @property
        def _share(self) -> float:
            if not self._enabled:
                return 0.0
            if self._step is None or self._num_inference_steps is None:
                return 1.0
            return self.schedule.share(int(self._step), int(self._num_inference_steps))

    return NegativeGuider


def _varies(value: Any) -> bool:
    """Whether an input is given for each prediction rather than once for all."""
    return isinstance(value, tuple)
