"""The labelled share, and what it makes of a pair without a label."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import negatives as neg
from negatives.judge.selection import Selection, fit_selection


def drawn(share: float, seed: int, pairs: int = 20_000) -> tuple[np.ndarray, ...]:
    draw = np.random.default_rng(seed)
    z = draw.normal(-2, 3, pairs)
    relevant = draw.random(pairs) < 1 / (1 + np.exp(-1.5 * z - 0.5))
    return z, relevant, relevant & (draw.random(pairs) < share)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.8])
def test_the_share_is_found_where_evidence_is_strong(share: float) -> None:
    found = []
    for seed in range(5):
        z, _, labelled = drawn(share, seed)
        found.append(fit_selection(z, labelled, np.ones(len(z), np.float32)).share)
    assert np.mean(found) == pytest.approx(share, rel=0.15)


def test_the_probability_of_unlabelled_pairs_is_calibrated() -> None:
    z, relevant, labelled = drawn(0.4, seed=9)
    p = fit_selection(z, labelled, np.ones(len(z), np.float32)).relevant(z)
    for low in (0.0, 0.2, 0.4, 0.6, 0.8):
        chosen = ~labelled & (p >= low) & (p < low + 0.2)
        assert p[chosen].mean() == pytest.approx(relevant[chosen].mean(), abs=0.06)


def test_weights_stand_for_rows_that_were_left_out() -> None:
    z, relevant, labelled = drawn(0.5, seed=3)
    kept = labelled | (np.random.default_rng(1).random(len(z)) < 0.25)
    weights = np.where(labelled, 1, 4).astype(np.float32)
    p = fit_selection(z[kept], labelled[kept], weights[kept]).relevant(z[~labelled])
    assert p.mean() == pytest.approx(relevant[~labelled].mean(), rel=0.2)


def test_where_evidence_says_nothing_it_errs_upwards() -> None:
    draw = np.random.default_rng(0)
    relevant = draw.random(4_000) < 0.2
    labelled = relevant & (draw.random(4_000) < 0.5)
    p = fit_selection(draw.normal(size=4_000), labelled, np.ones(4_000, np.float32)).relevant(
        np.zeros(1)
    )
    assert p[0] >= 0.1


def test_a_given_share_is_kept() -> None:
    z, _, labelled = drawn(0.5, seed=1, pairs=2_000)
    assert fit_selection(z, labelled, np.ones(len(z), np.float32), share=0.25).share == 0.25


def test_what_a_missing_label_says_by_hand() -> None:
    # r = 0.5, c = 0.5: relevant and unlabelled 0.25 of 0.75 unlabelled.
    assert Selection(0.5, 1.0, 0.0).relevant(np.zeros(1))[0] == pytest.approx(1 / 3)
    # The page of CET: r = .9, s = .8 gives 0.642857.
    z = np.array([np.log(9.0)])
    assert Selection(0.8, 1.0, 0.0).relevant(z)[0] == pytest.approx(0.642857, abs=1e-6)


OF_ONE: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "one": lambda draw, queries: np.ones(queries, int),
    "poisson": lambda draw, queries: 1 + draw.poisson(4, queries),
    "geometric": lambda draw, queries: draw.geometric(0.15, queries),
}
"""How many documents are relevant to each query, of which one is labelled."""


def one_each(law: str, seed: int, queries: int = 250, docs: int = 60) -> tuple[np.ndarray, ...]:
    """Query, evidence, relevance and label of pairs: the more are relevant, the less it shows."""
    draw = np.random.default_rng(seed)
    n = OF_ONE[law](draw, queries).clip(1, docs // 2)
    query = np.repeat(np.arange(queries), docs)
    place = np.tile(np.arange(docs), queries)
    relevant = place < n[query]
    z = draw.normal(np.where(relevant, 5.0 - np.log(n[query]), 0.0), 1.2)
    return query, 2.0 * z - 7.0, relevant, place == 0


def false_shares(law: str, one: bool, folder: Path) -> np.ndarray:
    """Mean over worlds of the real false share, by asked share."""
    found = []
    for seed in range(3):
        query, z, relevant, labelled = one_each(law, seed)
        chosen = fit_selection(z, labelled, np.ones(len(z), np.float32), one_each=one)
        ledger = pl.DataFrame(
            {
                "query_id": np.char.mod("q%03d", query),
                "doc_id": np.char.mod("d%06d", np.arange(len(z))),
                "hardness": np.random.default_rng(seed).normal(z / 2, 1.0).astype(np.float32),
                "p_relevant": chosen.relevant(z).astype(np.float32),
                "verdict": np.where(labelled, "positive", "eligible"),
            }
        ).with_columns(sources=pl.lit(["dense"]))
        ledger.write_parquet(folder / "part.parquet")
        world = []
        for asked in ASKED:
            tuned, told = neg.RiskLimited(per_query=5, max_false=asked).tuned(
                [folder / "part.parquet"]
            )
            picked = tuned.pick(ledger.filter(~pl.Series(labelled)), 0)
            false = relevant[picked["doc_id"].str.slice(1).cast(pl.Int64).to_numpy()].mean()
            world.append(0.0 if "warning" in told else false)
        found.append(world)
    shares: np.ndarray = np.mean(found, axis=0)
    return shares


ASKED = np.array([0.02, 0.05, 0.1])


@pytest.mark.parametrize("law", OF_ONE)
def test_with_one_label_a_query_a_promise_is_kept_within_twice_or_refused(
    law: str, tmp_path: Path
) -> None:
    assert (false_shares(law, True, tmp_path) <= 2 * ASKED).all()


def test_it_would_be_missed_if_labels_were_taken_to_be_of_pairs(tmp_path: Path) -> None:
    assert (false_shares("geometric", False, tmp_path) > 2 * ASKED).all()


def test_with_one_label_a_query_those_without_a_label_are_of_queries_with_many() -> None:
    _, z, relevant, labelled = one_each("geometric", seed=0)
    weights = np.ones(len(z), np.float32)
    of_pairs, of_queries = (
        fit_selection(z, labelled, weights, one_each=each).relevant(z[~labelled]).sum()
        / relevant[~labelled].sum()
        for each in (False, True)
    )
    assert of_pairs < 0.5
    assert 0.7 < of_queries < 1.5
