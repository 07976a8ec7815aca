"""One stage of each section, and a format, as another package would write them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Floats, Places, Rows
from negatives.batch.epochs import Ordering, Orders
from negatives.batch.examples import Examples
from negatives.batch.order import cut
from negatives.choose.chooser import Chooser, Pool
from negatives.estimation import Estimation, Fitted
from negatives.events import Emit
from negatives.export.ask import Ask, Format
from negatives.find.candidates import COLUMNS
from negatives.generator import Generator
from negatives.learn.encoder import EncoderTraining
from negatives.learn.loss import ListLoss
from negatives.learn.model_files import copy_model
from negatives.learn.round import GIVEN, Carried, Plan, Role, Round, Turn
from negatives.measure.audits import Answer, Check, Subject
from negatives.measure.estimate import Estimate
from negatives.opening import Context, Ruling
from negatives.pick.top import first, ordered
from negatives.schema import Needs
from negatives.stage import Estimator, Judge, Picker, Source

if TYPE_CHECKING:
    from torch import Tensor


class Shortest(Source, kind="shortest"):
    """The shortest documents, whatever was asked."""

    top: Annotated[int, Meta(ge=1, description="candidates per query")] = 3
    ranks_by_relevance: ClassVar[bool] = False

    def open(self, context: Context) -> ShortestProposer:
        """Order the corpus once."""
        lengths = context.collection.corpus["text"].str.len_chars().to_numpy()
        return ShortestProposer(np.argsort(lengths, kind="stable")[: self.top].astype(np.uint32))


@dataclass(frozen=True)
class ShortestProposer:
    """The same documents for every query."""

    docs: Rows
    fingerprint: str = "lengths"

    def propose(self, queries: Rows, proposed: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """All of them, in order."""
        made = pl.DataFrame(
            {
                "query": np.repeat(queries, len(self.docs)),
                "doc": np.tile(self.docs, len(queries)),
                "rank": np.tile(np.arange(1, len(self.docs) + 1), len(queries)),
            }
        )
        score = pl.lit(None, pl.Float32).alias("score")
        return made.with_columns(score).select(pl.col(k).cast(t) for k, t in COLUMNS.items())

    def score(self, query: Rows, doc: Rows) -> Floats | None:
        """A length is no score."""
        return None


class Negated(Generator, kind="negated"):
    """A positive's text with a "not" in it: a document that no corpus has."""

    copies: Annotated[int, Meta(ge=1, description="documents a query, each with one more")] = 1

    @property
    def needs(self) -> Needs:
        """Texts of the positives."""
        return Needs(docs=("text",))

    def write(self, context: Context, rows: Rows) -> pl.DataFrame:
        """As many as asked for of each query, from its first positive."""
        data = context.collection
        mine = pl.DataFrame({"query": rows}).join(data.positives, on="query", maintain_order="left")
        first = mine.group_by("query", maintain_order=True).first()
        made = [
            {"query": row["query"], "text": f"{'not ' * (n + 1)}{data.corpus['text'][row['doc']]}"}
            for row in first.iter_rows(named=True)
            for n in range(self.copies)
        ]
        frame = pl.DataFrame(made, schema={"query": pl.UInt32, "text": pl.String})
        return frame.with_columns(grade=pl.lit(0, pl.Int32), model=pl.lit("rule"))


class TooLong(Judge, kind="too-long"):
    """Rejects long documents."""

    most: Annotated[int, Meta(ge=0, description="most characters of a negative")] = 40
    evidence: ClassVar[Mapping[str, int]] = {"characters": 0}

    def open(self, context: Context) -> Ruling:
        """Measure the corpus once."""
        return TooLongRuling(context.collection.corpus["text"].str.len_chars(), self.most)


@dataclass(frozen=True)
class TooLongRuling:
    """The length of each document."""

    lengths: pl.Series
    most: int

    def judge(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The length, and an objection where it is too much."""
        characters = self.lengths.gather(rows["doc"]).alias("characters")
        long = characters > self.most
        rejected, reason = pl.lit("rejected"), pl.lit("too-long: many characters")
        return pl.DataFrame({"characters": characters}).select(
            "characters",
            verdict=pl.when(long).then(rejected),
            reason=pl.when(long).then(reason),
        )


class Even(Estimator, kind="even"):
    """Every candidate is as probably relevant as every other."""

    p: Annotated[float, Meta(ge=0, le=1, description="p_relevant of every pair")] = 0.25

    def open(self, context: Context) -> Estimation:
        """Nothing to build."""
        return EvenEstimation(self.p)


@dataclass(frozen=True)
class EvenEstimation:
    """One number."""

    p: float

    def prepare(self, rows: pl.DataFrame) -> pl.DataFrame:
        """No column is needed."""
        return pl.DataFrame({"ready": [True] * len(rows)})

    def fit(self, parts: Iterable[pl.DataFrame], rows: int) -> Fitted:
        """Nothing is learned."""
        return EvenFitted(self.p)


@dataclass(frozen=True)
class EvenFitted:
    """The same number."""

    p: float

    def estimate(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The number, for each row."""
        p = pl.Series("p_relevant", [self.p] * len(rows), pl.Float32)
        return pl.DataFrame([p])


class Easiest(Picker, kind="easiest"):
    """The lowest hardness first."""

    def pick(self, rows: pl.DataFrame, seed: int) -> pl.DataFrame:
        """Lowest first; ties by doc_id."""
        return first(ordered(rows, "hardness", descending=False), self.per_query)


class LastOnes(Chooser, kind="last"):
    """The last examples by their ids."""

    def choose(self, pool: Pool, count: int) -> tuple[Places, dict[str, Any]]:
        """From the end."""
        return pool.in_order[::-1][:count], {}


class Backwards(Ordering, kind="backwards"):
    """The last example first."""

    def orders(self, examples: Examples, size: int, seed: int) -> Orders:
        """Turned by the number of the epoch, and by the seed."""
        rows = np.arange(len(examples))[::-1]
        return lambda epoch: cut(np.roll(rows, epoch + seed), size)


class Gap(ListLoss, kind="gap"):
    """The mean of the negatives' scores above the positive's."""

    def of(self, scores: Tensor, present: Tensor, labels: Tensor | None = None) -> Tensor:
        """float[n]"""
        made: Tensor = (scores - scores[:, :1]).clamp(min=0).masked_fill(~present, 0).mean(-1)
        return made


class Careful(EncoderTraining, kind="careful"):
    """An encoder that is trained at a low rate."""

    rate: ClassVar[float] = 1e-6


class Copied(Round, kind="copied"):
    """Hands the given model on as it is."""

    def planned(self, plan: Plan) -> Role:
        """What the given model is."""
        return plan.role(GIVEN, "role")

    def carry_out(self, turn: Turn) -> Carried:
        """Nothing is trained."""
        copy_model(Path(turn.models[GIVEN]), turn.folder)
        return Carried()


class Unfinished(Source, kind="unfinished"):
    """A source whose author forgot to say how it opens."""


class EvenNumber(Check, kind="even-number"):
    """Whether the negatives are as many as go in pairs."""

    def lacking(self, subject: Subject) -> str:
        """Nothing."""
        return ""

    def find(self, subject: Subject) -> Answer:
        """What is left over."""
        left = Estimate(
            value=len(subject.negatives) % 2, confidence=subject.confidence, assumption="one counts"
        )
        return Answer(self.kind, "negatives without a partner", left, left.value == 1, "mine more")


@dataclass(frozen=True)
class IdList(Format):
    """The ids of the negatives."""

    def schema(self, ask: Ask) -> pl.Schema:
        """Two columns."""
        return pl.Schema({"query_id": pl.String, "doc_id": pl.String})

    def frames(self, ask: Ask, emit: Emit) -> Iterator[pl.DataFrame]:
        """One frame."""
        yield pl.read_parquet(ask.run.negatives_file).select("query_id", "doc_id")


ID_LIST = IdList("ids, one pair a row", (".jsonl", ".csv"), texts="never", scores="never",
                 no_scores=("id lists have no scores", "leave out scores"))  # fmt: skip

ENTRIES = """[negatives.stages]
find.shortest = tests.contracts.theirs:Shortest
find.unfinished = tests.contracts.theirs:Unfinished
make.negated = tests.contracts.theirs:Negated
judge.too-long = tests.contracts.theirs:TooLong
estimate.even = tests.contracts.theirs:Even
pick.easiest = tests.contracts.theirs:Easiest
choose.last = tests.contracts.theirs:LastOnes
batch.backwards = tests.contracts.theirs:Backwards
learn.gap = tests.contracts.theirs:Gap
train.careful = tests.contracts.theirs:Careful
round.copied = tests.contracts.theirs:Copied
audit.even-number = tests.contracts.theirs:EvenNumber
export.id-list = tests.contracts.theirs:ID_LIST
"""
