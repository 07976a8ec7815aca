"""Scores of pairs on disk: to the last bit, by the texts, and told apart from vectors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.store.embedding_care import spaces
from negatives.store.embedding_shards import text_keys
from negatives.store.embeddings import store_folder
from negatives.store.pair_scores import pair_keys, pair_scores
from tests.cli.commands import negatives

SCORES = st.floats(allow_nan=False, allow_infinity=False, width=32)


@pytest.mark.slow
@given(st.lists(SCORES, min_size=1, max_size=20, unique=True))
def test_a_score_comes_back_as_it_went_in(values: list[float]) -> None:
    keys = text_keys(map(repr, values))
    given_ = np.array(values, np.float32)
    with pair_scores(Path("unused"), fingerprint="f", name="m") as store:
        known = store.get(keys)[1]
        store.add(keys[~known], given_[~known])
        scores, known = store.get(keys)
    assert known.all()
    np.testing.assert_array_equal(scores, given_)


def test_what_nobody_scored_is_not_known_and_another_model_knows_nothing(tmp_path: Path) -> None:
    keys = text_keys(["a", "b"])
    with pair_scores(tmp_path, fingerprint="f", name="m") as store:
        store.add(keys[:1], np.array([2.5], np.float32))
    with pair_scores(tmp_path, fingerprint="f", name="m") as store:
        scores, known = store.get(keys)
        assert (scores[0], known.tolist()) == (2.5, [True, False])
    with pair_scores(tmp_path, fingerprint="g", name="m") as store:
        assert not store.get(keys)[1].any()


def test_which_text_is_the_query_matters() -> None:
    one, other = text_keys(["a", "ab"]), text_keys(["bc", "c"])
    keys = [*map(tuple, pair_keys(one, other)), *map(tuple, pair_keys(other, one))]
    assert len(set(keys)) == 4
    assert (pair_keys(one, other) == pair_keys(one.copy(), other.copy())).all()


def test_without_a_shared_store_scores_stay_with_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEGATIVES_CACHE", "off")
    for known in (False, True):
        with pair_scores(tmp_path, fingerprint="f", name="m") as store:
            keys = text_keys(["a"])
            assert store.get(keys)[1].tolist() == [known]
            if not known:
                store.add(keys, np.array([1], np.float32))
    assert (tmp_path / "pair-scores").is_dir()


def test_the_cache_lists_prunes_and_verifies_them(tmp_path: Path) -> None:
    with pair_scores(tmp_path, fingerprint="f", name="my-reranker") as store:
        store.add(text_keys(["a", "b"]), np.array([1, 2], np.float32))
    line = negatives("cache", "list").stdout
    assert line.startswith("my-reranker")
    assert "scores of pairs  2 scores" in line
    assert json.loads(negatives("cache", "list", "--json").stdout)[0]["scores"] is True
    assert negatives("cache", "verify").returncode == 0
    assert negatives("cache", "prune", "--all").returncode == 0
    folder = store_folder()
    assert folder is not None
    assert spaces(folder) == []
