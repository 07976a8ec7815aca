"""A round that averages: one model whose weights are the mean of those of several."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from negatives.errors import RecipeError
from negatives.learn.model_files import copy_model, model_files
from negatives.learn.round import Carried, Name, Plan, Role, Round, Turn
from negatives.optional import require, torch
from negatives.store.atomic import file_hash, writing_folder

_WEIGHTS = ".safetensors"
_TEXT = ("tokenizer.json", "vocab.txt", "modules.json")
"""Files that make what a weight means: they are the same, or the mean is of nothing."""


class AverageRound(Round, kind="average"):
    """Average the weights of the models of several roles into one (a soup).

    Wortsman et al. (2022): models that began as one and were trained apart. The mean is over every
    number, computed in double precision, and the same in whichever order the roles are named;
    whole numbers and settings are those of the first. Models of different kinds, or that began as
    different models, have no mean, and are refused.

    >>> from negatives.learn.average_round import AverageRound
    >>> sorted(AverageRound(of=["first", "second"]).takes)
    ['first', 'second']
    """

    of: Annotated[list[Name], Meta(description="roles whose models are averaged, two or more")]

    @property
    def takes(self) -> frozenset[str]:
        """All that are averaged."""
        return frozenset(self.of)

    def check(self) -> None:
        """One model is its own mean, and one that is named twice would count twice."""
        if len(set(self.of)) != len(self.of) or len(self.of) < 2:
            raise RecipeError(
                f"average: of = {self.of!r} does not name two roles or more, each once",
                fix='of = ["first", "second"]',
            )

    def planned(self, plan: Plan) -> Role:
        """The role of its members, which are all of one kind and began as one."""
        found = [plan.role(role, "of") for role in self.of]
        for name, role in zip(self.of[1:], found[1:], strict=True):
            for what, one, other in (
                ("are models of different kinds", found[0].kind, role.kind),
                ("began as different models", found[0].began, role.began),
            ):
                if one != other:
                    raise RecipeError(
                        f"{self.of[0]!r} and {name!r} {what}, {one!r} and {other!r}: their "
                        "weights have no mean",
                        where=f"{plan.where}.of",
                        fix="average rounds of one kind that begin as one model",
                    )
        return replace(found[0], training=None, mined=False, stages=())

    def carry_out(self, turn: Turn) -> Carried:
        """Write the mean; nothing of it is there before it is whole."""
        if not turn.folder.is_dir():
            members = [Path(turn.models[role]) for role in self.of]
            with writing_folder(turn.folder) as made:
                average(members, made)
        return Carried({"averaged": list(self.of)})


def average(members: Sequence[Path], out: Path) -> None:
    """Write the model whose weights are the mean of those in the folders `members` into `out`.

    Raises `RecipeError` where they are not models of one kind, by their files or their weights.
    """
    first, *others = members
    files = model_files(first)
    for other in others:
        if model_files(other) != files or _texts(other, files) != _texts(first, files):
            raise _unlike(first, other, "they are made of other parts, or read texts otherwise")
    copy_model(first, out, but=(_WEIGHTS,))
    for file in files:
        if file.suffix == _WEIGHTS:
            (out / file).parent.mkdir(parents=True, exist_ok=True)
            _average_file([member / file for member in members], out / file)


def _average_file(members: Sequence[Path], out: Path) -> None:
    library = require("safetensors.torch", extra="train")
    opened = [library.load_file(str(member)) for member in members]
    made: dict[str, Any] = {}
    for name, held in opened[0].items():
        tensors = [each.get(name) for each in opened]
        for member, tensor in zip(members, tensors, strict=True):
            if tensor is None or tensor.shape != held.shape or tensor.dtype != held.dtype:
                raise _unlike(members[0].parent, member.parent, f"the weights {name!r} differ")
        made[name] = held
        if held.is_floating_point():
            # Sorted, so that the sum is the same for members in any order.
            stacked = torch.stack([tensor.double() for tensor in tensors]).sort(dim=0).values
            made[name] = (stacked.sum(dim=0) / len(tensors)).to(held.dtype).contiguous()
    if any(len(each) != len(made) for each in opened):
        raise _unlike(members[0].parent, members[1].parent, "one has weights that another lacks")
    library.save_file(made, str(out), metadata={"format": "pt"})
    shutil.copymode(members[0], out)


def _texts(folder: Path, files: frozenset[Path]) -> dict[Path, str]:
    """Hashes of the files that say how texts are read, and of what the model consists."""
    return {file: file_hash(folder / file) for file in files if file.name in _TEXT}


def _unlike(first: Path, other: Path, why: str) -> RecipeError:
    return RecipeError(
        f"the weights of {first.name} and {other.name} have no mean: {why}",
        where=str(other),
        fix="average models that were trained from one and the same",
    )
