"""Negatives by rules: edits of a positive, and what of it does not answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import negatives as neg
from negatives.errors import DataError, RecipeError
from negatives.generator import written
from negatives.make.irrelevant_conditions import unlike
from negatives.read import load
from negatives.text.edits import OPPOSITES, RULES, negated, renamed, swapped_names, swapped_numbers
from tests.build import collection, context

SOLID = "It was built in 1889, is 324 m high, and is not open on 25 May."


@pytest.mark.recipe("text-edits")
def test_each_rule_changes_what_it_is_about_and_nothing_else() -> None:
    for rule, text, draw, expected in [
        ("numbers", SOLID, 0.0, "It was built in 324, is 1889 m high, and is not open on 25 May."),
        ("numbers", "Take 3.5 g.", 0.0, "Take 4.5 g."),
        ("numbers", "Room 007", 0.99, "Room 016"),
        ("numbers", "1,000 of 2,000 people", 0.3, "2,000 of 1,000 people"),
        ("numbers", "३ और ४", 0.3, "४ और ३"),
        ("numbers", "No numbers, but H2O and B12.", 0.3, None),
        ("names", "Then Anna Lee met Bob. Bob fled.", 0.0, "Then Bob met Anna Lee. Anna Lee fled."),
        ("names", "Über den Rhein nach Köln.", 0.0, "Über den Köln nach Rhein."),
        ("names", "One name, Paris, and no other.", 0.5, None),
        ("names", "A plate of steel.", 0.5, None),
        ("negate", "Steel is heavy.", 0.0, "Steel is not heavy."),
        ("negate", "Lead isn’t light.", 0.0, "Lead is light."),
        ("negate", "They cannot, and that was not so.", 0.0, "They cannot, and that was so."),
        ("negate", "It won't end.", 0.0, "It will end."),
        ("negate", "Heat flows.", 0.5, None),
        ("opposites", "More heat rises.", 0.0, "Less heat rises."),
        ("opposites", "More heat rises.", 0.99, "More heat falls."),
        ("opposites", "Heat flows.", 0.5, None),
    ]:  # fmt: skip
        assert RULES[rule](text, draw) == expected, (rule, text)
    assert renamed("The VIOLIN sings.", "violin", "viola") == "The Viola sings."
    assert renamed("The cello sings.", "violin", "viola") is None
    assert all(OPPOSITES[OPPOSITES[word]] for word in OPPOSITES)


def test_no_rule_fails_on_a_text_or_leaves_it_as_it_was() -> None:
    texts = load("cranfield").corpus["text"].head(50).to_list()
    texts += ["", " ", "A", "1", "İstanbul'da 1 gün", "\U0001f600 A B", "x" * 9999, "is is is not"]
    for text in texts:
        for rule, change in RULES.items():
            for draw in (1e-9, 0.5, 1 - 1e-9):
                changed = change(text, draw)
                assert changed is None or (changed != text or rule == "numbers"), (rule, text)
    assert swapped_numbers("2 and 2", 0.5) == "7 and 7"
    assert swapped_names("a Bob and a Bob", 0.5) is None
    assert negated("", 0.5) is None


def test_edits_depend_on_ids_and_the_seed_alone(tmp_path: Path) -> None:
    data = load("cranfield")
    stage = neg.TextEdits(count=2)
    rows = data.mined_queries
    every = written(stage, context(data, tmp_path, seed=1), rows)
    some = written(stage, context(data, tmp_path, seed=1), rows[40:50])
    assert some.equals(every.filter(pl.col("query").is_in(rows[40:50].tolist())))
    assert not every.equals(written(stage, context(data, tmp_path, seed=2), rows))
    counts = every.group_by("query").len()["len"]
    assert counts.max() == 2
    assert len(counts) > 0.9 * len(rows)
    positives = data.corpus["text"].gather(data.positives["doc"].unique())
    assert not every["text"].is_in(positives.implode()).any()


def test_siblings_take_the_name_of_another_document_of_the_same_parent(tmp_path: Path) -> None:
    corpus = {"a": "A violin has four strings.", "b": "A viola too.", "c": "Oak is hard."}
    data = collection(corpus, {"q": "how many strings"}, [("q", "a", 1)])
    fields = {"title": ["violin", "viola", "oak"], "parent": ["instrument", "instrument", "tree"]}
    stage = neg.TextEdits(rules=["siblings"])
    columns = [pl.Series(name, values) for name, values in fields.items()]
    told = replace(data, corpus=data.corpus.with_columns(columns))
    made = written(stage, context(told, tmp_path), np.array([0], np.uint32))
    assert made["text"].to_list() == ["A viola has four strings."]
    with pytest.raises(DataError, match="text-edits needs the title of the documents"):
        neg.mine(data, tmp_path / "run", recipe=neg.Recipe(
            find=(neg.BM25(),), make=(stage,), pick=neg.Top()))  # fmt: skip
    with pytest.raises(RecipeError, match="a rule twice"):
        neg.TextEdits(rules=["names", "names"])


@pytest.mark.recipe("irrelevant-conditions")
def test_the_sentences_least_like_the_query_are_the_suspects() -> None:
    """The worked example of the method's page: of .8, .3, .45, .6 below .5 the second and third."""
    alike = pl.DataFrame({"alike": [0.8, 0.3, 0.45, 0.6]})
    for share, below, expected in [
        (1.0, 0.5, [1, 2]),
        (0.5, 1.0, [1, 2]),
        (1.0, -1.0, []),
        (1.0, 1.0, [1, 2, 3]),
        (0.25, 0.5, [1]),
    ]:
        found = alike.select(unlike(pl.col("alike"), share, below)).to_series()
        assert found.arg_true().to_list() == expected


def test_what_does_not_answer_is_left_of_a_positive(tmp_path: Path) -> None:
    corpus = {
        "a": "Bread dough rises for two hours. The museum is closed on Mondays in the winter.",
        "b": "Only one sentence here.",
    }
    queries = {"q": "how long does bread dough rise", "r": "one"}
    data = collection(corpus, queries, [("q", "a", 1), ("r", "b", 1)])
    made = written(neg.IrrelevantConditions(), context(data, tmp_path), data.mined_queries)
    assert made.rows() == [(0, "The museum is closed on Mondays in the winter.", None, None, None)]
    none = written(neg.IrrelevantConditions(below=-1), context(data, tmp_path), data.mined_queries)
    assert none.is_empty()
