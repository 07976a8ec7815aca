"""Sources that find nothing are told of; sources whose scores say nothing stop the run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from negatives.errors import DataError
from negatives.find.bm25 import BM25
from negatives.find.co_occurrence import CoOccurrence
from negatives.find.dense import Dense
from negatives.find.sampled import Random
from negatives.run.scores import check_scores


def found(
    folder: Path,
    score: Callable[[int, int], float | None],
    *,
    queries: int = 10,
    docs: int = 5,
    silent: int = 0,
) -> list[Path]:
    """Two parts of a run; nothing was proposed for the last `silent` queries."""
    rows = [
        (query, doc, doc + 1 if query < queries - silent else None, score(query, doc))
        for query in range(queries)
        for doc in range(docs)
    ]
    schema = {"query": pl.UInt32, "doc": pl.UInt32, "bm25_rank": pl.Int32, "bm25_score": pl.Float32}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    # A source that scores no pair: it finds all that has a rank at all.
    frame = frame.with_columns(random_rank=(pl.col("doc") + 1).cast(pl.Int32))
    half = len(frame) // 2 // docs * docs
    paths = [folder / "a.parquet", folder / "b.parquet"]
    frame[:half].write_parquet(paths[0])
    frame[half:].write_parquet(paths[1])
    return paths


def check(parts: list[Path]) -> list[str]:
    return check_scores(parts, [BM25(), Random()], "made")


def test_of_scores_that_vary_nothing_is_said(tmp_path: Path) -> None:
    assert check(found(tmp_path, lambda query, doc: query + doc)) == []


@pytest.mark.parametrize("noise", [0.0, 2e-4])
def test_scores_that_do_not_vary_over_the_run_are_an_error(tmp_path: Path, noise: float) -> None:
    with pytest.raises(DataError) as caught:
        check(found(tmp_path, lambda query, doc: 1.0 - noise * (doc % 2)))
    assert str(caught.value) == (
        "the scores of bm25 do not vary: all of 50 pairs have 1\n"
        "  where: bm25, collection 'made'\n"
        "  fix:   it cannot tell these texts apart: take a recipe without bm25, such as a recipe "
        "with an encoder"
    )


def test_what_to_do_about_scores_that_do_not_vary_is_what_the_source_can_do(tmp_path: Path) -> None:
    parts = found(tmp_path, lambda query, doc: 1.0)
    told = {
        "name another encoder with --encoder, or a recipe without it (--recipe bm25)": Dense(),
        "these documents apart: take a recipe without co-occurrence, such as one that scores "
        "nothing, --recipe popularity": CoOccurrence(),
    }
    for fix, source in told.items():
        names = {
            name: name.replace("bm25", source.label)
            for name in pl.read_parquet_schema(parts[0])
            if name.startswith("bm25")
        }
        for part in parts:
            pl.read_parquet(part).rename(names).write_parquet(part.with_suffix(".other"))
        with pytest.raises(DataError, match="do not vary") as caught:
            check_scores([each.with_suffix(".other") for each in parts], [source], "made")
        assert fix in str(caught.value)


def test_of_a_handful_of_equal_scores_nothing_is_concluded(tmp_path: Path) -> None:
    assert check(found(tmp_path, lambda query, doc: 1.0, queries=3)) == []
    assert check(found(tmp_path, lambda query, doc: 1.0, queries=40, docs=1)) == []


def test_queries_with_nothing_are_counted(tmp_path: Path) -> None:
    assert check(found(tmp_path, lambda query, doc: doc, silent=4)) == [
        "bm25 found nothing for 4 of 10 queries (40%)"
    ]
    assert check(found(tmp_path, lambda query, doc: 0.0, silent=10)) == [
        "bm25 found nothing for 10 of 10 queries (100%)"
    ]
    assert check(found(tmp_path, lambda query, doc: doc, queries=40, silent=1)) == []


def test_what_scores_no_pair_may_have_found_nothing_too(tmp_path: Path) -> None:
    parts = found(tmp_path, lambda query, doc: doc)
    for part in parts:
        none = pl.when(pl.col("query") > 2).then("random_rank")
        pl.read_parquet(part).with_columns(random_rank=none).write_parquet(part)
    assert check(parts) == ["random found nothing for 3 of 10 queries (30%)"]
