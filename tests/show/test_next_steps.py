"""The commands that a report recommends: at most three, for this run, and such as can be run."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from negatives.cli.app import app
from negatives.show.next_steps import Situation, next_steps, quoted
from negatives.show.verdict import GOOD, STOP, USABLE

NOW = Situation(
    run="runs/my data",
    data="'folder with spaces' --corpus kb",
    level=GOOD,
    rules=(),
    max_false=0.05,
    per_query=7,
    enough=4,
    easier={"max_false": 0.02},
    harder={"max_false": 0.1},
    estimates=True,
    texts=True,
)
SITUATIONS = {
    "good": NOW,
    "without texts": replace(NOW, texts=False),
    "a guess": replace(NOW, level=USABLE, rules=("guess",)),
    "too many false": replace(NOW, level=STOP, rules=("false",)),
    "too many false, nothing easier": replace(NOW, level=STOP, rules=("false",), easier=None),
    "not known": replace(NOW, level=USABLE, rules=("unknown",), estimates=False),
    "not known, no texts": replace(
        NOW, level=USABLE, rules=("unknown",), estimates=False, texts=False
    ),
    "too few": replace(NOW, level=USABLE, rules=("coverage",)),
    "too easy": replace(NOW, level=USABLE, rules=("hardness",)),
    "none": replace(NOW, level=STOP, rules=("none",)),
    "a run called --help": replace(NOW, run="--help"),
}
FIRST = {
    "good": "negatives export 'runs/my data' --format triplet -o 'my data-triplets.parquet'",
    "a guess": "negatives review 'runs/my data'",
    "too many false": "negatives pick 'runs/my data' --max-false 0.02",
    "too many false, nothing easier": "negatives pick 'runs/my data' --per-query 3",
    "not known": "negatives mine 'folder with spaces' --corpus kb --out 'runs/my data-estimated'",
    "not known, no texts": "negatives audit 'runs/my data'",
    "too few": "negatives pick 'runs/my data' --per-query 4",
    "too easy": "negatives pick 'runs/my data' --max-false 0.1",
    "none": "negatives recipes list",
}


def test_the_first_is_what_the_figures_call_for() -> None:
    for name, command in FIRST.items():
        assert next_steps(SITUATIONS[name])[0]["command"] == command


@pytest.mark.slow
def test_every_command_is_one_that_can_be_given() -> None:
    for name, now in SITUATIONS.items():
        steps = next_steps(now)
        assert 1 <= len(steps) <= 3
        for step in steps:
            program, *words = shlex.split(step["command"])
            assert program == "negatives"
            if words[0] == "review" and "review" not in app:
                continue
            app.parse_args(words, exit_on_error=False, print_error=False)
            assert step["about"], name


def test_a_collection_in_memory_is_exported_from_python() -> None:
    (export, audit) = next_steps(replace(NOW, data="", run="runs/it's"))
    assert export["command"] == (
        'negatives.Run("runs/it\'s", collection=collection)'
        '.export("it\'s-triplets.parquet", format="triplet")'
    )
    assert audit["command"].startswith("negatives audit ")


def test_a_path_is_quoted_for_a_shell() -> None:
    assert quoted("-rf") == "./-rf"
    assert shlex.split(quoted("a b;c")) == ["a b;c"]
