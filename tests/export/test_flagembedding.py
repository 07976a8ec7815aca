"""Read as FlagEmbedding's embedder and reranker trainers read their lines."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from negatives.api import Run
from tests.export.conftest import DOCS, QUERIES

datasets = pytest.importorskip("datasets")


def loaded(run: Run, tmp_path: Path, **options: Any) -> Any:
    file = tmp_path / "bge.jsonl"
    run.export(file, format="flagembedding", **options)
    return datasets.load_dataset(
        "json", data_files=str(file), split="train", cache_dir=str(tmp_path / "hf")
    )


def group(line: dict[str, Any], size: int, rng: random.Random) -> tuple[list[str], list[float]]:
    """One positive, then `size - 1` negatives, going round where there are fewer; their scores."""
    place = rng.randrange(len(line["pos"]))
    others = list(range(len(line["neg"])))
    rng.shuffle(others)
    taken = [others[number % len(others)] for number in range(size - 1)]
    texts = [line["pos"][place], *(line["neg"][other] for other in taken)]
    if "pos_scores" not in line:
        return texts, []
    return texts, [line["pos_scores"][place], *(line["neg_scores"][other] for other in taken)]


def test_a_line_has_a_query_and_lists_of_texts(run: Run, tmp_path: Path) -> None:
    lines = loaded(run, tmp_path)
    assert lines.column_names == ["query", "pos", "neg"]
    assert lines[0] == {
        "query": QUERIES["q1"],
        "pos": [DOCS["d1"], DOCS["d2"]],
        "neg": [DOCS["d3"], DOCS["d4"], DOCS["d5"]],
    }


def test_every_line_yields_a_training_group(run: Run, tmp_path: Path) -> None:
    for line in loaded(run, tmp_path, scores=True):
        texts, teacher = group(line, 4, random.Random(0))
        assert len(texts) == len(teacher) == 4
        assert texts[0] in line["pos"]
        assert all(isinstance(score, float) for score in teacher)


def test_scores_stand_beside_their_texts(run: Run, tmp_path: Path) -> None:
    line = loaded(run, tmp_path, scores=True)[0]
    assert line["pos_scores"] == [9.5, 8.25]
    assert line["neg_scores"] == [7.0, 7.0, 1.5]
    assert line["neg_hardness"] == [7.0, 7.0, 1.5]
    assert line["neg_p_relevant"] == [None, None, None]


def test_ids_stand_beside_the_texts_for_the_trainer_needs_both(run: Run, tmp_path: Path) -> None:
    line = loaded(run, tmp_path, ids=True)[2]
    assert line == {
        "query": QUERIES["q4"],
        "pos": [DOCS["d6"]],
        "neg": [DOCS["d2"], DOCS["d1"]],
        "query_id": "q4",
        "pos_id": ["d6"],
        "neg_id": ["d2", "d1"],
    }
