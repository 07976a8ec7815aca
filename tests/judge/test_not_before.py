"""not-before: what is newer than the query is no candidate; the naive rule is the oracle."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import negatives as neg
from negatives.errors import DataError
from negatives.judge.not_before import NotBefore
from negatives.read import load
from negatives.run import mine

YEARS = range(2000, 2021)


def folder(path: Path, *, of_queries: str = "{}") -> Path:
    """Cases that are cited by cases: each is of a year, or of none."""
    draw = np.random.default_rng(3)
    (path / "qrels").mkdir(parents=True)
    docs = {f"c{n}": int(draw.choice(YEARS)) if n % 7 else None for n in range(60)}
    asked = {f"q{n}": int(draw.choice(YEARS)) if n % 5 else None for n in range(20)}
    for name, sides, form in (("corpus", docs, "{}"), ("queries", asked, of_queries)):
        rows = [
            {"_id": key} | ({"date": form.format(year)} if year is not None else {})
            for key, year in sides.items()
        ]
        (path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    cited = "".join(f"q{n}\tc{n}\t1\n" for n in range(20))
    (path / "qrels/train.tsv").write_text("query-id\tcorpus-id\tscore\n" + cited)
    return path


@pytest.mark.recipe("ecthr-pcr")
def test_a_newer_document_is_never_a_negative(tmp_path: Path) -> None:
    data = load(folder(tmp_path / "cases"))
    times = {
        **dict(data.corpus.select("doc_id", "time").rows()),
        **dict(data.queries.select("query_id", "time").rows()),
    }
    for undated, same in (("keep", "keep"), ("reject", "keep"), ("keep", "reject")):
        judge = NotBefore(undated=undated, same_time=same)
        run = mine(
            data, tmp_path / f"{undated}-{same}", sources=[neg.Random(top=60)], judges=[judge]
        )
        for row in run.candidates().collect().iter_rows(named=True):
            query, doc = times[row["query_id"]], times[row["doc_id"]]
            known = query is not None and doc is not None
            assert row["newer"] == (doc > query if known else None)
            if row["verdict"] == "positive":
                continue
            late = known and (doc > query or (doc == query and same == "reject"))
            barred = late if known else undated == "reject"
            assert (row["verdict"] == "rejected") == barred
            assert row["rule"] == ("not-before" if barred else "")


def test_times_that_cannot_be_compared_are_refused(tmp_path: Path) -> None:
    data = load(folder(tmp_path / "cases"))
    numbered = data.corpus.with_columns(time=data.corpus["time"].dt.year().cast(float))
    with pytest.raises(DataError, match="documents are numbers, and those of the queries dates"):
        mine(
            replace(data, corpus=numbered),
            tmp_path / "run",
            sources=[neg.Random()],
            judges=[NotBefore()],
        )


def test_a_collection_without_times_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        mine("cranfield", tmp_path / "run", sources=[neg.BM25()], judges=[NotBefore()])
    assert str(caught.value).startswith(
        "not-before needs the time of the documents, and these have none\n"
        "  where: judge not-before, collection 'cranfield'\n"
        "  fix:   give every one of the documents a time"
    )
    assert not (tmp_path / "run").exists()
