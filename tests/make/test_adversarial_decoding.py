"""The generator adversarial-decoding: its beam search, its critic, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import negatives as neg
from negatives.arrays import Doubles
from negatives.errors import DataError, NegativesError, RecipeError
from negatives.generator import written
from negatives.make.adversarial_decoding import SHARPNESS, AdversarialDecoding, likeness
from negatives.make.beams import Search, searched
from negatives.make.stepwise import Joint
from negatives.models.open_encoder import open_encoder
from tests.build import collection, context
from tests.models.tiny_lm import save_llama, tiny_llama

DATA = collection(
    {"d0": "a wing lifts", "d1": "metal carries heat", "d2": "bread rises"},
    {"q0": "why does a wing lift", "q1": "what carries heat", "q2": "nobody knows"},
    [("q0", "d0", 1), ("q1", "d1", 1)],
)
SMALL: dict[str, Any] = {"shortest": 2, "longest": 6, "beams": 2, "tokens": 5}
WORDS = ("", "a", "b")
"""The first ends a text."""


class Lettered(Joint):
    """Writes a and b, each as probable as a table says after the last one."""

    ends = frozenset({0})

    def __init__(self, table: Doubles, so_far: Sequence[int] = ()) -> None:
        vars(self).update(table=table, so_far=list(so_far))

    @property
    def written(self) -> list[int]:
        found: list[int] = vars(self)["so_far"]
        return found

    @property
    def text(self) -> str:
        return "".join(WORDS[token] for token in self.written)

    @property
    def log_probs(self) -> Doubles:
        found: Doubles = vars(self)["table"][[self.written[-1] if self.written else 0]]
        return found

    def with_one(self, token: int) -> str:
        return self.text + WORDS[token]

    def accept(self, token: int) -> None:
        self.written.append(token)

    def fork(self) -> Lettered:
        return Lettered(vars(self)["table"], self.written)


def critic(texts: Sequence[str]) -> Doubles:
    """Likes b, and the more so the later."""
    return np.array([-1.0 / (1 + text.count("b") * len(text)) for text in texts])


def every(table: Doubles, search: Search) -> Iterator[tuple[tuple[int, ...], float]]:
    """All that can be written and what it is worth a token, by trying everything."""
    for length in range(1, search.longest + 1):
        for tokens in product((0, 1, 2), repeat=length):
            ended = tokens[-1] == 0
            body = tokens[:-1] if ended else tokens
            runs = [body[at : at + search.unrepeated] for at in range(len(body))]
            whole = [run for run in runs if search.unrepeated and len(run) == search.unrepeated]
            if 0 in body or (not ended and length < search.longest) or len({*whole}) < len(whole):
                continue
            if len(body) < max(search.shortest, 1):
                continue
            worth, last = 0.0, 0
            for place, token in enumerate(tokens):
                text = "".join(WORDS[each] for each in tokens[: place + 1])
                worth += search.share * table[last, token]
                worth += (1 - search.share) * float(critic([text])[0])
                last = token
            yield body, worth / length


@given(
    numbers=st.lists(st.floats(-3, 3), min_size=9, max_size=9),
    share=st.sampled_from([0.0, 0.3, 1.0]),
    shortest=st.integers(0, 2),
    unrepeated=st.sampled_from([0, 2, 3]),
)
@settings(max_examples=60, deadline=None)
@pytest.mark.recipe("adversarial-decoding")
def test_beams_wide_enough_find_the_best_of_all_texts(
    numbers: list[float], share: float, shortest: int, unrepeated: int
) -> None:
    table = np.array(numbers).reshape(3, 3)
    table -= np.logaddexp.reduce(table, axis=1)[:, None]
    search = Search(
        beams=500, tokens=3, share=share, shortest=shortest, longest=4, unrepeated=unrepeated
    )
    found = searched(Lettered(table), critic, search)
    wanted = dict(every(table, search))
    assert {tuple(beam.writer.written) for beam in found} == {*wanted}
    assert found[0].mean == pytest.approx(max(wanted.values()))
    narrow = searched(Lettered(table), critic, replace(search, beams=1))
    assert narrow[0].mean <= found[0].mean + 1e-12


def test_the_critic_is_the_sigmoid_of_how_far_a_text_is_above_the_positive() -> None:
    encoder = open_encoder("static")
    texts = ["a wing lifts", "bread rises"]
    vectors = encoder.encode(["a wing", *texts]).vectors.astype(float)
    query, one, two = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    by_hand = [1 / (1 + np.exp(-SHARPNESS * (each @ query - 0.4))) for each in (one, two)]
    assert np.exp(likeness(query, 0.4, encoder, texts)) == pytest.approx(by_hand)


def made(scratch: Path, rows: Any = (0, 1, 2), **changes: Any) -> pl.DataFrame:
    stage = AdversarialDecoding(**{"model": tiny_llama(), **SMALL, **changes})
    return written(stage, context(DATA, scratch), np.array(rows, np.uint32))


def test_what_is_written_is_nearer_to_the_query_by_the_encoder(tmp_path: Path) -> None:
    both = made(tmp_path, share=0.3, documents=2)
    assert set(both["query"]) == {0, 1}, "a query without a positive gets none"
    assert both["text"].n_unique() == len(both) > 2
    assert set(both["grade"]) == {0}
    assert made(tmp_path, [1], share=0.3, documents=2).equals(both.filter(query=1))
    encoder, alike = open_encoder("static"), []
    for share in (0.1, 1.0):
        frame = made(tmp_path, share=share, tokens=40)
        queries = encoder.encode(DATA.query_texts(frame["query"].to_numpy())).vectors
        texts = encoder.encode(frame["text"].to_list()).vectors
        norms = np.linalg.norm(queries, axis=1) * np.linalg.norm(texts, axis=1)
        alike.append(float(((queries * texts).sum(1) / norms).mean()))
    assert alike[0] > alike[1] + 0.1


def test_wrong_settings_are_told_before_anything_is_mined(tmp_path: Path) -> None:
    short = save_llama(tmp_path / "short", longest=64)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"model": str(tmp_path / "no")}, "no language model at"),
        ({"model": short, "longest": 64}, "leaves no room for a prompt"),
        ({"encoder": str(tmp_path / "none")}, "none"),
        ({"prompt": "steer-exprt"}, "no prompt 'steer-exprt'"),
    ]
    for changes, said in wrong:
        stage = AdversarialDecoding(**{"model": tiny_llama(), **changes})
        recipe = neg.Recipe(find=(neg.BM25(top=3),), make=(stage,), pick=neg.Top())
        with pytest.raises(NegativesError, match=said):
            neg.mine(DATA, tmp_path / "run", recipe=recipe)
        assert not (tmp_path / "run" / "candidates").exists()
    with pytest.raises(RecipeError, match="documents = 5 is above beams = 4"):
        AdversarialDecoding(model="m", documents=5)
    with pytest.raises(RecipeError, match="shortest = 40 is above longest"):
        AdversarialDecoding(model="m", shortest=40)
    assert made(tmp_path, [2]).is_empty()
    unlabelled = replace(DATA, qrels=DATA.qrels.clear())
    stage = AdversarialDecoding(model=tiny_llama(), **SMALL)
    with pytest.raises(DataError, match="no query has a positive"):
        stage.write(context(unlabelled, tmp_path), np.arange(3, dtype=np.uint32))


@pytest.mark.slow
def test_what_it_writes_is_a_candidate_of_a_run(tmp_path: Path) -> None:
    stage = AdversarialDecoding(model=tiny_llama(), **SMALL)
    recipe = neg.Recipe(find=(neg.BM25(top=3),), make=(stage,), pick=neg.Top(per_query=3))
    run = neg.mine(DATA, tmp_path / "run", recipe=recipe)
    assert len(run.generated) == 2
    assert run.candidates().collect()["doc_id"].str.starts_with("gen:adversarial").sum() == 2
