"""What the pages on contributing tell people to write works: here it is written, in a package.

A block of a page that is marked `file=NAME` becomes a module of a package that is installed in no
way but on the path, with the entry points that CONTRIBUTING.md describes.
"""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import negatives as neg
from negatives import kinds, tiny
from negatives.recipe import parse
from negatives.stage import build
from tests.build import collection
from tests.doc_pages import BLOCK, DOCS, Block, blocks

STAGES = {
    "find.adjacent": "adjacent:Adjacent",
    "judge.too-short": "too_short:TooShort",
    "learn.rank-boost": "rank_boost:RankBoost",
}

RECIPE = """
name = "theirs"
[[find]]
kind = "adjacent"
reach = 2
[[judge]]
kind = "too-short"
words = 3
[pick]
kind = "top"
per_query = 3
"""

DATA = collection(
    {f"d{n}": text for n, text in enumerate(
        ["", "wings of a plane", "what lifts a wing", "see there", "the drag of a wing",
         "heat of a body"])},
    {"q": "how does a wing lift", "r": "what heats a body"},
    [("q", "d2", 1), ("r", "d5", 1)],
)  # fmt: skip


def written() -> dict[str, Block]:
    """Name of a file -> the block of the page that holds it."""
    return {
        mark.removeprefix("file="): block
        for page in sorted((DOCS / "contributing").glob("*.md"))
        for block in blocks(page)
        for mark in block.marks
        if mark.startswith("file=")
    }


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Imports a module of the package."""
    site = tmp_path / "site"
    metadata = site / "theirs-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    entries = [f"{name} = theirs_{place}\n" for name, place in STAGES.items()]
    (metadata / "entry_points.txt").write_text("[negatives.stages]\n" + "".join(entries))
    for name, block in written().items():
        (site / f"theirs_{name}").write_text(block.code)
    monkeypatch.syspath_prepend(str(site))
    kinds._third_parties.cache_clear()
    yield lambda name: importlib.import_module(f"theirs_{name}")
    kinds._third_parties.cache_clear()


def test_every_page_says_how_and_is_linked() -> None:
    pages = sorted((DOCS / "contributing").glob("*.md"))
    assert sorted(written()) == [
        "adjacent.py", "click_log.py", "mteb_reranking.py", "rank_boost.py", "too_short.py",
    ]  # fmt: skip
    front = (DOCS.parent / "CONTRIBUTING.md").read_text("utf-8")
    assert [page.name for page in pages if f"(docs/contributing/{page.name})" not in front] == []


def test_a_source_and_a_judge_are_mined_with_by_a_recipe(theirs: Any, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(RECIPE)
    run = neg.mine(DATA, tmp_path / "run", recipe=str(tmp_path / "recipe.toml"))
    found = run.candidates().collect().sort("query_id", "doc_id")
    near = found.filter(pl.col("adjacent_rank").is_not_null())
    assert near.select("query_id", "doc_id").rows() == [
        ("q", "d1"), ("q", "d3"), ("q", "d4"), ("r", "d3"), ("r", "d4"),
    ]  # fmt: skip
    assert sorted(run.negatives.select("query_id", "doc_id").rows()) == [
        ("q", "d1"), ("q", "d4"), ("r", "d4"),
    ]  # fmt: skip
    short = found.filter(pl.col("verdict") == "rejected")
    assert short["reason"].unique().to_list() == ["too-short: 2 of at least 3 words"]
    assert short["doc_words"].to_list() == [2, 2]
    assert neg.Run(tmp_path / "run", collection=DATA).recipe == run.recipe


def test_what_the_pages_try_in_one_line_says_something(theirs: Any) -> None:
    assert tiny.proposed(theirs("adjacent").Adjacent())["wings"] == ["copy", "museum"]
    assert tiny.judged(theirs("too_short").TooShort(11))["wings"] == {
        "museum": "too-short: 10 of at least 11 words",
        "plane": "too-short: 10 of at least 11 words",
    }
    pytest.importorskip("torch")
    assert tiny.losses(theirs("rank_boost").RankBoost()) == [0.4, 0.71]


def test_a_loss_is_what_its_formula_says_and_is_blind_to_fillers(theirs: Any) -> None:
    import torch

    loss: Any = build("learn", {"kind": "rank-boost"})
    scores = torch.tensor([[1.0, 0.5, 2.0], [0.0, 3.0, float("nan")], [1.0, 9.0, 9.0]])
    scores.requires_grad_()
    present = torch.tensor([[1, 1, 1], [1, 1, 0], [1, 0, 0]]).bool()
    losses = loss.of(scores, present)
    assert losses.tolist() == pytest.approx(
        [(math.exp(-0.5) + math.exp(1.0)) / 2, math.exp(3.0), 0.0]
    )
    losses[0].backward()
    assert scores.grad is not None
    assert scores.grad[0].isfinite().all()


def test_a_format_is_written_whatever_the_blocks(
    theirs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table: Any = importlib.import_module("negatives.export.choices")
    monkeypatch.setattr(table, "OWN", {**table.OWN, **theirs("mteb_reranking").FORMATS})
    run = neg.mine(DATA, tmp_path / "run", recipe="bm25", pick=neg.Top(per_query=1))
    rows = run.export(tmp_path / "rows.jsonl", format="mteb-reranking")
    lines = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert len(lines) == rows == 2
    assert lines[0]["query"] == "how does a wing lift"
    assert lines[0]["positive"] == ["what lifts a wing"]
    assert len(lines[0]["negative"]) == 1


def test_a_domain_is_read_and_mined(theirs: Any, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(
        "query,product,title,clicked\n"
        "lamp,p1,a desk lamp,1\nlamp,p2,a lamp shade,0\nlamp,p1,a desk lamp,0\n"
        "chair,p3,an arm chair,1\nchair,p2,a lamp shade,0\n"
    )
    data = theirs("click_log").read(tmp_path / "log.csv")
    assert data.positives.rows() == [(0, 2), (1, 0)]
    assert sorted(data.given.select("query_id", "doc_id").rows()) == [
        ("chair", "p2"), ("lamp", "p2"),
    ]  # fmt: skip
    (tmp_path / "given.toml").write_text(
        'name = "given"\n[[find]]\nkind = "given"\n[pick]\nkind = "top"\nper_query = 1\n'
    )
    run = neg.mine(data, tmp_path / "run", recipe=str(tmp_path / "given.toml"))
    assert sorted(run.negatives.select("query_id", "doc_id").rows()) == [
        ("chair", "p2"), ("lamp", "p2"),
    ]  # fmt: skip


def test_the_recipe_of_the_page_is_read_mines_and_says_what_differs(tmp_path: Path) -> None:
    text = (DOCS / "contributing" / "recipe.md").read_text("utf-8")
    (made,) = [found[3] for found in BLOCK.finditer(text) if found[1] == "toml"]
    recipe = parse(made)
    assert recipe.name == "lce"
    assert recipe.differs
    assert recipe.trains
    run = neg.mine(DATA, tmp_path / "run", recipe=replace(recipe, pick=neg.RandomPick(per_query=2)))
    assert len(run.negatives) == 4
