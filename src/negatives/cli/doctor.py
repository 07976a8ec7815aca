"""negatives doctor: what is installed here, what is not, and the command that mends it."""

from __future__ import annotations

import json as jsonlib
import platform
import shutil
from importlib.util import find_spec
from typing import Any

from negatives.cli.flag import Flag

_EXTRAS = {
    "fast": (("numba",), "compiled loops"),
    "faiss": (("faiss",), "approximate search"),
    "onnx": (("onnxruntime",), "encoders from .onnx files"),
    "train": (("torch", "sentence_transformers", "datasets"), "sentence-transformers encoders"),
    "llm": (("openai",), "encoders behind an OpenAI-compatible endpoint"),
    "hub": (("datasets",), "Hugging Face datasets"),
    "ir": (("ir_datasets",), "ir_datasets:NAME"),
}


def doctor(*, json: Flag = False) -> None:
    """Check this machine and this installation.

    Parameters
    ----------
    json
        Print the findings as JSON.
    """
    found = examine()
    if json:
        print(jsonlib.dumps(found))
        return
    for name, version in found["versions"].items():
        print(f"{name:<22} {version}")
    print(f"{'threads':<22} {found['threads']}")
    print(f"{'matrix products':<22} {found['blas']}")
    print(f"{'disk free here':<22} {found['disk_free_gb']:.1f} GB")
    print(f"{'built-in encoder':<22} {found['encoder']}")
    for name, extra in found["extras"].items():
        state = "installed" if extra["installed"] else f"missing: {extra['mend']}"
        print(f"{name + ' extra':<22} {state} ({extra['for']})")


def examine() -> dict[str, Any]:
    """What `doctor` reports, as plain values."""
    import numpy as np  # loads the BLAS that is asked about
    from threadpoolctl import threadpool_info

    from negatives.models.encoder import open_encoder
    from negatives.run.account import available_threads, library_versions

    pools = {f"{p['internal_api']} {p.get('version')}" for p in threadpool_info()
             if p["user_api"] == "blas"}  # fmt: skip
    encoder = open_encoder("static")
    vectors = encoder.encode(["a model learns what something is from what it is not"]).vectors
    return {
        "versions": {**library_versions(), "platform": platform.platform()},
        "threads": available_threads(),
        "blas": ", ".join(sorted(pools)) or "numpy's own",
        "disk_free_gb": shutil.disk_usage(".").free / 1e9,
        "encoder": f"works, {vectors.shape[1]} dimensions"
        if np.isfinite(vectors).all()
        else "broken",
        "extras": {
            name: {
                "installed": all(find_spec(module) for module in modules),
                "for": about,
                "mend": f"pip install 'negatives[{name}]'",
            }
            for name, (modules, about) in _EXTRAS.items()
        },
    }
