"""Evidence about documents that have nothing but ids: both sides of the fit see the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import negatives as neg
from negatives.arrays import Doubles
from negatives.find.co_occurrence import CoOccurrenceProposer
from negatives.judge.like_queries import LikeQueries, PopularityEvidence
from negatives.measure.hidden import half
from negatives.opening import Context, JudgeContext
from negatives.schema import Collection
from negatives.search.shared_positives import SharedPositives
from negatives.stats.auc import auc

QUERIES, DOCS, TASTES = 160, 240, 6
PAIR = ["query_id", "doc_id"]


def plays(seed: int = 0) -> Collection:
    """Users of six tastes, who have a third of the items of their taste and few others; some items
    are of many users, some of hardly any.
    """
    rng = np.random.default_rng(seed)
    taste, of = rng.integers(0, TASTES, QUERIES), rng.integers(0, TASTES, DOCS)
    popular = rng.beta(1, 3, DOCS)
    chance = np.where(taste[:, None] == of[None, :], 0.1 + 0.8 * popular, 0.03 * popular)
    query, doc = np.nonzero(rng.random((QUERIES, DOCS)) < chance)
    sides = {
        key: pl.DataFrame({key: [f"{letter}{n:03d}" for n in range(count)]}).with_columns(
            row=pl.int_range(pl.len(), dtype=pl.UInt32)
        )
        for key, letter, count in (("query_id", "u", QUERIES), ("doc_id", "i", DOCS))
    }
    qrels = pl.DataFrame(
        {
            "query_id": [f"u{n:03d}" for n in query],
            "doc_id": [f"i{n:03d}" for n in doc],
            "relevance": [1] * len(doc),
        },
        schema={"query_id": pl.String, "doc_id": pl.String, "relevance": pl.Int32},
    )
    return Collection(
        "plays", "train", sides["doc_id"], sides["query_id"], qrels.sort(PAIR), identity="id"
    )


@pytest.fixture(scope="module")
def hidden() -> tuple[Collection, pl.DataFrame]:
    """The half of the positives that is left, and the row numbers of the others."""
    left, gone = half(plays(), 0)
    return left, left.rows_of(gone.select(PAIR))


def opened(data: Collection, folder: Path) -> CoOccurrenceProposer:
    return neg.CoOccurrence(top=40).open(Context(data, folder))


def by_hand(data: Collection, shared: SharedPositives, query: int, doc: int) -> tuple[float, float]:
    """Co-occurrence and the votes of like queries of one pair, in plain loops."""
    has: dict[int, set[int]] = {}
    for row in data.positives.iter_rows():
        has.setdefault(row[0], set()).add(row[1])
    mine = has[query] - ({doc} if doc in has[query] else {int(shared.left_out[query])})
    others = {q: docs for q, docs in has.items() if q != query}
    of = [q for q, docs in others.items() if doc in docs]
    reached = 0.0
    for other in mine:
        together = sum(other in others[q] for q in of)
        alone = sum(other in docs for docs in others.values())
        reached += together / np.sqrt((alone + 5) * (len(of) + 5))
    votes = sum(len(mine & others[q]) ** 2 / len(mine) / max(len(others[q]) - 1, 1) for q in of)
    return reached / len(mine), votes


def evidence(data: Collection, folder: Path, rows: pl.DataFrame) -> dict[str, Doubles]:
    query, doc = (rows[name].to_numpy() for name in ("query", "doc"))
    context = JudgeContext(data, folder)
    made = {"co-occurrence": opened(data, folder).score(query, doc).astype(np.float64)}
    for judge in (LikeQueries(), PopularityEvidence()):
        for column in judge.open(context).judge(rows).iter_columns():
            made[column.name] = column.cast(pl.Float64).to_numpy()
    return made


def test_evidence_is_what_plain_loops_say(
    hidden: tuple[Collection, pl.DataFrame], tmp_path: Path
) -> None:
    data, gone = hidden
    shared = SharedPositives.of(data, 0)
    rows = pl.concat([data.positives[::40], gone[::40]])
    found = evidence(data, tmp_path, rows)
    for place, (query, doc) in enumerate(rows.iter_rows()):
        co_occurrence, votes = by_hand(data, shared, query, doc)
        assert found["co-occurrence"][place] == pytest.approx(co_occurrence, rel=1e-4)
        assert found["like_queries"][place] == pytest.approx(votes, rel=1e-4)
        others = data.positives.filter((pl.col("doc") == doc) & (pl.col("query") != query))
        assert found["popularity"][place] == pytest.approx(np.log1p(len(others)), rel=1e-6)


def test_a_labelled_pair_looks_like_a_hidden_positive(
    hidden: tuple[Collection, pl.DataFrame], tmp_path: Path
) -> None:
    """Where its own label is counted it does not, and nothing else would tell."""
    data, gone = hidden
    labelled, unlabelled = (evidence(data, tmp_path, rows) for rows in (data.positives, gone))
    for name in labelled:
        assert auc(labelled[name], unlabelled[name]) == pytest.approx(0.5, abs=0.03), name
    counts = np.bincount(data.positives["doc"].to_numpy(), minlength=len(data.corpus))
    own_counted = [counts[rows["doc"].to_numpy()] for rows in (data.positives, gone)]
    assert auc(*own_counted) > 0.53
    matrix = SharedPositives.of(data, 0).matrix().toarray()
    together = matrix.T @ matrix
    naive = [
        np.array([(matrix[q] * together[d]).sum() for q, d in rows.iter_rows()])
        for rows in (data.positives, gone)
    ]
    assert auc(*naive) > 0.6


def test_positives_are_proposed_where_they_rank_as_if_nobody_had_labelled_them(
    hidden: tuple[Collection, pl.DataFrame], tmp_path: Path
) -> None:
    data, gone = hidden
    found = opened(data, tmp_path).propose(data.mined_queries, {})
    shares = [
        len(found.join(rows, on=["query", "doc"], how="semi")) / len(rows)
        for rows in (data.positives, gone)
    ]
    assert shares[0] == pytest.approx(shares[1], abs=0.04)
    unlabelled = found.join(data.positives, on=["query", "doc"], how="anti")
    assert unlabelled.group_by("query").len()["len"].max() == 40
    some = data.mined_queries[3:5]
    again = opened(data, tmp_path).propose(some, {})
    assert again.equals(found.filter(pl.col("query").is_in(some)))


def test_a_query_with_one_positive_has_no_other_to_go_by(tmp_path: Path) -> None:
    data = plays()
    first = data.qrels["query_id"][0]
    kept = data.qrels.filter((pl.col("query_id") != first) | (pl.col("doc_id").is_first_distinct()))
    kept = pl.concat([kept.filter(pl.col("query_id") == first).head(1),
                      kept.filter(pl.col("query_id") != first)])  # fmt: skip
    one = Collection("one", "train", data.corpus, data.queries, kept, identity="id")
    heard: list[str] = []
    context = Context(one, tmp_path, emit=lambda event: heard.append(str(event)))
    found = neg.CoOccurrence().open(context).propose(one.mined_queries, {})
    assert found.filter(pl.col("query") == 0).is_empty()
    assert any("1 of 160 queries has one positive" in each for each in heard)


@pytest.mark.slow
@pytest.mark.recipe("ids")
def test_the_promise_holds_on_hidden_positives(tmp_path: Path) -> None:
    data, gone = half(plays(1), 0)
    run = neg.mine(data, tmp_path / "run", recipe="ids", per_query=3, max_false=0.05)
    truth = gone.select(*PAIR, hidden=pl.lit(True))
    ledger = run.candidates().filter(pl.col("verdict") == "eligible").collect()
    ledger = ledger.join(truth, on=PAIR, how="left").with_columns(pl.col("hidden").fill_null(False))
    mean, share = ledger["p_relevant"].mean(), ledger["hidden"].mean()
    # Rather too high than too low: where the evidence is weak, the label rate is not known.
    assert 0.7 * share < mean < 4 * share  # type: ignore[operator]
    told = auc(
        *(
            ledger.filter(pl.col("hidden") == each)["p_relevant"].to_numpy()
            for each in (True, False)
        )
    )
    assert told > 0.85
    picked = run.negatives
    assert len(picked) == 3 * len(data.mined_queries)
    false = len(picked.join(gone, on=PAIR, how="semi")) / len(picked)
    assert false <= 0.05


@pytest.mark.slow
def test_vectors_that_were_learned_from_the_labels_are_no_evidence(
    hidden: tuple[Collection, pl.DataFrame], tmp_path: Path
) -> None:
    data, gone = hidden
    matrix = SharedPositives.of(data, 0).matrix().toarray()
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    files = {"queries": left[:, :24] * values[:24], "docs": right[:24].T}
    for name, table in files.items():
        np.save(tmp_path / f"{name}.npy", table.astype(np.float32))
    ways = {}
    for way in ("other-data", "these-labels"):
        dense = neg.Dense(
            encoder="precomputed", similarity="dot", learned_from=way,
            query_vectors=str(tmp_path / "queries.npy"), doc_vectors=str(tmp_path / "docs.npy"),
            top=40,
        )  # fmt: skip
        run = neg.mine(
            data, tmp_path / way, sources=[neg.CoOccurrence(top=40), dense],
            judges=[LikeQueries(), PopularityEvidence(), neg.ScoreAgreement()],
            estimate=neg.Evidence(), pick=neg.RiskLimited(per_query=3),
        )  # fmt: skip
        pool = run.candidates().filter(pl.col("verdict") == "eligible").collect()
        truth = data.ids_of(gone).with_columns(hidden=pl.lit(True))
        pool = pool.join(truth, on=PAIR, how="left")
        basis = run.manifest.notes.p_relevant
        assert basis is not None
        ways[way] = (pool["p_relevant"].mean(), pool["hidden"].count() / len(pool), basis.evidence)
    believed, share, names = ways["other-data"]
    assert believed < 0.5 * share  # type: ignore[operator]
    assert any("dense" in name for name in names)
    mean, share, names = ways["these-labels"]
    assert mean > 0.6 * share  # type: ignore[operator]
    assert not any("dense" in name for name in names)
