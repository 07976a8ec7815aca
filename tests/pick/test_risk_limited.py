"""Risk-limited picking: as hard as possible with at most so many of them false."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import negatives as neg

Pair = tuple[str, str, float | None, float | None, str]


def ledger(*pairs: Pair) -> pl.DataFrame:
    schema = {
        "query_id": pl.String,
        "doc_id": pl.String,
        "hardness": pl.Float32,
        "p_relevant": pl.Float32,
        "verdict": pl.String,
    }
    return pl.DataFrame(list(pairs), schema=schema, orient="row").with_columns(
        sources=pl.lit(["dense"])
    )


def made(seed: int, queries: int = 200, docs: int = 60) -> pl.DataFrame:
    """Harder candidates are likelier to be relevant; one in three relevant pairs is labelled."""
    draw = np.random.default_rng(seed)
    hardness = draw.normal(size=queries * docs)
    p = 1 / (1 + np.exp(-(1.5 * hardness - 3 + draw.normal(size=queries * docs))))
    labelled = (draw.random(len(p)) < p) & (draw.random(len(p)) < 0.33)
    return ledger(
        *(
            (
                f"q{n // docs:03d}",
                f"d{n % docs:03d}",
                float(h),
                float(each),
                "positive" if is_ else "eligible",
            )
            for n, (h, each, is_) in enumerate(zip(hardness, p, labelled, strict=True))
        )
    )


def picked(part: pl.DataFrame, picker: neg.RiskLimited, folder: Path) -> tuple[pl.DataFrame, dict]:  # type: ignore[type-arg]
    path = folder / "part.parquet"
    part.write_parquet(path)
    tuned, told = picker.tuned([path])
    return tuned.pick(part.filter(pl.col("verdict") != "positive"), 0), told


@pytest.mark.recipe("default")
@pytest.mark.parametrize("share", [0.01, 0.02, 0.05, 0.1])
def test_the_expected_share_is_kept_and_every_negative_delivered(
    share: float, tmp_path: Path
) -> None:
    chosen, told = picked(made(1), neg.RiskLimited(per_query=5, max_false=share), tmp_path)
    assert len(chosen) == 200 * 5
    expected = chosen["p_relevant"].to_numpy().astype(float).mean()
    assert expected <= share + 1e-6
    assert told["expected"] == pytest.approx(expected, abs=1e-6)
    assert told["expected by leaks"] <= share


def test_more_risk_buys_harder_negatives(tmp_path: Path) -> None:
    hardness = [
        picked(made(2), neg.RiskLimited(per_query=5, max_false=share), tmp_path)[1]["hardness"]
        for share in (0.01, 0.03, 0.1, 1.0)
    ]
    assert hardness == sorted(hardness)
    assert hardness[0] < hardness[-1]


def test_where_all_is_allowed_the_hardest_are_picked(tmp_path: Path) -> None:
    part = made(3)
    chosen, told = picked(part, neg.RiskLimited(per_query=5, max_false=1.0, max_p=1.0), tmp_path)
    hardest = neg.Top(per_query=5).pick(part.filter(pl.col("verdict") != "positive"), 0)
    assert chosen.select("query_id", "doc_id").equals(hardest.select("query_id", "doc_id"))
    assert told["price"] == 0


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.floats(0.5, 50), st.integers(1, 8))
def test_at_a_given_price_the_worthiest_are_picked(seed: int, price: float, per_query: int) -> None:
    part = made(seed, queries=3, docs=12).filter(pl.col("verdict") != "positive")
    chosen = neg.RiskLimited(per_query=per_query, price=price, max_p=1.0).pick(part, 0)
    for query in part["query_id"].unique():
        worth = [
            (-(h - price * p), doc)
            for q, doc, h, p, *_ in part.select(
                "query_id", "doc_id", pl.col("hardness", "p_relevant").cast(pl.Float64)
            ).iter_rows()
            if q == query
        ]
        expected = [doc for _, doc in sorted(worth)[:per_query]]
        assert chosen.filter(query_id=query)["doc_id"].to_list() == expected


def test_a_share_that_cannot_be_kept_is_said_to_be_so(tmp_path: Path) -> None:
    part = ledger(
        *((f"q{n:02d}", f"d{m}", 0.0, 0.5, "eligible") for n in range(20) for m in range(5))
    )
    _, told = picked(part, neg.RiskLimited(per_query=5, max_false=0.02), tmp_path)
    assert told["warning"].startswith(
        "at most 2.0% false cannot be promised: the safest choice of 5 a query still has 50.0%"
    )
    assert not told["promised"]


def test_without_probabilities_nothing_is_promised(tmp_path: Path) -> None:
    part = ledger(
        ("q", "above", 0.5, None, "eligible"),
        ("q", "just-below", -0.1, None, "eligible"),
        ("q", "far-below", -3.0, None, "eligible"),
    )
    chosen, told = picked(part, neg.RiskLimited(per_query=2), tmp_path)
    assert chosen["doc_id"].to_list() == ["just-below", "far-below"]
    assert "no share of false negatives is promised" in told["warning"]


def test_what_was_judged_not_relevant_costs_nothing(tmp_path: Path) -> None:
    part = ledger(
        ("q", "judged", 1.0, None, "judged-negative"),
        ("q", "unsure", 1.0, 0.4, "eligible"),
        ("q", "safe", -2.0, 0.001, "eligible"),
    )
    chosen, _ = picked(part, neg.RiskLimited(per_query=2, max_false=0.1), tmp_path)
    assert chosen["doc_id"].to_list() == ["judged", "safe"]


def test_by_default_no_pair_is_taken_that_is_more_probably_relevant_than_not(
    tmp_path: Path,
) -> None:
    chosen, _ = picked(made(5), neg.RiskLimited(per_query=60, max_false=1.0), tmp_path)
    assert (chosen["p_relevant"] <= 0.5).all()


def window(part: pl.DataFrame, per_query: int, skip: int = 30) -> float:
    """Mean hardness of so many candidates of each query after the hardest ones."""
    rest = part.filter(pl.col("verdict") != "positive")
    found = []
    for query in rest["query_id"].unique().sort():
        hardness = sorted(rest.filter(query_id=query)["hardness"], reverse=True)
        found += hardness[skip : skip + per_query]
    return float(np.mean(found))


def unsure(seed: int) -> pl.DataFrame:
    """Probabilities that no safe choice is left with."""
    p = pl.col("p_relevant")
    return made(seed).with_columns(p_relevant=(0.1 + p * 0.8).cast(pl.Float32))


def test_what_cannot_be_promised_is_no_easier_than_a_rank_window(tmp_path: Path) -> None:
    part = unsure(7)
    for basis in ("labels", "verdicts"):
        path = tmp_path / "part.parquet"
        part.write_parquet(path)
        tuned, told = neg.RiskLimited(per_query=5, max_false=0.02).tuned([path], basis)
        assert told["compromise"]
        assert not told["promised"]
        assert told["window"] == pytest.approx(window(part, 5), abs=1e-5)
        assert told["hardness"] >= told["window"] - 1e-6
        assert told["hardness"] == pytest.approx(told["window"], abs=0.02)
        assert "a compromise was picked, as hard as ranks 31 to 35 would be" in told["warning"]
        chosen = tuned.pick(part.filter(pl.col("verdict") != "positive"), 0)
        assert chosen["hardness"].mean() == pytest.approx(told["hardness"], abs=1e-6)


def test_strictly_the_safest_are_picked_all_the_same(tmp_path: Path) -> None:
    _, told = picked(unsure(7), neg.RiskLimited(per_query=5, max_false=0.02, strict=True), tmp_path)
    assert not told["compromise"]
    assert told["hardness"] < window(unsure(7), 5) - 0.3
    assert "--strict" not in told["warning"]


def test_where_the_label_rate_is_a_guess_nothing_is_promised_and_the_range_is_told(
    tmp_path: Path,
) -> None:
    path = tmp_path / "part.parquet"
    p = pl.col("p_relevant")
    made(8).with_columns(
        p_relevant_low=p * 0.2, p_relevant_mid=p * 0.6, p_relevant_high=p * 1.5
    ).write_parquet(path)
    _, told = neg.RiskLimited(per_query=5, max_false=0.05).tuned([path], "guess")
    assert not told["promised"]
    assert told["low"] < told["mid"] < told["expected"] < told["high"]
    assert told["expected"] <= 0.05
    assert "negatives judge RUN --ask 60" in told["warning"]
    assert f"{told['low']:.1%} to {told['high']:.1%} over the label rates" in told["warning"]


def test_known_positives_above_the_limit_are_put_back_too_and_never_leak(tmp_path: Path) -> None:
    told = [
        picked(made(6), neg.RiskLimited(per_query=5, max_p=limit), tmp_path)[1]
        for limit in (0.05, 1.0)
    ]
    assert told[0]["known positives"] == told[1]["known positives"]
    assert told[0]["of them picked if unlabelled"] <= told[1]["of them picked if unlabelled"]


def test_no_pair_above_the_limit_for_one_pair_is_ever_picked(tmp_path: Path) -> None:
    chosen, _ = picked(made(5), neg.RiskLimited(per_query=60, max_false=1.0, max_p=0.2), tmp_path)
    assert (chosen["p_relevant"] <= 0.2).all()
