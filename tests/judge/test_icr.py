"""In-context re-ranking: the numbers of a score, lists in one prompt and in windows, the judge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from negatives.errors import DataError
from negatives.events import Counted, Event, Progress
from negatives.judge.icr import ICR, ICRRuling, standardised
from negatives.models.attended import attended
from negatives.models.causal_lm import CausalLM
from negatives.models.in_context import (
    AFTER,
    BEFORE,
    NOTHING,
    InContext,
    calibrated,
    in_windows,
)
from negatives.opening import JudgeContext
from negatives.run.costly import Costly
from tests.judge.test_reranker import DATA, ROWS
from tests.models.tiny_lm import tiny_llama

DOCS = ["lift of a wing", "heat", "é€ drag and lift", "", "boundary layer"]


@pytest.fixture(scope="module")
def model() -> CausalLM:
    return CausalLM(tiny_llama(), attention=True)


@pytest.mark.recipe("icr")
def test_a_token_that_draws_attention_without_a_query_is_left_out() -> None:
    asked, free = np.array([0.1] * 9 + [0.02]), np.array([0.05] * 9 + [0.6])
    assert calibrated(asked, free) == pytest.approx(0.45)
    assert (asked - free).sum() == pytest.approx(-0.13)
    more = asked - free
    assert more.mean() - 2 * more.std(ddof=1) == pytest.approx(-0.411447, abs=1e-6)


def test_a_document_of_fewer_than_six_tokens_loses_none() -> None:
    assert calibrated(np.array([0.1, 0.1, 0.1, 0.02]), np.array([0.03333333] * 3 + [0.3])) == (
        pytest.approx(-0.08, abs=1e-6)
    )
    draw = np.random.default_rng(0)
    for count in (1, 2, 3, 4, 5):
        for _ in range(50):
            more = draw.standard_cauchy(count)
            assert calibrated(more, np.zeros(count)) == pytest.approx(more.sum())
    assert calibrated(np.full(7, 0.1), np.zeros(7)) == pytest.approx(0.7), "all alike: all stay"
    assert calibrated(np.empty(0), np.empty(0)) == 0


def test_for_a_query_without_content_every_score_is_nothing(model: CausalLM) -> None:
    assert (InContext(model).score(NOTHING, DOCS) == 0).all()


def test_the_score_is_the_attention_of_one_whole_pass(model: CausalLM) -> None:
    import torch

    query, listing, places = "what lifts", BEFORE, []
    for number, doc in enumerate(DOCS, 1):
        listing += f"[{number}] "
        places.append((len(listing), len(listing) + len(doc)))
        listing += f"{doc}\n\n"
    totals = []
    for asked in (query, NOTHING):
        pieces = model.pieces(listing + AFTER + asked)
        start = next(n for n, piece in enumerate(pieces) if piece.start >= len(listing))
        with torch.inference_mode():
            tokens = torch.tensor([[piece.token for piece in pieces]], device=model.device)
            out = model.net(tokens, output_attentions=True)
        whole = torch.cat(out.attentions).double().cpu().numpy()  # layers x heads x tokens x tokens
        totals.append(whole[:, :, start:].mean(2).sum((0, 1)))
        assert totals[-1].sum() == pytest.approx(model.layers * model.heads, rel=1e-5)
    expected = []
    for first, last in places:
        inside = [n for n, piece in enumerate(pieces) if piece.end > first and piece.start < last]
        asked_of, free_of = (total[inside] for total in totals)
        expected.append(calibrated(asked_of, free_of) / (model.layers * model.heads))
    assert np.allclose(InContext(model).score(query, DOCS), expected, atol=1e-6)


def test_windows_from_the_end_bring_the_best_to_the_front() -> None:
    true = np.random.default_rng(1).permutation(47).astype(float)
    seen: list[list[int]] = []

    def score(part: list[int]) -> Any:
        seen.append(part)
        return true[part]

    made = in_windows(47, score, 20, 10)
    assert {len(part) for part in seen} == {20, 17}
    assert np.argsort(-made)[:10].tolist() == np.argsort(-true)[:10].tolist()
    for count in (1, 2, 19, 20, 21, 40):
        one = in_windows(count, lambda part: true[part], 20, 10)
        assert len(one) == count
        assert one.argmax() == true[:count].argmax()
    assert (in_windows(20, lambda part: true[part], 20, 10) == true[:20]).all()


def test_documents_are_cut_alike_where_all_are_too_long(model: CausalLM) -> None:
    long = [doc * 100 for doc in ("wing ", "heat ", "drag ")]
    made = InContext(model, characters=600).score("lift", long)
    assert np.isfinite(made).all()
    with pytest.raises(DataError, match="too many for one prompt"):
        InContext(model, window=200).score("lift", ["x"] * 150)


def opened(scratch: Path, heard: list[Event] | None = None, **settings: Any) -> ICRRuling:
    context = JudgeContext(
        collection=DATA,
        scratch=scratch,
        reference="dense",
        emit=(heard if heard is not None else []).append,
    )
    return ICR(model=tiny_llama(), **settings).open(context)


def test_a_querys_list_is_read_at_once_and_its_scores_are_of_that_list(tmp_path: Path) -> None:
    heard: list[Event] = []
    ruling = opened(tmp_path, heard, top=0)
    made = ruling.judge(ROWS)
    assert made.columns == ["icr_score", "icr_held", "verdict", "reason"]
    assert made["verdict"].is_null().all()
    for query in (0, 1):
        scores = made.filter(ROWS["query"] == query)["icr_score"].drop_nulls()
        assert len(scores) == [4, 3][query], "without a text there is nothing to read"
        assert scores.mean() == pytest.approx(0, abs=1e-6)
        assert scores.std(ddof=0) == pytest.approx(1, abs=1e-5)
    assert isinstance(ruling, Costly)
    assert ruling.calls == 7
    assert Progress("icr", 2, 2, "queries") in heard
    counted = [event for event in heard if isinstance(event, Counted)]
    assert counted[0].figures["calls"] == 7
    again = opened(tmp_path, top=0)
    assert again.judge(ROWS.reverse())["icr_score"].equals(made["icr_score"].reverse())
    assert again.calls == 0, "the same lists in the same orders are kept"


def test_orders_are_averaged_and_a_list_of_one_has_no_score(tmp_path: Path) -> None:
    one, three = (opened(tmp_path, top=0, orders=n).judge(ROWS)["icr_score"] for n in (1, 3))
    assert not one.equals(three)
    assert three.null_count() == one.null_count()
    alone = opened(tmp_path).score(np.zeros(1, np.uint32), np.zeros(1, np.uint32))
    assert np.isnan(alone).all()
    assert len(opened(tmp_path).score(np.empty(0, np.uint32), np.empty(0, np.uint32))) == 0
    assert opened(tmp_path).judge(ROWS.clear()).schema["icr_score"] == pl.Float32


def test_copies_of_one_text_in_a_list_have_scores_of_their_own_places(tmp_path: Path) -> None:
    query, doc = np.zeros(3, np.uint32), np.array([0, 6, 2], np.uint32)  # d6 is a copy of d0
    made = opened(tmp_path).score(query, doc)
    assert np.isfinite(made).all()
    assert made[0] != made[1]
    swapped = opened(tmp_path).score(query, doc[::-1].copy())[::-1]
    assert (made == swapped).all()


def test_scores_that_are_all_alike_are_nothing() -> None:
    assert (standardised(np.full(3, 0.1)) == 0).all()


def test_the_attention_that_is_read_is_that_of_the_reader(model: CausalLM) -> None:
    (made,) = attended(model, [5, 6, 7], [[8, 9]])
    assert made.shape == (2, 4, 5)
