"""Images of every kind that pillow opens come out alike; what is none is named."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from negatives.errors import DataError
from negatives.models.images import squares
from negatives.read.images import opened
from tests.each import for_each

RAMP = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (48, 1))
GREY = Image.fromarray(RAMP)
SHAPES = [
    (GREY, "png", {}),
    (GREY.convert("RGB"), "png", {}),
    (GREY.convert("LA"), "png", {}),
    (GREY.convert("P"), "png", {}),
    (GREY.convert("RGB").convert("CMYK"), "tiff", {}),
    (GREY.convert("RGB").convert("CMYK"), "jpeg", {"quality": 95}),
    (GREY, "gif", {}),
    (GREY, "gif", {"save_all": True, "append_images": [GREY.point(lambda _: 0)]}),
    (GREY, "webp", {"lossless": True}),
    (Image.fromarray(RAMP.astype(np.uint16) * 257), "png", {}),
    (Image.fromarray(RAMP.astype(np.uint16) * 257), "tiff", {}),
    (Image.fromarray((RAMP.astype(">u2") * 257).astype(">u2")), "tiff", {}),
]


def written(image: Any, form: str, **options: Any) -> bytes:
    into = BytesIO()
    image.save(into, form, **options)
    return into.getvalue()


@for_each(("image", "form", "options"), SHAPES, ids=[f"{a.mode}.{b}" for a, b, _ in SHAPES])
def test_a_ramp_of_grey_is_one_in_every_kind_of_file(
    image: Any, form: str, options: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "ramp.png"  # whatever its name says
    path.write_bytes(written(image, form, **options))
    found = np.asarray(opened(str(path))).astype(int)
    assert found.shape == (48, 64, 3)
    assert np.abs(found - RAMP[:, :, None].astype(int)).max() <= 4


def test_an_image_of_one_pixel_fills_its_square(tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(written(Image.new("RGB", (1, 1), (7, 8, 9)), "png"))
    assert squares([str(tmp_path / "one.png")], 4).reshape(-1, 3).tolist() == [[7, 8, 9]] * 16


PNG = written(GREY, "png")
BROKEN = {
    "empty": b"",
    "cut": PNG[: len(PNG) // 2],
    "a text": b"hello",
    "a page": b"<html>404</html>",
    "no pixels": PNG[:16] + b"\0\0\0\0" + PNG[20:],
    "32 bits of no known range": written(Image.fromarray(RAMP.astype(np.int32) * 70_000), "tiff"),
    "fractions of no known range": written(Image.fromarray(RAMP.astype(np.float32)), "tiff"),
}


@for_each("content", [*BROKEN.values()], ids=BROKEN)
def test_what_is_no_image_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match="the image cannot be read") as caught:
        opened(str(path))
    assert caught.value.where == str(path)
    assert "take its row out" in (caught.value.fix or "")
