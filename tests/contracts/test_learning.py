"""Batchers, losses and trainers: what they promise, and what they declare, is true."""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pytest

from negatives.batch.batcher import Batcher
from negatives.choose.chooser import Chooser
from negatives.errors import NegativesError, RecipeError
from negatives.events import silent
from negatives.find.bm25 import BM25
from negatives.kinds import kinds
from negatives.learn.encoded import EncodedBatch
from negatives.learn.loss import ListLoss, Loss
from negatives.learn.needed import refuse_loss
from negatives.learn.settings import Training
from negatives.machine import MODEST
from negatives.pick.top import Top
from negatives.recipe import Recipe
from negatives.stage import build
from tests.batch.made import clustered, flat
from tests.choose.test_choosers import pool
from tests.contracts.kinds import stages


def test_every_batcher_gives_each_row_once_an_epoch_by_seed_and_number_alone() -> None:
    made = clustered(60, 5)
    for batcher in stages("batch"):
        assert isinstance(batcher, Batcher)
        first = [each.tolist() for each in batcher.open(made, 8, 5).epoch(1)]
        assert first == [each.tolist() for each in batcher.open(made, 8, 5).epoch(1)]
        batches = list(batcher.open(made, 8, 5).epoch(0))
        assert sorted(flat(batches).tolist()) == list(range(60)), batcher.kind
        assert all(0 < len(batch) <= 8 for batch in batches)
        assert batcher.weigh(made) is None, "by default all count the same"


def test_every_chooser_takes_so_many_different_examples_by_seed_and_ids_alone() -> None:
    for chooser in stages("choose", but=("ifd",)):
        assert isinstance(chooser, Chooser)
        made = pool(clustered(60, 5))
        rows, told = chooser.choose(made, 9)
        assert len(rows) == len({*rows.tolist()}) == 9, chooser.kind
        assert rows.tolist() == chooser.choose(pool(clustered(60, 5)), 9)[0].tolist()
        assert isinstance(told, dict)
        chooser.ready(MODEST, silent)


def drawn(*, labels: bool, guide: bool) -> EncodedBatch:
    """Six rows of three documents each."""
    from tests.learn.batches import drawn as whole

    batch = whole(1, 6, 3)
    alone = replace(batch, labels=None)
    return replace(
        batch,
        labels=batch.labels.abs() if labels and batch.labels is not None else None,
        guide=alone if guide else None,
    )


def test_every_loss_is_a_number_a_row_and_needs_what_it_says() -> None:
    torch = pytest.importorskip("torch")
    for loss in stages("learn"):
        assert isinstance(loss, Loss)
        if loss.learns_from == "sequences":  # what they are is in test_sequence_losses.py
            with pytest.raises(RecipeError, match="train a language model"):
                loss.open()
            continue
        guided = bool(loss.guided_by) or loss.kind in _NAMES_ITS_GUIDE
        labelled = loss.needs_labels or bool(loss.labels_field)
        batch = drawn(labels=labelled, guide=guided)
        values = _opened(loss)(batch)
        assert values.shape == (6,), loss.kind
        assert bool(torch.isfinite(values).all()), loss.kind
        assert torch.equal(values, _opened(loss)(batch)) or _draws(loss)
        for lacks in [{"labels": None}] * labelled + [{"guide": None}] * guided:
            with pytest.raises(NegativesError):
                _opened(loss)(replace(batch, **lacks))
        assert loss.needs_bank == hasattr(loss.open(), "fill"), loss.kind


_NAMES_ITS_GUIDE = ("dual-teacher",)
"""Its guide has no default."""


def _opened(loss: Loss) -> Any:
    opened: Any = loss.open()
    if loss.needs_bank:
        opened.fill(drawn(labels=False, guide=False).docs[:, 1])
    return opened


def _draws(loss: Loss) -> bool:
    """Whether it has random numbers of its own."""
    return "mixing" in loss.kind


def test_every_trainer_has_the_settings_that_it_speaks_of() -> None:
    for name in ("sentence_transformers", "transformers"):
        pytest.importorskip(name)
    for training in stages("train"):
        assert isinstance(training, Training)
        fields = training.__struct_fields__
        assert {*training.of_negatives} <= {*fields}
        assert training.caches_gradients == ("chunk" in fields)
        library = importlib.import_module(training.library.replace("-", "_"))
        assert hasattr(library, training.loaded_by) or not training.reads_texts
        assert (training.docs_frozen, training.refresh_every) == (False, 0)
        assert training.peak == training.rate
        usual = build("learn", {"kind": training.usual_loss})
        assert isinstance(usual, Loss)
        refuse_loss(training, usual)


NOT_OF: Final = {
    "kg": {"max_length", "lora", "redraw", "labels", "precision", "checkpoint"},
    "factors": {"max_length", "lora"},
    "series": {"max_length", "lora"},
    "towers": {"lora"},
    "language-model": {"redraw", "labels", "patience"},
}
"""By trainer, the settings of others that would change nothing of what it does."""


def test_a_trainer_has_no_setting_that_would_change_nothing() -> None:
    for training in stages("train"):
        others = NOT_OF.get(training.kind, set())
        assert not others & {*training.__struct_fields__}
        written = Recipe(find=(BM25(),), pick=Top(), train=training).to_toml()
        for name in others:
            assert f"\n{name} = " not in written
            with pytest.raises(RecipeError, match=f"{training.kind!r} has no setting {name!r}"):
                build("train", {"kind": training.kind, name: 1})
    assert NOT_OF.keys() <= {*kinds("train")}


def test_a_loss_with_a_model_of_its_own_is_for_what_learns_by_id() -> None:
    for training in stages("train"):
        for loss in stages("learn"):
            if loss.parts > 1 and not training.by_id:
                with pytest.raises(RecipeError, match="has a model of its own, by id"):
                    refuse_loss(training, loss)


def test_a_trainer_without_embeddings_refuses_the_losses_that_need_them() -> None:
    reranker = build("train", {"kind": "reranker"})
    assert isinstance(reranker, Training)
    for loss in stages("learn"):
        if isinstance(loss, ListLoss):
            reranker.refuse(loss)
        else:
            with pytest.raises(RecipeError, match="needs embeddings"):
                reranker.refuse(loss)


def test_a_trainer_takes_the_losses_of_what_it_gives_and_refuses_the_others() -> None:
    encoder, language = (build("train", {"kind": kind}) for kind in ("encoder", "language-model"))
    assert isinstance(encoder, Training)
    assert isinstance(language, Training)
    for loss in stages("learn"):
        takes, refuses = (
            (language, encoder) if loss.learns_from == language.gives else (encoder, language)
        )
        if loss.parts == 1:
            refuse_loss(takes, loss)
        with pytest.raises(RecipeError, match=f"learns from {loss.learns_from}|of its own"):
            refuse_loss(refuses, loss)


def test_a_declared_need_of_labels_follows_the_settings() -> None:
    for kind in ("dice", "lambda-rank", "pointwise"):
        needs = [
            build("learn", {"kind": kind, "target": target}).needs_labels  # type: ignore[attr-defined]
            for target in ("positive", "labels")
        ]
        assert needs == [False, True], kind
    assert np.all([loss.needs_labels for loss in stages("learn") if loss.taught])
