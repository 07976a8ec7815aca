"""Whether an encoder puts what a machine wrote above what people wrote, where both are as relevant.

Dai et al. 2024, "Neural Retrievers are Biased Towards LLM-Generated Content": texts of people and
texts of a machine that rewrite them stand in one list. Whoever trains on such rankings makes the
preference stronger (Zhou et al. 2024, "Source Echo Chamber"). The measure here is how often a query
scores the written one of two texts higher; a half is fair. Where each written text rewrites one of
people, these two are compared, and the lists by the paper's relative difference. Where none does,
written texts are compared with those of people that have the same grade for the same query.

Only relevant texts are compared. Mined negatives were chosen for their scores, so that anything
that is put beside them, a copy with a word less too, scores lower by that alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Doubles, Floats, Places, Rows
from negatives.chance import pair_uniforms
from negatives.errors import DataError
from negatives.measure.audits.check import Answer, Check
from negatives.measure.audits.subject import Subject
from negatives.measure.estimate import Estimate, rounded
from negatives.measure.likeness import nearest_of, unit_vectors
from negatives.read.table import ids_of, read_table
from negatives.schema import PAIR
from negatives.settings import FileName, ModelName
from negatives.stats.bootstrap import Interval, interval

FEWEST: Final = 20
"""Queries with a pair to compare, below which nothing is said."""
EACH: Final = 10
"""Written texts, and texts of people, of one query and grade, at most, drawn by ids."""
LENGTHS: Final = (0.8, 1.2)
"""How long a rewriting may be, in lengths of the text: others are left out."""
DEEP: Final = 10
"""Places of the list in which the paper's relative difference looks for the first positive."""


class SourceBias(Check, kind="source-bias"):
    """How often an encoder scores a written text above one of people that is as relevant.

    >>> from negatives.measure.audits.source_bias import SourceBias
    >>> SourceBias(written="rewritten.jsonl").encoder
    'static'
    """

    asks_negatives: ClassVar[bool] = False

    encoder: Annotated[
        ModelName,
        Meta(min_length=1, description="whose scores are looked at, as for a dense source"),
    ] = "static"
    written: Annotated[
        FileName,
        Meta(description="what says which texts a machine wrote: a file of doc_id, or of text and "
             "rewrites (the id of the document that it says again), or a field of the documents "
             "that is true or false"),
    ] = ""  # fmt: skip
    most: Annotated[
        float,
        Meta(ge=0, lt=0.5, description="how far from a half the share may be; more is an alarm"),
    ] = 0.1

    def lacking(self, subject: Subject) -> str:
        """Texts of both sides, and enough queries with two texts to compare."""
        data = subject.collection
        if not data.has("docs", "text") or not data.has("queries", "text"):
            return "queries or documents have no texts; name what has them with --corpus"
        if not self.written:
            return "say which texts a machine wrote: --set source-bias.written=FILE"
        found = self._compared(subject).pairs["query_id"].n_unique()
        if found < FEWEST:
            return (
                f"only {found} queries have a written text and one of people that are as relevant, "
                f"and {FEWEST} are needed"
            )
        return ""

    def find(self, subject: Subject) -> Answer:
        """The share of comparisons that the written text wins, a mean over queries."""
        compared = self._compared(subject)
        query, human, written, owner = compared.rows(subject)
        vectors = [unit_vectors(texts, self.encoder) for texts in (query, compared.texts)]
        asked = vectors[0][owner]
        scores = [np.einsum("nd,nd->n", asked, vectors[1][each]) for each in (human, written)]
        won = wins(*scores)
        found = share_of_wins(won, owner, confidence=subject.confidence, seed=subject.seed)
        gap = (scores[1] - scores[0]).astype(np.float64)
        spread = float(np.concatenate(scores).std())
        details: dict[str, Any] = {
            "queries": len(np.unique(owner)),
            "comparisons": len(won),
            "paired": compared.paired,
            "left out by length": compared.left_out,
            "mean gap in deviations": rounded(float(gap.mean()) / spread) if spread else None,
        }
        if compared.paired:
            ranked = nearest_of(vectors[0], vectors[1], min(DEEP, len(compared.texts)))[0]
            firsts = [first_found(ranked, owner, each) for each in (human, written)]
            details["RR@10 of people's, of written"] = [rounded(each) for each in firsts]
            details["relative difference"] = rounded(relative_bias(*firsts))
        estimate = Estimate(
            value=found.value,
            low=found.low,
            high=found.high,
            confidence=subject.confidence,
            assumption=_REWRITTEN if compared.paired else _SAME_GRADE,
            details=details,
        )
        about = f"share of comparisons in which {self.encoder} scores the written text higher"
        low, high = found.low or 0.0, 1.0 if found.high is None else found.high
        if low > 0.5 + self.most:
            return Answer(self.kind, about, estimate, True, _WRITTEN)
        if high < 0.5 - self.most:
            return Answer(self.kind, about, estimate, True, _PEOPLE)
        inside = 0.5 - self.most <= low and high <= 0.5 + self.most
        return Answer(self.kind, about, estimate, False, _FINE if inside else _UNSURE)

    def _compared(self, subject: Subject) -> Compared:
        """Texts to be compared, by what `written` says."""
        data = subject.collection
        every = data.corpus.select("doc_id", pl.col("text").fill_null(""))
        docs = every.filter(pl.col("text").str.strip_chars().str.len_bytes() > 0)
        if self.written in data.corpus.columns:
            return of_one_grade(docs, self._by_field(subject), _labelled(subject), subject.seed)
        table = read_table(Path(self.written))
        if {"rewrites", "text"} <= set(table.columns):
            return of_rewritten(every, table.select("rewrites", "text"), _labelled(subject))
        if "doc_id" not in table.columns:
            raise DataError(
                f"the file has no column doc_id, nor text and rewrites: {', '.join(table.columns)}",
                where=self.written,
                fix="name the documents that a machine wrote, a row each",
            )
        return of_one_grade(
            docs, ids_of(table, "doc_id", self.written), _labelled(subject), subject.seed
        )

    def _by_field(self, subject: Subject) -> pl.Series:
        corpus = subject.collection.corpus
        said = corpus[self.written].cast(pl.String).str.to_lowercase()
        odd = said.drop_nulls().filter(~said.drop_nulls().is_in([*_YES, *_NO]))
        if len(odd):
            raise DataError(
                f"the field {self.written!r} is not true or false: {odd[0]!r}",
                where=subject.name,
                fix="make it true where a machine wrote the document, and false elsewhere",
            )
        return corpus.filter(said.is_in(_YES))["doc_id"]


_YES: Final = ("true", "1")
_NO: Final = ("false", "0")
_REWRITTEN: Final = "each written text says what the one that it rewrites says, and is as relevant"
_SAME_GRADE: Final = "texts of one query and one grade are as relevant, whoever wrote them"
_FINE: Final = "nothing to do: the encoder does not mind much who wrote a text"
_UNSURE: Final = (
    "this does not tell: no leaning was found, but the interval reaches beyond what is borne; "
    "compare more texts to be sure"
)
_WRITTEN: Final = (
    "what this encoder finds leans to what machines write: leave it out as a judge of these texts, "
    "or rewrite as many positives as negatives by the same machine"
)
_PEOPLE: Final = (
    "this encoder puts written texts low: as negatives they are easy, and a model that trains on "
    "them learns who wrote; rewrite as many positives as negatives by the same machine"
)


@dataclass(frozen=True)
class Compared:
    """`pairs`: query_id, and the rows human and written of `texts`, a row a comparison.

    `paired`: whether the written one says the other again; `left_out`: rewritings that are longer
    or shorter than `LENGTHS` allows.
    """

    pairs: pl.DataFrame
    texts: pl.Series
    paired: bool
    left_out: int = 0

    def rows(self, subject: Subject) -> tuple[pl.Series, Places, Places, Places]:
        """Texts of the queries; of each comparison both texts' rows, and its query's."""
        queries = subject.collection.queries.select("query_id", "text")
        asked = queries.join(self.pairs.select("query_id").unique(), on="query_id", how="semi")
        asked = asked.sort("query_id").with_row_index("owner")
        table = self.pairs.join(asked.select("query_id", "owner"), on="query_id").sort(
            "owner", "human", "written"
        )
        human, written, owner = (
            table[name].cast(pl.Int64).to_numpy() for name in ("human", "written", "owner")
        )
        return asked["text"], human, written, owner


def of_rewritten(docs: pl.DataFrame, table: pl.DataFrame, labels: pl.DataFrame) -> Compared:
    """Each labelled document beside the text that rewrites it; the list holds all of both.

    `docs`: doc_id, text; `table`: rewrites, text; `labels`: query_id, doc_id, grade. The first
    rewriting of a document counts. `DataError` where one rewrites what is not there.
    """
    table = table.with_columns(pl.col("rewrites").cast(pl.String)).drop_nulls()
    table = table.unique("rewrites", keep="first", maintain_order=True)
    unknown = table.join(docs, left_on="rewrites", right_on="doc_id", how="anti")
    if len(unknown):
        name = unknown["rewrites"][0]
        raise DataError(
            f"{len(unknown):,} rewritten documents are not in the corpus, such as {name!r}",
            fix="name documents of the collection under rewrites",
        )
    both = table.join(docs.rename({"text": "human"}), left_on="rewrites", right_on="doc_id")
    ratio = pl.col("text").str.len_chars() / pl.col("human").str.len_chars()
    alike = both.filter(ratio.is_between(*LENGTHS)).sort("rewrites")
    numbered = docs.with_row_index("human").select("doc_id", pl.col("human").cast(pl.Int64))
    rows = alike.select("rewrites").with_row_index("written")
    rows = rows.with_columns(pl.col("written").cast(pl.Int64) + len(docs))
    pairs = (
        labels.join(rows, left_on="doc_id", right_on="rewrites")
        .join(numbered, on="doc_id")
        .select("query_id", "human", "written")
    )
    texts = pl.concat([docs["text"], alike["text"].rename("text")])
    return Compared(pairs, texts, True, len(both) - len(alike))


def of_one_grade(
    docs: pl.DataFrame, written: pl.Series, labels: pl.DataFrame, seed: int
) -> Compared:
    """Written documents beside those of people, where a query has both under one grade.

    At most `EACH` of either sort for a query and grade. Arguments as for `of_rewritten`; `written`:
    the ids of the written ones.
    """
    rows = labels.join(docs.select("doc_id"), on="doc_id").sort(PAIR)
    chance = pl.Series("chance", pair_uniforms(rows.select(PAIR), seed, "audit/source-bias"))
    made = pl.col("doc_id").is_in(written.implode()).alias("made")
    group = ["query_id", "grade"]
    rows = rows.with_columns(chance, made)
    rows = rows.filter(pl.col("chance").rank("ordinal").over(*group, "made") <= EACH)
    sorts = rows.filter(pl.col("made").n_unique().over(*group) == 2)
    texts = docs.join(sorts.select("doc_id").unique(), on="doc_id", how="semi").sort("doc_id")
    numbered = texts.select("doc_id").with_row_index("row")
    sorts = sorts.join(numbered.with_columns(pl.col("row").cast(pl.Int64)), on="doc_id")
    human, machine = (sorts.filter(pl.col("made") == each) for each in (False, True))
    pairs = human.select(*group, human="row").join(machine.select(*group, written="row"), on=group)
    return Compared(pairs.select("query_id", "human", "written"), texts["text"], paired=False)


def _labelled(subject: Subject) -> pl.DataFrame:
    """query_id, doc_id, grade of what is judged relevant."""
    judged = subject.collection.qrels
    if subject.truth is not None:
        judged = pl.concat([judged.select(subject.truth.columns), subject.truth])
    grade = pl.col("relevance").cast(pl.Int64)
    return judged.filter(grade > 0).group_by(PAIR).agg(grade=grade.max())


def wins(human: Floats, written: Floats) -> Doubles:
    """float64[n]: 1 where the written text scores higher, a half where both score the same.

    >>> wins(np.array([0.5, 0.2, 0.9], np.float32), np.array([0.5, 0.4, 0.1], np.float32)).tolist()
    [0.5, 1.0, 0.0]
    """
    tied = np.isclose(human, written, rtol=0, atol=1e-6)
    return np.where(tied, 0.5, (written > human).astype(np.float64))


def share_of_wins(
    won: Doubles, owner: Places, *, confidence: float = 0.95, seed: int = 0
) -> Interval:
    """The mean over queries of the share that is won, with its interval over the queries."""
    names, place = np.unique(owner, return_inverse=True)
    by_query = np.bincount(place, won) / np.bincount(place, minlength=len(names))
    return interval(by_query, confidence=confidence, seed=seed)


def first_found(ranked: Rows | Places, owner: Places, target: Places) -> float:
    """Mean over queries of 1 / place of the first of its targets in `ranked`, 0 where none is.

    `ranked`: rows of texts, int[queries, places], the best first; `owner`, `target`: int64[n], a
    query and the row of a text of its.
    """
    hit = (ranked[owner] == target[:, None]) / np.arange(1, ranked.shape[1] + 1)
    best = np.zeros(len(ranked))
    np.maximum.at(best, owner, hit.max(axis=1))
    return float(best[np.unique(owner)].mean())


def relative_bias(human: float, written: float) -> float | None:
    """The difference of a metric of two sorts of targets in one list, relative to their mean.

    Below 0 it favours what was written (Dai et al. 2024); None where neither is found.

    >>> round(relative_bias(0.60, 0.66) or 0, 4)
    -0.0952
    """
    total = human + written
    return 2 * (human - written) / total if total else None
