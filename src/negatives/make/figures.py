"""Figures of geometry with their descriptions, and others that are wrong in one fact.

    right      A rhombus ABCD with AB = 6.        drawn
    shape      A rectangle ABCD with AB = 6.      drawn at the same place
    labels     A rhombus ACBD with AC = 6.        another order of corners: the sides are others
    number     A rhombus ABCD with AB = 8.

MMGeoLM (Sun et al. 2025) has a language model edit the program of a drawing, and its description by
rules. Here a figure is what its description says, and is drawn by pillow, so that every wrong
description has its wrong figure, and nothing has to be asked whether it is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from negatives.arrays import Doubles
from negatives.errors import InputError
from negatives.optional import require
from negatives.store.atomic import make_folder

RULES: Final = ("shape", "labels", "number")
_HALF, _SLANT = 0.5, 0.25
SHAPES: Final[dict[str, Sequence[tuple[float, float]]]] = {
    "equilateral triangle": [(0, 0.87), (1, 0.87), (0.5, 0)],
    "right triangle": [(0, 0.85), (1, 0.85), (0, 0.25)],
    "isosceles triangle": [(0.2, 1), (0.8, 1), (0.5, 0)],
    "square": [(0, 0), (1, 0), (1, 1), (0, 1)],
    "rectangle": [(0, 0.25), (1, 0.25), (1, 0.75), (0, 0.75)],
    "rhombus": [(0, _HALF), (_HALF, 0.1), (1, _HALF), (_HALF, 0.9)],
    "parallelogram": [(0, 0.2), (0.7, 0.2), (1, 0.8), (0.3, 0.8)],
    "trapezium": [(0, 0.8), (1, 0.8), (1 - _SLANT, 0.2), (_SLANT, 0.2)],
}
"""Corners in order, within a square of side 1."""
BROADER: Final[dict[str, frozenset[str]]] = {
    "equilateral triangle": frozenset({"isosceles triangle"}),
    "square": frozenset({"rectangle", "rhombus", "parallelogram"}),
    "rectangle": frozenset({"parallelogram"}),
    "rhombus": frozenset({"parallelogram"}),
}
"""What each is as well, so that to call it that would not be wrong. A trapezium has one pair of
parallel sides only."""
_LETTERS: Final = "ABCDEFGHKLMNPQRSTUVWXYZ"
_SPLITS: Final = (("train", 0.75), ("dev", 0.85), ("test", 1.0))


@dataclass(frozen=True, slots=True)
class Figure:
    """A shape, the letters at its corners in order, and the length of its first side."""

    shape: str
    labels: str
    number: int

    def __str__(self) -> str:
        article = "An" if self.shape[0] in "aei" else "A"
        side = self.labels[:2]
        return f"{article} {self.shape} {self.labels} with {side} = {self.number}."

    @property
    def fact(self) -> tuple[str, str, int]:
        """What it says, however its corners are read off: equal for the same figure."""
        return self.shape, canonical(self.labels), self.number

    def wrong(self, rule: str, draw: np.random.Generator) -> Figure | None:
        """The figure with another fact by one of `RULES`; None where the rule can change nothing.

        No letter is put in that was not there.
        """
        if rule == "shape":
            alike = unlike_shapes(self.shape)
            return replace(self, shape=alike[int(draw.integers(len(alike)))])
        if rule == "number":
            others = [each for each in range(2, 13) if each != self.number]
            return replace(self, number=others[int(draw.integers(len(others)))])
        if len(self.labels) < 4:
            return None  # every order of three corners is the same triangle
        while canonical(made := "".join(draw.permutation([*self.labels]))) == canonical(
            self.labels
        ):
            pass
        return replace(self, labels=made)


def unlike_shapes(shape: str) -> list[str]:
    """Shapes of as many corners of which none is a sort of the other.

    >>> unlike_shapes("square"), unlike_shapes("rectangle")
    (['trapezium'], ['rhombus', 'trapezium'])
    """
    return [
        each
        for each, corners in SHAPES.items()
        if each != shape
        and len(corners) == len(SHAPES[shape])
        and each not in BROADER.get(shape, ())
        and shape not in BROADER.get(each, ())
    ]


def canonical(labels: str) -> str:
    """The first of all ways to read a figure's corners around, in either direction.

    >>> canonical("ABCD") == canonical("CDAB") == canonical("DCBA"), canonical("CBDA")
    (True, 'ACBD')
    """
    ways = (each[at:] + each[:at] for each in (labels, labels[::-1]) for at in range(len(labels)))
    return min(ways)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Families of figures: one, and `wrong` more that differ from it in one fact each.

    All of a family are drawn at the same place, turned and scaled alike. Each is right of its own
    description and wrong of the others' of its family, so that descriptions have wrong figures, and
    figures wrong descriptions.

    >>> {rule: str(each) for rule, each in Figures(wrong=1).family(0, seed=0).items()}
    {'right': 'A parallelogram MFHP with MF = 3.', 'labels': 'A parallelogram MHPF with MH = 3.'}
    """

    families: int = 400
    wrong: int = 3
    size: int = 96
    """Pixels of a figure's height and width."""

    def __post_init__(self) -> None:
        if self.families < 1 or not 1 <= self.wrong <= len(RULES) or self.size < 48:
            raise InputError(
                f"{self.families} families of {self.wrong} wrong figures, {self.size} pixels wide",
                where="figures",
                fix=f"1 family or more, 1 to {len(RULES)} wrong ones, 48 pixels or more",
            )

    def family(self, number: int, seed: int) -> dict[str, Figure]:
        """`right`, and by rule what is wrong in it; the same for a number and a seed."""
        draw = np.random.default_rng([seed, number])
        shape = [*SHAPES][int(draw.integers(len(SHAPES)))]
        letters = draw.choice([*_LETTERS], len(SHAPES[shape]), replace=False)
        right = Figure(shape, "".join(letters), int(draw.integers(2, 13)))
        rules = draw.permutation(RULES)[: self.wrong].tolist()
        made = {rule: right.wrong(rule, draw) for rule in rules}
        return {"right": right} | {rule: each for rule, each in made.items() if each is not None}

    def write(self, folder: Path, *, seed: int = 0) -> dict[str, int]:
        """Draw all of them into a new folder of captioned images; how many by split.

        Families are parted into train, dev and test. `InputError` where the folder has something.
        """
        if folder.exists() and any(folder.iterdir()):
            raise InputError("the folder is not empty", where=str(folder), fix="name a new one")
        make_folder(folder / "images")
        lines: dict[str, list[str]] = {name: [] for name, _ in _SPLITS}
        for number in range(self.families):
            share = (number + 0.5) / self.families
            split = next(name for name, end in _SPLITS if share < end)
            lines[split] += self._drawn(folder, number, seed)
        for split, rows in lines.items():
            if rows:
                (folder / f"{split}.jsonl").write_text("".join(rows), "utf-8")
        return {split: len(rows) for split, rows in lines.items()}

    def _drawn(self, folder: Path, number: int, seed: int) -> Iterator[str]:
        """A line for each figure of a family, whose images are written."""
        family = self.family(number, seed)
        place = np.random.default_rng([seed, number, 1])
        at = _Placed(
            self.size, float(place.uniform(0, 2 * np.pi)), float(place.uniform(0.42, 0.55)),
            place.uniform(-0.06, 0.06, 2),
        )  # fmt: skip
        for rule, figure in family.items():
            name = f"images/{number:05}-{rule}.png"
            at.image(figure).save(folder / name)
            others = [str(each) for each in family.values() if each is not figure]
            row = {"image": name, "caption": str(figure), "negative_caption": others, "rule": rule}
            yield json.dumps(row) + "\n"


@dataclass(frozen=True, slots=True)
class _Placed:
    """Where a figure is drawn: turned by an angle, scaled and moved within the image."""

    size: int
    angle: float
    scale: float
    moved: Doubles

    def image(self, figure: Figure) -> Any:
        """A drawing: lines, letters outside of the corners, the number beside the first side."""
        new = require("PIL.Image", extra="images").new
        pen = require("PIL.ImageDraw", extra="images").Draw
        font = require("PIL.ImageFont", extra="images").load_default(self.size // 8)
        image = new("RGB", (self.size, self.size), "white")
        corners = self._corners(figure.shape)
        middle = corners.mean(0)
        drawn = pen(image)
        drawn.polygon([*map(tuple, corners.tolist())], outline="black", width=2)
        out = corners - middle
        for letter, at in zip(figure.labels, middle + out * 1.3, strict=True):
            drawn.text(tuple(at.tolist()), letter, fill="black", font=font, anchor="mm")
        side = corners[:2].mean(0)
        inside = side + (middle - side) * 0.35
        drawn.text(tuple(inside.tolist()), str(figure.number), fill="red", font=font, anchor="mm")
        return image

    def _corners(self, shape: str) -> Doubles:
        """float64[corners, 2] in pixels."""
        at = np.asarray(SHAPES[shape], np.float64) - 0.5
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        turned = at @ np.array([[cos, sin], [-sin, cos]])
        made: Doubles = (turned * self.scale + self.moved + 0.5) * self.size
        return made
