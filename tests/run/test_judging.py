"""A costly judge on a finished run: what it looks at and changes, and that it can be killed."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import negatives as neg
from negatives.errors import InputError, RecipeError, RunError
from negatives.estimate.budget import choose
from negatives.estimate.revision import features, folds, learn, with_others
from negatives.judge.near_duplicate import NearDuplicate
from negatives.judge.reranker import Rerank
from negatives.run.judged import BEFORE
from negatives.schema import ELIGIBLE, POSITIVE, REJECTED
from negatives.show import write_report
from negatives.store.manifest import read_manifest
from tests.killing import kill_when, start_python
from tests.models.tiny_reranker import save_onnx

PAIR = ["query_id", "doc_id"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_onnx(tmp_path_factory.mktemp("onnx")))


@pytest.fixture(scope="module")
def mined(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of Cranfield in four parts, with a p_relevant that knows a little."""
    out = tmp_path_factory.mktemp("judging") / "run"
    recipe = neg.Recipe(find=(neg.BM25(top=20),), pick=neg.Top(per_query=5), shard=60)
    run = neg.mine("cranfield", out, recipe=recipe, judges=[])
    manifest = read_manifest(out)
    assert manifest is not None
    for path in run.parts:
        part = pl.read_parquet(path)
        p = (pl.col("hardness") / 2 - 2).clip(-6, 3)
        part.with_columns(p_relevant=(1 / (1 + (-p).exp())).cast(pl.Float32)).write_parquet(path)
        manifest.enter(out, path, len(part))
    manifest.save(out)
    return out


@pytest.fixture
def run(mined: Path, tmp_path: Path) -> neg.Run:
    shutil.copytree(mined, tmp_path / "run")
    return neg.Run(tmp_path / "run")


def contents(run: neg.Run) -> dict[str, bytes]:
    files = [*sorted((run.path / "candidates").iterdir()), run.path / "negatives.parquet"]
    assert set(files[:-1]) == set(run.parts)
    return {file.name: file.read_bytes() for file in files}


@pytest.mark.slow
def test_without_a_budget_all_that_can_change_is_judged(run: neg.Run, model: str) -> None:
    before = run.candidates().collect()
    judged = run.judge(Rerank(model=model))
    after = judged.candidates().collect()
    kept = after.select(pl.exclude("reranker_score", "reranker_probability", BEFORE, "p_relevant"))
    assert kept.equals(before.drop("p_relevant"))
    assert after[BEFORE].equals(before["p_relevant"].alias(BEFORE))
    scored = after.filter(pl.col("reranker_score").is_not_null())
    assert set(scored["verdict"]) == {POSITIVE, ELIGIBLE}
    unscored = after.filter(
        pl.col("verdict").is_in([POSITIVE, ELIGIBLE]), pl.col("reranker_score").is_null()
    )
    empty = judged.collection.corpus["doc_id"].gather(judged.collection.empty_docs)
    assert unscored["doc_id"].is_in(empty.implode()).all()
    note = judged.manifest.notes.cascade
    assert note is not None
    assert note.pairs == note.full == note.calls == len(scored)
    assert note.saving == 0
    assert note.worth is not None
    assert note.revised == note.worth.above_chance
    assert not note.revised, "random weights are at chance, and not believed"
    assert after["p_relevant"].equals(before["p_relevant"])
    assert any("no better than chance (AUC 0.5" in text for text in judged.manifest.warnings)
    assert judged.manifest.counts.candidates == len(after)


@pytest.mark.slow
def test_a_budget_is_kept_and_goes_where_a_score_can_change_a_pick(
    run: neg.Run, model: str
) -> None:
    picked = run.negatives.select(PAIR)
    judged = run.judge(Rerank(model=model), budget=700)
    after = judged.candidates().collect()
    scored = after.filter(pl.col("reranker_score").is_not_null())
    assert len(scored) == 700
    note = judged.manifest.notes.cascade
    assert note is not None
    assert (note.pairs, note.calibration, note.budget) == (700, 200, 700)
    assert note.worth is not None
    assert 0 < note.worth.auc < 1
    assert note.worth.labelled == 100
    assert note.saving == pytest.approx(1 - 700 / note.full, abs=1e-4)
    assert scored.filter(pl.col("verdict") == POSITIVE).height == note.labelled == 100
    share = len(scored.join(picked, on=PAIR, how="semi")) / len(picked)
    ordinary = len(picked) / len(after)
    assert share > 2 * ordinary * 700 / len(picked)
    untouched = after.filter(pl.col("reranker_score").is_null())
    assert untouched["p_relevant"].equals(untouched[BEFORE].alias("p_relevant"))


@pytest.mark.slow
def test_the_report_says_what_was_asked(run: neg.Run, model: str) -> None:
    write_report(run.judge(Rerank(model=model), budget=300))
    page = " ".join((run.path / "report.html").read_text("utf-8").split())
    asked = "The judge <code>reranker</code> was asked about 300 pairs"
    assert asked in page


@pytest.mark.slow
def test_the_same_call_again_has_nothing_to_do(run: neg.Run, model: str) -> None:
    once = run.judge(Rerank(model=model), budget=500)
    before = contents(once)
    stamp = (run.path / "manifest.json").stat().st_mtime_ns
    again = once.judge(Rerank(model=model), budget=500)
    assert contents(again) == before
    assert (run.path / "manifest.json").stat().st_mtime_ns == stamp
    assert not (run.path / ".work").exists()


@pytest.mark.slow
def test_what_is_known_is_not_computed_again_and_each_call_begins_from_what_was_mined(
    run: neg.Run, mined: Path, model: str, tmp_path: Path
) -> None:
    run = run.judge(Rerank(model=model, high=0.7), budget=500)
    assert run.candidates().filter(verdict=REJECTED).collect().height > 0
    run = run.judge(Rerank(model=model))
    note = run.manifest.notes.cascade
    assert note is not None
    assert note.calls == note.pairs - 500
    shutil.copytree(mined, tmp_path / "fresh")
    fresh = neg.Run(tmp_path / "fresh").judge(Rerank(model=model))
    assert contents(run) == contents(fresh)
    note = fresh.manifest.notes.cascade
    assert note is not None
    assert note.calls == 0


@pytest.mark.slow
def test_a_threshold_rejects_and_the_next_in_line_is_picked(run: neg.Run, model: str) -> None:
    before = len(run.negatives)
    judged = run.judge(Rerank(model=model, high=0.6))
    rejected = judged.rejected.filter(pl.col("reason").str.starts_with("reranker: "))
    assert len(rejected) > 0
    assert (rejected["reranker_score"] >= np.log(0.6 / 0.4)).all()
    assert len(judged.negatives.join(rejected, on=PAIR, how="semi")) == 0
    assert len(judged.negatives) == before
    assert (judged.candidates().filter(verdict=POSITIVE).collect()["reason"] != "").all()


@pytest.mark.slow
def test_without_p_relevant_there_are_scores_and_new_picks_but_no_estimate(
    tmp_path: Path, model: str
) -> None:
    made = neg.mine("cranfield", tmp_path / "run", sources=[neg.BM25(top=10)], judges=[])
    judged = made.judge(Rerank(model=model), budget=300)
    after = judged.candidates().collect()
    assert BEFORE not in after.columns
    assert after["p_relevant"].is_null().all()
    assert after["reranker_score"].is_not_null().sum() == 300
    note = judged.manifest.notes.cascade
    assert note is not None
    assert (note.calibration, note.revised) == (0, False)
    by_score = judged.repick(neg.Top(per_query=3, by="reranker_score"))
    assert by_score.recipe.pick.settings()["by"] == "reranker_score"


@pytest.mark.slow
def test_too_few_labels_leave_p_as_it_was_and_say_so(run: neg.Run, model: str) -> None:
    judged = run.judge(Rerank(model=model), budget=30)
    after = judged.candidates().collect()
    assert after["p_relevant"].equals(after[BEFORE].alias("p_relevant"))
    assert any("too few of the 30 judged pairs" in text for text in judged.manifest.warnings)


KILLED = """
import sys
import negatives as neg
from negatives.judge.reranker import Rerank
neg.Run(sys.argv[1]).judge(Rerank(model=sys.argv[2]), budget=1500)
"""


@pytest.mark.slow
def test_killed_at_any_moment_it_ends_in_the_same_bytes_and_the_ledger_is_never_torn(
    mined: Path, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(mined, tmp_path / "whole")
    monkeypatch.setenv("NEGATIVES_CACHE", str(tmp_path / "cache-whole"))
    whole = neg.Run(tmp_path / "whole").judge(Rerank(model=model), budget=1500)
    shutil.copytree(mined, tmp_path / "run")
    monkeypatch.setenv("NEGATIVES_CACHE", str(tmp_path / "cache-killed"))
    folder = tmp_path / "run"
    moments = (
        lambda: any((folder / ".work" / "judging").glob("chosen-*")),
        lambda: any((folder / "candidates").glob("*judged*")),
        lambda: not any((folder / "candidates").glob("part-00000.parquet")),
    )
    for moment in moments:
        kill_when(start_python(KILLED, folder, model), moment)
        ledger = neg.Run(folder).candidates().collect()
        assert len(ledger) == whole.manifest.counts.candidates
    assert start_python(KILLED, folder, model).wait() == 0
    killed = neg.Run(folder)
    assert contents(killed) == contents(whole)
    assert list(folder.rglob(".partial-*")) == []


def test_a_judge_that_scores_no_single_pairs_belongs_into_the_recipe(run: neg.Run) -> None:
    with pytest.raises(RecipeError) as caught:
        run.judge(NearDuplicate())
    assert not (run.path / ".work").exists()
    assert str(caught.value) == (
        "near-duplicate does not score single pairs\n"
        "  fix:   put it into the recipe as [[judge]] and mine again; reranker, perplexity, icr "
        "and the judges that ask a language model do"
    )


@pytest.mark.slow
def test_a_run_that_was_mined_with_it_is_not_judged_twice(tmp_path: Path, model: str) -> None:
    rerank = Rerank(model=model, top=2)
    run = neg.mine("cranfield", tmp_path / "r", sources=[neg.BM25(top=5)], judges=[rerank])
    with pytest.raises(RunError, match=r"its scores are in the ledger(.|\n)*mine without it"):
        run.judge(Rerank(model=model))


def test_a_budget_of_nothing_is_refused(run: neg.Run, model: str) -> None:
    with pytest.raises(InputError, match=r"a budget of 0 pairs(.|\n)*at least 1"):
        run.judge(Rerank(model=model), budget=0)


def pairs(rows: list[tuple[str, str, str, float | None, float, bool]]) -> pl.DataFrame:
    schema = {
        "query_id": pl.String,
        "doc_id": pl.String,
        "verdict": pl.String,
        "p_relevant": pl.Float32,
        "hardness": pl.Float32,
        "picked": pl.Boolean,
    }
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.with_columns(proposed=pl.lit(True))


def test_the_picked_come_before_the_next_in_line_and_the_unsure_before_the_sure() -> None:
    rows = pairs(
        [
            ("q", "picked-sure", ELIGIBLE, None, 0.9, True),
            ("q", "next", ELIGIBLE, None, 0.8, False),
            ("q", "second", ELIGIBLE, None, 0.7, False),
            ("q", "never", ELIGIBLE, None, 0.1, False),
            ("q", "label", POSITIVE, None, 1.0, False),
            ("q", "out", REJECTED, None, 2.0, False),
        ]
    )
    for budget, expected in ((1, {"picked-sure"}), (2, {"picked-sure", "next"})):
        assert set(choose(rows, budget, 2, 0)["doc_id"]) == expected
    # "never" would not be picked though all three above it went; the budget is left unspent.
    assert set(choose(rows, 4, 2, 0)["doc_id"]) == {"picked-sure", "next", "second"}
    assert len(choose(rows, None, 2, 0)) == len(choose(rows, 5, 2, 0)) == 5
    surer = rows.with_columns(
        p_relevant=pl.when(pl.col("doc_id") == "picked-sure").then(0.001).otherwise(0.4)
    )
    assert choose(surer, 1, 2, 0)["doc_id"].to_list() == ["next"]


world = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.integers(0, 30).map(str),
        st.sampled_from([POSITIVE, ELIGIBLE, ELIGIBLE, REJECTED]),
        st.none() | st.floats(0, 1, width=32),
        st.floats(-1, 1, width=32),
        st.booleans(),
    ),
    max_size=60,
    unique_by=lambda row: row[:2],
)


@pytest.mark.slow
@settings(max_examples=60)
@given(world, st.none() | st.integers(1, 70), st.integers(1, 5))
def test_never_more_than_the_budget_no_pair_twice_and_in_any_order_the_same(
    rows: list[tuple[str, str, str, float | None, float, bool]], budget: int | None, each: int
) -> None:
    frame = pairs(rows)
    chosen = choose(frame, budget, each, 1)
    assert len(chosen) <= (len(frame) if budget is None else budget)
    assert chosen.select(PAIR).is_unique().all()
    allowed = frame.filter(pl.col("verdict").is_in([POSITIVE, ELIGIBLE]))
    assert len(chosen.join(allowed, on=PAIR, how="semi")) == len(chosen)
    assert choose(frame.reverse(), budget, each, 1).equals(chosen)


def planted(queries: int, seed: int) -> tuple[pl.DataFrame, pl.Series]:
    """Scored pairs whose true relevance is known: p is right, a score tells, half is labelled."""
    draw = np.random.default_rng(seed)
    logit = draw.normal(-2, 1.5, queries * 12)
    relevant = draw.random(len(logit)) < 1 / (1 + np.exp(-logit))
    labelled = relevant & (draw.random(len(logit)) < 0.5)
    odds = (1 / (1 + np.exp(-logit))) * 0.5
    p = odds / (odds + 1 - 2 * odds)  # of being relevant, if not labelled
    frame = pl.DataFrame(
        {
            "query_id": [f"q{n // 12}" for n in range(len(logit))],
            "labelled": labelled,
            "proposed": True,
            "p_relevant": p.astype(np.float32),
            "score": (5 * draw.normal(1.5 * relevant, 1) + 3).astype(np.float32),
        }
    )
    return with_others(frame), pl.Series(relevant)


def test_a_score_that_says_nothing_changes_little() -> None:
    frame, _ = planted(400, 1)
    noise = pl.Series(np.random.default_rng(2).normal(size=len(frame)))
    frame = with_others(frame.drop("others").with_columns(score=noise))
    revision = learn(frame, 0)
    assert revision is not None
    moved = np.abs(revision.revised(frame, 0) - frame["p_relevant"].to_numpy())
    assert np.quantile(moved, 0.99) < 0.1


@pytest.mark.slow
def test_no_pair_is_revised_by_what_its_own_query_teaches() -> None:
    frame, _ = planted(80, 3)
    revision = learn(frame, 0)
    assert revision is not None
    mine = pl.col("query_id") == "q7"
    other = frame.with_columns(
        labelled=pl.when(mine).then(~pl.col("labelled")).otherwise("labelled")
    )
    changed = learn(other, 0)
    assert changed is not None
    part = folds(frame.filter(mine), 0)[0]
    np.testing.assert_array_equal(changed.full[part], revision.full[part])
    assert (np.delete(changed.full, part, 0) != np.delete(revision.full, part, 0)).any()


def test_the_others_are_the_querys_other_unlabelled_pairs() -> None:
    frame = pl.DataFrame(
        {
            "query_id": ["a", "a", "a", "b", "c"],
            "labelled": [True, False, False, False, True],
            "p_relevant": pl.Series([0.5] * 5, dtype=pl.Float32),
            "score": pl.Series([9.0, 1.0, 3.0, 5.0, 7.0], dtype=pl.Float32),
        }
    )
    made = with_others(frame)
    score = (frame["score"] - 5) / np.sqrt(8)
    np.testing.assert_allclose(made["score"], score)
    expected = [(score[1] + score[2]) / 2, score[2], score[1], score[3], score[4]]
    np.testing.assert_allclose(made["others"], expected)
    np.testing.assert_allclose(features(made)[:, 2], made["score"] - made["others"])
