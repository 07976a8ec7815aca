"""Two runs side by side, against the same counted by hand."""

from __future__ import annotations

import json
from pathlib import Path

import negatives as neg
from negatives.recipe import Recipe
from negatives.show import difference
from negatives.show.difference_text import difference_text
from tests.show.made import tiny


def made(out: Path, *sources: neg.BM25 | neg.Random, per_query: int = 4) -> neg.Run:
    recipe = Recipe(find=sources, pick=neg.Top(per_query=per_query))
    return neg.mine(tiny(), out, recipe=recipe)


def test_settings_figures_and_pairs_are_told_apart(tmp_path: Path) -> None:
    first = made(tmp_path / "first", neg.BM25(top=6), neg.Random(top=4))
    second = made(tmp_path / "second", neg.BM25(top=5), per_query=2)
    found = difference(first, second)
    one, two = ({*run.negatives.select("query_id", "doc_id").rows()} for run in (first, second))
    assert found.negatives == {
        "both": len(one & two),
        "only_first": len(one - two),
        "only_second": len(two - one),
        "jaccard": float(f"{len(one & two) / len(one | two):.6g}"),
    }
    assert sum(found.fates["only_first"].values()) == len(one - two)
    ledger = {row[:2] for row in second.candidates().select("query_id", "doc_id").collect().rows()}
    assert found.fates["only_first"]["not proposed"] == len(one - two - ledger)
    told = {row["setting"]: (row["first"], row["second"]) for row in found.settings}
    assert told["find.bm25.top"] == (6, 5)
    assert told["pick.per_query"] == (4, 2)
    assert told["find.random"][1] is None
    figures = {row["name"]: (row["first"], row["second"]) for row in found.figures}
    assert figures["negatives"] == (len(one), len(two))
    assert found.data == []
    assert found.comparable is True
    other = made(tmp_path / "other", neg.BM25(top=6, k1=2.0))
    assert difference(first, other).comparable is False
    assert json.loads(json.dumps(found.as_dict())) == found.as_dict()
    assert {(e["query_id"], e["doc_id"]) for e in found.examples["only_first"]} <= one - two
    assert len({e["query_id"] for e in found.examples["only_first"]}) == 3
    assert "  find.bm25.top\n    1: 6\n    2: 5\n" in difference_text(found)


def test_a_run_and_itself_differ_in_nothing(tmp_path: Path) -> None:
    run = made(tmp_path / "run", neg.BM25(top=6))
    found = difference(run, neg.Run(tmp_path / "run", collection=tiny()))
    assert found.settings == []
    assert found.comparable is True
    assert found.negatives["jaccard"] == 1
    assert found.examples == {"only_first": [], "only_second": []}
    assert "settings: the same" in difference_text(found)
