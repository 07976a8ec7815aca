"""data split: queries parted so that nothing leaks, by ids and seed alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

import negatives as neg
from negatives.errors import DataError, InputError
from negatives.read import load, splits
from negatives.read.split import split
from tests.cli.commands import negatives

# Twenty queries of their own; three that share answers in a chain, and two that ask the same.
PAIRS = [(f"what is thing {n}", f"thing {n} is this") for n in range(20)]
CHAIN = [("who a", "one"), ("who b", "one"), ("who b", "two"), ("who c", "Two!")]
SAME = [("Is it so?", "yes it is"), ("is it SO", "so it is")]
DATA = neg.Collection.load([*PAIRS, *CHAIN, *SAME])


def sides_of(data: neg.Collection, seed: int = 0) -> dict[str, set[str]]:
    """The texts of the queries of each side."""
    made = data.split_queries(dev=0.2, test=0.2, seed=seed)
    return {name: {*side.queries["text"]} for name, side in made.items()}


def test_every_query_is_on_one_side_and_what_is_linked_is_together() -> None:
    for seed in range(20):
        sides = sides_of(DATA, seed)
        assert sorted(map(len, sides.values())) == [5, 5, 15]
        assert sum(map(len, sides.values())) == len(set().union(*sides.values()))
        for linked in ({"who a", "who b", "who c"}, {"Is it so?", "is it SO"}):
            assert sum(not linked.isdisjoint(side) for side in sides.values()) == 1, seed


def test_the_sides_depend_on_ids_and_seed_and_on_nothing_else() -> None:
    turned = neg.Collection.load([*SAME[::-1], *CHAIN[::-1], *PAIRS[::-1]])
    more = neg.Collection.load([*PAIRS, *CHAIN, *SAME], corpus=[{"text": "nobody asks for this"}])
    assert sides_of(DATA) == sides_of(turned) == sides_of(more)
    assert len({str(sorted(sides_of(DATA, seed)["dev"])) for seed in range(5)}) > 1


def test_all_sides_have_the_whole_corpus_and_their_own_judgements() -> None:
    made = DATA.split_queries(dev=0.2)
    assert [len(side.corpus) for side in made.values()] == [len(DATA.corpus)] * 2
    judged = pl.concat([side.qrels for side in made.values()]).sort("query_id", "doc_id")
    assert judged.equals(DATA.qrels)


def test_queries_that_all_hang_together_are_said_and_refused() -> None:
    tied = neg.Collection.load([(f"what is {n}", "the one answer") for n in range(9)] + PAIRS[:1])
    small = split(tied, dev=0.5)
    assert {name: len(side.mined_queries) for name, side in small.sides.items()} == {
        "train": 9,
        "dev": 1,
    }
    assert small.notes == [
        "dev has 1, not 5 queries: 9 of 10 are linked by texts that they share, and stay together"
    ]
    with pytest.raises(DataError, match=r"(?s)dev would be empty.*--by query"):
        split(neg.Collection.load([(f"what is {n}", "the one answer") for n in range(9)]))
    assert len(split(tied, dev=0.5, by="query").sides["dev"].mined_queries) == 5
    with pytest.raises(InputError, match="nothing for train"):
        split(DATA, dev=0.6, test=0.4)


def test_what_goes_by_ids_is_parted_by_its_queries_alone() -> None:
    rows = [{"user_id": user, "item_id": item} for user in range(10) for item in range(3)]
    made = neg.Collection.load(rows).split_queries(dev=0.2)
    assert {name: len(side.mined_queries) for name, side in made.items()} == {
        "train": 8,
        "dev": 2,
    }


def test_by_parent_no_document_has_passages_on_two_sides() -> None:
    """Ten documents of three passages, a query for each; two documents share a passage's text."""
    rows = [
        (f"d{doc}#{part}", f"d{doc}", f"text {doc} {part}") for doc in range(10) for part in "abc"
    ]
    rows[3] = (rows[3][0], rows[3][1], rows[0][2])
    plain = neg.Collection.from_pairs(
        {name: f"what is {name}" for name, _, _ in rows},
        {name: text for name, _, text in rows},
        {name: {name} for name, _, _ in rows},
    )
    parents = pl.DataFrame(rows, schema=["doc_id", "parent", "_"], orient="row")
    data = replace(plain, corpus=plain.corpus.join(parents.drop("_"), on="doc_id"))
    for seed in range(9):
        sides = split(data, dev=0.2, test=0.2, seed=seed, by="parent").sides
        of = {name: {*side.qrels["doc_id"].str.slice(0, 2)} for name, side in sides.items()}
        assert sum(map(len, of.values())) == 10, of
        assert {len(of["dev"]), len(of["test"])} <= {1, 2}
        assert any({"d0", "d1"} <= side for side in of.values())
    with pytest.raises(DataError, match="splitting by documents needs the parent of the documents"):
        split(plain, dev=0.2, by="parent")


def test_the_folder_is_read_as_its_sides(tmp_path: Path) -> None:
    file = tmp_path / "pairs.csv"
    rows = [*PAIRS, *CHAIN, *SAME]
    pl.DataFrame(rows, schema=["Frage", "answer"], orient="row").write_csv(file)
    out = tmp_path / "folder"
    done = negatives(
        "data", "split", file, "--dev", "0.2", "--test", "0.2", "-o", out, "--query-column", "Frage"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1] == "  train  15 queries, 16 positives"
    assert splits(out) == ["dev", "test", "train"]
    expected = DATA.split_queries(dev=0.2, test=0.2)
    for name, side in expected.items():
        found = load(f"{out}@{name}")
        assert found.qrels.equals(side.qrels), name
        assert {*found.queries["text"]} == {*side.queries["text"]}, name
    assert load(f"{out}@validation").split == "dev"
    assert load(out).split == "train"
    again = negatives("data", "split", file, "-o", out, "--query-column", "Frage")
    assert again.returncode == 2
    assert "the folder is not empty" in again.stderr


def test_given_negatives_go_with_their_queries(tmp_path: Path) -> None:
    rows = [{"query": q, "positive": p, "negative": "nothing of it"} for q, p in PAIRS]
    data = neg.Collection.load(rows)
    made = data.split_queries(dev=0.2)
    assert [len(side.given) for side in made.values()] == [16, 4]
