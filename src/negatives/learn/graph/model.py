"""A trained model of a knowledge graph: its folder, and the model opened again.

`graph.json` names the model in PyKEEN, `ids.parquet` the entities and relations in the order of
their numbers, `model.safetensors` holds its weights as PyKEEN names them, `vectors.safetensors` the
tables `entities` and `relations`, and `entities.parquet` the former by id, for whoever takes files
of vectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl

from negatives.arrays import Floats
from negatives.bounded import read_small
from negatives.errors import DataError, RecipeError, nearest
from negatives.learn.graph.triples import Numbering
from negatives.optional import require, torch
from negatives.read.frames import parquet_schema
from negatives.store.atomic import write_json, writing

ABOUT: Final = "graph.json"
IDS: Final = "ids.parquet"
WEIGHTS: Final = "model.safetensors"
VECTORS: Final = "vectors.safetensors"
ENTITIES: Final = "entities.parquet"
_SIDES: Final = ("entities", "relations")
_LARGEST: Final = 1 << 16
_AGAIN: Final = "train again, or copy the folder anew"


class GraphAbout(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What `graph.json` says."""

    architecture: str
    dim: int


def is_graph_model(folder: str | Path) -> bool:
    """Whether it is the folder of a model of a knowledge graph."""
    return (Path(folder) / ABOUT).is_file()


def new_model(about: GraphAbout, factory: Any, seed: int, where: str = "train.architecture") -> Any:
    """A model of PyKEEN by its name; `RecipeError` where there is none, or it needs more."""
    resolver = require("pykeen.models", extra="kg").model_resolver
    try:
        kind = resolver.lookup(about.architecture)
    except (KeyError, ValueError):
        names = [each.__name__ for each in resolver.lookup_dict.values()]
        raise RecipeError(
            f"PyKEEN has no model {about.architecture!r}",
            where=where,
            fix=nearest(about.architecture, names),
        ) from None
    try:
        return kind(triples_factory=factory, embedding_dim=about.dim, random_seed=seed)
    except (TypeError, ValueError) as error:
        raise RecipeError(
            f"PyKEEN's {kind.__name__} is not made from a number of dimensions alone: {error}",
            where=where,
            fix="take TransE, DistMult, ComplEx, RotatE, SimplE or another model of embeddings",
        ) from None


@dataclass(frozen=True)
class GraphModel:
    """A model of PyKEEN, and what its numbers stand for."""

    about: GraphAbout
    numbering: Numbering
    model: Any

    @staticmethod
    def load(folder: str | Path, device: str = "cpu") -> GraphModel:
        """The model in a folder; `DataError` where its files do not belong together."""
        path = Path(folder)
        try:
            about = msgspec.json.decode(
                read_small(path / ABOUT, _LARGEST).encode(), type=GraphAbout
            )
        except msgspec.MsgspecError as error:
            raise DataError(f"no model: {error}", where=str(path / ABOUT), fix=_AGAIN) from None
        if dict(parquet_schema(path / IDS)) != {"side": pl.String, "id": pl.String}:
            raise DataError("no table of a side and an id", where=str(path / IDS), fix=_AGAIN)
        ids = pl.read_parquet(path / IDS, glob=False)
        numbering = Numbering(*(ids.filter(pl.col("side") == side)["id"] for side in _SIDES))
        nothing = np.zeros((1, 3), np.int64)
        model = new_model(about, numbering.factory(nothing), 0, str(path / ABOUT))
        safetensors = require("safetensors.torch", extra="kg")
        try:
            model.load_state_dict(safetensors.load_file(path / WEIGHTS))
        except (RuntimeError, OSError, ValueError) as error:
            first = str(error).splitlines()[0]
            raise DataError(
                f"the weights are not the model's: {first}", where=str(path / WEIGHTS), fix=_AGAIN
            ) from None
        return GraphModel(about, numbering, model.to(device).eval())

    def save(self, folder: Path) -> None:
        """Write every file, what names it a model last."""
        safetensors = require("safetensors.torch", extra="kg")
        state = {name: each.detach().cpu().contiguous() for name, each in self.weights().items()}
        tables = {
            "entities": _table(self.model.entity_representations[0]),
            "relations": _table(self.model.relation_representations[0]),
        }
        ids = (self.numbering.entities, self.numbering.relations)
        sides = [
            pl.DataFrame({"side": [side] * len(each), "id": each})
            for side, each in zip(_SIDES, ids, strict=True)
        ]
        with writing(folder / IDS) as file:
            pl.concat(sides).write_parquet(file)
        for name, tensors in ((WEIGHTS, state), (VECTORS, tables)):
            whole = {
                key: each if hasattr(each, "numpy") else torch.from_numpy(each)
                for key, each in tensors.items()
            }
            with writing(folder / name) as file:
                file.write_bytes(safetensors.save(whole))
        vectors = pl.Series(
            "vector", tables["entities"], dtype=pl.Array(pl.Float32, len(tables["entities"][0]))
        )
        with writing(folder / ENTITIES) as file:
            pl.DataFrame({"id": ids[0], "vector": vectors}).write_parquet(file)
        write_json(folder / ABOUT, msgspec.to_builtins(self.about))

    def weights(self) -> dict[str, Any]:
        """Its tensors, by PyKEEN's names."""
        found: dict[str, Any] = self.model.state_dict()
        return found


def _table(representation: Any) -> Floats:
    """float32[n, dim]: vectors, complex numbers as two numbers each."""
    with torch.no_grad():
        found = representation(indices=None)
        if found.is_complex():
            found = torch.view_as_real(found)
        made: Floats = found.reshape(len(found), -1).float().cpu().numpy()
    return made
