"""Lexical candidates by BM25, scored by the bm25s library (Lù, 2024)."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.errors import DataError, RecipeError, nearest
from negatives.events import Progress
from negatives.find.candidates import from_lists
from negatives.schema import Collection, Floats, Rows
from negatives.stage import Context, Source
from negatives.store.atomic import TEMPORARY, explained

_CHUNK = 64
_LANGUAGES = {"en": "english", "de": "german", "fr": "french", "es": "spanish", "it": "italian",
              "nl": "dutch", "pt": "portuguese", "sv": "swedish", "no": "norwegian",
              "ru": "russian", "tr": "turkish"}  # fmt: skip
"""Language codes for which both stop words and a Snowball stemmer are known."""


class BM25(Source, kind="bm25"):
    """Lexical candidates ranked by BM25 (Robertson and Zaragoza, 2009)."""

    top: Annotated[int, Meta(ge=1, description="candidates per query")] = 100
    k1: Annotated[float, Meta(ge=0, description="saturation of term frequency")] = 1.2
    b: Annotated[float, Meta(ge=0, le=1, description="normalisation by document length")] = 0.75
    variant: Annotated[
        Literal["lucene", "robertson", "atire"], Meta(description="which idf and tf formula")
    ] = "lucene"
    language: Annotated[
        str, Meta(description=f"of stemmer and stop words: {', '.join(_LANGUAGES)}; empty: neither")
    ] = "en"
    stemmer: Annotated[bool, Meta(description="reduce words to stems (Snowball)")] = True
    stop_words: Annotated[
        bool | list[str],
        Meta(description="true: the language's list; false: none; or your own list"),
    ] = True

    def check(self) -> None:
        """The language must be one we have stop words and a stemmer for."""
        if self.language and self.language not in _LANGUAGES:
            raise RecipeError(
                f"bm25: no stemmer and stop words for language {self.language!r}",
                mend=f'{nearest(self.language, _LANGUAGES)}, or language = "" for plain words',
            )

    @property
    def scores_pairs(self) -> bool:
        """A pair without a word in common scores 0."""
        return True

    def open(self, context: Context) -> BM25Proposer:
        """Index the corpus once into the scratch folder, then map it."""
        key = hashlib.blake2b(repr(self).encode(), digest_size=8).hexdigest()
        folder = context.scratch / f"index-{key}"
        analyse = self._analyser()
        if not folder.exists():
            self._index(context, analyse, folder)
        import bm25s

        retriever = bm25s.BM25.load(str(folder), mmap=True)
        return BM25Proposer(
            top=self.top,
            fingerprint=f"bm25s {bm25s.__version__}",
            collection=context.collection,
            retriever=retriever,
            analyse=analyse,
            threads=context.threads,
        )

    def _analyser(self) -> Callable[[list[str], bool], Any]:
        import bm25s
        import Stemmer

        stem = (
            Stemmer.Stemmer(_LANGUAGES[self.language]) if self.language and self.stemmer else None
        )
        stop: Any = self.stop_words if isinstance(self.stop_words, list) else []
        if self.stop_words is True and self.language:
            stop = self.language

        def analyse(texts: list[str], as_ids: bool) -> Any:
            return bm25s.tokenize(
                texts, stopwords=stop, stemmer=stem, return_ids=as_ids, show_progress=False
            )

        return analyse

    def _index(
        self, context: Context, analyse: Callable[[list[str], bool], Any], folder: Path
    ) -> None:
        import bm25s

        count = len(context.collection.corpus)
        context.emit(Progress("index bm25", 0, count, "documents"))
        # Named backends, so that what else is installed changes no byte.
        retriever = bm25s.BM25(
            k1=self.k1, b=self.b, method=self.variant, backend="numpy", csc_backend="numpy"
        )
        tokens = analyse(context.collection.corpus["text"].to_list(), True)
        if not tokens.vocab:
            raise DataError(
                "bm25: no document has a word (stop words and single letters are none)",
                where=f"collection {context.collection.name!r}",
                mend="leave bm25 out, or set stop_words = false",
            )
        retriever.index(tokens, show_progress=False)
        temporary = folder.with_name(f"{TEMPORARY}{folder.name}")
        with explained(folder):
            shutil.rmtree(temporary, ignore_errors=True)
            retriever.save(str(temporary), show_progress=False)
            temporary.rename(folder)
        context.emit(Progress("index bm25", count, count, "documents"))


@dataclass(frozen=True, slots=True)
class BM25Proposer:
    """BM25 opened on a collection."""

    top: int
    fingerprint: str
    collection: Collection
    retriever: Any
    analyse: Callable[[list[str], bool], Any]
    threads: int

    def propose(self, queries: Rows, proposed: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """The `top` documents of each query that share a word with it."""

        def best(scores: Floats) -> tuple[Rows, Floats]:
            found = np.flatnonzero(scores > 0)
            values = scores[found]
            if len(found) > self.top:
                cut = np.partition(values, len(values) - self.top)[len(values) - self.top]
                above = np.flatnonzero(values > cut)
                level = np.flatnonzero(values == cut)[: self.top - len(above)]
                keep = np.sort(np.concatenate([above, level]))
                found, values = found[keep], values[keep]
            order = np.argsort(-values, kind="stable")
            return found[order].astype(np.uint32), values[order]

        results = self._each(queries, lambda _, scores: best(scores))
        return from_lists(queries, [rows for rows, _ in results], [s for _, s in results])

    def score(self, query: Rows, doc: Rows) -> Floats:
        """BM25 of the given pairs; 0 where no word is shared."""
        order = np.lexsort((doc, query))
        queries, starts = np.unique(query[order], return_index=True)
        docs = np.split(doc[order], starts[1:])
        found = self._each(queries, lambda place, scores: scores[docs[place]])
        result = np.empty(len(query), np.float32)
        if found:
            result[order] = np.concatenate(found)
        return result

    def _each(self, queries: Rows, use: Callable[[int, Floats], Any]) -> list[Any]:
        """use(place, scores: float32[docs]) for each query, in order, over the threads."""
        tokens = self.analyse(self.collection.query_texts(queries), False)
        ids = [self.retriever.get_tokens_ids(words) for words in tokens]
        empty = np.zeros(len(self.collection.corpus), np.float32)

        def chunk(start: int) -> list[Any]:
            return [
                use(
                    place,
                    self.retriever.get_scores_from_ids(ids[place]) if len(ids[place]) else empty,
                )
                for place in range(start, min(start + _CHUNK, len(ids)))
            ]

        with ThreadPoolExecutor(self.threads) as pool:
            parts = list(pool.map(chunk, range(0, len(ids), _CHUNK)))
        return [result for part in parts for result in part]
