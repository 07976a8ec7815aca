"""Questions about passages: those that generators write, and those that users have.

Several passages may give the same query, as those under one heading do. It is one query then, and
each of them a positive: the others would be false negatives. What very many give, such as a
heading that every document has, asks for none of them and is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import polars as pl

from negatives.errors import DataError
from negatives.events import Emit, Warned
from negatives.generator import Generator
from negatives.machine import Machine
from negatives.read.documents.reading import DOCUMENT
from negatives.read.findings import Findings
from negatives.read.gathered import in_order
from negatives.read.qrels import read_qrels
from negatives.read.split import Split, split
from negatives.read.texts import read_texts
from negatives.run.making import made_queries
from negatives.schema import QRELS, QUERIES, Collection, check_collection
from negatives.stage import refuse_unmet
from negatives.text.keys import normalised_keys

SHARED: Final = 20
"""Passages that one query may ask for."""


def written_queries(
    passages: Collection,
    generators: Sequence[Generator],
    *,
    seed: int,
    machine: Machine,
    emit: Emit,
) -> Collection:
    """The passages with what the generators write, each query once.

    A generator that needs what no passage has is left out, and told, while another is there.
    """
    able = [each for each in generators if not _lacking(each, passages)]
    if not able:
        refuse_unmet(generators, passages)
    for each in generators:
        if lacking := _lacking(each, passages):
            emit(Warned(f"no document has a {lacking[0]}, so {each.label} writes no queries"))
    made = made_queries(passages, able, seed=seed, machine=machine, emit=emit)
    return united(_titled(made, passages), emit)


def _titled(made: Collection, passages: Collection) -> Collection:
    """Every title before its passage again, where a generator has taken it away.

    A passage is searched with its title, so it is learnt with it. That a heading's own query has
    the same words then costs less than a model that has seen no titles: docs/results/adapt.md.
    """
    if not passages.has("docs", "title"):
        return made
    text, title = pl.col("text"), pl.col("title").fill_null("")
    whole = pl.when(text.str.starts_with(title)).then(text).otherwise(title + " " + text)
    return replace(made, corpus=made.corpus.with_columns(whole.alias("text")))


def _lacking(generator: Generator, passages: Collection) -> list[str]:
    return [name for name in generator.needs.docs if not passages.has("docs", name)]


def united(made: Collection, emit: Emit) -> Collection:
    """The collection with queries of the same normalised text as one, of all their positives."""
    asked = made.queries.with_columns(key=pl.Series(normalised_keys(made.queries["text"])))
    asked = asked.with_columns(one=pl.col("query_id").first().over("key"))  # they are in id order
    pairs = made.qrels.join(asked.select("query_id", "one"), on="query_id").select(
        query_id="one", doc_id="doc_id", relevance="relevance"
    )
    pairs = pairs.unique(["query_id", "doc_id"], keep="first")
    many = pairs.group_by("query_id").len().filter(pl.col("len") > SHARED)["query_id"]
    if len(many):
        emit(
            Warned(
                f"{len(many):,} queries that more than {SHARED} passages give are left out, "
                "for they ask for none of them"
            )
        )
    kept = pairs.filter(~pl.col("query_id").is_in(many.implode())).sort("query_id", "doc_id")
    if kept.is_empty():
        raise DataError(
            f"every query that could be made is given by more than {SHARED} passages: these "
            "documents are copies of one another",
            where=f"collection {made.name!r}",
            fix="give documents that differ",
        )
    queries = made.queries.join(kept, on="query_id", how="semi", maintain_order="left")
    row = pl.int_range(pl.len(), dtype=QUERIES["row"])  # type: ignore[arg-type]
    return check_collection(replace(made, queries=queries.with_columns(row=row), qrels=kept))


def parted(made: Collection, dev: float, seed: int, emit: Emit) -> Split:
    """The queries as train and dev, so that no document has passages in both."""
    documents = made.corpus.join(made.qrels, on="doc_id", how="semi")[DOCUMENT].n_unique()
    if documents > 1:
        return split(made, dev, 0.0, seed, "parent")
    emit(
        Warned(
            "there is one document, so dev has other passages of it: what they say of other "
            "documents is less sure"
        )
    )
    return split(made, dev, 0.0, seed, "texts")


@dataclass(frozen=True)
class Judged:
    """A user's own questions on the passages, and how many judgements name no document here."""

    collection: Collection
    unknown: int


def judged(passages: Collection, queries: str | Path, qrels: str | Path) -> Judged:
    """Questions with judgements of documents, or of passages: of a document each passage counts.

    A document is named by its id, or by its file's name without folders or without its ending
    where only one document has it.
    """
    findings = Findings()
    asked = in_order(read_texts(Path(queries), "query_id", findings), "query_id", findings)
    pairs = read_qrels(Path(qrels), findings)
    findings.done()
    known = _names(passages)
    pairs = pairs.select(QRELS.keys())
    found = pairs.rename({"doc_id": "name"}).join(known, on="name")
    found = found.sort("relevance", descending=True).unique(["query_id", "doc_id"], keep="first")
    found = found.join(asked, on="query_id", how="semi").select(QRELS.keys())
    if not (found["relevance"] > 0).any():
        raise DataError(
            f"none of {len(pairs):,} judgements names a query and a document that are here",
            where=str(qrels),
            fix="name documents as `negatives data passages` does: by their path in the folder, "
            f"such as {passages.corpus[DOCUMENT][0]!r}",
        )
    unknown = len(pairs.rename({"doc_id": "name"}).join(known, on="name", how="anti"))
    asked = asked.join(found, on="query_id", how="semi", maintain_order="left")
    made = replace(
        passages,
        name="real questions",
        split="dev",
        queries=asked.select(QUERIES.keys()),
        qrels=found.sort("query_id", "doc_id"),
    )
    return Judged(check_collection(made), unknown)


def _names(passages: Collection) -> pl.DataFrame:
    """name, doc_id: what a passage goes by: its own id, its document's, and that shortened."""
    corpus = passages.corpus.select("doc_id", document=DOCUMENT)
    base = pl.col("document").str.split("/").list.last()
    documents = corpus.select("document").unique()
    names = [
        documents.select("document", name="document"),
        documents.select("document", name=base),
        documents.select("document", name=base.str.replace(r"\.[^.]*$", "")),
    ]
    short = pl.concat(names).unique()
    whole = pl.col("name") == pl.col("document")
    one = pl.len().over("name") == 1
    taken = whole.any().over("name")
    short = short.filter(whole | (one & ~taken))
    of_documents = short.join(corpus, on="document").select("name", "doc_id")
    return pl.concat([corpus.select(name="doc_id", doc_id="doc_id"), of_documents]).unique()
