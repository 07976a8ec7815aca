"""The collator: what stands in a batch is known, and what is known is masked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from negatives.learn.collator import Collator, keys_of, related
from negatives.learn.known import KnownPairs
from negatives.learn.module import LossModule
from negatives.learn.multiple_negatives import MultipleNegatives
from negatives.text.keys import normalised_keys

TEXTS = ["", "Wing!", "wing", "flow", "heat", "drag", "what is lift", "What is lift?"]
NOBODY = KnownPairs.of_pairs(np.empty(0, np.uint64), np.empty(0, np.uint64))


def same(left: str, right: str) -> bool:
    return "".join(filter(str.isalpha, left)).lower() == "".join(filter(str.isalpha, right)).lower()


@st.composite
def batches(draw: st.DrawFn) -> tuple[list[list[str]], list[tuple[str, str]]]:
    """Rows (query, positive, negatives; "" is a filler), and pairs known to be relevant."""
    width = draw(st.integers(0, 3))
    real = st.sampled_from(TEXTS[1:])
    row = st.tuples(real, real, *[st.sampled_from(TEXTS)] * width).map(list)
    rows = draw(st.lists(row, min_size=1, max_size=5))
    return rows, draw(st.lists(st.tuples(real, real), max_size=6))


@pytest.mark.slow
@given(batches())
def test_relevant_is_what_its_definition_says(
    drawn: tuple[list[list[str]], list[tuple[str, str]]],
) -> None:
    rows, listed = drawn
    known = KnownPairs.of_texts(
        pl.Series([q for q, _ in listed], dtype=pl.String),
        pl.Series([d for _, d in listed], dtype=pl.String),
    )
    present = np.array([[text != "" for text in row[1:]] for row in rows])
    found = related(known, keys_of(list(zip(*rows, strict=True))), present)
    for i, (query, positive, *_) in enumerate(rows):
        pool = [(j, text) for j, row in enumerate(rows) for text in row[1:]]
        for at, (_, text) in enumerate(pool):
            of_qrels = any(same(query, q) and same(text, d) for q, d in listed)
            expected = text != "" and (same(text, positive) or same(text, query) or of_qrels)
            assert found[i, at] == expected, (query, text)


def test_its_own_positive_is_relevant_even_if_it_has_no_text() -> None:
    keys = keys_of([["wing", "flow"], ["", "heat"]])
    found = related(NOBODY, keys, np.array([[False], [True]]))
    assert found.tolist() == [[True, False], [False, True]]


class Features(dict[str, Any]):
    """What a model's preprocessing gives."""


def preprocess(texts: list[str], **_: Any) -> Features:
    return Features(input_ids=torch.tensor([[len(text)] for text in texts]))


def test_keys_that_are_given_and_keys_that_are_computed_are_the_same() -> None:
    known = KnownPairs.of_texts(pl.Series(["lift"]), pl.Series(["drag"]))
    rows = [
        {"query": "lift", "positive": "Wing", "negative_1": "", "p_relevant": [1.0, 0.0]},
        {"query": "flow", "positive": "drag.", "negative_1": "heat", "p_relevant": [1.0, 0.2]},
    ]
    columns = ("query", "positive", "negative_1")
    plain = Collator(preprocess, known)(rows)
    given_keys = [
        row | {"keys": normalised_keys(pl.Series([str(row[name]) for name in columns]))}
        for row in rows
    ]
    keyed = Collator(preprocess, known)(given_keys)
    assert sorted(plain) == sorted(keyed)
    assert torch.equal(plain["query_relevant"], keyed["query_relevant"])
    assert plain["query_relevant"].tolist() == [
        [True, False, True, False],
        [False, False, True, False],
    ]
    assert plain["query_present"].tolist() == [[True, False], [True, True]]
    assert torch.allclose(plain["query_p_relevant"], torch.tensor([[1.0, 0.0], [1.0, 0.2]]))


@pytest.mark.slow
def test_anybodys_trainer_takes_the_collator_and_the_loss(static: str, tmp_path: Path) -> None:
    from datasets import Dataset
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )

    pairs = {"anchor": ["lift", "drag", "lift"], "positive": ["wing", "flow", "heat"]}
    known = KnownPairs.of_texts(pl.Series(pairs["anchor"]), pl.Series(pairs["positive"]))
    seen: list[Any] = []

    class Seeing(MultipleNegatives, kind="seeing-for-a-test"):
        def open(self) -> Any:
            losses = super().open()

            def told(batch: Any) -> Any:
                seen.append(batch)
                return losses(batch)

            return told

    model = SentenceTransformer(static, device="cpu")
    before = model[0].embedding.weight.detach().clone()
    SentenceTransformerTrainer(
        model=model,
        args=SentenceTransformerTrainingArguments(
            output_dir=str(tmp_path / "out"), per_device_train_batch_size=3, max_steps=2,
            learning_rate=0.1, save_strategy="no", report_to=[], use_cpu=True, disable_tqdm=True,
        ),
        train_dataset=Dataset.from_dict(pairs | {"negative": ["", "wing", "flow"]}),
        loss=LossModule(model, Seeing()),
        data_collator=Collator(model.preprocess, known),
    ).train()  # fmt: skip
    assert not torch.equal(before, model[0].embedding.weight)
    batch = seen[0]
    assert batch.docs.shape[:2] == (3, 2)
    assert int((~batch.present).sum()) == 1
    # Each "lift" knows the positives of both, wherever they stand; "drag" has one, twice.
    assert sorted(batch.relevant.sum(1).tolist()) == [2, 3, 3]
