"""Files of a folder, or of a pattern, are linted and fixed as one."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from negatives.cli.app import run
from negatives.measure.lint import lint
from tests.cli.commands import negatives

ROWS = pl.DataFrame(
    {
        "query": ["why", "who", "where", "when"],
        "positive": ["It is so.", "Him", "Here", "Now"],
        "negative": ["it IS so", "No.", "here", "It is so."],
    }
)
WRITTEN = {
    ".parquet": pl.DataFrame.write_parquet,
    ".jsonl": pl.DataFrame.write_ndjson,
    ".json": pl.DataFrame.write_json,
    ".csv": pl.DataFrame.write_csv,
    ".tsv": lambda rows, path: rows.write_csv(path, separator="\t"),
}


def sharded(folder: Path, ending: str, rows: pl.DataFrame = ROWS, name: str = "part") -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    for start in range(0, len(rows), 2):
        WRITTEN[ending](rows.slice(start, 2), folder / f"{name}-{start}{ending}")  # type: ignore[operator]
    return folder


def test_files_of_a_folder_are_linted_and_fixed_as_if_they_were_one(tmp_path: Path) -> None:
    for ending, write in WRITTEN.items():
        write(ROWS, tmp_path / f"whole{ending}")  # type: ignore[operator]
        whole = lint(tmp_path / f"whole{ending}")
        wanted = whole.fix(tmp_path / f"clean{ending}")
        folder = sharded(tmp_path / f"{ending[1:]}s", ending)
        for named in (folder, folder / "part-*"):
            found = lint(named)
            assert found.as_dict() == whole.as_dict() | {"file": str(named)}
            fixed = found.fix(tmp_path / f"fixed{ending}")
            assert fixed.as_dict() | {"path": ""} == wanted.as_dict() | {"path": ""}
            assert (tmp_path / f"fixed{ending}").read_bytes() == (
                tmp_path / f"clean{ending}"
            ).read_bytes()


def test_a_broken_row_is_named_in_its_own_file(tmp_path: Path) -> None:
    folder = sharded(tmp_path / "mined", ".jsonl")
    with (folder / "part-2.jsonl").open("a") as file:
        file.write('{"query": 7.5}\n')
    done = negatives("lint", folder)
    assert done.returncode == 2
    assert f"{folder}/part-2.jsonl, line 3" in done.stderr


def test_of_several_splits_the_training_files_are_linted_and_it_is_told(tmp_path: Path) -> None:
    folder = sharded(tmp_path / "mined", ".jsonl", name="train")
    sharded(folder, ".jsonl", ROWS[1:2], name="test")
    found = lint(folder)
    assert found.rows == 4
    assert found.notes == (f"of {folder} the split train is read, not test",)
    assert lint(folder / "test*").rows == 1
    sharded(tmp_path / "none", ".jsonl", name="dev")
    sharded(tmp_path / "none", ".jsonl", name="test")
    done = negatives("lint", tmp_path / "none")
    assert "there are several splits and none is named train: dev, test" in done.stderr
    assert f"name the files of one, as in '{tmp_path / 'none'}/dev*'" in done.stderr


def test_files_that_are_not_one_are_refused(tmp_path: Path) -> None:
    folder = sharded(tmp_path / "mined", ".jsonl")
    (folder / "part-4.jsonl").write_text(
        json.dumps({"query": "why", "pos": ["so"], "neg": ["not so"]})
    )
    said = negatives("lint", folder).stderr
    assert "the files are not of one form: part-0.jsonl is triplet with the columns query," in said
    assert "part-4.jsonl is " in said
    (folder / "part-4.jsonl").unlink()
    ROWS.write_csv(folder / "part-5.csv")
    said = negatives("lint", folder).stderr
    assert "files of several types: part-0.jsonl, part-5.csv" in said
    assert f"name those of one, as in '{folder}/*.jsonl'" in said
    assert "no file matches" in negatives("lint", tmp_path / "mined/other-*").stderr


def test_a_fix_is_no_file_of_the_folder_and_of_its_type(tmp_path: Path) -> None:
    folder = sharded(tmp_path / "mined", ".jsonl")
    for out, said in (
        (folder / "part-0.jsonl", "the fixed file would replace the data"),
        (folder / "clean.jsonl", "one more of the files that are read as one"),
        (tmp_path / "clean.csv", "the fixed file is of the same format"),
    ):
        done = negatives("lint", folder, "--fix", "-o", out)
        assert done.returncode == 2
        assert said in done.stderr
    done = negatives("lint", folder / "part-*", "--fix", "-o", folder / "part-clean.jsonl")
    assert "one more of the files that are read as one" in done.stderr
    assert not (folder / "part-clean.jsonl").exists()
    done = negatives("lint", folder / "part-*", "--fix", "-o", folder / "clean.jsonl")
    assert done.returncode == 0, done.stderr
    below = sharded(tmp_path / "above" / "data", ".jsonl").parent
    done = negatives("lint", below, "--fix", "-o", below / "data" / "clean.jsonl")
    assert "one more of the files that are read as one" in done.stderr
    folder = sharded(tmp_path / "tables", ".parquet", ROWS.with_columns(n=pl.lit(1)))
    ROWS.with_columns(n=pl.lit(0.5)).write_parquet(folder / "part-9.parquet")
    assert lint(folder).rows == 8
    done = negatives("lint", folder, "--fix", "-o", tmp_path / "clean.parquet")
    assert "the files have columns of different types" in done.stderr
    assert run(["lint", str(folder / "part-0.parquet"), "--quiet"]) == 1
