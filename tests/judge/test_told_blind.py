"""Written documents that are known without the query go, as many as it takes, and no others."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import negatives as neg
from negatives.errors import RecipeError
from negatives.events import Emit, Event, Warned, silent
from negatives.judge.told_blind import log_odds
from negatives.measure.audits.blind import told_blind
from negatives.opening import JudgeContext
from negatives.recipe import parse
from negatives.schema import PAIR, Collection
from tests.build import collection

THINGS = ("car", "bus", "dog", "horse", "boat", "house")
PLACES = ("on a hill", "by the lake", "in town", "under a bridge")
RARE, COMMON = ("violet", "amber"), ("red", "blue", "green")


def written(count: int, marked: float, seed: int = 0, generator: str = "edits") -> Collection:
    """A query each with a caption, and the same in another colour, which is `marked` of the time
    one that captions seldom have, and else as common.
    """
    rng = np.random.default_rng(seed)
    docs, texts, made = {}, {}, []
    for number in range(count):
        thing, place = rng.choice(THINGS), rng.choice(PLACES)
        first, second = rng.choice(COMMON, 2, replace=False)
        if rng.random() < 0.03:
            first = rng.choice(RARE)
        if rng.random() < marked:
            second = rng.choice([each for each in RARE if each != first])
        query, doc = f"q{seed}-{number:04}", f"p{seed}-{number:04}"
        docs[query] = f"image {query}"
        texts[doc] = f"A {first} {thing} {place}."
        texts[f"gen:{generator}:{query}:1"] = f"A {second} {thing} {place}."
        made.append((query, f"gen:{generator}:{query}:1", generator))
    data = collection(texts, docs, [(query, f"p{query[1:]}", 1) for query in docs])
    table = pl.DataFrame(made, schema=["query_id", "doc_id", "generator"], orient="row")
    return Collection(
        data.name, data.split, data.corpus, data.queries, data.qrels, written=table.sort(PAIR)
    )


def opinion(
    data: Collection, folder: Path, most: float = 0.5, seed: int = 0, emit: Emit = silent
) -> pl.DataFrame:
    """What the judge says of every written document and of every positive, by their ids."""
    folder.mkdir(parents=True, exist_ok=True)
    opened = neg.ToldBlind(most=most).open(JudgeContext(data, folder, seed=seed, emit=emit))
    pairs = pl.concat([data.written.select(PAIR), data.qrels.select(PAIR)])
    rows = data.rows_of(pairs).sort("query", "doc")
    return pl.concat([data.ids_of(rows), opened.judge(rows)], how="horizontal")


def told(data: Collection, pairs: pl.DataFrame) -> float:
    """How often a pair is told blind by models that are fitted on these pairs anew."""
    made = data.written.join(pairs, on=PAIR, how="semi").select(*PAIR, source="generator")
    (found,) = told_blind(made, data.corpus, data.qrels.select(PAIR)).values()
    return found.value or 0.0


def kept(found: pl.DataFrame) -> pl.DataFrame:
    return found.filter(pl.col("verdict").is_null() & pl.col("told_blind").is_not_null())


@pytest.mark.recipe("lrv-negative-instructions")
def test_what_is_left_is_known_by_no_model_and_nearly_all_that_was_fair_is_left(
    tmp_path: Path,
) -> None:
    data = written(300, marked=0.5)
    assert told(data, data.written) > 0.7
    left = kept(opinion(data, tmp_path))
    assert abs(told(data, left) - 0.5) < 0.08
    colours = left.join(data.corpus, on="doc_id")["text"].str.extract(r"^A (\w+)")
    assert colours.is_in([*COMMON]).sum() > 0.75 * 150
    assert colours.is_in([*RARE]).sum() < 0.25 * 150


def test_of_fair_negatives_nearly_all_are_left(tmp_path: Path) -> None:
    data = written(300, marked=0.03)
    assert len(kept(opinion(data, tmp_path))) > 0.8 * 300


def test_more_may_be_told_where_one_says_so(tmp_path: Path) -> None:
    data = written(200, marked=0.5)
    left = [kept(opinion(data, tmp_path / str(most), most)) for most in (0.5, 0.7, 0.999)]
    assert len(left[0]) < len(left[1]) < len(left[2]) == 200
    for less, more in pairwise(left):
        assert less.join(more, on=PAIR, how="anti").is_empty(), "no draw is made anew"
    for most in (0.4, 1.0):
        with pytest.raises(RecipeError, match="told-blind: most"):
            neg.ToldBlind(most=most)


def test_only_what_was_written_is_looked_at_and_a_verdict_names_the_positive(
    tmp_path: Path,
) -> None:
    data = written(200, marked=0.8)
    found = opinion(data, tmp_path)
    made = pl.col("doc_id").str.starts_with("gen:")
    assert found.filter(~made)["told_blind"].null_count() == 200
    assert found.filter(~made)["verdict"].null_count() == 200
    assert found.filter(made)["told_blind"].null_count() == 0
    rejected = found.filter(pl.col("verdict").is_not_null())
    assert (rejected["told_blind"] > 0.5).all(), "a pair whose made text seems true is kept"
    said = rejected.select(
        pl.col("reason")
        == pl.format(
            "told-blind: {}% sure of positive p{} without the query",
            (100 * pl.col("told_blind").cast(pl.Float64)).round(1),
            pl.col("query_id").str.slice(1),
        )
    )
    assert said.to_series().all()


def test_each_generator_is_learned_from_by_itself_and_of_too_few_texts_nothing(
    tmp_path: Path,
) -> None:
    parts = [
        written(120, 0.03, seed=0, generator="fair"),
        written(120, 0.9, seed=1, generator="marked"),
        written(30, 0.9, seed=2, generator="few"),
    ]
    corpus, queries, qrels, table = (
        pl.concat([getattr(each, name) for each in parts]).sort(key)
        for name, key in (
            ("corpus", "doc_id"), ("queries", "query_id"), ("qrels", PAIR), ("written", PAIR),
        )
    )  # fmt: skip
    data = Collection("all", "", corpus, queries, qrels, written=table)
    heard: list[Event] = []
    found = opinion(data, tmp_path, emit=heard.append)
    share = (
        found.join(data.written, on=PAIR)
        .group_by("generator")
        .agg(pl.col("verdict").is_not_null().mean(), pl.col("told_blind").null_count())
    )
    of = {name: (rejected, null) for name, rejected, null in share.iter_rows()}
    assert of["fair"][0] < 0.25 < 0.5 < of["marked"][0]
    assert of["few"] == (0.0, 30)
    (warning,) = [event for event in heard if isinstance(event, Warned)]
    assert warning.text == (
        "told-blind says nothing of what few wrote: for 30 queries with a positive, and 50 is the "
        "least that it learns from"
    )


def test_it_is_learned_once_and_the_same_by_the_seed(tmp_path: Path) -> None:
    data = written(120, marked=0.5)
    first = opinion(data, tmp_path / "a")
    (file,) = (tmp_path / "a").iterdir()
    written_at = file.stat().st_mtime_ns
    assert opinion(data, tmp_path / "a").equals(first)
    assert file.stat().st_mtime_ns == written_at
    assert opinion(data, tmp_path / "b").equals(first)
    assert not opinion(data, tmp_path / "c", seed=1).equals(first)


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=30))
def test_odds_are_what_a_search_of_the_unit_finds(values: list[float]) -> None:
    margin = np.array(values)
    found = log_odds(margin)
    if np.abs(margin).mean() > 1e-6:
        units = np.linspace(0, 20, 4001) / np.abs(margin).mean()
        best = min(float(np.logaddexp(0, -unit * margin).mean()) for unit in units)
        assert float(np.logaddexp(0, -found).mean()) <= best + 1e-6
    assert (np.sign(found) * np.sign(margin) >= 0).all()


def test_a_run_counts_what_was_told_and_the_rest_is_not_told(tmp_path: Path) -> None:
    whole = written(200, marked=0.0)
    captions = whole.corpus.filter(~pl.col("doc_id").str.starts_with("gen:"))
    with_or_without = captions.with_columns(
        text=pl.col("text").str.replace(r"\.$", " with a flag.")
    )
    data = Collection("flags", "", with_or_without, whole.queries, whole.qrels)
    recipe = (
        'name = "edits"\n[[find]]\nkind = "given"\n[[make]]\nkind = "text-edits"\n'
        'rules = ["opposites"]\n{}[pick]\nkind = "top"\nper_query = 1\n'
    )
    plain = neg.mine(data, tmp_path / "plain", recipe=parse(recipe.format("")))
    judged = neg.mine(
        data, tmp_path / "judged", recipe=parse(recipe.format('[[judge]]\nkind = "told-blind"\n'))
    )
    assert len(plain.negatives) == len(judged.generated) == 200
    assert len(judged.negatives) < 20, "every edit says without where captions say with"
    rejected = judged.rejected.filter(pl.col("rule") == "told-blind")
    assert len(rejected) + len(judged.negatives) == 200
    assert rejected["reason"][0].startswith("told-blind: ")
