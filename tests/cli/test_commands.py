"""The command line as a user meets it: its output, its exit code."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import polars as pl
import pytest

from negatives.cli.ceilings import Share
from negatives.cli.doctor import show_bench
from negatives.cli.resources import Resources
from tests.cli.commands import negatives
from tests.each import for_each


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("cli") / "run"
    done = negatives("mine", "cranfield", "--out", out, "--recipe", "bm25")
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.slow
def test_where_the_script_is_not_on_the_path_python_has_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "negatives", "mine", "no-such-data", "--out", "run"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "no-such-data" in done.stderr


@pytest.mark.slow
def test_mining_says_what_was_found_and_where_the_report_is(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "negatives.cli", "mine", "cranfield", "--out", "runs/cranfield"],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0
    assert "1,575 of 1,575 negatives, coverage 100%" in done.stdout
    assert "report: runs/cranfield/report.html" in done.stdout
    assert "find: 225 of 225 queries" in done.stderr


@pytest.mark.slow
def test_results_go_to_stdout_and_progress_to_stderr(tmp_path: Path) -> None:
    done = negatives("mine", "cranfield", "--out", tmp_path / "r", "--recipe", "bm25", "--json")
    found = json.loads(done.stdout)
    assert found["run"] == str(tmp_path / "r")
    assert found["sections"]
    quiet = negatives("mine", "cranfield", "--out", tmp_path / "q", "--recipe", "bm25", "-q")
    assert quiet.stderr == ""


@pytest.mark.slow
def test_settings_are_changed_one_by_one(tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = negatives(
        "mine", "cranfield", "--out", out, "--recipe", "bm25", "--per-query", "2",
        "--set", "find.bm25.top=12", "--set", "pick.by=bm25_rank", "--seed", "5",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    recipe = (out / "recipe.toml").read_text()
    for line in ("per_query = 2", "top = 12", 'by = "bm25_rank"', "seed = 5"):
        assert line in recipe


@pytest.mark.slow
def test_picking_again_changes_the_negatives_only(run: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in (run / "candidates").iterdir()}
    done = negatives("pick", run, "random", "--per-query", "3", "--set", "among=20")
    assert done.returncode == 0, done.stderr
    assert len(pl.read_parquet(run / "negatives.parquet")) == 3 * 225
    assert {path.name: path.read_bytes() for path in (run / "candidates").iterdir()} == before
    assert 'kind = "random"' in (run / "recipe.toml").read_text()


@pytest.mark.slow
def test_relabelling_by_command_is_taken_back_by_another(run: Path, tmp_path: Path) -> None:
    done = negatives("pick", run, "--relabel", "0.9", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["sections"]["relevance"]["relabelled"]["asked"] == 0.9
    assert "relabel = 0.9" in (run / "recipe.toml").read_text()
    out = tmp_path / "masks.parquet"
    assert negatives("export", run, "-f", "masks", "-o", out).returncode == 0
    assert len(pl.read_parquet(out)) == 225
    assert (run / "relabelled.parquet").exists()
    assert negatives("pick", run, "--relabel", "0").returncode == 0
    assert not (run / "relabelled.parquet").exists()


def test_exporting_says_how_many_rows(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "triplets.parquet"
    done = negatives("export", run, "--format", "triplet", "-o", out, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == len(pl.read_parquet(out))


@pytest.mark.slow
def test_the_report_can_be_written_again(run: Path) -> None:
    (run / "report.html").unlink()
    assert negatives("report", run).returncode == 0
    assert (run / "report.html").stat().st_size > 10_000


def test_data_is_described_validated_and_converted(tmp_path: Path) -> None:
    described = json.loads(negatives("data", "describe", "cranfield", "--json").stdout)
    assert (described["documents"], described["queries"]) == (1400, 225)
    assert negatives("data", "validate", "cranfield").returncode == 0
    converted = negatives("data", "convert", "cranfield", "-o", tmp_path / "beir")
    assert converted.returncode == 0
    assert (tmp_path / "beir" / "corpus.jsonl").is_file()
    (tmp_path / "beir" / "queries.jsonl").write_text('{"_id": "q1", "text": null}\n')
    broken = negatives("data", "validate", tmp_path / "beir")
    assert broken.returncode == 2
    assert "fix:" in broken.stdout


def test_recipes_are_listed_shown_and_checked(tmp_path: Path) -> None:
    names = {row["name"] for row in json.loads(negatives("recipes", "list", "--json").stdout)}
    assert {"default", "bm25", "nv-retriever", "simans", "ance-static", "rocketqa-window"} <= names
    shown = negatives("recipes", "show", "simans").stdout
    mine = tmp_path / "mine.toml"
    mine.write_text(shown)
    checked = negatives("recipes", "check", mine)
    assert checked.returncode == 0
    assert "dense -> simans" in checked.stdout
    assert "what differs" not in checked.stdout
    lines = [line for line in shown.splitlines() if not line.startswith("differs")]
    mine.write_text("\n".join(lines))
    assert "does not say what differs from it" in negatives("recipes", "check", mine).stdout


@pytest.mark.slow
def test_the_doctor_measures_the_machine_when_asked() -> None:
    found = json.loads(negatives("doctor", "--bench", "--json").stdout)["bench"]
    assert found["sgemm_gflops_a_core"] > 0
    assert found["copy_gb_a_second"] > 0
    assert found["encoder"]["texts_a_second"] > 0
    assert found["recommended"]["search"] in found["searches"]
    names = list(dict.fromkeys(stage["stage"] for stage in found["stages"]))
    assert names == [
        "encode", "search dense", "search lexical", "score pairs", "judge", "estimate",
        "pick and write",
    ]  # fmt: skip
    for stage in found["stages"]:
        assert stage["ours"] > 0
        assert stage["share"] == pytest.approx(stage["ours"] / stage["ceiling"])
        assert stage["unit"]
        assert stage["bound"]
        assert re.search(r"\d", stage["work"])  # of what size
    assert negatives("cache", "list").stdout.startswith("nothing is kept")


def test_the_doctor_shows_each_stage_beside_its_ceiling(capsys: pytest.CaptureFixture[str]) -> None:
    judge = Share("judge", "9 rows", "k rows/s", 50.0, 200.0, "Parquet")
    rates = {"gflops": 50.0, "share": 0.5}
    show_bench(
        {
            "stages": [asdict(judge) | {"share": judge.share}],
            "sgemm_gflops_a_core": 50.0,
            "copy_gb_a_second": 8.0,
            "searches": {"numpy": rates},
            "encoder": {"name": "static", "texts_a_second": 9.0},
            "recommended": {"threads": 2, "device": "cpu", "search": "numpy"},
        }
    )
    lines = capsys.readouterr().out.splitlines()
    assert re.split(r"  +", lines[1]) == [
        "stage", "ours", "ceiling", "share", "the ceiling is", "measured on",
    ]  # fmt: skip
    assert re.split(r"  +", lines[2]) == [
        "judge", "50.0 k rows/s", "200 k rows/s", "25.0%", "Parquet", "9 rows",
    ]  # fmt: skip


def test_the_doctor_names_what_is_missing_with_its_command() -> None:
    found = json.loads(negatives("doctor", "--json").stdout)
    assert found["encoder"].startswith("works")
    assert found["extras"]["onnx"]["fix"] == "pip install 'negatives[onnx]'"


@pytest.mark.slow
@for_each(
    ("arguments", "said"),
    [
        (("minee", "cranfield"), "Did you mean"),
        (("mine", "nowhere", "--out", "r"), "no such file or folder"),
        (("mine", "cranfield@dev", "--out", "r"), "there is no split 'dev'"),
        (("mine", "cranfield", "--out", "r", "--recipe", "nv-retreiver"), "nv-retriever"),
        (("mine", "cranfield", "--out", "r", "--set", "find.bm25.topp=3"), "'top'"),
        (("mine", "cranfield", "--out", "r", "--set", "pick.per_query=none"), "per_query"),
        (("mine", "cranfield", "--out", "r", "--per-query", "0"), ">= 1"),
        (("mine", "cranfield", "--out", "r", "--encoder", "no/such.onnx"), "no/such.onnx"),
        (("mine", "cranfield", "--out", "r", "--memory", "lots"), "such as 512MB or 2GB"),
        (("pick", "nowhere"), "there is no run here"),
        (("report", "nowhere"), "negatives mine DATA --out RUN"),
        (("export", "nowhere", "-f", "triplet", "-o", "x.parquet"), "there is no run here"),
    ],
)
def test_a_wrong_command_is_one_clear_message_and_exit_code_2(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = negatives(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("error:") == 1
    assert "Traceback" not in done.stderr
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert left == []


def test_a_misspelt_key_of_a_recipe_file_is_named_with_its_place(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text('[[find]]\nkind = "bm25"\ntpo = 10\n\n[pick]\nkind = "top"\n')
    done = negatives("mine", "cranfield", "--out", tmp_path / "run", "--recipe", recipe)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "error: 'bm25' has no setting 'tpo'",
        f"  where: {recipe}: find[0].tpo",
        "  fix:   did you mean 'top'?",
    ]


@pytest.mark.slow
def test_bad_rows_can_be_set_aside_and_are_counted(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.jsonl"
    rows = [json.dumps({"query": f"wing {n}", "positive": f"lift of wing {n}"}) for n in range(20)]
    pairs.write_text("\n".join([*rows, '{"query": "no positive"}', "not json"]) + "\n")
    refused = negatives("mine", pairs, "--out", tmp_path / "run")
    assert refused.returncode == 2
    assert "line 21" in refused.stderr
    aside = tmp_path / "aside.jsonl"
    done = negatives("mine", pairs, "--out", tmp_path / "run", "--quarantine", aside)
    assert done.returncode == 0, done.stderr
    assert len(aside.read_text().splitlines()) == 2
    assert negatives("export", tmp_path / "run", "-f", "triplet", "-o", tmp_path / "t.parquet")


@pytest.mark.slow
def test_interrupted_work_exits_with_130_and_can_go_on(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "negatives.cli", "mine", "cranfield", "--recipe", "bm25",
               "--set", "shard=4", "--out", str(tmp_path / "run")]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(b"find:"):
            break
    process.send_signal(signal.SIGINT)
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 130
    assert b"run the same command again" in said
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_help_is_there_for_every_command() -> None:
    for command in ("", "mine", "pick", "export", "report", "data", "recipes", "cache", "doctor"):
        done = negatives(*([command] if command else []), "--help")
        assert done.returncode == 0
        assert "Usage:" in done.stdout
    assert "negatives mine cranfield --out runs/safe" in negatives("mine", "--help").stdout


def test_threads_that_wait_sleep_unless_the_user_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for own, then in ((None, "passive"), ("active", "active")):
        monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
        if own is not None:
            monkeypatch.setenv("OMP_WAIT_POLICY", own)
        Resources().limit_pools()
        assert os.environ["OMP_WAIT_POLICY"] == then


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys; from negatives.cli.app import run; run(['--help']);"
        "heavy = {'polars', 'numpy', 'torch', 'bm25s', 'jinja2'} & set(sys.modules);"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
