"""The folder of a run: whose it is, when it is done, what mends it, and what is left over."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import negatives as neg
from negatives.errors import RecipeError, RunError, WorkError
from negatives.events import Emit, Event, Progress, Warned, silent
from negatives.learn.training_set import of_run
from negatives.run.account import Account
from negatives.store.atomic import TEMPORARY
from negatives.store.lock import locked
from negatives.store.manifest import DONE, PICKING, REPORTING, read_manifest
from tests.cli.commands import negatives
from tests.models.tiny_reranker import save_onnx
from tests.run.test_mine import contents
from tests.show.made import tiny

PART = "candidates/part-00001.parquet"
RECIPE = neg.Recipe(find=(neg.BM25(top=6), neg.Random(top=4)), pick=neg.Top(per_query=3), shard=3)


def mined(out: Path, emit: Emit = silent) -> neg.Run:
    return neg.mine(tiny(), out, recipe=RECIPE, emit=emit)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mined(tmp_path_factory.mktemp("folders") / "run").path


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    """A finished run of one's own."""
    shutil.copytree(made, tmp_path / "run")
    return tmp_path / "run"


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[20] ^= 1  # in the first rows, far from the footer
    path.write_bytes(data)


def status(run: Path) -> str:
    manifest = read_manifest(run)
    assert manifest is not None
    return manifest.status


def stopped(*arguments: object, **more: object) -> None:
    """In the place of what a process is killed at."""
    raise KeyboardInterrupt


def hidden(run: Path) -> list[str]:
    return [path.name for path in run.rglob(".*")]


# ---- what is damaged -----------------------------------------------------------------------------

READERS: dict[str, Callable[[neg.Run], object]] = {
    "candidates": lambda run: run.candidates(),
    "rejected": lambda run: run.rejected,
    "masks": lambda run: run.masks(),
    "repick": lambda run: run.repick(neg.Top()),
    "relabel": lambda run: run.relabel(0.9),
    "export": lambda run: run.export(run.path.parent / "out.jsonl", format="triplet"),
    "audit": lambda run: neg.audit(run),
    "report": lambda run: run.report(),
    "teacher": lambda run: of_run(run, 2, "bm25_score"),
}


@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS)
def test_whoever_reads_the_ledger_finds_out_that_a_part_was_changed(run: Path, reader: str) -> None:
    opened = neg.Run(run, collection=tiny())
    flip(run / PART)
    with pytest.raises(RunError) as caught:
        READERS[reader](opened)
    assert caught.value.what == f"{PART} is not what was written: its bytes have changed"
    assert caught.value.where == str(run / PART)
    assert caught.value.fix == (
        f"call mine again with the same collection and recipe={str(run / 'recipe.toml')!r}: it "
        "makes it again"
    )


@pytest.mark.slow
def test_the_same_command_makes_again_what_is_damaged_and_nothing_else(run: Path) -> None:
    before = contents(run)
    for name in (PART, "candidates/part-00000.parquet", "negatives.parquet", "report.html"):
        flip(run / name)
        events: list[Event] = []
        mined(run, events.append)
        assert contents(run) == before
        assert status(run) == DONE
        assert hidden(run) == []
        told = [event.text for event in events if isinstance(event, Warned)]
        assert f"{name} is not what was written: its bytes have changed: it is made again" in told
        stages = {event.stage for event in events if isinstance(event, Progress)}
        assert ("find" in stages) == name.startswith("candidates/")
        assert ("pick" in stages) == (name != "report.html")


def test_a_run_whose_folder_is_a_link_is_mended_through_it(run: Path, tmp_path: Path) -> None:
    before = contents(run)
    link = tmp_path / "link"
    link.symlink_to(run)
    flip(run / PART)
    (run / "negatives.parquet").unlink()
    mined(link)
    assert link.is_symlink()
    assert contents(run) == before


@pytest.mark.slow
def test_the_command_that_an_error_names_mends_a_run_that_was_picked_otherwise(
    tmp_path: Path,
) -> None:
    run = neg.mine("cranfield", tmp_path / "a run", recipe="bm25").repick(neg.Top(per_query=2)).path
    before = contents(run)
    (run / "negatives.parquet").unlink()
    refused = negatives("export", run, "-f", "trec-run", "-o", tmp_path / "out.trec")
    assert refused.stderr == (
        f"error: negatives.parquet is gone\n  where: {run}/negatives.parquet\n"
        f"  fix:   negatives mine cranfield --recipe '{run}/recipe.toml' --out '{run}'   makes it "
        "again\n"
    )
    command = f"{sys.executable} -m " + refused.stderr.partition("fix:   ")[2]
    command = command.partition("   makes")[0]
    subprocess.run(command + " --quiet", shell=True, check=True, capture_output=True)
    assert contents(run) == before


@pytest.mark.slow
def test_a_damaged_part_that_a_judge_has_scored_is_made_as_it_was_mined(tmp_path: Path) -> None:
    judge = neg.Rerank(model=str(save_onnx(tmp_path)))
    run = mined(tmp_path / "run").path
    plain = contents(run)
    neg.Run(run, collection=tiny()).judge(judge)
    judged = contents(run)
    flip(next((run / "candidates").glob("part-00001.judged-*")))
    mined(run)
    assert contents(run) == plain
    neg.Run(run, collection=tiny()).judge(judge)
    assert contents(run) == judged


@pytest.mark.slow
def test_what_people_said_of_a_run_outlives_its_folder_s_damage(tmp_path: Path) -> None:
    run = mined(tmp_path / "run").path
    plain = contents(run)
    chosen = neg.Run(run).negatives.filter(query_id="q4").head(1)
    said = chosen.select("query_id", "doc_id", relevant=pl.lit(True))
    neg.Run(run, collection=tiny()).review(said)
    reviewed = contents(run)
    flip(next((run / "candidates").glob("part-00001.reviewed-*")))
    mined(run)
    assert contents(run) == plain
    for _ in range(2):  # an --overwrite does not take the verdicts either
        neg.Run(run, collection=tiny()).review(said)
        assert contents(run) == reviewed
        neg.mine(tiny(), run, recipe=RECIPE, overwrite=True)
        assert contents(run) == plain
        assert len((run / "reviews.jsonl").read_text().splitlines()) == 1


def test_an_opened_run_that_somebody_picks_from_is_to_be_opened_again(run: Path) -> None:
    opened = neg.Run(run, collection=tiny())
    assert len(opened.negatives) == 24
    neg.Run(run, collection=tiny()).repick(neg.Top(per_query=2))
    with pytest.raises(RunError, match="the run has been changed since it was opened"):
        _ = opened.negatives
    assert len(neg.Run(run).negatives) == 16


def test_a_folder_that_only_looks_like_a_run_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("my own report")
    (tmp_path / "candidates").mkdir()
    with pytest.raises(RunError, match=r"holds no run: candidates, report\.html") as caught:
        mined(tmp_path)
    assert "--overwrite" in caught.value.fix
    assert (tmp_path / "report.html").read_text() == "my own report"
    assert hidden(tmp_path) == []


# ---- when it is done -----------------------------------------------------------------------------


@pytest.mark.slow
def test_killed_before_its_report_a_run_is_not_done_and_the_same_command_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    with monkeypatch.context() as killed:
        killed.setattr("negatives.show.writing.write_report", stopped)
        with pytest.raises(KeyboardInterrupt):
            mined(run)
    assert status(run) == REPORTING
    assert not (run / "report.html").exists()
    assert len(neg.Run(run).negatives) == 24  # all that a reader needs is there
    events: list[Event] = []
    mined(run, events.append)
    assert status(run) == DONE
    assert (run / "report.html").is_file()
    assert hidden(run) == []
    assert {event.stage for event in events if isinstance(event, Progress)} == {"report"}


@pytest.mark.slow
def test_killed_while_picking_a_run_has_no_negatives_until_it_is_picked_again(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(run)
    ways: list[Callable[[], object]] = [
        lambda: neg.Run(run, collection=tiny()).repick(neg.Top(per_query=3)),
        lambda: mined(run),
    ]
    for again in ways:
        with monkeypatch.context() as killed:
            killed.setattr(Account, "picked", stopped)
            with pytest.raises(KeyboardInterrupt):
                neg.Run(run, collection=tiny()).repick(neg.Top(per_query=1))
        assert status(run) == PICKING
        for command in ("audit", "report", "lint"):
            refused = negatives(command, run)
            assert refused.returncode == 2
            assert refused.stderr == (
                f"error: picking was cut off\n  where: {run}\n"
                f"  fix:   negatives pick {run}, once more\n"
            )
        again()
        assert status(run) == DONE
        assert contents(run) == before
        assert hidden(run) == []


@pytest.mark.slow
def test_scratch_files_that_were_cut_are_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Path
) -> None:
    run = tmp_path / "run"
    with monkeypatch.context() as killed:
        killed.setattr(Account, "enter", stopped)
        with pytest.raises(KeyboardInterrupt):
            mined(run)
    scratch = sorted((run / ".work").rglob("part-*.parquet"))
    assert len(scratch) >= 4
    for path in scratch:
        path.write_bytes(path.read_bytes()[:-9])
    mined(run)
    assert contents(run) == contents(made)


# ---- what is left over ---------------------------------------------------------------------------


def test_after_an_error_nothing_is_left(run: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    opened = neg.Run(run, collection=tiny())
    with pytest.raises(RecipeError):
        opened.repick(neg.Top(by="no_such_column"))
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before | {
        run / "candidates": before[run / "candidates"]
    }
    with pytest.raises(RecipeError):
        neg.mine(tiny(), tmp_path / "new" / "run", recipe=RECIPE, pick=neg.Top(by="no_such_column"))
    assert not (tmp_path / "new").exists()


def test_what_killed_processes_left_is_gone_after_the_next_command(run: Path) -> None:
    (run / ".work" / "found").mkdir(parents=True)
    (run / f"{TEMPORARY}0-negatives.parquet").write_bytes(b"half")
    (run / ".lock").write_text("999999")
    mined(run)
    assert hidden(run) == []
    (run.parent / f"{TEMPORARY}0-out.jsonl").write_bytes(b"half")
    (run.parent / f"{TEMPORARY}0-mine.jsonl").write_bytes(b"of something else")
    neg.Run(run, collection=tiny()).export(run.parent / "out.jsonl", format="triplet")
    assert hidden(run.parent) == [f"{TEMPORARY}0-mine.jsonl"]


@pytest.mark.slow
def test_a_cache_that_is_emptied_meanwhile_is_told_and_the_same_command_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEGATIVES_CACHE", str(tmp_path / "cache"))

    def emptying(event: Event) -> None:
        if isinstance(event, Progress) and event.stage == "encode corpus (dense)":
            shutil.rmtree(tmp_path / "cache", ignore_errors=True)

    recipe = neg.Recipe(find=(neg.Dense(top=5),), pick=neg.Top(per_query=3))
    with pytest.raises(WorkError, match="stored vectors were removed while they were used"):
        neg.mine(tiny(), tmp_path / "run", recipe=recipe, emit=emptying)
    assert len(neg.mine(tiny(), tmp_path / "run", recipe=recipe).negatives) == 24


# ---- two at once, and one that is stopped --------------------------------------------------------


@pytest.mark.slow
def test_while_one_writes_others_are_told_who_does(tmp_path: Path) -> None:
    """What the first has written so far is no reason to say anything else."""
    told: list[subprocess.CompletedProcess[str]] = []

    def beside(event: Event) -> None:
        if isinstance(event, Progress) and event.stage == "judge" and not told:
            (tmp_path / "run" / f"{TEMPORARY}0-x").write_bytes(b"half")
            for command in (
                ["mine", "cranfield", "--out", "run", "--quiet"],
                ["mine", "cranfield", "--out", "run", "--quiet", "--overwrite"],
                ["audit", "run"],
            ):
                other = [sys.executable, "-m", "negatives.cli", *command]
                told.append(subprocess.run(other, capture_output=True, text=True, cwd=tmp_path))

    assert len(mined(tmp_path / "run", beside).negatives) == 24
    assert len(told) == 3
    for refused in told:
        assert refused.returncode == 2
        assert refused.stderr.startswith(
            f"error: another process is working on this run (process {os.getpid()})\n"
        )


def test_a_reader_is_told_of_a_writer_that_has_changed_what_it_reads(run: Path) -> None:
    program = "import sys, time\nfrom pathlib import Path\n"
    program += "from negatives.store.lock import locked\nwith locked(Path(sys.argv[1])):\n"
    program += "    print('held', flush=True)\n    time.sleep(60)\n"
    command = [sys.executable, "-c", program, str(run)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "held\n"
        flip(run / PART)
        with pytest.raises(RunError, match=rf"\(process {writer.pid}\), and has changed {PART}"):
            neg.Run(run).candidates()
        writer.kill()


MINE = [sys.executable, "-m", "negatives.cli", "mine", "cranfield", "--recipe", "bm25",
        "--threads", "1", "--set", "shard=8", "--out"]  # fmt: skip


@pytest.mark.slow
def test_of_several_started_together_one_works_and_the_others_are_told(tmp_path: Path) -> None:
    run = tmp_path / "run"
    several = [
        subprocess.Popen(
            [*MINE, str(run)], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    said = [process.communicate() for process in several]
    for process, (_, err) in zip(several, said, strict=True):
        assert process.returncode in (0, 2)
        if process.returncode:
            assert err.splitlines()[-3].startswith("error: another process is working on this run")
    assert any(process.returncode == 0 for process in several)
    assert len(neg.Run(run).negatives) == 1575
    assert hidden(run) == []


@pytest.mark.slow
def test_interrupted_by_a_person_a_run_goes_on_where_it_was(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with subprocess.Popen([*MINE, str(run)], stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 60
        while not list(run.glob("candidates/part-*.parquet")) and time.monotonic() < until:
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130
    assert err.endswith("error: interrupted; run the same command again to go on from here\n")
    assert "Traceback" not in err
    assert [path.name for path in run.iterdir() if path.name in (".lock",)] == []
    subprocess.run([*MINE, str(run), "--quiet"], check=True, capture_output=True)
    whole = neg.mine("cranfield", tmp_path / "whole", recipe=neg.Run(run).recipe)
    assert contents(run) == contents(whole.path)
    assert hidden(run) == []


def test_a_run_that_is_locked_by_this_process_is_no_other_s(run: Path) -> None:
    flip(run / PART)
    with locked(run), pytest.raises(RunError, match="its bytes have changed"):
        neg.Run(run).candidates()


def test_a_file_that_a_recipe_names_and_that_has_changed_is_another_run(tmp_path: Path) -> None:
    """Half of the pairs would be judged by one file and half by the other, or all by the old."""
    file = tmp_path / "concepts.tsv"
    file.write_text("wing\tflight\n")

    def judged(out: Path, overwrite: bool = False) -> neg.Run:
        judges = [neg.SharedKeywords(concepts=str(file))]
        return neg.mine(tiny(), out, sources=[neg.BM25(top=6)], judges=judges, overwrite=overwrite)

    made = judged(tmp_path / "run")
    before = contents(made.path)
    assert contents(judged(made.path).path) == before
    file.write_text("wing\tbird\n")
    for status in (DONE, PICKING):
        manifest = read_manifest(made.path)
        assert manifest is not None
        manifest.status = status
        manifest.save(made.path)
        with pytest.raises(RunError, match=r"differs in: .*concepts\.tsv, which has changed"):
            judged(made.path)
    judged(made.path, overwrite=True)
    file.unlink()
    file.write_text("wing\tbird\n")
    judged(made.path)
