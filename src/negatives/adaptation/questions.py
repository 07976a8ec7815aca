"""Questions about passages: those that generators write, and those that users have.

Several passages may give the same query, as those under one heading do. It is one query then, and
each of them a positive: the others would be false negatives. What very many give, such as a
heading that every document has, asks for none of them and is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import polars as pl

from negatives.errors import DataError
from negatives.events import Emit, Warned
from negatives.generator import Generator
from negatives.learn.dev import overlap
from negatives.machine import Machine
from negatives.needs import refuse_unmet
from negatives.read.documents.reading import DOCUMENT
from negatives.read.findings import Findings
from negatives.read.gathered import in_order
from negatives.read.qrels import read_qrels
from negatives.read.split import By, Split, split
from negatives.read.texts import read_texts
from negatives.run.making import made_queries
from negatives.schema import QRELS, QUERIES, Collection, check_collection
from negatives.text.keys import normalised_keys
from negatives.wording import plural

SHARED: Final = 20
"""Passages that one query may ask for."""
LARGER: Final = (0.2, 0.35, 0.5)
"""Shares of the queries that are kept out where a smaller one is not a single document."""


def written_queries(
    passages: Collection,
    generators: Sequence[Generator],
    *,
    seed: int,
    machine: Machine,
    emit: Emit,
) -> Collection:
    """The passages with what the generators write, each query once."""
    able = able_to_write(passages, generators, emit)
    made = made_queries(passages, able, seed=seed, machine=machine, emit=emit)
    return united(_titled(made, passages), emit)


def able_to_write(
    passages: Collection, generators: Sequence[Generator], emit: Emit
) -> list[Generator]:
    """The generators but for those that need what no passage has, which is told; one, at least."""
    able = [each for each in generators if not _lacking(each, passages)]
    if not able:
        refuse_unmet(generators, passages)
    for each in generators:
        if lacking := _lacking(each, passages):
            emit(Warned(f"no document has a {lacking[0]}, so {each.label} writes no queries"))
    return able


def _titled(made: Collection, passages: Collection) -> Collection:
    """Every title before its passage again, where a generator has taken it away.

    A passage is searched with its title, so it is learnt with it. That a heading's own query has
    the same words then costs less than a model that has seen no titles: on MedQuAD's real questions
    headings alone, in-batch, won .024 nDCG@10 with titles and .001 without.
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
                f"left out: {plural(len(many), 'query', 'queries')} that more than {SHARED} "
                "passages give, and so ask for none of them"
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
    """The queries as train and dev, so that no document has passages in both.

    Of very few documents a larger share is kept out, for one at least must be.
    """
    documents = made.corpus.join(made.qrels, on="doc_id", how="semi")[DOCUMENT].n_unique()
    by: By = "parent" if documents > 1 else "texts"
    if by == "texts":
        emit(
            Warned(
                "there is one document, so dev has other passages of it: what they say of other "
                "documents is less sure"
            )
        )
    for share in (dev, *(larger for larger in LARGER if larger > dev)):
        with suppress(DataError):
            return split(made, share, 0.0, seed, by)
    raise DataError(
        f"{plural(len(made.queries), 'query', 'queries')} of {plural(documents, 'document')} hang "
        "together: none can be kept out of training to judge by",
        where=made.name,
        fix="give more documents, that differ",
    )


@dataclass(frozen=True)
class RealQuestions:
    """A user's own questions, and which documents answer them: two files, read and checked."""

    queries: pl.DataFrame
    qrels: pl.DataFrame
    where: str

    @classmethod
    def read(cls, queries: str | Path, qrels: str | Path) -> RealQuestions:
        """Raises `DataError` for what is wrong with either file."""
        findings = Findings()
        asked = in_order(read_texts(Path(queries), "query_id", findings), "query_id", findings)
        pairs = read_qrels(Path(qrels), findings)
        findings.done()
        return cls(asked, pairs.select(QRELS.keys()), str(qrels))

    def on(self, passages: Collection, emit: Emit) -> Collection:
        """The questions on the passages: of a document that answers, every passage counts.

        A document is named by its id, or by its file's name without folders, or without its
        ending, where only one document has it.
        """
        named = self.qrels.rename({"doc_id": "name"})
        known = _names(passages)
        found = named.join(known, on="name").join(self.queries, on="query_id", how="semi")
        found = found.sort("relevance", descending=True).unique(
            ["query_id", "doc_id"], keep="first", maintain_order=True
        )
        if not (found["relevance"] > 0).any():
            raise DataError(
                f"none of {len(named):,} judgements names a query and a document that are here",
                where=self.where,
                fix="name documents as `negatives data passages` does: by their path in the "
                f"folder, such as {passages.corpus[DOCUMENT][0]!r}",
            )
        if unknown := len(named.join(known, on="name", how="anti")):
            told = (
                f"{plural(unknown, 'judgement')} of real questions: of documents that are not here"
            )
            emit(Warned(told))
        asked = self.queries.join(found, on="query_id", how="semi", maintain_order="left")
        return check_collection(
            replace(
                passages,
                name="real questions",
                split="dev",
                queries=asked.select(QUERIES.keys()),
                qrels=found.select(QRELS.keys()).sort("query_id", "doc_id"),
            )
        )


def unseen(real: Collection, trained: Collection, emit: Emit) -> Collection:
    """The questions without those whose words are among the queries that are trained with."""
    shared = overlap(trained, real)
    if not len(shared):
        return real
    emit(
        Warned(f"{plural(len(shared), 'real question')} of the words of a written query: left out")
    )
    ids = real.queries["query_id"].gather(shared).implode()
    return replace(real, qrels=real.qrels.filter(~pl.col("query_id").is_in(ids)))


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
