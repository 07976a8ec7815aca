"""A collection as a task of MTEB: the library itself runs it and comes to our figures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl
import pytest

import negatives as neg
from negatives.measure.mteb import mteb_task
from negatives.models.static import StaticEncoder
from negatives.schema import Collection, Floats

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # MTEB's own
]
mteb = pytest.importorskip("mteb")


def unit(texts: list[str]) -> Floats:
    vectors = StaticEncoder().encode(texts).vectors
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))


class Static:
    """The built-in encoder by MTEB's protocol."""

    def __init__(self) -> None:
        meta = pytest.importorskip("mteb.models.model_meta")
        self.mteb_model_meta = meta.ModelMeta.create_empty()

    def encode(self, inputs: Iterable[dict[str, list[str]]], **_: Any) -> Floats:
        return unit([text for batch in inputs for text in batch["text"]])

    def similarity(self, left: Any, right: Any) -> Any:
        torch = pytest.importorskip("torch")
        return torch.as_tensor(np.asarray(left)) @ torch.as_tensor(np.asarray(right)).T

    def similarity_pairwise(self, left: Any, right: Any) -> Any:
        raise NotImplementedError


def by_mteb(data: Collection) -> dict[str, float]:
    result = mteb.evaluate(
        Static(), mteb_task(data), cache=None, show_progress_bar=False, co2_tracker=False
    )
    (scores,) = result.task_results[0].scores[data.split]
    found: dict[str, float] = scores
    return found


def in_full(data: Collection) -> pl.DataFrame:
    """Every document's cosine in single precision, as MTEB computes it."""
    cosines = unit(data.queries["text"].to_list()) @ unit(data.corpus["text"].to_list()).T
    query, doc = np.divmod(np.arange(cosines.size), cosines.shape[1])
    ids = {
        "query_id": data.queries["query_id"].gather(query),
        "doc_id": data.corpus["doc_id"].gather(doc),
    }
    return pl.DataFrame({**ids, "score": cosines.ravel()})


def test_mteb_comes_to_our_figures() -> None:
    data = neg.Collection.load("cranfield")
    theirs = by_mteb(data)
    names = {"nDCG@10": "ndcg_at_10", "R@100": "recall_at_100", "AP@1000": "map_at_1000"}
    exact = neg.evaluate(in_full(data), data, metrics=list(names)).per_query
    halves = neg.evaluate("static", data, metrics=list(names)).per_query
    for name, key in names.items():
        assert exact[name].mean() == pytest.approx(theirs[key], abs=1e-4), name
        assert halves[name].mean() == pytest.approx(theirs[key], abs=1e-3), name


def test_results_of_other_data_are_never_taken_for_these() -> None:
    data = neg.Collection.load("cranfield")
    fewer = Collection(
        data.name, data.split, data.corpus, data.queries, data.qrels.head(900), data.given
    )
    one, other = (mteb_task(each).metadata for each in (data, fewer))
    assert one.name == other.name == "Cranfield"
    assert one.dataset["revision"] != other.dataset["revision"]
