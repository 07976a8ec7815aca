"""Relabelling: sure candidates become positives, and nothing is lost or counted twice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import negatives as neg
from negatives.chance import pair_uniforms
from negatives.errors import InputError, RecipeError, RunError
from negatives.estimate.evidence import Evidence
from negatives.run.relabel import PrecisionRule, Relabelling, lowest, relabelled
from negatives.schema import (
    DUPLICATE,
    ELIGIBLE,
    JUDGED_NEGATIVE,
    LEDGER_HEAD,
    LEDGER_TAIL,
    POSITIVE,
    REJECTED,
    Collection,
)
from negatives.store.facts import Facts
from negatives.store.manifest import Manifest
from tests.build import collection

PAIR = ["query_id", "doc_id"]

TEXTS = {
    "d0": "wings in a stream",
    "d1": "wings of birds",
    "d2": "Wings of BIRDS!",
    "d3": "plates under load",
    "d4": "shells",
    "d5": "shells.",
    "d6": "what is known of wings",
    "d7": "flutter",
}

Given = Mapping[tuple[str, str], tuple[str, float | None, str]]


def ledger(rows: Given) -> pl.DataFrame:
    """A ledger part from (query, doc) -> verdict, p_relevant, reason; ranks count up."""
    grades = {POSITIVE: 1, JUDGED_NEGATIVE: 0}
    made = [
        {
            "query_id": query,
            "doc_id": doc,
            "sources": ["bm25"],
            "relevance": grades.get(verdict),
            "bm25_rank": place + 1,
            "bm25_score": float(-place),
            "p_relevant": p,
            "verdict": verdict,
            "rule": reason.split(":")[0] or ("" if verdict == ELIGIBLE else "known"),
            "reason": reason,
            "hardness": 0.5,
        }
        for place, ((query, doc), (verdict, p, reason)) in enumerate(sorted(rows.items()))
    ]
    own = {"bm25_rank": pl.Int32, "bm25_score": pl.Float32}
    return pl.DataFrame(made, schema={**LEDGER_HEAD, **own, **LEDGER_TAIL})


def texts() -> Collection:
    return collection(TEXTS, {"q0": "what is known of wings", "q1": "loads"}, [("q0", "d0", 1)])


def relabel(
    folder: Path, rows: Given, precision: float = 0.9, **rule: float
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What is relabelled of a ledger of one part, and the part that is left."""
    path = folder / "ledger.parquet"
    ledger(rows).write_parquet(path)
    work = relabelling(PrecisionRule(precision, **rule), texts(), folder)  # type: ignore[arg-type]
    threshold, _ = lowest([work.how_sure((0, path))], precision)
    pairs, copies, _ = work.relabel(threshold, folder, (0, path))
    frame, left = (pl.read_parquet(folder / f"{name}-00000.parquet") for name in ("new", "part"))
    assert (pairs, copies) == (len(docs(frame)), len(docs(frame, "copy")))
    return frame, left


def relabelling(rule: PrecisionRule, data: Collection, folder: Path) -> Relabelling:
    """Of a run of that collection, measured by BM25."""
    manifest = Manifest(facts=Facts(reference="bm25"))
    recipe = neg.load_recipe("bm25")
    return Relabelling.of(manifest, rule, recipe, data, folder)


def docs(frame: pl.DataFrame, kind: str = "estimate") -> list[tuple[str, str]]:
    return frame.filter(pl.col("kind") == kind).select(PAIR).rows()


def test_as_many_are_relabelled_as_the_mean_allows(tmp_path: Path) -> None:
    rows: Given = {
        ("q0", "d1"): (ELIGIBLE, 1.0, ""),
        ("q0", "d3"): (ELIGIBLE, 0.75, ""),
        ("q1", "d1"): (ELIGIBLE, 0.75, ""),
        ("q1", "d4"): (ELIGIBLE, 0.5, ""),
    }
    assert docs(relabel(tmp_path, rows, 0.9)[0]) == [("q0", "d1")]
    assert len(docs(relabel(tmp_path, rows, 0.8)[0])) == 3  # ties go together
    assert len(docs(relabel(tmp_path, rows, 0.75)[0])) == 4


def test_none_is_relabelled_that_is_more_probably_not_relevant(tmp_path: Path) -> None:
    rows: Given = {
        ("q0", "d1"): (ELIGIBLE, 1.0, ""),
        ("q0", "d3"): (ELIGIBLE, 0.25, ""),
    }
    assert docs(relabel(tmp_path, rows, 0.5)[0]) == [("q0", "d1")]
    assert len(docs(relabel(tmp_path, rows, 0.5, above=0.25)[0])) == 2


def test_a_score_rule_says_nothing_against_it_and_is_told(tmp_path: Path) -> None:
    frame, _ = relabel(tmp_path, {("q0", "d1"): (REJECTED, 0.96875, "margin: 0.1 below")})
    assert frame["reason"].to_list() == ["p_relevant 0.969; margin: 0.1 below"]
    assert frame.select("relevance", "score", "hardness", "bm25_rank").rows() == [(1, 0.0, 0.5, 1)]


def test_the_query_itself_is_no_positive(tmp_path: Path) -> None:
    rows: Given = {("q0", "d6"): (REJECTED, 1.0, "query-as-document: the text is the query itself")}
    assert relabel(tmp_path, rows)[0].is_empty()


def test_what_was_judged_not_relevant_stays_so_whatever_its_copy_is(tmp_path: Path) -> None:
    rows: Given = {
        ("q0", "d4"): (JUDGED_NEGATIVE, None, "judged not relevant (grade 0)"),
        ("q0", "d5"): (ELIGIBLE, 1.0, ""),
        ("q1", "d5"): (ELIGIBLE, 1.0, ""),
    }
    frame, left = relabel(tmp_path, rows)
    assert docs(frame) == [("q1", "d5")]
    assert left.filter(pl.col("verdict") == ELIGIBLE).select(PAIR).rows() == [("q0", "d5")]


def test_a_copy_of_a_new_positive_is_no_negative_either(tmp_path: Path) -> None:
    rows: Given = {
        ("q1", "d1"): (ELIGIBLE, 0.98, ""),
        ("q1", "d2"): (ELIGIBLE, 0.3, ""),
        ("q1", "d3"): (ELIGIBLE, 0.3, ""),
    }
    frame, left = relabel(tmp_path, rows)
    assert docs(frame) == [("q1", "d1")]
    assert docs(frame, "copy") == [("q1", "d2")]
    assert left.filter(pl.col("verdict") == ELIGIBLE)["doc_id"].to_list() == ["d3"]
    assert left["reason"].to_list() == [
        "relabelled: p_relevant 0.98",
        "relabelled: same-normalised-text: as positive d1",
        "",
    ]


def test_copies_of_known_positives_are_listed_apart_and_sure(tmp_path: Path) -> None:
    rows: Given = {
        ("q0", "d0"): (POSITIVE, 0.9, "judged relevant (grade 1)"),
        ("q0", "d1"): (DUPLICATE, 0.2, "same-text: as positive d0"),
        ("q0", "d3"): (DUPLICATE, 0.99, "near-duplicate: 0.9 of positive d0"),
    }
    frame, left = relabel(tmp_path, rows)
    assert frame.select("doc_id", "kind", "p_relevant").rows() == [("d1", "copy", 1.0)]
    assert left.equals(ledger(rows))


def test_a_query_can_be_given_a_limit(tmp_path: Path) -> None:
    rows: Given = {
        ("q0", "d1"): (ELIGIBLE, 0.95, ""),
        ("q0", "d3"): (ELIGIBLE, 0.99, ""),
        ("q1", "d4"): (ELIGIBLE, 0.95, ""),
    }
    assert docs(relabel(tmp_path, rows, most_per_query=1)[0]) == [("q0", "d3"), ("q1", "d4")]


def test_no_judge_no_flag_no_change(tmp_path: Path) -> None:
    rows: Given = {("q0", "d1"): (ELIGIBLE, 0.1, ""), ("q0", "d3"): (REJECTED, None, "margin: no")}
    frame, left = relabel(tmp_path, rows)
    assert frame.is_empty()
    assert left.equals(ledger(rows))


@pytest.mark.parametrize("rule", [{"precision": 1.5}, {"precision": 0.9, "above": -0.1}])
def test_what_is_no_probability_is_refused(rule: dict[str, float]) -> None:
    with pytest.raises(InputError, match="a probability"):
        PrecisionRule(**rule)  # type: ignore[arg-type]


@pytest.mark.slow
@settings(max_examples=40)
@given(
    st.lists(st.integers(0, 64), min_size=1, max_size=40),
    st.sampled_from([0.0, 0.5, 0.7, 0.9, 1.0]),
)
def test_the_threshold_is_that_of_sorting_all(steps: list[int], precision: float) -> None:
    p = sorted((step / 64 for step in steps if step >= 32), reverse=True)
    best = 0
    for count in range(1, len(p) + 1):
        at_the_end_of_a_tie = count == len(p) or p[count] != p[count - 1]
        if at_the_end_of_a_tie and np.mean(p[:count]) >= precision:
            best = count
    data = collection(
        {f"d{i:02}": f"text {i}" for i in range(len(steps))}, {"q0": "x"}, [("q0", "d00", 1)]
    )
    part = ledger({("q0", f"d{i:02}"): (ELIGIBLE, step / 64, "") for i, step in enumerate(steps)})
    with TemporaryDirectory() as scratch:
        part.write_parquet(path := Path(scratch) / "part.parquet")
        work = relabelling(PrecisionRule(precision), data, Path(scratch))
        threshold, known = lowest([work.how_sure((0, path))], precision)
    assert known
    chosen = 0 if threshold is None else (part["p_relevant"] >= threshold).sum()
    assert chosen == best


@pytest.fixture(scope="module")
def half() -> tuple[Collection, pl.DataFrame]:
    """The sample with half of each query's positives hidden, and those."""
    data = neg.Collection.load("cranfield")
    positives = data.qrels.filter(pl.col("relevance") > 0).filter(pl.len().over("query_id") >= 2)
    drawn = positives.with_columns(draw=pl.Series(pair_uniforms(positives, 0, "test/hide")))
    drawn = drawn.sort("query_id", "draw")
    hidden = pl.int_range(pl.len()).over("query_id") < pl.len().over("query_id") // 2
    return (
        replace(data, qrels=drawn.filter(~hidden).drop("draw"), origin=""),
        drawn.filter(hidden).select(PAIR),
    )


@pytest.fixture(scope="module")
def run(half: tuple[Collection, pl.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> neg.Run:
    """Mined without the hidden ones."""
    return neg.mine(
        half[0],
        tmp_path_factory.mktemp("half") / "run",
        sources=[neg.BM25(top=40)],
        judges=[neg.PercentOfPositive(percent=0.95)],
        estimate=Evidence(),
        pick=neg.Top(per_query=5),
    )


def pairs(frame: pl.DataFrame) -> set[tuple[str, str]]:
    return set(frame.select(PAIR).rows())


def bytes_of(run: neg.Run) -> bytes:
    return (run.path / "negatives.parquet").read_bytes()


@pytest.mark.slow
def test_the_three_variants_hold_the_same_documents(run: neg.Run) -> None:
    """Relabelled, or only removed: the negatives are the same ones, and each pair is in one."""
    before = run.candidates().collect()
    again = run.relabel(0.7)
    new = pairs(again.relabelled)
    positives = pairs(before.filter(pl.col("verdict") == POSITIVE))
    assert new
    assert not new & positives
    assert not new & pairs(again.negatives)
    assert not positives & pairs(again.negatives)
    assert (new | positives | pairs(again.negatives)) <= pairs(before)
    assert again.candidates().collect().equals(before)
    removed = before.join(again.relabelled, on=PAIR, how="anti", maintain_order="left")
    kept = removed.filter(pl.col("verdict").is_in([ELIGIBLE, JUDGED_NEGATIVE]))
    assert pairs(again.recipe.pick.pick(kept, seed=0)) == pairs(again.negatives)


@pytest.mark.slow
def test_the_run_accounts_for_them_until_they_are_taken_back(run: neg.Run) -> None:
    untouched = bytes_of(run.relabel(0))
    again = run.relabel(0.7)
    manifest = json.loads((again.path / "manifest.json").read_text())
    new = again.relabelled.filter(pl.col("kind") == "estimate")
    assert manifest["files"]["relabelled.parquet"]["rows"] == len(again.relabelled)
    assert manifest["counts"]["relabelled"] == manifest["facts"]["relabelled"]["pairs"] == len(new)
    assert manifest["facts"]["relabelled"]["expected precision"] >= 0.7
    assert new["p_relevant"].mean() == pytest.approx(
        manifest["facts"]["relabelled"]["expected precision"], abs=1e-4
    )
    assert "candidates are positives now" in (again.path / "report.html").read_text()
    assert "relabel = 0.7" in (again.path / "recipe.toml").read_text()
    assert pairs(again.repick(neg.Top(per_query=3)).relabelled) == pairs(again.relabelled)
    back = again.repick(neg.Top(per_query=5), relabel=0)
    assert bytes_of(back) == untouched
    assert not (back.path / "relabelled.parquet").exists()
    assert back.manifest.counts.relabelled == 0
    with pytest.raises(RunError, match="nothing of this run is relabelled"):
        _ = back.relabelled


@pytest.mark.slow
def test_a_picker_that_fails_changes_nothing(run: neg.Run) -> None:
    before = run.relabel(0.7)
    files = {path: path.read_bytes() for path in before.path.glob("*.parquet")}
    with pytest.raises(RecipeError):
        before.repick(neg.Top(by="nothing"), relabel=0.9)
    assert {path: path.read_bytes() for path in before.path.glob("*.parquet")} == files
    assert len(neg.Run(before.path).relabelled) == len(before.relabelled)


@pytest.mark.slow
def test_mining_with_it_is_mining_and_then_relabelling(
    run: neg.Run, half: tuple[Collection, pl.DataFrame], tmp_path: Path
) -> None:
    again = run.relabel(0.7)
    recipe = replace(again.recipe, shard=40)
    at_once = neg.mine(half[0], tmp_path / "run", recipe=recipe)
    assert at_once.relabelled.equals(again.relabelled)
    assert at_once.negatives.equals(again.negatives)


@pytest.mark.slow
def test_asking_changes_nothing(run: neg.Run) -> None:
    before = run.relabel(0)
    found = relabelled(before, 0.7)
    assert found.equals(before.relabel(0.7).relabelled)


@pytest.mark.slow
def test_hidden_positives_come_back_and_fewer_are_negatives(
    run: neg.Run, half: tuple[Collection, pl.DataFrame]
) -> None:
    hidden = pairs(half[1])
    plain = run.relabel(0)
    false = len(pairs(plain.negatives) & hidden)
    again = plain.relabel(0.7)
    new = pairs(again.relabelled.filter(pl.col("kind") == "estimate"))
    assert len(new) > 100
    assert len(new & hidden) / len(new) > 0.5
    assert len(pairs(again.negatives) & hidden) <= false


@pytest.mark.slow
def test_mining_anew_wipes_them(tmp_path: Path) -> None:
    first = neg.mine(texts(), tmp_path / "run", sources=[neg.BM25()]).relabel(0.9)
    assert (first.path / "relabelled.parquet").exists()
    neg.mine(texts(), tmp_path / "run", sources=[neg.BM25(top=2)], overwrite=True)
    assert not (first.path / "relabelled.parquet").exists()


@pytest.mark.slow
def test_without_p_relevant_nothing_is_relabelled_and_the_run_says_so(tmp_path: Path) -> None:
    run = neg.mine(
        texts(), tmp_path / "run", sources=[neg.BM25()], pick=neg.Top(per_query=2)
    ).relabel(0.9)
    assert run.relabelled.is_empty()
    assert any("nothing is relabelled" in text for text in run.manifest.warnings)
    assert not any("relabelled" in text for text in run.relabel(0).manifest.warnings)


def test_a_recipe_says_what_a_precision_is() -> None:
    recipe = neg.load_recipe("bm25")
    with pytest.raises(RecipeError, match="relabel is a precision between 0 and 1, not 2"):
        replace(recipe, relabel=2)
