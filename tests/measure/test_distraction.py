"""What negatives do to a reader's answers: the same questions in four ways, and what flips."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import negatives as neg
from negatives.errors import DataError, InputError, ServiceError
from negatives.measure.distraction import (
    ALONE,
    HARD,
    RANDOM,
    REORDERED,
    Distraction,
    distraction,
    distraction_cost,
)
from negatives.measure.flips import Flips
from negatives.measure.reordering import reordered
from negatives.read import convert
from tests.build import collection
from tests.cli.commands import negatives
from tests.models.chat_server import ChatServer, completion, serving
from tests.models.small_model import serving_model

PASSAGE = re.compile(r"<passage ([0-9a-f]{8})>\n(.*?)\n</passage \1>", re.DOTALL)
QUERY = re.compile(r"<query ([0-9a-f]{8})>\n(.*?)\n</query \1>", re.DOTALL)
COUNT = 8
QUERIES = {f"q{n}": f"what{n} does{n} machine{n} make{n} in{n} hall{n}" for n in range(COUNT)}
"""Of words that no other question has, so that nothing but its own distractors is like one."""
DOCS = {
    **{f"good-{n}": f"machine{n} turns out thing{n} from steel" for n in range(COUNT)},
    **{
        f"hard-{n}-{k}": f"{QUERIES[f'q{n}']} as rumour {k} says"
        for n in range(COUNT)
        for k in range(4)
    },
    **{f"easy-{n:02}": f"a long walk by river number {n}" for n in range(30)},
}
ANSWERS = pl.DataFrame({"query_id": [*QUERIES], "answer": [f"Thing{n}!" for n in range(COUNT)]})
Reader = Callable[[str, list[str]], str]


def oracle(query: str, passages: list[str]) -> str:
    """Answers if the answer is there, whatever else is."""
    return " ".join(passages)


def distractible(query: str, passages: list[str]) -> str:
    """Answers from the passage with most words of the query."""
    words = {*query.split()}
    return max(passages, key=lambda each: len(words & {*each.split()}))


def first_alone(query: str, passages: list[str]) -> str:
    """Reads nothing but the beginning."""
    return passages[0]


def reading(server: ChatServer, reader: Reader) -> list[list[str]]:
    """Have the server answer as a reader does; the passages that it is shown, call by call."""
    seen: list[list[str]] = []

    def script(_: int, body: dict[str, Any]) -> tuple[int, Any]:
        text = body["messages"][-1]["content"]
        found = QUERY.search(text)
        assert found is not None
        seen.append([passage for _, passage in PASSAGE.findall(text)])
        return 200, completion(reader(found[2], seen[-1]))

    server.script = script
    return seen


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> neg.Run:
    folder = tmp_path_factory.mktemp("distraction")
    data = collection(DOCS, QUERIES, [(f"q{n}", f"good-{n}", 1) for n in range(COUNT)])
    path = convert(data, folder / "data")
    pick = neg.Top(per_query=4, by="bm25_score")
    return neg.mine(path, folder / "run", sources=[neg.BM25(top=6)], pick=pick)


def test_ranks_are_put_at_both_ends() -> None:
    assert reordered([1, 2, 3, 4, 5, 6]) == [1, 3, 5, 6, 4, 2]
    assert reordered([1, 2, 3, 4, 5]) == [1, 3, 5, 4, 2]
    assert [reordered([*range(n)]) for n in range(3)] == [[], [0], [0, 1]]


@given(st.lists(st.integers()))
def test_reordering_loses_nothing_and_the_best_two_stand_at_the_ends(ranked: list[int]) -> None:
    made = reordered(ranked)
    assert sorted(made) == sorted(ranked)
    assert made[:1] == ranked[:1]
    assert len(ranked) < 2 or made[-1] == ranked[1]


@pytest.mark.method("rag-hard-negatives")
def test_a_reader_that_is_distracted_is_told_from_one_that_is_not(run: neg.Run) -> None:
    with serving() as server:
        for reader, right in ((oracle, [1, 1, 1, 1]), (distractible, [1, 1, 0, 0])):
            reading(server, reader)
            spec = server.spec.replace("small", reader.__name__)
            found = distraction(run, ANSWERS, llm=spec, distractors=3)
            assert [found.share(way) for way in (ALONE, RANDOM, HARD, REORDERED)] == right
            assert found.questions == COUNT
            lost = COUNT * (right[1] - right[2])
            assert found.flips[RANDOM, HARD] == Flips(COUNT, gained=0, lost=lost)
            assert found.flips[HARD, REORDERED] == Flips(COUNT, 0, 0)
            p = found.as_dict()["flips"][0]["p"]
            assert p == pytest.approx(1.0 if reader is oracle else 2**-7)


def test_the_positive_has_one_place_in_all_lists_and_only_then_lists_are_reordered(
    run: neg.Run,
) -> None:
    with serving() as server:
        seen = reading(server, first_alone)
        distraction(run, ANSWERS, llm=server.spec + "?concurrency=1", distractors=3)
    alone, random, hard, turned = (seen[at * COUNT : (at + 1) * COUNT] for at in range(4))
    places = set()
    for (positive,), easy, mined, last in zip(alone, random, hard, turned, strict=True):
        assert len(easy) == len(mined) == 4
        assert easy.index(positive) == mined.index(positive)
        assert last == reordered(mined)
        assert {*easy} & {*mined} == {positive}
        assert sum("rumour" in passage for passage in mined) == 3
        places.add(mined.index(positive))
    assert len(places) > 1, "they are drawn, question by question"


def test_a_negative_that_holds_an_answer_is_no_distractor(run: neg.Run) -> None:
    answers = pl.concat([ANSWERS, pl.DataFrame({"query_id": ["q0"], "answer": ["rumour 2"]})])
    with serving() as server:
        reading(server, oracle)
        found = distraction(run, answers, llm=server.spec, distractors=3)
        assert (found.holding, found.questions) == (1, COUNT)
        assert "1 negatives that hold an answer themselves" in str(found.card())
        fewer = distraction(run, answers, llm=server.spec, distractors=4)
        assert (fewer.holding, fewer.questions) == (0, COUNT - 1)


def test_what_cannot_be_asked_is_said_before_anybody_is(run: neg.Run, tmp_path: Path) -> None:
    for given_, settings, said in (
        (ANSWERS.rename({"answer": "text"}), {}, "the answers have no column answer"),
        (ANSWERS.with_columns(answer=pl.lit(" ?")), {}, "there is no answer in the table"),
        (ANSWERS.with_columns(answer=pl.lit("nowhere")), {}, "no question has an answer, a pos"),
        (ANSWERS, {"distractors": 5}, "and 5 negatives that do not"),
        (ANSWERS, {"characters": 3}, "whose first 3 characters hold it"),
        (ANSWERS, {"distractors": 0}, "distractors = 0"),
    ):
        with pytest.raises((DataError, InputError), match=said) as caught:
            distraction(run, given_, llm="http://127.0.0.1:9/v1#m", **settings)  # type: ignore[arg-type]
        assert caught.value.fix
    with pytest.raises(ServiceError, match="no server answers there"):
        distraction(run, ANSWERS, llm="http://127.0.0.1:9/v1#m")
    cost = distraction_cost(run, ANSWERS, llm="http://127.0.0.1:9/v1#m", questions=5)
    assert (cost.asked, cost.calls) == (20, 20)


def test_from_the_command_line(run: neg.Run, tmp_path: Path) -> None:
    file = tmp_path / "answers.csv"
    ANSWERS.write_csv(file)
    words = ("distract", run.path, "--answers", file, "--distractors", "3", "--questions", "6")
    with serving() as server:
        reading(server, distractible)
        done = negatives(*words, "--llm", server.spec)
        assert done.returncode == 0, done.stderr
        assert "6 questions, 3 passages beside the positive" in done.stdout
        assert "random -> hard: 0 became right and 6 wrong, p = 0.031" in done.stdout
        again = negatives(*words, "--llm", server.spec, "--json")
        assert json.loads(again.stdout)["right"]["hard"] == 0
        asked = len(server.bodies)
    assert asked == 24, "what is known is not asked again"
    told = negatives(*words, "--llm", server.spec, "--dry-run")
    assert told.stdout.startswith("would ask 24 questions, 24 of them known already: 0 calls")
    wrong = negatives(*words, "--llm", "http://127.0.0.1:9/v1#m", "--api-key", "sk-literal")
    assert wrong.returncode == 2
    assert "sk-literal" not in wrong.stderr


@pytest.mark.slow
def test_a_real_small_model_is_asked_in_four_ways(run: neg.Run) -> None:
    with serving_model(2048) as spec:
        found = distraction(run, ANSWERS, llm=spec, distractors=2, questions=3)
    assert found.questions + found.unknown == 3
    assert {*found.right} == {ALONE, RANDOM, HARD, REORDERED}
    assert all(each.items == found.questions for each in found.flips.values())


def test_replies_that_say_nothing_are_no_wrong_answers(
    run: neg.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is not set up says nothing; once it is, it is asked again."""
    monkeypatch.setenv("NEGATIVES_CACHE", str(tmp_path))
    with serving() as server:
        for nothing in ["", " ", "<think>The passage says Thing0, Thing1, Thing2"]:
            server.script = lambda call, body, said=nothing: (200, completion(said))  # type: ignore[misc]
            with pytest.raises(ServiceError) as caught:
                distraction(run, ANSWERS, llm=server.spec)
            assert "32 of 32 replies say nothing (10.0% may)" in caught.value.what
        reading(server, oracle)
        found = distraction(run, ANSWERS, llm=server.spec)
        assert found.share(HARD) == 1
        assert "nothing was right" not in found.card().text()


@pytest.mark.slow
def test_a_server_that_breaks_half_way_leaves_no_answer_of_the_questions_before(
    run: neg.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The few questions that were answered in every way would be no fair part of all."""
    monkeypatch.setenv("NEGATIVES_CACHE", str(tmp_path))
    with serving() as server:
        reading(server, oracle)
        well = server.script
        server.script = lambda call, body: well(call, body) if call < 28 else (200, "<html>")
        with pytest.raises(ServiceError) as caught:
            distraction(run, ANSWERS, llm=f"{server.spec}?concurrency=1")
    assert caught.value.what == (
        "5 of 32 replies say nothing (10.0% may), 5 of them since they are no chat completion"
    )


def test_where_the_positive_alone_is_never_right_it_is_told_that_nothing_is_known() -> None:
    wrong = [False] * 3
    found = Distraction(dict.fromkeys((ALONE, RANDOM, HARD, REORDERED), wrong), 2, 0, 0, "m")
    assert "nothing was right with the positive alone, so nothing is known" in found.card().text()
