"""Collections whose texts have what some methods read besides: a type, or a parent.

Each joins what real data sets hold already; nothing in them is invented.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

import negatives as neg
from benchmarks.data import CACHE, folder, load
from benchmarks.learning import sampled
from negatives.read.ontology import Mentions, write_mentions
from negatives.schema import Collection

Pair = tuple[Collection, Collection]


def typed(queries: int) -> Pair:
    """MedQuAD, where a question asks for a type of answer: causes, symptoms, treatment, ...

    The type is MedQuAD's own, of the question; an answer has that of the questions which it is
    labelled to answer, and none where nobody asks for it.
    """
    table = pl.read_ndjson(folder("medquad") / "queries.jsonl")
    types = table.select(query_id="_id", type=pl.col("metadata").struct.field("qtype"))
    parts = load("medquad@train"), load("medquad@dev")
    of_answers = (
        pl.concat([part.qrels for part in parts])
        .filter(pl.col("relevance") > 0)
        .join(types, on="query_id")
        .group_by("doc_id")
        .agg(pl.col("type").mode().sort().first())
    )
    train, dev = (
        replace(
            part,
            corpus=part.corpus.join(of_answers, on="doc_id", how="left", maintain_order="left"),
            queries=part.queries.join(types, on="query_id", how="left", maintain_order="left"),
        )
        for part in sampled(*parts, queries)
    )
    return train, dev


def nouns() -> pl.DataFrame:
    """doc_id, text, title, parent: WordNet's nouns with the taxonomy that WN18RR tells of them.

    Its ids leave out the part of speech, so that only those count that are of a noun alone.
    """
    corpus = load("scale_wordnet@train").corpus.filter(
        pl.col("doc_id").str.slice(2).is_unique(), pl.col("doc_id").str.starts_with("n-")
    )
    triples = pl.read_csv(
        folder("wn18rr") / "train.tsv", separator="\t", infer_schema=False, quote_char=None
    )
    parents = (
        triples.filter(pl.col("relation") == "_hypernym")
        .select(doc_id="n-" + pl.col("head"), parent="n-" + pl.col("tail"))
        .filter(pl.all_horizontal(pl.col("doc_id", "parent").is_in(corpus["doc_id"].implode())))
        .group_by("doc_id")
        .agg(pl.col("parent").sort().first())
    )
    kept = pl.concat([parents["doc_id"], parents["parent"]]).unique()
    return corpus.filter(pl.col("doc_id").is_in(kept.implode())).join(
        parents, on="doc_id", how="left", maintain_order="left"
    )


def senses(queries: int) -> Pair:
    """Example sentences and the glosses of the nouns that they show, among all with a parent."""
    corpus = nouns()
    whole, tested = (
        replace(part, qrels=part.qrels.filter(pl.col("doc_id").is_in(corpus["doc_id"].implode())))
        for part in (load("scale_wordnet@train"), load("scale_wordnet@test"))
    )
    train, dev = (replace(part, corpus=corpus) for part in sampled(whole, tested, queries))
    return train, dev


def mentioned() -> Pair:
    """Where MedQuAD's answers name a noun of WordNet: positives that nobody has labelled.

    In one query of two of the training split the name is exchanged for another of its noun.
    """
    made = CACHE / "mentions"
    if not made.is_dir():
        entities = made.with_suffix(".parquet")
        names = pl.col("title").str.split("; ")
        gloss = pl.col("text").str.strip_prefix(pl.col("title")).str.strip_chars()
        nouns().select(
            _id="doc_id",
            name=names.list.first(),
            aliases=names.list.slice(1),
            parent="parent",
            description=gloss,
        ).write_parquet(entities)
        write_mentions(entities, folder("medquad"), made, Mentions(most=3, replace=0.5))
    return neg.Collection.load(f"{made}@train"), neg.Collection.load(f"{made}@dev")
