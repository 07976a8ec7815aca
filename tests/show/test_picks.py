"""The pairs of a report that are worth reading: the same, whatever parts the ledger comes in."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl

import negatives as neg
from negatives.events import Event, Progress
from negatives.recipe import Recipe
from negatives.show.picks import Picks
from tests.build import collection


def ledger(queries: int, scored: float) -> pl.DataFrame:
    """A few candidates of each query, of which a share has scores, many of them equal."""
    dice = random.Random(queries)
    rows = [
        {
            "query_id": f"q{query:03}",
            "doc_id": f"d{doc}",
            "verdict": "eligible",
            "rule": "",
            "position": doc if doc < 3 else None,
            "p_relevant": dice.randrange(9) / 10 if dice.random() < scored else None,
            "hardness": dice.randrange(9) / 10 if dice.random() < scored else None,
            "bm25_rank": doc + 1,
        }
        for query in range(queries)
        for doc in range(4)
    ]
    schema = {"position": pl.Int32, "p_relevant": pl.Float32, "hardness": pl.Float32}
    return pl.DataFrame(rows, schema_overrides=schema)


def test_the_foremost_do_not_depend_on_the_parts() -> None:
    recipe = Recipe(find=(neg.BM25(),), pick=neg.Top())
    for scored in (1.0, 0.5, 0.02, 0.0):
        whole = ledger(60, scored)
        found = []
        for size in (4, 20, len(whole)):
            picks = Picks.of(recipe, ("bm25",), count=5)
            for start in range(0, len(whole), size):
                picks.add(whole.slice(start, size))
            found.append(picks.found)
        for name, rows in found[-1].items():
            assert len(rows) == 5
            assert all(other[name].equals(rows) for other in found), (scored, name)
        best = whole.filter(pl.col("position").is_not_null())["p_relevant"].max()
        assert found[-1]["suspicious"]["p_relevant"][0] == best


def test_a_report_tells_how_much_of_the_ledger_is_counted(tmp_path: Path) -> None:
    texts = {f"d{place}": f"text number {place} of some" for place in range(40)}
    queries = {f"q{place}": f"number {place}" for place in range(20)}
    data = collection(texts, queries, [(f"q{place}", f"d{place}", 1) for place in range(20)])
    recipe = Recipe(find=(neg.BM25(top=5),), pick=neg.Top(per_query=2), shard=8)
    told: list[Progress] = []

    def hear(event: Event) -> None:
        if isinstance(event, Progress):
            told.append(event)

    run = neg.mine(data, tmp_path / "run", recipe=recipe, emit=hear)
    rows = run.candidates().collect().height
    counted = [event for event in told if event.stage == "report"]
    assert [event.total for event in counted] == [rows] * 3  # of as many parts
    assert [event.done for event in counted] == sorted({event.done for event in counted})
    assert (counted[-1].done, counted[-1].unit) == (rows, "pairs")
