"""What `links` learns from: packages of Debian with their tags, and entities with their links."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Final

import numpy as np
import polars as pl

from benchmarks.data import folder
from negatives.chance import id_hashes, pair_uniforms
from negatives.read import load
from negatives.schema import PAIR, Collection

PACKAGES: Final = 2_000
ASKED: Final = 1_500
BUYERS: Final = 300


def some(ids: pl.Series, count: int) -> pl.Series:
    """So many of the ids, by their hashes."""
    order = np.argsort(id_hashes(ids), kind="stable")[:count]
    return ids.gather(order.astype(np.uint32))


def of(data: Collection, split: str, queries: pl.Series, docs: pl.Series, qrels: pl.DataFrame
       ) -> Collection:  # fmt: skip
    """Some queries and documents of a collection, with these judgements."""
    kept = qrels.filter(
        pl.col("query_id").is_in(queries.implode()), pl.col("doc_id").is_in(docs.implode())
    )
    asked = data.queries.filter(pl.col("query_id").is_in(kept["query_id"].implode()))
    corpus = data.corpus.filter(pl.col("doc_id").is_in(docs.implode()))
    return Collection(data.name, split, corpus, asked, kept, identity="id")


@cache
def products() -> dict[str, Collection]:
    """train: packages without a fifth of the tags; dev and test: others, with all or the unseen."""
    where = folder("debtags_xmc")
    whole, asked = tagged(f"{where}@train"), tagged(f"{where}@test")
    tags = whole.corpus["doc_id"]
    new = tags.filter(id_hashes(tags) % np.uint64(5) == 0)
    old = tags.filter(~tags.is_in(new.implode()))
    chosen = some(whole.queries["query_id"], PACKAGES + ASKED)
    first, second = chosen[:PACKAGES], chosen[PACKAGES:]
    third = some(asked.queries["query_id"], ASKED)
    return {
        "train": of(whole, "train", first, old, whole.qrels),
        "dev": of(whole, "dev", second, tags, whole.qrels),
        "test": of(asked, "test", third, tags, asked.qrels),
        "test, unseen": of(asked, "test", third, new, asked.qrels),
    }


def tagged(path: str) -> Collection:
    """Packages and tags, each with its facet for a type."""
    data = load(path)
    typed = data.corpus.with_columns(type=pl.col("title").str.split("::").list.first())
    return Collection(data.name, data.split, typed, data.queries, data.qrels, identity="id")


@cache
def cells() -> tuple[Collection, pl.DataFrame]:
    """Packages with many tags, and query_id, doc_id, grade, held of every cell.

    grade: 2 has the tag, 1 another of its facet, 0 none; held: 1 for dev, 2 for test, else 0.
    """
    data = tagged(f"{folder('debtags_xmc')}@train")
    many = data.qrels.group_by("query_id").len().filter(pl.col("len") >= 6)["query_id"].sort()
    queries = some(many, BUYERS)
    whole = of(data, "train", queries, data.corpus["doc_id"], data.qrels)
    facets = data.corpus.select("doc_id", "type")
    has = whole.qrels.join(facets, on="doc_id").select("query_id", "type").unique()
    table = (
        whole.queries.select("query_id")
        .join(facets, how="cross")
        .join(has.with_columns(facet=1), on=["query_id", "type"], how="left")
        .join(whole.qrels.select(*PAIR, tag=pl.lit(1)), on=PAIR, how="left")
        .select(*PAIR, grade=pl.col("facet").fill_null(0) + pl.col("tag").fill_null(0))
        .sort(PAIR)
    )
    drawn = pair_uniforms(table, 0, "benchmarks/links")
    held = np.where(drawn < 0.1, 1, np.where(drawn < 0.3, 2, 0))
    return whole, table.with_columns(held=pl.Series(held))


@cache
def histories() -> dict[str, tuple[Collection, Collection]]:
    """By split, packages whose text names all their tags but one, which is asked for; and those."""
    found = {}
    where = folder("debtags_xmc")
    for split in ("train", "test"):
        data = tagged(f"{where}@{split}")
        rank = pl.Series("rank", pair_uniforms(data.qrels.select(PAIR), 0, "benchmarks/links"))
        names = data.corpus.select("doc_id", name="title")
        tags = (
            data.qrels.with_columns(rank)
            .join(names, on="doc_id")
            .filter(pl.len().over("query_id") >= 4)
            .sort("query_id", "rank")
            .with_columns(last=pl.col("rank") == pl.col("rank").max().over("query_id"))
        )
        texts = tags.filter(~pl.col("last")).group_by("query_id", maintain_order=True)
        told = texts.agg(text=pl.col("name").str.join(", ")).sort("query_id")
        row = pl.Series("row", np.arange(len(told)), dtype=pl.UInt32)
        asked = replace(data, queries=told.with_columns(row))
        chosen = some(told["query_id"], PACKAGES + ASKED)
        parts = {"test": chosen[:ASKED]}
        if split == "train":
            parts = {"train": chosen[:PACKAGES], "dev": chosen[PACKAGES:]}
        for name, queries in parts.items():
            wanted, had = (
                of(asked, name, queries, data.corpus["doc_id"],
                   tags.filter(pl.col("last") == last).select(*PAIR, "relevance"))
                for last in (True, False)
            )  # fmt: skip
            found[name] = (wanted, had)
    return found


@cache
def graph() -> tuple[dict[str, Collection], pl.DataFrame]:
    """Links of entities in both directions, by split, and the first type of each entity."""
    where = folder("codex_s")
    triples = pl.read_csv(where / "train.tsv", separator="\t")
    pairs = (
        triples.select(
            low=pl.min_horizontal("head", "tail"), high=pl.max_horizontal("head", "tail")
        )
        .filter(pl.col("low") != pl.col("high"))
        .unique()
        .sort("low", "high")
    )
    types = pl.read_ndjson(where / "entity_types.jsonl").select(
        id="_id", type=pl.col("types").list.first()
    )
    drawn = pair_uniforms(
        pairs.rename({"low": "query_id", "high": "doc_id"}), 0, "benchmarks/links"
    )
    held = np.where(drawn < 0.05, "dev", np.where(drawn < 0.15, "test", "train"))
    ids = pl.concat([pairs["low"], pairs["high"]]).unique().sort()
    row = pl.Series("row", np.arange(len(ids)), dtype=pl.UInt32)

    def side(name: str) -> Collection:
        own = pairs.filter(pl.Series(held == name))
        both = pl.concat([own.select(query_id="low", doc_id="high"),
                          own.select(query_id="high", doc_id="low")])  # fmt: skip
        return Collection(
            "codex_s", name, pl.DataFrame({"doc_id": ids, "row": row}),
            pl.DataFrame({"query_id": ids, "row": row}),
            both.with_columns(relevance=pl.lit(1, pl.Int32)).sort(PAIR), identity="id",
        )  # fmt: skip

    return {name: side(name) for name in ("train", "dev", "test")}, types
