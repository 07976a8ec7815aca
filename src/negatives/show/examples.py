"""Pairs of a run to be read by a person: query by query, each with texts and all evidence.

The ledger is scanned for a few rows and never held. How they look is for `pair_text` (a terminal)
and `card` (a notebook).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import polars as pl

from negatives.errors import InputError
from negatives.measure.estimate import rounded
from negatives.schema import ELIGIBLE, GIVEN, KEPT, LEDGER_HEAD, LEDGER_TAIL, PAIR, POSITIVE
from negatives.show.find_named import find_named
from negatives.show.pair_text import Examples
from negatives.show.texts import ABSENT, LONGEST, ReportTexts
from negatives.store.run import NEGATIVES_FILE, Run

Order = Literal["worst", "random"]

COUNT: Final = 10
"""Pairs that are shown where nobody says how many."""
POSITIVES: Final = 2
"""Positives of a query that are shown beside its negatives."""
MOST: Final = 100
"""Pairs of one query, or of one document, at most."""


def examples(
    run: Run,
    count: int | None = None,
    *,
    order: Order = "worst",
    query: str = "",
    doc: str = "",
    seed: int = 0,
    longest: int = LONGEST,
) -> Examples:
    """A few pairs of a run: of all negatives, of one query, of one document, or a single pair.

    `order`: "worst", the likeliest to be false (the hardest, where p_relevant is not known), or
    "random". `query` and `doc` are ids, or texts, or enough of a text; with both, what became of
    that pair, picked or not. `longest`: characters of a text, at most; 0: all.

    Raises `InputError`, which names the nearest, where there is no such query or document.
    """
    if order not in ("worst", "random"):
        raise InputError(f"there is no order {order!r}", fix="worst, or random")
    if count is not None and count < 1:
        raise InputError(f"{count} pairs", fix="ask for one at least")
    texts = ReportTexts.of(run)
    collection = texts.collection
    if query:
        queries = None if collection is None else collection.queries
        query = find_named("query", query, queries, _known_ids(run, "query_id", query))
    if doc:
        docs = None if collection is None else collection.corpus
        doc = find_named("document", doc, docs, _known_ids(run, "doc_id", doc))
    if query and doc:
        return _of_pair(run, query, doc, texts, longest)
    if query:
        return _of_query(run, query, count or MOST, texts, longest)
    if doc:
        return _of_doc(run, doc, count or MOST, texts, longest)
    pairs = _random(run, count or COUNT, seed) if order == "random" else _worst(run, count or COUNT)
    total = run.manifest.counts.negatives
    how = f"{len(pairs):,} of {total:,} negatives, drawn at random"
    if order == "worst":
        known, hard = (pairs[name].null_count() < len(pairs) for name in ("p_relevant", "hardness"))
        many = len(pairs) != 1
        how = f"the {f'{len(pairs):,}' if many else 'one'} of {total:,} negatives that "
        how += "are " if many else "is "
        how += "likeliest to be false" if known else "hardest"
        if not known and not hard:
            how = f"{len(pairs):,} of {total:,} negatives, of which nobody knows how hard they are"
    return _shown(run, how if total else "there are no negatives", pairs, texts, longest)


def _of_query(run: Run, query: str, count: int, texts: ReportTexts, longest: int) -> Examples:
    """The negatives of a query in their order, and what became of its other candidates."""
    own = run.candidates().filter(pl.col("query_id") == query)
    picked = _picked(run).filter(pl.col("query_id") == query).sort("position").head(count)
    table = own.group_by("verdict", "rule").agg(pl.len()).collect(engine="streaming")
    counted = {(verdict, rule): rows for verdict, rule, rows in table.iter_rows()}
    pairs = picked.select(PAIR).collect()
    in_all = _picked(run).filter(pl.col("query_id") == query).select(pl.len()).collect().item()
    found = _shown(run, f"{in_all:,} negatives of one query", pairs, texts, longest, [query])
    return Examples(found.run, found.title, found.queries, found.why, _fates(counted, in_all))


def _of_doc(run: Run, doc: str, count: int, texts: ReportTexts, longest: int) -> Examples:
    """The pairs in which a document is a negative, the likeliest false first."""
    order = ["p_relevant", "hardness", "query_id"]
    picked = _picked(run).filter(pl.col("doc_id") == doc)
    picked = picked.sort(order, descending=[True, True, False], nulls_last=True)
    pairs = picked.select(PAIR).collect(engine="streaming")
    own = run.candidates().filter(pl.col("doc_id") == doc)
    table = own.group_by("verdict", "rule").agg(pl.len()).collect(engine="streaming")
    counted = {(verdict, rule): rows for verdict, rule, rows in table.iter_rows()}
    number = f"{len(pairs):,} {'query has' if len(pairs) == 1 else 'queries have'}"
    title = f"{number} this document as a negative"
    found = _shown(run, title, pairs.head(count), texts, longest)
    return Examples(found.run, found.title, found.queries, found.why, _fates(counted, len(pairs)))


def _of_pair(run: Run, query: str, doc: str, texts: ReportTexts, longest: int) -> Examples:
    """One pair, whatever became of it."""
    pairs = pl.DataFrame({"query_id": [query], "doc_id": [doc]}, schema=GIVEN)
    found = _shown(run, "one pair", pairs, texts, longest, [query])
    if len(found):
        return found
    note = "no source has proposed this pair, and it is not judged"
    return Examples(found.run, found.title, found.queries, found.why, (note,))


def _fates(counted: Mapping[tuple[str, str], int], picked: int) -> tuple[str, ...]:
    """What became of the pairs of a query, or of a document."""
    left = sum(rows for (verdict, _), rows in counted.items() if verdict in KEPT) - picked
    told = [f"{picked:,} picked", f"{left:,} left"]
    for (verdict, rule), rows in sorted(counted.items()):
        if verdict not in KEPT:
            told.append(f"{rows:,} {verdict}{f' by {rule}' if rule else ''}")
    return ("of its candidates: " + ", ".join(told),)


def _picked(run: Run) -> pl.LazyFrame:
    return pl.scan_parquet(run.negatives_file, glob=False)


def _worst(run: Run, count: int) -> pl.DataFrame:
    """The likeliest false; nobody who looked at them has found them not relevant."""
    order = [pl.col("p_relevant"), pl.col("sources").list.len(), pl.col("hardness"), *PAIR]
    down = [True, True, True, False, False]
    ordered = _picked(run).sort(order, descending=down, nulls_last=True)
    total, asked = run.manifest.files[NEGATIVES_FILE].rows, 2 * count
    while True:
        pairs = ordered.head(asked).collect()
        verdicts = _ledger_rows(run, pairs).select(*PAIR, "verdict")
        kept = pairs.join(verdicts, on=PAIR, how="left", maintain_order="left")
        kept = kept.filter(pl.col("verdict") == ELIGIBLE).head(count)
        if len(kept) == count or asked >= total:
            return kept
        asked *= 4


def _random(run: Run, count: int, seed: int) -> pl.DataFrame:
    total = run.manifest.files[NEGATIVES_FILE].rows
    drawn = np.random.default_rng(seed).choice(total, min(count, total), replace=False)
    rows = pl.Series(np.sort(drawn).astype(np.uint32))
    return _picked(run).with_row_index("row").filter(pl.col("row").is_in(rows.implode())).collect()


def _ledger_rows(run: Run, pairs: pl.DataFrame) -> pl.DataFrame:
    """The rows of the ledger of a few pairs, in no order."""
    queries, docs = (pairs[name].unique().implode() for name in PAIR)
    near = pl.col("query_id").is_in(queries) & pl.col("doc_id").is_in(docs)
    found = run.candidates().filter(near).collect(engine="streaming")
    return found.join(pairs.select(PAIR), on=PAIR, how="semi")


def _shown(
    run: Run,
    title: str,
    pairs: pl.DataFrame,
    texts: ReportTexts,
    longest: int,
    also: Sequence[str] = (),
) -> Examples:
    """Pairs with everything about them; `also`: queries to be shown even without a pair."""
    ids = list(dict.fromkeys([*also, *pairs["query_id"]]))
    rows = _ledger_rows(run, pairs)
    place = _picked(run).select(*PAIR, "position")
    place = place.join(pairs.select(PAIR).lazy(), on=PAIR, how="semi")
    joined = pairs.select(PAIR).join(rows, on=PAIR, how="inner", maintain_order="left")
    joined = joined.join(place.collect(engine="streaming"), on=PAIR, how="left")
    wanted = pl.col("query_id").is_in(ids) & (pl.col("verdict") == POSITIVE)
    positives = run.candidates().filter(wanted).collect(engine="streaming")
    positives = positives.sort("query_id", "hardness", "doc_id", descending=[False, True, False])
    told = _Telling.of(run, rows.columns)
    queries = []
    for name in ids:
        own = positives.filter(pl.col("query_id") == name)
        shown = own.head(POSITIVES) if len(joined) or len(own) <= MOST else own.head(MOST)
        mine = joined.filter(pl.col("query_id") == name)
        queries.append(
            {
                "query_id": name,
                "positives": [told.side(row) for row in shown.iter_rows(named=True)],
                "positives_in_all": len(own),
                "pairs": [told.pair(row) for row in mine.iter_rows(named=True)],
            }
        )
    _add_texts(queries, texts, longest)
    return Examples(str(run.path), title, queries, texts.why)


@dataclass(frozen=True, slots=True)
class _Telling:
    """What of a row of the ledger is told: by which sources, and in which columns of judges."""

    sources: tuple[str, ...]
    evidence: tuple[str, ...]
    more: tuple[str, ...]

    @staticmethod
    def of(run: Run, columns: Iterable[str]) -> _Telling:
        there = list(columns)
        sources = tuple(s.label for s in run.recipe.find if f"{s.label}_rank" in there)
        known = {*LEDGER_HEAD, *LEDGER_TAIL}
        known |= {f"{name}_{what}" for name in sources for what in ("rank", "score")}
        judged = {name for judge in run.recipe.judge for name in judge.evidence}
        others = [name for name in there if name not in known]
        return _Telling(
            sources,
            tuple(name for name in others if name in judged),
            tuple(name for name in others if name not in judged),
        )

    def side(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A document, and what is known of it for its query."""
        return {
            "doc_id": row["doc_id"],
            "relevance": row["relevance"],
            "hardness": rounded(row["hardness"]),
            "sources": [
                {
                    "source": name,
                    "rank": row[f"{name}_rank"],
                    "score": rounded(row.get(f"{name}_score")),
                }
                for name in self.sources
                if row[f"{name}_rank"] is not None or row.get(f"{name}_score") is not None
            ],
            "evidence": _plain(row, self.evidence),
            "more": _plain(row, self.more),
        }

    def pair(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The same of a pair that may be a negative, and what became of it."""
        verdict, position = row["verdict"], row["position"]
        fate = "negative" if position is not None else "left" if verdict in KEPT else verdict
        return {
            **self.side(row),
            "fate": fate,
            "position": position,
            "p_relevant": rounded(row["p_relevant"]),
            "verdict": verdict,
            "rule": row["rule"],
            "reason": row["reason"],
        }


def _plain(row: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Columns that have a value, as plain values."""
    found = {name: row[name] for name in names if row[name] is not None}
    return {
        name: rounded(value) if isinstance(value, float) else value for name, value in found.items()
    }


def _add_texts(queries: list[dict[str, Any]], texts: ReportTexts, longest: int) -> None:
    sides = [side for query in queries for side in (*query["positives"], *query["pairs"])]
    docs = texts.docs((side["doc_id"] for side in sides), longest)
    own = texts.queries(query["query_id"] for query in queries)
    for side in sides:
        side.update(docs.get(side["doc_id"], ABSENT))
    for query in queries:
        query.update(own.get(query["query_id"], ABSENT))


def _known_ids(run: Run, column: str, name: str) -> bool:
    """Whether the ledger has a query, or a document, of this id."""
    found = run.candidates().filter(pl.col(column) == name).select(column).head(1)
    return len(found.collect(engine="streaming")) > 0
