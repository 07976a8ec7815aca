"""Pickers whose choice follows from the numbers alone: top, quotas, strata."""

from __future__ import annotations

import polars as pl
import pytest

from negatives.errors import RecipeError
from negatives.pick.quotas import Quotas
from negatives.pick.sampled import RandomPick
from negatives.pick.stratified import Stratified
from negatives.pick.top import Top
from negatives.stage import Picker
from tests.each import for_each
from tests.pick.rows import rows


def picked(picker: Picker, frame: pl.DataFrame, seed: int = 0) -> str:
    return "".join(picker.pick(frame, seed)["doc_id"])


def test_top_takes_the_highest_first_ties_by_id_unknown_last() -> None:
    frame = rows(
        ("q", "a", None, 1, 1, 0.0),
        ("q", "b", -1.0, 1, 1, 0.0),
        ("q", "c", 0.5, 1, 1, 0.0),
        ("q", "d", -1.0, 1, 1, 0.0),
    )
    assert picked(Top(), frame) == "cbda"
    assert picked(Top(per_query=2), frame) == "cb"


def test_top_can_follow_another_column() -> None:
    frame = rows(("q", "a", 9.0, 1, 1, 0.1), ("q", "b", 0.0, 1, 1, 0.2))
    assert picked(Top(by="bm25_score"), frame) == "ba"


#          doc  hardness  bm25  dense
SOURCES = rows(
    ("q", "a", 0.0, 1, None, 0.0),
    ("q", "b", 0.0, 3, 1, 0.0),
    ("q", "c", 0.0, 2, None, 0.0),
    ("q", "d", 0.0, None, 2, 0.0),
    ("q", "e", 0.0, None, 3, 0.0),
    ("q", "f", 0.0, None, None, 0.0),
)


def test_quotas_take_the_best_ranked_of_each_source_in_turn() -> None:
    assert picked(Quotas(quotas={"bm25": 2, "dense": 2}, per_query=4), SOURCES) == "acbd"
    assert picked(Quotas(quotas={"dense": 2, "bm25": 2}, per_query=4), SOURCES) == "bdac"


def test_a_pair_of_two_sources_fills_one_quota_only() -> None:
    # b is third in bm25 and first in dense; dense goes on to its second, d.
    assert picked(Quotas(quotas={"bm25": 3, "dense": 1}, per_query=4), SOURCES) == "acbd"


def test_what_quotas_leave_over_goes_to_the_best_rank_in_any_source() -> None:
    # After a: b is first in dense, c and d second in one source, e third, f nowhere.
    assert picked(Quotas(quotas={"bm25": 1}, per_query=6), SOURCES) == "abcdef"


def test_an_unfillable_quota_is_filled_from_the_rest() -> None:
    assert picked(Quotas(quotas={"bm25": 5}, per_query=5), SOURCES) == "acbde"


def test_a_quota_of_no_source_is_told_the_sources() -> None:
    with pytest.raises(RecipeError) as caught:
        picked(Quotas(quotas={"bm52": 1}), SOURCES)
    assert str(caught.value) == (
        "quotas: the run has no source 'bm52'\n  fix:   one of bm25, dense"
    )


LADDER = rows(*(("q", f"{n}", -float(n), n + 1, None, 0.0) for n in range(8)))
"""Eight candidates, 0 the hardest; bm25 ranks 1 to 8."""


@for_each("seed", range(8))
def test_equal_strata_take_turns_hardest_first(seed: int) -> None:
    chosen = picked(Stratified(per_query=8), LADDER, seed)
    for place, stratum in enumerate(["01", "23", "45", "67"]):
        assert sorted(chosen[place] + chosen[place + 4]) == list(stratum)


@pytest.mark.parametrize("seed", range(4))
def test_fewer_than_strata_takes_the_hardest_strata(seed: int) -> None:
    chosen = picked(Stratified(per_query=2), LADDER, seed)
    assert (chosen[0] in "01", chosen[1] in "23") == (True, True)


@pytest.mark.parametrize("seed", range(4))
def test_edges_of_ranks_split_at_the_edge(seed: int) -> None:
    # Ranks 1-2 | 3-5 | 6-8; the lowest ranks are the hardest.
    chosen = picked(Stratified(by="bm25_rank", edges=[2.0, 5.0], per_query=3), LADDER, seed)
    assert (chosen[0] in "01", chosen[1] in "234", chosen[2] in "567") == (True, True, True)


@pytest.mark.parametrize("seed", range(4))
def test_edges_of_hardness_begin_with_the_highest(seed: int) -> None:
    # Hardness 0 to -7: above -2 | above -5 | the rest.
    chosen = picked(Stratified(edges=[-5.0, -2.0], per_query=3), LADDER, seed)
    assert (chosen[0] in "01", chosen[1] in "234", chosen[2] in "567") == (True, True, True)


@pytest.mark.parametrize("seed", range(4))
def test_an_empty_stratum_passes_its_turn(seed: int) -> None:
    chosen = picked(Stratified(edges=[-5.0, 100.0], per_query=4), LADDER, seed)
    assert [doc in "01234" for doc in chosen] == [True, False, True, False]


@for_each("stage", [Stratified(strata=2), Stratified(edges=[-1.0, 0.5])])
@for_each("seed", range(4))
def test_a_pair_without_a_value_counts_as_easiest(stage: Stratified, seed: int) -> None:
    frame = rows(("q", "a", None, 1, 1, 0.0), ("q", "b", 1.0, 1, 1, 0.0))
    assert picked(stage, frame, seed) == "ba"


def test_within_a_stratum_the_choice_is_random() -> None:
    firsts = {picked(Stratified(per_query=1), LADDER, seed) for seed in range(20)}
    assert firsts == {"0", "1"}


def test_groups_of_equal_width_are_the_bins_of_a_margin() -> None:
    # The page of TAS-Balanced: margins 1, 2, 3, 10 in ten bins fall into 0, 1, 2 and 9.
    margins = (1.0, 2.0, 3.0, 10.0)
    frame = rows(*(("q", f"{n}", 20 - m, 1, 1, 0.0) for n, m in enumerate(margins)))
    stage = Stratified(strata=10, equal="width", per_query=4)
    assert stage._in_strata(frame)["_stratum"].to_list() == [0, 1, 2, 9]
    assert picked(stage, frame) == "0123"


def test_equal_values_are_one_group_and_a_pair_without_one_the_last() -> None:
    values = {"a": 2.0, "b": 2.0, "c": None}
    frame = rows(*(("q", doc, value, 1, 1, 0.0) for doc, value in values.items()))
    numbers = Stratified(strata=10, equal="width")._in_strata(frame)["_stratum"]
    assert numbers.to_list() == [0, 0, 9]


def test_begun_by_chance_a_rare_margin_is_drawn_as_often_as_a_common_one() -> None:
    queries = [f"q{number}" for number in range(400)]
    common = [(query, f"{n:02d}", 1.0, 1, 1, 0.0) for query in queries for n in range(99)]
    frame = rows(*common, *((query, "rare", 9.0, 1, 1, 0.0) for query in queries))

    def share(stage: Picker) -> float:
        return stage.pick(frame, 0)["doc_id"].to_list().count("rare") / len(queries)

    balanced = Stratified(strata=10, equal="width", begin="chance", per_query=1)
    assert 0.42 < share(balanced) < 0.58  # three standard deviations
    assert share(RandomPick(per_query=1)) < 0.04
    assert share(Stratified(strata=10, equal="width", per_query=1)) == 1


def test_random_among_the_highest_takes_none_of_the_others() -> None:
    chosen = {picked(RandomPick(among=3, per_query=2), LADDER, seed) for seed in range(30)}
    assert set("".join(chosen)) == set("012")


def test_random_among_fewer_than_asked_still_gives_what_was_asked() -> None:
    assert sorted(picked(RandomPick(among=1, per_query=3), LADDER)) == ["0", "1", "2"]
