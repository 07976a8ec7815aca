"""Relabelled positives, soft labels and masks, on a run small enough to know by heart.

q1: d1 and d2 are known, d3 and d4 are negatives, d5 is relabelled. q2: d4 known, d5 a negative.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from negatives.api import Run
from negatives.errors import InputError
from negatives.events import Event, Warned
from negatives.export import export
from negatives.export.masks import TextIds, text_ids
from negatives.run.relabel import RELABELLED
from negatives.schema import Collection
from tests.build import collection
from tests.export.conftest import DOCS, POSITIVES, SCORES
from tests.export.made import finished_run

P = {("q1", "d3"): 0.25, ("q1", "d4"): 0.5, ("q2", "d5"): 0.125}


@pytest.fixture
def run(tmp_path: Path, data: Collection) -> Run:
    negatives = {"q1": ["d3", "d4", "d5"], "q2": ["d5"]}
    path = tmp_path / "run"
    made = finished_run(path, data, negatives, SCORES)
    new = {"query_id": "q1", "doc_id": "d5", "relevance": 1, "p_relevant": 0.75, "score": 1.5,
           "kind": "estimate", "sources": ["bm25"], "reason": "p_relevant 0.75"}  # fmt: skip
    copy = new | {"doc_id": "d6", "p_relevant": 1.0, "kind": "copy"}
    pl.DataFrame([new, copy], schema=dict(RELABELLED)).write_parquet(path / "relabelled.parquet")
    made.manifest.enter(path, path / "relabelled.parquet", 2)
    chosen = known(pl.read_parquet(path / "negatives.parquet"))
    chosen = chosen.filter(pl.col("p_relevant").is_not_null())
    chosen.write_parquet(path / "negatives.parquet")
    made.manifest.enter(path, path / "negatives.parquet", len(chosen))
    for part in made.parts:
        rows = known(pl.read_parquet(part))
        rows.write_parquet(part)
        made.manifest.enter(path, part, len(rows))
    made.manifest.save(path)
    return Run(path, collection=data)


def known(frame: pl.DataFrame) -> pl.DataFrame:
    """With p_relevant of the pairs of `P`."""
    rows = [(query, doc, p) for (query, doc), p in P.items()]
    p = pl.DataFrame(rows, schema=["query_id", "doc_id", "_p"], orient="row")
    joined = frame.join(p, on=["query_id", "doc_id"], how="left", maintain_order="left")
    return joined.with_columns(p_relevant=pl.col("_p").cast(pl.Float32)).drop("_p")


def rows_of(run: Run, tmp_path: Path, **options: Any) -> list[dict[str, Any]]:
    out = tmp_path / "out.jsonl"
    export(run, out, **options)
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_only_known_positives_unless_asked(run: Run, tmp_path: Path) -> None:
    rows = rows_of(run, tmp_path, format="triplet", ids=True)
    assert [tuple(row.values()) for row in rows] == [
        ("q1", "d1", "d3"), ("q1", "d1", "d4"), ("q1", "d2", "d3"), ("q1", "d2", "d4"),
        ("q2", "d4", "d5"),
    ]  # fmt: skip


def test_relabelled_ones_alone_or_with_the_others(run: Run, tmp_path: Path) -> None:
    alone = rows_of(run, tmp_path, format="triplet", ids=True, positives="relabelled")
    assert [tuple(row.values()) for row in alone] == [("q1", "d5", "d3"), ("q1", "d5", "d4")]
    both = rows_of(run, tmp_path, format="labeled-list", ids=True, positives="all")
    assert both[0] == {
        "query_id": "q1",
        "doc_ids": ["d1", "d2", "d5", "d3", "d4"],
        "labels": [1, 1, 1, 0, 0],
    }


def test_queries_left_out_for_want_of_them_are_counted(run: Run, tmp_path: Path) -> None:
    heard: list[Event] = []
    out = tmp_path / "x.jsonl"
    export(run, out, format="triplet", positives="relabelled", emit=heard.append)
    told = [event.text for event in heard if isinstance(event, Warned)]
    assert "queries without relabelled positives, left out: 3 of 4" in told


@pytest.mark.parametrize("scores", [False, True])
def test_tevatron_says_which_positives_are_relabelled(
    run: Run, tmp_path: Path, scores: bool
) -> None:
    row = rows_of(run, tmp_path, format="tevatron", positives="all", scores=scores)[0]
    marks = [(p["docid"], p["relabelled"]) for p in row["positive_passages"]]
    assert marks == [("d1", False), ("d2", False), ("d5", True)]
    assert all("relabelled" not in passage for passage in row["negative_passages"])
    ids = rows_of(run, tmp_path, format="tevatron", positives="all", scores=scores, ids=True)[0]
    assert ids["positive_relabelled"] == [False, False, True]
    if scores:
        assert ids["negative_p_relevant"] == [0.25, 0.5]


def test_flagembedding_says_which_positives_are_relabelled(run: Run, tmp_path: Path) -> None:
    row = rows_of(run, tmp_path, format="flagembedding", positives="all", scores=True)[0]
    assert row["pos"] == [DOCS["d1"], DOCS["d2"], DOCS["d5"]]
    assert row["pos_relabelled"] == [False, False, True]
    assert row["pos_scores"] == [9.5, 8.25, 1.5]
    assert row["neg_p_relevant"] == [0.25, 0.5]


def test_qrels_of_the_relabelled_ones_stand_apart_or_together(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "x.qrels"
    export(run, out, format="qrels", positives="relabelled")
    assert out.read_text() == "q1 0 d5 1\n"
    export(run, out, format="qrels", positives="all")
    lines = out.read_text().splitlines()
    assert lines[:4] == ["q1 0 d1 1", "q1 0 d2 1", "q1 0 d5 1", "q1 0 d6 0"]
    export(run, out, format="qrels")
    assert "q1 0 d5 1" not in out.read_text()


def test_soft_labels_are_p_relevant_and_1_for_what_is_known(run: Run, tmp_path: Path) -> None:
    pairs = rows_of(run, tmp_path, format="labeled-pair", ids=True, labels="soft", positives="all")
    assert [tuple(row.values()) for row in pairs] == [
        ("q1", "d1", 1.0), ("q1", "d2", 1.0), ("q1", "d5", 0.75), ("q1", "d3", 0.25),
        ("q1", "d4", 0.5), ("q2", "d4", 1.0), ("q2", "d5", 0.125),
    ]  # fmt: skip
    lists = rows_of(run, tmp_path, format="labeled-list", ids=True, labels="soft")
    assert [row["labels"] for row in lists] == [[1.0, 1.0, 0.25, 0.5], [1.0, 0.125]]


def test_what_makes_no_sense_is_refused(run: Run, tmp_path: Path, data: Collection) -> None:
    def refusal(**options: Any) -> str:
        with pytest.raises(InputError) as refused:
            export(options.pop("run", run), tmp_path / options.pop("name", "x.jsonl"), **options)
        return str(refused.value)

    assert refusal(format="triplet", labels="soft") == (
        "labels is for the format labeled-pair or labeled-list, not for triplet\n"
        "  fix:   leave it out, or choose another --format"
    )
    assert refusal(format="labeled-pair", labels="soft", scores=True).startswith(
        "scores stand where labels would"
    )
    assert refusal(format="triplet", positives="both").startswith("positives cannot be 'both'")
    assert refusal(format="trec-run", name="x.run", positives="all").startswith(
        "trec-run holds no positives to choose"
    )
    assert refusal(format="triplet", above=0.5) == (
        "above is for the format masks, not for triplet\n"
        "  fix:   leave it out, or export the format masks"
    )
    assert refusal(format="masks", above=1.5).startswith("above is 1.5")
    assert refusal(format="masks", scores=True).startswith("masks have no scores")
    assert refusal(format="masks", ids=True).startswith("masks hold ids, and nothing else")
    plain = finished_run(tmp_path / "plain", data, {"q1": ["d3"]}, SCORES)
    assert refusal(run=plain, format="labeled-pair", labels="soft").startswith(
        "p_relevant of the negatives is not known"
    )
    assert refusal(run=plain, format="triplet", positives="all").startswith(
        "nothing of this run is relabelled"
    )
    assert not (tmp_path / "x.jsonl").exists()


def test_masks_hold_positives_relabelled_ones_copies_and_likely_ones(
    run: Run, tmp_path: Path
) -> None:
    masks = dict(run.masks().iter_rows())
    assert masks == {
        "q1": ["d1", "d2", "d4", "d5", "d6"],
        "q2": ["d4"],
        "q3": ["d3"],
        "q4": ["d6", "empty"],
    }
    assert dict(run.masks(above=0.51).iter_rows())["q1"] == ["d1", "d2", "d5", "d6"]
    rows = rows_of(run, tmp_path, format="masks", above=0.125)
    assert [row["query_id"] for row in rows] == sorted(POSITIVES)
    assert rows[1]["text_ids"] == ["d4", "d5"]
    export(run, tmp_path / "m.parquet", format="masks")
    assert pl.read_parquet(tmp_path / "m.parquet").equals(run.masks())


def test_every_document_has_the_id_of_the_first_with_its_text(tmp_path: Path) -> None:
    docs = {"a": "one", "b": "two", "c": "One!", "d": "TWO", "e": "three", "f": " one "}
    data = collection(docs, {"q": "x"}, [("q", "f", 2)])
    table = text_ids(data)
    assert dict(table.iter_rows()) == {
        "a": "a", "b": "b", "c": "a", "d": "b", "e": "e", "f": "a"
    }  # fmt: skip
    assert TextIds(data).of(pl.Series(["f", "d"])).to_list() == ["a", "b"]
    run = finished_run(tmp_path / "run", data, {"q": ["b"]})
    assert run.masks().rows() == [("q", ["a"])]
    assert export(run, tmp_path / "t.csv", format="text-ids") == len(docs)
    assert pl.read_csv(tmp_path / "t.csv").equals(table)
