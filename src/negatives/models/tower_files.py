"""The folders of small towers: a file that says what they are, and the weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import numpy as np
from safetensors.numpy import load_file, save_file

from negatives.errors import RecipeError
from negatives.optional import torch
from negatives.read.files import telling
from negatives.store.atomic import make_folder, write_json, writing

WEIGHTS: Final = "model.safetensors"
_AGAIN: Final = "train again, or copy the folder anew"
ShapeT = TypeVar("ShapeT", bound=msgspec.Struct)


def read_shape(path: Path, kind: type[ShapeT], what: str) -> ShapeT:
    """What the file says; `what` is said in the `DataError` where it cannot be read."""
    with telling(what, path, _AGAIN, (msgspec.MsgspecError, OSError)):
        return msgspec.json.decode(path.read_bytes(), type=kind)


def read_weights(model: Any, folder: Path, what: str) -> None:
    """Give a model the weights of a folder; `DataError` where they are not its own."""
    with telling(what, folder / WEIGHTS, _AGAIN, (Exception,)):
        held = {key: torch.as_tensor(each) for key, each in load_file(folder / WEIGHTS).items()}
        model.load_state_dict(held)


def write_tower(model: Any, path: Path, about: str) -> None:
    """Write the weights of a model, and its `shape` into the file called `about`."""
    folder = make_folder(path)
    held = {
        key: np.ascontiguousarray(value.detach().float().cpu().numpy())
        for key, value in model.state_dict().items()
    }
    with writing(folder / WEIGHTS) as temporary:
        save_file(held, temporary)
    write_json(folder / about, msgspec.to_builtins(model.shape))


def device_of(asked: str) -> str:
    """`auto` as what there is; `RecipeError` where cuda is asked for and there is none."""
    there = bool(torch.cuda.is_available())
    if asked == "cuda" and not there:
        raise RecipeError("torch finds no cuda device here", where="device", fix="cpu, or auto")
    return ("cuda" if there else "cpu") if asked == "auto" else asked
