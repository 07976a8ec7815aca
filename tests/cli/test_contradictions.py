"""What a command says twice, or to nobody: told, and never settled without a word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import negatives as neg
from negatives.errors import RecipeError
from negatives.events import Event, Warned
from negatives.recipe import load_recipe
from negatives.recipe_changes import adjusted, override
from tests.cli.commands import negatives


def test_a_setting_that_is_given_two_values_is_refused_whoever_gives_them() -> None:
    default = load_recipe("default")
    cases: list[tuple[str, dict[str, Any]]] = [
        ("pick.per_query is set to 5 and to 3", {"pick.per_query": 3}),
        ("pick.max_false is set to 0.2 and to 0.1", {"pick.max_false": 0.1}),
        ("pick.max_p is set to 0.2 and to 0.5", {"pick.max_p": 0.5}),
        ("relabel is set to 0.9 and to 0.8", {"relabel": 0.8}),
        ("seed is set to 1 and to 2", {"seed": 2}),
        ('find.dense.encoder is set to "a.onnx" and to "static"', {"find.dense.encoder": "static"}),
    ]
    for said, changes in cases:
        path = said.split()[0]
        name = {"find.dense.encoder": "encoder"}.get(path, path.rpartition(".")[2])
        others: dict[str, Any] = {"per_query": 5, "encoder": "a.onnx", "relabel": 0.9, "seed": 1}
        other = others.get(name, 0.2)
        with pytest.raises(RecipeError) as caught:
            adjusted(default, {path: other}, **{name: changes[path]})
        assert caught.value.what == said
        assert caught.value.fix.startswith("give it once")
        adjusted(default, {path: other}, **{name: other})


def test_of_two_values_in_a_row_the_later_counts_and_that_is_told() -> None:
    default = load_recipe("default")
    for texts, told in [
        (["seed=1", "seed=2"], "seed is set twice: 2, the later, counts, and not 1"),
        (["find.bm25.top=10", "find.0.top=11"], "find.0.top is set twice: 11, the later, counts"),
        (["pick.kind=top", "pick.kind=random"], 'pick.kind is set twice: "random", the later'),
        (["seed=1", "seed=2", "seed=2"], "seed is set twice: 2"),
    ]:
        heard: list[Event] = []
        override(default, texts, heard.append)
        said = [event.text for event in heard if isinstance(event, Warned)]
        assert [text for text in said if text.startswith(told)], said
        assert sum("is set twice" in text for text in said) == 1
    heard = []
    override(default, ["find.bm25.top=10", "find.0.top=10", "find.dense.top=11"], heard.append)
    assert not heard


def test_a_command_says_so_before_any_work(tmp_path: Path) -> None:
    out = tmp_path / "out"
    written = ("adapt", ".", "--llm", "http://127.0.0.1:9/v1#a")
    for words, said in [
        (("mine", "cranfield", "--per-query", "3", "--set", "pick.per_query=5"), "per_query is"),
        (("mine", "cranfield", "--seed", "3", "--set", "seed=4"), "seed is set to 4 and to 3"),
        (("train", "nowhere", "--steps", "3", "--set", "train.steps=4"), "train.steps is set"),
        *[
            ((*words, "--kind", "reranker", "--set", "train.kind=encoder"), "train.kind is set to")
            for words in (
                ("train", "nowhere"),
                ("compare", "nowhere", "--recipes", "bm25"),
                ("bench", "nowhere", "--recipes", "bm25"),
                ("generalise", "nowhere", "--on", "nowhere", "--recipes", "bm25"),
            )
        ],
        (
            ("bench", "nowhere", "--recipes", "bm25", "--set", "pick.per_query=3"),
            "per_query is set to 3 and to 5",
        ),
        (("adapt", ".", "--seed", "3", "--set", "seed=4"), "seed is set to 4 and to 3"),
        ((*written, "--set", "make.queries.model=http://127.0.0.1:9/v1#b"), "model is set to"),
        ((*written, "--set", "make.0.kind=heading"), "make.0.kind is set to"),
    ]:
        done = negatives(*words, "--out", out)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
        assert not out.exists()


@pytest.mark.slow
def test_of_a_run_too(tmp_path: Path) -> None:
    neg.mine("cranfield", tmp_path / "run", recipe="bm25", per_query=1)
    for words, said in [
        (("pick", "--per-query", "3", "--set", "per_query=5"), "per_query is set to 5 and to 3"),
        (("pick", "top", "--set", "kind=random"), 'kind is set to "random" and to "top"'),
        (("judge", "--judge", "llm", "--set", "kind=icr"), 'kind is set to "icr" and to "llm"'),
        (("judge", "--set", "model=./a", "--set", "model=./b"), 'model is set twice: "./b"'),
        (
            ("audit", "--checks", "equity", "--set", "equity.by=a", "--set", "equity.by=b"),
            "equity.by is set twice",
        ),
    ]:
        command, *rest = words
        done = negatives(command, tmp_path / "run", *rest)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr


def test_a_setting_that_adapt_is_given_twice_is_told(tmp_path: Path) -> None:
    (tmp_path / "docs.jsonl").write_text('{"id": "1", "text": "# Heat\\n\\nIt rises."}\n')
    words = ("adapt", tmp_path / "docs.jsonl", "--dry-run", "--out", tmp_path / "out")
    done = negatives(*words, "--set", "seed=4", "--set", "seed=5")
    assert "seed is set twice: 5, the later, counts, and not 4" in done.stderr


def test_an_encoder_that_no_source_can_read_is_told() -> None:
    heard: list[Event] = []
    adjusted(load_recipe("bm25"), encoder="static", emit=heard.append)
    (told,) = (event.text for event in heard if isinstance(event, Warned))
    assert told.startswith("the encoder 'static' is not read: no source of the recipe bm25 has an")
    heard.clear()
    adjusted(load_recipe("default"), encoder="static", emit=heard.append)
    assert not heard


def test_a_limit_that_is_no_number_is_placed_where_it_belongs() -> None:
    with pytest.raises(RecipeError) as caught:
        adjusted(load_recipe("default"), max_p=float("nan"))
    assert caught.value.where == "pick.max_p"
