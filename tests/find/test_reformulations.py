"""A query searched for in other words too: fusion of rankings, or one search with all words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import negatives as neg
from negatives.errors import RecipeError
from negatives.find.fused import fuse
from negatives.find.reformulations import searched
from negatives.schema import Collection
from tests.build import collection, context, proposed
from tests.models.chat_server import ChatServer, completion, serving, shown

DOCS = {
    "a": "steel plates carry heat",
    "b": "metal warms fast",
    "c": "iron glows when hot",
    "d": "bread dough rises",
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ChatServer]:
    """A server that says nothing new until it is told what to say."""
    monkeypatch.setenv("NEGATIVES_CACHE", str(tmp_path / "cache"))
    with serving() as made:
        made.script = lambda call, body: (200, completion(""))
        yield made


@pytest.fixture
def data() -> Collection:
    """Four documents and two queries."""
    queries = {"q": "heat in steel", "r": "dough"}
    return collection(DOCS, queries, [("q", "a", 1), ("r", "d", 1)])


def found(stage: neg.Reformulations, data: Collection, folder: Path) -> list[tuple[int, int, int]]:
    opened = stage.open(context(data, folder))
    return opened.propose(data.mined_queries, {}).select("query", "doc", "rank").rows()


def test_a_model_that_says_nothing_new_changes_nothing(
    server: ChatServer, data: Collection, tmp_path: Path
) -> None:
    plain = neg.BM25(top=4).open(context(data, tmp_path / "plain"))
    expected = plain.propose(data.mined_queries, {}).select("query", "doc", "rank").rows()
    for how in ("fusion", "ensemble"):
        stage = neg.Reformulations(model=server.spec, how=how, top=4, repeat=1)
        assert found(stage, data, tmp_path / how) == expected, how
    assert len(server.bodies) == 10
    assert len({str(body["messages"]) for body in server.bodies}) == 10, "five ways each"


def test_other_words_find_other_documents_and_their_rankings_are_united(
    server: ChatServer, data: Collection, tmp_path: Path
) -> None:
    def reply(call: int, body: dict[str, object]) -> tuple[int, object]:
        return 200, completion("metal, iron" if "steel" in shown(body, "query")[0] else "dough")

    server.script = reply
    stage = neg.Reformulations(model=server.spec, ways=1, repeat=1, top=9)
    rows = found(stage, data, tmp_path / "one")
    assert {doc for query, doc, _ in rows if query == 0} == {0, 1, 2}
    assert [doc for query, doc, _ in rows if query == 1] == [3]
    same = neg.Reformulations(model=server.spec, ways=1, repeat=1, top=9, how="ensemble")
    assert found(same, data, tmp_path / "two") == rows
    run = neg.mine(data, tmp_path / "run", recipe=neg.Recipe(
        find=(neg.BM25(top=2), stage), judge=(neg.Known(),),
        pick=neg.Top(per_query=2, by="bm25_score"),
    ))  # fmt: skip
    sources = run.candidates().filter(query_id="q", doc_id="b").collect()["sources"][0].to_list()
    assert sources == ["reformulations"]


@pytest.mark.recipe("genqr-ensemble")
def test_the_worked_numbers_of_the_page() -> None:
    assert searched("q", ["alpha, beta, gamma"], 2, "ensemble") == ["q q alpha beta gamma"]
    assert searched("q", ["", "q"], 3, "fusion") == ["q", "q"]
    assert sorted(searched("q", ["b", "a"], 1, "fusion")) == sorted(
        searched("q", ["a", "b"], 1, "fusion")
    )
    lists = {
        "one": proposed([(0, 1, 1, 1.0), (0, 2, 2, 1.0), (0, 3, 3, 1.0)]),
        "two": proposed([(0, 4, 1, 1.0), (0, 2, 2, 1.0), (0, 1, 3, 1.0)]),
    }
    scores = dict(fuse(lists, {"one": 1.0, "two": 1.0}).select("doc", "score").iter_rows())
    assert scores[1] == pytest.approx(0.032266, abs=1e-6)
    assert scores[2] == pytest.approx(0.032258, abs=1e-6)
    assert scores[4] == pytest.approx(0.016393, abs=1e-6)


def test_a_literal_key_is_refused() -> None:
    with pytest.raises(RecipeError, match="literal key"):
        neg.Reformulations(model="http://x#m", api_key="sk-1")
