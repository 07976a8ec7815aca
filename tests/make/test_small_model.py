"""Generators with a real small model behind a real server: what is written, kept and counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import negatives as neg
from negatives.events import Counted
from negatives.generator import written
from negatives.run.making import made_queries
from tests.build import collection, context
from tests.models.small_model import serving_model

DOCS = {
    "a": "Bread dough rises for two hours in a warm bowl, until it is twice as large as before.",
    "b": "A steel plate carries heat from its warm side to its cold side, and copper is faster.",
}
ASKED = {"q": "how long does bread dough rise"}


@pytest.mark.slow
def test_a_small_model_writes_what_is_read_or_counted_and_is_asked_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NEGATIVES_CACHE", str(tmp_path / "cache"))
    data = collection(DOCS, ASKED, [("q", "a", 1)])
    heard: list[Any] = []
    with serving_model(2048) as spec:
        stage = neg.WrittenQueries(model=spec, count=2, unknown=1.0, temperature=0, round_trip=2)
        made = made_queries(data, stage, emit=heard.append)
        assert {*made.qrels["doc_id"]} <= {*DOCS}
        assert made.queries["text"].str.len_chars().min() >= 3  # type: ignore[operator]
        again = neg.WrittenNegatives(model=spec, unknown=1.0, temperature=0)
        first = written(again, context(data, tmp_path), data.mined_queries)
    asked = [each.figures["asked"] for each in heard if isinstance(each, Counted)
             and each.name == "make queries" and "asked" in each.figures]  # fmt: skip
    assert sum(asked) == 2
    # Nobody answers at the address any more: what is known needs nobody.
    assert made_queries(data, stage).queries.equals(made.queries)
    assert written(again, context(data, tmp_path), data.mined_queries).equals(first)
