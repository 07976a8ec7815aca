"""An ONNX encoder of images: made ready as its settings say, beside an encoder of texts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import negatives as neg
from negatives.errors import DataError, RecipeError
from negatives.models.open_encoder import open_encoder
from negatives.read import load
from tests import pictures

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
image_of = pytest.importorskip("PIL.Image")

SETTINGS = {
    "size": {"shortest_edge": 8}, "crop_size": {"height": 8, "width": 8}, "do_center_crop": True,
    "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.25, 0.5], "resample": 3,
}  # fmt: skip


def vision(folder: Path, settings: dict[str, object] | None = None) -> Path:
    """A graph whose vector is the mean of each colour, 48 times over where `wide`."""
    folder.mkdir(parents=True, exist_ok=True)
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["pixel_values"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["image_embeds"]),
        ],
        "vision",
        [helper.make_tensor_value_info("pixel_values", kind, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info("image_embeds", kind, ["n", 3])],
    )
    opset = [helper.make_opsetid("", 17)]
    path = folder / "vision.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), str(path))
    if settings is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps(settings), "utf-8")
    return path


def test_images_are_made_ready_as_the_settings_say(tmp_path: Path) -> None:
    path = vision(tmp_path / "onnx", SETTINGS)
    pixels = np.zeros((8, 24, 3), np.uint8)
    pixels[:, :8] = (255, 0, 0)  # cut off
    pixels[:, 8:16] = (255, 102, 0)  # the middle, which is kept
    image_of.fromarray(pixels).save(tmp_path / "wide.png")
    made = open_encoder(f"{path}?images").encode([str(tmp_path / "wide.png"), ""]).vectors
    # Bicubic scaling is none here: the shorter side has 8 pixels.
    np.testing.assert_allclose(made[0], [1.0, (0.4 - 0.5) / 0.25, -1.0], atol=1e-6)
    np.testing.assert_allclose(made[1], [1.0, 2.0, 1.0], atol=1e-6)


def test_images_are_searched_for_like_images(tmp_path: Path) -> None:
    """With images on both sides: a query finds the image of its own colour."""
    made = pictures.folder(tmp_path / "made")
    names = [f"{colour}-square-0" for colour in pictures.COLOURS]
    for name in ("corpus", "queries"):
        rows = [{"_id": f"{name}-{each}", "image": f"images/{each}.png"} for each in names]
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (made / f"{name}.jsonl").write_text(lines, "utf-8")
    (made / "qrels").mkdir()
    judged = [f"queries-{each}\tcorpus-{each}\t1" for each in names]
    (made / "qrels" / "test.tsv").write_text(
        "\n".join(["query-id\tcorpus-id\tscore", *judged]) + "\n", "utf-8"
    )
    path = vision(tmp_path / "onnx", SETTINGS)
    found = neg.evaluate(f"{path}?images", load(f"{made}@test"), metrics=["Success@1"])
    assert found.per_query["Success@1"].to_list() == [1.0] * 4


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    bare = vision(tmp_path / "bare")
    with pytest.raises(DataError, match=r"no preprocessor_config\.json"):
        open_encoder(f"{bare}?images")
    path = vision(tmp_path / "onnx", SETTINGS)
    with pytest.raises(DataError, match=r"have 3 numbers, and those of texts 256"):
        open_encoder(f"{path}?images&text=static")
    for options in ("text=static", "images&int8"):
        with pytest.raises(RecipeError, match="are mixed"):
            open_encoder(f"{path}?{options}")
    vision(tmp_path / "onnx", SETTINGS | {"crop_size": {"height": 8, "width": 4}})
    with pytest.raises(DataError, match="which is no square"):
        open_encoder(f"{path}?images")
    vision(tmp_path / "onnx", {"image_mean": [0, 0, 0]})
    with pytest.raises(DataError, match="not a usable preprocessor_config"):
        open_encoder(f"{path}?images")
