"""Low-rank adapters: a small part is trained, and becomes part of the weights at the end.

Hu et al., LoRA (ICLR 2022), by the peft library.
"""

from __future__ import annotations

from typing import Any

from negatives.errors import RecipeError
from negatives.optional import require, torch


def add_adapters(model: Any, rank: int) -> None:
    """Freeze a model but for new adapters of all its linear layers.

    `model`: of sentence-transformers, or a network of transformers.
    """
    peft = require("peft", extra="lora")
    transformer = _transformer(model)
    if transformer is None:
        raise RecipeError(
            "low-rank adapters need a transformer, and this model has none",
            where=f"train.lora = {rank}",
            fix="set train.lora=0",
        )
    layers = (torch.nn.Linear, require("transformers.pytorch_utils", extra="train").Conv1D)
    linear = {
        name.rpartition(".")[2]
        for name, module in transformer.base_model.named_modules()
        if isinstance(module, layers)
    }
    model.add_adapter(
        peft.LoraConfig(
            r=rank, lora_alpha=2 * rank, lora_dropout=0.05, target_modules=sorted(linear)
        )
    )


def merge_adapters(model: Any) -> None:
    """Add the adapters to the weights they adapt, and leave a plain model."""
    layers = require("peft.tuners.tuners_utils", extra="lora")
    transformer = _transformer(model)
    adapted = [
        (name, module)
        for name, module in transformer.named_modules()
        if isinstance(module, layers.BaseTunerLayer)
    ]
    for name, module in adapted:
        module.merge()
        parent, _, last = name.rpartition(".")
        setattr(transformer.get_submodule(parent), last, module.get_base_layer())
    transformer._hf_peft_config_loaded = False
    del transformer.peft_config


def _transformer(model: Any) -> Any:
    """The network of transformers that a model is, or is made of; None where it has none."""
    if hasattr(model, "has_peft_compatible_model"):
        return model.transformers_model if model.has_peft_compatible_model() else None
    return model if hasattr(model, "add_adapter") and hasattr(model, "base_model") else None
