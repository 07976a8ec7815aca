"""More generators that ask a language model: harder queries, and other ways to write negatives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import negatives as neg
from negatives.errors import RecipeError
from negatives.generator import written
from negatives.run.making import made_queries
from negatives.run.making_cost import making_cost
from negatives.schema import Collection
from tests.build import collection, context
from tests.models.chat_server import ChatServer, completion, shown

DOCS = {
    "a": "steel plates carry heat slowly from the warm side",
    "b": "a cone has shock waves at its tip",
    "c": "bread dough rises for two hours in a warm bowl",
}
ASKED = {"q": "how does heat pass", "r": "when does dough rise", "s": "what has a cone"}
JUDGED = [("q", "a", 1), ("r", "c", 1), ("s", "b", 1), ("s", "a", 0)]


@pytest.fixture
def data() -> Collection:
    """Three documents and three queries, with a judged negative."""
    return collection(DOCS, ASKED, JUDGED)


@pytest.mark.recipe("reversegen")
def test_a_query_is_kept_once_the_search_fails_on_it_and_not_if_it_is_lost(
    server: ChatServer, data: Collection
) -> None:
    stage = neg.FailureInducing(model=server.spec, found=1)
    assert making_cost(data, stage).calls <= 6
    made = made_queries(data, stage)
    assert dict(made.queries.select("query_id", "text").iter_rows()) == {"gen:a": "warm in a bowl"}
    assert len(server.bodies) == 6
    asked = [body["messages"][-1]["content"] for body in server.bodies]
    assert sum("Found at once with:" in each for each in asked) == 3
    assert any("steel plates carry heat\n</example" in each for each in asked)
    with pytest.raises(RecipeError, match="within = 3 is no more than found = 3"):
        neg.FailureInducing(model=server.spec, within=3)


@pytest.mark.recipe("adversarial-filtering")
def test_of_several_passages_the_hardest_are_kept(
    server: ChatServer, data: Collection, tmp_path: Path
) -> None:
    passages = ["Pears are sweet in autumn.", "Heat passes how it passes.", "Trains run on rails."]
    server.script = lambda call, body: (200, completion(json.dumps({"passages": passages})))
    stage = neg.AdversarialFiltering(model=server.spec, asked=3, keep=1)
    made = written(stage, context(data, tmp_path), data.mined_queries)
    assert made["text"][0] == "Heat passes how it passes."
    assert len(made) == 3


@pytest.mark.recipe("contrasting-demonstrations")
def test_examples_are_other_queries_with_what_answers_them_and_what_does_not(
    server: ChatServer, data: Collection, tmp_path: Path
) -> None:
    stage = neg.ContrastingDemonstrations(model=server.spec, examples=2)
    made = written(stage, context(data, tmp_path), data.mined_queries)
    assert len(made) == 3
    first = next(b for b in server.bodies if shown(b, "query") == [ASKED["q"]])
    said = first["messages"][-1]["content"]
    assert all(ASKED[other] in said for other in "rs")
    assert shown(first, "positive") == [DOCS[key] for key in ("cb" if said.index(ASKED["r"])
                                        < said.index(ASKED["s"]) else "bc")]  # fmt: skip
    assert DOCS["a"] in said, "the judged negative of s"


@pytest.mark.recipe("imagined-domains")
def test_domains_are_imagined_beside_a_positive(
    server: ChatServer, data: Collection, tmp_path: Path
) -> None:
    stage = neg.ImaginedDomains(model=server.spec, count=1)
    made = written(stage, context(data, tmp_path), data.mined_queries)
    assert made["text"][0] == "A song on how does heat pass is sung."
    assert shown(server.bodies[0], "positive")


@pytest.mark.recipe("judged-synthetic-pipeline")
def test_what_a_model_wrote_as_a_negative_and_a_judge_finds_relevant_is_none(
    server: ChatServer, data: Collection, tmp_path: Path
) -> None:
    write = server.script

    def reply(call: int, body: dict[str, Any]) -> Any:
        if "Grade the document" not in body["messages"][-1]["content"]:
            return write(call, body)
        grade = 3 if "heat" in shown(body, "document")[0] else 0
        return 200, completion(json.dumps({"match": grade, "trust": 2, "grade": grade}))

    server.script = reply
    judge = neg.LLMJudge(model=server.spec, mode="grades", top=0, reject=2)
    recipe = neg.Recipe(
        find=(neg.BM25(top=2),),
        make=(neg.WrittenNegatives(model=server.spec),),
        judge=(neg.Known(), judge),
        pick=neg.Top(per_query=9, by="bm25_score"),
    )
    run = neg.mine(data, tmp_path / "run", recipe=recipe)
    rules = {
        query: rule
        for query, doc, rule in run.candidates()
        .select("query_id", "doc_id", "rule")
        .collect()
        .iter_rows()
        if doc.startswith("gen:")
    }
    assert rules == {"q": "llm", "r": "", "s": ""}
    assert "gen:written:q:1" not in run.negatives["doc_id"].to_list()
