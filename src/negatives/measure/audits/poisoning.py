"""Documents that somebody may have planted among the negatives, or in the corpus, to be found.

Long et al. 2024, "Backdoor Attacks on Dense Retrieval via Public and Unintentional Triggers", show
that a share of 0.05% of planted passages is enough for an attack, and that hard negatives make it
worse. This audit only measures. Documents that are a negative of more queries than chance allows
are looked at in three ways: whether their queries are alike, as those of a real document are
(`alike_queries`), whether these share a word that the document lacks (`lacked_words`), and whether
its words follow one another as in a text (`word_order`).
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Bools, Doubles, Places
from negatives.measure.audits.alike_queries import likeness
from negatives.measure.audits.check import Answer, Check
from negatives.measure.audits.lacked_words import Lacked, lacked_words
from negatives.measure.audits.rates import both_ends
from negatives.measure.audits.subject import Subject
from negatives.measure.audits.word_order import strangeness
from negatives.measure.estimate import Estimate, rounded
from negatives.schema import PAIR
from negatives.stats.bounds import Clusters
from negatives.stats.shuffled import permutation

QUERIES: Final = "its queries have nothing in common"
TRIGGER: Final = "its queries have one word in common, and nothing else"
LACKED: Final = "nearly all queries with one word are its, and it has no such word"
ORDER: Final = "its words follow one another as in no other text"
OTHERS: Final = 5_000
"""Texts that the order of words is compared with, at most."""
MOST: Final = 5_000
"""Documents that are looked at, at most: those used most."""
SUSPECTS: Final = pl.Schema(
    {"doc_id": pl.String, "queries": pl.Int64, "reason": pl.String, "alike": pl.Float64,
     "but_one": pl.Float64, "word": pl.String, "strange": pl.Float64}
)  # fmt: skip


class Poisoning(Check, kind="poisoning"):
    """The share of the negatives that documents take which look planted, and which these are.

    >>> from negatives.measure.audits.poisoning import Poisoning
    >>> Poisoning(level=0.001).level
    0.001
    """

    level: Annotated[
        float,
        Meta(
            gt=0, lt=0.5, description="probability of suspecting a document of a clean collection"
        ),
    ] = 0.01

    def lacking(self, subject: Subject) -> str:
        """Texts of both sides."""
        for side in ("queries", "docs"):
            if not subject.collection.has(side, "text"):
                return f"the {side} have no texts; give --corpus"
        return ""

    def find(self, subject: Subject) -> Answer:
        """The suspects, and the share of the negatives that is theirs."""
        data = subject.collection
        found = suspects(
            subject.negatives, data.queries, data.corpus, level=self.level, seed=subject.seed
        )
        rows = subject.negatives.select(PAIR).unique()
        theirs = pl.col("doc_id").is_in(found["doc_id"].implode())
        counted = rows.group_by("query_id").agg(
            events=theirs.sum().cast(pl.Int64), trials=pl.len().cast(pl.Int64)
        )
        clusters = Clusters.of(counted["events"].to_numpy(), counted["trials"].to_numpy())
        low, high = 0.0, 1.0
        if clusters.clusters > 1:
            low, high = both_ends(clusters, (1 + subject.confidence) / 2)
        most = rows.group_by("doc_id").len().sort("len", "doc_id", descending=[True, False])
        details: dict[str, Any] = {
            "negatives": len(rows),
            "share of the ten most used": rounded(float(most["len"].head(10).sum()) / len(rows)),
            "suspects": [
                {name: rounded(value) if isinstance(value, float) else value
                 for name, value in row.items()}
                for row in found.to_dicts()
            ],
        }  # fmt: skip
        estimate = Estimate(
            value=clusters.rate,
            low=low,
            high=high,
            confidence=subject.confidence,
            assumption=_ASSUMED,
            details=details,
        )
        about = "share of the negatives that documents take which look planted"
        if found.is_empty():
            return Answer(self.kind, about, estimate, False, _NONE)
        first = found.row(0, named=True)
        more = f", and {len(found) - 1:,} more (--json lists them)" if len(found) > 1 else ""
        why = first["reason"] if first["word"] is None else f"{first['reason']}, {first['word']!r}"
        advice = _LOOK.format(first["doc_id"], first["queries"], why, more)
        return Answer(self.kind, about, estimate, True, advice)


_ASSUMED: Final = (
    "whoever plants documents plants them for many queries; one that is about the subject of its "
    "queries, in sentences, is not found"
)
_NONE: Final = (
    "nothing to do; a planted document that reads well and stays with its subject is not seen"
)
_LOOK: Final = (
    "read {0!r}, a negative of {1:,} queries: {2}{3}; take what is planted out of the corpus, and "
    "mine again"
)


def suspects(
    negatives: pl.DataFrame,
    queries: pl.DataFrame,
    corpus: pl.DataFrame,
    *,
    level: float = 0.01,
    seed: int = 0,
) -> pl.DataFrame:
    """Documents that look planted, as `SUSPECTS`, the most used first.

    `negatives`: query_id, doc_id; `queries` and `corpus`: ids and texts. Three sorts of documents:

    - Those whose queries are no more alike than queries drawn at random, with the word that they
      share most or without it, and that have more queries than any such document would have with
      probability `level`: by the tail of the counts of all that are as little about anything.
    - Those that are a negative of nearly all queries with a word that they lack, which the queries
      share by no chance, and these have nothing else in common.
    - Those that have unusually many queries, and whose words are in an order as of no other text.
    """
    pairs, docs = _numbered(negatives, queries, corpus)
    query, doc = pairs["query"].to_numpy(), pairs["doc"].to_numpy()
    counts = np.bincount(doc, minlength=len(docs))
    several = np.flatnonzero(counts >= 2)
    if not len(several):
        return pl.DataFrame(schema=SUSPECTS)
    found = likeness(queries["text"], query, doc, several, seed)
    alike, but_one = np.full(len(counts), -np.inf), np.full(len(counts), -np.inf)
    alike[several], but_one[several] = found.alike, found.but_one
    loose = np.minimum(alike, but_one) < _AT_RANDOM
    many = loose & (counts > _most_by_chance(counts[loose], counts, level))
    lacked = lacked_words(queries["text"], docs["text"], query, doc, several)
    triggered, word = np.zeros(len(counts), bool), np.full(len(counts), -1)
    triggered[several] = _triggered(lacked, but_one[several], level)
    word[several] = np.arange(len(several))
    strange = _strange(docs, counts, seed)
    reasons = [triggered, many & (alike < _AT_RANDOM), many, strange > _STRANGE]
    frame = pl.DataFrame(
        {
            "doc_id": docs["doc_id"],
            "queries": counts,
            "reason": np.select(reasons, [LACKED, QUERIES, TRIGGER, ORDER], default=""),
            "alike": alike,
            "but_one": but_one,
            "word": lacked.words.gather(pl.Series(word).set(pl.Series(~triggered), None)),
            "strange": strange,
        },
        schema=SUSPECTS,
    )
    return frame.filter(pl.col("reason") != "").sort("queries", "doc_id", descending=[True, False])


_AT_RANDOM: Final = 1.645
"""Deviations that 5% of sets of queries drawn at random are above: no more alike than these."""
_NEARLY_ALL: Final = 0.95
"""Of the queries with a trigger, to say that it is one."""
_MARGIN: Final = 1.5
"""Chosen by hand on parts of three large collections, of which some had a suspect without it: words
of one meaning bring documents and queries together, which no law of chance knows."""
_STRANGE: Final = 5.0
"""Robust deviations of the order of words: shares of texts have longer tails than a normal law."""


def without_suspects(negatives: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """The negatives without the documents that `suspects` found: the defence by filtering."""
    return negatives.join(found.select("doc_id"), on="doc_id", how="anti")


def _numbered(
    negatives: pl.DataFrame, queries: pl.DataFrame, corpus: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """query, doc (numbers) of each pair once; and doc_id, text by the number of the document."""
    pairs = negatives.select(PAIR).unique()
    docs = corpus.select("doc_id", "text").join(pairs, on="doc_id", how="semi").sort("doc_id")
    numbered = pairs.join(queries.select("query_id").with_row_index("query"), on="query_id").join(
        docs.select("doc_id").with_row_index("doc"), on="doc_id"
    )
    return numbered.select(pl.col("query", "doc").cast(pl.Int64)).sort("query", "doc"), docs


def _most_by_chance(loose: Places, counts: Places, level: float) -> float:
    """Queries that none of the documents with counts `loose` has more of, with 1 - `level`.

    Their counts fall off exponentially beyond the 95th percentile, by the rate at which they do
    between it and the 75th, which a few planted ones do not move; and not faster than those of an
    even draw from all documents do (Poisson, Bonferroni).
    """
    from scipy.special import pdtrik

    even = float(pdtrik(1 - level / len(counts), counts.mean()))
    if not len(loose):
        return even
    middle, upper = np.quantile(loose, (0.75, 0.95))
    scale = (upper - middle) / np.log(5)
    beyond = max(np.log(0.05 * len(loose) / level), 0.0)
    return max(even, float(upper + scale * beyond))


def _triggered(lacked: Lacked, but_one: Doubles, level: float) -> Bools:
    """bool[n]: of documents whose queries have nothing else in common, those whose word is their
    own by no chance.

    That documents without a word are found for queries with it has reasons as well, words of the
    same meaning. What it amounts to is read off the documents themselves, as in `_most_by_chance`,
    and is at least what chance would bring forth among all documents and words (Bonferroni), times
    `_MARGIN`.
    """
    loose = (but_one < _AT_RANDOM) & (lacked.share >= _NEARLY_ALL)
    if not loose.any():
        return loose
    middle, upper = np.quantile(lacked.surprise[loose], (0.75, 0.95), method="lower")
    scale = max(upper - middle, 1.0) / np.log(5)
    usual = upper + scale * max(np.log(0.05 * loose.sum() / level), 0.0)
    made: Bools = loose & (lacked.surprise > _MARGIN * max(usual, np.log(lacked.tests / level)))
    return made


def _strange(docs: pl.DataFrame, counts: Places, seed: int) -> Doubles:
    """float64[docs]: how strange the order of words is of those with unusually many queries, at
    most `MOST` of them, compared with others; NaN of all others.
    """
    mean = float(counts.mean())
    busy = np.flatnonzero((counts > mean + 3 * np.sqrt(mean)) & (counts >= 3))
    busy = np.sort(busy[np.argsort(-counts[busy], kind="stable")[:MOST]])
    others = np.setdiff1d(np.arange(len(counts)), busy)
    others = np.sort(others[permutation(len(others), seed, "audit/order")[:OTHERS]])
    found = np.full(len(counts), np.nan)
    texts = docs["text"]
    found[busy] = strangeness(texts.gather(busy), texts.gather(others))
    return found
