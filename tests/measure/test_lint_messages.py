"""What a user reads: the report as JSON, the errors, the command and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from negatives.errors import InputError
from negatives.measure.lint import lint
from tests.build import collection
from tests.cli.commands import negatives
from tests.each import for_each

ROWS = [
    {"anchor": "what is lift", "positive": "Lift is a force.", "negative": "Drag is a force."},
    {"anchor": "what is drag", "positive": "Drag is a force.", "negative": "drag is a FORCE"},
    {"anchor": "what is flow", "positive": "Flow is a motion.", "negative": "Lift is a force."},
    {"anchor": "what is lift", "positive": "Lift is a force.", "negative": "Drag is a force."},
]

GOLDEN = {
    "format": "triplet",
    "ok": False,
    "rows": 4,
    "queries": 3,
    "negatives": 4,
    "notes": [],
    "findings": [
        {
            "rule": "positive-by-normalised-text",
            "severity": "error",
            "count": 1,
            "unit": "negatives",
            "score": 0.25,
            "verdict": "1 negative differs from a positive of its query only by case, punctuation "
            "or spaces",
            "fix": "take them out (--fix), and mine with the positives excluded by text, "
            "not by index",
            "examples": [
                {
                    "row": 2,
                    "query": "what is drag",
                    "positive": "Drag is a force.",
                    "negative": "drag is a FORCE",
                    "note": "the positive of row 2",
                }
            ],
        },
        {
            "rule": "repeated-row",
            "severity": "warning",
            "count": 1,
            "unit": "rows",
            "score": 0.25,
            "verdict": "1 row repeats an earlier one",
            "fix": "drop them (--fix): they count twice in training",
            "examples": [
                {
                    "row": 4,
                    "query": "what is lift",
                    "positive": "Lift is a force.",
                    "negative": "Drag is a force.",
                    "note": "as row 1",
                }
            ],
        },
    ],
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "triplets.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def test_the_report_of_a_small_file(file: Path) -> None:
    assert lint(file).as_dict() == {"file": str(file)} | GOLDEN


def test_the_command_shows_the_same_report_and_fails(file: Path) -> None:
    done = negatives("lint", file, "--json", "--quiet")
    assert (done.returncode, done.stderr) == (1, "")
    assert json.loads(done.stdout) == {"file": str(file)} | GOLDEN
    shown = negatives("lint", file)
    assert shown.returncode == 1
    assert "error: positive-by-normalised-text, 25.00% of the negatives" in shown.stdout
    assert "row 2 (the positive of row 2): 'what is drag' / 'drag is a FORCE'" in shown.stdout


def test_the_command_fixes_and_then_finds_no_error(file: Path, tmp_path: Path) -> None:
    done = negatives("lint", file, "--fix", "-o", tmp_path / "clean.jsonl", "--quiet")
    assert done.returncode == 0
    assert "2 rows; dropped 2 rows, removed 2 negatives" in done.stdout
    again = negatives("lint", tmp_path / "clean.jsonl", "--quiet")
    assert (again.returncode, again.stdout.splitlines()[1:]) == (0, ["nothing is wrong"])


def test_warnings_alone_are_exit_code_0(tmp_path: Path) -> None:
    pl.DataFrame([ROWS[0], ROWS[0]]).write_csv(tmp_path / "twice.csv")
    done = negatives("lint", tmp_path / "twice.csv")
    assert done.returncode == 0
    assert "warning: repeated-row" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere.jsonl",), "no such file or folder\n  where: nowhere.jsonl"),
        (("triplets.jsonl", "--fix"), "--fix and --out go together"),
        (("triplets.jsonl", "--fix", "-o", "clean.csv"), "end it in .jsonl"),
        (("triplets.jsonl", "--fix", "-o", "triplets.jsonl"), "would replace the data"),
        (("triplets.jsonl", "--data", "nowhere"), "no such file or folder\n  where: nowhere"),
    ],
)
def test_a_wrong_command_is_one_message_and_exit_code_2(
    file: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = negatives("lint", *arguments, "--quiet", cwd=file.parent)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@for_each(
    ("name", "content", "said"),
    [
        ("notes.docx", "x", "a file ending in '.docx' is of no known format"),
        ("notes.docx", "x", ".parquet, .jsonl"),
        ("p.csv", "query,positive\na,b\n", "there is no negative in the file"),
        ("c.jsonl", '{"_id": "1", "text": "x"}\n', "documents or queries, not pairs or negatives"),
        ("e.jsonl", "", "the file holds no rows"),
        ("a.jsonl", '["a", "b"]\n["c", "d"]\n', "lines are JSON arrays without names"),
        ("n.jsonl", '{"negative": "a"}\n', "no column for the positive among 'negative'"),
        ("b.jsonl", '{"query":"a","pos":["b"],"neg":["c"]}\nxx\n', "b.jsonl, line 2: "),
        ("b.jsonl", '{"query":"a","pos":["b"],"neg":["c"]}\nxx\n', "1 line is not JSON"),
        ("t.jsonl", '{"query":"a","pos":["b"],"neg":["c"]}\n{"query":"a","neg":{"x":1}}\n',
         "line 2: 'neg' must be text or a list of texts, and is {"),
        ("l.csv", "anchor,passage,label\na,b,0.5\n", "l.csv, line 2: label is 0.5"),
        ("l.csv", "anchor,passage,label\na,b,0.5\n", "scores of a teacher"),
        ("l.csv", "anchor,passage,label\na,b,1\n", "there is no negative in the file"),
        ("h.csv", "a,1,2\nb,3,4\n", "the first line is no header"),
        ("u.jsonl", '{"query":"a","pos":["b"],"neg":["c","d"],"neg_id":["1"]}\n',
         "u.jsonl, line 1: 1 ids for 2 texts"),
        ("q.qrels", "1 0 a 1\n1 0 b\n2 0 c 0\n", "name what has them"),
        ("q.qrels", "1 0 a\n", "line 1 has 3 columns: TREC's runs have six, its qrels four"),
        ("q.qrels", "1 0 a 0\n", "name what has them: --corpus DATA"),
        ("cut.parquet", "PAR1", "not a whole Parquet file"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_linted_says_why(
    tmp_path: Path, name: str, content: str, said: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError) as error:
        lint(tmp_path / name)
    assert said in str(error.value)
    assert str(tmp_path) in error.value.where


def test_an_id_that_the_data_does_not_have_is_named_with_its_row(tmp_path: Path) -> None:
    data = collection({"a": "x", "b": "y"}, {"1": "q"})
    path = tmp_path / "j.tsv"
    path.write_text("query-id\tcorpus-id\tscore\n1\ta\t1\n1\tzz\t0\n")
    with pytest.raises(InputError) as error:
        lint(path, data=data)
    assert "j.tsv, line 3: document 'zz' is not in 'made'" in str(error.value)


def test_a_file_in_which_all_is_wrong_is_not_fixed(tmp_path: Path) -> None:
    pl.DataFrame([{"anchor": "a", "positive": "b", "negative": "b"}]).write_csv(tmp_path / "w.csv")
    with pytest.raises(InputError, match="nothing would be left"):
        lint(tmp_path / "w.csv").fix(tmp_path / "clean.csv")
    assert not (tmp_path / "clean.csv").exists()


def test_data_that_go_by_ids_are_no_negatives_and_what_to_do_with_them_is_said(
    tmp_path: Path,
) -> None:
    plays = tmp_path / "plays"
    plays.mkdir()
    for name in ("train.tsv", "test.tsv"):
        (plays / name).write_text("user\titem\trating\nu\ta\t1\nu\tb\t-1\n")
    graph = tmp_path / "graph.tsv"
    graph.write_text("head\trelation\ttail\na\tlikes\tb\n")
    edges = tmp_path / "edges.tsv"
    edges.write_text("source\ttarget\na\tb\n")
    for data in (plays, plays / "train.tsv", graph, f"ids:{edges}"):
        said = negatives("lint", data)
        assert said.returncode == 2, data
        assert "these are data that go by ids, and no negatives of them" in said.stderr
        assert f"negatives data validate {data}" in said.stderr
