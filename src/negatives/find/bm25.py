"""Lexical candidates by BM25: words and formula are those of the bm25s library (Lù, 2024)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Annotated, ClassVar, Final, Literal

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Floats, Ragged, Rows, spread, starts_of
from negatives.errors import DataError, RecipeError, nearest
from negatives.events import Noted, Progress, Warned
from negatives.find.candidates import COLUMNS
from negatives.opening import Context
from negatives.schema import Collection, Needs
from negatives.search.lexical import best_docs, score_pairs
from negatives.search.lexical_index import Asked, LexicalIndex
from negatives.search.postings import Formula, build_postings
from negatives.search.shortlist import places
from negatives.search.words import EVERY, Words, stop_words
from negatives.stage import Source
from negatives.text.languages import STEMMERS, languages_of_sides, unclear

_SCORER = 2
"""To be raised whenever a score or a tie would come out otherwise."""
AUTO: Final = "auto"


class BM25(Source, kind="bm25"):
    """Lexical candidates ranked by BM25 (Robertson and Zaragoza, 2009).

    Chinese, Japanese, Thai and others that are written without spaces are compared by characters
    and pairs of them, whatever the language is set to.

    >>> from negatives import BM25, tiny
    >>> tiny.proposed(BM25(top=2))["wings"]
    ['again', 'copy']
    >>> tiny.proposed(BM25(top=2, language=""))["wings"]  # words as they are written
    ['copy', 'lift', 'museum']
    """

    scores_pairs: ClassVar[bool] = True  # a pair without a word in common scores 0
    top: Annotated[int, Meta(ge=1, description="candidates per query")] = 100
    k1: Annotated[float, Meta(ge=0, description="saturation of term frequency")] = 1.2
    b: Annotated[float, Meta(ge=0, le=1, description="normalisation by document length")] = 0.75
    variant: Annotated[
        Literal["lucene", "robertson", "atire"], Meta(description="which idf and tf formula")
    ] = "lucene"
    language: Annotated[
        str,
        Meta(
            description="of stemmer and stop words: auto (told from the texts), "
            f"{', '.join(STEMMERS)}; empty: neither"
        ),
    ] = AUTO
    stemmer: Annotated[bool, Meta(description="reduce words to stems (Snowball)")] = True
    stop_words: Annotated[
        bool | list[str],
        Meta(description="true: the language's list; false: none; or your own list"),
    ] = True

    characters: Annotated[
        int,
        Meta(ge=0, description="compare runs of so many characters within words; 0: whole words"),
    ] = 0

    def check(self) -> None:
        """The language must be one we have a stemmer for."""
        if self.language and self.language not in (AUTO, *STEMMERS):
            raise RecipeError(
                f"bm25: no stemmer for language {self.language!r}",
                fix=f'{nearest(self.language, [AUTO, *STEMMERS])}, or language = "" for plain '
                "words",
            )

    @property
    def needs(self) -> Needs:
        """Words of both sides."""
        instead = f"leave {self.label} out; co-occurrence, popularity and random need ids alone"
        return Needs(("text",), ("text",), f"{instead}: --recipe ids")

    def open(self, context: Context) -> BM25Proposer:
        """Index the corpus once into the scratch folder, then map it."""
        collection = context.collection
        languages = self._languages(context)
        used = ", ".join(f"{written or 'all'}: {name}" for written, name in languages.items())
        fingerprint = (
            f"lexical {_SCORER}, bm25s {version('bm25s')}, PyStemmer {version('PyStemmer')}, "
            f"languages {used or 'none'}"
        )
        key = hashlib.blake2b(f"{self!r} {fingerprint}".encode(), digest_size=8).hexdigest()
        folder = context.scratch / f"index-{key}"
        words = self._words(languages)
        if not folder.exists():
            count = len(collection.corpus)
            context.emit(Progress("index bm25", 0, count, "documents"))
            found = build_postings(
                folder,
                collection.corpus["text"],
                words,
                Formula(self.k1, self.b, self.variant),
                processes=context.machine.threads,
                memory=context.machine.memory,
                progress=lambda done: context.emit(
                    Progress("index bm25", done, count, "documents")
                ),
            )
            if not found:
                raise DataError(
                    "bm25: no document has a word (stop words and single letters are none)",
                    where=f"collection {collection.name!r}",
                    fix="leave bm25 out, or set stop_words = false",
                )
        return BM25Proposer(
            top=self.top,
            fingerprint=fingerprint,
            collection=collection,
            index=LexicalIndex(folder, len(collection.corpus)),
            words=words,
            threads=context.machine.threads,
        )

    def _languages(self, context: Context) -> dict[str, str]:
        """The language of each script, or of `EVERY` one; what was found in the texts is told."""
        if self.language != AUTO:
            return {EVERY: self.language} if self.language else {}
        found = languages_of_sides(context.collection.corpus, context.collection.queries)
        with_stemmer = {
            written: language
            for written, language in sorted(found.of_script.items())
            if language in STEMMERS
        }
        context.emit(
            Noted(
                f"languages {self.label}",
                {"letters": dict(found.shares), "stemmers and stop words": with_stemmer},
            )
        )
        for problem in () if self.characters else unclear(found):
            context.emit(
                Warned(
                    f"{self.label}: {problem}: their words are compared as they are; if that is "
                    f"wrong, name one with find.{self.label}.language"
                )
            )
        return with_stemmer

    def _words(self, languages: Mapping[str, str]) -> Words:
        names = {written: STEMMERS[language] for written, language in languages.items()}
        if isinstance(self.stop_words, list):
            left_out = frozenset(self.stop_words)
        else:
            left_out = frozenset[str]()
            if self.stop_words:
                left_out = left_out.union(*map(stop_words, names.values()))
        stems = self.stemmer and not self.characters
        return Words(names if stems else {}, left_out, self.characters)


@dataclass(frozen=True, slots=True)
class BM25Proposer:
    """BM25 opened on a collection."""

    top: int
    fingerprint: str
    collection: Collection
    index: LexicalIndex
    words: Words
    threads: int

    def propose(self, queries: Rows, proposed: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """The best documents of each query that share a word with it.

        As many as hold `top` that are no known positives of the query: however many those are, they
        keep their ranks and take nobody's place.
        """
        asked = self._asked(queries)
        known = _by_query(self.collection.positives, queries)
        counts, docs, scores = best_docs(
            self.index, asked, known, self.top, threads=self.threads, of=self._all
        )
        query = np.repeat(np.arange(len(queries)), counts)
        ends = np.cumsum(counts)
        # A query with fewer than `top` has every document above 0, and so every such positive.
        full = counts == self.top
        worst, last = np.zeros(len(queries), np.float32), np.zeros(len(queries), np.uint32)
        worst[full], last[full] = scores[ends[full] - 1], docs[ends[full] - 1]
        theirs = score_pairs(self.index, asked, known, of=self._all)
        owner = known.owners
        among = (theirs > worst[owner]) | ((theirs == worst[owner]) & (known.values < last[owner]))
        query = np.concatenate([query, owner[among]])
        docs = np.concatenate([docs, known.values[among]])
        scores = np.concatenate([scores, theirs[among]])
        order = np.lexsort((docs, -scores, query))
        return pl.DataFrame(
            {
                "query": queries[query[order]],
                "doc": docs[order],
                "rank": places(np.bincount(query, minlength=len(queries))),
                "score": scores[order],
            },
            schema=COLUMNS,
        )

    def score(self, query: Rows, doc: Rows) -> Floats:
        """BM25 of the given pairs; 0 where no word is shared."""
        order = np.lexsort((doc, query))
        queries, starts = np.unique(query[order], return_index=True)
        pairs = Ragged(np.append(starts, len(query)).astype(np.int64), doc[order])
        scores = np.empty(len(query), np.float32)
        scores[order] = score_pairs(self.index, self._asked(queries), pairs, of=self._all)
        return scores

    @property
    def _all(self) -> int:
        return len(self.collection.mined_queries)

    def _asked(self, queries: Rows) -> Asked:
        return self.index.ask(self.collection.query_texts(queries), self.words)


def _by_query(pairs: pl.DataFrame, queries: Rows) -> Ragged[np.uint32]:
    """The docs of each of `queries`, ascending, of a frame (query, doc) sorted by both."""
    first, last = (pairs["query"].search_sorted(queries, side) for side in ("left", "right"))
    counts = (last - first).to_numpy().astype(np.int64)
    rows = spread(first.to_numpy(), counts)
    return Ragged(starts_of(counts), pairs["doc"].to_numpy()[rows])
