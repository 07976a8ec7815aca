"""What is kept of texts, compared with doing it plainly."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.measure.lint.text_tables import Measuring, Seen, cut_off, without_end
from negatives.text.keys import normalised_keys, text_keys

words = st.text(alphabet="ab .…", max_size=6)
some_keys = st.lists(st.integers(0, 20), min_size=1, max_size=12)


@given(st.lists(some_keys, max_size=12))
def test_each_key_is_new_once(blocks: list[list[int]]) -> None:
    seen, known = Seen(), set()
    for block in blocks:
        first = []
        for at, key in enumerate(block):
            if key not in known:
                known.add(key)
                first.append(at)
        assert seen.new(np.array(block, np.uint64)).tolist() == first


@given(st.lists(words, min_size=1, max_size=8), st.lists(words, min_size=1, max_size=8))
def test_a_text_is_cut_where_a_longer_document_begins_with_it(
    texts: list[str], corpus: list[str]
) -> None:
    documents = [text.rstrip(" .…") for text in corpus]

    def is_cut(text: str) -> bool:
        begun = text.rstrip(" .…")
        longer = any(document.startswith(begun) for document in documents)
        return bool(begun and longer and begun not in documents)

    found = cut_off(pl.Series(texts), without_end(pl.Series(corpus)).sort())
    assert found.tolist() == [is_cut(text) for text in texts]


@pytest.mark.slow
@given(st.lists(st.lists(words, max_size=5), max_size=5))
def test_texts_are_measured_once_and_found_by_their_keys(blocks: list[list[str]]) -> None:
    measuring = Measuring()
    for block in blocks:
        measuring.add(pl.Series(block, dtype=pl.String))
    every = sorted({text for block in blocks for text in block})
    texts = measuring.done()
    if every:
        assert len(texts.keys) == len(every)
        series = pl.Series(every)
        keys = pl.Series(text_keys(series))
        assert texts.normals(keys).to_list() == normalised_keys(series).tolist()
        assert texts.chars[texts.at(keys)].tolist() == [len(text) for text in every]
