"""wanted-type: wrong types above the positive, right types far below; the page's list by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from negatives.errors import DataError
from negatives.find.dense import Dense
from negatives.judge.wanted_type import WantedType
from negatives.pick.stratified import Stratified
from negatives.read import load
from negatives.run import mine
from negatives.schema import Collection
from tests.build import collection, context
from tests.pick.rows import rows as kept

TYPES = ["text", "image", "text", "image", "image", "text"]


def typed(wanted: str | None, found: bool = True) -> tuple[Collection, pl.DataFrame]:
    """Six documents in the order in which they are ranked; the fourth is the positive."""
    data = collection({f"d{n}": "a" for n in range(1, 7)}, {"q": "b"}, [("q", "d4", 1)])
    data = replace(
        data,
        corpus=data.corpus.with_columns(type=pl.Series(TYPES)),
        queries=data.queries.with_columns(type=pl.Series([wanted], dtype=pl.String)),
    )
    ranks = [n if found or n != 4 else None for n in range(1, 7)]
    rows = pl.DataFrame(
        {"query": [0] * 6, "doc": list(range(6)), "dense_rank": ranks},
        schema={"query": pl.UInt32, "doc": pl.UInt32, "dense_rank": pl.Int32},
    ).join(data.judged, on=["query", "doc"], how="left", maintain_order="left")
    return data, rows


def left(folder: Path, wanted: str, skip: int, found: bool = True) -> dict[int, int]:
    """Rank -> `wanted_type` of what the rule lets through."""
    data, rows = typed(wanted, found)
    opened = WantedType(skip=skip, of="dense").open(context(data, folder))
    said = pl.concat([rows, opened.judge(rows)], how="horizontal")
    kept = said.filter(pl.col("verdict").is_null(), pl.col("relevance").is_null())
    return dict(kept.select(pl.col("doc") + 1, "wanted_type").rows())


@pytest.mark.recipe("mm-embed")
def test_the_list_of_the_page_by_hand(tmp_path: Path) -> None:
    assert left(tmp_path, "image", 4) == {1: 0, 3: 0, 5: 1}
    # With the other type wanted the two sorts change places.
    assert left(tmp_path, "text", 4) == {2: 0, 6: 1}
    # Where the positive is not found, all of a wrong type that are found are above it.
    assert left(tmp_path, "image", 4, found=False) == {1: 0, 3: 0, 5: 1, 6: 0}
    assert left(tmp_path, "image", 0) == {1: 0, 2: 1, 3: 0, 5: 1}


def test_both_sorts_are_drawn_equally_often_and_the_one_where_there_is_no_other() -> None:
    pick = Stratified(per_query=1, by="wanted_type", edges=[0.5], begin="chance")
    many = kept(*((f"q{q}", f"d{d}", 0.0, None, d, None) for q in range(10_000) for d in range(3)))
    many = many.with_columns(wanted_type=(pl.col("dense_rank") > 0).cast(pl.Int8))
    share = pick.pick(many, 0)["wanted_type"].mean()
    assert isinstance(share, float)
    assert abs(share - 0.5) < 3 * np.sqrt(0.25 / 10_000)
    alone = many.filter(pl.col("wanted_type") == 1)
    assert len(pick.pick(alone, 0)) == 10_000


def folder(path: Path, asked: str = "title") -> Path:
    """A BEIR folder with titles and texts of the same things; queries ask for titles."""
    (path / "qrels").mkdir(parents=True)
    docs = [
        f'{{"_id": "{t}{n}", "text": "thing {n}", "type": "{t}"}}'
        for n in range(9)
        for t in ("title", "body")
    ]
    queries = [f'{{"_id": "q{n}", "text": "thing {n}", "type": "{asked}"}}' for n in range(9)]
    (path / "corpus.jsonl").write_text("\n".join(docs) + "\n")
    (path / "queries.jsonl").write_text("\n".join(queries) + "\n")
    judged = "".join(f"q{n}\ttitle{n}\t1\n" for n in range(9))
    (path / "qrels/train.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged)
    return path


def test_types_are_fields_of_a_file_and_a_run_has_what_the_rule_says(tmp_path: Path) -> None:
    run = mine(
        load(folder(tmp_path / "data")),
        tmp_path / "run",
        sources=[Dense(top=10)],
        judges=[WantedType(skip=3)],
    )
    ledger = run.candidates().collect()
    assert {*ledger["rule"].unique()} >= {"wanted-type"}
    assert ledger["wanted_type"].drop_nulls().is_in([0, 1]).all()


def test_types_that_nobody_asks_for_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        mine(load(folder(tmp_path / "d", "image")), tmp_path / "run", judges=[WantedType()])
    assert str(caught.value) == (
        "queries ask for the type image, and documents are of body, title\n"
        "  where: judge wanted-type, collection 'd'\n"
        "  fix:   give documents and queries the same names of types"
    )
    with pytest.raises(DataError, match="wanted-type needs the type of the documents"):
        mine("cranfield", tmp_path / "run", judges=[WantedType()])
