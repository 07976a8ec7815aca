"""What is promised of negatives in knowledge graphs, counted by the triples of other splits.

Each graph is mined by the recipe `ids` for at most 2% false: once with the label rate that the
estimate reads from the labels, and once with the share of all triples that are in the train split
(`--set estimate.labelled`). *Expected* is the mean p_relevant of the negatives, *false* the share
of them that are triples of the other splits. The seed is the recipe's, and nothing was tuned. The
splits of these graphs were drawn by chance, and the triples of the others are like those of train.
What goes wrong is the label rate: relevance is fitted as a logistic curve of the evidence, and
where that does not fit, the rate is read too high, by more than its interval says.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import negatives as neg
from benchmarks.data import folder
from benchmarks.page import write_page
from negatives.read import splits
from negatives.recipe import Recipe, load_recipe
from negatives.recipe_changes import override

GRAPHS = ("umls", "kinships", "nations")
ASKED = 0.02


def pairs_of(collection: neg.Collection) -> set[tuple[str, str]]:
    """The positives of a split, by id."""
    found = collection.positives
    queries = collection.ids("queries").gather(found["query"])
    docs = collection.ids("docs").gather(found["doc"])
    return set(zip(queries, docs, strict=True))


def row_of(graph: str, way: str, recipe: Recipe, others: set[tuple[str, str]]) -> str:
    """Mine, and count."""
    with tempfile.TemporaryDirectory() as scratch:
        run = neg.mine(f"{folder(graph)}@train", Path(scratch) / "run", recipe=recipe)
        told = run.manifest.notes.p_relevant
        assert told is not None, "the recipe estimates it"
        expected = float(run.negatives["p_relevant"].mean())  # type: ignore[arg-type]
        picked = run.negatives.select("query_id", "doc_id").rows()
    false = sum(pair in others for pair in picked) / len(picked)
    return (
        f"| {graph} | {way} | {told.label_rate:.2f} | {len(picked):,} "
        f"| {expected:.1%} | {false:.1%} |"
    )


def rows() -> Iterator[str]:
    """Two rows a graph."""
    recipe = override(load_recipe("ids"), {"pick.max_false": ASKED})
    for graph in GRAPHS:
        where = folder(graph)
        of_split = {
            name: pairs_of(neg.Collection.load(f"{where}@{name}")) for name in splits(where)
        }
        train = of_split.pop("train")
        others = set().union(*of_split.values()) - train
        share = round(len(train) / (len(train) + len(others)), 2)
        known = override(recipe, {"estimate.labelled": share})
        yield row_of(graph, "estimated", recipe, others)
        yield row_of(graph, "share of train", known, others)


def main() -> None:
    """Mine, count, write the page."""
    lines = [
        "| graph | label rate | is | negatives | expected | false |",
        "|---|---|---:|---:|---:|---:|",
        *rows(),
    ]
    write_page("graph-truth", "What is promised in knowledge graphs", __doc__, lines)
