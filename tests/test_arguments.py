"""What is given in the place of an argument or a stage, and is none, is refused in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import negatives as neg
from negatives import tiny
from negatives.arguments import checked
from negatives.errors import InputError, RecipeError


@checked
def takes(
    name: str = "",
    path: str | Path = "",
    *,
    number: int | None = None,
    share: float = 0.0,
    names: str | list[str] = "",
    on: bool = False,
) -> None:
    """A function of every plain type, and of one that is not looked at."""


def test_arguments_of_the_types_that_are_said_are_let_through() -> None:
    takes("a", Path("a"), number=np.int64(3), share=np.float32(0.5), on=np.bool_(True))  # type: ignore[arg-type]
    takes(number=None, share=1, names=3)  # type: ignore[arg-type]


def test_an_argument_of_another_type_is_named_with_what_to_give(tmp_path: Path) -> None:
    data, out = tiny.collection(), tmp_path / "run"
    quiet: Any = {"emit": neg.silent}
    whatever: Any = neg
    run = whatever.mine(data, tmp_path / "whole", recipe="bm25", **quiet)
    for call, words in {
        lambda: whatever.mine(data, None, **quiet): "out cannot be None|mine()|a text or a path",
        lambda: whatever.mine(data, b"run", **quiet): "out cannot be b'run'",
        lambda: whatever.mine(data, out, threads="2", **quiet): "threads cannot be '2'",
        lambda: whatever.mine(data, out, memory=[1], **quiet): "a text or a whole number",
        lambda: whatever.mine(data, out, recipe=3, **quiet): "name cannot be 3|load_recipe()",
        lambda: whatever.mine(data, out, engine=3, **quiet): "there is no engine 3",
        lambda: whatever.mine(data, out, emit=3): "emit cannot be 3",
        lambda: whatever.Run(None): "path cannot be None|Run()",
        lambda: run.export(None, format="triplet"): "out cannot be None|export()",
        lambda: run.examples("3"): "count cannot be '3'|examples()",
        lambda: whatever.evaluate(None, data): "model cannot be None|evaluate()|give bm25",
        lambda: whatever.evaluate("bm25", data, metrics="AP"): "'AP'|evaluate()|a list of texts",
        lambda: whatever.Collection.load(data, split=3): "split cannot be 3",
        lambda: whatever.Collection.load("x.csv", quarantine=3): "path cannot be 3",
        lambda: whatever.Collection.load("x.csv", relevant_from="1"): "a number or None",
        lambda: neg.Collection.load("cranfield").split_queries(whatever): "dev cannot be <module",
        lambda: takes(on=1): "on cannot be 1|takes()|True or False",  # type: ignore[arg-type]
    }.items():
        _refused(call, words, InputError)
    assert not out.exists()


def test_what_is_no_stage_of_its_section_is_named_with_what_to_give(tmp_path: Path) -> None:
    data, out = tiny.collection(), tmp_path / "run"
    mine: Any = neg.mine
    run: Any = mine(data, tmp_path / "whole", recipe="bm25", emit=neg.silent)
    written: Any = neg.Collection.load("cranfield").made
    for call, words in {
        lambda: mine(data, out, sources="bm25"): "find takes a list of stages|class: BM25()",
        lambda: mine(data, out, sources=neg.BM25()): "takes a list of stages|give [BM25(...)]",
        lambda: mine(data, out, sources=["bm25"]): "'bm25' is no stage of [find]|BM25() of",
        lambda: mine(data, out, sources=[neg.BM25]): "is no stage of [find]|call it: BM25()",
        lambda: mine(data, out, judges=[neg.Top(per_query=2)]): "it is a stage of [pick]",
        lambda: mine(data, out, judges=neg.Margin(2.5)): "judge takes a list of stages",
        lambda: mine(data, out, estimate="evidence"): "'evidence' is no stage of [estimate]",
        lambda: mine(data, out, pick=neg.Top): "is no stage of [pick]|call it: Top()",
        lambda: mine(data, out, pick=3): "3 is no stage of [pick]|those of [pick] in a recipe",
        lambda: run.repick("top"): "'top' is no stage of [pick]",
        lambda: run.judge("near-duplicate"): "is no stage of [judge]|NearDuplicate() of",
        lambda: run.judging_cost(neg.Margin): "is no stage of [judge]|call it: Margin()",
        lambda: written("heading"): "'heading' is no stage of [make]",
    }.items():
        _refused(call, words, RecipeError)
    assert not out.exists()


def _refused(call: Any, words: str, kind: type[InputError]) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert caught.value.fix
    for each in words.split("|"):
        assert each in str(caught.value)
