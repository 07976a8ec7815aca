"""Two runs side by side: settings that differ, their figures, and the negatives of only one.

Plain values; how they are printed, or drawn, is for others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import msgspec
import polars as pl

from negatives.measure.estimate import rounded, share
from negatives.measure.flips import Flips
from negatives.recipe import WORDS
from negatives.run.inputs import GENERATED_ID
from negatives.schema import KEPT, PAIR
from negatives.show.summary import Summary
from negatives.show.texts import ABSENT, ReportTexts
from negatives.show.writing import figures_of
from negatives.stage import Stage
from negatives.store.run import Run
from negatives.store.work_folder import differences

EXAMPLES: Final = 3
"""Pairs of only one run that are shown, at most."""
NOT_PROPOSED: Final = "not proposed"
LEFT: Final = "not picked"
_TABLES: Final = (
    "split", "corpus", "queries", "qrels", "given", "identity", "corpus_fields", "query_fields",
)  # fmt: skip
_SAME_SCORES: Final = frozenset({"name", "top", "optional"})
"""Settings of a source that change no score."""
_UNSAID: Final = frozenset(WORDS)
"""Keys of a recipe that say nothing of what it does."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What two runs differ in; JSON-able by `as_dict`.

    `data`: tables of the collection that are not the same. `settings`: setting, first, second; None
    where a run has no such setting. `figures`: name, first, second; hardness can be compared only
    where `comparable` (one collection and one reference scorer). `negatives`: both, only_first,
    only_second, and jaccard, the pairs of both among those of either. `flips`: of the pairs that
    both runs have judged, and of the documents that a model wrote for both (`written`), how many
    were kept in one run only, with McNemar's p-value. `fates`: what became, in the
    other run, of the negatives of only one: `only_first` and `only_second`, each fate -> pairs.
    `examples`: pairs of only one, likeliest false first, one a query, with their texts.

    >>> from negatives import BM25, Top, mine, tiny
    >>> from negatives.show import difference
    >>> runs = [
    ...     mine(tiny.collection(), f"top-{n}", sources=[BM25(top=4)], pick=Top(per_query=n))
    ...     for n in (1, 2)
    ... ]
    >>> found = difference(*runs)
    >>> found.settings
    [{'setting': 'pick.per_query', 'first': 1, 'second': 2}]
    >>> found.negatives["only_second"]
    3
    """

    first: str
    second: str
    data: list[str]
    settings: list[dict[str, Any]]
    comparable: bool
    figures: list[dict[str, Any]]
    negatives: dict[str, Any]
    flips: dict[str, dict[str, Any]]
    fates: dict[str, dict[str, int]]
    examples: dict[str, list[dict[str, Any]]]

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def difference(first: Run, second: Run, examples: int = EXAMPLES) -> Difference:
    """What `second` has other than `first`: asked, found and chosen."""
    runs = (first, second)
    summaries = [figures_of(run) for run in runs]
    one, two = (pl.read_parquet(run.negatives_file, glob=False) for run in runs)
    alone = {
        "only_first": _with_fate(one.join(two, on=PAIR, how="anti"), second),
        "only_second": _with_fate(two.join(one, on=PAIR, how="anti"), first),
    }
    both = len(one) - len(alone["only_first"])
    counts = {"both": both, **{name: len(pairs) for name, pairs in alone.items()}}
    data = _other_tables(first, second)
    scorers = [_scorer(run) for run in runs]
    return Difference(
        first=str(first.path),
        second=str(second.path),
        data=data,
        settings=_other_settings(first, second),
        comparable=not data and scorers[0] == scorers[1] is not None,
        figures=_side_by_side(*summaries),
        negatives={**counts, "jaccard": share(both, sum(counts.values()))},
        flips=_flips(first, second),
        fates={name: _counted(pairs) for name, pairs in alone.items()},
        examples={
            name: _examples(pairs, run, examples)
            for (name, pairs), run in zip(alone.items(), runs, strict=True)
        },
    )


def _flips(first: Run, second: Run) -> dict[str, dict[str, Any]]:
    """How many pairs of both ledgers are kept in one run and not in the other."""
    kept = [
        run.candidates().select(*PAIR, pl.col("verdict").is_in(KEPT).alias(name))
        for run, name in ((first, "first"), (second, "second"))
    ]
    made = pl.col("doc_id").str.starts_with(GENERATED_ID).alias("made")
    table = (
        kept[0]
        .join(kept[1], on=PAIR)
        .group_by(made, "first", "second")
        .agg(pl.len())
        .collect(engine="streaming")
    )
    found = {}
    for name, rows in (("pairs", table), ("written", table.filter("made"))):
        gained = int(rows.filter(~pl.col("first"), pl.col("second"))["len"].sum())
        lost = int(rows.filter(pl.col("first"), ~pl.col("second"))["len"].sum())
        flips = Flips(int(rows["len"].sum()), gained, lost)
        if flips.items:
            found[name] = {**asdict(flips), "share": rounded(flips.share), "p": flips.p}
    return found


def _other_tables(first: Run, second: Run) -> list[str]:
    """Tables of the collection that are not the same."""
    one, two = (msgspec.structs.asdict(run.manifest.inputs) for run in (first, second))
    return [name for name in differences(one, two) if name in _TABLES]


def _scorer(run: Run) -> tuple[Any, ...] | None:
    """What hardness is measured in: the reference scorer, with all that changes its scores."""
    facts = run.manifest.facts
    scorers: list[tuple[Stage, bool]] = [
        *((source, source.label == facts.reference) for source in run.recipe.find),
        *((judge, f"{facts.reference}_score" in judge.scores) for judge in run.recipe.judge),
    ]
    for stage, scores in scorers:
        if scores:
            settings = {k: v for k, v in stage.settings().items() if k not in _SAME_SCORES}
            return settings, facts.fingerprints.get(facts.reference)
    return None


def _other_settings(first: Run, second: Run) -> list[dict[str, Any]]:
    """Settings whose values differ, by their paths in a recipe, such as `find.bm25.top`.

    A stage that only one run has, or that is of another kind, is one entry, with all that it says.
    """
    one, two = (dict(_stages(run.recipe.settings())) for run in (first, second))
    found = []
    for path in dict.fromkeys([*one, *two]):
        here, there = one.get(path), two.get(path)
        same_kind = here and there and here.get("kind") == there.get("kind")
        if not here or not there or not same_kind:
            entries = [(path, _said(here), _said(there))]
        else:
            names = dict.fromkeys([*here, *there])
            entries = [(f"{path}.{name}", here.get(name), there.get(name)) for name in names]
        found += [entry for entry in entries if entry[1] != entry[2]]
    return [{"setting": path.lstrip("."), "first": a, "second": b} for path, a, b in found]


def _stages(settings: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Path -> settings: of the recipe itself (empty path), and of each stage by its label."""
    stages = {key: value for key, value in settings.items() if isinstance(value, list | dict)}
    own = {key: value for key, value in settings.items() if key not in stages}
    yield "", {"kind": "", **{key: value for key, value in own.items() if key not in _UNSAID}}
    for section, found in stages.items():
        if isinstance(found, dict):
            yield section, found
        else:
            names = [stage.get("name") or stage["kind"] for stage in found]
            for place, (name, stage) in enumerate(zip(names, found, strict=True)):
                again = f".{place}" if name in names[:place] else ""
                yield f"{section}.{name}{again}", stage


def _said(stage: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The settings of a stage that say something: no empty ones."""
    if stage is None:
        return None
    return {key: value for key, value in stage.items() if value not in ("", [])}


def _side_by_side(one: Summary, two: Summary) -> list[dict[str, Any]]:
    """The figures that are read together, of both runs."""
    first, second = _figures(one["sections"]), _figures(two["sections"])
    return [{"name": name, "first": first[name], "second": second[name]} for name in first]


def _figures(sections: Mapping[str, Any]) -> dict[str, Any]:
    estimates = sections["certificate"]["estimates"]
    candidates = {row["fate"]: row["rows"] for row in sections["verdicts"]["fates"]}
    return {
        "queries": sections["delivered"]["queries"],
        "negatives": sections["delivered"]["delivered"],
        "coverage": sections["delivered"]["coverage"],
        "false share (model)": estimates["model"]["value"],
        "false share at most (known positives)": estimates["known positives"]["high"],
        "false share at most (review)": estimates["review"]["high"],
        "hardness, median": sections["hardness"]["median"],
        "above the lowest positive": sections["hardness"]["above_lowest"],
        "candidates": sections["verdicts"]["rows"],
        "rejected": candidates.get("rejected", 0),
    }


def _with_fate(pairs: pl.DataFrame, other: Run) -> pl.DataFrame:
    """`pairs` with their `fate` and `reason` in a run that did not pick them."""
    fate = (
        pl.when(pl.col("verdict").is_in(KEPT))
        .then(pl.lit(LEFT))
        .when(pl.col("rule") == "")
        .then("verdict")
        .otherwise(pl.col("verdict") + pl.lit(": ") + pl.col("rule"))
    )
    known = other.candidates().select(*PAIR, "reason", fate=fate)
    wanted = pairs.select(PAIR).lazy()
    found = known.join(wanted, on=PAIR, how="semi").collect(engine="streaming")
    joined = pairs.join(found, on=PAIR, how="left", maintain_order="left")
    return joined.with_columns(pl.col("fate").fill_null(NOT_PROPOSED))


def _counted(pairs: pl.DataFrame) -> dict[str, int]:
    """Fate -> pairs, the most frequent first."""
    table = pairs.group_by("fate").agg(pl.len()).sort("len", "fate", descending=[True, False])
    return dict(table.iter_rows())


def _examples(pairs: pl.DataFrame, run: Run, count: int) -> list[dict[str, Any]]:
    """The likeliest false first, then the hardest; one a query; with the texts of `run`."""
    order = ["p_relevant", "hardness", *PAIR]
    shown = pairs.sort(order, descending=[True, True, False, False], nulls_last=True)
    shown = shown.unique("query_id", keep="first", maintain_order=True).head(count)
    if shown.is_empty():
        return []
    texts = ReportTexts.of(run)
    queries, docs = texts.queries(shown["query_id"]), texts.docs(shown["doc_id"])
    return [
        {
            "query_id": row["query_id"],
            "doc_id": row["doc_id"],
            "p_relevant": rounded(row["p_relevant"]),
            "hardness": rounded(row["hardness"]),
            "sources": row["sources"],
            "fate": row["fate"],
            "reason": row["reason"] or "",
            "query": queries.get(row["query_id"], ABSENT)["text"],
            "text": docs.get(row["doc_id"], ABSENT)["text"],
        }
        for row in shown.iter_rows(named=True)
    ]
