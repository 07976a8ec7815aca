"""Whatever file a user names: no device, pipe, endless line or packed bomb holds a command up."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from negatives.bounded import read_json
from negatives.errors import DataError
from negatives.read import files, limits
from tests.cli.commands import negatives


def refusal(*words: object) -> str:
    """What a command says that refuses its input, in three lines."""
    told = negatives(*map(str, words))
    assert told.returncode == 2, told.stdout + told.stderr
    assert "fix:" in told.stdout + told.stderr
    return told.stdout + told.stderr


@pytest.mark.slow
def test_a_pipe_or_a_device_is_told_wherever_a_file_is_named(tmp_path: Path) -> None:
    for sort in ("pipe", "device"):
        named = {}
        for ending in ("jsonl", "csv", "tsv", "parquet", "toml", "npy", "safetensors", "trec"):
            path = named[ending] = tmp_path / f"{sort}.{ending}"
            if sort == "pipe":
                os.mkfifo(path)
            else:
                path.symlink_to("/dev/zero")
        for ending in ("jsonl", "csv", "tsv", "parquet"):
            for command in (["data", "validate"], ["lint"]):
                assert f"not a file but a {sort}" in refusal(*command, named[ending])
        out = ("--out", tmp_path / "run")
        for words in (
            ["mine", named["jsonl"], *out],
            ["mine", "cranfield", "--recipe", named["toml"], *out],
            ["recipes", "check", named["toml"]],
            ["lint", named["trec"]],
            ["evaluate", named["trec"], "cranfield"],
            *(
                [
                    "evaluate",
                    "precomputed",
                    "cranfield",
                    "--query-vectors",
                    path,
                    "--doc-vectors",
                    path,
                ]
                for path in (named["npy"], named["safetensors"], named["parquet"])
            ),
        ):
            assert f"not a file but a {sort}" in refusal(*words), words
    assert not (tmp_path / "run").exists()


def test_a_folder_in_the_place_of_a_file_is_told(tmp_path: Path) -> None:
    for ending in ("toml", "trec", "jsonl", "npy"):
        (tmp_path / f"folder.{ending}").mkdir()
    refusal("recipes", "check", tmp_path / "folder.toml")
    refusal("lint", tmp_path / "folder.trec")
    refusal("data", "validate", tmp_path / "folder.jsonl")


def test_a_line_that_is_no_row_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LONGEST_LINE", 1 << 20)
    monkeypatch.setattr(limits, "LONGEST_LINE", 1 << 20)
    whole = b'{"query": "' + b"a" * (20 << 20)
    for name, content in (
        ("line.jsonl", whole),
        ("line.csv", whole),
        ("line.tsv", whole),
        ("line.jsonl.gz", gzip.compress(whole)),
    ):
        (tmp_path / name).write_bytes(content)
        for command in (["data", "validate"], ["lint"]):
            assert "a line of more than 1 MB" in refusal(*command, tmp_path / name)


def test_a_packed_file_that_unpacks_for_ever_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "UNPACKED", 1 << 20)
    path = tmp_path / "bomb.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n" * (30 << 20)))
    assert "more than 300 times its size" in refusal("data", "validate", path)


def test_brackets_without_end_are_told(tmp_path: Path) -> None:
    deep = tmp_path / "deep.jsonl"
    deep.write_text('{"query": "a", "positive": ' + "[" * 200_000 + "\n")
    refusal("data", "validate", deep)
    refusal("lint", deep)
    recipe = tmp_path / "deep.toml"
    recipe.write_text("a = " + "[" * 200_000)
    assert "nested too deeply" in negatives("recipes", "check", recipe).stderr
    with pytest.raises(DataError, match="nested too deeply"):
        read_json(deep.rename(tmp_path / "deep.json"))


def test_a_giant_in_the_place_of_a_recipe_is_not_read(tmp_path: Path) -> None:
    recipe = tmp_path / "large.toml"
    recipe.touch()
    os.truncate(recipe, 1 << 40)
    assert "the file is larger than 1 MB" in refusal("recipes", "check", recipe)
