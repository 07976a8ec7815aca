"""Whose scores an export holds: a reranker's, as log-odds or as a probability, or a source's."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import negatives as neg
from negatives import tiny
from negatives.errors import InputError
from negatives.export.scorers import scorers
from tests.models.tiny_reranker import save_onnx


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_onnx(tmp_path_factory.mktemp("onnx")))


@pytest.fixture(scope="module")
def reranked(tmp_path_factory: pytest.TempPathFactory, model: str) -> neg.Run:
    return neg.mine(
        tiny.collection(),
        tmp_path_factory.mktemp("reranked") / "run",
        sources=[neg.BM25(top=4), neg.Dense(top=4)],
        judges=[neg.Rerank(model=model, top=0)],
        pick=neg.Top(per_query=3, by="reranker_probability"),
    )


def exported(run: neg.Run, tmp_path: Path, scores: bool | str) -> dict[tuple[str, str], float]:
    """The scores of all pairs of an export, of both sides."""
    run.export(tmp_path / "x.jsonl", format="tevatron", scores=scores)
    return {
        (line["query_id"], passage["docid"]): passage["score"]
        for line in map(json.loads, (tmp_path / "x.jsonl").read_text("utf-8").splitlines())
        for side in ("positive_passages", "negative_passages")
        for passage in line[side]
    }


def ledger(run: neg.Run, column: str) -> dict[tuple[str, str], float]:
    rows = run.candidates().select("query_id", "doc_id", column).collect()
    return {(query, doc): score for query, doc, score in rows.iter_rows()}


def test_the_last_reranker_is_the_teacher_and_others_go_by_their_names(
    reranked: neg.Run, tmp_path: Path
) -> None:
    names = ["reranker", "reranker_probability", "dense", "bm25"]
    assert [scorer.name for scorer in scorers(reranked)] == names
    columns = ["reranker_score", "reranker_probability", "dense_score", "bm25_score"]
    wanted: list[tuple[bool | str, str]] = [(True, columns[0]), *zip(names, columns, strict=True)]
    for asked, column in wanted:
        found, given = exported(reranked, tmp_path, asked), ledger(reranked, column)
        assert found
        assert {pair: pytest.approx(given[pair]) for pair in found} == found, asked
    scores = exported(reranked, tmp_path, "reranker")
    for pair, p in exported(reranked, tmp_path, "reranker_probability").items():
        assert p == pytest.approx(1 / (1 + np.exp(-scores[pair])), abs=1e-6)


def test_a_reranker_orders_the_negatives_by_its_probability(reranked: neg.Run) -> None:
    picked = reranked.negatives.join(
        reranked.candidates().select("query_id", "doc_id", "reranker_probability").collect(),
        on=["query_id", "doc_id"],
        maintain_order="left",
    )
    for _, rows in picked.group_by("query_id"):
        p = rows["reranker_probability"].to_list()
        assert p == sorted(p, reverse=True)


def test_a_reranker_rules_by_its_probability(model: str, tmp_path: Path) -> None:
    cut = neg.AbsoluteScore(maximum=0.52, minimum=0.2, scorer="reranker_probability")
    run = neg.mine(
        tiny.collection(),
        tmp_path / "run",
        sources=[neg.BM25(top=4)],
        judges=[neg.Rerank(model=model, top=0), cut],
        pick=neg.Top(per_query=3),
    )
    rows = run.candidates().filter(pl.col("rule").is_in(["absolute-score", ""])).collect()
    p, rejected = rows["reranker_probability"], rows["rule"] == "absolute-score"
    assert (((p >= np.float32(0.52)) | (p < 0.2)) == rejected).all()
    assert rows.filter(rejected)["reason"].str.contains("reranker_probability").all()


def test_a_recipe_may_name_a_reranker_as_the_reference(model: str, tmp_path: Path) -> None:
    recipe = neg.Recipe(
        find=(neg.BM25(top=4),),
        judge=(neg.Rerank(model=model, top=0),),
        pick=neg.Top(per_query=2),
        reference="reranker",
    )
    run = neg.mine(tiny.collection(), tmp_path / "run", recipe=recipe)
    assert run.manifest.facts.reference == "reranker"
    rows = run.candidates().collect()
    deviation = float(np.std(rows["reranker_score"].drop_nulls().to_numpy().astype(np.float64)))
    lowest = pl.col("reranker_score").filter(pl.col("verdict") == "positive").min().over("query_id")
    hardness = rows.select((pl.col("reranker_score") - lowest) / deviation).to_series()
    assert np.allclose(hardness.to_numpy(), rows["hardness"].to_numpy(), atol=1e-4, equal_nan=True)
    assert run.negatives["score"].to_list() == [
        ledger(run, "reranker_score")[pair] for pair in run.negatives["query_id", "doc_id"].rows()
    ]
    with pytest.raises(neg.RecipeError, match="reference names no source: 'rerankr'"):
        replace(recipe, reference="rerankr")


def test_a_reranker_that_was_asked_afterwards_is_the_teacher_and_its_gaps_are_told(
    model: str, tmp_path: Path
) -> None:
    run = neg.mine(
        tiny.collection(),
        tmp_path / "run",
        sources=[neg.BM25(top=4)],
        pick=neg.Top(per_query=2),
    )
    assert [scorer.name for scorer in scorers(run)] == ["bm25"]
    run = run.judge(neg.Rerank(model=model))
    assert exported(run, tmp_path, True) == exported(run, tmp_path, "reranker")
    column = run.candidates().collect()["reranker_probability"]
    assert column.is_not_null().any()
    few = run.judge(neg.Rerank(model=model), budget=1)
    with pytest.raises(InputError) as refused:
        few.export(tmp_path / "y.jsonl", format="flagembedding", scores=True)
    assert "reranker has no score for" in refused.value.what
    assert refused.value.fix.startswith("choose a scorer that scored them all: --scores bm25;")
    assert not (tmp_path / "y.jsonl").exists()


def test_an_unknown_name_lists_what_there_is(reranked: neg.Run, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        reranked.export(tmp_path / "x.jsonl", format="tevatron", scores="colbert")
    assert refused.value.what == "nothing in this run that scores pairs is called 'colbert'"
    for name in ("reranker", "reranker_probability", "dense", "bm25"):
        assert name in refused.value.fix
