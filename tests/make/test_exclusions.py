"""exclusions: queries that say what they do not want, and what nobody says of their documents."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import negatives as neg
from negatives.errors import RecipeError
from negatives.generator import written
from negatives.make.exclusions import Exclusions, things
from negatives.read import load
from negatives.text.slots import Tokens
from tests.build import collection, context


def test_a_thing_stands_behind_an_article_and_before_grammar() -> None:
    texts = [
        "A man rides a horse.", "the big brown dog and a cat", "An old table in a room",
        "it is running.", "a stuffed bear", "a red one",
    ]  # fmt: skip
    tokens = Tokens.of(pl.Series(texts))
    at = np.flatnonzero(things(tokens))
    found = [(int(tokens.text[each]), tokens.spelled[int(tokens.word[each])]) for each in at]
    # "big brown dog" has two words between, and "stuffed" is no colour or the like.
    assert found == [(0, "horse"), (1, "cat"), (2, "table"), (2, "room")]


@pytest.mark.recipe("nein")
def test_what_is_excluded_is_said_of_no_document_of_the_query_and_stands_beside_its_things(
    tmp_path: Path,
) -> None:
    data = collection(
        {"x": "a horse by a lake", "y": "a pond", "z": "a hill"},
        {
            "1": "A man rides a horse.",
            "2": "the dog by a horse and a lake",
            "3": "a boat on a sea",
            "4": "a horse with a cart",
        },
        [("1", "x", 1), ("4", "x", 1), ("2", "y", 1), ("3", "z", 1)],
    )  # fmt: skip
    rows = np.arange(3, dtype=np.uint32)
    for seed in range(8):
        made = written(Exclusions(), context(data, tmp_path / str(seed), seed=seed), rows)
        said = dict(
            zip(made["text"].str.split(", but no ").list.first(), made["text"], strict=True)
        )
        excluded = {name: text.rpartition(" ")[2] for name, text in said.items()}
        assert "a boat on a sea" not in said, "nobody else has a boat or a sea"
        # The lake and the cart are said of x, by its own text and by its other query.
        assert excluded.get("A man rides a horse", "dog") not in {"lake", "cart", "horse"}
        assert excluded.get("the dog by a horse and a lake", "cart") == "cart"
        assert all(text.endswith(tuple(excluded.values())) for text in made["text"])


def test_images_are_right_of_the_query_that_excludes_and_of_the_one_before(tmp_path: Path) -> None:
    rows = [
        ("1.jpg", "A dog on a sofa."),
        ("2.jpg", "A cat on a sofa"),
        ("3.jpg", "a cat by a dog"),
    ]
    table = tmp_path / "c.jsonl"
    lines = (json.dumps({"image": image, "caption": said}) + "\n" for image, said in rows)
    table.write_text("".join(lines))
    data = neg.Collection.load(table)
    made = data.made(Exclusions())
    assert made.identity == "id"
    assert made.corpus["doc_id"].to_list() == ["1.jpg", "2.jpg", "3.jpg"]
    pairs = made.qrels.join(made.queries, on="query_id").select("text", "doc_id")
    for text, image in pairs.rows():
        own = dict(rows)[image].rstrip(".")
        assert text.startswith(f"{own}, but no ")
        assert text.rpartition(" ")[2] not in own.lower().split()
    assert len(pairs) == 3


def test_what_is_written_does_not_depend_on_the_rows_beside_it(tmp_path: Path) -> None:
    data = load("cranfield")
    ctx = context(data, tmp_path)
    whole = written(Exclusions(), ctx, np.arange(len(data.corpus), dtype=np.uint32))
    some = np.arange(100, 900, dtype=np.uint32)
    part = written(Exclusions(), replace(ctx, scratch=tmp_path), some)
    assert len(whole) > 20
    assert part.equals(whole.filter(pl.col("doc").is_in(some.tolist())))


def test_a_wording_of_ones_own_names_both_parts() -> None:
    assert Exclusions(wording="no {thing}: {query}").wording
    for wording in ("without {thing}", "{query} {query} {thing}", ""):
        with pytest.raises(RecipeError, match="does not name both"):
            Exclusions(wording=wording).check()
