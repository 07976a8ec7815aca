"""The chat client: against a server that is well, slow, failing and lying."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from negatives.errors import RecipeError, ServiceError
from negatives.events import Event, Spent, Warned
from negatives.judge.llm_score import Grades
from negatives.models import service
from negatives.models.chat import Chat, Form, _keys
from negatives.models.chat_reply import Answer, parsed, read_completion
from negatives.models.prompt import Messages, Prompt
from negatives.models.service import SLOW, TRIES, Garbled
from tests.killing import kill_when, start_python
from tests.models.chat_server import ChatServer, Reply, completion, serving

PROMPT = Prompt("judge-yes-no", ("query", "document"), ("positives",), ("swapped",))
YES_NO = Form(8, alternatives=20)
GRADES = Form(64, schema=Grades)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with serving() as made:
        yield made


def question(number: int, *, json: bool = False) -> Messages:
    texts = {"query": "lift", "document": f"wing {number}", "positives": []}
    name = "judge-grades" if json else "judge-yes-no"
    return Prompt(name, ("query", "document"), ("positives",), ("swapped",)).filled(texts)


def chat(server: ChatServer, tmp_path: Path, options: str = "", **settings: Any) -> Chat:
    settings = {"sleep": lambda seconds: None} | settings
    return Chat(f"{server.spec}{options}", tmp_path, **settings)


def test_a_reply_is_its_text_its_tokens_and_what_it_cost(
    server: ChatServer, tmp_path: Path
) -> None:
    (answer,) = chat(server, tmp_path).ask(PROMPT, [question(0)], YES_NO)
    assert answer is not None
    assert (answer.text, answer.read, answer.written) == ("yes", 100, 1)
    assert answer.tokens[0].among.keys() == {"yes", "no"}
    sent = server.bodies[0]
    assert (sent["model"], sent["max_tokens"], sent["temperature"]) == ("small", 8, 0)
    assert [each["role"] for each in sent["messages"]] == ["system", "user"]


def test_a_schema_is_sent_as_the_protocol_wants_it(server: ChatServer, tmp_path: Path) -> None:
    (answer,) = chat(server, tmp_path).ask(PROMPT, [question(0, json=True)], GRADES)
    assert answer is not None
    assert parsed(answer, Grades) == Grades(match=3, trust=2, grade=3)
    wanted = server.bodies[0]["response_format"]["json_schema"]
    assert wanted["strict"]
    assert wanted["schema"]["required"] == ["match", "trust", "grade"]
    assert wanted["schema"]["properties"]["grade"] == {"enum": [0, 1, 2, 3]}
    assert wanted["schema"]["additionalProperties"] is False


def test_what_a_server_does_not_know_is_left_out_and_it_is_told_once(
    server: ChatServer, tmp_path: Path
) -> None:
    heard: list[Event] = []
    server.unsupported = ("response_format", "logprobs", "top_logprobs", "seed", "temperature")
    client = chat(server, tmp_path, "?concurrency=1", emit=heard.append)
    asked = [question(number, json=True) for number in range(3)]
    answers = client.ask(PROMPT, asked, replace(GRADES, alternatives=5))
    assert [each and parsed(each, Grades) for each in answers] == [
        Grades(match=3, trust=2, grade=3)
    ] * 3
    warnings = [event.text for event in heard if isinstance(event, Warned)]
    assert any("asked without response_format" in text for text in warnings)
    assert len(server.bodies) == 3 + len(warnings), "each is found out once"
    assert client.service.calls == len(server.bodies), "a refused call is a call"


def test_newer_models_name_the_limit_of_a_reply_otherwise(
    server: ChatServer, tmp_path: Path
) -> None:
    said = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    server.script = lambda call, body: (
        (400, {"error": {"message": said}}) if "max_tokens" in body else None
    )
    assert chat(server, tmp_path).ask(PROMPT, [question(0)], YES_NO)[0] is not None
    assert server.bodies[-1]["max_completion_tokens"] == 8
    assert server.bodies[-1]["logprobs"], "nothing else is left out"


def test_a_reply_is_paid_for_once_and_equal_questions_are_asked_once(
    server: ChatServer, tmp_path: Path
) -> None:
    first, again = chat(server, tmp_path), chat(server, tmp_path)
    questions = [question(number % 3) for number in range(9)]
    answers = first.ask(PROMPT, questions, YES_NO)
    assert again.ask(PROMPT, questions, YES_NO) == answers
    assert len(server.bodies) == first.came == 3
    assert (again.came, again.service.calls, again.service.tokens) == (0, 0, 0)
    again.ask(PROMPT, questions, Form(9, alternatives=20))
    assert len(server.bodies) == 6, "of another form it is another question"


def test_what_it_would_cost_is_told_and_nothing_is_sent(server: ChatServer, tmp_path: Path) -> None:
    client = chat(server, tmp_path, "?price=1/2")
    questions = [question(number) for number in range(10)]
    told = client.foresee(PROMPT, questions, YES_NO)
    assert (told.calls, told.known, told.written) == (10, 0, 80)
    assert 1000 < told.read < 2500
    assert told.money == pytest.approx((told.read + 2 * told.written) / 1e6)
    assert not server.bodies
    client.ask(PROMPT, questions[:4], YES_NO)
    assert client.foresee(PROMPT, questions, YES_NO).calls == 6


def test_money_is_counted_where_a_price_is_given(server: ChatServer, tmp_path: Path) -> None:
    heard: list[Event] = []
    chat(server, tmp_path, "?price=1/2", emit=heard.append).ask(PROMPT, [question(0)], YES_NO)
    spent = [event for event in heard if isinstance(event, Spent)]
    assert sum(event.money for event in spent) == pytest.approx(102e-6)
    assert sum(event.tokens for event in spent) == 101
    for wrong in ("x", "1/2/3", "-1", "nan", "inf/1"):
        with pytest.raises(RecipeError, match="is no price"):
            chat(server, tmp_path, f"?price={wrong}")


@pytest.mark.slow
def test_a_hundred_calls_at_a_time_against_a_slow_failing_lying_server(
    server: ChatServer, tmp_path: Path
) -> None:
    chance = itertools.cycle(range(10))
    scripted: list[int] = []
    lies: list[Reply] = [
        (200, "<html>please log in</html>"), (200, '{"choices": [{"mess'), (200, {"choices": []}),
        (500, {"error": "oops"}), (429, {"error": "slow down"}), (503, "<html>busy</html>"),
    ]  # fmt: skip

    def script(call: int, body: dict[str, Any]) -> Reply | None:
        with server.lock:
            turn = next(chance)
        time.sleep(0.01)
        # Until something was answered, a lying server is no server.
        if turn < len(lies) // 2 and server.answered and call % 2:
            with server.lock:
                scripted.append(call)
            return lies[(turn + call) % len(lies)]
        return None

    server.script, server.retry_after = script, "0.01"
    heard: list[Event] = []
    client = chat(server, tmp_path, "?concurrency=100", emit=heard.append)
    questions = [question(number) for number in range(400)]
    answers = client.ask(PROMPT, questions, YES_NO)
    came = [answer for answer in answers if answer is not None]
    assert scripted
    assert 4 < server.most_at_once <= 100
    assert len(came) == client.came == len(server.answered)
    assert set(server.answered.values()) == {1}, "nothing was asked again that had an answer"
    spent = [event for event in heard if isinstance(event, Spent)]
    assert sum(event.calls for event in spent) == client.service.calls == len(server.bodies)
    assert sum(event.tokens for event in spent) == client.service.tokens == 101 * len(came)
    server.script = lambda call, body: None
    rest = chat(server, tmp_path).ask(PROMPT, questions, YES_NO)
    assert all(rest)
    assert set(server.answered.values()) == {1}
    assert len(server.answered) == 400


def test_a_server_that_answers_html_is_one_clear_error(server: ChatServer, tmp_path: Path) -> None:
    server.script = lambda call, body: (200, "<html>please log in</html>")
    with pytest.raises(ServiceError) as caught:
        chat(server, tmp_path, "?concurrency=1").ask(PROMPT, [question(0), question(1)], YES_NO)
    assert "no chat completion" in str(caught.value)
    assert "<html>please log in" in str(caught.value)
    assert len(server.bodies) == SLOW


@pytest.mark.parametrize(
    ("reply", "said", "calls"),
    [
        ((404, {"error": {"message": "model 'small' not found"}}), "'small' not found", 2),
        ((401, {"error": "bad key"}), "status 401: ", 1),
        ((503, {"error": "loading model"}), f"in {TRIES} calls(.|\n)*loading model", TRIES),
        ((302, "gone"), "redirect", 1),
        ((400, {"error": "the prompt is longer than the context"}), "longer than the context", 2),
    ],
)
def test_a_refusal_is_one_error_that_says_what_the_server_said(
    server: ChatServer, tmp_path: Path, reply: Reply, said: str, calls: int
) -> None:
    server.script, server.location = lambda call, body: reply, "http://elsewhere.example/v1"
    with pytest.raises(ServiceError, match=said) as caught:
        chat(server, tmp_path).ask(PROMPT, [question(0)], YES_NO)
    assert "chat/completions, model 'small'" in str(caught.value)
    assert len(server.bodies) == calls


def test_no_server_and_a_slow_one_are_service_errors(
    server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ServiceError, match=f"no usable answer in {TRIES} calls"):
        Chat("http://127.0.0.1:9/v1#m", tmp_path, sleep=lambda seconds: None).ask(
            PROMPT, [question(0)], YES_NO
        )
    server.seconds = 2
    with pytest.raises(ServiceError, match="no whole reply in 1 seconds"):
        chat(server, tmp_path, "?seconds=1").ask(PROMPT, [question(0)], YES_NO)


@pytest.mark.slow
def test_a_silent_server_is_waited_for_once_and_the_wait_is_told(
    server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "TOLD_AFTER", 0.1)
    told: list[str] = []

    def hear(event: Event) -> None:
        told.extend([event.text] if isinstance(event, Warned) else [])

    server.script = lambda call, body: time.sleep(2 if call != 2 else 0)
    with pytest.raises(ServiceError) as caught:
        chat(server, tmp_path, "?seconds=1", emit=hear).ask(PROMPT, [question(0)], YES_NO)
    assert len(server.bodies) == 1
    assert "no whole reply in 1 seconds" in str(caught.value)
    assert "give it longer: small?seconds=2" in str(caught.value)
    (said,) = told
    assert "nothing answered yet in 0.1 seconds; a call may take 1 (?seconds=N" in said
    answering = chat(server, tmp_path, "?seconds=1&concurrency=1", emit=hear)
    with pytest.raises(ServiceError, match="in 2 calls: no whole reply in 1 seconds"):
        answering.ask(PROMPT, [question(0), question(1)], YES_NO)
    assert len(server.bodies) == 4  # it had answered: what was late is asked again
    assert not any("nothing answered" in each for each in told[1:])


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("http://127.0.0.1:9/v1#m?seconds=99999999999999", "seconds is above 1,000,000"),
        (f"http://127.0.0.1:9/v1#m?per_minute={'9' * 5000}", "per_minute is above 1,000,000"),
        ("gpt-4", "no address of a language model"),
        ("http://127.0.0.1:9/v1", "model is not named"),
        ("http://127.0.0.1:9/v1#m?concurency=3", "no option 'concurency'(.|\n)*'concurrency'"),
        ("http://127.0.0.1:9/v1#m?per_minute=0", "no positive number"),
        ("http://user:pass@127.0.0.1:9/v1#m", "a user or a password"),
    ],
)
def test_a_wrong_specification_is_told_before_any_call(
    spec: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=said) as caught:
        Chat(spec, tmp_path)
    assert "encoder" not in str(caught.value)


def test_no_more_calls_begin_in_a_minute_than_are_allowed(
    server: ChatServer, tmp_path: Path
) -> None:
    arrived: list[float] = []

    def script(call: int, body: dict[str, Any]) -> None:
        arrived.append(time.monotonic())

    server.script = script
    client = Chat(f"{server.spec}?per_minute=1200&concurrency=8", tmp_path)
    began = time.monotonic()
    client.ask(PROMPT, [question(number) for number in range(8)], YES_NO)
    late = sorted(at - began for at in arrived)
    assert all(at >= 0.05 * number - 0.01 for number, at in enumerate(late))


def test_the_key_comes_from_the_environment_and_is_never_repeated(
    server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-very-secret-1234567890")
    client = chat(server, tmp_path, api_key="env:MY_KEY")
    client.ask(PROMPT, [question(0)], YES_NO)
    assert server.keys == ["Bearer sk-very-secret-1234567890"]
    server.script = lambda call, body: (401, {"error": "no: sk-very-secret-1234567890"})
    with pytest.raises(ServiceError) as caught:
        client.ask(PROMPT, [question(1)], YES_NO)
    assert "sk-very" not in str(caught.value)


def test_a_place_for_replies_that_holds_none_stands_for_no_server(tmp_path: Path) -> None:
    """Such as a run leaves whose server had gone before its first reply."""
    with serving() as server:
        client = chat(server, tmp_path)
        fill(client, 0)
    with pytest.raises(ServiceError, match="no server answers there"):
        client.refuse_absent(PROMPT)
    fill(client, 1)
    client.refuse_absent(PROMPT)


@pytest.mark.slow
def test_ten_thousand_known_replies_are_read_in_a_few_seconds(
    server: ChatServer, tmp_path: Path
) -> None:
    client = chat(server, tmp_path)
    questions = [question(number) for number in range(100)]
    client.ask(PROMPT, questions, YES_NO)
    held = sent = len(server.bodies)
    fill(client, 10_000)
    began = time.process_time()
    texts = [{"query": "lift", "document": f"held {n}", "positives": []} for n in range(10_000)]
    answers = client.ask(PROMPT, [PROMPT.filled(each) for each in texts], YES_NO)
    took = time.process_time() - began
    assert all(answers)
    assert len(server.bodies) == sent == held
    assert took < 5


def fill(client: Chat, count: int) -> None:
    """Keep replies as if the server had given them."""
    from negatives.store.replies import open_replies

    reply = msgspec.msgpack.encode(Answer("yes", read=100, written=1))
    with open_replies(Path(), client._about(PROMPT)) as replies:
        replies._database.execute("BEGIN")
        for number in range(count):
            texts = {"query": "lift", "document": f"held {number}", "positives": []}
            replies.add(_keys([PROMPT.filled(texts)], YES_NO)[0], reply)
        replies._database.execute("COMMIT")


KILLED = """
import sys
from pathlib import Path
from tests.models.test_chat import PROMPT, YES_NO, question
from negatives.models import service
from negatives.models.chat import Chat
Chat(sys.argv[1], Path(sys.argv[2])).ask(PROMPT, [question(n) for n in range(60)], YES_NO)
"""


@pytest.mark.slow
def test_killed_in_the_middle_it_goes_on_without_paying_twice(
    server: ChatServer, tmp_path: Path
) -> None:
    server.seconds = 0.02
    for moment in (5, 30):
        process = start_python(KILLED, f"{server.spec}?concurrency=4", tmp_path)
        assert kill_when(process, lambda moment=moment: len(server.answered) >= moment)  # type: ignore[misc]
    before = sum(server.answered.values())
    assert before < 60 + 2 * 4
    answers = Chat(server.spec, tmp_path).ask(PROMPT, [question(n) for n in range(60)], YES_NO)
    assert all(answers)
    twice = sum(server.answered.values()) - 60
    assert 0 <= twice <= 2 * 4, "no more than was on its way when it was killed"


def test_an_error_ends_what_is_not_begun_and_what_came_is_kept(
    server: ChatServer, tmp_path: Path
) -> None:
    server.script = lambda call, body: (400, {"error": "no"}) if call > 10 else None
    client = chat(server, tmp_path, "?concurrency=2")
    questions = [question(number) for number in range(200)]
    with pytest.raises(ServiceError):
        client.ask(PROMPT, questions, YES_NO)
    assert len(server.bodies) < 20
    assert client.foresee(PROMPT, questions, YES_NO).known == 10


def test_a_call_that_gives_up_because_another_failed_does_not_hide_why_that_one_did(
    server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Lingers(threading.Event):
        """Whoever waits for it goes on well before the one that sets it."""

        def set(self) -> None:
            first = not self.is_set()
            super().set()
            time.sleep(0.2 if first else 0)

    alike = SimpleNamespace(Event=Lingers, Lock=threading.Lock)
    monkeypatch.setattr("negatives.models.chat.threading", alike)
    waits = threading.Event()

    def script(call: int, body: dict[str, Any]) -> Reply:
        if "wing 0" in body["messages"][-1]["content"]:
            waits.set()
            return 429, "busy"
        waits.wait(10)
        time.sleep(0.05)  # the other one waits for its next try
        return 401, "no such key"

    server.script, server.retry_after = script, "30"
    client = chat(server, tmp_path, "?concurrency=2", sleep=None)
    with pytest.raises(ServiceError, match="no such key"):
        client.ask(PROMPT, [question(0), question(1)], YES_NO)


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        ('{"match": 1, "trust": 2, "grade": 2}', 2),
        ('Here it is:\n```json\n{"match": 1, "trust": 2, "grade": 2}\n```', 2),
        ('<think>{"match": 0, "trust": 0, "grade": 0}</think>{"match":1,"trust":1,"grade":3}', 3),
        ('{"match": 1, "trust": 2, "grade": 7}', None),
        ('{"match": 1, "trust": 2, "grade": "2"}', None),
        ('{"match": 1, "trust": 2, "grade": 2', None),
        ('{"match":1,"trust":1,"grade":3} or {"match":1,"trust":1,"grade":0}', None),
        ('{"grade": 2}', None),
        ("3", None),
        ("", None),
        ("{" * 5000, None),
    ],
)
def test_a_reply_is_read_or_unknown_never_guessed(text: str, grade: int | None) -> None:
    found = parsed(Answer(text), Grades)
    assert (None if found is None else found.grade) == grade


def test_stopping_does_not_wait_for_calls_that_are_not_begun(
    server: ChatServer, tmp_path: Path
) -> None:
    threads = threading.active_count()
    server.script = lambda call, body: (401, "no")
    with pytest.raises(ServiceError):
        chat(server, tmp_path).ask(PROMPT, [question(n) for n in range(50)], YES_NO)
    assert threading.active_count() <= threads + 4


def test_a_completion_without_tokens_or_usage_is_still_one(
    server: ChatServer, tmp_path: Path
) -> None:
    reply = completion("no")
    del reply["usage"]
    reply["choices"][0]["logprobs"] = None
    server.script = lambda call, body: (200, reply)
    (answer,) = chat(server, tmp_path).ask(PROMPT, [question(0)], YES_NO)
    assert answer == Answer("no")


def test_a_server_that_miscounts_its_tokens_has_answered_all_the_same(
    server: ChatServer, tmp_path: Path
) -> None:
    for number, usage in enumerate(
        ["none", [], {"prompt_tokens": "9"}, {"prompt_tokens": -9, "completion_tokens": 10**30}]
    ):
        reply = completion("no") | {"usage": usage}
        server.script = lambda call, body, reply=reply: (200, reply)  # type: ignore[misc]
        (answer,) = chat(server, tmp_path).ask(PROMPT, [question(number)], YES_NO)
        assert answer == Answer("no")


def test_a_text_may_come_in_parts_of_which_only_those_of_text_are_the_answer() -> None:
    for parts, said in [
        ([{"type": "text", "text": "ye"}, {"type": "text", "text": "s"}], "yes"),
        ([{"type": "thinking", "thinking": "hm", "text": "no"}, {"type": "text", "text": "yes"}],
         "yes"),
        ([{"text": "yes"}, {"type": "image_url", "image_url": {"url": "x"}}], "yes"),
        ([{"type": "text"}], ""),
        ([], ""),
    ]:  # fmt: skip
        reply = completion("no")
        reply["choices"][0]["message"]["content"] = parts
        assert read_completion(json.dumps(reply).encode()).text == said
    for none in ([1], {"type": "text", "text": "yes"}, [{"type": "text", "text": 3}]):
        reply["choices"][0]["message"]["content"] = none
        with pytest.raises(Garbled):
            read_completion(json.dumps(reply).encode())


def test_thoughts_are_no_answer_whether_they_come_to_an_end_or_are_cut_off() -> None:
    for text, said in [
        ("<think>yes?</think> no", "no"),
        ("yes?</think> no", "no"),
        ("<think>the passage says yes, {}", ""),
        ("\n<think>\n", ""),
        ("a tag <think> in the middle", "a tag <think> in the middle"),
    ]:
        assert Answer(text).said == said
