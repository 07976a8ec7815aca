"""negatives judge: more evidence for a finished run, said in a line, and asked for rightly."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from tests.cli.commands import negatives
from tests.killing import kill_when, start_python
from tests.models.chat_server import ChatServer, completion, serving
from tests.models.tiny_reranker import save_onnx


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("judge") / "run"
    done = negatives("mine", "cranfield", "--out", out, "--recipe", "bm25")
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.slow
def test_judging_says_how_many_pairs_of_how_many(run: Path, tmp_path: Path) -> None:
    model = save_onnx(tmp_path)
    command = ("judge", run, "--judge", "reranker", "--set", f"model={model}", "--budget", "250")
    done = negatives(*command)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("judged 250 of ")
    assert "(250 scored now); p_relevant as before" in done.stdout
    assert "rerank: 250 of 250 pairs" in done.stderr
    scores = pl.read_parquet(run / "candidates" / "*.parquet")["reranker_score"]
    assert scores.is_not_null().sum() == 250
    again = negatives(*command, "--json", "--quiet")
    assert again.stderr == ""
    assert json.loads(again.stdout)["run"] == str(run)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ((), "model"),
        (("--set", "modle=x"), "did you mean 'model'?"),
        (("--judge", "rerankr"), "did you mean 'reranker'?"),
        (("--set", "model=./nowhere"), "there is no reranker at './nowhere'"),
        (("--judge", "margin"), "margin does not score single pairs"),
    ],
)
def test_a_wrong_command_says_what_is_right(
    run: Path, settings: tuple[str, ...], said: str
) -> None:
    done = negatives("judge", run, *settings)
    assert done.returncode == 2
    assert said in done.stderr


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    with serving() as made:
        yield made


def asked(run: Path, server: ChatServer, *more: str, budget: int = 30) -> tuple[str | Path, ...]:
    model = f"model={server.spec}?price=1/2"
    return ("judge", run, "--judge", "llm", "--set", model, "--budget", str(budget), *more)


@pytest.mark.slow
def test_a_language_model_is_told_for_beforehand_and_paid_for_once(
    run: Path, server: ChatServer
) -> None:
    files = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    told = negatives(*asked(run, server, "--dry-run"))
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("would judge 30 pairs: 30 calls, some ")
    assert "240 at most written, 0.0" in told.stdout
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == files
    assert not server.bodies
    plan = json.loads(negatives(*asked(run, server, "--dry-run", "--json")).stdout)
    assert (plan["calls"], plan["known"], plan["judge"]["kind"]) == (30, 0, "llm")
    done = negatives(*asked(run, server))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("judged 30 of ")
    assert "(30 scored now); p_relevant as before" in done.stdout
    assert len(server.bodies) == 30
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["cost"] == {"calls": 30, "tokens": 30 * 101, "money": 30 * 102e-6}
    scores = pl.read_parquet(run / "candidates" / "*.parquet")["llm_score"]
    assert scores.is_not_null().sum() == 30
    again = negatives(*asked(run, server, "--dry-run"))
    assert again.stdout == "would judge 30 pairs, 30 of them known already: 0 calls\n"
    listed = negatives("cache", "list").stdout
    assert f"{server.spec}  prompt 'judge-yes-no'  replies  30 replies" in listed
    assert "and 30 replies" in negatives("cache", "size").stdout
    database = next(Path(os.environ["NEGATIVES_CACHE"]).rglob("replies.sqlite"))
    assert negatives("cache", "verify").returncode == 0
    database.write_bytes(b"no database" * 1000)
    assert "1 damaged" in negatives("cache", "verify").stdout
    broken = negatives(*asked(run, server, "--set", "reject=0.9"))
    assert broken.returncode == 1
    assert "kept replies of a language model are damaged" in broken.stderr
    assert "negatives cache verify --repair" in broken.stderr
    assert negatives("cache", "verify", "--repair").returncode == 0
    assert negatives(*asked(run, server, "--set", "reject=0.9")).returncode == 0
    assert "30 replies" in negatives("cache", "prune", "--all").stdout


@pytest.mark.slow
def test_unknown_answers_have_no_score_and_are_told(run: Path, server: ChatServer) -> None:
    count = len(server.bodies)
    server.script = lambda call, body: (200, completion("hm")) if call == count + 4 else None
    done = negatives(*asked(run, server, "--set", "unknown=0.05"))
    assert "judged 30 of " in done.stdout
    assert "1 unknown: no answer that can be used" in done.stdout
    scores = pl.read_parquet(run / "candidates" / "*.parquet")["llm_score"]
    assert scores.is_not_null().sum() == 29


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (("--set", "prompt=none.j2"), 2, "none.j2"),
        (("--set", "prompt=empty.j2"), 2, "does not have the variable 'document'"),
        (("--set", "model=gpt-5"), 2, "no address of a language model"),
        (("--set", "api_key=sk-1"), 2, "literal key"),
        (("--set", "api_key=env:NOT_SET_AT_ALL"), 2, "NOT_SET_AT_ALL is not set"),
    ],
)
def test_what_a_language_model_cannot_be_asked_is_told_before_any_work(
    run: Path, server: ChatServer, tmp_path: Path, more: tuple[str, ...], code: int, said: str
) -> None:
    count = len(server.bodies)
    (tmp_path / "empty.j2").write_text("")
    done = negatives(*asked(run, server, *more), cwd=tmp_path)
    assert (done.returncode, done.stderr.count("error: ")) == (code, 1)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert len(server.bodies) == count


def test_a_budget_of_nothing_is_an_error(run: Path, server: ChatServer) -> None:
    for more in ((), ("--dry-run",)):
        done = negatives(*asked(run, server, *more, budget=0))
        assert (done.returncode, done.stderr.count("error: ")) == (2, 1)
        assert "a budget of 0 pairs" in done.stderr


KILLED = """
import sys
from negatives.cli import main
main(sys.argv[1:])
"""


@pytest.mark.slow
def test_killed_while_it_asks_the_run_goes_on_and_the_bill_is_that_of_all_its_calls(
    run: Path, tmp_path: Path
) -> None:
    shutil.copytree(run, tmp_path / "run")
    run = tmp_path / "run"
    before = json.loads((run / "manifest.json").read_text())["cost"].get("calls", 0)
    with serving() as server:
        server.seconds = 0.2
        words = [str(word) for word in asked(run, server, budget=100)]
        process = start_python(KILLED, *words)
        assert kill_when(process, lambda: len(server.answered) >= 50)
        server.seconds = 0
        done = negatives(*words)
        assert done.returncode == 0, done.stderr
        assert "judged 100 of " in done.stdout
        assert 100 <= sum(server.answered.values()) <= 100 + 4
        calls = json.loads((run / "manifest.json").read_text())["cost"]["calls"] - before
        assert calls <= len(server.bodies)
        assert calls >= len(server.bodies) - 35, "but for those of the last second"
