"""The bundled sample, and real collections where they are at hand."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from negatives.read import load


def test_cranfield_loads_offline_by_its_name() -> None:
    collection = load("cranfield")
    assert (len(collection.corpus), len(collection.queries)) == (1400, 225)
    assert len(collection.positives) == 1837
    assert collection.notes == ("2 documents have no text: they are never proposed",)
    assert len(collection.mined_queries) == 225


def test_cranfield_loads_in_well_under_a_second() -> None:
    load("cranfield")
    start = time.process_time()
    load("cranfield")
    assert time.process_time() - start < 1


def test_a_folder_of_that_name_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.read.tiny import beir

    beir(tmp_path / "cranfield")
    monkeypatch.chdir(tmp_path)
    assert len(load("cranfield").corpus) == 3


@pytest.mark.slow
def test_importing_the_room_imports_no_optional_library() -> None:
    code = (
        "import sys, negatives.read;"
        "print([m for m in ('datasets', 'ir_datasets', 'torch', 'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "split", "documents", "queries", "positives"),
    [
        ("cisi", "test", 1460, 112, 3114),
        ("medquad", "train", 16373, 12695, 14451),
        ("scale_wordnet", "train", 117_659, 40_439, 40_439),
    ],
)
def test_real_collections_are_read_whole(
    name: str, split: str, documents: int, queries: int, positives: int
) -> None:
    folder = Path(os.environ.get("NEGATIVES_DATA", "")) / name
    if not folder.is_absolute() or not folder.is_dir():
        pytest.skip(f"set NEGATIVES_DATA to a folder that holds {name}")
    collection = load(folder)
    assert collection.split == split
    assert (len(collection.corpus), len(collection.queries)) == (documents, queries)
    assert len(collection.positives) == positives
