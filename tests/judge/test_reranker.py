"""The costly judge: which pairs it scores, what it says of them, and that it remembers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from negatives.errors import RecipeError
from negatives.events import Counted, Event, Progress, Warned
from negatives.judge.reranker import Rerank, RerankRuling
from negatives.models import scored_pairs
from negatives.opening import JudgeContext
from negatives.run.costly import Costly
from tests.build import collection
from tests.models.tiny_reranker import onnx_score, save_onnx

TEXTS = {
    "d0": "lift drag",
    "d1": "heat flow",
    "d2": "wing",
    "d3": "boundary layer",
    "d4": "flow",
    "d5": " ",
    "d6": "lift drag",
}
DATA = collection(TEXTS, {"q0": "what is lift", "q1": "heat"}, [("q0", "d0", 1), ("q1", "d1", 1)])
ROWS = pl.DataFrame(
    [
        (0, 0, 1, 0.1, "positive"),
        (0, 1, None, 0.9, "rejected"),
        (0, 2, None, 0.8, None),
        (0, 3, None, 0.7, None),
        (0, 4, None, None, None),
        (0, 5, None, 0.95, None),  # a document without text
        (1, 1, 1, 0.5, "positive"),
        (1, 2, None, 0.4, None),
        (1, 6, None, 0.4, None),
    ],
    schema={
        "query": pl.UInt32,
        "doc": pl.UInt32,
        "relevance": pl.Int32,
        "dense_score": pl.Float32,
        "verdict": pl.String,
    },
    orient="row",
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_onnx(tmp_path_factory.mktemp("onnx")))


def opened(stage: Rerank, scratch: Path, heard: list[Event] | None = None) -> RerankRuling:
    return stage.open(
        JudgeContext(
            collection=DATA,
            scratch=scratch,
            reference="dense",
            emit=(heard if heard is not None else []).append,
        )
    )


def judged(stage: Rerank, scratch: Path, rows: pl.DataFrame = ROWS) -> list[tuple[int, int]]:
    opinion = opened(stage, scratch).judge(rows)
    assert len(opinion) == len(rows)
    return rows.filter(opinion["reranker_score"].is_not_null()).select("query", "doc").rows()


def test_the_first_of_each_query_by_the_reference_and_its_positives_are_scored(
    model: str, tmp_path: Path
) -> None:
    # What a rule has rejected, and what has no text, is neither scored nor counted.
    assert judged(Rerank(model=model, top=1), tmp_path) == [(0, 0), (0, 2), (1, 1), (1, 2)]


def test_a_pair_without_a_reference_score_comes_last_and_zero_means_all(
    model: str, tmp_path: Path
) -> None:
    assert (0, 4) not in judged(Rerank(model=model, top=2), tmp_path)
    every = [(0, 0), (0, 2), (0, 3), (0, 4), (1, 1), (1, 2), (1, 6)]
    assert judged(Rerank(model=model, top=3), tmp_path) == every
    assert judged(Rerank(model=model, top=0), tmp_path) == every


def test_the_order_of_the_rows_changes_nothing(model: str, tmp_path: Path) -> None:
    backwards = judged(Rerank(model=model, top=1), tmp_path, ROWS.reverse())
    assert sorted(backwards) == judged(Rerank(model=model, top=1), tmp_path)


def test_a_score_is_the_models_own(model: str, tmp_path: Path) -> None:
    scores = opened(Rerank(model=model, top=0), tmp_path).judge(ROWS)["reranker_score"]
    texts = list(TEXTS.values())
    for (query, doc), score in zip(ROWS.select("query", "doc").rows(), scores, strict=True):
        if score is not None:
            question = ["what is lift", "heat"][query]
            assert score == pytest.approx(onnx_score(question, texts[doc]), rel=1e-6)


def test_by_itself_it_rejects_nothing(model: str, tmp_path: Path) -> None:
    opinion = opened(Rerank(model=model), tmp_path).judge(ROWS)
    assert opinion["verdict"].is_null().all()
    assert opinion.columns == [
        "reranker_score",
        "reranker_held",
        "reranker_probability",
        "verdict",
        "reason",
    ]


def test_what_is_learned_from_does_not_tell_a_label_by_being_there(
    model: str, tmp_path: Path
) -> None:
    assert Rerank.evidence == {"reranker_held": 1}
    opinion = opened(Rerank(model=model, top=1), tmp_path).judge(ROWS)
    held = ROWS.filter(opinion["reranker_held"].is_not_null()).select("query", "doc").rows()
    # The positive of query 0 lies below the one candidate that is scored.
    assert (0, 0) not in held
    assert (0, 2) in held
    every = opened(Rerank(model=model, top=0), tmp_path).judge(ROWS)
    assert every["reranker_held"].equals(every["reranker_score"].rename("reranker_held"))


@pytest.mark.recipe("rocketqa")
def test_thresholds_reject_the_doubtful_and_the_likely_each_with_its_reason(
    model: str, tmp_path: Path
) -> None:
    stage = Rerank(model=model, top=0, low=0.2, high=0.6)
    opinion = opened(stage, tmp_path).judge(ROWS)
    for score, _, _, verdict, reason in opinion.rows():
        if score is None:
            assert verdict is None
            continue
        p = 1 / (1 + np.exp(-score))
        assert (verdict == "rejected") == (p >= 0.2)
        if p >= 0.6:
            assert reason == f"reranker: probability {p:.4g} >= 0.6, likely relevant"
        elif p >= 0.2:
            assert reason == f"reranker: probability {p:.4g} >= 0.2, not surely irrelevant"
    said = opinion["reason"].drop_nulls()
    assert said.str.contains("likely").any()
    assert said.str.contains("surely").any()


@pytest.mark.recipe("rocketqa")
def test_what_survives_a_threshold_survives_every_higher_one(model: str, tmp_path: Path) -> None:
    before: set[int] = set()
    for low in (0.0, 0.1, 0.2, 0.5, 1.0):
        opinion = opened(Rerank(model=model, top=0, low=low, high=1.0), tmp_path).judge(ROWS)
        scored = opinion["reranker_score"].is_not_null()
        kept = set((scored & opinion["verdict"].is_null()).arg_true().to_list())
        assert before <= kept
        before = kept
        if low == 0.0:
            assert not kept, "nothing is surely irrelevant"
    assert before == set(scored.arg_true().to_list()), "the raw hard negatives"


def test_no_pair_of_texts_is_scored_twice_by_the_same_model(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Event] = []
    first = opened(Rerank(model=model, top=0), tmp_path / "a", heard)
    made = first.judge(ROWS)
    assert first.calls == 7
    again = opened(Rerank(model=model, top=0), tmp_path / "b")
    assert again.judge(ROWS).equals(made)
    assert again.calls == 0
    # d6 has the text of d0: with q0 it is the same pair of texts.
    rows = ROWS.with_columns(
        doc=pl.when(pl.col("doc") == 3).then(6).otherwise("doc").cast(pl.UInt32)
    )
    assert again.judge(rows)["reranker_score"][3] == made["reranker_score"][0]
    assert again.calls == 0
    monkeypatch.setenv("NEGATIVES_CACHE", "off")
    own = opened(Rerank(model=model, top=0), tmp_path / "c")
    assert own.judge(ROWS).equals(made)
    assert own.calls == 7
    assert next(e.figures for e in heard if isinstance(e, Counted))["calls"] == 7
    assert [e for e in heard if isinstance(e, Progress)][-1] == Progress("rerank", 7, 7, "pairs")


def test_work_that_takes_long_is_announced_after_the_first_pairs(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scored_pairs, "LONG", 0.0)
    monkeypatch.setattr(scored_pairs, "TRIAL", 2)
    heard: list[Event] = []
    opened(Rerank(model=model, top=100), tmp_path, heard).judge(ROWS)
    (told,) = [event.text for event in heard if isinstance(event, Warned)]
    assert "pairs a second here: about" in told
    assert told.endswith("minutes for 202 pairs")  # 2 queries x 100, and 2 positives


def test_it_is_a_costly_judge_to_the_runner(model: str, tmp_path: Path) -> None:
    assert isinstance(opened(Rerank(model=model), tmp_path), Costly)


def test_without_a_reference_the_top_is_not_defined(model: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no source of the recipe scores") as caught:
        Rerank(model=model).open(JudgeContext(collection=DATA, scratch=tmp_path))
    assert caught.value.fix == "set top = 0 to score them all, or add a dense or bm25 source"


def test_thresholds_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"low = 0.9 is above high = 0.1"):
        Rerank(model="m", low=0.9, high=0.1)
    with pytest.raises(RecipeError, match="model"):
        Rerank(model="")
