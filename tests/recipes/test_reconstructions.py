"""Recipes whose papers have no page of numbers: what they say they do is what comes out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import negatives as neg
from negatives.events import silent
from negatives.read import load
from negatives.recipe import load_recipe


def pairs(path: Path, rows: list[tuple[str, str]]) -> Path:
    """A file of queries and their positives."""
    made = (json.dumps({"query": query, "positive": positive}) for query, positive in rows)
    path.write_text("".join(f"{line}\n" for line in made), "utf-8")
    return path


@pytest.mark.recipe("demonstration-retrieval")
def test_the_demonstration_most_alike_that_asks_something_else_is_the_negative(
    tmp_path: Path,
) -> None:
    example = "is the review positive or negative : the film was {} from beginning to end ?"
    asked = "which city is the capital of {} and how many people live there today ?"
    data = pairs(
        tmp_path / "tasks.jsonl",
        [
            ("a dull film, good or bad?", example.format("dull")),
            ("a dull film once more?", example.format("dull").upper()),
            ("a bright film, good or bad?", example.format("a bright and lovely wonder")),
            ("capital city of france?", asked.format("france")),
            ("capital city of chad?", asked.format("the republic of chad")),
        ],
    )
    run = neg.mine(data, tmp_path / "run", recipe="demonstration-retrieval", emit=silent)
    found = run.to_polars()
    by_query = dict(found.select("query", "text").iter_rows())
    assert len(by_query) == found.height == 5
    # The copy in capitals asks the same and is left aside; the nearest other film is not.
    assert "bright" in by_query["a dull film, good or bad?"]
    assert "bright" in by_query["a dull film once more?"]
    assert "chad" in by_query["capital city of france?"]
    # As DPR: one lexical negative beside the batch's, compared by inner products.
    recipe = load_recipe("demonstration-retrieval")
    settings = {
        name: stage.settings()
        for name in ("pick", "learn", "train")
        if (stage := getattr(recipe, name)) is not None
    }
    assert (settings["pick"]["per_query"], settings["train"]["negatives"]) == (1, 1)
    assert (settings["learn"]["similarity"], settings["learn"]["temperature"]) == ("dot", 1.0)


@pytest.mark.recipe("evidence-rerank")
def test_the_hardest_by_the_cross_encoder_that_are_probably_no_evidence(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    from tests.models.tiny_reranker import save_cross_encoder

    whole = load("cranfield")
    queries = whole.queries.head(50)
    qrels = whole.qrels.join(queries, on="query_id", how="semi", maintain_order="left")
    some = neg.Collection("claims", "train", whole.corpus, queries, qrels)
    model = save_cross_encoder(tmp_path / "model", scale=3.0)
    small = {"judge.reranker.model": str(model), "find.bm25.top": 20}
    run = neg.mine(some, tmp_path / "run", recipe="evidence-rerank", settings=small, emit=silent)
    every = run.candidates().filter(verdict="eligible").collect()
    assert every["reranker_score"].null_count() == 0
    taken = run.negatives
    assert taken.height == 50 * 7
    assert taken["p_relevant"].mean() <= 0.05  # type: ignore[operator]
    # bm25 only proposes: what is hard is what the cross-encoder holds for near.
    scores = every.select("query_id", "doc_id", "reranker_score", "hardness")
    of_taken = scores.join(taken, on=["query_id", "doc_id"], how="semi")
    for _, group in of_taken.group_by("query_id"):
        assert group.sort("hardness")["reranker_score"].is_sorted()
    others = scores.join(taken, on=["query_id", "doc_id"], how="anti")
    assert of_taken["hardness"].mean() > others.drop_nulls()["hardness"].mean()  # type: ignore[operator]
