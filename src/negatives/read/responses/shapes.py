"""What a row of responses looks like, told by its keys, and the responses that are in it.

| a row                                                     | its responses                        |
|-----------------------------------------------------------|--------------------------------------|
| prompt, steps (or completions) and labels, lists          | one, its steps a line each; right    |
|                                                           | where all of its steps are           |
| prompt, and objects of a solution and whether it is right | each of them; the given answer is    |
| (is_correct, solution)                                    | right                                |
| prompt, answer, perturbed_answer (one or several)         | the answer and what rephrases it are |
|                                                           | right, the perturbed ones wrong      |
| prompt, answer, option1, option2 ...                      | the answer right, other options wrong|
| prompt, response, label                                   | one, right where the label says it   |
| prompt, response                                          | one, right                           |
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

PROMPTS: Final = ("prompt", "question", "query", "instruction", "problem", "input")
RESPONSES: Final = ("response", "completion", "answer", "solution", "output")
STEPS: Final = ("steps", "completions")
LABELS: Final = ("label", "labels", "is_correct")
PERTURBED: Final = "perturbed_answer"
REPHRASED: Final = "paraphrased_answer"
TRUTHS: Final = ("ground_truth", "answer")
_OPTION: Final = re.compile(r"option_?\d+")
_SOLUTION: Final = frozenset(("is_correct", "solution"))


@dataclass(frozen=True, slots=True)
class Response:
    """One response to a prompt. `wrong_from`: its first wrong step, from 1; 0: none is wrong."""

    text: str
    right: bool
    wrong_from: int | None = None


class NotUnderstood(Exception):
    """What is wrong with a row, in words; `lacking`: it has no prompt or no response."""

    def __init__(self, reason: str, *, lacking: bool = False) -> None:
        super().__init__(reason)
        self.lacking = lacking


def is_known(row: Mapping[str, Any]) -> bool:
    """Whether a row has a shape that only this package reads."""
    if _first(row, PROMPTS) is None:
        return False
    return bool(_steps(row) or _solutions(row) or PERTURBED in row or len(_options(row)) > 1)


def is_plain(row: Mapping[str, Any]) -> bool:
    """Whether a row is a prompt with one response, with or without a label."""
    return _first(row, PROMPTS) is not None and _first(row, RESPONSES) is not None


def responses_of(row: Mapping[str, Any]) -> tuple[str, list[Response]]:
    """The prompt of a row and its responses; `NotUnderstood` where it is not one of the table."""
    name = _first(row, PROMPTS)
    if name is None:
        raise NotUnderstood(f"no prompt among {', '.join(map(repr, row))}", lacking=True)
    prompt = _text(row[name], name)
    if not prompt:
        raise NotUnderstood(f"{name!r} is empty", lacking=True)
    if (steps := _steps(row)) is not None:
        return prompt, [_stepwise(row, *steps)]
    if solutions := _solutions(row):
        given = [Response(_text(row[key], key), True) for key in TRUTHS if row.get(key)]
        return prompt, given[:1] + [_solution(row[key], key) for key in solutions]
    name = _first(row, RESPONSES)
    if name is None:
        raise NotUnderstood(f"no response among {', '.join(map(repr, row))}", lacking=True)
    text = _text(row[name], name)
    if not text:
        raise NotUnderstood(f"{name!r} is empty", lacking=True)
    if PERTURBED in row:
        rephrased = [Response(each, True) for each in _several(row.get(REPHRASED), REPHRASED)]
        wrong = [Response(each, False) for each in _several(row[PERTURBED], PERTURBED)]
        return prompt, [Response(text, True), *rephrased, *wrong]
    if options := _options(row):
        texts = [_text(row[key], key) for key in options]
        return prompt, [Response(text, True), *(Response(t, False) for t in texts if t != text)]
    label = _first(row, LABELS)
    return prompt, [Response(text, True if label is None else _is_right(row[label], label))]


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((name for name in names if row.get(name) is not None), None)


def _options(row: Mapping[str, Any]) -> list[str]:
    return [key for key in row if _OPTION.fullmatch(key) and row[key] is not None]


def _solutions(row: Mapping[str, Any]) -> list[str]:
    """Keys whose values are objects of a solution and whether it is right."""
    return [key for key, value in row.items() if isinstance(value, dict) and {*value} >= _SOLUTION]


def _steps(row: Mapping[str, Any]) -> tuple[str, str] | None:
    """The keys of steps and of their labels, both lists."""
    steps, labels = _first(row, STEPS), _first(row, LABELS)
    if steps is None or labels is None:
        return None
    both = isinstance(row[steps], list) and isinstance(row[labels], list)
    return (steps, labels) if both else None


def _stepwise(row: Mapping[str, Any], steps: str, labels: str) -> Response:
    texts = [_text(each, steps) for each in row[steps]]
    right = [_is_right(each, labels) for each in row[labels]]
    if len(texts) != len(right):
        raise NotUnderstood(f"{len(texts)} steps and {len(right)} labels")
    if not texts or not all(texts):
        raise NotUnderstood(f"{steps!r} is empty, or holds an empty step", lacking=True)
    lines = [" ".join(text.split("\n")) for text in texts]
    wrong = next((place for place, each in enumerate(right, 1) if not each), 0)
    return Response("\n".join(lines), not wrong, wrong)


def _solution(value: Mapping[str, Any], key: str) -> Response:
    text = _text(value["solution"], f"{key}.solution")
    if not text:
        raise NotUnderstood(f"'{key}.solution' is empty", lacking=True)
    return Response(text, _is_right(value["is_correct"], f"{key}.is_correct"))


def _several(value: Any, key: str) -> list[str]:
    """Texts, given as one or as a list; none of them empty."""
    values = [] if value is None else value if isinstance(value, list) else [value]
    texts = [_text(each, key) for each in values]
    if not all(texts):
        raise NotUnderstood(f"{key!r} is empty, or holds an empty one", lacking=True)
    return texts


def _text(value: Any, key: str) -> str:
    if not isinstance(value, str):
        said = "a list of messages, say" if isinstance(value, list) else type(value).__name__
        raise NotUnderstood(f"{key!r} holds no text ({said})")
    return value.strip()


def _is_right(value: Any, key: str) -> bool:
    """A label: true or false, or a whole number (above 0 is right)."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return value > 0
    raise NotUnderstood(f"{key!r} is {value!r}, which does not say whether the response is right")
