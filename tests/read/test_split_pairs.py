"""The positives of every query are parted: by chance, the last of each, or after a moment."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from negatives.errors import DataError, InputError
from negatives.read import load, new_split
from negatives.read.split import split
from negatives.read.split_pairs import ByPairs, split_pairs
from negatives.read.triples import triples_of
from negatives.schema import Collection
from tests.cli.commands import negatives


def plays(path: Path, timed: bool = True) -> Path:
    """Twenty users with up to nine items, one a moment; one has a single item, one dislikes one."""
    draw = np.random.default_rng(5)
    rows = [
        (f"u{user:02}", f"i{item}", 1)
        for user in range(20)
        for item in draw.choice(30, int(draw.integers(2, 9)), replace=False).tolist()
    ]
    rows += [("single", "i1", 1), ("u00", "i99", -1)]
    times = draw.permutation(len(rows)).tolist()
    lines = [
        f"{user},{item},{rating}" + f",{time}" * timed
        for (user, item, rating), time in zip(rows, times, strict=True)
    ]
    head = "user,item,rating" + ",timestamp" * timed
    path.write_text("\n".join([head, *lines]) + "\n")
    return path


def pairs(side: Collection) -> set[tuple[str, str]]:
    rows = side.qrels.filter(side.qrels["relevance"] > 0).select("query_id", "doc_id").rows()
    return {*rows}


def test_every_way_parts_the_positives_and_loses_none(tmp_path: Path) -> None:
    data = load(plays(tmp_path / "plays.csv"))
    ways: tuple[ByPairs, ...] = ("pairs", "last", "time")
    for by in ways:
        made = split_pairs(data, by, dev=0.2, test=0.2)
        parts = [pairs(side) for side in made.sides.values()]
        assert [*made.sides] == ["train", "dev", "test"]
        assert sum(map(len, parts)) == len(set().union(*parts))
        if by != "time":
            assert set().union(*parts) == pairs(data)
            assert {query for query, _ in parts[0]} == {query for query, _ in pairs(data)}
        assert ("u00", "i99", 0) in made.sides["train"].qrels.rows()
        assert made.sides["test"].qrels["relevance"].min() == 1


def test_the_last_positive_of_each_is_of_test_and_the_one_before_it_of_dev(tmp_path: Path) -> None:
    data = load(plays(tmp_path / "plays.csv"))
    made = split_pairs(data, "last", dev=1, test=1)
    time = {(query, doc): when for query, doc, when in data.times.iter_rows()}
    for user in data.queries["query_id"]:
        theirs = sorted((p for p in pairs(data) if p[0] == user), key=lambda p: time[p])
        sides = {
            name: {p for p in pairs(side) if p[0] == user} for name, side in made.sides.items()
        }
        assert sides["test"] == {*theirs[-1:]} if len(theirs) > 1 else set() == sides["test"]
        assert sides["dev"] == ({theirs[-2]} if len(theirs) > 2 else set())


def test_after_a_moment_all_is_newer_and_nothing_is_new_to_train(tmp_path: Path) -> None:
    data = load(plays(tmp_path / "plays.csv"))
    made = split_pairs(data, "time", dev=0.0, test=0.7)
    time = {(query, doc): when for query, doc, when in data.times.iter_rows()}
    train, test = pairs(made.sides["train"]), pairs(made.sides["test"])
    assert max(time[p] for p in train) < min(time[p] for p in test)
    assert {q for q, _ in test} <= {q for q, _ in train}
    assert {d for _, d in test} <= {d for _, d in train}
    left_out = len(pairs(data)) - len(train) - len(test)
    assert made.notes[0].startswith(f"{left_out} of {left_out + len(test)} later positives are of")


def test_a_split_by_chance_depends_on_ids_alone_and_has_about_the_shares(tmp_path: Path) -> None:
    data = load(plays(tmp_path / "plays.csv", timed=False))
    made = split_pairs(data, "pairs", dev=0.0, test=0.3, seed=3)
    assert 0.15 < len(pairs(made.sides["test"])) / len(pairs(data)) < 0.45
    fewer = Collection(
        **{**data.__dict__, "qrels": data.qrels.filter(data.qrels["query_id"] < "u1")}
    )
    again = split_pairs(fewer, "pairs", dev=0.0, test=0.3, seed=3)
    theirs = {pair for pair in pairs(made.sides["test"]) if pair[0] < "u1"}
    assert pairs(again.sides["test"]) == theirs


def test_what_cannot_be_parted_is_refused(tmp_path: Path) -> None:
    untimed = load(plays(tmp_path / "plays.csv", timed=False))
    with pytest.raises(DataError, match="nothing says when the positives came to be"):
        split_pairs(untimed, "last", test=1)
    single = tmp_path / "single.csv"
    single.write_text("user,item,timestamp\na,x,1\nb,y,2\n")
    with pytest.raises(DataError, match="test would be empty"):
        split_pairs(load(single), "last", dev=0, test=1)


def test_the_command_makes_a_folder_whose_splits_share_users_and_items(tmp_path: Path) -> None:
    path, out = plays(tmp_path / "plays.csv"), tmp_path / "parted"
    done = negatives("data", "split", path, "--by", "last", "--test", "1", "--dev", "0", "-o", out)
    assert done.returncode == 0, done.stderr
    train, test = load(f"{out}@train"), load(f"{out}@test")
    assert train.identity == test.identity == "id"
    assert train.corpus["doc_id"].to_list() == test.corpus["doc_id"].to_list()
    assert not pairs(train) & pairs(test)


def test_of_equal_moments_the_ids_say_which_is_the_last_and_a_note_does(tmp_path: Path) -> None:
    rows = "a,1,9\na,2,9\nb,1,5\nb,2,6\nb,3,6\nc,1,7\n"
    (tmp_path / "p.csv").write_text(f"user,item,timestamp\n{rows}")
    data = load(tmp_path / "p.csv")
    said = "the last positives of {} of 3 came at one moment: their ids say which is the last"
    for dev, test, note in ((0, 1, "2 queries"), (1, 1, "2 queries")):
        made = split_pairs(data, "last", dev=dev, test=test)
        assert made.notes == [said.format(note)]
        assert pairs(made.sides["test"]) == {("a", "2"), ("b", "3")}
    (tmp_path / "p.csv").write_text("user,item,timestamp\na,1,8\na,2,8\na,3,9\n")
    assert split_pairs(load(tmp_path / "p.csv"), "last", dev=0, test=1).notes == []


def test_shares_that_are_none_are_refused(tmp_path: Path) -> None:
    data = load(plays(tmp_path / "plays.csv"))
    for by, dev, test in (
        ("last", 0, 0),
        ("pairs", 0.6, 0.6),
        ("time", -0.1, 0.5),
        ("last", 0, 2),
        ("pairs", float("nan"), 0),
    ):
        with pytest.raises(InputError, match="are no shares of the positives, or leave none"):
            split_pairs(data, by, dev=dev, test=test)  # type: ignore[arg-type]
    with pytest.raises(DataError) as caught:
        split_pairs(data, "pairs", dev=0.0001)
    assert "--dev 0 for no dev" in caught.value.fix


def graph(folder: Path) -> Collection:
    """Forty entities in a ring, of two relations; most questions have one answer."""
    draw = np.random.default_rng(3)
    rows = [(f"e{n}", "next", f"e{(n + 1) % 40}") for n in range(40)]
    rows += [(f"e{a}", "knows", f"e{b}") for a, b in draw.integers(0, 40, (200, 2)).tolist()]
    (folder / "train.tsv").write_text("h\tr\tt\n" + "".join(f"{h}\t{r}\t{t}\n" for h, r, t in rows))
    return load(folder)


def test_a_triple_is_on_one_side_with_both_of_its_questions(tmp_path: Path) -> None:
    data = graph(tmp_path)
    made = split_pairs(data, "pairs", dev=0.2, test=0.2)
    found = {}
    for name, side in made.sides.items():
        rows = triples_of(side, side.qrels.select("query_id", "doc_id")).rows()
        found[name] = {*rows}
        assert len(rows) == 2 * len(found[name]), "each from both of its sides"
    assert not found["test"] & found["train"]
    assert not found["dev"] & (found["train"] | found["test"])
    every = {*triples_of(data, data.qrels.select("query_id", "doc_id")).rows()}
    assert set().union(*found.values()) == every
    assert 0.1 * len(every) < len(found["test"]) < 0.3 * len(every)
    for places in ((0, 2), (1,)):  # no entity, and no relation, is in dev or test alone
        known, there = (
            {row[n] for row in rows for n in places} for rows in (found["train"], every)
        )
        assert known == there


def test_questions_of_a_graph_are_not_parted_and_the_remedy_is_another_way(tmp_path: Path) -> None:
    data = graph(tmp_path)
    with pytest.raises(InputError, match="train would answer those of dev") as caught:
        split(data)
    assert "--by pairs" in caught.value.fix
    assert "--by pairs --dev 0.1" in new_split(data)
    assert "--by pairs --dev 0.1" in new_split(load(plays(tmp_path / "plays.csv")))
    assert "--by pairs" not in new_split(load("cranfield"))


def test_an_edge_that_is_there_both_ways_is_on_one_side(tmp_path: Path) -> None:
    ends = np.random.default_rng(2).integers(0, 30, (150, 2)).tolist()
    rows = {(f"n{a}", f"n{b}") for a, b in ends} | {(f"n{b}", f"n{a}") for a, b in ends}
    lines = "".join(f"{a}\t{b}\n" for a, b in sorted(rows))
    (tmp_path / "e.tsv").write_text(f"source\ttarget\n{lines}")
    made = split_pairs(load(f"ids:{tmp_path / 'e.tsv'}"), "pairs", dev=0.2, test=0.2)
    sides = {name: pairs(side) for name, side in made.sides.items()}
    assert set().union(*sides.values()) == rows
    assert min(map(len, sides.values())) > 10
    for found in sides.values():
        assert {(b, a) for a, b in found} == found
    assert {a for a, _ in sides["train"]} == {a for a, _ in rows}
