"""Small images with captions that say what is on them: shapes of a colour on white."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pytest

COLOURS = {"red": (220, 30, 30), "green": (30, 160, 60), "blue": (40, 60, 220), "black": (0, 0, 0)}
SHAPES = ("square", "disc", "bar")
PLACES = ((8, 8), (16, 12), (24, 20), (12, 24), (20, 6))


def draw(path: Path, colour: str, shape: str, place: tuple[int, int], size: int = 48) -> None:
    """One shape at a place, on transparent ground."""
    image_of = pytest.importorskip("PIL.Image")
    draw_on = pytest.importorskip("PIL.ImageDraw")
    image = image_of.new("RGBA", (size, size), (0, 0, 0, 0))
    left, top = place
    box = (left, top, left + 18, top + (6 if shape == "bar" else 18))
    pen = draw_on.Draw(image)
    (pen.ellipse if shape == "disc" else pen.rectangle)(box, fill=(*COLOURS[colour], 255))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def folder(path: Path) -> Path:
    """Sixty images; train has four places of each, dev the fifth; two captions an image."""
    rows: dict[str, list[str]] = {"train": [], "dev": []}
    for (at, place), colour, shape in product(enumerate(PLACES), COLOURS, SHAPES):
        name = f"images/{colour}-{shape}-{at}.png"
        draw(path / name, colour, shape, place)
        said = [f"a {colour} {shape}", f"{shape} number {at} in {colour}"]
        row = {"image": name, "captions": said[: 1 + (at == 0)]}
        rows["dev" if at == 4 else "train"].append(json.dumps(row))
    for split, lines in rows.items():
        (path / f"{split}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    return path
