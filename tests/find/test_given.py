"""Vectors that are given: compared as float32 compares them, at any scale, or refused by name."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import negatives as neg
from negatives.arrays import Floats
from negatives.errors import DataError
from negatives.events import Warned
from negatives.find.dense import Dense
from negatives.find.given import from_files
from negatives.search.backend import Backend
from negatives.search.bfloat16_product import Bfloat16
from negatives.search.blas import Blas
from negatives.search.exact import pair_scores, top_k
from negatives.search.excluded import Excluded
from negatives.search.int8_product import Int8
from negatives.search.on_device import OnDevice
from negatives.stats.lengths import normalised
from tests.build import collection, context
from tests.cli.commands import negatives
from tests.each import for_each

CASES = Path(__file__).parent.parent / "cases"
ODD, TIES = CASES / "vectors-odd", CASES / "low-precision-ties"
NONE = np.empty(0, np.uint32)


def reciprocal_rank(folder: Path, queries: str, docs: str, similarity: str) -> tuple[float, str]:
    """The mean reciprocal rank that `evaluate` finds, and what it says besides when quiet."""
    command = (
        "evaluate", "precomputed", "beir", "--query-vectors", queries, "--doc-vectors", docs,
        "--similarity", similarity, "--metric", "RR", "--quiet",
    )  # fmt: skip
    done, figures = negatives(*command, cwd=folder), negatives(*command, "--json", cwd=folder)
    assert (done.returncode, figures.returncode) == (0, 0)
    found = json.loads(figures.stdout)
    assert done.stderr == "".join(f"note: {note}\n" for note in found["notes"])
    return found["metrics"]["RR"]["value"], done.stderr


def refusal(folder: Path, queries: str, docs: str, similarity: str = "cosine") -> str:
    done = negatives(
        "evaluate", "precomputed", "beir", "--query-vectors", queries, "--doc-vectors", docs,
        "--similarity", similarity, "--metric", "RR", "--quiet", cwd=folder,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    return done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_vectors_of_every_type_and_scale_find_what_they_are_of(similarity: str) -> None:
    for name in ("big.npy", "tiny.npy", "f64.npy", "int8.npy", "bf16.safetensors"):
        found, said = reciprocal_rank(ODD, f"q-{name}", f"d-{name}", similarity)
        assert (found, said) == (1.0, ""), name
    mixed = reciprocal_rank(ODD, "q-f64.npy", "d-bf16.safetensors", similarity)
    assert mixed == (1.0, "")


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_vectors_that_cannot_be_right_are_refused_by_what_is_wrong(similarity: str) -> None:
    for name, said in (
        ("nan", "1 vectors of the corpus contain NaN or infinity: d6"),
        ("inf", "1 vectors of the corpus contain NaN or infinity: d6"),
        ("short", "11 vectors, and the file of the corpus goes on to row 11 (from 0)"),
        ("oned", "an array of shape [16], and not one of rows and columns"),
        ("swapped", "12 vectors for 4 texts of the queries"),
    ):
        message = refusal(ODD, f"q-{name}.npy", f"d-{name}.npy", similarity)
        assert said in message
        assert re.search(r"where: +[dq]-" + name, message)
        assert "fix: " in message


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_a_vector_of_zeros_is_like_nothing_and_told_even_when_quiet(similarity: str) -> None:
    found, said = reciprocal_rank(ODD, "q-zero.npy", "d-zero.npy", similarity)
    assert found == 1.0
    assert said == (
        "note: d-zero.npy: 1 of 12 vectors of the corpus are all zero, and their similarity to "
        "everything is 0: d6\n"
    )


def test_nothing_but_zeros_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "zeros.npy", np.zeros((12, 16), np.float32))
    message = refusal(ODD, "q-f64.npy", str(tmp_path / "zeros.npy"))
    assert "error: every vector of the corpus is all zero\n" in message


@pytest.mark.slow
def test_neighbours_whose_cosines_differ_by_a_hundred_thousandth_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for similarity in ("cosine", "dot"):
        assert reciprocal_rank(TIES, "q.npy", "d.npy", similarity) == (1.0, "")
    monkeypatch.chdir(TIES)
    run = neg.mine("beir", tmp_path / "run", recipe="r.toml")
    ledger = pl.read_parquet(tmp_path / "run" / "candidates" / "*.parquet").sort("dense_rank")
    query, docs = (np.load(TIES / name).astype(np.float64) for name in ("q.npy", "d.npy"))
    cosines = docs @ query[0] / np.linalg.norm(docs, axis=1) / np.linalg.norm(query[0])
    order = np.argsort(-cosines)
    assert ledger["doc_id"].to_list() == [f"d{n + 1}" for n in order]
    np.testing.assert_allclose(ledger["dense_score"], cosines[order], atol=1e-6)
    assert run.negatives["doc_id"].to_list() == ["d2", "d3", "d4"]


# Many documents in nearly the direction of every query: half precision would tie them.
COUNT, WIDTH, ASKED = 300, 24, 12
DOCS = {f"d{n:03d}": f"text {n}" for n in range(COUNT)}
QUERIES = {f"q{n:02d}": f"asked {n}" for n in range(ASKED)}
DATA = collection(DOCS, QUERIES, [(f"q{n:02d}", f"d{n:03d}", 1) for n in range(ASKED)])


def alike(seed: int = 0) -> tuple[Floats, Floats]:
    draw = np.random.default_rng(seed)
    middle = draw.normal(size=WIDTH)
    docs = middle + 0.02 * draw.normal(size=(COUNT, WIDTH))
    docs[COUNT // 2 :] = docs[: COUNT // 2]  # every document twice, so that a cut falls on copies
    queries = middle + 0.3 * draw.normal(size=(ASKED, WIDTH))
    return queries.astype(np.float32), docs.astype(np.float32)


def dense(folder: Path, queries: Any, docs: Any, **settings: Any) -> Dense:
    folder.mkdir(exist_ok=True)
    np.save(folder / "q.npy", queries)
    np.save(folder / "d.npy", docs)
    return Dense(
        encoder="precomputed",
        query_vectors=str(folder / "q.npy"),
        doc_vectors=str(folder / "d.npy"),
        **settings,
    )


def test_a_rule_decides_as_it_would_on_the_vectors_that_were_given(tmp_path: Path) -> None:
    queries, docs = alike()
    source, percent = dense(tmp_path, queries, docs, top=COUNT), 0.998
    rule = neg.PercentOfPositive(percent)
    neg.mine(DATA, tmp_path / "run", sources=[source], judges=[rule])
    left, right = (
        each.astype(np.float64) / np.linalg.norm(each.astype(np.float64), axis=1, keepdims=True)
        for each in (queries, docs)
    )
    cosines = left @ right.T
    ledger = pl.read_parquet(tmp_path / "run" / "candidates" / "*.parquet")
    decided = ledger.filter(pl.col("verdict").is_in(["eligible", "rejected"]))
    query, doc = (decided[name].str.slice(1).cast(pl.Int64).to_numpy() for name in
                  ("query_id", "doc_id"))  # fmt: skip
    score, cut = cosines[query, doc], percent * cosines[query, query]
    np.testing.assert_allclose(decided["dense_score"], score, atol=1e-6)
    clear = np.abs(score - cut) > 1e-6
    assert 0.1 < (score > cut).mean() < 0.9
    assert ((decided["verdict"] == "rejected").to_numpy() == (score > cut))[clear].all()
    spread = ledger["dense_score"].cast(pl.Float64).std(ddof=0)
    assert isinstance(spread, float)
    expected = (score - cosines[query, query]) / spread
    np.testing.assert_allclose(decided["hardness"], expected, atol=1e-6 / spread)


@pytest.mark.slow
@for_each(
    "backend", [Blas(block=64), Int8(block=64), Bfloat16(block=64), OnDevice("cpu", block=64)]
)
@for_each("scale", [1.0, 1e-15, 1e-9, 1e9, 1e17])
def test_every_backend_gives_the_scores_that_judges_get_for_the_same_pairs(
    backend: Backend, scale: float
) -> None:
    queries, docs = alike()
    queries, docs = queries * np.float32(scale), docs * np.float32(scale)
    for asked in (queries, queries[:1]):
        rows, scores = top_k(asked, docs, 25, backend=backend)
        query = np.repeat(np.arange(len(asked), dtype=np.uint32), 25)
        again = pair_scores(asked, docs, query, rows.reshape(-1))
        np.testing.assert_array_equal(scores.reshape(-1), again)
        exactly = asked.astype(np.float64) @ docs.astype(np.float64).T
        best = -np.sort(-exactly, axis=1)[:, :25]
        np.testing.assert_allclose(scores, best, rtol=1e-6)
        expected = top_k(asked, docs, 25)[0]
        np.testing.assert_array_equal(rows, expected)  # of copies at the cut, the lower rows
    assert top_k(queries, docs[:1], 5, backend=backend)[0].tolist() == [[0]] * ASKED


@pytest.mark.parametrize("index", ["ivf", "hnsw"])
@pytest.mark.parametrize(("similarity", "scale"), [("cosine", 1.0), ("dot", 1e6), ("dot", 1e-8)])
def test_an_approximate_index_tells_near_neighbours_apart_by_their_own_scores(
    tmp_path: Path, index: Any, similarity: Any, scale: float
) -> None:
    queries, docs = alike()
    docs = docs[: COUNT // 2] * np.float32(scale)
    data = collection(
        {f"d{n:03d}": f"text {n}" for n in range(len(docs))}, QUERIES, [("q00", "d000", 1)]
    )
    heard: list[Any] = []
    source = dense(tmp_path, queries, docs, similarity=similarity, index=index, top=10)
    opened = source.open(replace(context(data, tmp_path / "s"), emit=heard.append))
    exact = top_k(opened.query_vectors, opened.doc_vectors, 10)
    found = opened.searcher.search(opened.query_vectors, 10, Excluded(NONE, NONE))
    if index == "ivf":  # few lists, all of them looked into
        np.testing.assert_array_equal(found[0], exact[0])
        np.testing.assert_array_equal(found[1], exact[1])
    told = [event.text for event in heard if isinstance(event, Warned)]
    assert len(told) == 1
    assert float(re.findall(r"finds ([\d.]+)%", told[0])[0]) >= 95


def test_inner_products_that_float32_cannot_hold_are_refused(tmp_path: Path) -> None:
    def said(queries: float, docs: float, kind: Any = np.float32) -> str:
        made = (np.array([[3.0, 4.0]]) * queries).astype(kind)
        searched = (np.array([[1.0, 0.0], [0.0, 2.0]]) * docs).astype(kind)
        stage = dense(tmp_path, made, searched, similarity="dot")
        data = collection({"a": "one", "b": "two"}, {"q": "x"}, [("q", "a", 1)])
        scratch = tmp_path / f"{queries}-{docs}"
        files = Path(stage.query_vectors), Path(stage.doc_vectors)
        with pytest.raises(DataError) as caught:
            from_files(context(data, scratch), *files, "dot")
        assert "cosine" in caught.value.fix
        assert not list(scratch.glob("docs-*"))  # nor does a second try find a file it can trust
        return caught.value.what

    assert said(1e30, 1e30) == (
        "inner products beyond single precision: the vector of query q has length 5e+30, that of "
        "document b 2e+30"
    )
    assert said(1e-20, 1e-20) == (
        "inner products too small for single precision: no document's vector is longer than "
        "2e-20, and 1 queries' are as short as 5e-20: q"
    )
    for scale in (1e-60, 1e60):
        for one, other in ((scale, 1.0), (1.0, scale)):
            assert "too long or too short for single precision: " in said(one, other, np.float64)


@pytest.mark.parametrize("scale", [1e-300, 1e-40, 1e-25, 1e25, 1e30, 1e300])
def test_a_cosine_does_not_depend_on_the_scale(tmp_path: Path, scale: float) -> None:
    queries, docs = alike()
    plain = dense(tmp_path / "plain", queries, docs).open(context(DATA, tmp_path / "one"))
    kinds: list[Any] = [np.float64] + [np.float32] * (1e-38 < scale < 1e38)
    for kind in kinds:
        scaled = [(each.astype(np.float64) * scale).astype(kind) for each in (queries, docs)]
        made = dense(tmp_path / "scaled", *scaled).open(context(DATA, tmp_path / kind.__name__))
        np.testing.assert_allclose(made.query_vectors, plain.query_vectors, atol=2e-7)
        np.testing.assert_allclose(made.doc_vectors, plain.doc_vectors, atol=2e-7)


def test_parquet_vectors_keep_their_precision_too(tmp_path: Path) -> None:
    queries, docs = alike()
    for kind, scale in ((pl.Float32, 1.0), (pl.Float64, 1e-50)):
        for name, ids, made in (("q", QUERIES, queries), ("d", DOCS, docs)):
            listed = pl.Series((made.astype(np.float64) * scale).tolist(), dtype=pl.List(kind))
            frame = pl.DataFrame({"id": [*ids], "vector": listed}).sample(fraction=1, shuffle=True)
            frame.write_parquet(tmp_path / f"{name}.parquet")
        found = from_files(
            context(DATA, tmp_path / str(scale)),
            tmp_path / "q.parquet",
            tmp_path / "d.parquet",
            "cosine",
        )
        lengths = np.linalg.norm(docs.astype(np.float64), axis=1, keepdims=True)
        np.testing.assert_allclose(found.docs, docs / lengths, atol=1e-7)


def test_unit_vectors_in_order_are_searched_where_they_lie_and_all_others_copied(
    tmp_path: Path,
) -> None:
    queries, docs = alike()
    unit = normalised(docs)
    np.save(tmp_path / "q.npy", queries)
    unread = unit.copy()
    unread[0] = 0  # without a length, and no reason to copy the others
    halves = unit.astype(np.float16)
    tables = {
        "unit": (unit, True),
        "with zeros": (unread, True),
        "longer": (unit * np.float32(1.00001), False),
        "one longer": (np.concatenate([unit[:-1], unit[-1:] * 2]), False),
        "halves": (halves, False),
        "doubles": (unit.astype(np.float64), False),
        "by columns": (np.asfortranarray(unit), False),
    }
    for name, (table, in_place) in tables.items():
        np.save(tmp_path / f"{name}.npy", table)
        found, again = (
            from_files(
                context(DATA, tmp_path / name),
                tmp_path / "q.npy",
                tmp_path / f"{name}.npy",
                "cosine",
            )
            for _ in range(2)
        )
        copies = list((tmp_path / name).glob("docs-*.npy"))
        assert (copies == []) is in_place, name
        assert (str(getattr(found.docs, "filename", "")).endswith(f"{name}.npy")) is in_place
        np.testing.assert_array_equal(found.docs, again.docs)
        if np.allclose(table, unit, atol=1e-12):
            np.testing.assert_array_equal(found.docs, unit, err_msg=f"no bit differs: {name}")


def test_vectors_in_another_order_than_the_documents_are_copied_in_theirs(
    tmp_path: Path,
) -> None:
    queries, docs = alike()
    np.save(tmp_path / "q.npy", queries)
    turned = normalised(docs)[::-1].copy()
    np.save(tmp_path / "d.npy", turned)
    rows = pl.Series(np.arange(len(docs), dtype=np.uint32)[::-1].copy())
    data = replace(DATA, corpus=DATA.corpus.with_columns(row=rows))
    found = from_files(
        context(data, tmp_path / "s"), tmp_path / "q.npy", tmp_path / "d.npy", "cosine"
    )
    np.testing.assert_array_equal(found.docs, normalised(docs))


def test_zeros_are_told_of_vectors_that_are_searched_where_they_lie(tmp_path: Path) -> None:
    queries, docs = alike()
    unit = normalised(docs)
    unit[1] = 0
    np.save(tmp_path / "q.npy", queries)
    np.save(tmp_path / "d.npy", unit)
    heard: list[Any] = []
    listening = replace(context(DATA, tmp_path / "s"), emit=heard.append)
    from_files(listening, tmp_path / "q.npy", tmp_path / "d.npy", "cosine")
    told = [event.text for event in heard if isinstance(event, Warned)]
    assert len(told) == 1
    assert "1 of" in told[0]
    unit[2, 0] = np.nan
    np.save(tmp_path / "d.npy", unit)
    with pytest.raises(DataError, match="NaN or infinity"):
        from_files(listening, tmp_path / "q.npy", tmp_path / "d.npy", "cosine")
