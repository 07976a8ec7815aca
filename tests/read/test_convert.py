"""Writing a collection as a BEIR folder and reading it back changes nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negatives.errors import DataError, DiskFull
from negatives.read import convert, load
from negatives.schema import GIVEN, Collection, check_collection
from tests.read.tiny import beir

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)
TABLES = ("corpus", "queries", "qrels", "given")


@st.composite
def collections(draw: st.DrawFn) -> Collection:
    """Any collection that a reader could have made: texts stripped, rows a permutation."""

    def texts(key: str) -> pl.DataFrame:
        ids = draw(st.lists(IDS, min_size=1, max_size=5, unique=True))
        frame = pl.DataFrame(
            {
                key: ids,
                "text": [draw(TEXTS) for _ in ids],
                "row": pl.Series(draw(st.permutations(range(len(ids)))), dtype=pl.UInt32),
            }
        )
        return frame.with_columns(pl.col("text").str.strip_chars()).sort(key)

    corpus, queries = texts("doc_id"), texts("query_id")
    pairs = st.tuples(
        st.sampled_from(queries["query_id"].to_list()), st.sampled_from(corpus["doc_id"].to_list())
    )
    judged = draw(st.lists(pairs, min_size=1, max_size=6, unique=True))
    grades = [draw(st.integers(-(2**31) + 1, 2**31 - 1)) for _ in judged]
    qrels = pl.DataFrame(judged, schema=GIVEN, orient="row")
    negatives = pl.DataFrame(draw(st.lists(pairs, max_size=4, unique=True)), GIVEN, orient="row")
    relevance = pl.Series("relevance", grades, dtype=pl.Int32)
    return check_collection(
        Collection(
            name="any",
            split="dev",
            corpus=corpus,
            queries=queries,
            qrels=qrels.with_columns(relevance).sort("query_id", "doc_id"),
            given=negatives,
        )
    )


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(collections())
def test_what_was_written_is_read_back_unchanged(collection: Collection) -> None:
    with tempfile.TemporaryDirectory() as folder:
        back = load(convert(collection, Path(folder) / "out"))
    assert back.split == "dev"
    for table in TABLES:
        assert getattr(back, table).equals(getattr(collection, table)), table


def test_the_sample_is_read_back_unchanged(tmp_path: Path) -> None:
    collection = load("cranfield")
    back = load(convert(collection, tmp_path / "out"))
    assert all(getattr(back, table).equals(getattr(collection, table)) for table in TABLES)


def test_a_folder_that_holds_anything_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kept").touch()
    with pytest.raises(DataError, match="the folder is not empty") as caught:
        convert(load(beir(tmp_path / "set")), tmp_path)
    assert "name a new folder" in str(caught.value)
    assert (tmp_path / "kept").exists()


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    collection = load(beir(tmp_path / "set"))
    (tmp_path / "out").mkdir()
    out = convert(collection, tmp_path / "out")
    assert sorted(path.name for path in out.iterdir()) == ["corpus.jsonl", "qrels", "queries.jsonl"]


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    collection = load(beir(tmp_path / "set"))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DiskFull):
        convert(collection, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
