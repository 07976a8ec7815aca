"""Draws from types and clusters: exact about what is known, log_q that adds up, told hardness."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from negatives.errors import RecipeError
from negatives.events import Progress, Warned
from negatives.find.bernoulli import Bernoulli
from negatives.find.same_cluster import SameCluster
from negatives.find.typed import Typed
from negatives.opening import Context
from negatives.read import load
from negatives.schema import Collection

ROWS = """head\trelation\ttail
ann\tborn in\trome
bob\tborn in\tparis
cy\tborn in\trome
ann\tknows\tbob
ann\tknows\tcy
bob\tknows\tann
"""
TYPES = """{"_id": "ann", "types": ["human"]}
{"_id": "bob", "types": ["human"]}
{"_id": "cy", "types": ["human", "friend"]}
{"_id": "dee", "types": ["human"]}
{"_id": "rome", "types": ["place"]}
{"_id": "paris", "types": ["place", "capital"]}
{"_id": "oslo", "types": ["place"]}
"""


@pytest.fixture
def people(tmp_path: Path) -> Collection:
    (tmp_path / "train.tsv").write_text(ROWS)
    (tmp_path / "entity_types.jsonl").write_text(TYPES)
    return load(tmp_path)


def drawn(source: Any, data: Collection, folder: Path) -> tuple[pl.DataFrame, list[str]]:
    """What is proposed, by ids, and what was told."""
    told: list[str] = []
    scratch = folder / f"{source.kind}-{len(list(folder.iterdir()))}"
    scratch.mkdir()

    def emit(event: Any) -> None:
        if isinstance(event, Warned):
            told.append(event.text)
        if isinstance(event, Progress):
            told.append(f"{event.stage}: {event.done} of {event.total}")

    opened = source.open(Context(data, scratch, seed=1, emit=emit))
    queries = data.mined_queries
    found = opened.propose(queries, {})
    part = opened.propose(queries[2:5], {})
    assert part.equals(found.filter(pl.col("query").is_in(queries[2:5].tolist())))
    assert (
        not data.ids_of(found.select("query", "doc"))
        .join(data.qrels, on=["query_id", "doc_id"])
        .height
    )  # a known answer is never drawn
    return data.ids_of(found), told


def docs_of(found: pl.DataFrame, query: str) -> set[str]:
    return {*found.filter(pl.col("query_id") == query)["doc_id"]}


def test_types_are_those_seen_on_a_side_or_those_that_share_one(
    people: Collection, tmp_path: Path
) -> None:
    seen, told = drawn(Typed(top=9, mix=1.0), people, tmp_path)
    assert docs_of(seen, "ann|born in|?") == {"paris"}
    assert docs_of(seen, "?|born in|paris") == {"ann", "cy"}
    assert docs_of(seen, "?|born in|rome") == {"bob"}
    assert any("every candidate is a hard one (mix = 1)" in each for each in told)
    field, _ = drawn(Typed(top=9, mix=1.0, types="field"), people, tmp_path)
    assert docs_of(field, "ann|born in|?") == {"paris", "oslo"}
    assert docs_of(field, "?|born in|paris") == {"ann", "cy", "dee"}
    mixed, told = drawn(Typed(top=9, mix=0.5), people, tmp_path)
    assert docs_of(mixed, "ann|born in|?") == {"paris", "oslo", "ann", "bob", "cy", "dee"}
    assert told == []


def test_log_q_is_the_probability_of_a_draw(people: Collection, tmp_path: Path) -> None:
    for source in (Typed(top=9, mix=0.5), SameCluster(top=9, mix=0.5, field="type")):
        found, _ = drawn(source, people, tmp_path)
        for _, group in found.group_by("query_id"):
            assert np.exp(group["log_q"].to_numpy()).sum() == pytest.approx(1, abs=1e-5)
    found, _ = drawn(Typed(top=9, mix=0.5), people, tmp_path)
    rows = found.filter(pl.col("query_id") == "?|born in|paris")
    q = dict(zip(rows["doc_id"], np.exp(rows["log_q"].to_numpy()), strict=True))
    # one of two types' entities half of the time, one of the six that are not bob the other half
    assert q["ann"] == pytest.approx(0.5 / 2 + 0.5 / 6, abs=1e-5)
    assert q["oslo"] == pytest.approx(0.5 / 6, abs=1e-5)


def test_the_first_of_many_queries_follow_the_law(tmp_path: Path) -> None:
    count = 3000
    rows = "".join(f"p{n:04}\tin\ta\n" for n in range(count)) + "z\tin\tb\nz\tin\tc\n"
    (tmp_path / "train.tsv").write_text("h\tr\tt\n" + rows)
    data = load(tmp_path)
    found, _ = drawn(Typed(top=1, mix=0.5), data, tmp_path)
    first = found.filter(pl.col("query_id").str.starts_with("p"))
    share = first["doc_id"].is_in(["b", "c"]).mean()
    assert share == pytest.approx(0.5, abs=0.04)
    assert dict(first["doc_id"].value_counts().iter_rows())["b"] == pytest.approx(
        count / 4, abs=120
    )


@pytest.mark.recipe("lemon", "hyperpave")
def test_clusters_are_of_a_field_a_file_or_an_encoder(people: Collection, tmp_path: Path) -> None:
    field, _ = drawn(SameCluster(top=9, mix=1.0, field="type"), people, tmp_path)
    assert docs_of(field, "ann|born in|?") == {"oslo"}  # of the type of rome
    vectors = np.zeros((7, 2), np.float32)  # in the order of the file of types
    vectors[:4, 0] = 1
    vectors[4:, 1] = 1
    np.save(tmp_path / "vectors.npy", vectors)
    source = SameCluster(top=9, mix=1.0, clusters=2, vectors=str(tmp_path / "vectors.npy"))
    found, told = drawn(source, people, tmp_path)
    assert docs_of(found, "ann|born in|?") == {"paris", "oslo"}
    assert "cluster documents (same-cluster): 7 of 7" in told
    with pytest.raises(RecipeError, match="both say what the clusters are"):
        SameCluster(field="type", vectors="x.npy")


def test_a_relation_shares_corruptions_out_between_its_sides(
    people: Collection, tmp_path: Path
) -> None:
    rows = "".join(f"land\thas\tcity {n}\n" for n in range(40))
    (tmp_path / "lands").mkdir()
    (tmp_path / "lands" / "train.tsv").write_text("h\tr\tt\n" + rows)
    found, _ = drawn(Bernoulli(top=5), load(tmp_path / "lands"), tmp_path)
    sizes = dict(found.group_by("query_id").len().iter_rows())
    heads = [sizes[f"?|has|city {n}"] for n in range(40)]  # tph = 40, hpt = 1
    assert np.mean(heads) == pytest.approx(10 * 40 / 41, abs=0.3)
    assert sizes.get("land|has|?", 0) == 0 or sizes["land|has|?"] <= 3
