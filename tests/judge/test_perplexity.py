"""Judges that ask a local model how probable it finds a text: perplexity and text-perplexity."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import negatives as neg
from negatives import tiny
from negatives.errors import DataError, RecipeError
from negatives.judge.perplexity import Perplexity, PerplexityRuling
from negatives.judge.text_perplexity import TextPerplexity, TextPerplexityRuling
from negatives.models.causal_lm import CausalLM, Continuation
from negatives.models.query_likelihood import QueryLikelihood
from negatives.opening import JudgeContext
from negatives.run.costly import Costly
from tests.judge.test_reranker import DATA, ROWS, TEXTS
from tests.models.tiny_lm import tiny_llama


class Losses:
    """Stands for a model: a continuation's mean loss by its context."""

    fingerprint = "losses"

    def __init__(self, by_context: dict[str, float]) -> None:
        self.by_context = by_context

    def continuations(self, pairs: list[tuple[str, str]]) -> list[Continuation]:
        losses = [next(v for k, v in self.by_context.items() if k in c) for c, _ in pairs]
        return [Continuation(np.zeros(2, np.int64), np.full(2, -loss, np.float32), cut=False)
                for loss in losses]  # fmt: skip


def opened(scratch: Path, **settings: Any) -> PerplexityRuling:
    context = JudgeContext(collection=DATA, scratch=scratch, reference="dense")
    return Perplexity(model=tiny_llama(), **settings).open(context)


@pytest.mark.recipe("perplexity-filter")
def test_the_score_is_what_the_document_tells_of_the_query() -> None:
    """Losses of 1.2 with and 2.0 without: a ratio of perplexities (IFD) of .449329."""
    model: Any = Losses({"wing": 1.2, "heat": 2.0, "": 2.0})
    told, nothing = QueryLikelihood(model).score([("q", "wing"), ("q", "heat")])
    assert math.exp(-told) == pytest.approx(0.449329, abs=1e-6)
    assert nothing == 0


def test_a_query_of_no_words_is_told_nothing_of() -> None:
    made = QueryLikelihood(CausalLM(tiny_llama())).score([("", "wing"), ("lift", "wing")])
    assert made[0] == 0
    assert np.isfinite(made).all()


def test_the_likeliest_and_the_positives_are_scored_by_the_models_own_numbers(
    tmp_path: Path,
) -> None:
    ruling = opened(tmp_path, top=1)
    made = ruling.judge(ROWS)
    assert made.columns == ["perplexity_score", "perplexity_held", "verdict", "reason"]
    scored = ROWS.filter(made["perplexity_score"].is_not_null()).select("query", "doc").rows()
    assert scored == [(0, 0), (0, 2), (1, 1), (1, 2)]
    assert made["perplexity_held"].null_count() == made["perplexity_score"].null_count() + 1
    assert made["verdict"].is_null().all()
    assert isinstance(ruling, Costly)
    model = QueryLikelihood(CausalLM(tiny_llama()), 2000)
    pair = ("what is lift", TEXTS["d0"])
    assert made["perplexity_score"][0] == pytest.approx(float(model.score([pair])[0]), abs=1e-5)
    assert ruling.calls == 4
    again = opened(tmp_path, top=1)
    assert again.judge(ROWS).equals(made)
    assert again.calls == 0, "kept by weights and texts"
    other = opened(tmp_path, top=1, characters=3)
    assert not other.judge(ROWS)["perplexity_score"].equals(made["perplexity_score"])


def test_from_a_factor_on_it_rejects_and_says_why(tmp_path: Path) -> None:
    made = opened(tmp_path, top=0, reject=1.0).judge(ROWS)
    times = made["perplexity_score"].cast(pl.Float64).exp()
    assert (made["verdict"].is_not_null() == (times >= 1).fill_null(False)).all()
    said = made["reason"].drop_nulls()
    assert len(said)
    assert said.str.contains(r"^perplexity: the query \d.* times as probable after it, >= 1").all()


def filtered(scratch: Path, **settings: Any) -> TextPerplexityRuling:
    context = JudgeContext(collection=DATA, scratch=scratch)
    return TextPerplexity(model=tiny_llama(), **settings).open(context)


def test_a_texts_perplexity_is_the_models_whatever_the_query(tmp_path: Path) -> None:
    made = filtered(tmp_path).judge(ROWS)
    model, texts = CausalLM(tiny_llama()), list(TEXTS.values())
    for doc, verdict, value in zip(ROWS["doc"], ROWS["verdict"], made["text_perplexity"],
                                   strict=True):  # fmt: skip
        if verdict is not None or not texts[doc].strip():
            assert value is None
        else:
            (alone,) = model.continuations([("", texts[doc])])
            assert value == pytest.approx(alone.perplexity, rel=1e-4)
    assert made["verdict"].is_null().all()


def test_thresholds_reject_what_is_too_likely_or_too_strange(tmp_path: Path) -> None:
    values = filtered(tmp_path).judge(ROWS)["text_perplexity"].drop_nulls().sort()
    middle = (values[1] + values[2]) / 2
    low = filtered(tmp_path, lowest=middle).judge(ROWS)
    assert low["verdict"].is_not_null().sum() == 2
    assert "of the unwanted sort" in low["reason"].drop_nulls()[0]
    high = filtered(tmp_path, highest=middle).judge(ROWS)
    assert high["verdict"].is_not_null().sum() == len(values) - 2
    assert "too strange" in high["reason"].drop_nulls()[0]
    with pytest.raises(RecipeError, match="everything would be rejected"):
        TextPerplexity(model="m", lowest=5, highest=4)


def test_a_model_that_is_none_is_told_before_any_work(tmp_path: Path) -> None:
    for judge in (
        neg.Perplexity(model=str(tmp_path / "no")),
        neg.ICR(model=str(tmp_path / "no")),
        neg.TextPerplexity(model=str(tmp_path / "no")),
    ):
        with pytest.raises(DataError, match="no language model at"):
            neg.mine(tiny.collection(), tmp_path / "run", sources=[neg.BM25(top=5)], judges=[judge])
        assert not (tmp_path / "run" / "candidates").exists()


@pytest.mark.slow
def test_in_a_recipe_its_scores_are_columns_and_its_filter_a_rule(tmp_path: Path) -> None:
    sources = [neg.BM25(top=5), neg.Dense(top=5)]
    judges = [
        neg.TextPerplexity(model=tiny_llama(), highest=1000.0),
        neg.Perplexity(model=tiny_llama(), top=2),
    ]
    run = neg.mine(tiny.collection(), tmp_path / "run", sources=sources, judges=judges)
    ledger = run.candidates().collect()
    assert ledger["perplexity_score"].is_not_null().sum() > 0
    assert set(ledger.filter(rule="text-perplexity")["verdict"]) <= {"rejected"}
    run = run.judge(neg.ICR(model=tiny_llama(), characters=30), budget=8)
    told = run.manifest.notes.cascade
    assert told is not None
    assert told.pairs <= 8
    assert "icr_score" in run.candidates().collect_schema()
