"""The generator contrastive: what it writes, by which models and prompts, and what it refuses."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pytest

import negatives as neg
from negatives.arrays import Doubles
from negatives.errors import DataError, NegativesError, RecipeError
from negatives.generator import written
from negatives.make.contrastive import Contrastive
from negatives.make.stepwise import Joint, Style, write
from negatives.models.branches import Branches
from negatives.models.causal_lm import CausalLM
from tests.build import collection, context
from tests.models.tiny_lm import save_llama, tiny_llama

DATA = collection(
    {"d0": "a wing lifts", "d1": "metal carries heat", "d2": "bread rises"},
    {"q0": "why does a wing lift", "q1": "what carries heat", "q2": "nobody knows"},
    [("q0", "d0", 1), ("q1", "d1", 1)],
)
SMALL: dict[str, Any] = {"shortest": 4, "longest": 12, "alpha": 0.0}
ALL = np.arange(3, dtype=np.uint32)


def made(scratch: Path, rows: Any = ALL, seed: int = 0, **settings: Any) -> pl.DataFrame:
    stage = Contrastive(**{"model": tiny_llama(), **SMALL, **settings})
    return written(stage, context(DATA, scratch, seed=seed), rows)


def test_a_text_is_the_same_whatever_is_beside_it_and_another_by_another_seed(
    tmp_path: Path,
) -> None:
    whole = made(tmp_path, documents=2)
    assert whole["query"].to_list() == sorted(whole["query"].to_list())
    assert set(whole["query"]) == {0, 1, 2}, "without a positive there is nothing to turn from"
    assert whole["text"].n_unique() == len(whole)
    assert set(whole["grade"]) == {0}
    assert set(whole["model"]) == {tiny_llama()}
    assert whole["prompt_hash"].str.len_chars().unique().to_list() == [20]
    some = made(tmp_path, ALL[1:2], documents=2)
    assert some.equals(whole.filter(query=1))
    assert not made(tmp_path, seed=1)["text"].equals(made(tmp_path)["text"])


def test_steering_changes_what_is_written_and_no_steering_is_the_expert(tmp_path: Path) -> None:
    plain = made(tmp_path, gamma=1, eta=0)
    assert not made(tmp_path, gamma=3, eta=0).equals(plain)
    assert not made(tmp_path, gamma=1, eta=3).equals(plain)
    alone = made(tmp_path, gamma=1, eta=0, base_prompt="steer-base", negative_prompt=own(tmp_path))
    assert alone["text"].equals(plain["text"])
    assert not alone["prompt_hash"].equals(plain["prompt_hash"])


def own(folder: Path) -> str:
    path = folder / "mine.j2"
    path.write_text("{{ query }} {% for positive in positives %}{{ positive }}{% endfor %}")
    return str(path)


def test_a_tuned_model_is_the_expert_and_must_read_the_same_tokens(tmp_path: Path) -> None:
    tuned = tiny_llama(1)
    assert set(made(tmp_path, tuned=tuned)["model"]) == {tuned}
    by_itself = made(tmp_path, tuned=tiny_llama(), gamma=5, eta=0)
    assert by_itself["text"].equals(made(tmp_path, gamma=1, eta=0)["text"]), "f == b"
    folder = Path(shutil.copytree(tuned, tmp_path / "odd"))
    tokens = (folder / "tokenizer.json").read_text()
    swapped = {'"A":': '"B":', '"B":': '"A":'}
    (folder / "tokenizer.json").write_text(
        re.sub('"[AB]":', lambda found: swapped[found[0]], tokens)
    )
    with pytest.raises(DataError, match="another vocabulary"):
        made(tmp_path, tuned=str(folder))


def test_a_text_has_at_least_and_at_most_so_many_tokens() -> None:
    model = CausalLM(tiny_llama())
    end = next(iter(model.ends))

    def ending(log_probs: Doubles) -> Doubles:
        sure = np.full(log_probs.shape[1], -20.0)
        sure[end], sure[50] = 0.0, -5.0
        return sure

    def never(log_probs: Doubles) -> Doubles:
        sure = np.full(log_probs.shape[1], -np.inf)
        sure[50] = 0.0
        return sure

    for guide, count in ((ending, 3), (never, 6)):
        start = Joint([Branches(model, ["x"], 10)])
        done = write(start, guide, Style(shortest=3, longest=6, top_p=0.5), lambda n: 0.5)
        assert list(done.written) == [50] * count


class Scripted(Joint):
    """Writes a, b and full stops: what comes next depends on the last token alone."""

    END, A, B, STOP = range(4)
    NEXT: ClassVar = {
        None: [0, 0.5, 0.5, 0],
        A: [0, 0, 0, 1],
        B: [0, 0.7, 0, 0.3],
        STOP: [1, 0, 0, 0],
    }
    ends: ClassVar[frozenset[int]] = frozenset({END})
    forks: ClassVar[list[int]] = []

    def __init__(self, written: tuple[int, ...] = ()) -> None:
        object.__setattr__(self, "so_far", list(written))

    @property
    def written(self) -> list[int]:
        found: list[int] = vars(self)["so_far"]
        return found

    @property
    def log_probs(self) -> Doubles:
        last = self.written[-1] if self.written else None
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(np.array([self.NEXT[last]], float)))

    def says(self, token: int) -> str:
        return ["", "a", "b", "."][token]

    def accept(self, token: int) -> None:
        self.written.append(token)

    def fork(self) -> Scripted:
        self.forks.append(len(self.written))
        return Scripted(tuple(self.written))


def test_where_it_is_unsure_several_ways_are_tried_and_the_likeliest_is_kept() -> None:
    """Ways to the next full stop: a. has a mean of log 0.5 / 2, b. of (log 0.5 + log 0.3) / 2."""
    style = Style(longest=8, trials=3, doubt=0.3, top_p=1.0)
    for draws in ([0.9, 0.9, 0.1, 0.5, 0.9, 0.9], [0.1, 0.5, 0.9, 0.9, 0.9, 0.9]):
        Scripted.forks.clear()
        numbers = [*draws, 0.5]
        done = write(Scripted(), lambda found: found[0], style, numbers.__getitem__)
        assert list(done.written) == [Scripted.A, Scripted.STOP]
        assert Scripted.forks == [0, 0, 0], (
            "three ways from the beginning, and none where it is sure"
        )
    once = write(Scripted(), lambda found: found[0], Style(top_p=1.0), [0.9, 0.9, 0.5].__getitem__)
    assert list(once.written) == [Scripted.B, Scripted.STOP]


def test_wrong_settings_and_models_are_told_before_anything_is_mined(tmp_path: Path) -> None:
    short = save_llama(tmp_path / "short", longest=64)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"model": str(tmp_path / "no")}, "no language model at"),
        ({"model": short, "longest": 64}, "leaves no room for a prompt"),
        ({"expert_prompt": "steer-exprt"}, "no prompt 'steer-exprt'"),
        ({"negative_prompt": "steer-base"}, "does not have the variable 'query'"),
    ]
    for settings, said in wrong:
        stage = Contrastive(**({"model": tiny_llama()} | settings))
        recipe = neg.Recipe(find=(neg.BM25(top=3),), make=(stage,), pick=neg.Top())
        with pytest.raises(NegativesError, match=said):
            neg.mine(DATA, tmp_path / "run", recipe=recipe)
        assert not (tmp_path / "run" / "candidates").exists()
    with pytest.raises(RecipeError, match="shortest = 97 is above longest"):
        Contrastive(model="m", shortest=97)
    for name, value in {"eta": -1, "top_p": 0, "temperature": 0, "documents": 0}.items():
        odd: dict[str, Any] = {name: value}
        with pytest.raises(RecipeError, match=name):
            Contrastive(model="m", **odd)


@pytest.mark.slow
def test_what_it_writes_is_a_candidate_of_a_run(tmp_path: Path) -> None:
    stage = Contrastive(model=tiny_llama(), documents=2, trials=2, doubt=3.0, **SMALL)
    recipe = neg.Recipe(
        find=(neg.BM25(top=3), neg.Dense(top=3)), make=(stage,), pick=neg.Top(per_query=3)
    )
    run = neg.mine(DATA, tmp_path / "run", recipe=recipe)
    assert len(run.generated) >= 2
    assert run.generated["doc_id"].str.starts_with("gen:contrastive:q").all()
    assert run.candidates().collect()["doc_id"].str.starts_with("gen:").sum() == len(run.generated)
