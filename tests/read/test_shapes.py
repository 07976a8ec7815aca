"""Data shapes that people really have: each to negatives in one command, or in one call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import negatives as neg
from tests.cli.commands import negatives
from tests.read import shapes
from tests.read.shapes import SHAPES, Shape

PAGE = Path(__file__).parents[2] / "docs" / "data-in.md"


def placed(shape: Shape, folder: Path) -> dict[str, Any]:
    """The options of a shape, with files where they were written."""
    beside = ("corpus", "queries")
    return {k: str(folder / v) if k in beside else v for k, v in shape.options.items()}


def loaded(shape: Shape, folder: Path) -> neg.Collection:
    """The collection of a shape, made in a folder."""
    folder.mkdir()
    return neg.Collection.load(shape.make(folder), **placed(shape, folder))


def test_each_shape_is_the_collection_that_its_owner_means(tmp_path: Path) -> None:
    for number, shape in enumerate(SHAPES):
        data = loaded(shape, tmp_path / str(number))
        found = (len(data.corpus), len(data.queries), len(data.positives))
        assert found == (shape.documents, 4, shape.positives), shape.name
        if data.identity == "text":
            answers = data.ids_of(data.positives)
            asked = dict(data.queries.select("query_id", "text").iter_rows())
            said = dict(data.corpus.select("doc_id", "text").iter_rows())
            pairs = {(asked[query], said[doc]) for query, doc in answers.iter_rows()}
            expected = {(shapes.QUERIES[q], shapes.DOCS[d]) for q, d in shapes.PAIRS}
            assert pairs == expected, shape.name


@pytest.mark.slow
def test_each_shape_comes_to_negatives_in_one_command_or_one_call(tmp_path: Path) -> None:
    for number, shape in enumerate(SHAPES):
        folder, out = tmp_path / str(number), tmp_path / f"run-{number}"
        folder.mkdir()
        data = shape.make(folder)
        if isinstance(data, Path):
            said = [f"--{k.replace('_', '-')}={v}" for k, v in placed(shape, folder).items()]
            more = ["--per-query", "1", "--recipe", shape.recipe, "--quiet"]
            done = negatives("mine", data, "--out", out, *more, *said)
            assert done.returncode == 0, (shape.name, done.stderr)
            run = neg.Run(out)
            # its texts are found again by all that was said of the data
            assert len(run.collection.positives) == shape.positives, shape.name
        else:
            whole = neg.Collection.load(data, **shape.options) if shape.options else data
            run = neg.mine(whole, out, recipe=shape.recipe, per_query=1)
        assert run.negatives["query_id"].n_unique() == 4, shape.name


def test_the_page_lists_these_shapes() -> None:
    assert shapes.table() in PAGE.read_text("utf-8"), "python -m tests.read.shapes writes the table"
