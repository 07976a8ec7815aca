"""A run's folder that something else has changed: every command says so, or answers as before.

A row of the table is one thing that can happen to a folder; each command is given it anew. It may
answer as if nothing had happened, if it does not read what was changed or makes it again; or it
ends in an error that says what, where, and what mends it. It never answers otherwise.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from negatives.store.manifest import NAME, read_manifest
from tests.build import entered
from tests.cli.commands import negatives
from tests.each import for_each
from tests.run.test_mine import contents
from tests.show.made import tiny

RECIPE = """
name = "small"
relabel = 0.9
shard = 3
[[find]]
kind = "bm25"
top = 6
[[find]]
kind = "random"
top = 4
[pick]
kind = "top"
per_query = 3
"""

Change = Callable[[Path], object]


# ---- what can happen to a folder -----------------------------------------------------------------


def rewritten(change: Callable[[dict[str, Any]], object]) -> Change:
    """The manifest with something else in it, as an editor would write it."""

    def write(run: Path) -> None:
        manifest = json.loads((run / NAME).read_text())
        change(manifest)
        (run / NAME).write_text(json.dumps(manifest, indent=2))

    return write


def file(name: str, change: Callable[[bytes], bytes]) -> Change:
    """The bytes of a file changed."""
    return lambda run: (run / name).write_bytes(change((run / name).read_bytes()))


def replaced(name: str, data: bytes) -> Change:
    """Something else under the name of a file."""
    return file(name, lambda old: data)


def gone(name: str) -> Change:
    return lambda run: (run / name).unlink()


def a_folder(name: str) -> Change:
    def change(run: Path) -> None:
        (run / name).unlink()
        (run / name).mkdir()

    return change


def a_link_out(name: str) -> Change:
    def change(run: Path) -> None:
        (run / name).rename(run.parent / "elsewhere")
        (run / name).symlink_to(run.parent / "elsewhere")

    return change


def a_pipe(name: str) -> Change:
    """Reading it would never end."""

    def change(run: Path) -> None:
        (run / name).unlink()
        os.mkfifo(run / name)

    return change


def a_dangling_link(name: str) -> Change:
    def change(run: Path) -> None:
        (run / name).unlink()
        (run / name).symlink_to(run / "nothing")

    return change


def of_another_run(name: str) -> Change:
    return lambda run: shutil.copy(run.parent / "other" / name, run / name)


def table(name: str, change: Callable[[pl.DataFrame], pl.DataFrame], *, said: bool) -> Change:
    """A table written anew; `said`: by somebody who makes the manifest say so too."""

    def write(run: Path) -> None:
        change(pl.read_parquet(run / name)).write_parquet(run / name)
        if said:
            entered(run)

    return write


def flipped(data: bytes) -> bytes:
    """One bit in the middle."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


PART = "candidates/part-00001.parquet"
FIRST = "candidates/part-00000.parquet"
PICKS = "negatives.parquet"
NEW = "relabelled.parquet"


def with_positives(frame: pl.DataFrame) -> pl.DataFrame:
    """Every query's positive in the place of its first negative."""
    first = pl.col("position") == 0
    positive = pl.col("query_id").str.replace("q", "d0")
    return frame.with_columns(doc_id=pl.when(first).then(positive).otherwise("doc_id"))


def exchanged(run: Path) -> None:
    """Two parts under each other's names."""
    (run / PART).rename(run / "aside")
    (run / FIRST).rename(run / PART)
    (run / "aside").rename(run / FIRST)


def a_file_for_the_ledger(run: Path) -> None:
    shutil.rmtree(run / "candidates")
    (run / "candidates").write_bytes(b"gone")


def leftovers(run: Path) -> None:
    """What killed processes leave."""
    (run / ".work" / "found").mkdir(parents=True)
    (run / ".work" / "found" / "part-00000.parquet").write_bytes(b"half a tab")
    (run / ".partial-0-negatives.parquet").write_bytes(b"half")
    (run / ".lock").write_text("999999")


HAPPENINGS: dict[str, Change] = {
    "manifest gone": gone(NAME),
    "manifest empty": replaced(NAME, b""),
    "manifest cut": file(NAME, half),
    "manifest not JSON": replaced(NAME, b"status: done\n"),
    "manifest a list": replaced(NAME, b"[]"),
    "manifest null": replaced(NAME, b"null"),
    "manifest in UTF-16": file(NAME, lambda data: data.decode().encode("utf-16")),
    "manifest not UTF-8": file(NAME, lambda data: data.replace(b"small", b"sm\xffll")),
    "manifest nested for ever": replaced(NAME, b'{"facts":' + b"[" * 100_000),
    "manifest a folder": a_folder(NAME),
    "manifest a dangling link": a_dangling_link(NAME),
    "manifest of a web app": replaced(NAME, b'{"name": "app", "icons": []}'),
    "manifest of another run": of_another_run(NAME),
    "manifest of a later version": rewritten(lambda m: m.update(schema_version=99)),
    "version as text": rewritten(lambda m: m.update(schema_version="two")),
    "version gone": rewritten(lambda m: m.pop("schema_version")),
    "counts a list": rewritten(lambda m: m.update(counts=[])),
    "fewer negatives counted": rewritten(lambda m: m["counts"].update(negatives=1)),
    "more asked for": rewritten(lambda m: m["counts"].update(asked=1000)),
    "queries uncounted": rewritten(lambda m: m["counts"].pop("queries")),
    "no files": rewritten(lambda m: m.update(files={})),
    "no negatives entered": rewritten(lambda m: m["files"].pop(PICKS)),
    "a part not entered": rewritten(lambda m: m["files"].pop(PART)),
    "rows of a part": rewritten(lambda m: m["files"][PART].update(rows=1)),
    "hash of the negatives": rewritten(lambda m: m["files"][PICKS].update(hash="0" * 32)),
    "size of a part": rewritten(lambda m: m["files"][PART].update(size=1)),
    "a name that leads out": rewritten(
        lambda m: m["files"].update({"candidates/../../x": m["files"][PART]})
    ),
    "an absolute name": rewritten(lambda m: m["files"].update({"/etc/passwd": m["files"][PART]})),
    "status running": rewritten(lambda m: m.update(status="running")),
    "status unheard of": rewritten(lambda m: m.update(status="perfect")),
    "another scorer": rewritten(lambda m: m["facts"].update(reference="random")),
    "no facts": rewritten(lambda m: m.pop("facts")),
    "other data": rewritten(lambda m: m["inputs"].update(origin="cranfield")),
    "another recipe within": rewritten(lambda m: m["inputs"]["recipe"]["pick"].update(per_query=1)),
    "no inputs": rewritten(lambda m: m.update(inputs={})),
    "no warnings": rewritten(lambda m: m.update(warnings=["all is well"])),
    "no hash of itself": rewritten(lambda m: m.pop("hash")),
    "negatives gone": gone(PICKS),
    "negatives empty": replaced(PICKS, b""),
    "negatives cut": file(PICKS, half),
    "negatives of another run": of_another_run(PICKS),
    "negatives with a bit flipped": file(PICKS, flipped),
    "negatives noise of the same size": file(PICKS, lambda data: os.urandom(len(data))),
    "negatives a folder": a_folder(PICKS),
    "negatives a link out": a_link_out(PICKS),
    "positives as negatives": table(PICKS, with_positives, said=False),
    "positives as negatives, and entered": table(PICKS, with_positives, said=True),
    "negatives twice, and entered": table(PICKS, lambda t: pl.concat([t, t]), said=True),
    "negatives none, and entered": table(PICKS, lambda t: t.drop("position"), said=True),
    "negatives of no query, and entered": table(
        PICKS, lambda t: t.with_columns(query_id=pl.lit("zz")), said=True
    ),
    "a part gone": gone(PART),
    "a part empty": replaced(PART, b""),
    "a part cut": file(PART, half),
    "a part with a bit flipped": file(PART, flipped),
    "a part of another run": of_another_run(PART),
    "a part a folder": a_folder(PART),
    "a part a link out": a_link_out(PART),
    "a part without verdicts, and entered": table(PART, lambda t: t.drop("verdict"), said=True),
    "all eligible": table(PART, lambda t: t.with_columns(verdict=pl.lit("eligible")), said=False),
    "parts exchanged": exchanged,
    "all parts gone": lambda run: shutil.rmtree(run / "candidates"),
    "the ledger a link out": a_link_out("candidates"),
    "a part more": lambda run: shutil.copy(run / PART, run / "candidates/part-00009.parquet"),
    "a file more": lambda run: (run / "candidates/part-00009.parquet").write_bytes(b"notes"),
    "relabelled gone": gone(NEW),
    "relabelled cut": file(NEW, half),
    "relabelled with a bit flipped": file(NEW, flipped),
    "recipe gone": gone("recipe.toml"),
    "recipe empty": replaced("recipe.toml", b""),
    "recipe changed": file("recipe.toml", lambda data: data.replace(b"= 3", b"= 2")),
    "recipe not TOML": replaced("recipe.toml", b"[[[\xff"),
    "reports gone": lambda run: [gone(name)(run) for name in ("report.html", "report.json")],
    "report.json cut": file("report.json", half),
    "report.html a folder": a_folder("report.html"),
    "a pipe in the place of the recipe": a_pipe("recipe.toml"),
    "a pipe in the place of the negatives": a_pipe(PICKS),
    "a pipe in the place of the manifest": a_pipe(NAME),
    "a file in the place of the ledger": a_file_for_the_ledger,
    "a part gone, and a file in the place of scratch": lambda run: (run / PART).rename(
        run / ".work"
    ),
    "a folder in the place of the lock": lambda run: (run / ".lock").mkdir(),
    "leftovers": leftovers,
}


# ---- the commands, and their answers -------------------------------------------------------------


def answer(run: Path, *command: str | Path) -> Any:
    """What a command prints as JSON, but for the time it took and where the run is; else None."""
    done = negatives(*command, "--json", cwd=run.parent)
    text = done.stdout + done.stderr
    assert "Traceback" not in text
    if done.returncode == 0 or (command[0] == "lint" and done.stdout):
        found = json.loads(done.stdout)
        for name in ("run", "file"):
            found.pop(name, None)
        found.get("sections", {}).pop("cost", None)
        found.get("answer", {}).pop("next", None)  # its commands name the run as the user did
        for name in ("command", "run"):
            found.get("sections", {}).get("provenance", {}).pop(name, None)
        return found
    assert done.returncode in (1, 2), text
    *_, what = text.partition("error: ")
    assert what.strip(), text
    assert "where:" in what, text
    assert "fix:" in what, text
    return None


def report(run: Path) -> Any:
    return answer(run, "report", run)


def pick(run: Path) -> Any:
    found = answer(run, "pick", run, "--quiet")
    return found and (found, own(run))


def audit(run: Path) -> Any:
    return answer(run, "audit", run)


def export(run: Path) -> Any:
    out = run.parent / f"{run.name}.jsonl"
    done = answer(run, "export", run, "-f", "flagembedding", "-o", out, "--quiet")
    if done is None:
        assert not out.exists()
        return None
    return out.read_bytes()


def lint(run: Path) -> Any:
    found = answer(run, "lint", run, "--quiet")
    # Lint does not look into the ledger: it finds in the negatives what is wrong with them.
    return found if found is None or found["findings"] == [] else None


def mine(run: Path) -> Any:
    data, recipe = run.parent / "data", run.parent / "recipe.toml"
    found = answer(run, "mine", data, "--recipe", recipe, "-o", run, "--quiet")
    if found is None:
        return None
    manifest = read_manifest(run)
    assert manifest is not None
    assert manifest.status == "done"
    assert all(not manifest.changed(run, name) for name in manifest.files)
    assert {"report.html", "report.json", "recipe.toml"} < set(manifest.files)
    hidden = [path.name for path in run.rglob(".*")]
    assert hidden == []
    return found, own(run)


def own(run: Path) -> dict[str, bytes]:
    """The bytes of the tables that the manifest names."""
    manifest = read_manifest(run)
    assert manifest is not None
    names = {Path(name).name for name in manifest.files}
    return {name: data for name, data in contents(run).items() if name in names}


COMMANDS = (report, pick, audit, export, lint, mine)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection, its run, and another run of it."""
    folder = tmp_path_factory.mktemp("tampering")
    data = tiny()
    (folder / "data" / "qrels").mkdir(parents=True)
    for name, frame, key in (
        ("corpus", data.corpus, "doc_id"),
        ("queries", data.queries, "query_id"),
    ):
        frame.select(pl.col(key).alias("_id"), "text").write_ndjson(
            folder / "data" / f"{name}.jsonl"
        )
    qrels = data.qrels.rename({"query_id": "query-id", "doc_id": "corpus-id", "relevance": "score"})
    qrels.write_csv(folder / "data" / "qrels" / "train.tsv", separator="\t")
    (folder / "recipe.toml").write_text(RECIPE)
    (folder / "other.toml").write_text(RECIPE.replace("top = 6", "top = 1"))
    for name, recipe in (("run", "recipe.toml"), ("other", "other.toml")):
        made = negatives("mine", "data", "-o", name, "--recipe", recipe, "--quiet", cwd=folder)
        assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture(scope="module")
def untouched(folder: Path) -> dict[str, Any]:
    """What each command answers to the run as it was made."""
    found = {}
    for command in COMMANDS:
        shutil.copytree(folder / "run", folder / "copy")
        found[command.__name__] = command(folder / "copy")
        shutil.rmtree(folder / "copy")
    return found


@pytest.mark.slow
@for_each("happening", HAPPENINGS)
def test_what_happens_to_a_run_is_told_or_changes_no_answer(
    happening: str, folder: Path, untouched: dict[str, Any]
) -> None:
    for command in COMMANDS:
        shutil.copytree(folder / "run", folder / "copy", symlinks=True)
        try:
            HAPPENINGS[happening](folder / "copy")
            found = command(folder / "copy")
            assert found is None or found == untouched[command.__name__], command.__name__
        finally:
            shutil.rmtree(folder / "copy")
            (folder / "copy.jsonl").unlink(missing_ok=True)
            shutil.rmtree(folder / "elsewhere", ignore_errors=True)
            (folder / "elsewhere").unlink(missing_ok=True)
