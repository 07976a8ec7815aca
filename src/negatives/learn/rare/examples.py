"""Vectors and the class of each, and their parts: what learns, what chooses, what tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from negatives.arrays import Floats, Places
from negatives.errors import DataError, InputError
from negatives.models.open_encoder import open_encoder
from negatives.needs import check_needs
from negatives.schema import TEXTS, Collection
from negatives.stats.shuffled import permutation


@dataclass(frozen=True, slots=True)
class Examples:
    """`vectors`: float32[n, dim]; `labels`: the class of each; the last `made` were made.

    >>> import numpy as np
    >>> Examples(np.eye(3, dtype=np.float32), np.array([True, False, False])).counts
    {False: 2, True: 1}
    """

    vectors: Floats
    labels: NDArray[Any]
    made: int = 0

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or len(self.vectors) != len(self.labels):
            raise InputError(
                f"vectors of the shape {self.vectors.shape} and {len(self.labels):,} labels",
                fix="give float[n, dim] and the class of each of the n",
            )
        if not np.isfinite(self.vectors).all():
            raise DataError("some vectors hold no finite number", fix="leave those items out")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def classes(self) -> list[Any]:
        """The classes, sorted."""
        return np.unique(self.labels).tolist()  # type: ignore[no-any-return]

    @property
    def counts(self) -> dict[Any, int]:
        """How many items each class has."""
        names, counts = np.unique(self.labels, return_counts=True)
        return dict(zip(names.tolist(), counts.tolist(), strict=True))

    @property
    def numbers(self) -> Places:
        """int64[n]: the place of each one's class among the sorted classes."""
        return np.unique(self.labels, return_inverse=True)[1].astype(np.int64)

    def at(self, places: Places) -> Examples:
        """Some of them, none of which was made."""
        return Examples(self.vectors[places], self.labels[places])


def one_against_rest(
    collection: Collection, *, encoder: str = "static", doc: str = "", query: str = ""
) -> Examples:
    """What has one label, and the rest: bool labels, and vectors by any encoder.

    `doc`: a label of a collection of texts and their labels; the items are its texts (queries).
    `query`: what documents are relevant to; the items are the documents. An item that nobody has
    judged is taken for one without the label.
    """
    check_needs(collection, TEXTS, "vectors of items")
    if bool(doc) == bool(query):
        raise InputError("neither or both of doc and query", fix="name the one that is the class")
    own, other = ("query_id", "doc_id") if doc else ("doc_id", "query_id")
    table = collection.queries if doc else collection.corpus
    having = collection.qrels.filter(
        pl.col("relevance") > 0, pl.col(other).cast(pl.String) == (doc or query)
    )
    labels = table[own].is_in(having[own].implode()).to_numpy()
    if not labels.any():
        raise DataError(
            f"no item has the label {doc or query!r}",
            where=f"collection {collection.name!r}",
            fix="name the id of one that some items have",
        )
    return Examples(open_encoder(encoder).encode(table["text"].to_list()).vectors, labels)


@dataclass(frozen=True, slots=True)
class Parts:
    """`train` learns, `valid` chooses thresholds and settings, `test` is only looked at.

    Only items that learn may have been made (`smote`): one made from items of two parts would
    carry the answers of one into the other.
    """

    train: Examples
    valid: Examples
    test: Examples

    def __post_init__(self) -> None:
        for name, part in (("valid", self.valid), ("test", self.test)):
            if part.made:
                raise InputError(
                    f"{part.made:,} items of {name} were made", where=name,
                    fix="split items as they are, and make further ones of the part that learns",
                )  # fmt: skip
            if part.vectors.shape[1] != self.train.vectors.shape[1]:
                raise InputError(
                    f"{name} has vectors of another length than train", fix="use one encoder"
                )


def split(examples: Examples, *, seed: int = 0, valid: float = 0.25, test: float = 0.25) -> Parts:
    """Parts in which each class has its share; the same for the same seed and number of items.

    `InputError` where items were made before, and `DataError` where a class has too few for a share
    in each part.
    """
    if examples.made:
        raise InputError(
            f"{examples.made:,} of the items were made before the split",
            where="split",
            fix="split first; then make further items of the part that learns",
        )
    if not (valid > 0 and test > 0 and valid + test < 1):
        raise InputError(f"shares of {valid:g} and {test:g}", fix="above 0, below 1 together")
    order = permutation(len(examples), seed, "rare/split")
    labels = examples.labels[order]
    parts: list[list[Places]] = [[], [], []]
    for name, count in examples.counts.items():
        own = order[labels == name]
        ends = [round(count * test), round(count * test) + round(count * valid)]
        for part, places in zip(parts, np.split(own, ends), strict=True):
            if not len(places):
                raise DataError(
                    f"class {name!r} has {count:,} items, too few for a share of each part",
                    where="split",
                    fix="leave the class out, or collect more of it",
                )
            part.append(places)
    tested, chosen, learned = (examples.at(np.sort(np.concatenate(each))) for each in parts)
    return Parts(learned, chosen, tested)


def learning_part(parts: Parts, what: str) -> Examples:
    """The part that learns; refuses items that no split was made of."""
    if not isinstance(parts, Parts):
        raise InputError(
            f"{what} is given items that were not split",
            where=type(parts).__name__,
            fix="parts = split(examples, seed=0); the test part cannot be oversampled then",
        )
    return parts.train
