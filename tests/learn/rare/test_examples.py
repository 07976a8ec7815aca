"""Items in parts: each class in each, nothing made in what chooses or tests."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from negatives.errors import DataError, InputError
from negatives.learn.rare.examples import Examples, Parts, one_against_rest, split
from negatives.read import load
from tests.learn.rare.toys import blobs, rare


def test_every_item_is_in_one_part_and_each_class_has_its_share() -> None:
    whole = rare(400, 0.1)
    parts = split(whole, seed=3)
    each = (parts.train, parts.valid, parts.test)
    assert [part.counts for part in each] == [
        {False: 180, True: 20}, {False: 90, True: 10}, {False: 90, True: 10}
    ]  # fmt: skip
    rows = np.concatenate([part.vectors for part in each])
    assert sorted(map(tuple, rows.tolist())) == sorted(map(tuple, whole.vectors.tolist()))


def test_a_seed_draws_the_same_parts_and_another_seed_others() -> None:
    whole = rare(100)
    first, same, other = (split(whole, seed=seed).test.vectors for seed in (1, 1, 2))
    assert (first == same).all()
    assert (first != other).any()


def test_items_that_were_made_are_refused_before_a_split_and_outside_of_what_learns() -> None:
    whole = rare(40)
    made = Examples(whole.vectors, whole.labels, made=3)
    with pytest.raises(InputError, match="3 of the items were made before the split"):
        split(made)
    for parts in ((whole, made, whole), (whole, whole, made)):
        with pytest.raises(InputError, match=r"3 items of (valid|test) were made"):
            Parts(*parts)


def test_a_class_of_too_few_is_named() -> None:
    with pytest.raises(DataError, match="class 1 has 1 items, too few"):
        split(blobs([[0, 0], [1, 1]], [20, 1]))


def test_items_of_a_collection_are_its_texts_by_label_or_its_documents_by_query(
    tmp_path: Path,
) -> None:
    rows = [
        {"_id": "7zip", "text": "a file archiver", "labels": [0, 2]},
        {"_id": "gimp", "text": "an editor of pictures", "labels": [1]},
        {"_id": "true", "text": "does nothing", "labels": [2]},
    ]
    labels = [{"_id": n, "label": name} for n, name in enumerate(("archives", "pictures", "shell"))]
    for name, lines in (("train", rows), ("labels", labels)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in lines))
    data = load(tmp_path)
    found = one_against_rest(data, doc="2")
    assert dict(zip(data.queries["query_id"], found.labels.tolist(), strict=True)) == {
        "7zip": True, "gimp": False, "true": True
    }  # fmt: skip
    documents = one_against_rest(data, query="gimp")
    assert dict(zip(data.corpus["doc_id"], documents.labels.tolist(), strict=True)) == {
        "0": False, "1": True, "2": False
    }  # fmt: skip
    with pytest.raises(DataError, match="no item has the label '9'"):
        one_against_rest(data, doc="9")
    with pytest.raises(InputError, match="neither or both"):
        one_against_rest(data)
