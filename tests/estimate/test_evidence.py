"""p_relevant on a real collection with positives hidden: calibrated, discerning, honest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import negatives as neg
from negatives.schema import Collection
from tests.measure.halved import hidden_half

SOURCES = [neg.BM25(top=40), neg.Dense(top=40)]


def mined(data: Collection, out: Path, **options: object) -> neg.Run:
    estimate = neg.Evidence(**options)  # type: ignore[arg-type]
    return neg.mine(data, out, sources=SOURCES, estimate=estimate, pick=neg.Top(per_query=5))


@pytest.fixture(scope="module")
def halved(tmp_path_factory: pytest.TempPathFactory) -> tuple[neg.Run, pl.DataFrame]:
    data, hidden = hidden_half(queries=225)
    run = mined(data, tmp_path_factory.mktemp("relevance") / "run")
    pool = run.candidates().filter(pl.col("verdict") == "eligible").collect()
    truth = hidden.select("query_id", "doc_id", hidden=pl.lit(True))
    return run, pool.join(truth, on=["query_id", "doc_id"], how="left").with_columns(
        pl.col("hidden").fill_null(False)
    )


@pytest.mark.slow
def test_it_tells_hidden_positives_better_than_any_single_score(
    halved: tuple[neg.Run, pl.DataFrame],
) -> None:
    from sklearn.metrics import roc_auc_score

    _, pool = halved
    auc = {
        name: roc_auc_score(pool["hidden"], pool[name])
        for name in ("p_relevant", "dense_score", "bm25_score", "hardness")
    }
    assert auc["p_relevant"] > max(auc[name] for name in auc if name != "p_relevant") + 0.1


@pytest.mark.slow
def test_it_is_calibrated(halved: tuple[neg.Run, pl.DataFrame]) -> None:
    _, pool = halved
    p, hidden = pool["p_relevant"].to_numpy(), pool["hidden"].to_numpy()
    bins = np.minimum((p * 15).astype(int), 14)
    gap = sum(
        abs(p[bins == each].mean() - hidden[bins == each].mean()) * (bins == each).mean()
        for each in np.unique(bins)
    )
    assert gap < 0.015
    assert 0.9 < p.mean() / hidden.mean() < 1.15


@pytest.mark.slow
def test_positives_have_what_would_be_said_of_them_unlabelled(
    halved: tuple[neg.Run, pl.DataFrame],
) -> None:
    run, pool = halved
    known = run.candidates().filter(
        pl.col("verdict") == "positive", pl.col("sources").list.len() > 0
    )
    known_p = known.select(pl.col("p_relevant").median()).collect().item()
    hidden_p = pool.filter("hidden")["p_relevant"].median()
    assert isinstance(hidden_p, float)
    assert 0.85 < known_p / hidden_p < 1.2  # neither is told by its label


@pytest.mark.slow
def test_it_says_what_it_learned_from(halved: tuple[neg.Run, pl.DataFrame]) -> None:
    told = halved[0].manifest.notes.p_relevant
    assert told is not None
    assert told.queries is not None
    assert told.queries > 200
    assert told.label_rate is not None
    assert 0 < told.label_rate < 1
    assert "words_max" in told.evidence


@pytest.mark.slow
def test_threads_and_shards_change_no_probability(tmp_path: Path) -> None:
    data, _ = hidden_half(queries=60)
    recipe = neg.Recipe(find=tuple(SOURCES), estimate=neg.Evidence(), pick=neg.Top())
    found = []
    for threads, shard in ((1, 4096), (2, 7)):
        out = tmp_path / f"{threads}-{shard}"
        from dataclasses import replace

        run = neg.mine(data, out, recipe=replace(recipe, shard=shard), threads=threads)
        found.append(run.candidates().select("query_id", "doc_id", "p_relevant").collect())
    assert found[0].equals(found[1])


def few(queries: int) -> Collection:
    return hidden_half(queries=queries)[0]


@pytest.mark.slow
def test_with_too_few_labels_it_is_null_and_says_so(tmp_path: Path) -> None:
    run = mined(few(3), tmp_path / "run")
    assert run.candidates().select(pl.col("p_relevant").is_null().all()).collect().item()
    assert any("an estimate needs 20 of 5" in each for each in run.manifest.warnings)


@pytest.mark.slow
def test_with_one_query_it_is_null_and_says_so(tmp_path: Path) -> None:
    run = mined(few(1), tmp_path / "run")
    assert run.candidates().select(pl.col("p_relevant").is_null().all()).collect().item()


@pytest.mark.slow
def test_a_labelled_share_that_is_given_is_used(tmp_path: Path) -> None:
    low = mined(few(60), tmp_path / "low", labelled=0.2)
    high = mined(few(60), tmp_path / "high", labelled=0.9)
    mean = pl.col("p_relevant").filter(pl.col("verdict") == "eligible").mean()
    p = [run.candidates().select(mean).collect().item() for run in (low, high)]
    assert p[0] > 5 * p[1]
    assert low.manifest.notes.basis == "recipe"
