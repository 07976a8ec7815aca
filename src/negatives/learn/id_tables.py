"""The model that learns by id: a vector of each query and of each document, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from safetensors.numpy import load_file, save_file

from negatives.arrays import Floats
from negatives.chance import id_hashes, mix, stream_key
from negatives.learn.loss import Loss
from negatives.models.by_id import (
    SIDES,
    TABLES,
    Factors,
    IdEncoder,
    read_about,
    read_ids,
    write_about,
    write_ids,
)
from negatives.models.embedded import Similarity
from negatives.optional import torch
from negatives.schema import Collection, Side
from negatives.stats.lengths import normalised
from negatives.store.atomic import make_folder, writing


class IdTables(torch.nn.Module):  # type: ignore[misc]
    """Two tables of vectors, `queries` and `docs`, by the ids of a collection.

    They are empty until `fit` gives them the ids of one.
    """

    def __init__(self, device: str) -> None:
        super().__init__()
        self.about = Factors(dim=0, similarity="dot")
        self.ids: dict[Side, pl.Series] = {side: pl.Series(dtype=pl.String) for side in SIDES}
        for side in SIDES:
            self.register_parameter(side, torch.nn.Parameter(torch.empty(0, 0, device=device)))

    @classmethod
    def load(cls, folder: Path, device: str) -> IdTables:
        """The tables of a folder; `DataError` where they cannot be read."""
        IdEncoder(folder)  # refuses what is damaged
        made = cls(device)
        made.about, made.ids = read_about(folder), read_ids(folder)
        for side, table in load_file(folder / TABLES).items():
            setattr(made, side, torch.nn.Parameter(torch.as_tensor(table, device=device)))
        return made

    @property
    def device(self) -> Any:
        """Where the tables are."""
        return self.queries.device

    def fit(self, collection: Collection, dim: int, loss: Loss, seed: int) -> None:
        """Have a vector of every id of a collection: the one it has already, or one to begin with.

        What an id begins with depends on the seed and the id alone.
        """
        similarity: Similarity = getattr(loss, "similarity", "cosine")
        before = {side: getattr(self, side).detach().cpu().numpy() for side in SIDES}
        told = Factors(dim=dim, similarity=similarity, parts=loss.parts)
        same = (self.about.dim, self.about.parts) == (told.dim, told.parts)
        device = self.device
        for side in SIDES:
            ids = collection.ids(side)
            table = begun(ids, side, dim, loss, seed)
            if same and len(before[side]):
                known = pl.DataFrame({"id": self.ids[side]}).with_row_index("row")
                rows = pl.DataFrame({"id": ids}).join(
                    known, on="id", how="left", maintain_order="left"
                )["row"]
                there = rows.is_not_null().to_numpy()
                table[there] = before[side][rows.drop_nulls().to_numpy()]
            self.ids[side] = ids
            setattr(self, side, torch.nn.Parameter(torch.as_tensor(table, device=device)))
        self.about = told

    def vectors(self, side: Side) -> Floats:
        """float32[n, dim]: what is compared, of unit length where cosines are."""
        whole: Floats = getattr(self, side).detach().float().cpu().numpy()[:, : self.about.dim]
        return normalised(whole) if self.about.similarity == "cosine" else whole

    def forward(self, side: Side, rows: Any) -> Any:
        """The vectors at some rows of a side, whole."""
        return torch.nn.functional.embedding(rows, getattr(self, side))

    def save_pretrained(self, path: str, create_model_card: bool = False) -> None:
        """Write the folder that `open_encoder` opens."""
        folder = make_folder(Path(path))
        tables = {
            side: np.ascontiguousarray(getattr(self, side).detach().float().cpu().numpy())
            for side in SIDES
        }
        with writing(folder / TABLES) as temporary:
            save_file(tables, temporary)
        write_ids(folder, self.ids)
        write_about(folder, self.about)


def begun(ids: pl.Series, side: Side, dim: int, loss: Loss, seed: int) -> Floats:
    """float32[ids, parts * dim]: what vectors begin with, part by part as the loss says."""
    own = id_hashes(ids)[:, None]
    place = mix(np.arange(dim * loss.parts, dtype=np.uint64))[None, :]
    hashes = mix(own ^ place ^ stream_key(seed, f"train/begin/{side}"))
    share = (hashes >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)
    for part in range(loss.parts):
        low, high = loss.starts(side, part)
        columns = share[:, part * dim : (part + 1) * dim]
        columns *= high - low
        columns += low
    share /= np.float32(np.sqrt(dim))
    return share
