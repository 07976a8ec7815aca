"""negatives cache: what is kept is told, pruned when asked to, and its damage found."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from negatives.store.embeddings import store_folder
from tests.cli.commands import negatives
from tests.store.test_embeddings import about, add, store


@pytest.fixture
def kept() -> Path:
    """A store of two spaces, three vectors."""
    folder = store_folder()
    assert folder is not None
    with store(folder.parent).space(about(encoder="static")) as space:
        add(space, 1, 2)
    with store(folder.parent).space(about(encoder="m/base", prompt="query: ")) as space:
        add(space, 1)
    return folder


def test_a_line_is_printed_for_each_space(kept: Path) -> None:
    done = negatives("cache", "list")
    lines = sorted(done.stdout.splitlines())
    assert [line.split("  ")[:2] for line in lines] == [
        ["m/base", "prompt 'query: '"],
        ["static", "no prompt"],
    ]
    assert "2 vectors" in lines[1]
    rows = json.loads(negatives("cache", "list", "--json").stdout)
    assert {(row["encoder"], row["prompt"], row["dim"], row["vectors"]) for row in rows} == {
        ("static", "", 3, 2),
        ("m/base", "query: ", 3, 1),
    }


def test_the_size_is_that_of_the_files(kept: Path) -> None:
    found = json.loads(negatives("cache", "size", "--json").stdout)
    size = sum(path.stat().st_size for path in kept.rglob("*") if path.is_file())
    told = {"folder": str(kept), "spaces": 2, "vectors": 3, "replies": 0, "bytes": size}
    assert found == told
    said = negatives("cache", "size").stdout
    assert said == f"{kept}: {size} bytes, 3 vectors in 2 spaces\n"


def test_pruning_says_what_it_freed(kept: Path) -> None:
    assert negatives("cache", "prune", "--older-than", "30d").stdout == "freed 0 bytes: 0 vectors\n"
    assert json.loads(negatives("cache", "prune", "--to", "2GB", "--json").stdout)["vectors"] == 0
    assert negatives("cache", "prune", "--all").stdout.endswith(": 3 vectors\n")
    assert negatives("cache", "list").stdout == f"nothing is kept in {kept}\n"


def test_pruning_leaves_a_space_in_use_alone_and_says_so(kept: Path) -> None:
    with store(kept.parent).space(about()) as space:
        done = negatives("cache", "prune", "--all")
        assert f"in use by a run, left alone: {space.folder}" in done.stdout
    assert [row["encoder"] for row in json.loads(negatives("cache", "list", "--json").stdout)] == [
        "static"
    ]


def test_verify_exits_with_1_while_there_is_damage_and_repair_mends_it(kept: Path) -> None:
    assert negatives("cache", "verify").returncode == 0
    path = max(kept.rglob("*.safetensors"), key=lambda path: path.stat().st_size)
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    found = negatives("cache", "verify")
    assert found.returncode == 1
    assert f"damaged: {path}" in found.stdout
    assert "fix: negatives cache verify --repair" in found.stdout
    told = json.loads(negatives("cache", "verify", "--json").stdout)
    assert (told["damaged"], told["vectors_in_them"]) == ([str(path)], 2)
    repaired = negatives("cache", "verify", "--repair")
    assert repaired.returncode == 0
    assert "2 vectors removed" in repaired.stdout
    assert negatives("cache", "verify").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("prune",), "give --older-than 30d, --to 2GB, or --all"),
        (("prune", "--older-than", "soon"), "such as 12h or 30d"),
        (("prune", "--to", "small"), "such as 500MB or 2GB"),
    ],
)
def test_a_wrong_command_says_what_is_right(arguments: tuple[str, ...], said: str) -> None:
    done = negatives("cache", *arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_without_a_shared_store_there_is_nothing_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "NEGATIVES_CACHE", "off")
    done = negatives("cache", "list")
    assert done.returncode == 2
    assert "NEGATIVES_CACHE is off" in done.stderr
