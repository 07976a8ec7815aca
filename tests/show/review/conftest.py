"""A small run with one known positive a query, and one with texts that mean harm."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import negatives as neg
from tests import pictures

LOST = "red-disc-1.png"
"""An image that is gone."""
HARM = (
    "<script>document.title='harmed'</script>",
    "<img src=x onerror=\"document.title='harmed'\"> {{ 7 * 7 }} {% raw %}",
    "\u202eevil \u2066 reversed \u200f words \x1b[31m red \u2028 line",
    "x" * 2_000_000,
)


def written(folder: Path, docs: dict[str, str], queries: dict[str, str], known: list[str]) -> Path:
    """A BEIR folder; `known`: a document for each query."""
    (folder / "qrels").mkdir(parents=True)
    for name, texts in (("corpus", docs), ("queries", queries)):
        lines = [json.dumps({"_id": id, "text": text}) for id, text in texts.items()]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    rows = [f"{query}\t{doc}\t1" for query, doc in zip(queries, known, strict=True)]
    head = "query-id\tcorpus-id\tscore"
    (folder / "qrels" / "test.tsv").write_text("\n".join([head, *rows]) + "\n", "utf-8")
    return folder


@pytest.fixture(scope="session")
def mined_once(tmp_path_factory: pytest.TempPathFactory) -> neg.Run:
    """Cranfield with one known positive a query: labels cannot promise anything."""
    folder = tmp_path_factory.mktemp("review")
    data = neg.Collection.load("cranfield")
    first = data.qrels.filter(data.qrels["relevance"] > 0).unique(
        "query_id", keep="first", maintain_order=True
    )
    queries = dict(data.queries.select("query_id", "text").iter_rows())
    docs = dict(data.corpus.select("doc_id", "text").iter_rows())
    known = dict(first.select("query_id", "doc_id").iter_rows())
    place = written(
        folder / "data", docs, {each: queries[each] for each in known}, [*known.values()]
    )
    return neg.mine(
        str(place),
        folder / "run",
        sources=[neg.BM25(top=40), neg.Dense(top=40)],
        judges=[],
        estimate=neg.Evidence(),
        pick=neg.RiskLimited(per_query=5),
    )


@pytest.fixture
def run(mined_once: neg.Run, tmp_path: Path) -> neg.Run:
    """A copy that a test may change."""
    shutil.copytree(mined_once.path, tmp_path / "run")
    return neg.Run(tmp_path / "run", collection=mined_once.at_hand)


@pytest.fixture(scope="session")
def harmful(tmp_path_factory: pytest.TempPathFactory) -> neg.Run:
    """Every text is meant to do harm, and so are the ids."""
    folder = tmp_path_factory.mktemp("harm")
    docs = {
        f"<u>{place}</u>\u202e": f"plane wing {text} {place}" for place, text in enumerate(HARM)
    }
    docs |= {f"plain {place}": f"plane wing flow {place}" for place in range(6)}
    queries = {"<i>q</i>": f"plane wing {HARM[0]}", "q\"'>": f"wing {HARM[2]}"}
    place = written(folder / "data", docs, queries, [list(docs)[place] for place in (0, 2)])
    return neg.mine(
        str(place), folder / "run", sources=[neg.BM25(top=9)], judges=[], pick=neg.Top(per_query=9)
    )


@pytest.fixture(scope="session")
def pictured(tmp_path_factory: pytest.TempPathFactory) -> neg.Run:
    """Captions that ask for images, of which one has lost its file since."""
    folder = pictures.folder(tmp_path_factory.mktemp("pictured") / "data")
    run = neg.mine(
        f"{folder}@train",
        folder.parent / "run",
        sources=[neg.Random(top=20)],
        judges=[],
        pick=neg.RandomPick(per_query=9),
    )
    (folder / "images" / LOST).unlink()
    return run
