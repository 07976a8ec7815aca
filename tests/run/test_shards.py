"""One shard: candidates of all sources, the ledger's rows, the negatives, and what is lacking."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from negatives.errors import RecipeError, WorkError
from negatives.find.bm25 import BM25
from negatives.find.fused import Fused
from negatives.find.known import Given, Judged
from negatives.find.sampled import Random
from negatives.judge.known import Known
from negatives.judge.near_duplicate import NearDuplicate
from negatives.judge.positive_aware import Margin, PercentOfPositive
from negatives.judge.rank_window import SkipTop
from negatives.opening import JudgeContext, Proposer, Ruling
from negatives.pick.sampled import RandomPick
from negatives.pick.simans import SimANS
from negatives.pick.stratified import Stratified
from negatives.pick.top import Top
from negatives.run.reference_scorer import ReferenceScorer
from negatives.run.shards import (
    find_shard,
    judge_shard,
    ledger_shard,
    pick_shard,
)
from negatives.schema import KEPT, Collection
from negatives.stage import Judge, Picker, Source
from tests.build import collection

DATA = collection(
    {
        "blank": " ",
        "copy": "Wing lift!",
        "drag": "wing drag",
        "heat": "heat of a wing",
        "judged": "wing tunnel",
        "lift": "wing lift",
        "other": "boundary layer heat",
        "query": "Lift of a wing?",
    },
    {"q1": "lift of a wing", "q2": "heat", "q3": "unjudged heat"},
    [("q1", "lift", 1), ("q1", "judged", 0), ("q2", "heat", 2), ("q2", "other", 1)],
    given=[("q2", "drag")],
)
SOURCES: tuple[Source, ...] = (
    BM25(top=6),
    Random(top=3),
    Given(),
    Judged(),
    Fused(of=["bm25", "random"], top=2),
)
JUDGES: tuple[Judge, ...] = (Known(), NearDuplicate(), PercentOfPositive(1.0))


def context(data: Collection, scratch: Path) -> JudgeContext:
    scratch.mkdir(parents=True, exist_ok=True)
    return JudgeContext(collection=data, scratch=scratch, reference="bm25")


def opened(data: Collection, sources: Sequence[Source], scratch: Path) -> dict[str, Proposer]:
    return {source.label: source.open(context(data, scratch / source.label)) for source in sources}


def ruled(data: Collection, judges: Sequence[Judge], scratch: Path) -> list[tuple[str, Ruling]]:
    return [
        (judge.kind, judge.open(context(data, scratch / f"{place}-{judge.kind}")))
        for place, judge in enumerate(judges)
    ]


def found(scratch: Path, sources: Sequence[Source] = SOURCES) -> pl.DataFrame:
    return find_shard(DATA, opened(DATA, sources, scratch), DATA.mined_queries)[0]


def ledger(scratch: Path, judges: Sequence[Judge] = JUDGES, deviation: float = 0.5) -> pl.DataFrame:
    reference = ReferenceScorer("bm25", deviation)
    judged = judge_shard(DATA, ruled(DATA, judges, scratch), found(scratch))
    return ledger_shard(DATA, reference, judged, None)


def row(part: pl.DataFrame, query: str, doc: str) -> dict[str, object]:
    mine = part.filter(pl.col("query_id") == query, pl.col("doc_id") == doc)
    return mine.row(0, named=True)


# Find


def test_one_row_a_pair_with_the_sources_that_proposed_it(tmp_path: Path) -> None:
    part = found(tmp_path)
    assert not part.select("query", "doc").is_duplicated().any()
    for listed in part.iter_rows(named=True):
        expected = [s.label for s in SOURCES if listed[f"{s.label}_rank"] is not None]
        assert listed["sources"] == expected


def test_every_positive_has_a_row_though_no_source_proposed_it(tmp_path: Path) -> None:
    named = DATA.ids_of(found(tmp_path, [Given()]))
    assert named.select("query_id", "doc_id", "sources").rows() == [
        ("q1", "lift", []),
        ("q2", "drag", ["given"]),
        ("q2", "heat", []),
        ("q2", "other", []),
    ]


def test_a_source_that_scores_any_pair_scores_the_candidates_of_the_others(
    tmp_path: Path,
) -> None:
    part = DATA.ids_of(found(tmp_path, [BM25(top=1), Given()]))
    assert row(part, "q2", "drag")["bm25_rank"] is None
    assert row(part, "q2", "drag")["bm25_score"] == 0.0  # no word in common, yet a score
    alone = DATA.ids_of(found(tmp_path / "alone", [BM25(top=99)]))
    both = part.join(alone, on=["query_id", "doc_id"], suffix="_alone")
    assert both["bm25_score"].to_list() == both["bm25_score_alone"].to_list()


def test_a_document_without_text_is_never_a_candidate(tmp_path: Path) -> None:
    data = collection(
        {"a": "text", "b": "", "c": "more"}, {"q": "text"}, [("q", "a", 1)], given=[("q", "b")]
    )
    proposers = opened(data, [Given(), Random()], tmp_path)
    part = data.ids_of(find_shard(data, proposers, data.mined_queries)[0])
    assert part["doc_id"].to_list() == ["a", "c"]


def test_a_positive_without_text_has_a_row_and_no_score(tmp_path: Path) -> None:
    data = collection({"a": "", "b": "text"}, {"q": "text"}, [("q", "a", 1)])
    part = find_shard(data, opened(data, [BM25()], tmp_path), data.mined_queries)[0]
    assert data.ids_of(part).select("doc_id", "bm25_score").row(0) == ("a", None)


def test_only_what_was_drawn_has_a_log_probability(tmp_path: Path) -> None:
    part = found(tmp_path)
    drawn = part["random_rank"].is_not_null()
    assert (part["log_q"].is_not_null() == drawn).all()


# Judge


def test_the_first_judge_that_objects_is_the_one_that_counts(tmp_path: Path) -> None:
    part = ledger(tmp_path)
    # `copy` is a copy of the positive, and scores as high: Known came first.
    assert row(part, "q1", "copy")["reason"] == "same-normalised-text: as positive lift"
    assert row(part, "q1", "query")["reason"] == ("query-as-document: the text is the query itself")
    assert row(part, "q1", "lift")["verdict"] == "positive"
    turned = ledger(tmp_path / "turned", [Known(), SkipTop(99), Margin()])
    assert str(row(turned, "q1", "drag")["reason"]).startswith("skip-top: bm25 rank")


def test_what_nobody_objects_to_is_eligible_without_a_reason(tmp_path: Path) -> None:
    part = ledger(tmp_path)
    eligible = part.filter(pl.col("verdict") == "eligible")
    assert len(eligible) > 0
    assert set(eligible["reason"]) == {""}
    assert eligible["relevance"].null_count() == len(eligible)


def test_every_row_in_is_kept_or_rejected_by_a_named_rule(tmp_path: Path) -> None:
    part = ledger(tmp_path)
    assert len(part) == len(found(tmp_path / "again"))
    positives = len(part.filter(pl.col("verdict") == "positive"))
    kept = len(part.filter(pl.col("verdict").is_in(KEPT)))
    rejected = part.filter(pl.col("verdict").is_in(["duplicate", "rejected"]))
    by_rule = rejected.group_by(pl.col("reason").str.split(":").list.first()).len()
    assert positives + kept + sum(by_rule["len"]) == len(part)
    assert set(by_rule["reason"]) <= {
        "same-text", "same-normalised-text", "query-as-document", "near-duplicate",
        "percent-of-positive",
    }  # fmt: skip


def test_hardness_is_the_distance_to_the_lowest_positive_in_deviations(tmp_path: Path) -> None:
    part = ledger(tmp_path, [Known()], deviation=0.5)
    for query in ("q1", "q2"):
        mine = part.filter(pl.col("query_id") == query)
        scores = dict(mine.select("doc_id", "bm25_score").iter_rows())
        lowest = min(
            scores[doc]
            for doc, verdict in mine.select("doc_id", "verdict").iter_rows()
            if verdict == "positive"
        )
        for doc, hardness in mine.select("doc_id", "hardness").iter_rows():
            assert hardness == pytest.approx((scores[doc] - lowest) / 0.5, abs=1e-6)
    assert row(part, "q2", "other")["hardness"] == 0.0  # the lower of two positives


@pytest.mark.parametrize(
    "reference", [ReferenceScorer("", 0.0), ReferenceScorer("", 1.0), ReferenceScorer("bm25", 0.0)]
)
def test_without_a_scorer_or_a_spread_hardness_is_unknown(
    reference: ReferenceScorer, tmp_path: Path
) -> None:
    judged = judge_shard(DATA, ruled(DATA, [Known()], tmp_path), found(tmp_path))
    part = ledger_shard(DATA, reference, judged, None)
    assert part["hardness"].null_count() == len(part)


def test_evidence_is_kept_between_scores_and_verdict(tmp_path: Path) -> None:
    columns = ledger(tmp_path).columns
    assert columns[:4] == ["query_id", "doc_id", "sources", "relevance"]
    assert columns[4:6] == ["bm25_rank", "bm25_score"]
    assert columns[-8:-6] == ["near_duplicate", "percent_of_positive_cut"]
    assert columns[-6:] == ["log_q", "p_relevant", "verdict", "rule", "reason", "hardness"]


class Shortens(Ruling):
    """A judge of somebody else's that loses a row."""

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.select(theirs=pl.lit(1)).head(1)


def test_a_judge_that_drops_rows_is_stopped(tmp_path: Path) -> None:
    part = found(tmp_path)
    with pytest.raises(WorkError, match=rf"judge 'theirs' returned 1 rows for {len(part)}"):
        judge_shard(DATA, [("theirs", Shortens())], part)


def test_two_judges_cannot_write_one_column(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        ledger(tmp_path, [Known(), Margin(), Margin(0.1)])
    assert str(caught.value) == (
        "two stages write the column 'margin_cut'\n"
        "  where: judge margin\n"
        "  fix:   leave one of them out of the recipe"
    )


def test_a_ledger_that_breaks_its_invariants_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(WorkError, match="3 positives not called positive"):
        ledger(tmp_path, [Margin()])  # nobody said which pairs are judged


# Pick


def test_negatives_are_kept_pairs_in_the_order_chosen(tmp_path: Path) -> None:
    part = ledger(tmp_path)
    negatives, _ = pick_shard(Top(per_query=3), 0, "bm25", 99, part)
    kept = part.filter(pl.col("verdict").is_in(KEPT))
    assert negatives.join(kept, on=["query_id", "doc_id"], how="semi").equals(negatives)
    for _, group in negatives.group_by("query_id"):
        assert group["position"].to_list() == list(range(len(group)))
        assert group["hardness"].is_sorted(descending=True)
    scores = negatives.join(part, on=["query_id", "doc_id"], how="left")["bm25_score"]
    assert negatives["score"].to_list() == scores.to_list()


def test_without_a_reference_negatives_have_no_score(tmp_path: Path) -> None:
    negatives, _ = pick_shard(Top(), 0, "", 99, ledger(tmp_path))
    assert negatives["score"].null_count() == len(negatives) > 0


@pytest.mark.parametrize("asked", [1, 2, 3, 7, 100])
def test_what_is_lacking_is_asked_minus_survivors_never_below_zero(
    asked: int, tmp_path: Path
) -> None:
    part = ledger(tmp_path)
    negatives, short = pick_shard(Top(per_query=asked), 0, "bm25", 99, part)
    survivors = part.group_by("query_id").agg(kept=pl.col("verdict").is_in(KEPT).sum())
    missing = [max(0, asked - kept) for kept in survivors["kept"]]
    assert short["missing"].sum() == sum(missing)
    assert len(short) == sum(count > 0 for count in missing)
    assert len(negatives) == 2 * asked - sum(missing)


class Careless(Picker, kind="careless"):
    """A picker of somebody else's that repeats what it is given."""

    def pick(self, rows: pl.DataFrame, seed: int) -> pl.DataFrame:
        return pl.concat([rows.head(1), rows.head(1)])


class Inventive(Picker, kind="inventive"):
    """A picker of somebody else's that chooses what nobody proposed."""

    def pick(self, rows: pl.DataFrame, seed: int) -> pl.DataFrame:
        return rows.head(1).with_columns(doc_id=pl.lit("blank"))


@pytest.mark.parametrize("picker", [Careless(), Inventive()])
def test_a_picker_that_repeats_or_invents_pairs_is_stopped(picker: Picker, tmp_path: Path) -> None:
    with pytest.raises(WorkError, match=f"picker '{picker.kind}' chose a pair twice, or one"):
        pick_shard(picker, 0, "bm25", 99, ledger(tmp_path))


# Everything together


def random_collection(order: NDArray[np.int64] | None = None) -> Collection:
    """80 texts of 30 words and 24 queries; `order` turns the tables, as another file would."""
    rng = np.random.default_rng(0)
    words = [f"word{n}" for n in range(30)]
    docs = [(f"d{n:02}", " ".join(rng.choice(words, 6))) for n in range(80)]
    queries = [(f"q{n:02}", " ".join(rng.choice(words, 3))) for n in range(24)]
    qrels = [(f"q{n:02}", f"d{n + 24 * k:02}", k) for n in range(24) for k in range(3)]
    if order is not None:
        docs = [docs[place] for place in order]
        queries, qrels = queries[::-1], qrels[::-1]
    return collection(dict(docs), dict(queries), qrels)


@pytest.mark.slow
@pytest.mark.parametrize(
    "picker", [Top(), RandomPick(), SimANS(), Stratified()], ids=lambda picker: picker.kind
)
def test_neither_the_size_of_a_shard_nor_the_order_of_the_files_changes_the_negatives(
    picker: Picker, tmp_path: Path
) -> None:
    def carried_out(data: Collection, size: int, scratch: Path) -> tuple[pl.DataFrame, ...]:
        proposers = opened(data, [BM25(top=20), Random(top=10), Fused(top=15)], scratch)
        rulings = ruled(data, [Known(), NearDuplicate(threshold=0.3), Margin(0.1)], scratch)
        parts, negatives = [], []
        for start in range(0, len(data.mined_queries), size):
            queries = data.mined_queries[start : start + size]
            rows, _ = find_shard(data, proposers, queries)
            judged = judge_shard(data, rulings, rows)
            parts.append(ledger_shard(data, ReferenceScorer("bm25", 0.7), judged, None))
            negatives.append(pick_shard(picker, 11, "bm25", 99, parts[-1])[0])
        return pl.concat(parts), pl.concat(negatives)

    shuffled = random_collection(np.random.default_rng(1).permutation(80))
    one = carried_out(random_collection(), 100, tmp_path / "whole")
    names = itertools.count()
    for data, size in ((random_collection(), 1), (random_collection(), 7), (shuffled, 100)):
        again = carried_out(data, size, tmp_path / str(next(names)))
        assert again[0].equals(one[0])
        assert again[1].equals(one[1])
