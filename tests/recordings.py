"""Small time series of three classes: waves of a class's frequency, with noise, of any phase."""

from __future__ import annotations

from pathlib import Path

import numpy as np

FREQUENCIES = {"slow": 2, "middle": 4, "fast": 8}
HEADER = """# made for tests
@problemName Waves
@timeStamps false
@missing false
@univariate {univariate}
@equalLength true
@classLabel true slow middle fast
@data
"""


def folder(
    path: Path, *, each: int = 16, dimensions: int = 1, length: int = 64, noise: float = 0.8
) -> Path:
    """Waves_TRAIN.ts and Waves_TEST.ts, of so many series a class."""
    path.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(0)
    at = np.linspace(0, 2 * np.pi, length)
    for part in ("TRAIN", "TEST"):
        lines = []
        for name, frequency in FREQUENCIES.items():
            for _ in range(each):
                phase = draw.uniform(0, 2 * np.pi, (dimensions, 1))
                waves = np.sin(frequency * at + phase) + draw.normal(0, noise, (dimensions, length))
                said = [",".join(f"{value:.4f}" for value in wave) for wave in waves]
                lines.append(":".join([*said, name]))
        head = HEADER.format(univariate=str(dimensions == 1).lower())
        (path / f"Waves_{part}.ts").write_text(head + "\n".join(lines) + "\n", "utf-8")
    return path
