"""What export will not do, in the words a user reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from negatives.api import Run
from negatives.errors import DataError, InputError
from negatives.export import FORMATS, export
from negatives.schema import Collection
from tests.build import collection
from tests.export.made import finished_run


def refusal(run: Run, out: Path, **options: Any) -> str:
    with pytest.raises(InputError) as refused:
        export(run, out, **options)
    return str(refused.value)


def test_the_formats_are_named_with_a_line_each() -> None:
    assert list(FORMATS) == [
        "triplet",
        "n-tuple",
        "labeled-pair",
        "labeled-list",
        "flagembedding",
        "tevatron",
        "ms-swift",
        "ms-swift-reranker",
        "contrastors",
        "pylate-kd",
        "dpr",
        "cohere",
        "llama-index",
        "preference",
        "kto",
        "trec-run",
        "qrels",
        "masks",
        "text-ids",
    ]
    assert all("\n" not in about for about in FORMATS.values())


def test_where_no_row_is_left_nothing_is_written(data: Collection, tmp_path: Path) -> None:
    run = finished_run(tmp_path / "run", data, {}, {})
    for format in ("triplet", "n-tuple", "labeled-list", "flagembedding", "preference"):
        said = refusal(run, tmp_path / "out" / "x.jsonl", format=format)
        assert said == (
            f"there is no row to export: no query has what a row of {format} is made of\n"
            f"  where: {run.path}\n"
            f"  fix:   negatives report {run.path} says what became of its candidates"
        )
    assert not [*(tmp_path / "out").glob("*")]


def test_a_misspelt_format_names_the_nearest(run: Run, tmp_path: Path) -> None:
    assert refusal(run, tmp_path / "x.parquet", format="triplets") == (
        "there is no format 'triplets'\n  fix:   did you mean 'triplet'?"
    )
    said = refusal(run, tmp_path / "x.parquet", format="")
    assert said.startswith("no format is named\n  fix:   valid: cohere, contrastors, dpr,")


@pytest.mark.parametrize(
    ("format", "name", "ending", "valid"),
    [
        ("dpr", "x.parquet", ".parquet", ".json or .jsonl"),
        ("triplet", "x.json", ".json", ".parquet or .jsonl or .csv or .tsv"),
        ("labeled-list", "x.csv", ".csv", ".parquet or .jsonl"),
        ("flagembedding", "x.parquet", ".parquet", ".jsonl"),
        ("tevatron", "x", "nothing", ".jsonl"),
        ("trec-run", "x.csv", ".csv", ".trec or .txt or .run"),
        ("qrels", "x.tsv", ".tsv", ".trec or .txt or .qrels"),
    ],
)
def test_a_wrong_ending_names_the_valid_ones(
    run: Run, tmp_path: Path, format: str, name: str, ending: str, valid: str
) -> None:
    assert refusal(run, tmp_path / name, format=format) == (
        f"{format} cannot be written to a file that ends in {ending}\n"
        f"  where: {tmp_path / name}\n"
        f"  fix:   end it in {valid}"
    )


def test_lists_do_not_fit_into_csv(run: Run, tmp_path: Path) -> None:
    assert refusal(run, tmp_path / "x.csv", format="triplet", scores=True) == (
        ".csv cannot hold lists, and scores is one\n"
        f"  where: {tmp_path / 'x.csv'}\n"
        "  fix:   end the file in .parquet or .jsonl"
    )


def test_scores_need_a_scorer(data: Collection, tmp_path: Path) -> None:
    run = finished_run(tmp_path / "run", data, {"q1": ["d3"]}, scores=None)
    assert refusal(run, tmp_path / "x.parquet", format="triplet", scores=True) == (
        "no source of this run gives scores that could be written\n"
        f"  where: {tmp_path / 'run'}\n"
        "  fix:   mine with a source that scores every pair, as bm25 and dense do"
    )


def test_qrels_hold_no_scores(run: Run, tmp_path: Path) -> None:
    assert refusal(run, tmp_path / "x.qrels", format="qrels", scores=True) == (
        "qrels hold judgements, no scores\n  fix:   the format trec-run has scores"
    )


def test_an_option_of_one_format_is_not_ignored_by_another(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "x.parquet"
    assert refusal(run, out, format="triplet", short="drop") == (
        "short is for the format n-tuple, not for triplet\n"
        "  fix:   leave it out, or choose another --format"
    )
    assert refusal(run, out, format="n-tuple", mined="zero") == (
        "mined is for the format qrels, not for n-tuple\n"
        "  fix:   leave it out, or choose another --format"
    )


def test_a_misspelt_choice_names_the_nearest(run: Run, tmp_path: Path) -> None:
    assert refusal(run, tmp_path / "x.parquet", format="n-tuple", short="repeats") == (
        "short cannot be 'repeats'\n  fix:   did you mean 'repeat'?"
    )


def test_an_earlier_export_is_replaced(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "x.jsonl"
    out.write_text("old")
    export(run, out, format="tevatron")
    assert out.read_text().startswith('{"query_id":"q1"')
    assert [file.name for file in tmp_path.iterdir()] == ["x.jsonl"]


def test_an_earlier_export_is_kept_where_that_is_asked_for(run: Run, tmp_path: Path) -> None:
    there = tmp_path / "x-corpus.jsonl"
    there.write_text("old")
    assert refusal(run, tmp_path / "x.jsonl", format="tevatron", ids=True, overwrite=False) == (
        "this file is there already\n"
        f"  where: {there}\n"
        "  fix:   choose another file, or replace it: --overwrite"
    )
    assert [file.name for file in tmp_path.iterdir()] == ["x-corpus.jsonl"]
    assert there.read_text() == "old"


def test_a_folder_or_a_link_is_not_replaced(run: Run, tmp_path: Path) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "elsewhere")
    for name in ("folder.jsonl", "link.jsonl"):
        assert refusal(run, tmp_path / name, format="tevatron") == (
            "there is something here that is not a regular file\n"
            f"  where: {tmp_path / name}\n"
            "  fix:   choose another file"
        )


def test_the_files_of_the_run_are_not_replaced(run: Run) -> None:
    for name in ("negatives.parquet", "candidates/part-00000.parquet"):
        assert refusal(run, run.path / name, format="triplet").startswith(
            "this file is part of the run itself"
        )


def test_a_failed_export_leaves_what_was_there(tmp_path: Path) -> None:
    data = collection({"a": "x", "b": "y"}, {"q": "z"}, [("q", "a", 1)])
    run = finished_run(tmp_path / "run", data, {"q": ["gone"]})
    out = tmp_path / "x.parquet"
    out.write_text("earlier")
    with pytest.raises(DataError) as failure:
        export(run, out, format="triplet")
    assert str(failure.value) == (
        "no text for the ids 'gone'\n"
        "  where: collection 'made'\n"
        "  fix:   export ids instead of texts"
    )
    assert out.read_text() == "earlier"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["run", "x.parquet"]
