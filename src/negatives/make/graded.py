"""Lists of passages of several levels of relevance, written by a language model in one reply.

Esfandiarpoor et al. 2025, "Beyond Contrastive Learning: Synthetic Data Enables List-wise Training
with Multiple Levels of Relevance" (SyCL): for each query a model writes four passages, from one
that answers it to one that has nothing to do with it. In one reply, so that the levels are relative
to each other. The level that was asked for is kept as the passage's grade. Those of grade 2 and 3
were written to answer: they are no negatives (`meant-relevant`). That the others do not is not
believed either; a judge of the run sees them all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final

import msgspec
from msgspec import Meta

from negatives.make.written import PassageWriter
from negatives.models.language_model import Words
from negatives.opening import Context


class Levels(msgspec.Struct, frozen=True):
    """What a model is to answer: a passage of each level."""

    perfect: str
    high: str
    related: str
    irrelevant: str


GRADES: Final = {"perfect": 3, "high": 2, "related": 1, "irrelevant": 0}
"""Level -> grade."""


class Graded(PassageWriter, kind="graded"):
    """A passage of each of four levels of relevance, 3 to 0, for each query.

    >>> from negatives import Graded
    >>> Graded(model="http://127.0.0.1:8080/v1#qwen", levels=[1, 0]).longest
    900
    """

    levels: Annotated[
        list[Annotated[int, Meta(ge=0, le=3)]],
        Meta(min_length=1, description="grades of the passages that are kept"),
    ] = msgspec.field(default_factory=lambda: [3, 2, 1, 0])

    words: ClassVar[Mapping[str, Words]] = {"make-graded": Words(("query",))}
    reply: ClassVar[type[msgspec.Struct]] = Levels

    @property
    def longest(self) -> int:
        """Four passages."""
        return 900

    def texts_of(
        self, reply: Any, context: Context, query: int
    ) -> Sequence[tuple[str, int | None]]:
        """The passages of the wanted levels, the most relevant first."""
        return [
            (getattr(reply, level), grade)
            for level, grade in GRADES.items()
            if grade in self.levels
        ]
