"""Captions of images: which files are read so, what they become, and what is refused."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from negatives import Random, Top, mine
from negatives.errors import DataError, RunError
from negatives.read import load, splits, validate
from negatives.read.convert import convert
from negatives.read.split import split
from negatives.read.turned import turned
from negatives.schema import Collection
from tests import pictures
from tests.cli.commands import negatives


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def pairs(data: Collection) -> set[tuple[str, str, int]]:
    """(caption, image, relevance) of a collection whose queries are captions."""
    texts = dict(data.queries.select("query_id", "text").iter_rows())
    return {(texts[query], doc, grade) for query, doc, grade in data.qrels.iter_rows()}


ROWS: list[dict[str, Any]] = [
    {"image": "a.jpg", "caption": ["a dog runs", "a brown dog"], "negative_caption": "a cat runs"},
    {"image": "b.jpg", "caption": "a dog runs", "negative_caption": None},
    {"image": "a.jpg", "caption": "a running dog", "negative_caption": "a brown cat"},
]
PAIRS = {
    ("a dog runs", "a.jpg", 1), ("a brown dog", "a.jpg", 1), ("a running dog", "a.jpg", 1),
    ("a dog runs", "b.jpg", 1), ("a cat runs", "a.jpg", 0), ("a brown cat", "a.jpg", 0),
}  # fmt: skip


def test_captions_are_queries_and_images_documents_by_their_paths(tmp_path: Path) -> None:
    data = load(write(tmp_path / "pairs.jsonl", ROWS))
    assert pairs(data) == PAIRS
    assert data.identity == "id"
    assert len(data.queries) == 5  # captions of one text are one query
    assert not data.has("docs", "image")  # none is there
    assert "no image is there" in data.notes[0]
    assert "'a.jpg'" in data.notes[0]
    assert any("wrong of their images, and right of none" in note for note in data.notes)


def test_names_of_columns_that_others_use(tmp_path: Path) -> None:
    named: list[dict[str, Any]] = [
        {"filepath": "a.jpg", "title": "a dog"},
        {"coco_val2017_file": "a.jpg", "id": "0", "category": "add", "caption": "a dog"},
        {"_id": "a", "image": "a.PNG", "name": "a dog", "keywords": ["dog", "pet"]},
        {"image_file": "a.webp", "sentences": ["a dog"], "foil": "a cat", "mturk": {"foil": 0}},
        {"file_name": "x/a.jpeg", "text": "a dog", "split_of": "none"},
    ]
    for number, row in enumerate(named):
        data = load(write(tmp_path / f"{number}" / "rows.jsonl", [row]))
        assert data.queries.filter(pl.col("text") == "a dog").height == 1, row
    for ending, apart in ((".csv", ","), (".tsv", "\t")):
        path = tmp_path / f"open_clip{ending}"
        lines = [apart.join(each) for each in (("filepath", "title"), ("a.jpg", "a dog"))]
        path.write_text("\n".join(lines) + "\n", "utf-8")
        assert pairs(load(path)) == {("a dog", "a.jpg", 1)}


def test_other_files_are_read_as_before(tmp_path: Path) -> None:
    """A path is no image, a column of pairs wins, and two columns of images are not guessed at."""
    rows = [
        {"image": "a.jpg", "query": "a dog", "positive": "dogs run"},
        {"query": "which file?", "positive": "a.jpg", "name": "it"},
    ]
    for number, row in enumerate(rows):
        data = load(write(tmp_path / f"{number}.jsonl", [row, row]))
        assert data.identity == "text", row
    two = [{"image": "a.jpg", "other": "b.jpg", "caption": "a dog"}]
    with pytest.raises(DataError):
        load(write(tmp_path / "two.jsonl", two))


def test_what_is_wrong_is_told_with_its_line(tmp_path: Path) -> None:
    sound = {"image": "a.jpg", "caption": "a dog"}
    for bad, said in (
        ({"image": "b.jpg", "caption": 7}, "a caption must be a text or a list of texts"),
        ({"image": "b.jpg", "caption": [" "]}, "has no caption"),
        ({"image": "", "caption": "a dog"}, "no path"),
    ):
        path = write(tmp_path / "rows.jsonl", [*[sound] * 60, bad])
        with pytest.raises(DataError, match=said) as caught:
            load(path)
        assert "line 61" in str(caught.value.where)
        kept = load(path, quarantine=tmp_path / "aside.jsonl")
        assert len(kept.corpus) == 1


def test_an_image_that_is_missing_among_others_is_an_error(tmp_path: Path) -> None:
    made = pictures.folder(tmp_path / "made")
    (made / "images" / "red-disc-1.png").unlink()
    with pytest.raises(DataError, match="names an image that is not there") as caught:
        load(made)
    assert "red-disc-1.png" in str(caught.value.where)
    found = validate(made)
    assert [each["kind"] for each in found["problems"]] == ["no-image"]


def test_images_that_cannot_be_read_are_listed_by_validate(tmp_path: Path) -> None:
    made = pictures.folder(tmp_path / "made")
    images = made / "images"
    whole = (images / "red-disc-1.png").read_bytes()
    (images / "red-disc-1.png").write_bytes(whole[: len(whole) // 2])
    (images / "red-bar-1.png").write_bytes(b"")
    (images / "blue-bar-1.png").write_text("a text")
    (images / "blue-bar-4.png").write_text("of the other split")
    (problem,) = validate(f"{made}@train")["problems"]
    assert problem["what"] == "3 of 48 images cannot be read"
    assert {Path(each["file"]).stem: each["reason"] for each in problem["first"]} == {
        "blue-bar-1": "it is no image that pillow knows",
        "red-bar-1": "the file is empty",
        "red-disc-1": "image file is truncated",
    }
    told = negatives("data", "validate", f"{made}@train")
    assert told.returncode == 2
    assert f"where: {images / 'blue-bar-1.png'}: it is no image that pillow knows" in told.stdout
    assert "fix:   replace each by a sound PNG" in told.stdout


def test_without_pillow_validate_says_that_no_image_was_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = pictures.folder(tmp_path / "made")
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    found = validate(f"{made}@train")
    assert found["ok"]
    assert "no image was opened: PIL.Image is not installed: pip install" in str(
        found["description"]["notes"]
    )


def test_an_image_without_a_caption_is_told_what_it_lacks(tmp_path: Path) -> None:
    for row in ({"image": "z.jpg", "caption": ""}, {"image": "", "caption": "a dog"}):
        with pytest.raises(DataError, match="row lacks an image or a caption") as caught:
            load(write(tmp_path / "rows.jsonl", [*ROWS, row]))
        assert "at least one caption" in str(caught.value.fix)


def test_a_run_whose_images_are_gone_is_told_so(tmp_path: Path) -> None:
    made = pictures.folder(tmp_path / "made")
    run = mine(
        f"{made}@train",
        tmp_path / "run",
        sources=[Random(top=3)],
        pick=Top(per_query=1, by="random_rank"),
    )
    shutil.rmtree(made / "images")
    told = negatives("lint", run.path)
    assert told.returncode == 2
    assert "not what the run was made from: the documents have no image any more" in told.stderr


def test_an_image_that_is_another_since_a_run_makes_it_another_run(tmp_path: Path) -> None:
    made = pictures.folder(tmp_path / "made")

    def mined() -> None:
        sources, pick = [Random(top=3)], Top(per_query=1, by="random_rank")
        mine(f"{made}@train", tmp_path / "run", sources=sources, pick=pick)

    mined()
    mined()  # nothing has changed
    shutil.copy(made / "images" / "red-disc-1.png", made / "images" / "blue-bar-1.png")
    with pytest.raises(RunError, match="what the images of the documents show, which has changed"):
        mined()
    # Nor does anybody who learns from the run, or passes it on, take the one for the other.
    for words in (
        ("export", tmp_path / "run", "-f", "triplet", "-o", tmp_path / "out.parquet"),
        ("train", tmp_path / "run", "--recipe", "clip", "--out", tmp_path / "model"),
    ):
        told = negatives(*words)
        assert told.returncode == 2
        assert "made from: what the images of the documents show changed" in told.stderr
    assert negatives("report", tmp_path / "run").returncode == 0


def test_what_is_said_rightly_and_wrongly_of_an_image_is_right(tmp_path: Path) -> None:
    rows = [{"image": "a.jpg", "caption": "a man", "negative_caption": "a man"}, *ROWS]
    data = load(write(tmp_path / "rows.jsonl", rows))
    assert ("a man", "a.jpg", 1) in pairs(data)
    assert any("count as right" in each or "counts as right" in each for each in data.notes)


def test_paths_begin_at_the_folder_and_follow_what_is_written(tmp_path: Path) -> None:
    made = pictures.folder(tmp_path / "made")
    data = load(f"{made}@train")
    assert splits(made) == ["dev", "train"]
    assert len(data.corpus) == 48
    for path in data.image_paths("docs"):
        assert Path(path).is_file()
    again = load(convert(data, tmp_path / "elsewhere" / "beir"))
    assert [Path(path).resolve() for path in again.image_paths("docs")] == [
        Path(path).resolve() for path in data.image_paths("docs")
    ]
    assert pairs(again) == pairs(data)


def test_captions_of_one_image_stay_on_one_side(tmp_path: Path) -> None:
    data = load(f"{pictures.folder(tmp_path / 'made')}@train")
    sides = split(data, dev=0.4).sides
    shown = [set(side.qrels["doc_id"]) for side in sides.values()]
    assert shown[0]
    assert shown[1]
    assert not shown[0] & shown[1]


def test_reverse_turns_any_pairs_round(tmp_path: Path) -> None:
    made = pictures.folder(tmp_path / "made")
    plain, reverse = load(f"{made}@train"), load(f"reverse:{made}@train")
    assert reverse.corpus["text"].sort().equals(plain.queries["text"].sort())
    assert reverse.has("queries", "image")
    assert turned(reverse).qrels.equals(plain.qrels)
    assert load(reverse.origin).qrels.equals(reverse.qrels)
    cranfield = load("reverse:cranfield")
    assert len(cranfield.corpus) == len(load("cranfield").queries)
    for bad in (f"reverse:reverse:{made}", f"reverse:{tmp_path / 'none'}"):
        with pytest.raises(DataError):
            load(bad)
