"""Sources, judges, estimators and pickers: what they promise, and what they declare, is true."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest

from negatives.find.candidates import COLUMNS
from negatives.generator import written
from negatives.judge.prompted import PromptedJudge
from negatives.kinds import kinds
from negatives.machine import Machine
from negatives.opening import EstimateContext
from negatives.recipe import Recipe
from negatives.run import mine
from negatives.schema import Collection
from negatives.stage import stage_class
from tests.build import context
from tests.contracts.kinds import stages
from tests.make.writing_server import writing
from tests.pick.rows import rows as kept

HEAVY = (
    "reranker",
    "consistency",
    "icr",
    "perplexity",
    "text-perplexity",
    *(kind for kind in kinds("judge") if issubclass(stage_class("judge", kind), PromptedJudge)),
)
"""Judges that need a model, a server, or a file of lists."""


def proposers(data: Collection, folder: Path, threads: int = 1) -> dict[str, Any]:
    """BM25 and dense, opened."""
    from negatives.find.bm25 import BM25
    from negatives.find.dense import Dense

    found = (BM25(top=4), Dense(top=4))
    return {each.label: each.open(context(data, folder / each.label)) for each in found}


@pytest.mark.slow
def test_every_source_proposes_in_order_what_it_declares(tiny: Collection, tmp_path: Path) -> None:
    queries = tiny.mined_queries
    before = {k: p.propose(queries, {}) for k, p in proposers(tiny, tmp_path / "before").items()}
    for source in stages("find", but=("reformulations",)):
        made = []
        for threads in (1, 2):
            scratch = tmp_path / f"{source.kind}-{threads}"
            opened = source.open(context(tiny, scratch, threads=threads, seed=3))
            made.append((opened, opened.propose(queries, before)))
        (opened, found), (_, again) = made
        assert found.equals(again), source.kind
        assert dict(found.schema).items() >= COLUMNS.items()
        assert ("log_q" in found.columns) == (len(found.columns) > len(COLUMNS))
        assert found.sort("query", "rank").equals(found)
        assert not found.select("query", "doc").is_duplicated().any()
        ranks = found.group_by("query").agg(pl.col("rank").min(), n="rank", top=pl.len())
        assert (ranks["rank"] == 1).all()
        some = opened.propose(queries[1:3], _of(before, queries[1:3]))
        assert some.equals(found.filter(pl.col("query").is_in(queries[1:3]))), source.kind
        pairs = np.zeros(2, np.uint32), np.arange(2, dtype=np.uint32)
        assert (opened.score(*pairs) is not None) == source.scores_pairs, source.kind
        assert opened.fingerprint
        assert source.encodes <= ("encoder" in source.__struct_fields__)
        assert source.label in (source.kind, source.name)


def _of(proposed: dict[str, pl.DataFrame], queries: Any) -> dict[str, pl.DataFrame]:
    return {name: each.filter(pl.col("query").is_in(queries)) for name, each in proposed.items()}


def test_a_source_that_reads_no_judgements_proposes_the_same_without_one(
    tiny: Collection, tmp_path: Path
) -> None:
    other = replace(tiny, qrels=tiny.qrels.with_columns(relevance=pl.lit(1, pl.Int32)))
    for source in stages("find", but=("fused", "reformulations")):
        whole = msgspec.structs.replace(source, **({"top": 8} if hasattr(source, "top") else {}))
        found = [
            whole.open(context(data, tmp_path / f"{source.kind}-{n}")).propose(
                tiny.mined_queries, {}
            )
            for n, data in enumerate((tiny, other))
        ]
        same = found[0].sort("query", "doc")["doc"].equals(found[1].sort("query", "doc")["doc"])
        assert same or source.reads_judgements, source.kind


def test_every_generator_writes_the_same_of_a_row_whatever_is_beside_it(
    tiny: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEGATIVES_CACHE", str(tmp_path / "cache"))
    titles = pl.Series([f"Part {n} of it" for n in range(len(tiny.corpus))])
    beside = pl.Series(
        [f", a tower and a {thing}." for thing in ("wing", "tail", "rudder", "flap")]
    )
    tiny = replace(
        tiny,
        corpus=tiny.corpus.with_columns(
            text=pl.col("text") + ". " + "It is so. " * 4, title=titles
        ),
        queries=tiny.queries.with_columns(text=pl.col("text") + beside),
    )
    with writing() as server:
        for generator in stages(
            "make",
            but=("adversarial-decoding", "contrastive", "failure-inducing", "iterative-deepening"),
        ):
            at: dict[str, Any] = {"model": server.spec} if generator.calls_each else {}
            if hasattr(generator, "writers"):
                at = {"writers": [server.spec, f"{server.spec}?concurrency=2"]}
            known = {"shortest": 1} if hasattr(generator, "shortest") else {}
            whole = msgspec.structs.replace(generator, **at, **known)
            whole.ready(context(tiny, tmp_path))
            side = tiny.corpus if generator.generates == "queries" else tiny.queries
            rows = np.arange(len(side), dtype=np.uint32)
            every = written(whole, context(tiny, tmp_path, seed=3), rows)
            assert len(every), generator.kind
            some = written(whole, context(tiny, tmp_path, seed=3, threads=2), rows[1:3])
            mine = every.filter(every.to_series(0).is_in([1, 2]))
            assert some.equals(mine), generator.kind
            assert generator.label in (generator.kind, generator.name)
            cost = whole.foresee(context(tiny, tmp_path), rows)
            assert cost.asked <= len(rows) * generator.calls_each
            assert bool(cost.asked) == bool(generator.calls_each), generator.kind


def test_every_judge_adds_columns_to_the_rows_it_is_given(tiny: Collection, tmp_path: Path) -> None:
    found = proposers(tiny, tmp_path)
    rows = _candidates(tiny, found)
    for judge in stages("judge", but=HEAVY):
        opinions = []
        for threads in (1, 2):
            scratch = tmp_path / f"{judge.kind}-{threads}"
            made = EstimateContext(
                tiny, scratch, Machine(threads), reference="dense", sources=found
            )
            scratch.mkdir()
            opinions.append(judge.open(made).judge(rows))
        said, again = opinions
        assert said.equals(again), judge.kind
        assert len(said) == len(rows)
        assert {*said.columns} & {*rows.columns} <= {"verdict", "reason"}
        assert {*judge.evidence} <= {*said.columns}, judge.kind
        assert ("verdict" in said.columns) <= ("reason" in said.columns)
        if judge.copies is not None:
            assert said.select(judge.copies).dtypes == [pl.Boolean]
        part = rows.filter(pl.col("query") == 1)
        alone = judge.open(made).judge(part)
        assert alone.equals(said.filter(rows["query"] == 1)), judge.kind


def _candidates(data: Collection, found: dict[str, Any]) -> pl.DataFrame:
    """Candidates of every query with their ranks and scores, as the runner joins them."""
    from negatives.run.shards import find_shard

    rows = find_shard(data, found, data.mined_queries)[0]
    none = pl.lit(None, pl.String)
    rows = rows.join(data.judged, on=["query", "doc"], how="left", maintain_order="left")
    return rows.with_columns(verdict=none, reason=none)


@pytest.mark.slow
def test_every_estimator_gives_probabilities_the_same_by_one_thread_and_two(
    tiny: Collection, tmp_path: Path
) -> None:
    from negatives.find.bm25 import BM25
    from negatives.find.dense import Dense
    from negatives.pick.top import Top
    from tests.contracts.theirs import TooLong

    for estimator in stages("estimate"):
        recipe = Recipe(
            find=(BM25(top=6), Dense(top=6)),
            judge=(TooLong(),),
            estimate=estimator,
            pick=Top(per_query=2),
        )
        ledgers = [
            pl.read_parquet(
                mine(tiny, tmp_path / f"{estimator.kind}-{n}", recipe=recipe, threads=n).parts[0]
            )
            for n in (1, 2)
        ]
        assert ledgers[0].equals(ledgers[1]), estimator.kind
        p = ledgers[0]["p_relevant"]
        assert p.dtype == pl.Float32
        assert p.drop_nulls().is_between(0, 1).all(), estimator.kind


def test_every_picker_chooses_among_its_rows_and_no_more_than_asked() -> None:
    rows = kept(
        *[
            (f"q{query}", f"d{doc}", 0.5 - 0.1 * doc, doc + 1, doc + 2, 9.0 - doc)
            for query in range(3)
            for doc in range(6)
        ]
    ).with_columns(
        p_relevant=pl.lit(0.1, pl.Float32),
        sources=pl.lit(["bm25", "dense"]),
        verdict=pl.lit("eligible"),
        relevance=pl.lit(None, pl.Int32),
    )
    for picker in stages("pick"):
        picker = msgspec.structs.replace(picker, per_query=3)
        chosen = picker.pick(rows, 7)
        assert chosen.columns == rows.columns, picker.kind
        assert chosen.equals(picker.pick(rows, 7))
        assert (chosen.group_by("query_id").len()["len"] <= 3).all()
        assert len(chosen.join(rows, on=["query_id", "doc_id"], how="semi")) == len(chosen)
        assert not chosen.select("query_id", "doc_id").is_duplicated().any()
        one = picker.pick(rows.filter(pl.col("query_id") == "q1"), 7)
        assert one.equals(chosen.filter(pl.col("query_id") == "q1")), picker.kind
