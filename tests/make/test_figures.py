"""Figures of geometry: what is wrong in one is wrong, and is drawn so."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import negatives as neg
from negatives.errors import InputError
from negatives.make.figures import BROADER, RULES, SHAPES, Figures, canonical, unlike_shapes
from tests.cli.commands import negatives

FAMILIES = Figures(families=50)


@pytest.mark.recipe("mmgeolm")
def test_corners_read_from_another_or_the_other_way_round_are_the_same_figure() -> None:
    assert canonical("ABCD") == canonical("CDAB") == canonical("DCBA")
    assert canonical("CBDA") != canonical("ABCD")
    assert len({canonical("".join(each)) for each in permutations("ABCD")}) == 3


@given(st.text("ABCDE", min_size=3, max_size=6), st.integers(0, 5), st.booleans())
def test_every_way_to_read_them_has_one_form(labels: str, turn: int, back: bool) -> None:
    turned = labels[turn % len(labels) :] + labels[: turn % len(labels)]
    assert canonical(turned[::-1] if back else turned) == canonical(labels)


@pytest.mark.recipe("mmgeolm")
def test_a_wrong_figure_differs_in_one_fact_and_brings_no_letter() -> None:
    seen = set()
    for number in range(200):
        family = FAMILIES.family(number, seed=1)
        right = family.pop("right")
        for rule, wrong in family.items():
            seen.add(rule)
            assert wrong.fact != right.fact
            unlike = [a != b for a, b in zip(right.fact, wrong.fact, strict=True)]
            assert unlike == [rule == each for each in RULES]
            assert sorted(wrong.labels) == sorted(right.labels)
            if rule == "labels":
                assert sum(a != b for a, b in zip(right.labels, wrong.labels, strict=True)) >= 2
    assert seen == {*RULES}


def test_no_shape_is_called_by_what_it_is_as_well() -> None:
    for shape in SHAPES:
        for other in unlike_shapes(shape):
            assert other not in BROADER.get(shape, ())
            assert shape in unlike_shapes(other)
    assert unlike_shapes("square") == ["trapezium"]
    for sides, shape in ((4, "square"), (2, "rectangle"), (4, "rhombus")):
        at = np.array(SHAPES[shape])
        lengths = np.linalg.norm(at - np.roll(at, -1, axis=0), axis=1).round(6)
        assert np.unique(lengths, return_counts=True)[1].tolist() in ([sides], [2, 2])
    at = np.array(SHAPES["equilateral triangle"])
    assert np.ptp(np.linalg.norm(at - np.roll(at, -1, axis=0), axis=1)) < 0.01


def test_each_is_right_of_its_own_description_and_wrong_of_its_familys(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    counts = Figures(families=8, size=64).write(tmp_path / "f", seed=3)
    rows = [json.loads(line) for line in (tmp_path / "f/train.jsonl").read_text().splitlines()]
    assert counts["train"] == len(rows)
    assert len({row["image"].split("-")[0] for row in rows}) == 6
    data = neg.Collection.load(f"{tmp_path}/f@train")
    found = {(q, d): r for q, d, r in data.qrels.rows()}
    text = dict(data.queries.select("text", "query_id").rows())
    for row in rows:
        assert found[text[row["caption"]], row["image"]] == 1
        for wrong in row["negative_caption"]:
            assert found[text[wrong], row["image"]] == 0
    run = neg.mine(data, tmp_path / "run", recipe="mmgeolm")
    firsts = run.negatives.filter(run.negatives["sources"].list.contains("judged"))
    assert len(firsts) > len(rows)


def test_an_image_shows_what_its_description_says_and_the_same_seed_the_same(
    tmp_path: Path,
) -> None:
    pytest.importorskip("PIL")
    from PIL import Image

    for name in ("a", "b"):
        Figures(families=4).write(tmp_path / name, seed=2)
    for path in sorted((tmp_path / "a/images").iterdir()):
        assert path.read_bytes() == (tmp_path / "b/images" / path.name).read_bytes()
        pixels = np.asarray(Image.open(path)).astype(int)
        assert pixels.shape == (96, 96, 3)
        red = (pixels[..., 0] - pixels[..., 1] > 100).sum()
        dark = (pixels.sum(2) < 200).sum()
        assert red > 5, "the number"
        assert dark > 80, "lines and letters"
        other = path.name.split("-")[0] + "-right.png"
        if other != path.name:
            right = np.asarray(Image.open(path.with_name(other))).astype(int)
            assert (right != pixels).any(), "what is wrong can be seen"


def test_the_command_draws_and_refuses_what_makes_no_sense(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    done = negatives("data", "figures", "-o", tmp_path / "f", "--families", "4", "--wrong", "1")
    assert done.returncode == 0, done.stderr
    assert "6 figures in train" in done.stdout
    again = negatives("data", "figures", "-o", tmp_path / "f")
    assert again.returncode == 2
    bad = negatives("data", "figures", "-o", tmp_path / "g", "--wrong", "9")
    assert bad.returncode == 2
    assert "1 to 3 wrong ones" in bad.stderr
    with pytest.raises(InputError, match="not empty"):
        Figures(families=4).write(tmp_path / "f")
