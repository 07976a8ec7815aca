"""Neighbours, extrinsic and intrinsic: votes of judged documents, and suspects near seeds."""

from __future__ import annotations

from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.errors import RecipeError
from negatives.judge import likeness as module
from negatives.judge.neighbours import Neighbours
from negatives.judge.seed_neighbours import SeedNeighbours
from negatives.opening import JudgeContext, Likens
from negatives.schema import Collection
from tests.judge.likened import by_id, likened, pairs

Pair = tuple[int, int]


def line(place: float) -> tuple[float, float]:
    """A point of a line bent onto the unit circle: nearer points are more alike."""
    return float(np.cos(place / 8)), float(np.sin(place / 8))


def toy(scratch: Path) -> JudgeContext:
    """The method's worked example: clean 0 (negative) and 10 (positive), unjudged 1, 2 and 9."""
    docs = {f"at-{place:02d}": line(place) for place in (0, 1, 2, 9, 10)}
    return likened(scratch, {"q": (1.0, 0.0)}, docs, [("q", "at-00", 0), ("q", "at-10", 1)])


def flagged(
    stage: Neighbours | SeedNeighbours, context: JudgeContext, rows: pl.DataFrame
) -> list[str]:
    opinion = stage.open(context).judge(rows)
    assert len(opinion) == len(rows)
    names = by_id(context.collection, rows, opinion["verdict"])
    return [name for name, verdict in names.items() if verdict == "rejected"]


@pytest.mark.recipe("tacred-extrinsic")
@pytest.mark.recipe("tacred-cleaning")
def test_only_the_candidate_whose_nearest_clean_neighbour_is_positive_is_flagged(
    tmp_path: Path,
) -> None:
    context = toy(tmp_path)
    rows = pairs(context.collection)
    assert flagged(Neighbours(nearest=1, theta=0.5), context, rows) == ["at-09"]


def test_a_threshold_above_one_flags_nothing_and_one_of_minus_one_asks_the_vote_only(
    tmp_path: Path,
) -> None:
    context = toy(tmp_path)
    rows = pairs(context.collection)
    assert flagged(Neighbours(nearest=1, theta=1.1), context, rows) == []
    assert flagged(Neighbours(nearest=1, theta=-1), context, rows) == ["at-09"]
    assert flagged(Neighbours(nearest=1), context, rows) == []  # evidence only


def test_what_was_relabelled_flags_nothing_more(tmp_path: Path) -> None:
    context = toy(tmp_path)
    rows = pairs(context.collection)
    relabelled = rows.with_columns(
        relevance=pl.when(pl.col("doc") == 3).then(1).otherwise("relevance").cast(pl.Int32)
    )
    assert flagged(Neighbours(nearest=1, theta=0.5), context, relabelled) == []


def test_the_reason_says_who_voted(tmp_path: Path) -> None:
    context = toy(tmp_path)
    opinion = Neighbours(nearest=1, theta=0.5).open(context).judge(pairs(context.collection))
    assert opinion["reason"][3].startswith(
        "neighbours: 1.0 of the nearest are positives, at-10 alike 0.99"
    )


def held(likenesses: list[tuple[float, bool]], nearest: int) -> float | None:
    """The vote of an unlabelled pair's neighbours with one positive left out, the mean over which.

    By doing it: each positive in turn is taken away, and the rest vote.
    """
    positives = [place for place, (_, positive) in enumerate(likenesses) if positive]
    if len(positives) < 2 or len(positives) == len(likenesses):
        return None
    votes = []
    for place in positives:
        rest = sorted(likenesses[:place] + likenesses[place + 1 :], key=lambda each: -each[0])
        votes.append(mean(positive for _, positive in rest[:nearest]))
    return mean(votes)


@pytest.mark.slow
@given(
    st.lists(st.booleans(), min_size=1, max_size=8),
    st.integers(1, 9),
    st.randoms(use_true_random=False),
)
def test_an_unlabelled_pair_hears_as_many_voters_as_a_labelled_one(
    tmp_path_factory: pytest.TempPathFactory, signs: list[bool], nearest: int, random: object
) -> None:
    places = list(range(1, len(signs) + 1))
    random.shuffle(places)  # type: ignore[attr-defined]
    docs = {"candidate": line(0)} | {f"d{place}": line(place) for place in places}
    signed = list(zip(places, signs, strict=True))
    qrels = [("q", f"d{place}", int(sign)) for place, sign in signed]
    if not any(signs):
        qrels.append(("other", "candidate", 1))
    context = likened(
        tmp_path_factory.mktemp("held"), {"q": (1.0, 0.0), "other": (1.0, 0.0)}, docs, qrels
    )
    rows = pairs(context.collection, "q")
    opinion = Neighbours(nearest=nearest).open(context).judge(rows)
    found = by_id(context.collection, rows, opinion["neighbours_held"])["candidate"]
    expected = held([(-place, sign) for place, sign in signed], nearest)
    assert found == (None if expected is None else pytest.approx(expected, abs=1e-6))
    vote = by_id(context.collection, rows, opinion["neighbours_vote"])["candidate"]
    assert vote == pytest.approx(mean(sign for _, sign in sorted(signed)[:nearest]))


def test_whether_a_vote_is_known_does_not_give_a_label_away(tmp_path: Path) -> None:
    # With one positive, it would have no positive to be compared with, and all others would.
    context = toy(tmp_path)
    opinion = Neighbours().open(context).judge(pairs(context.collection))
    assert opinion["neighbours_held"].null_count() == len(opinion)


def test_a_positive_is_voted_on_by_the_others(tmp_path: Path) -> None:
    docs = {"n": line(0), "p1": line(1), "p2": line(5)}
    qrels = [("q", "n", 0), ("q", "p1", 1), ("q", "p2", 1)]
    context = likened(tmp_path, {"q": (1.0, 0.0)}, docs, qrels)
    rows = pairs(context.collection)
    found = by_id(
        context.collection, rows, Neighbours(nearest=1).open(context).judge(rows)["neighbours_held"]
    )
    assert found["p1"] == 0.0  # nearest is n
    assert found["p2"] == 1.0  # nearest is p1


def test_the_size_of_a_block_and_the_order_of_rows_change_no_vote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = toy(tmp_path)
    rows = pairs(context.collection)
    for stage in (Neighbours(nearest=1, theta=0.5),):
        ruling = stage.open(context)
        whole = ruling.judge(rows)
        assert ruling.judge(rows.reverse()).reverse().equals(whole)
        with monkeypatch.context() as patch:
            patch.setattr(module, "_PAIRS", 1)
            assert ruling.judge(rows).equals(whole)


def scored(data: Collection, scores: dict[str, float | None]) -> pl.DataFrame:
    rows = pairs(data)
    names = data.corpus["doc_id"].gather(rows["doc"]).to_list()
    return rows.with_columns(
        dense_score=pl.Series([scores.get(name, 0.5) for name in names], dtype=pl.Float32)
    )


def misranked(scratch: Path) -> tuple[JudgeContext, pl.DataFrame]:
    """20 unjudged documents on a line, a positive at 3.2 that all outscore, one at 15 that none."""
    docs = {f"d{place:02d}": line(place) for place in range(20)}
    docs |= {"lost": line(3.2), "sound": line(15)}
    context = likened(scratch, {"q": (1.0, 0.0)}, docs, [("q", "lost", 1), ("q", "sound", 1)])
    return context, scored(context.collection, {"lost": 0.1, "sound": 0.9})


@pytest.mark.recipe("tacred-cleaning")
def test_the_candidates_nearest_to_a_misranked_positive_are_suspects(tmp_path: Path) -> None:
    context, rows = misranked(tmp_path)
    assert flagged(SeedNeighbours(nearest=3), context, rows) == ["d02", "d03", "d04"]
    opinion = SeedNeighbours(nearest=3).open(context).judge(rows)
    assert opinion["seed_neighbours"].sum() == 3
    assert opinion["seed_neighbours"].null_count() == 2  # the positives: never touched
    assert opinion["reason"][3].startswith(
        "seed-neighbours: among the 3 nearest to 1 misranked positives, alike 0.99"
    )


def test_a_positive_that_few_outscore_is_no_seed(tmp_path: Path) -> None:
    context, rows = misranked(tmp_path)
    assert flagged(SeedNeighbours(below=20), context, rows) == ["d02", "d03", "d04"]
    assert flagged(SeedNeighbours(below=21), context, rows) == []


def test_never_more_than_a_share_goes_and_never_more_than_the_seeds_neighbours(
    tmp_path: Path,
) -> None:
    context, rows = misranked(tmp_path)
    for cap in (0.0, 0.05, 0.1, 0.5, 1.0):
        for nearest in (1, 3, 10):
            found = flagged(SeedNeighbours(nearest=nearest, cap=cap), context, rows)
            assert len(found) == min(nearest, int(20 * cap))
    assert flagged(SeedNeighbours(nearest=10, cap=0.05), context, rows) == ["d03"]


def test_a_candidate_near_two_seeds_counts_once_and_goes_first(tmp_path: Path) -> None:
    docs = {f"d{place:02d}": line(place) for place in range(20)}
    docs |= {"one": line(3.2), "two": line(4.9)}
    context = likened(tmp_path, {"q": (1.0, 0.0)}, docs, [("q", "one", 1), ("q", "two", 1)])
    rows = scored(context.collection, {"one": 0.1, "two": 0.1})
    stage = SeedNeighbours(nearest=3, cap=1.0)
    assert flagged(stage, context, rows) == ["d02", "d03", "d04", "d05", "d06"]
    assert flagged(SeedNeighbours(nearest=3, cap=0.05), context, rows) == ["d04"]


@pytest.mark.parametrize("score", [None, float("nan"), 0.5])
def test_positives_without_a_score_and_constant_scores_give_no_seed(
    tmp_path: Path, score: float | None
) -> None:
    context, rows = misranked(tmp_path)
    same = rows.with_columns(dense_score=pl.lit(score, pl.Float32))
    assert flagged(SeedNeighbours(), context, same) == []


def naive_suspects(stage: SeedNeighbours, context: JudgeContext, rows: pl.DataFrame) -> set[Pair]:
    """The method in plain loops: seeds, the nearest candidates of each, those near most first."""
    source = context.sources["dense"]
    assert isinstance(source, Likens)
    found: set[Pair] = set()
    for query in rows["query"].unique():
        mine = [row for row in rows.iter_rows(named=True) if row["query"] == query]
        unjudged = [row for row in mine if row["relevance"] is None]
        scores = sorted((row["dense_score"] for row in unjudged), reverse=True)
        if len(scores) < stage.below:
            continue
        bar = scores[stage.below - 1]
        held: dict[int, list[float]] = {}
        for row in mine:
            if (row["relevance"] or 0) > 0 and row["dense_score"] < bar:
                docs = np.array([each["doc"] for each in unjudged], np.uint32)
                alike = source.doc_likeness(np.full(len(docs), row["doc"], np.uint32), docs)
                near = sorted(zip(-alike, docs.tolist(), strict=True))[: stage.nearest]
                for less, doc in near:
                    held.setdefault(doc, []).append(float(-less))
        order = sorted(held, key=lambda doc: (-len(held[doc]), -max(held[doc]), doc))
        found |= {(query, doc) for doc in order[: int(len(unjudged) * stage.cap)]}
    return found


@pytest.mark.recipe("tacred-cleaning")
@pytest.mark.parametrize("step", [0.0, 0.25])
def test_suspects_are_those_of_plain_loops_ties_and_all(tmp_path: Path, step: float) -> None:
    # Rounded to a step, many documents are as alike, and many candidates score the same.
    draw = np.random.default_rng(0)
    docs = {f"d{n:02d}": tuple(_rounded(draw.normal(size=4), step)) for n in range(60)}
    queries = {f"q{n}": tuple(draw.normal(size=4)) for n in range(5)}
    qrels = [(query, f"d{doc:02d}", 1) for query in queries for doc in draw.choice(60, 8, False)]
    context = likened(tmp_path, queries, docs, qrels)
    rows = pairs(context.collection)
    scores = _rounded(draw.normal(size=len(rows)), step)
    rows = rows.with_columns(dense_score=pl.Series(scores, dtype=pl.Float32))
    for stage in (SeedNeighbours(below=3), SeedNeighbours(below=5, nearest=6, cap=0.3)):
        verdict = stage.open(context).judge(rows)["verdict"]
        suspects = rows.filter((verdict == "rejected").fill_null(False)).select("query", "doc")
        assert {*suspects.iter_rows()} == naive_suspects(stage, context, rows)
        assert len(suspects) > 20


def _rounded(values: np.ndarray[Any, Any], step: float) -> np.ndarray[Any, Any]:
    return np.round(values / step) * step if step else values


def test_planted_false_negatives_are_found(tmp_path: Path) -> None:
    # Ten relevant documents in a cluster; half of them lost their label, and the scorer errs on
    # some of those that kept it. More than half of the suspects are planted, and most are found.
    draw = np.random.default_rng(0)
    centre, away = np.eye(16)[0], np.eye(16)[1]
    docs = {f"r{n}": tuple(centre + 0.1 * draw.normal(size=16)) for n in range(10)}
    docs |= {f"x{n:02d}": tuple(away + 0.3 * draw.normal(size=16)) for n in range(40)}
    qrels = [("q", f"r{n}", 1) for n in range(5)]
    context = likened(tmp_path, {"q": tuple(centre)}, docs, qrels)
    rows = scored(context.collection, {"r0": 0.1, "r1": 0.2, "r2": 0.9, "r3": 0.9, "r4": 0.9})
    found = flagged(SeedNeighbours(nearest=5), context, rows)
    planted = {f"r{n}" for n in range(5, 10)}
    assert len(planted & set(found)) / len(found) > 0.5
    assert len(planted & set(found)) / len(planted) > 0.5


@pytest.mark.parametrize("stage", [Neighbours(theta=0.5), SeedNeighbours()])
def test_they_are_rehearsed_on_no_rows_before_any_source_is_open(
    tmp_path: Path, stage: Neighbours | SeedNeighbours
) -> None:
    context, rows = misranked(tmp_path)
    early = JudgeContext(collection=context.collection, scratch=tmp_path, reference="dense")
    assert stage.open(early).judge(rows.clear()).is_empty()


def test_without_a_dense_source_they_say_what_to_add(tmp_path: Path) -> None:
    context, rows = misranked(tmp_path)
    without = JudgeContext(collection=context.collection, scratch=tmp_path, reference="dense")
    for stage in (Neighbours(), SeedNeighbours()):
        with pytest.raises(RecipeError, match=f"{stage.kind} needs a dense source"):
            stage.open(without).judge(rows)
    with pytest.raises(RecipeError, match="no source scores the candidates"):
        SeedNeighbours().open(JudgeContext(collection=context.collection, scratch=tmp_path))


def test_the_advice_names_the_setting_that_rejects() -> None:
    assert Neighbours(theta=0.9).fix == "raise neighbours theta above 0.9"
    assert SeedNeighbours().fix == "lower seed-neighbours cap below 0.15 or nearest below 3"
