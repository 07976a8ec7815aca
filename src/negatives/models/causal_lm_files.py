"""A causal language model's folder, or name on the hub, opened by transformers.

Only safetensors weights are read, and no code of the folder is run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from negatives.errors import DataError
from negatives.faults import raise_spent
from negatives.models.torch_model import unloadable
from negatives.optional import require, torch

MEND: Final = (
    "name the folder, or the hub name, of a causal language model with safetensors weights"
)


def refuse_other_weights(model: str) -> None:
    """Say of a folder that it has no safetensors weights; of a hub's name the hub does."""
    folder = Path(model)
    if folder.is_dir() and not any(folder.glob("*.safetensors*")):
        raise DataError(
            "the folder has no safetensors weights",
            where=model,
            fix=f"{MEND}; transformers makes one of a GGUF file (from_pretrained, gguf_file=...)",
        )


def load_tokenizer(model: str) -> Any:
    """A fast tokenizer, which knows where its tokens stand in a text."""
    library = require("transformers", extra="train")
    try:
        made = library.AutoTokenizer.from_pretrained(model, trust_remote_code=False)
    except Exception as error:  # the hub, the disk and the library each have their own
        raise_spent(error)
        raise unloadable(error, model, "language model", MEND) from None
    if getattr(made, "backend_tokenizer", None) is None:
        raise DataError(
            "the model's tokenizer cannot say where its tokens stand in a text",
            where=model,
            fix="save the folder with a fast tokenizer (tokenizer.json)",
        )
    return made


def load_network(model: str, device: str, attention: bool) -> Any:
    """The network in full precision; with `attention` it can be asked for its attentions."""
    library = require("transformers", extra="train")
    try:
        net, told = library.AutoModelForCausalLM.from_pretrained(
            model,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            attn_implementation="eager" if attention else "sdpa",
            output_loading_info=True,
        )
    except Exception as error:
        raise_spent(error)
        raise unloadable(error, model, "language model", MEND) from None
    if lacking := sorted(told["missing_keys"]):
        raise DataError(
            f"this is no language model: {len(lacking)} of its weights were never trained "
            f"({', '.join(lacking[:3])})",
            where=model,
            fix=MEND,
        )
    return net.eval().to(device)
