"""Faults at the edges: terminals, limits, signals, places that cannot be written."""

from __future__ import annotations

import io
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from negatives.cli import ending
from negatives.cli.app import run
from negatives.errors import DataError, DiskFull, WorkError
from negatives.faults import raise_spent, refused
from negatives.store.embeddings import store_folder
from tests.cli.commands import negatives
from tests.each import for_each

CASES = Path(__file__).parents[1] / "cases"
DATA = CASES / "locale-and-home" / "beir"
BAD = CASES / "locale-and-home" / "bad"
MINE = ("mine", str(DATA), "--recipe", "bm25", "--per-query", "1", "--threads", "1", "--quiet")


def process(
    *words: str | Path, limit: Callable[[], None] | None = None, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """A command in a process of its own, with a limit set in it before it begins."""
    return subprocess.run(
        [sys.executable, "-m", "negatives.cli", *map(str, words)],
        capture_output=True,
        check=False,
        preexec_fn=limit,
        env={**os.environ, **environment},
    )


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_terminal_that_cannot_show_a_letter_gets_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", out)
    assert run(["mine", *MINE[1:2], "--out", str(tmp_path / "run"), "--quiet"]) == 0
    assert run(["data", "validate", str(BAD)]) == 2
    assert run(["data", "describe", str(DATA), "--json"]) == 0
    shown = out.buffer.getvalue().decode(encoding)
    assert "hardness    median " + ("−" if encoding == "utf-8" else "-") in shown
    assert "names a query or document that is not there" in shown
    assert json.loads(shown.splitlines()[-1])["documents"] == 12


@pytest.mark.slow
def test_data_beyond_ascii_is_read_and_written_as_utf_8_under_the_c_locale(tmp_path: Path) -> None:
    plain = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    made = tmp_path / "made.csv"
    run_folder = str(tmp_path / "run")
    for words in (
        (*MINE, "--out", run_folder),
        ("export", run_folder, "-f", "triplet", "-o", str(made), "--quiet"),
        ("lint", str(made), "--quiet"),
    ):
        done = process(*words, limit=None, **plain)
        assert (done.returncode, done.stderr) == (0, b"")
    assert any(ord(letter) > 127 for letter in made.read_text("utf-8"))


def test_closed_streams_are_no_hindrance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert run(["recipes", "check", "bm25"]) == 0
    assert run(["recipes", "check", "nonsense"]) == 2


@pytest.mark.slow
def test_what_stderr_cannot_take_is_lost_and_the_work_is_done(tmp_path: Path) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    words = [word for word in MINE if word != "--quiet"]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "stderr", Full())
        assert run([*words, "--out", str(tmp_path / "run")]) == 0
    assert (tmp_path / "run" / "report.json").exists()


def test_a_reader_that_went_away_loses_the_rest_and_the_work_is_done(tmp_path: Path) -> None:
    command = f"{sys.executable} -m negatives.cli"
    words = " ".join([*MINE[:-1], "--out", str(tmp_path / "run")])
    gone = f"{command} {words} 2> >(exec 0<&-; true) | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", gone], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("0\n", "")
    assert (tmp_path / "run" / "report.html").exists()
    full = f"{command} recipes show default > /dev/full"
    done = subprocess.run(["bash", "-c", full], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: no space left on the disk")
    assert "Traceback" not in done.stderr


def few_files() -> None:
    """Let the process hold hardly any file open."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (14, 14))


def small_files() -> None:
    """Let the process write no file of more than 4 kB."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limit", "said"),
    [(few_files, b"too many files are open"), (small_files, b"larger than a file may be here")],
)
def test_a_limit_of_the_machine_is_named_and_its_mend(
    tmp_path: Path, limit: Callable[[], None], said: bytes
) -> None:
    done = process("mine", DATA, "--out", tmp_path / "run", "--quiet", limit=limit)
    assert done.returncode == 1, done.stderr
    assert said in done.stderr
    assert b"raise the limit" in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"overwrite" not in done.stderr
    assert process("mine", DATA, "--out", tmp_path / "run", "--quiet").returncode == 0
    assert not list(tmp_path.rglob(".partial-*"))


@pytest.mark.slow
def test_a_request_to_end_is_heard_in_order_and_the_work_can_go_on(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "negatives.cli", "mine", "cranfield", "--set", "shard=4",
               "--out", str(tmp_path / "run")]  # fmt: skip
    started = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert started.stderr is not None
    for line in started.stderr:
        if line.startswith(b"find:"):
            break
    started.send_signal(signal.SIGTERM)
    said = started.stderr.read()
    started.stderr.close()
    assert started.wait() == 143
    assert b"error: stopped; run the same command again to go on from here" in said
    assert not list(tmp_path.rglob(".partial-*"))


@pytest.mark.slow
@pytest.mark.parametrize("out", ["/proc/made", "x" * 300, f"{'x' * 300}.jsonl", "a-file/made"])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, out: str) -> None:
    (tmp_path / "a-file").touch()
    made = negatives(*MINE, "--out", tmp_path / "run")
    assert made.returncode == 0, made.stderr
    before = sorted(tmp_path.rglob("*"))
    for words in (
        (*MINE, "--out", out),
        ("data", "convert", DATA, "--out", out),
        ("export", tmp_path / "run", "-f", "tevatron", "-o", f"{out}.jsonl"),
        ("mine", out, "--out", "other"),
    ):
        done = negatives(*words, cwd=tmp_path)
        assert done.returncode == 2
        assert out[:40].rpartition("/")[2] in done.stderr
        assert "fix:" in done.stderr
        assert len(done.stderr) < 3000
    assert sorted(tmp_path.rglob("*")) == before


def test_a_place_for_a_folder_is_tried_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("other")
    (tmp_path / "other").symlink_to("one")
    for words in [
        ("make", "nowhere"),
        ("data", "split", "nowhere", "--dev", "0.1"),
        ("data", "convert", "nowhere"),
        ("adapt", "nowhere"),
        ("mine", "nowhere"),
        ("train", "nowhere"),
    ]:
        for out, said in [
            ("one", "circle of symbolic links"),
            ("one/more", "circle of symbolic links"),
            ("x" * 300, "the name is too long"),
            ("/proc/made", "cannot write"),
        ]:
            done = negatives(*words, "--out", out, cwd=tmp_path)
            assert done.returncode == 2, done.stderr
            assert said in done.stderr, (words, done.stderr)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "other"]


def test_an_argument_that_is_no_text_is_refused() -> None:
    done = negatives("mine", "caf\udce9", "--out", "run")
    assert done.returncode == 2
    assert "an argument is not UTF-8: b'caf\\xe9'" in done.stderr


@pytest.mark.parametrize("threads", ["-1", "0", "1000000"])
def test_a_nonsensical_number_of_threads_is_refused(tmp_path: Path, threads: str) -> None:
    for words in (("mine", DATA, "--out", tmp_path / "run"), ("evaluate", "bm25", DATA)):
        done = negatives(*words, "--threads", threads)
        assert done.returncode == 2
        assert f"{threads} is no number of threads" in done.stderr
        assert "give 1 to " in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "cpu:x", ""])
def test_a_device_that_is_not_there_is_refused_before_any_work(tmp_path: Path, device: str) -> None:
    for words in (("mine", DATA, "--out", tmp_path / "run"), ("evaluate", "bm25", DATA)):
        done = negatives(*words, "--device", device)
        assert done.returncode == 2
        assert "device" in done.stderr
        assert ("did you mean 'cuda'" in done.stderr) == (device == "gpu")
        assert "documents" not in done.stderr
    assert list(tmp_path.iterdir()) == []


FAULTS: Mapping[str, tuple[BaseException, int, str]] = {
    "no memory": (MemoryError(), 1, "there is not enough memory"),
    "no threads": (RuntimeError("can't start new thread"), 1, "no more threads can be started"),
    "torch without memory": (RuntimeError("DefaultCPUAllocator: can't allocate memory"), 1,
                             "there is not enough memory"),
    "a full disk, by Rust": (OSError("write: No space left on device (os error 28)"), 1,
                             "no space left on the disk"),
    "no more files, by a panic": (BaseException('Err value: Os { code: 24, kind: TooMany }'), 1,
                                  "too many files are open"),
    "a broken disk": (OSError(5, "Input/output error", "x"), 1, "Input/output error"),
    "deep nesting": (RecursionError(), 2, "nested too deeply"),
    "half a character": (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"), 2,
                         "a text is no Unicode"),
    "a null byte": (ValueError("embedded null byte"), 2, "a null byte"),
    "a lost connection": (ConnectionResetError("reset by peer"), 1, "a connection failed"),
    "a broken library": (ImportError("libx.so: cannot open"), 1, "a library cannot be loaded"),
    "a fault of our own": (KeyError("x"), 1, "a fault that was not foreseen: KeyError"),
}  # fmt: skip


@for_each("name", FAULTS)
def test_whatever_is_raised_ends_in_a_message(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error, code, said = FAULTS[name]

    def fail() -> None:
        raise error

    monkeypatch.setattr("negatives.cli.doctor.examine", fail)
    assert run(["doctor"]) == code
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert said in told
    assert "fix:" in told
    assert "Traceback" not in told


def test_an_unforeseen_fault_says_where_and_asks_to_be_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(name: str) -> None:
        raise KeyError("\x1b[31mx" + "y" * 5000)

    monkeypatch.setattr("negatives.recipe.load_recipe", broken)
    assert run(["recipes", "check", "bm25"]) == 1
    told = capsys.readouterr().err
    assert "negatives/cli/recipes.py, line " in told
    assert "please report these lines and the command" in told
    assert "\x1b" not in told
    assert len(told) < 1500
    monkeypatch.setenv(ending.TRACEBACK, "1")
    assert run(["recipes", "check", "bm25"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_what_the_machine_lacks_is_blamed_on_nothing_else() -> None:
    with pytest.raises(WorkError, match="too many files"):
        raise_spent(OSError(24, "Too many open files"))
    with pytest.raises(DiskFull):
        raise_spent(RuntimeError("I/O error: No space left on device (os error 28)"))
    raise_spent(FileNotFoundError(2, "No such file or directory"))
    raise_spent(ValueError("not a number"))
    found = refused(IsADirectoryError(21, "Is a directory", "x"), "x", wrong=DataError, do="read")
    assert isinstance(found, DataError)
    assert str(found).startswith("cannot read: this is a folder, not a file")


@pytest.mark.slow
def test_without_a_home_folder_mining_works_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEGATIVES_CACHE", "~nobody-of-this-name/cache")
    with pytest.raises(DataError.__mro__[1], match="NEGATIVES_CACHE"):
        store_folder()
    done = negatives("mine", DATA, "--out", tmp_path / "run", "--threads", "1", "--per-query", "1")
    assert done.returncode == 0, done.stderr
    assert "no home folder is known; set NEGATIVES_CACHE" in done.stderr
    assert negatives("cache", "list").returncode == 2


@pytest.mark.slow
@pytest.mark.parametrize("cache", ["/proc/nowhere", str(Path(__file__)), "x" * 300])
def test_a_cache_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: str
) -> None:
    monkeypatch.setenv("NEGATIVES_CACHE", cache)
    done = negatives("mine", DATA, "--out", tmp_path / "run", "--threads", "1", "--per-query", "1")
    assert done.returncode == 0, done.stderr
    assert "set NEGATIVES_CACHE to a folder, or to off" in done.stderr


@pytest.mark.slow
def test_quiet_is_quiet_whatever_libraries_would_say(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    from tests.models.tiny_reranker import save_cross_encoder

    model = save_cross_encoder(tmp_path / "model")
    done = process(
        "evaluate", model, DATA, "--rerank", "bm25", "--metric", "RR", "--threads", "1", "--quiet"
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.slow
def test_a_folder_may_be_called_like_a_pattern(tmp_path: Path) -> None:
    folder = tmp_path / "r?[a]*"
    folder.mkdir()
    pairs = folder / "pairs[1].jsonl"
    rows = [
        {"query": f"salt water {n}", "positive": "the salt water of " + n * "sea "}
        for n in range(9)
    ]
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    run, out = folder / "run[1]", folder / "out[1].jsonl"
    for command in (
        ("mine", pairs, "--out", run, "--recipe", "bm25", "--per-query", "1", "--quiet"),
        ("pick", run, "top", "--per-query", "2", "--quiet"),
        ("audit", run),
        ("export", run, "--format", "triplet", "-o", out),
        ("lint", out, "--quiet"),
    ):
        done = negatives(*map(str, command))
        # Lint has things to say of these texts, and says them.
        assert done.returncode == 0 or (command[0] == "lint" and done.returncode == 1), done.stderr


def test_a_run_that_was_finished_before_says_so(tmp_path: Path) -> None:
    mine = [each for each in MINE if each != "--quiet"]
    mine += ["--out", str(tmp_path / "run")]
    said = [negatives(*mine, *more).stderr for more in ((), (), ("--overwrite",))]
    told = "was finished before; --overwrite mines it again"
    assert [told in each for each in said] == [False, True, False]
