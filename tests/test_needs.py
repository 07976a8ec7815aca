"""What collections lack: refused where it is all, and told where it is a part."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

import negatives as neg
from negatives.errors import DataError
from negatives.events import silent
from negatives.find.same_parent import SameParent
from negatives.judge.not_before import NotBefore
from negatives.judge.same_branch import SameBranch
from negatives.judge.wanted_type import WantedType
from negatives.needs import partly_unmet, refuse_unmet
from negatives.schema import Collection
from tests.build import collection


def with_fields(**fields: list[str | None]) -> Collection:
    """Four documents and two queries, of which one is mined; a field's values begin with theirs."""
    made = collection(dict.fromkeys("abcd", "x"), {"q": "x", "r": "x"}, [("q", "a", 1)])
    docs = {name: pl.Series(values[:4], dtype=pl.String) for name, values in fields.items()}
    asked = {name: pl.Series(values[4:], dtype=pl.String) for name, values in fields.items()}
    return replace(
        made,
        corpus=made.corpus.with_columns(**docs),
        queries=made.queries.with_columns(**asked),
    )


def test_a_field_that_a_part_lacks_is_told_with_all_that_read_it() -> None:
    made = with_fields(
        parent=["p", None, "", "p", None, None], type=["x", "x", "x", "x", "x", None]
    )
    assert partly_unmet([SameParent(), SameBranch(), WantedType()], made) == [
        "2 of 4 documents (50%) have no parent, which same-parent and same-branch read"
    ]
    # Of the queries only those count that are mined.
    made = with_fields(type=["x", "x", "x", "x", None, "x"])
    assert partly_unmet([WantedType()], made) == [
        "1 of 1 queries (100%) have no type, which wanted-type reads"
    ]


def test_a_run_tells_of_it(tmp_path: Path) -> None:
    made = with_fields(type=["x", "y", None, "y", "x", "x"])
    run = neg.mine(
        made,
        tmp_path / "run",
        sources=[neg.Random()],
        judges=[WantedType(of="random", skip=0)],
        emit=silent,
    )
    said = "1 of 4 documents (25%) have no type, which wanted-type reads"
    assert said in run.manifest.warnings


def test_a_field_that_is_there_and_not_understood_is_told_with_its_value(tmp_path: Path) -> None:
    for side, prefix in (("corpus", "d"), ("queries", "q")):
        rows = [{"_id": f"{prefix}{n}", "text": "x", "time": "1 May 2010"} for n in range(3)]
        (tmp_path / f"{side}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels/train.tsv").write_text("query-id\tcorpus-id\tscore\nq0\td0\t1\n")
    found = neg.Collection.load(tmp_path)
    # Both sides have it, and one sentence says so.
    note = "field 'time' is not read: '1 May 2010' is no time such as 2019-05-03"
    assert [said for said in found.notes if "time" in said] == [note]
    assert all(found.notes)
    with pytest.raises(DataError) as caught:
        refuse_unmet([NotBefore()], found)
    assert str(caught.value) == (
        f"not-before needs the time of the documents, and these have none: {note}\n"
        f"  where: judge not-before, collection {tmp_path.name!r}\n"
        "  fix:   write it in a way that is understood, or leave the stage out"
    )
