"""The room graph: each room with the rooms that it imports, and whether any arrow points up.

A room is a package or a module of `negatives`; the layers of `[tool.importlinter]` in
pyproject.toml say which of them is above which. Exit code 1 where a room imports one that is not
above it, or where files import one another in a circle; imports inside of functions, and those for
type checking alone, count as well.

    python scripts/rooms.py
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp

PACKAGE = "negatives"
SETTINGS = Path(__file__).resolve().parent.parent / "pyproject.toml"

Graph = Mapping[str, frozenset[str]]


def files() -> Graph:
    """Each file with those that it imports."""
    graph = grimp.build_graph(PACKAGE, cache_dir=None)
    return {
        module: frozenset(graph.find_modules_directly_imported_by(module))
        for module in sorted(graph.modules)
    }


def circles(graph: Graph) -> list[list[str]]:
    """Files that import one another: of each knot one circle, its first file again at its end."""
    found = []
    left = dict(graph)
    while True:
        try:
            TopologicalSorter(left).prepare()
        except CycleError as error:
            circle = error.args[1][::-1]  # named from what is imported to what imports it
            found.append(circle)
            # Without one of its arrows this circle is open, and the next one can be found.
            left[circle[0]] = left[circle[0]] - {circle[1]}
        else:
            return found


def rooms(graph: Graph) -> Graph:
    """Each room with the other rooms that its files import."""
    made: dict[str, set[str]] = {}
    for module, imported in graph.items():
        mine = made.setdefault(_room(module), set())
        mine |= {_room(each) for each in imported} - {_room(module)}
    return {room: frozenset(made[room] - {PACKAGE}) for room in made if room != PACKAGE}


def arrows_up(graph: Graph, layers: Iterable[frozenset[str]]) -> list[tuple[str, str]]:
    """Rooms, each with one that it imports and that is not in a layer after its own."""
    at = {room: number for number, layer in enumerate(layers) for room in layer}
    return [
        (room, other)
        for room, imported in rooms(graph).items()
        for other in sorted(imported)
        if at.get(other, -1) <= at.get(room, -1)
    ]


def layers() -> list[frozenset[str]]:
    """The rooms of each layer; a room imports only those of layers after its own."""
    contracts = tomllib.loads(SETTINGS.read_text())["tool"]["importlinter"]["contracts"]
    (layered,) = (contract for contract in contracts if contract["type"] == "layers")
    return [frozenset(map(_bare, layer.split("|"))) for layer in layered["layers"]]


def _room(module: str) -> str:
    """`read` of negatives.read.jsonl; the package itself, which only hands names out, is none."""
    return module.split(".")[1] if "." in module else PACKAGE


def _bare(room: str) -> str:
    return room.strip().strip("()")


def main() -> int:
    """Print the graph, in the order of the layers, and what is wrong with it."""
    graph = files()
    imported = rooms(graph)
    for layer in layers():
        for room in sorted(layer):
            print(f"{room}: {', '.join(sorted(imported.get(room, ()))) or 'nothing'}")
    up = arrows_up(graph, layers())
    for room, other in up:
        print(f"an arrow up: {room} imports {other}", file=sys.stderr)
    round_about = circles(graph)
    for circle in round_about:
        print(f"a circle of files: {' -> '.join(circle)}", file=sys.stderr)
    return 1 if up or round_about else 0


if __name__ == "__main__":
    raise SystemExit(main())
