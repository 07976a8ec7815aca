"""Near-duplicates of a positive among images, by a perceptual hash and by colour.

The hash says where an image is lighter than elsewhere in it, and so does not change with its size,
its compression or its brightness; colour, which the hash does not see, is compared besides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

import numpy as np
import polars as pl
from msgspec import Meta
from numpy.typing import NDArray
from scipy.fft import dctn

from negatives.arrays import Doubles, Floats
from negatives.events import Progress
from negatives.models.images import check_there, file_keys, squares
from negatives.opening import JudgeContext
from negatives.schema import DUPLICATE, Needs
from negatives.stage import Judge
from negatives.store.atomic import writing
from negatives.store.mapped import open_array

_SIDE: Final = 32
"""Pixels of the height and width that are looked at."""
_LOW: Final = 8
"""Frequencies of each direction that are kept, the mean's left out."""
_THUMB: Final = 8
"""Pixels of the height and width that colours are compared at."""
_BLOCK: Final = 1024
_PAIRS: Final = 1 << 16

Bits = NDArray[np.uint8]
Thumbs = NDArray[np.uint8]


class SameImage(Judge, kind="same-image"):
    """Candidates whose image is nearly that of a positive: the identity rule of images.

    The hash has 64 bits: which of the lowest 8 by 8 frequencies of a discrete cosine transform of
    the grey image, 32 pixels wide, are above their median (pHash; Zauner 2010). Images are one
    where few bits differ and where the colours of 8 by 8 squares do, on average, by little. A
    variant in another colour is another image, unless `colour` is raised.

    >>> import numpy as np
    >>> from negatives.judge.same_image import differing, hashes
    >>> image, other = np.random.default_rng(0).uniform(0, 255, (2, 32, 32)).astype(np.float32)
    >>> bits = hashes(np.stack([image, image / 3 + 20, other]))
    >>> differing(bits[[0, 0]], bits[[1, 2]]).tolist()  # the same, darker and paler; and another
    [0, 34]
    """

    rules: ClassVar[Mapping[str, str]] = {"same-image": "images that are nearly a positive's"}

    distance: Annotated[
        int, Meta(ge=0, le=32, description="bits of 64 that may differ between copies of an image")
    ] = 6
    colour: Annotated[
        float,
        Meta(ge=0, le=255, description="levels of 255 that copies may differ by, on average"),
    ] = 12.0

    @property
    def needs(self) -> Needs:
        """Images of the documents."""
        return Needs(docs=("image",), instead="leave same-image out: it compares images")

    @property
    def fix(self) -> str:
        """Lower the distance."""
        return f"lower same-image distance below {self.distance}" if self.distance else ""

    @property
    def copies(self) -> pl.Expr:
        """Near enough, in light and in colour."""
        return pl.col("image_distance") <= self.distance

    def open(self, context: JudgeContext) -> SameImageRuling:
        """Hash every image once, into the scratch folder."""
        collection = context.collection
        paths = collection.image_paths("docs")
        check_there(paths, collection.corpus["doc_id"], "corpus")
        key = hashlib.blake2b(file_keys(paths).tobytes(), digest_size=8).hexdigest()
        files = [context.scratch / f"images-{part}-{key}.npy" for part in ("bits", "colours")]
        if not all(file.exists() for file in files):
            for file, array in zip(files, _hashed(paths.to_list(), context), strict=True):
                with writing(file) as temporary, temporary.open("wb") as opened:
                    np.save(opened, array, allow_pickle=False)
        bits, thumbs = map(open_array, files)
        there = (paths != "").to_numpy()
        return SameImageRuling(self, bits, thumbs, there, collection.corpus["doc_id"])


def _hashed(paths: list[str], context: JudgeContext) -> tuple[Bits, Thumbs]:
    """uint8[n, 8] of 64 bits each; uint8[n, 8, 8, 3] of colours."""
    bits, thumbs = np.empty((len(paths), 8), np.uint8), np.empty((len(paths), 8, 8, 3), np.uint8)
    for start in range(0, len(paths), _BLOCK):
        context.emit(Progress("hash images", start, len(paths), "images"))
        part = slice(start, start + _BLOCK)
        seen = squares(paths[part], _SIDE)
        bits[part] = hashes(_grey(seen))
        of_four = _SIDE // _THUMB
        thumbs[part] = seen.reshape(-1, _THUMB, of_four, _THUMB, of_four, 3).mean((2, 4)).round()
    context.emit(Progress("hash images", len(paths), len(paths), "images"))
    return bits, thumbs


def _grey(pixels: NDArray[np.uint8]) -> Floats:
    """float32[n, side, side]: how light, by the weights of ITU-R BT.601."""
    made: Floats = pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    return made


def hashes(grey: Floats) -> Bits:
    """uint8[n, 8]: 64 bits of each image of float[n, 32, 32]; of one colour alone: no bit."""
    low: Doubles = dctn(grey.astype(np.float64), axes=(1, 2), norm="ortho")[:, :_LOW, :_LOW]
    flat = low.reshape(len(low), -1).round(6)  # what is nought but for rounding is nought
    flat[:, 0] = 0.0  # the mean
    above = flat > np.median(flat, axis=1, keepdims=True)
    return np.packbits(above, axis=1)


def differing(left: Bits, right: Bits) -> NDArray[np.int64]:
    """int64[n]: how many of the 64 bits differ, pair by pair."""
    made: NDArray[np.int64] = np.unpackbits(left ^ right, axis=1).sum(1, dtype=np.int64)
    return made


@dataclass(frozen=True, slots=True)
class SameImageRuling:
    """Hashes and colours of the images of one corpus, memory-mapped, by row."""

    stage: SameImage
    bits: Bits
    thumbs: Thumbs
    there: NDArray[np.bool_]
    ids: pl.Series

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """`image_distance`: bits by which it differs from the closest other positive whose colours
        are near; null where none is. A verdict on what nobody judged.
        """
        numbered = rows.select("query", "doc", "relevance").with_row_index("place")
        positives = numbered.filter(pl.col("relevance") > 0).select("query", positive="doc")
        pairs = numbered.join(positives, on="query", maintain_order="left").filter(
            pl.col("doc") != pl.col("positive")
        )
        closest = (
            pairs.select("place", "positive")
            .with_columns(image_distance=self._distances(pairs))
            .drop_nulls("image_distance")
            .sort("place", "image_distance", "positive")
            .unique("place", keep="first", maintain_order=True)
        )
        found = numbered.join(closest, on="place", how="left", maintain_order="left")
        found = found.with_columns(of=self.ids.gather(found["positive"]))
        copy = self.stage.copies & pl.col("relevance").is_null()
        said = pl.format(
            "same-image: {} of 64 bits differ from positive {}", "image_distance", "of"
        )
        return found.select(
            "image_distance",
            verdict=pl.when(copy).then(pl.lit(DUPLICATE)),
            reason=pl.when(copy).then(said),
        )

    def _distances(self, pairs: pl.DataFrame) -> pl.Series:
        """uint8, null where colours are far apart, or where one of the two has no image."""
        doc, positive = pairs["doc"].to_numpy(), pairs["positive"].to_numpy()
        bits, near = np.empty(len(pairs), np.uint8), np.empty(len(pairs), np.bool_)
        for start in range(0, len(pairs), _PAIRS):
            part = slice(start, start + _PAIRS)
            left, right = doc[part], positive[part]
            bits[part] = differing(self.bits[left], self.bits[right])
            apart = self.thumbs[left].astype(np.int16) - self.thumbs[right]
            near[part] = np.abs(apart).mean((1, 2, 3)) <= self.stage.colour
            near[part] &= self.there[left] & self.there[right]
        made = pl.Series("image_distance", bits, dtype=pl.UInt8)
        return pl.select(pl.when(pl.Series(near)).then(made)).to_series()
