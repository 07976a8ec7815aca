"""Runs and collections as users hold them: the data, with the verbs of the rooms bound to it.

This is the only place where data has verbs. Inside the package functions are called, each with a
run or a collection as its first argument; nothing but the command line imports this module.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypedDict, Unpack, cast

import polars as pl

from negatives import schema
from negatives.errors import UnknownKeyword, nearest
from negatives.events import Emit
from negatives.listening import shown, watched
from negatives.run import mine as _mine
from negatives.run.engine import SharedOut
from negatives.run.inputs import collection_of
from negatives.schema import Lost
from negatives.stage import Judge, Picker
from negatives.store import run as store

if TYPE_CHECKING:
    from negatives.card import Card
    from negatives.export.ask import Choices
    from negatives.generator import Generator
    from negatives.opening import Foreseen
    from negatives.read.quarantine import Quarantine
    from negatives.read.split import By
    from negatives.show.examples import Order
    from negatives.show.pair_text import Examples

Data = Any
"""What `Collection.load` takes."""

P = ParamSpec("P")


class Reading(TypedDict, total=False):
    """How data is read; see `Collection.load`."""

    split: str
    corpus: Data
    queries: Data
    query_column: str
    positive_column: str
    negative_column: str | Sequence[str]
    relevant_from: float | None
    name: str
    quarantine: str | Path | Quarantine | None
    lost: Lost


class Collection(schema.Collection):
    """Corpus, queries and judgements of one split; `Collection.load` reads one.

    >>> from negatives import Collection
    >>> data = Collection.load("cranfield")
    >>> len(data.corpus), len(data.queries), len(data.positives)
    (1400, 225, 1837)
    >>> data.queries.row(4)
    ('102', 'basic dynamic characteristics of structures continuous over many spans .', 101)
    """

    @staticmethod
    def load(data: Data, **options: Unpack[Reading]) -> Collection:
        """Read a collection: a path, `cranfield`, `ir_datasets:NAME` or a hub name; `@SPLIT` last.

        Or data at hand: a frame of pandas or polars, an Arrow table, a dataset, a list of rows, or
        a dictionary of queries, corpus and qrels. Raises `DataError` listing the first five
        offenders with file and row; with `quarantine`, bad rows are set aside in that file instead,
        and counted in `notes`. `lost`: whether judgements of documents that the corpus lacks are
        bad rows too, or are kept in `qrels`, so that a measure counts them as not found. `split` is
        what `@SPLIT` is. `corpus` has the texts of ids, and more documents; `queries` the texts of
        the queries' ids. `query_column`, `positive_column` and `negative_column` name columns whose
        names do not tell what they are, and from `relevant_from` on a score is relevant.
        """
        from negatives.read import load

        return _held(load(data, **options))

    @staticmethod
    def from_pandas(frame: Any, **options: Unpack[Reading]) -> Collection:
        """The collection of a frame of pandas: a query and its positive a row, or more columns.

        The names of its columns tell what they are, as in a file (see the table in the docs), or
        `query_column`, `positive_column` and `negative_column` do. Texts or ids; where it has ids,
        `corpus` and `queries` have the texts. The index is left out unless its name is an id's.
        Options are those of `load`.

        >>> import pandas as pd
        >>> from negatives import Collection
        >>> faq = pd.DataFrame({"question": ["Why?", "Who?"], "answer": ["It is so.", "It was I."]})
        >>> data = Collection.from_pandas(faq, corpus=[{"text": "Nobody asked this."}])
        >>> len(data.corpus), len(data.queries), len(data.positives)
        (3, 2, 2)
        """
        return Collection.load(frame, **options)

    @staticmethod
    def from_polars(frame: pl.DataFrame | pl.LazyFrame, **options: Unpack[Reading]) -> Collection:
        """The collection of a frame of polars; see `from_pandas`."""
        return Collection.load(frame, **options)

    @staticmethod
    def from_dataset(dataset: Any, **options: Unpack[Reading]) -> Collection:
        """The collection of a `datasets.Dataset`, or of one split of a `DatasetDict`.

        A `DatasetDict` of corpus, queries and judgements is read as such. Options are those of
        `load`, such as `split`; see `from_pandas` for columns.
        """
        return Collection.load(dataset, **options)

    @staticmethod
    def from_pairs(
        queries: Any,
        corpus: Any,
        qrels: Any,
        *,
        name: str = "pairs",
        split: str = "train",
        quarantine: str | Path | Quarantine | None = None,
        lost: Lost = "refuse",
    ) -> Collection:
        """The collection of queries, documents, and which of them belong together.

        Each is a dictionary by ids, as evaluators of retrieval take it, a table in any form, or a
        file. `qrels`: `{query_id: doc_ids}`, `{query_id: {doc_id: relevance}}`, tuples of a query,
        a document and perhaps a relevance, or a table of such columns; without a relevance every
        pair is a positive. An id is a text, a whole number or a UUID.

        >>> from negatives import Collection
        >>> Collection.from_pairs({1: "why"}, {7: "It is so.", 8: "No."}, {1: {7}}).positives.rows()
        [(0, 0)]
        """
        from negatives.read import load_parts

        made = load_parts(
            queries, corpus, qrels, name=name, split=split, quarantine=quarantine, lost=lost
        )
        return _held(made)

    @staticmethod
    @watched
    def from_documents(
        docs: Data,
        *,
        length: int | None = None,
        encoding: str = "utf-8",
        name: str = "",
        emit: Emit = shown,
    ) -> Collection:
        """The passages of documents, without queries: a folder of files, or a document a row.

        Files are .txt, .md, .html, .rst and .pdf; a table is a file or a frame of texts, with ids
        and titles where there are some. They are parted at their headings, and a long section into
        passages of at most `length` characters (None: 1000). `title` is what stands above a
        passage, and `parent` its document. `encoding`: of files that are not UTF-8. What is passed
        over is told. `made` writes queries for them.

        >>> from negatives import Collection
        >>> manual = [{"id": "pump", "title": "Pumps", "text": "A pump lifts water. It hums."}]
        >>> Collection.from_documents(manual).corpus["doc_id", "text", "parent"].row(0)
        ('pump#1', 'Pumps A pump lifts water. It hums.', 'pump')
        """
        from negatives.read.documents import read_passages

        return _held(read_passages(docs, length=length, encoding=encoding, name=name, emit=emit))

    def split_queries(
        self, dev: float = 0.1, test: float = 0.0, *, seed: int = 0, by: By = "texts"
    ) -> dict[str, Collection]:
        """Its queries as train, dev and, where a share is given, test; each with all documents.

        Queries that ask the same, or (`by` "texts") that share the text of a positive, are on one
        side. Which side depends on their ids and on `seed` alone.

        >>> from negatives import Collection
        >>> sides = Collection.load("cranfield").split_queries(dev=0.1, by="query")
        >>> {name: len(side.mined_queries) for name, side in sides.items()}
        {'train': 203, 'dev': 22}
        """
        from negatives.read.split import split

        return {name: _held(each) for name, each in split(self, dev, test, seed, by).sides.items()}

    def _repr_html_(self) -> str:
        from negatives.show.notebook import collection_card

        return collection_card(self)._repr_html_()

    @watched
    def made(self, *generators: Generator, seed: int = 0, emit: Emit = shown) -> Collection:
        """The documents with queries that generators, such as `Heading`, write from them."""
        from negatives.run.making import made_queries

        return _held(made_queries(self, generators, seed=seed, emit=emit))

    @watched
    def making_cost(self, *generators: Generator, seed: int = 0, emit: Emit = shown) -> Foreseen:
        """What `made` by the same generators would cost; nobody is asked anything."""
        from negatives.run.making import making_cost

        return making_cost(self, generators, seed=seed, emit=emit)


def _held(found: schema.Collection) -> Collection:
    """A collection as users hold it."""
    return Collection(**{each.name: getattr(found, each.name) for each in fields(found)})


class Run(store.Run):
    """A finished run: `negatives` and `rejected` are frames; `candidates()` scans the ledger.

    A table is read only if it is what the manifest says: its size and rows are compared when the
    run is opened, its hash when it is read.

    >>> from negatives import BM25, Run, Top, mine, tiny
    >>> mine(tiny.collection(), "run", sources=[BM25(top=4)], pick=Top(per_query=2))
    Run('run': 6 negatives for 3 queries, 13 candidates)
    >>> Run("run").negatives["query_id", "doc_id"].row(0)
    ('pans', 'albatross')
    >>> Run("run").rejected["reason"].to_list()
    ['repeat: the text of candidate copy', 'same-normalised-text: as positive lift']
    """

    def __init__(self, path: str | Path, *, collection: Data = None) -> None:
        """Open a run directory; `RunError` where there is none, or it is unfinished or damaged.

        `collection` is what it was made from, where that was no file: what `mine` took.
        """
        from negatives.read import as_collection

        found = None if collection is None else as_collection(collection)
        super().__init__(path, collection=found)

    @property
    def collection(self) -> schema.Collection:
        """The collection the run was made from, read again and checked to be the same."""
        return collection_of(self)

    @property
    def reviews(self) -> pl.DataFrame:
        """The verdicts of people that stand: pair, verdict, reviewer, time, order and note."""
        from negatives.run.reviews import read_lines, standing

        return standing(read_lines(self.path))

    def summary(self) -> Card:
        """What was found, in a dozen lines: print it, or let a notebook show it.

        >>> from negatives import BM25, Top, mine, tiny
        >>> run = mine(tiny.collection(), "told", sources=[BM25(top=4)], pick=Top(per_query=2))
        >>> print(run.summary().title)
        tiny: 6 of 6 negatives, coverage 100%
        """
        from negatives.show import figures_of, run_card

        return run_card(figures_of(self))

    def examples(
        self,
        count: int | None = None,
        *,
        order: Order = "worst",
        query: str = "",
        doc: str = "",
        seed: int = 0,
    ) -> Examples:
        """Pairs to be read, with their texts and evidence: the `count` likeliest to be false (10).

        Or drawn at random (`order="random"`); or those of one query, or one document, named by its
        id or its text; or, with both, one pair, picked or not. See `negatives show`.

        >>> from negatives import BM25, Top, mine, tiny
        >>> run = mine(tiny.collection(), "read", sources=[BM25(top=4)], pick=Top(per_query=2))
        >>> run.examples(query="pans").queries[0]["pairs"][0]["doc_id"]
        'albatross'
        """
        from negatives.show.examples import examples

        return examples(self, count, order=order, query=query, doc=doc, seed=seed)

    def _repr_html_(self) -> str:
        from negatives.show.notebook import run_html

        return run_html(self)

    @watched
    def repick(
        self,
        pick: Picker,
        *,
        relabel: float | None = None,
        emit: Emit = shown,
        **shared: Unpack[SharedOut],
    ) -> Run:
        """Apply another policy to the same ledger; negatives, recipe and report are replaced.

        `relabel`: see the method of that name; None relabels as before. `threads`, `engine`,
        `workers` and `address` are as for `mine`.
        """
        from negatives.run.picking import repick

        repick(self, pick, relabel=relabel, emit=emit, **shared)
        return self._reported(emit)

    @watched
    def relabel(self, precision: float, *, emit: Emit = shown, **shared: Unpack[SharedOut]) -> Run:
        """Take the surest candidates for positives: as many as `precision` allows (0: none).

        The mean of their p_relevant is at least `precision`, and none is below 0.5. They are in
        `relabelled`, apart from the known positives, and no longer among the negatives, which are
        picked again. Needs p_relevant, which a recipe's [estimate] stage gives. `threads`,
        `engine`, `workers` and `address` are as for `mine`.
        """
        return self.repick(self.recipe.pick, relabel=precision, emit=emit, **shared)

    @watched
    def judge(
        self,
        judge: Judge,
        budget: int | str | None = None,
        *,
        choice: str = "unsure",
        memory: str | int = "512MB",
        device: str = "auto",
        emit: Emit = shown,
        **shared: Unpack[SharedOut],
    ) -> Run:
        """Let a costly judge (`Rerank`, `LLMJudge`) look at `budget` pairs (None: all) of the run.

        They are those whose scores can change what is picked, and some for calibration. The ledger
        gets its scores, p_relevant is revised by them, and negatives are picked again. A text is a
        budget of calls or tokens: "500-calls", "200k-tokens". `choice` says by what the pairs are
        chosen: "unsure", "gain", "active-judging", "robust-active-distillation" or
        "judging-budget-allocation". `threads`, `memory`, `device`, `engine`, `workers` and
        `address` are as for `mine`.
        """
        from negatives.run.judging import judge_run

        judge_run(
            self, judge, budget, choice=choice, memory=memory, device=device, emit=emit, **shared
        )
        return self._reported(emit)

    @watched
    def judging_cost(
        self,
        judge: Judge,
        budget: int | str | None = None,
        *,
        choice: str = "unsure",
        threads: int | None = None,
        memory: str | int = "512MB",
        device: str = "auto",
        emit: Emit = shown,
    ) -> Foreseen:
        """What `judge` with the same judge and budget would cost; nobody is asked anything."""
        from negatives.run.judging import judging_cost

        return judging_cost(
            self,
            judge,
            budget,
            choice=choice,
            threads=threads,
            memory=memory,
            device=device,
            emit=emit,
        )

    @watched
    def review(
        self,
        verdicts: str | Path | pl.DataFrame | None = None,
        *,
        emit: Emit = shown,
        **shared: Unpack[SharedOut],
    ) -> Run:
        """Learn from somebody's verdicts on pairs: a file, or query_id, doc_id and relevant (bool).

        They are kept in reviews.jsonl with those that were given before, on the page of `negatives
        review RUN` say; None: only those. Pairs found relevant are no candidates any more, those
        found not relevant are judged negatives, p_relevant of all pairs follows what verdicts and
        labels together say of the label rate, and negatives are picked again. Where queries have
        one known positive each, forty verdicts make a promise possible.
        `threads`, `engine`, `workers` and `address` are as for `mine`.
        """
        from negatives.measure.review import verdicts_of
        from negatives.run.reviewing import review_run

        new = [] if verdicts is None else verdicts_of(verdicts)
        review_run(self, new, emit=emit, **shared)
        return self._reported(emit)

    @watched
    def report(self, *, emit: Emit = shown) -> Run:
        """Write report.html, report.json and recipe.toml once more."""
        from negatives.show import report

        return report(self, emit)

    def masks(self, above: float = 0.5) -> pl.DataFrame:
        """query_id, text_ids: texts no batch may use as negatives; see `negatives.export.masks`."""
        from negatives.export.masks import masks

        return masks(self, above)

    @watched
    def export(
        self,
        out: str | Path,
        *,
        format: str,
        overwrite: bool = True,
        emit: Emit = shown,
        **choices: Unpack[Choices],
    ) -> int:
        """Write the negatives in a trainer's format; the rows written. See `negatives.export`."""
        from negatives.export import export

        return export(self, out, format=format, overwrite=overwrite, emit=emit, **choices)

    @watched
    def to_polars(
        self, format: str | None = None, *, emit: Emit = shown, **choices: Unpack[Choices]
    ) -> pl.DataFrame:
        """The rows of an export in memory; without a format, the negatives with their texts.

        `choices` are those of `export`, such as `scores=True` or `rows_per_query=7`.

        >>> from negatives import BM25, Top, mine, tiny
        >>> run = mine(tiny.collection(), "frames", sources=[BM25(top=4)], pick=Top(per_query=2))
        >>> run.to_polars("triplet").columns
        ['anchor', 'positive', 'negative']
        """
        from negatives.export.frames import to_polars

        return to_polars(self, format, emit=emit, **choices)

    @watched
    def to_pandas(
        self, format: str | None = None, *, emit: Emit = shown, **choices: Unpack[Choices]
    ) -> Any:
        """The same as a frame of pandas."""
        from negatives.export.frames import to_pandas

        return to_pandas(self, format, emit=emit, **choices)

    @watched
    def to_dataset(
        self, format: str = "triplet", *, emit: Emit = shown, **choices: Unpack[Choices]
    ) -> Any:
        """The rows of a format as a `datasets.Dataset`; `choices` are those of `export`."""
        from negatives.export.frames import to_dataset

        return to_dataset(self, format, emit=emit, **choices)

    @watched
    def push_to_hub(
        self,
        repository: str,
        format: str = "triplet",
        *,
        private: bool = True,
        emit: Emit = shown,
        **choices: Unpack[Choices],
    ) -> str:
        """Push the rows of a format to OWNER/NAME on the hub; its address.

        Who pushes is known from HF_TOKEN or the hub's login: no token is taken, and none is kept.
        """
        from negatives.export.frames import push_to_hub

        return push_to_hub(self, repository, format, private=private, emit=emit, **choices)

    def _reported(self, emit: Emit) -> Run:
        """The run as it is now, its report written if it has none."""
        from negatives.show import reported

        return reported(self.reopened(), emit)


def _with_report(carry_out: Callable[P, store.Run]) -> Callable[P, Run]:
    """`carry_out`, and the report; what comes back is a run as users hold it."""

    @wraps(carry_out)
    def whole(*args: P.args, **options: P.kwargs) -> Run:
        from negatives.show import reported

        valid = signature(carry_out).parameters
        for name in options:
            if name not in valid:
                what = f"{carry_out.__name__} has no parameter {name!r}"
                raise UnknownKeyword(what, fix=nearest(name, valid))
        emit = cast("Emit", options.get("emit", shown))
        run = reported(carry_out(*args, **options), emit)
        made = Run(run.path, collection=run.at_hand)
        made.figures = run.figures
        return made

    return whole


mine = watched(_with_report(_mine))
