"""Approximate search: what it gives is scored exactly, and what it misses is measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from negatives.search.approximate import Kind, layout_of, open_index
from negatives.search.exact import top_k
from negatives.search.excluded import Excluded
from negatives.search.shortlist import NO_DOC
from tests.search.test_exact import spread

DOCS, QUERIES = spread(6_000, 32, seed=1), spread(40, 32, seed=2)
NONE = np.empty(0, np.uint32)
KINDS: tuple[Kind, ...] = ("ivf", "hnsw")


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_those_of_exact_search_and_most_of_it_is_found(
    kind: Kind, tmp_path: Path
) -> None:
    index = open_index(tmp_path / "index", DOCS, kind, banned=NONE, threads=2, memory=1 << 28)
    rows, scores = index.search(QUERIES, 20)
    exact, exact_scores = top_k(QUERIES, DOCS, 20)
    for found, score, wanted, truth in zip(rows, scores, exact, exact_scores, strict=True):
        known = dict(zip(wanted.tolist(), truth.tolist(), strict=True))
        shared = [n for n, row in enumerate(found.tolist()) if row in known]
        assert [score[n] for n in shared] == [known[int(found[n])] for n in shared]
        assert (np.diff(score) <= 0).all()
    recall = np.mean([np.isin(a, b).mean() for a, b in zip(exact, rows, strict=True)])
    assert index.recall(QUERIES, 20, 1 << 28) == pytest.approx(recall)
    assert recall > 0.6


@pytest.mark.parametrize("kind", KINDS)
def test_exclusions_and_banned_documents_are_never_found_and_cost_no_depth(
    kind: Kind, tmp_path: Path
) -> None:
    exact, _ = top_k(QUERIES, DOCS, 300)
    banned = np.unique(exact[1, :5])
    excluded = Excluded(np.zeros(300, np.uint32), exact[0])
    index = open_index(tmp_path / "index", DOCS, kind, banned=banned, threads=1, memory=1 << 28)
    rows, _ = index.search(QUERIES, 10, excluded)
    assert not np.isin(rows, banned).any()
    assert not np.isin(rows[0], exact[0]).any()
    assert (rows != NO_DOC).all()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_neither_threads_nor_a_second_opening_change_what_is_found(
    kind: Kind, tmp_path: Path
) -> None:
    found = []
    for name, threads in (("a", 1), ("b", 2), ("a", 2)):
        index = open_index(
            tmp_path / name, DOCS, kind, banned=NONE, threads=threads, memory=1 << 28
        )
        found.append(index.search(QUERIES, 15))
    for rows, scores in found[1:]:
        np.testing.assert_array_equal(rows, found[0][0])
        np.testing.assert_array_equal(scores, found[0][1])


def test_codes_shrink_as_memory_does() -> None:
    megabytes = [layout_of("ivf", 1_000_000, 384, memory=m << 20) for m in (1024, 512, 128)]
    assert megabytes == ["IVF4000,SQfp16", "IVF4000,SQ8", "IVF4000,PQ64"]
    assert layout_of("hnsw", 1_000_000, 384, memory=128 << 20) == "HNSW32_SQ8"


def test_a_corpus_smaller_than_k_is_found_whole(tmp_path: Path) -> None:
    index = open_index(tmp_path / "index", DOCS[:3], "ivf", banned=NONE, threads=1, memory=1 << 28)
    rows, _ = index.search(QUERIES, 5)
    assert sorted(rows[0].tolist()) == [0, 1, 2, NO_DOC, NO_DOC]
