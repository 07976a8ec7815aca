"""Which file may import which: rooms only those above them, and no files one another."""

from __future__ import annotations

from itertools import pairwise

import pytest
from scripts import rooms


def graph(text: str) -> rooms.Graph:
    """`a > b c; b > c` as a graph of files."""
    made: dict[str, frozenset[str]] = {}
    for part in text.split(";"):
        name, _, imported = part.partition(">")
        made[name.strip()] = frozenset(imported.split())
    return made


def test_the_house_has_no_arrow_up() -> None:
    assert rooms.arrows_up(rooms.files(), rooms.layers()) == []


def test_no_files_of_the_house_import_one_another() -> None:
    assert rooms.circles(rooms.files()) == []


def test_every_circle_is_found_whatever_leads_into_it() -> None:
    assert rooms.circles(graph("a > b c; b > c; c >")) == []
    for text, number in {
        "a > b; b > a": 1,
        "a > b; b > c; c > d; d > b": 1,
        "a > b c; b > a; c > d; d > c": 2,
        "a > b; b > a c; c > b": 2,
    }.items():
        found = rooms.circles(graph(text))
        assert len(found) == number, text
        for circle in found:
            assert circle[0] == circle[-1]
            for importer, imported in pairwise(circle):
                assert imported in graph(text)[importer]


def test_an_arrow_up_or_sideways_is_found_and_files_of_one_room_are_free() -> None:
    layers = [frozenset({"cli"}), frozenset({"search", "sample"}), frozenset({"errors"})]
    sound = "n.cli.app > n.search.words n.errors; n.search.words > n.search.exact n.errors"
    assert rooms.arrows_up(graph(sound), layers) == []
    assert rooms.rooms(graph(sound))["cli"] == {"search", "errors"}
    for wrong, arrow in {
        "n.errors > n.cli.app": ("errors", "cli"),
        "n.search.words > n.sample.law": ("search", "sample"),
        "n.search.words > n.attic": ("search", "attic"),
    }.items():
        assert rooms.arrows_up(graph(wrong), layers) == [arrow]


def test_the_graph_is_printed_room_by_room(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "layers", lambda: [frozenset({"read"}), frozenset({"errors"})])
    monkeypatch.setattr(rooms, "files", lambda: graph("n.read.jsonl > n.errors; n.errors >"))
    assert rooms.main() == 0
    assert capsys.readouterr().out == "read: errors\nerrors: nothing\n"
    monkeypatch.setattr(rooms, "files", lambda: graph("n.read.a > n.read.b; n.read.b > n.read.a"))
    assert rooms.main() == 1
    assert "a circle of files: n.read." in capsys.readouterr().err
