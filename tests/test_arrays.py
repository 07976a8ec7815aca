"""Lists of lists, and work cut into spans, compared with plain Python."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from negatives.arrays import Ragged, by_volume, places_within, spread, starts_of

many = st.lists(st.lists(st.integers(0, 9), max_size=4), max_size=8)


def ragged(lists: list[list[int]]) -> Ragged[np.uint32]:
    values = np.array([value for each in lists for value in each], np.uint32)
    return Ragged(starts_of(np.array([len(each) for each in lists], np.int64)), values)


def plain(made: Ragged[np.uint32]) -> list[list[int]]:
    return [made[owner].tolist() for owner in range(len(made))]


@given(many, st.data())
def test_lists_of_lists_do_what_lists_do(lists: list[list[int]], data: st.DataObject) -> None:
    made, count = ragged(lists), len(lists)
    assert plain(made) == lists
    assert made.lengths.tolist() == [len(each) for each in lists]
    assert made.owners.tolist() == [owner for owner, each in enumerate(lists) for _ in each]
    first = data.draw(st.integers(0, count))
    last = data.draw(st.integers(first, count))
    assert plain(made.part(first, last)) == lists[first:last]
    owners = data.draw(st.lists(st.integers(0, count - 1), max_size=5)) if count else []
    taken = made.take(np.array(owners, np.int64))
    assert plain(taken) == [lists[owner] for owner in owners]
    shuffled = data.draw(st.permutations(range(len(made.values))))
    again = Ragged.of_owners(made.owners[shuffled], made.values[shuffled], count)
    assert [sorted(each) for each in plain(again)] == [sorted(each) for each in lists]


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 4)), max_size=6))
def test_runs_of_numbers_are_spread_one_after_the_other(runs: list[tuple[int, int]]) -> None:
    first, lengths = (np.array([run[side] for run in runs], np.int64) for side in (0, 1))
    expected = [start + place for start, length in runs for place in range(length)]
    assert spread(first, lengths).tolist() == expected
    assert places_within(lengths).tolist() == [n for _, length in runs for n in range(length)]


@given(
    st.lists(st.integers(0, 10), max_size=20),
    st.integers(1, 15),
    st.none() | st.integers(1, 4),
)
def test_spans_cover_everything_once_and_are_as_large_as_they_may_be(
    sizes: list[int], limit: int, most: int | None
) -> None:
    spans = list(by_volume(np.array(sizes, np.int64), limit, most))
    assert [n for start, stop in spans for n in range(start, stop)] == list(range(len(sizes)))
    for start, stop in spans:
        assert stop - start == 1 or sum(sizes[start:stop]) <= limit
        assert most is None or stop - start <= most
        full = most is not None and stop - start == most
        assert full or stop == len(sizes) or sum(sizes[start : stop + 1]) > limit
