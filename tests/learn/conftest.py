"""What is trained with, made once: data with two splits, a small static model, a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from negatives.api import Run, mine
from negatives.read import load
from tests.learn.small import save_folder, save_static


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BEIR folder with the splits train and dev."""
    return save_folder(tmp_path_factory.mktemp("data") / "small")


@pytest.fixture(scope="session")
def static(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> str:
    """A small static model of the words of that data."""
    pytest.importorskip("sentence_transformers")
    texts = load(folder).corpus["text"].to_list()
    return str(save_static(tmp_path_factory.mktemp("model") / "tiny", texts))


@pytest.fixture(scope="session")
def mined(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Run:
    """The train split, mined by BM25."""
    return mine(load(folder), tmp_path_factory.mktemp("mined") / "run", recipe="bm25")
