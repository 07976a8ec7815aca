"""Edits by slots: what each rule changes, what it leaves alone, and that no word gives it away."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest

import negatives as neg
from negatives.chance import id_hashes
from negatives.errors import InputError
from negatives.events import Counted, Event
from negatives.generator import written
from negatives.learn.encoded import EncodedBatch
from negatives.learn.multiple_negatives import MultipleNegatives
from negatives.make.slot_edits import SlotEdits
from negatives.text.word_classes import ATTRIBUTES, RELATIONS
from tests.build import collection, context


def edits(texts: list[str], corpus: list[str], seed: int = 0) -> SlotEdits:
    every = pl.Series(texts)
    keys = id_hashes(pl.Series([str(n) for n in range(len(texts))]))
    said = (np.arange(len(texts)), every)
    return SlotEdits.of(every, pl.Series(corpus), keys, said, seed)


def test_words_change_places_where_each_stands_in_the_others_slot() -> None:
    corpus = [
        "A man rides on a horse.",
        "A horse rides on a cart.",
        "A cart rolls behind a man.",
        "A dog sits on a man.",
    ]
    made = edits(corpus[:1], corpus).swapped("s")
    assert made == ["A horse rides on a man."]
    for text in ("A man and a horse.", "A pen, a man, a cup, a horse, and a hat."):
        more = [*corpus, text, "A horse and a man.", "A pen, a horse, a cup, a man, and a hat."]
        assert edits([text], more).swapped("s") == [None], "the same either way round"
    assert edits(corpus[:1], corpus[:2]).swapped("s") == [None], "nobody ends with a man"


def test_a_swap_undone_is_the_text_itself() -> None:
    corpus = ["A man rides on a horse.", "A horse rides on a man."] * 2
    first = edits(corpus[:1], corpus).swapped("s")[0]
    assert first == corpus[1]
    assert edits([first], corpus).swapped("s") == corpus[:1]


def test_a_word_is_replaced_by_one_of_its_class_and_of_another_sense() -> None:
    corpus = [
        "a red cup on the table",
        "a blue cup on the table",
        "a red cup in the table",
        "a large cup on the table",
    ] * 2
    found = {edits(corpus[:1], corpus, seed).attributes("a", ATTRIBUTES)[0] for seed in range(20)}
    assert found == {None, "a blue cup on the table"}
    found = {edits(corpus[:1], corpus, seed).relations("r", RELATIONS)[0] for seed in range(20)}
    assert found == {None, "a red cup in the table"}
    same = ["a red cup on the table", "a red cup onto the table"] * 2
    assert edits(same[:1], same).relations("r", RELATIONS) == [None]
    colours = ["a gray cup", "a grey cup"] * 2
    assert edits(colours[:1], colours).attributes("a", ATTRIBUTES) == [None]


def test_what_another_text_of_the_query_says_is_not_put_in() -> None:
    corpus = ["a red cup", "a blue cup"] * 2
    for said, expected in [(["a red cup"], "a blue cup"), (corpus, None)]:
        owner = np.zeros(len(said), np.int64)
        found = set()
        for seed in range(20):
            keys = id_hashes(pl.Series(["q"]))
            every = SlotEdits.of(
                pl.Series(corpus[:1]), pl.Series(corpus), keys, (owner, pl.Series(said)), seed
            )
            found |= {*every.attributes("a", ATTRIBUTES), *every.replaced("r")}
        assert found == {None, expected}


def test_what_is_put_in_is_as_usual_there_as_what_it_replaces() -> None:
    corpus = ["a red cup", "a blue cup", "a blue cup"]
    for seed in range(9):
        assert edits(corpus[:1], corpus, seed).attributes("a", ATTRIBUTES) == [None]
        assert edits(corpus[:1], corpus, seed).replaced("r") == [None]
    longer = ["see a red cup", "see a blue cup", "see a red cup", "take a blue cup", "a green cup"]
    found = {edits(longer[:1], longer, seed).attributes("a", ATTRIBUTES)[0] for seed in range(20)}
    assert found == {None, "see a blue cup"}, "green stands behind see a nowhere"


def test_function_words_and_names_stay_and_stems_count_as_one() -> None:
    corpus = ["the dog sat", "a dog sat", "the dogs sat", "the Rex sat", "the cat sat"] * 2
    found = {edits(corpus[:1], corpus, seed).replaced("r")[0] for seed in range(30)}
    assert found == {None, "the cat sat"}


def test_no_word_becomes_more_common_by_replacing() -> None:
    """Each word is put in as often as it is taken out, though some are a hundred times commoner."""
    rng = np.random.default_rng(0)
    nouns, shares = ["man", "dog", "horse", "kite"], [0.7, 0.2, 0.08, 0.02]
    frames = ["a {} on the hill", "the {} by a lake", "one {} at home"]
    texts = [str(rng.choice(frames)).format(rng.choice(nouns, p=shares)) for _ in range(6000)]
    made = edits(texts, texts).replaced("r")
    changed = [(old, new) for old, new in zip(texts, made, strict=True) if new is not None]
    before = Counter(word for old, _ in changed for word in old.split())
    after = Counter(word for _, new in changed for word in new.split())
    assert len(changed) > 2000
    for noun in nouns:
        assert after[noun] == pytest.approx(before[noun], rel=0.2, abs=30), noun
    runs = Counter(" ".join(new.split()[:2]) for _, new in changed)
    for run, count in Counter(" ".join(old.split()[:2]) for old, _ in changed).items():
        assert runs[run] == pytest.approx(count, rel=0.3, abs=30), run


CAPTIONS = {
    f"{colour} {thing} {place}": f"A {colour} {thing} is {place} the house."
    for colour in ("red", "blue", "green")
    for thing in ("car", "bus", "bike")
    for place in ("in", "behind", "under")
}


@pytest.mark.recipe("negclip")
def test_captions_of_images_are_edited_and_what_has_nothing_to_change_is_counted(
    tmp_path: Path,
) -> None:
    queries = {f"image of {name}": "x" for name in CAPTIONS} | {"none": "y"}
    pairs = [(f"image of {name}", name, 1) for name in CAPTIONS]
    data = collection({**CAPTIONS, "odd": "Zzz!"}, queries, [*pairs, ("none", "odd", 1)])
    stage = neg.TextEdits(rules=["swap", "replace", "attributes", "relations"], count=4)
    heard: list[Event] = []
    where = context(data, tmp_path)
    made = written(stage, replace(where, emit=heard.append), data.mined_queries)
    counted = next(each for each in heard if isinstance(each, Counted))
    assert counted.figures["swap: nothing to change"] == len(queries)
    assert 1 <= counted.figures["replace: nothing to change"] < len(queries)
    asked = made["query"].unique().len()
    assert asked > 20
    for query, text in made.select("query", "text").iter_rows():
        own = CAPTIONS[data.queries["query_id"][query].removeprefix("image of ")]
        differ = sum(a != b for a, b in zip(own.split(), text.split(), strict=True))
        assert differ == 1
        assert text in CAPTIONS.values()
    some = written(stage, where, data.mined_queries[:5])
    assert some.equals(made.filter(pl.col("query") <= some["query"].max()))


@pytest.mark.recipe("negclip")
def test_edited_captions_are_negatives_of_images_and_have_none_themselves() -> None:
    """The worked example of the method: a scale of 10, matched pairs, an edit beside each."""
    torch = pytest.importorskip("torch")
    eye = torch.eye(2)
    edited = torch.tensor([[0.8, 0.6], [0.6, 0.8]])
    for docs, expected in [
        (torch.stack([eye, edited], dim=1), 0.071508),
        (eye[:, None], 0.000045),
    ]:
        width = docs.shape[1]
        relevant = torch.zeros(2, 2 * width, dtype=torch.bool)
        relevant[0, 0] = relevant[1, width] = True
        batch = EncodedBatch(eye, docs, relevant, torch.ones(2, width, dtype=torch.bool))
        both = neg.load_recipe("negclip").learn
        assert isinstance(both, MultipleNegatives)
        loss = msgspec.structs.replace(both, temperature=0.1)
        assert float(batch.mean(loss.open()(batch))) == pytest.approx(expected, abs=1e-6)


def test_words_of_ones_own_are_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("rotes blaues\n")
    corpus = {"a": "ein rotes Haus", "b": "ein blaues Haus"}
    twice = corpus | {"c": corpus["a"], "d": corpus["b"]}
    data = collection(twice, {"q": "x", "r": "y"}, [("q", "a", 1), ("r", "b", 1)])
    stage = neg.TextEdits(rules=["attributes"], attribute_words=str(tmp_path / "words.txt"))
    made = {
        text
        for seed in range(9)
        for text in written(stage, context(data, tmp_path, seed=seed), data.mined_queries)["text"]
    }
    assert made == set(corpus.values())
    with pytest.raises(InputError, match="no classes of words can be read"):
        neg.TextEdits(attribute_words="nowhere.txt")
