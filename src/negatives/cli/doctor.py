"""negatives doctor: what is installed here, what is not, and the command that fixes it."""

from __future__ import annotations

import platform
import shutil
from dataclasses import asdict
from importlib.util import find_spec
from typing import Any

from negatives.cli.options import Flag
from negatives.cli.streams import print_json

_EXTRAS = {
    "fast": (("numba",), "compiled loops"),
    "faiss": (("faiss",), "approximate search"),
    "onnx": (("onnxruntime",), "encoders from .onnx files"),
    "train": (("torch", "sentence_transformers", "datasets"), "sentence-transformers encoders"),
    "hub": (("datasets",), "Hugging Face datasets"),
    "ir": (("ir_datasets",), "ir_datasets:NAME"),
    "ray": (("ray",), "several machines"),
    "pdf": (("pypdf",), "documents in PDF"),
    "kg": (("pykeen", "numba"), "models of knowledge graphs"),
    "imbalance": (("imblearn",), "items made of a rare class"),
}


def doctor(*, bench: Flag = False, encoder: str = "static", json: Flag = False) -> None:
    """Check this machine and this installation.

    Example:

        negatives doctor --bench

    Parameters
    ----------
    bench
        Measure it too (under half a minute): for each stage of mining the machine's ceiling and our
        share of it, on made-up data.
    encoder
        The encoder that `--bench` measures; see `negatives mine --help`.
    json
        Print the findings as JSON.
    """
    found = examine()
    if bench:
        found["bench"] = measured(found["threads"], encoder)
    if json:
        print_json(found)
        return
    for name, version in found["versions"].items():
        print(f"{name:<22} {version}")
    print(f"{'threads':<22} {found['threads']}")
    print(f"{'matrix products':<22} {found['blas']}")
    print(f"{'disk free here':<22} {found['disk_free_gb']:.1f} GB")
    print(f"{'built-in encoder':<22} {found['encoder']}")
    stems, unspaced = (", ".join(found["languages"][name]) for name in ("stems", "characters"))
    print(f"{'languages of bm25':<22} stems of {stems}; characters of {unspaced}; others by words")
    for name, extra in found["extras"].items():
        state = "installed" if extra["installed"] else f"missing: {extra['fix']}"
        print(f"{name + ' extra':<22} {state} ({extra['for']})")
    if bench:
        show_bench(found["bench"])


def examine() -> dict[str, Any]:
    """What `doctor` reports, as plain values."""
    import numpy as np  # loads the BLAS that is asked about
    from threadpoolctl import threadpool_info

    from negatives.machine import available_threads
    from negatives.models.open_encoder import open_encoder
    from negatives.models.static import LANGUAGES as READ
    from negatives.run.account import library_versions
    from negatives.text.languages import CHARACTERS, STEMMERS

    pools = {f"{p['internal_api']} {p.get('version')}" for p in threadpool_info()
             if p["user_api"] == "blas"}  # fmt: skip
    encoder = open_encoder("static")
    vectors = encoder.encode(["a model learns what something is from what it is not"]).vectors
    return {
        "versions": {**library_versions(), "platform": platform.platform()},
        "threads": available_threads(),
        "blas": ", ".join(sorted(pools)) or "numpy's own",
        "disk_free_gb": shutil.disk_usage(".").free / 1e9,
        "languages": {"stems": sorted(STEMMERS), "characters": sorted(CHARACTERS)},
        "encoder": f"works, {vectors.shape[1]} dimensions, reads {', '.join(READ)} only"
        if np.isfinite(vectors).all()
        else "broken",
        "extras": {
            name: {
                "installed": all(find_spec(module) for module in modules),
                "for": about,
                "fix": f"pip install 'negatives[{name}]'",
            }
            for name, (modules, about) in _EXTRAS.items()
        },
    }


def measured(threads: int, encoder: str) -> dict[str, Any]:
    """What `doctor --bench` reports, as plain values: rates a second, shares of the ceiling."""
    import time

    from negatives.cli.ceilings import shares
    from negatives.models.open_encoder import open_encoder
    from negatives.read import load
    from negatives.search.ceilings import backend_rates, copy_rate, sgemm_rate

    sgemm = sgemm_rate()
    texts = load("cranfield").corpus["text"].str.slice(0, 80).to_list()
    opened = open_encoder(encoder, threads=threads)
    opened.encode(texts[:8])
    began = time.perf_counter()
    done = 0
    while time.perf_counter() - began < 2 and done < len(texts):
        done += len(opened.encode(texts[done : done + 64]).vectors)
    seconds = time.perf_counter() - began
    rates = backend_rates(threads)
    return {
        "sgemm_gflops_a_core": sgemm / 1e9,
        "copy_gb_a_second": copy_rate() / 1e9,
        "searches": {
            name: {"gflops": rate / 1e9, "share": rate / (sgemm * threads)}
            for name, rate in rates.items()
        },
        "encoder": {"name": encoder, "texts_a_second": done / seconds},
        "stages": [{**asdict(stage), "share": stage.share} for stage in shares(threads, rates)],
        "recommended": {
            "threads": threads,
            "device": "cuda" if any("cuda" in name for name in rates) else "cpu",
            "search": max(rates, key=lambda name: rates[name]),
        },
    }


def show_bench(bench: dict[str, Any]) -> None:
    """Print what `--bench` has measured: the stages beside their ceilings, then what to use."""
    from negatives.wording import figure

    print()
    rows = [("stage", "ours", "ceiling", "share", "the ceiling is", "measured on")]
    rows += [
        (
            stage["stage"],
            f"{figure(stage['ours'])} {stage['unit']}",
            f"{figure(stage['ceiling'])} {stage['unit']}",
            f"{stage['share']:.1%}",
            stage["bound"],
            stage["work"],
        )
        for stage in bench["stages"]
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip())
    print()
    print(f"{'sgemm, one core':<22} {bench['sgemm_gflops_a_core']:.0f} Gflop/s")
    print(f"{'memory copy, one core':<22} {bench['copy_gb_a_second']:.1f} GB/s")
    for name, search in bench["searches"].items():
        print(
            f"{'search':<22} {name}: {search['gflops']:.0f} Gflop/s, {search['share']:.0%} of "
            "sgemm on all threads"
        )
    encoder = bench["encoder"]
    print(f"{'encoder':<22} {encoder['name']}: {encoder['texts_a_second']:,.0f} short texts/s")
    best = bench["recommended"]
    print(
        f"{'recommended':<22} --threads {best['threads']} --device {best['device']} "
        f"(search by {best['search']})"
    )
