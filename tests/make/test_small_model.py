"""Generators with a real small model behind a real server: what is written, kept and counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import negatives as neg
from negatives.events import Counted
from negatives.generator import written
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
    docs = np.arange(2, dtype=np.uint32)
    listening = replace(context(data, tmp_path), emit=heard.append)
    with serving_model(2048) as spec:
        queries = neg.WrittenQueries(model=spec, unknown=1.0, temperature=0, tokens=60)
        passages = neg.WrittenNegatives(model=spec, unknown=1.0, temperature=0, tokens=60)
        asked = written(queries, listening, docs)
        told = written(passages, listening, data.mined_queries)
    counted = [each.figures for each in heard if isinstance(each, Counted)]
    counted = [each for each in counted if "unknown" in each]
    assert [each["asked"] for each in counted] == [2, 1]
    for made, figures in zip((asked, told), counted, strict=True):
        assert figures["unknown"] < figures["asked"] or made.is_empty()
        assert made["text"].str.len_chars().min() != 0
    # Nobody answers at the address any more: what is known needs nobody.
    assert written(queries, context(data, tmp_path), docs).equals(asked)
    assert written(passages, context(data, tmp_path), data.mined_queries).equals(told)
