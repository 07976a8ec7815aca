"""What labels mean, told by their items: what is chosen, what is held out, and what is refused."""

from __future__ import annotations

import json
import random
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import save_file

import negatives as neg
from negatives.errors import DataError, InputError
from negatives.measure import instructions as module
from negatives.measure import labelled_items
from negatives.measure.instructions import CHOSEN, NAME, SETS, Instructions, Wanted, instructions
from negatives.show.instructions import markdown
from tests.cli.commands import negatives
from tests.each import for_each

TOPICS = {
    "A17": "violin cello orchestra symphony sonata concert melody",
    "B02": "goal football striker referee stadium league penalty",
    "C99": "galaxy telescope comet planet orbit nebula astronomer",
}
"""Labels whose names say nothing, and words of their items."""
ITEMS = 24


def written(folder: Path, *, shuffled: bool = False, more: str = "") -> Path:
    """A BEIR folder of three labels with items, one with two, and one without."""
    chance = random.Random(7)
    docs = [{"_id": name, "text": name} for name in (*TOPICS, "few", "none")]
    queries, pairs = [], []
    for name, words in TOPICS.items():
        for number in range(ITEMS):
            said = [*combinations(words.split(), 3)][number]  # each another
            filled = chance.sample(["big", "new", "old", "day", "way"], 2)
            queries.append({"_id": f"{name}-{number:02d}", "text": " ".join([*said, *filled])})
            pairs.append((f"{name}-{number:02d}", name))
    pairs += [("A17-00", "few"), ("B02-00", "few")]
    queries.append({"_id": "A17-copy", "text": str(queries[0]["text"]).upper()})
    pairs.append(("A17-copy", "A17"))
    if more:
        docs.append({"_id": more, "text": "nothing to do with it"})
    if shuffled:
        for each in (docs, queries, pairs):
            chance.shuffle(each)
    (folder / "qrels").mkdir(parents=True)
    for name, rows in (("corpus", docs), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
    lines = ["query-id\tcorpus-id\tscore", *(f"{query}\t{doc}\t1" for query, doc in pairs)]
    (folder / "qrels" / "train.tsv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("labels") / "labels")


@pytest.fixture(scope="module")
def data(folder: Path) -> neg.Collection:
    return neg.Collection.load(str(folder))


@pytest.fixture(scope="module")
def folds(data: neg.Collection) -> list[Instructions]:
    return [instructions(data, wanted=Wanted(fold=fold)) for fold in range(5)]


@pytest.mark.method("labelling-instructions")
def test_what_is_chosen_finds_the_items_held_out_better_than_a_name_that_says_nothing(
    folds: list[Instructions],
) -> None:
    chosen, name = (
        np.mean([each.values(which) for each in folds], axis=0) for which in (CHOSEN, NAME)
    )
    assert len(chosen) == len(TOPICS)
    assert (chosen > 0.9).all()
    assert (name < 0.8).all()
    for made in folds:
        for each in made.categories:
            topic = TOPICS[made.collection.ids("docs")[each.doc]].split()
            assert each.examples
            assert [*each.reached] == sorted(each.reached)
            assert {*each.words} <= {*topic, made.collection.ids("docs")[each.doc]}
            assert {*each.found} == {*SETS}


@pytest.mark.method("labelling-instructions")
def test_no_item_that_is_held_out_nor_a_copy_of_one_is_shown(folds: list[Instructions]) -> None:
    for doc in {each.doc for each in folds[0].categories}:
        held: list[str] = []
        for made in folds:
            texts = made.collection.queries["text"].str.to_lowercase()
            (each,) = (each for each in made.categories if each.doc == doc)
            out = {texts[int(row)] for row in each.held_out}
            assert out
            assert not out & {texts[row] for row in (*each.examples, *each.near)}
            held += out
        assert len(held) == len({*held}) == ITEMS  # the copy counts once, and each is held out once


@pytest.mark.method("labelling-instructions")
def test_near_misses_are_labelled_otherwise_and_not_with_it(folds: list[Instructions]) -> None:
    labels = dict(folds[0].collection.qrels.group_by("query_id").agg("doc_id").iter_rows())
    for made in folds:
        docs, queries = made.collection.ids("docs"), made.collection.ids("queries")
        for each in made.categories:
            assert len(each.near) == 3
            for row in each.near:
                assert labels[queries[row]]
                assert docs[each.doc] not in labels[queries[row]]


def test_what_is_chosen_depends_on_the_data_and_not_on_its_order(
    data: neg.Collection, folds: list[Instructions], tmp_path: Path
) -> None:
    first = markdown(folds[0])
    assert markdown(instructions(data)) == first
    for name, folder in (
        ("shuffled", written(tmp_path / "shuffled" / "labels", shuffled=True)),
        ("a document more", written(tmp_path / "more" / "labels", more="zzz")),
    ):
        assert markdown(instructions(neg.Collection.load(str(folder)))) == first, name
    assert markdown(folds[1]) != first


def test_memory_and_time_are_bounded_by_draws(
    data: neg.Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OWN", 10)
    monkeypatch.setattr(labelled_items, "OTHERS", 30)
    monkeypatch.setattr(module, "AGAINST", 20)
    found = instructions(data)
    assert len(found.categories) == len(TOPICS)
    assert all(len(each.held_out) == 2 for each in found.categories)
    assert all(each.items == ITEMS for each in found.categories)


def test_the_file_says_what_a_reviewer_needs_and_what_was_left_out_is_counted(
    folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "labels.md"
    done = negatives("data", "instructions", folder, "-o", out, "--quiet")
    assert done.returncode == 0, done.stderr
    assert "labels: 3\n" in done.stdout
    assert "left out: 1: fewer than 10 items that differ; 1: no item at all" in done.stdout
    text = out.read_text("utf-8")
    assert text.count("\n## ") == len(TOPICS)
    for part in ("Label `A17`, 24 items.", "It is the label of:", "though they are near:"):
        assert part in text
    again = negatives("data", "instructions", folder, "-o", "-", "--quiet")
    assert again.stdout == text
    told = json.loads(
        negatives("data", "instructions", folder, "-o", out, "--json", "--label", "B02").stdout
    )
    assert [each["doc_id"] for each in told["instructions"]] == ["B02"]
    assert set(told["average precision on items held out"]) == set(SETS)


def test_texts_are_shown_as_they_are(tmp_path: Path) -> None:
    folder = written(tmp_path / "labels")
    path = folder / "queries.jsonl"
    path.write_text(path.read_text().replace("violin", "<b>violin*\\u202e\\u001b[1m"))
    out = tmp_path / "labels.md"
    done = negatives("data", "instructions", folder, "-o", out, "--label", "A17")
    assert done.returncode == 0, done.stderr
    text = out.read_text("utf-8")
    assert "\\<b>violin\\*" in text
    assert not {"\u202e", "\x1b"} & {*text}


@for_each(
    ("arguments", "said"),
    [
        (("--least", "30"), ("no document is a label of 30 queries", "25", "lower --least")),
        (("--least", "4"), ("least is 4", "from 5 to 250")),
        (("--label", "A18"), ("there is no document 'A18'", "did you mean 'A17'")),
        (("--label", "few"), ("no document is a label of 10 queries", "name data in which many")),
        (("--words", "-1"), ("words is -1", "from 0 to 30")),
        (("--examples", "0"), ("examples is 0", "from 1 to 30")),
        (("--encoder", "./nowhere"), ("there is no encoder at './nowhere'",)),
        (("-o", "-", "--json"), ("both write to standard output",)),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    folder: Path, tmp_path: Path, arguments: tuple[str, ...], said: tuple[str, ...]
) -> None:
    out = () if "-o" in arguments else ("-o", tmp_path / "labels.md")
    done = negatives("data", "instructions", folder, *out, *arguments)
    assert done.returncode == 2
    for words in said:
        assert words in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_label_of_nearly_everything_has_nothing_to_be_told_from() -> None:
    texts = {f"q{number}": f"word{number} here" for number in range(20)}
    qrels = {query: {"all": 1} for query in texts}
    data = neg.Collection.load({"queries": texts, "corpus": {"all": "all of it"}, "qrels": qrels})
    with pytest.raises(DataError, match="nearly every item has each label") as caught:
        instructions(data)
    assert "different documents" in str(caught.value)


def test_folds_are_asked_for_by_numbers_that_are_there() -> None:
    with pytest.raises(InputError, match="fold is 5"):
        Wanted(fold=5)


def test_labels_that_go_by_ids_have_examples_and_no_words(tmp_path: Path) -> None:
    """Twenty users who have item 0 and twenty who have item 1, each user near the others."""
    users = [f"u{number:02d}" for number in range(40)]
    (tmp_path / "plays.tsv").write_text(
        "user_id\titem_id\n" + "".join(f"{u}\ti{n % 2}\n" for n, u in enumerate(users))
    )
    model = tmp_path / "model"
    model.mkdir()
    (model / "factors.json").write_text('{"dim": 2, "similarity": "cosine"}')
    ids = {"side": ["queries"] * 40 + ["docs"] * 2, "id": [*users, "i0", "i1"]}
    pl.DataFrame(ids).write_parquet(model / "ids.parquet")
    angle = np.array([n % 2 * 1.5 + n / 100 for n in range(40)])
    tables = {
        "queries": np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32),
        "docs": np.eye(2, dtype=np.float32),
    }
    save_file(tables, model / "model.safetensors")
    out = tmp_path / "labels.md"
    done = negatives(
        "data", "instructions", tmp_path / "plays.tsv", "--encoder", model, "-o", out, "--json"
    )
    assert done.returncode == 0, done.stderr
    for each in json.loads(done.stdout)["instructions"]:
        assert each["average precision"][CHOSEN] == 1
        assert each["examples"]
        assert not each["words"]
    assert "- (`u0" in out.read_text("utf-8")
