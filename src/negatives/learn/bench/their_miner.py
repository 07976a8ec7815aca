"""sentence-transformers' own miner, as it is documented, on the same data with the same encoder."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import random
import time
from collections.abc import Iterator
from typing import Any, Final, cast

import polars as pl

from negatives.errors import DataError, WorkError
from negatives.learn.base_models import limit, usual_kind
from negatives.learn.settings import ModelTraining
from negatives.machine import Machine
from negatives.needs import check_needs
from negatives.optional import torch
from negatives.schema import TEXTS, Collection
from negatives.stage import build

NAME: Final = "sentence-transformers"
ABOUT: Final = (
    "mine_hard_negatives of sentence-transformers with the settings of its documentation: ranks 10 "
    "to 50, score below 0.8, 5% below the positive, drawn by chance"
)
SETTINGS: Final = {
    "range_min": 10,
    "range_max": 50,
    "max_score": 0.8,
    "relative_margin": 0.05,
    "sampling_strategy": "random",
}


def lacking(collection: Collection) -> str:
    """Why it cannot be asked here; empty: it can."""
    needed = ("sentence_transformers", "datasets", "torch")
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        return f"{', '.join(missing)} not installed"
    try:
        check_needs(collection, TEXTS, "it")
    except DataError as error:
        return error.what
    return ""


def mined_pairs(
    train: Collection, encoder: str, per_query: int, machine: Machine, seed: int = 0
) -> tuple[pl.DataFrame, float]:
    """What it mines, a text of query, positive and negative a line, and the seconds it takes.

    Loading the libraries and the model is not counted.
    """
    from datasets import Dataset
    from sentence_transformers.util import mine_hard_negatives

    settings = cast("ModelTraining", build("train", {"kind": usual_kind(encoder)}))
    base = settings.open(encoder, threads=machine.threads, device=machine.device)
    limit(base, 512)
    pairs = train.positives
    texts = {
        "query": train.queries["text"].gather(pairs["query"]).to_list(),
        "positive": train.corpus["text"].gather(pairs["doc"]).to_list(),
    }
    began = time.perf_counter()
    with _quietly(seed):
        mined = mine_hard_negatives(
            Dataset.from_dict(texts),
            base.model,
            corpus=train.corpus["text"].to_list(),
            num_negatives=per_query,
            output_format="triplet",
            use_faiss=False,
            verbose=False,
            **SETTINGS,
        )
    seconds = time.perf_counter() - began
    if not len(mined):
        raise WorkError("it delivered no negative at all", where=NAME)
    frame = cast("pl.DataFrame", mined.to_polars())
    return frame.select("query", "positive", "negative"), seconds


def by_id(mined: pl.DataFrame, collection: Collection) -> pl.DataFrame:
    """query_id and doc_id of its negatives, each pair once; the first of several equal texts."""
    queries = collection.queries.unique("text", keep="first", maintain_order=True)
    docs = collection.corpus.unique("text", keep="first", maintain_order=True)
    return (
        mined.join(queries.select("query_id", query="text"), on="query")
        .join(docs.select("doc_id", negative="text"), on="negative")
        .select("query_id", "doc_id")
        .unique(maintain_order=True)
    )


@contextlib.contextmanager
def _quietly(seed: int) -> Iterator[None]:
    """Its draws, which take no seed, repeat; what it prints goes nowhere."""
    before: Any = random.getstate()
    torch.manual_seed(seed)
    random.seed(seed)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        random.setstate(before)
