"""Near-duplicate images: what counts as one image, and what does not."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import negatives as neg
from negatives.errors import DataError
from negatives.judge.same_image import SameImage, differing, hashes
from negatives.machine import Machine
from negatives.opening import JudgeContext
from negatives.read import load
from tests import pictures

image_of = pytest.importorskip("PIL.Image")


def test_bits_that_differ_are_counted_as_one_by_one() -> None:
    draw = np.random.default_rng(0)
    left, right = draw.integers(0, 256, (2, 50, 8)).astype(np.uint8)
    naive = [
        sum((int(a) ^ int(b)).bit_count() for a, b in zip(one, two, strict=True))
        for one, two in zip(left, right, strict=True)
    ]
    assert differing(left, right).tolist() == naive


@given(st.integers(0, 10_000), st.floats(0.2, 1.0), st.floats(-40, 40))
@settings(max_examples=40, deadline=None)
def test_light_and_contrast_change_no_bit(seed: int, contrast: float, light: float) -> None:
    image = np.random.default_rng(seed).uniform(60, 200, (1, 32, 32)).astype(np.float32)
    changed = (image - 128) * np.float32(contrast) + np.float32(128 + light)
    assert differing(hashes(image), hashes(changed)).tolist()[0] <= 2


def folder(path: Path) -> Path:
    """A photograph-like image, the same smaller and as JPEG, darker colours, and another one."""
    draw = np.random.default_rng(3)
    path.mkdir()
    coarse = draw.integers(0, 255, (8, 8, 3)).astype(np.uint8)
    image = image_of.fromarray(coarse).resize((128, 128), image_of.Resampling.BICUBIC)
    image.save(path / "image.png")
    image.resize((70, 60)).save(path / "small.png")
    image.save(path / "again.jpg", quality=60)
    pixels = np.asarray(image)
    image_of.fromarray(pixels[:, :, ::-1].copy()).save(path / "colours.png")
    image_of.fromarray(pixels[::-1].copy()).save(path / "turned.png")
    names = ("image.png", "small.png", "again.jpg", "colours.png", "turned.png")
    rows = [f'{{"image": "{name}", "caption": "this is {name}"}}' for name in names]
    (path / "rows.jsonl").write_text("\n".join(rows) + "\n", "utf-8")
    return path


def told(path: Path, stage: SameImage, scratch: Path) -> dict[str, str | None]:
    """What is said of each image as a candidate of the first one's caption."""
    data = load(path)
    text = dict(data.queries.select("text").with_row_index("query").select("text", "query").rows())
    query = text["this is image.png"]
    rows = pl.DataFrame({"doc": range(len(data.corpus))}, schema={"doc": pl.UInt32}).with_columns(
        query=pl.lit(query, pl.UInt32)
    )
    rows = rows.join(data.judged, on=["query", "doc"], how="left", maintain_order="left")
    scratch.mkdir(exist_ok=True)
    context = JudgeContext(data, scratch, Machine())
    said = stage.open(context).judge(rows)
    return dict(zip(data.corpus["doc_id"], said["reason"], strict=True))


def test_copies_are_told_whatever_their_size_and_format(tmp_path: Path) -> None:
    said = told(folder(tmp_path / "made"), SameImage(), tmp_path / "scratch")
    for name in ("small.png", "again.jpg"):
        assert "differ from positive image.png" in str(said[name]), (name, said)
    for name in ("image.png", "colours.png", "turned.png"):
        assert said[name] is None, (name, said)


def test_colours_count_unless_they_are_not_to(tmp_path: Path) -> None:
    made = pictures.folder(tmp_path / "made")
    rows = [
        '{"image": "images/red-disc-0.png", "caption": "this is image.png"}',
        *(
            f'{{"image": "images/{name}-0.png", "caption": "{name}"}}'
            for name in ("blue-disc", "green-disc", "red-square", "red-bar")
        ),
    ]
    (made / "train.jsonl").write_text("\n".join(rows) + "\n", "utf-8")
    (made / "dev.jsonl").unlink()
    strict = told(made, SameImage(), tmp_path / "a")
    loose = told(made, SameImage(colour=255.0, distance=8), tmp_path / "b")
    assert strict["images/blue-disc-0.png"] is None
    assert loose["images/blue-disc-0.png"] is not None
    assert loose["images/red-bar-0.png"] is None


def test_a_run_sets_copies_aside_and_says_so(tmp_path: Path) -> None:
    run = neg.mine(
        load(folder(tmp_path / "made")), tmp_path / "run",
        sources=[neg.Random(top=4)], judges=[SameImage()], pick=neg.RandomPick(per_query=2),
    )  # fmt: skip
    asked = load(tmp_path / "made").queries.filter(pl.col("text") == "this is image.png")
    kept = run.negatives.filter(pl.col("query_id") == asked["query_id"][0])["doc_id"]
    assert set(kept) == {"colours.png", "turned.png"}


def test_without_images_it_is_refused_before_work(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="same-image needs the image of the documents"):
        neg.mine(load("cranfield"), tmp_path / "run", sources=[neg.BM25(top=5)],
                 judges=[SameImage()])  # fmt: skip


def test_real_flags_of_one_image_are_found_and_others_are_not(tmp_path: Path) -> None:
    """France and Clipperton Island have one flag; the Netherlands and Russia have others."""
    packed = Path(os.environ.get("NEGATIVES_DATA", "../shared/data")) / "emoji_noto.tar.xz"
    if not packed.is_file():
        pytest.skip("set NEGATIVES_DATA to a folder that holds emoji_noto.tar.xz")
    flags = {"france": "1f1eb-1f1f7", "clipperton": "1f1e8-1f1f5", "netherlands": "1f1f3-1f1f1",
             "russia": "1f1f7-1f1fa"}  # fmt: skip
    made, rows = tmp_path / "made", []
    made.mkdir()
    with tarfile.open(packed) as files:
        for name, code in flags.items():
            image = files.extractfile(f"emoji_noto/images/{code}.png")
            assert image is not None
            (made / f"{name}.png").write_bytes(image.read())
            said = "this is image.png" if name == "france" else name
            rows.append(f'{{"image": "{name}.png", "caption": "{said}"}}')
    (made / "rows.jsonl").write_text("\n".join(rows) + "\n", "utf-8")
    said_of = told(made, SameImage(), tmp_path / "scratch")
    assert [name for name, reason in said_of.items() if reason] == ["clipperton.png"]
