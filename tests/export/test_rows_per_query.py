"""Fewer rows a query than its positives and negatives make: balanced, by seed and ids only."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negatives.api import Run
from negatives.errors import InputError
from negatives.events import Event, Warned
from negatives.export.ask import Ask
from negatives.export.fewer import crossed
from negatives.export.pairs import PairsFormat
from tests.build import collection
from tests.export.made import finished_run


def sides(positives: int, negatives: int, query: str = "q") -> PairsFormat:
    def side(name: str, count: int) -> pl.DataFrame:
        ids = [f"{name}{number}" for number in range(count)]
        return pl.DataFrame({"query_id": [query] * count, "query": "?", "doc_id": ids})

    return PairsFormat(side("p", positives), side("n", negatives))


def pairs_of(
    run: Run, sides: PairsFormat, limit: int | None, seed: int = 0
) -> list[tuple[str, str]]:
    rows = crossed(sides, Ask(run, rows_per_query=limit, seed=seed))
    return rows.select("doc_id", "doc_id_negative").rows()


@given(
    positives=st.integers(1, 9),
    negatives=st.integers(1, 9),
    limit=st.integers(1, 90),
    seed=st.integers(0, 3),
)
@settings(max_examples=60, deadline=None)
def test_every_negative_is_used_before_any_is_used_twice_and_so_is_every_positive(
    positives: int, negatives: int, limit: int, seed: int
) -> None:
    run = Run.__new__(Run)  # of which nothing is asked here
    made = sides(positives, negatives)
    rows = pairs_of(run, made, limit, seed)
    assert len(rows) == len(set(rows)) == min(limit, positives * negatives)
    for side, there in enumerate((positives, negatives)):
        used = Counter(pair[side] for pair in rows)
        counts = [*used.values(), *[0] * (there - len(used))]
        assert max(counts) - min(counts) <= 1
    every = pairs_of(run, made, None)
    assert rows == [pair for pair in every if pair in {*rows}]  # in the order of all


def test_which_rows_depends_on_the_seed_and_on_ids_alone() -> None:
    run, made = Run.__new__(Run), sides(3, 4)
    assert pairs_of(run, made, 5) == pairs_of(run, made, 5)
    assert len({tuple(pairs_of(run, made, 5, seed)) for seed in range(6)}) > 1
    turned = PairsFormat(made.positives.reverse(), made.negatives.reverse())
    assert {*pairs_of(run, turned, 5)} == {*pairs_of(run, made, 5)}
    others = sides(5, 2, query="another")
    both = PairsFormat(
        pl.concat([made.positives, others.positives]), pl.concat([made.negatives, others.negatives])
    )
    assert pairs_of(run, both, 5)[:5] == pairs_of(run, made, 5)


def test_the_count_is_told_before_and_after(run: Run, tmp_path: Path) -> None:
    def told(format: str, **options: int) -> tuple[str, int]:
        heard: list[Event] = []
        rows = run.export(tmp_path / "x.jsonl", format=format, emit=heard.append, **options)  # type: ignore[arg-type]
        first = next(iter(event.text for event in heard if isinstance(event, Warned)))
        return first, rows

    made = "6 negatives x 4 positives make 9 rows"
    assert told("triplet") == (f"{made}; --rows-per-query 3 makes 6", 9)
    assert told("triplet", rows_per_query=3) == (f"{made}; --rows-per-query 3 makes 6", 6)
    assert told("preference", rows_per_query=1) == (f"{made}; --rows-per-query 1 makes 3", 3)
    for format in ("n-tuple", "ms-swift", "contrastors"):
        said = "4 positives make 4 rows; --rows-per-query 1 makes 3"
        assert told(format, rows_per_query=1) == (said, 3)


def test_where_each_query_has_one_positive_nothing_is_told(tmp_path: Path) -> None:
    data = collection({"a": "x", "b": "y"}, {"q": "z"}, [("q", "a", 1)])
    run = finished_run(tmp_path / "run", data, {"q": ["b"]})
    heard: list[Event] = []
    assert run.export(tmp_path / "x.jsonl", format="triplet", emit=heard.append) == 1
    assert not [event for event in heard if isinstance(event, Warned)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rows_per_query": 0}, "rows_per_query is 0\n  fix:   at least 1, or leave it out"),
        ({"seed": 1}, "a seed chooses nothing where all rows are written"),
        ({"rows_per_query": 2, "seed": 2**63}, "seed must fit in 64 bits"),
    ],
)
def test_what_cannot_be_meant_is_refused(run: Run, options: dict[str, int], said: str) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.raises(InputError) as refused:
        run.export(Path(folder) / "x.jsonl", format="triplet", **options)  # type: ignore[arg-type]
    assert said in str(refused.value)


def test_a_format_of_one_row_a_query_has_none_to_choose(run: Run, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        run.export(tmp_path / "x.jsonl", format="cohere", rows_per_query=3)
    assert str(refused.value).startswith(
        "rows_per_query is for the format triplet or n-tuple or ms-swift or contrastors or "
        "preference, not for cohere"
    )
