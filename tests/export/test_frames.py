"""The rows of an export in memory, and on the hub; nothing here leaves the machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from negatives.api import Run
from negatives.errors import InputError, WorkError
from negatives.export import FORMATS
from negatives.export.choices import format_named
from tests.export.conftest import DOCS, QUERIES


def test_a_frame_has_the_rows_of_the_file(run: Run, tmp_path: Path) -> None:
    for format in FORMATS:
        frame = run.to_polars(format)
        if ".parquet" in format_named(format).suffixes:
            run.export(tmp_path / "x.parquet", format=format)
            assert frame.equals(pl.read_parquet(tmp_path / "x.parquet")), format
        assert len(frame), format
    few = run.to_polars("triplet", rows_per_query=1, ids=True)
    assert few.columns == ["anchor_id", "positive_id", "negative_id"]
    assert len(few) == 3


def test_without_a_format_the_negatives_come_with_their_texts(run: Run) -> None:
    frame = run.to_polars()
    assert frame.drop("query", "text").equals(run.negatives)
    row = frame.row(0, named=True)
    assert (row["query"], row["text"]) == (QUERIES[row["query_id"]], DOCS[row["doc_id"]])
    with pytest.raises(InputError, match="scores is a choice of a format"):
        run.to_polars(scores=True)


def test_pandas_and_datasets_hold_the_same(run: Run) -> None:
    pandas = pytest.importorskip("pandas")
    datasets = pytest.importorskip("datasets")
    frame = run.to_pandas("labeled-pair")
    assert isinstance(frame, pandas.DataFrame)
    assert frame.columns.to_list() == ["anchor", "passage", "label"]
    dataset = run.to_dataset(rows_per_query=2, scores=True)
    assert isinstance(dataset, datasets.Dataset)
    assert dataset.column_names == ["anchor", "positive", "negative", "scores"]
    assert len(dataset) == 5
    nested = run.to_dataset("ms-swift")[0]
    assert nested["messages"] == [{"role": "user", "content": QUERIES["q1"]}]


def test_what_is_pushed_is_the_dataset(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    pushed: list[tuple[Any, ...]] = []

    def keep(self: Any, repository: str, **options: Any) -> None:
        pushed.append((len(self), self.column_names, repository, options))

    monkeypatch.setattr(datasets.Dataset, "push_to_hub", keep)
    address = run.push_to_hub("me/hard", "triplet")
    assert address == "https://huggingface.co/datasets/me/hard"
    assert pushed == [
        (
            9,
            ["anchor", "positive", "negative"],
            "me/hard",
            {"config_name": "default", "private": True},
        )
    ]
    pushed.clear()
    run.push_to_hub("me/kd", "pylate-kd", private=False)
    configs = [(rows, options["config_name"], options["private"]) for rows, *_, options in pushed]
    assert configs == [(3, "default", False), (3, "queries", False), (6, "documents", False)]


def test_a_hub_that_cannot_be_reached_is_one_plain_error(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = pytest.importorskip("datasets")
    hub = pytest.importorskip("huggingface_hub")

    def failing(error: Exception) -> str:
        def push(self: Any, *words: Any, **options: Any) -> None:
            raise error

        monkeypatch.setattr(datasets.Dataset, "push_to_hub", push)
        with pytest.raises(WorkError) as refused:
            run.push_to_hub("me/hard")
        return str(refused.value)

    assert "fix:   unset HF_HUB_OFFLINE" in failing(hub.errors.OfflineModeIsEnabled("offline"))
    assert "fix:   check the connection" in failing(ConnectionError("no route"))
    assert "hf auth login" in failing(hub.errors.LocalTokenNotFoundError("no token"))
    with pytest.raises(InputError, match="names no dataset"):
        run.push_to_hub("hard")


def test_no_token_is_taken(run: Run) -> None:
    with pytest.raises(TypeError):
        run.push_to_hub("me/hard", token="hf_secret")  # type: ignore[call-arg]
