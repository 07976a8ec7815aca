"""Commands that are killed or interrupted, and given again: the same bytes, and nothing besides.

Each is killed before calls that make files durable or give them their names, where a half-written
file would come to be read; and those that ask a language model, while it is silent.
"""

from __future__ import annotations

import hashlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from negatives.cli.app import run as carry_out
from negatives.store.atomic import TEMPORARY
from negatives.store.lock import NAME as LOCK
from tests import killing_at
from tests.cli.commands import negatives
from tests.cli.odd_models import TEXT
from tests.make.writing_server import replying
from tests.models.chat_server import ChatServer, Reply, completion, serving

pytestmark = pytest.mark.slow

AT_ONCE = 2
PLAYS = "user_id\titem_id\trating\ttimestamp\n" + "".join(
    f"u{n % 9}\ti{n * 7 % 17}\t{1 + n % 5}\t{1_500_000_000 + n}\n" for n in range(90)
)
ANSWERS = "query_id,answer\n" + "".join(f"q{n},wing {n}\n" for n in range(6))
QUIET = ("--quiet", "--threads", "1")
TIMED = ("training.json", "manifest.json", "report.html", "report.json")
"""What has times in it, and so never the same bytes."""


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    """One that writes queries, answers questions, and judges."""
    with serving() as made:

        def script(call: int, body: dict[str, object]) -> tuple[int, object] | None:
            asked = str(body["messages"])
            if '"queries"' in asked:
                return 200, replying(body)
            if "passage" in asked and "yes" not in asked:
                return 200, completion("wing 3")
            return None

        made.script = script
        yield made


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What all commands find: texts, plays, answers, a run."""
    folder = tmp_path_factory.mktemp("world")
    files = {**TEXT, "ids/train.tsv": PLAYS.encode(), "answers.csv": ANSWERS.encode()}
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    words = ("mine", folder / "text", "--out", folder / "RUN", "--recipe", "bm25", *QUIET)
    assert carry_out([str(word) for word in words]) == 0
    return folder


def commands(spec: str) -> dict[str, tuple[str, ...]]:
    """Those that write something, or pay for something."""
    return {
        "evaluate": ("evaluate", "bm25", "text@test", "text@dev", "--save-run", "out", *QUIET),
        "make": ("make", "text", "--out", "out", "--kind", "queries", "--set", f"model={spec}",
                 *QUIET),
        "distract": ("distract", "RUN", "--answers", "answers.csv", "--llm", spec,
                     "--distractors", "1", "--json", *QUIET),
        "judge": ("judge", "RUN", "--judge", "llm", "--set", f"model={spec}", "--budget", "12",
                  *QUIET),
        "train": ("train", "ids", "--recipe", "bpr", "--out", "out", "--steps", "6", "--set",
                  "train.checkpoint=3", *QUIET),
    }  # fmt: skip


def killed(place: Path, words: tuple[str, ...], moment: int) -> bool:
    """Whether it was killed, in a process of its own, before so many calls that write."""
    done = subprocess.run(
        [sys.executable, killing_at.__file__, str(moment), *words],
        cwd=place, stdout=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    return done.returncode == -signal.SIGKILL


def tree(place: Path) -> dict[str, str]:
    """Hashes of all that is there, but for locks, what is shared, and what has times in it."""
    return {
        name: hashlib.blake2b(path.read_bytes()).hexdigest()
        for path in place.rglob("*")
        if path.is_file() and path.name not in (LOCK, *TIMED)
        and not (name := path.relative_to(place).as_posix()).startswith("cache/")
    }  # fmt: skip


LEFT = f"{TEMPORARY}*"
"""How what is half written is named, in caches and among the system's temporary files too."""
MOMENTS = {"evaluate": 9, "make": 20, "distract": 2, "judge": 23, "train": 40}
"""In the middle of each."""


@pytest.mark.parametrize("command", MOMENTS)
def test_killed_and_given_again_a_command_ends_as_if_it_never_had_been(
    command: str,
    world: Path,
    server: ChatServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if command == "train":
        pytest.importorskip("sentence_transformers")
    words = commands(f"{server.spec}?concurrency={AT_ONCE}")[command]
    place = tmp_path / "place"  # the same for both: paths stand in accounts
    monkeypatch.setenv("NEGATIVES_CACHE", str(place / "cache"))
    monkeypatch.setenv("TMPDIR", str(temporary := tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    temporary.mkdir()
    shutil.copytree(world, place)
    wanted = negatives(*words, cwd=place)
    assert wanted.returncode == 0, wanted.stderr
    whole = tree(place)
    shutil.rmtree(place)
    shutil.copytree(world, place)
    paid = len(server.bodies)
    assert killed(place, words, MOMENTS[command]), "it was done before"
    there = tree(place)
    assert [
        name
        for name, found in there.items()
        if not _of_work(name) and found not in (whole.get(name), _before(world, name))
    ] == [], "what has its name is whole"
    again = negatives(*words, cwd=place)
    assert again.returncode == 0, again.stderr
    assert tree(place) == whole
    assert [*temporary.glob(LEFT), *place.rglob(LEFT)] == []
    if command in ("evaluate", "distract"):  # others tell what this time cost
        assert again.stdout == wanted.stdout
    asked = [str(body) for body in server.bodies[paid:]]
    assert len(asked) - len({*asked}) <= AT_ONCE, "nothing is paid twice but what was on its way"


@pytest.mark.parametrize("command", ["make", "distract", "judge"])
def test_interrupted_while_a_model_is_silent_a_command_ends_at_once_and_goes_on_from_there(
    command: str,
    world: Path,
    server: ChatServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = commands(f"{server.spec}?concurrency={AT_ONCE}")[command]
    place = tmp_path / "place"
    monkeypatch.setenv("NEGATIVES_CACHE", str(place / "cache"))
    shutil.copytree(world, place)
    wanted = negatives(*words, cwd=place)
    assert wanted.returncode == 0, wanted.stderr
    whole = tree(place)
    shutil.rmtree(place)
    shutil.copytree(world, place)
    paid, answers, speaks = len(server.bodies), server.script, threading.Event()

    def silent(call: int, body: dict[str, Any]) -> Reply | None:
        if call > paid + 2:
            speaks.wait(60)
        return answers(call, body)

    server.script = silent
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "negatives", *words],
            cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        while process.poll() is None and len(server.bodies) < paid + 2 + AT_ONCE:
            time.sleep(0.01)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
        assert time.monotonic() - began < 5  # half a second, where nobody else is at work
    finally:
        speaks.set()
        server.script = answers
    assert process.returncode == 130
    assert said.splitlines()[-1].startswith("error: interrupted")
    again = negatives(*words, cwd=place)
    assert again.returncode == 0, again.stderr
    assert tree(place) == whole
    asked = [str(body) for body in server.bodies[paid:]]
    assert len(asked) - len({*asked}) <= AT_ONCE, "nothing is paid twice but what was on its way"


def _of_work(name: str) -> bool:
    """Whether it is the work's own, which no reader looks at: the account says what is whole."""
    return TEMPORARY in name or "/.work/" in name or "/checkpoints/" in name


def _before(world: Path, name: str) -> str:
    path = world / name
    return hashlib.blake2b(path.read_bytes()).hexdigest() if path.is_file() else ""
