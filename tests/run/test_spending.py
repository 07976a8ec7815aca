"""Budgets of a judge that asks a language model: kept to, told beforehand, and paid once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import negatives as neg
from negatives.errors import InputError, ServiceError
from negatives.opening import Foreseen
from negatives.run.judged import BEFORE
from negatives.run.spending import Budget, spent
from negatives.schema import ELIGIBLE
from tests.models.chat_server import ChatServer, Reply, completion, serving, shown
from tests.models.tiny_reranker import save_onnx
from tests.run.test_judging import mined as mined  # the same run of Cranfield

PAIR = ["query_id", "doc_id"]


@pytest.fixture
def run(mined: Path, tmp_path: Path) -> neg.Run:
    shutil.copytree(mined, tmp_path / "run")
    return neg.Run(tmp_path / "run")


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with serving() as made:
        yield made


def test_a_budget_is_read_as_it_is_written() -> None:
    for said, most, unit in [
        (500, 500, "pairs"), ("500", 500, "pairs"), ("1 pair", 1, "pairs"), ("2k", 2000, "pairs"),
        ("500-calls", 500, "calls"), ("3kcalls", 3000, "calls"), ("1 call", 1, "calls"),
        ("200k-tokens", 200_000, "tokens"), ("1M tokens", 1_000_000, "tokens"),
    ]:  # fmt: skip
        assert Budget.read(said) == Budget(most, unit), said  # type: ignore[arg-type]
    assert Budget.read("2k-tokens").told == "2000-tokens"
    assert Budget.read(7).told == 7
    for odd in ("", "many", "1.5", "5-dollars", "k", "1e3", "1,000"):
        with pytest.raises(InputError, match=r"is no budget(.|\n)*500-calls or 200k-tokens"):
            Budget.read(odd)
    for none in (0, "0-tokens", "-3", -1, "0k-calls"):
        with pytest.raises(InputError, match=r"a budget of -?\d+ (pairs|calls|tokens)"):
            Budget.read(none)


class Priced:
    """Pairs that cost `each` tokens, of which only `foreseen` are foreseen."""

    def __init__(self, each: int, foreseen: int) -> None:
        self.each, self.foreseen = each, foreseen
        self.answered = self.tokens = 0

    def foresee(self, query: Any, doc: Any, *, anew: bool = False) -> Foreseen:
        count = len(query)
        return Foreseen(count, 0, self.foreseen * count, 0, None, pairs=count)

    def score(self, query: Any, doc: Any) -> Any:
        self.answered += len(query)
        self.tokens += self.each * len(query)
        return np.ones(len(query), np.float32)


def test_tokens_are_kept_to_however_many_the_server_counts() -> None:
    """Even where they are three times what was foreseen, and nearly all are used."""
    pairs = pl.DataFrame({"query": np.arange(5000), "doc": np.arange(5000)})
    for each in (40, 100, 190):
        for most in (50_000, 300_000):
            judge = Priced(each, 100)
            asked = len(spent(judge, judge.score, pairs, Budget(most, "tokens")))
            assert asked == judge.answered
            assert most * 0.98 - 3 * each < asked * each <= most or asked == 5000, (each, most)
    judge = Priced(1, 1)
    assert len(spent(judge, judge.score, pairs, Budget(1234, "calls"))) == 1234
    judge = Priced(300, 100)
    assert len(spent(judge, judge.score, pairs, Budget(250, "tokens"))) <= 1


@pytest.mark.slow
def test_a_budget_of_tokens_or_calls_is_kept_and_a_second_time_costs_nothing(
    run: neg.Run, server: ChatServer, mined: Path, tmp_path: Path
) -> None:
    server.script = lambda call, body: (200, completion("no", {"no": 0.8, "yes": 0.1}, read=900))
    judge = neg.LLMJudge(model=server.spec)
    told = run.judging_cost(judge, "60k-tokens")
    assert 100 < told.pairs < 60_000 / 150
    judged = run.judge(judge, "60k-tokens")
    note = judged.manifest.notes.cascade
    assert note is not None
    assert note.budget == "60000-tokens"
    assert 40_000 < judged.manifest.cost["tokens"] <= 60_000
    assert note.pairs == len(server.bodies) < told.pairs, "the server counts more than was foreseen"
    shutil.copytree(mined, tmp_path / "again")
    calls, ledger = len(server.bodies), judged.candidates().collect()
    again = neg.Run(tmp_path / "again").judge(judge, "60k-tokens")
    assert len(server.bodies) == calls
    assert again.candidates().collect().equals(ledger)
    with pytest.raises(InputError, match=r"not enough for one pair, which takes \d+ tokens"):
        run.judge(judge, "20-tokens")
    server.script = lambda call, body: None
    debate = neg.Debate(model=server.spec)
    calls = len(server.bodies)
    debated = judged.judge(debate, "100-calls").manifest.notes.cascade
    assert debated is not None
    assert (debated.pairs, debated.questions) == (25, 100)
    assert len(server.bodies) - calls == 100
    with pytest.raises(InputError, match=r"counts no tokens(.|\n)*a budget of pairs"):
        run.judge(neg.Rerank(model=str(save_onnx(tmp_path))), "100-tokens")


@pytest.mark.slow
def test_a_judge_at_chance_changes_no_negative_and_says_so(
    run: neg.Run, server: ChatServer
) -> None:
    before = run.negatives

    def coin(call: int, body: dict[str, Any]) -> Reply:
        text = "".join(shown(body, "document") + shown(body, "query"))
        yes = sum(text.encode()) % 2
        return 200, completion(
            "yes" if yes else "no", {"yes": 0.8, "no": 0.1} if yes else {"no": 0.8, "yes": 0.1}
        )

    server.script = coin
    judged = run.judge(neg.LLMJudge(model=f"{server.spec}?concurrency=8"), "600-calls")
    note = judged.manifest.notes.cascade
    assert note is not None
    assert note.worth is not None
    assert not note.worth.above_chance
    assert not note.revised
    assert judged.negatives.select(PAIR).equals(before.select(PAIR))
    assert any("llm tell labelled pairs from others no better than chance" in text
               for text in judged.manifest.warnings)  # fmt: skip
    page = " ".join((run.path / "report.html").read_text("utf-8").split())
    assert "that is chance, so they are not believed" in page
    server.script = lambda call, body: None
    known = run.collection.qrels.filter(pl.col("relevance") > 0).select(PAIR)
    texts = dict(run.collection.corpus.select("text", "doc_id").rows())
    asked = dict(run.collection.queries.select("text", "query_id").rows())
    pairs = set(known.rows())
    server.relevant = lambda query, document: (asked[query], texts[document]) in pairs
    knows = neg.LLMJudge(model=f"{server.spec}-that-knows?concurrency=8", characters=0)
    judged = run.judge(knows, "600-calls")
    note = judged.manifest.notes.cascade
    assert note is not None
    assert note.worth is not None
    assert note.worth.above_chance
    assert note.revised
    assert note.worth.sensitivity == 1.0
    assert note.worth.specificity is not None
    assert note.worth.specificity > 0.95
    after = (
        judged.candidates().filter(pl.col("llm_score").is_not_null(), verdict=ELIGIBLE).collect()
    )
    lower = (after["p_relevant"] < after[BEFORE]).mean()
    assert isinstance(lower, float)
    assert lower > 0.9, "what it takes for not relevant is less probably so"


@pytest.mark.slow
def test_interrupted_at_any_call_it_goes_on_and_no_answer_is_paid_twice(
    run: neg.Run, server: ChatServer
) -> None:
    """The server refuses from some call on, as a balance that is spent."""
    judge = neg.LLMCascade(
        model=f"{server.spec}?concurrency=1", large=f"{server.spec}-large?concurrency=1"
    )
    server.relevant = lambda query, document: "wing" in document
    stops = [1, 7, 33, 60]
    for stop in stops:
        before = len(server.bodies)
        server.script = lambda call, body, last=before + stop: (  # type: ignore[misc]
            (402, {"error": "no balance"}) if call > last else None
        )
        with pytest.raises(ServiceError, match="no balance"):
            run.judge(judge, "250-calls")
    server.script = lambda call, body: None
    judged = run.judge(judge, "250-calls")
    note = judged.manifest.notes.cascade
    assert note is not None
    assert 110 < note.questions <= 250
    assert set(server.answered.values()) == {1}
    assert sum(server.answered.values()) <= note.questions
    cost = judged.manifest.cost
    assert cost["calls"] == len(server.bodies), "the refused ones are told as well"
    assert cost["tokens"] == 101 * sum(server.answered.values())
