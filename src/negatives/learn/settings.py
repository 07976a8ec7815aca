"""What a trainer is: its settings, and how it opens and teaches the sort of model that it is for.

A trainer is one of three. A `WholeTraining` makes its model from beginning to end by itself. A
`ModelTraining` opens a model that is named, and that is trained further. A `LessonTraining` does,
too, and teaches it by rows of queries and documents, with the trainers of sentence-transformers.
Each sort of model has a file of its own.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from msgspec import Meta

from negatives.errors import RecipeError
from negatives.schema import Collection, Needs
from negatives.stage import PositiveInt, Share, Stage

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from negatives.arrays import Floats
    from negatives.batch.batcher import Weighing
    from negatives.events import Emit
    from negatives.learn.base_models import Base
    from negatives.learn.dev import DevSet, Encode
    from negatives.learn.drawn import StepDraws
    from negatives.learn.loss import Loss
    from negatives.learn.rows import TrainingRows
    from negatives.learn.training_set import TrainingSet
    from negatives.machine import Machine
    from negatives.recipe import Recipe
    from negatives.store.run import Run

Count = Annotated[int, Meta(ge=0)]
Patience = Annotated[
    Count, Meta(description="looks without a better one before it stops; 0: never stops early")
]
Adapters = Annotated[
    Count, Meta(description="rank of low-rank adapters, merged at the end; 0: train it all")
]
LEARNED_OTHERWISE = "learn images and captions with --recipe clip, ids alone with --recipe bpr"
"""What there is to do with data that have no texts."""


@dataclass(frozen=True)
class Lesson:
    """What a model is to learn, and from what."""

    loss: Loss
    rows: TrainingRows
    steps: int
    seed: int
    weighing: Weighing | None
    draws: StepDraws | None
    """What draws negatives at every step; None: nothing does."""
    vectors: Callable[[Any], Floats]
    """float32[n, dim] of documents by the model as it was, by row of the collection."""


@dataclass(frozen=True)
class Learning:
    """A lesson made ready for the trainers of sentence-transformers."""

    dataset: Any
    collator: Any
    """None: the trainer's own."""
    loss: Any


@dataclass(frozen=True)
class Whole:
    """A training from beginning to end, for a trainer that does all of it by itself."""

    read: TrainingSet | Run | Collection
    recipe: Recipe
    mine: Callable[[Collection], Run]
    """Mines a collection by the recipe, into the folder of the training."""
    path: Path
    dev: tuple[str, ...]
    """Names of the split to look at on the way; none: nobody looks."""
    machine: Machine
    emit: Emit


class Training(Stage, kw_only=True):
    """Settings of a trainer, whatever it trains."""

    section: ClassVar[str] = "train"
    rate: ClassVar[float] = 2e-5
    """The learning rate where none is set."""
    usual_loss: ClassVar[str] = "multiple-negatives"
    """The kind of [learn] where a recipe names none."""
    gives: ClassVar[str] = "embeddings"
    """What it gives a loss (`Loss.learns_from`)."""
    library: ClassVar[str] = "sentence-transformers"
    """The library whose class loads what is trained, as the hub calls it."""
    loaded_by: ClassVar[str] = "SentenceTransformer"
    """The class that loads what is trained; empty: this library does."""
    loading: ClassVar[str] = ""
    """The method of that class that does, where it is not the class itself."""
    task: ClassVar[str] = "sentence-similarity"
    """The pipeline of the hub that it is for."""
    measured_on: ClassVar[str] = "DATA@dev"
    """What the command that measures it is given after the model, as is said after a training."""
    of_negatives: ClassVar[tuple[str, ...]] = ("negatives",)
    """Settings that say of negatives: where recipes are compared, each keeps its own."""
    usual_recipe: ClassVar[str] = "default"
    """The recipe where none is named."""
    weighs_rows: ClassVar[bool] = True
    """Whether rows can count more or less, as `batch.weight` says."""
    encodes: ClassVar[bool] = True
    """Whether what is trained encodes texts, so that dense sources can use it."""
    reranks: ClassVar[bool] = False
    """Whether what is trained puts in order what another model finds."""
    by_cosine: ClassVar[bool] = False
    """Whether what it starts from was made to be compared by the cosine."""
    caches_gradients: ClassVar[bool] = False
    """Whether a setting `chunk` spares memory."""

    reads_texts: ClassVar[bool] = True
    """Whether its models read texts."""
    draws: ClassVar[bool] = False
    """Whether it draws negatives at every step where all sources of the recipe are draws."""
    by_id: ClassVar[bool] = False
    """Whether it learns vectors by id, of as many parts as a loss asks for."""
    by_row: ClassVar[bool] = False
    """Whether its model gives the vectors of a side by row, and is not asked for those of texts."""

    @property
    def needs(self) -> Needs:
        """Texts, unless it says otherwise."""
        return Needs(("text",), ("text",), LEARNED_OTHERWISE)

    epochs: Annotated[PositiveInt, Meta(description="passes over the examples")] = 1
    steps: Annotated[Count, Meta(description="batches in all; 0: as many as the epochs have")] = 0
    seconds: Annotated[
        Count, Meta(description="stops after so long, wherever it is; 0: never. Machines differ")
    ] = 0
    batch_size: Annotated[PositiveInt, Meta(description="examples a batch")] = 64
    negatives: Annotated[Count, Meta(description="negatives an example, at most")] = 7
    learning_rate: Annotated[
        float, Meta(ge=0, description="highest rate; 0: what is usual for the kind of model")
    ] = 0.0
    schedule: Annotated[
        Literal["linear", "cosine", "constant"], Meta(description="of the rate, after warming up")
    ] = "linear"
    warmup: Annotated[Share, Meta(description="share of the steps in which the rate rises")] = 0.1
    weight_decay: Annotated[float, Meta(ge=0, description="of the weights, by AdamW")] = 0.0
    clip: Annotated[float, Meta(ge=0, description="largest norm of a gradient; 0: any")] = 1.0
    evaluate: Annotated[
        Count, Meta(description="steps between looks at the dev split; 0: ten looks in all")
    ] = 0

    @property
    def peak(self) -> float:
        """The highest learning rate."""
        return self.learning_rate or self.rate

    @property
    def negatives_read(self) -> int:
        """Negatives of a query that are read, at most."""
        return self.negatives

    @property
    def taught_by(self) -> str:
        """The column of the run's ledger that is the teacher's score; empty: none."""
        return ""

    @property
    def docs_frozen(self) -> bool:
        """Whether documents keep the vectors of the model it starts from."""
        return False

    @property
    def refresh_every(self) -> int:
        """Steps between minings with the model as it is; 0: never."""
        return 0

    def never(self, collection: Collection) -> pl.DataFrame | None:
        """Pairs (query, doc by row) that are not drawn, though nobody knows them for positives."""
        return None

    def kind_for(self, model: str) -> str:
        """The kind of trainer, with the same settings, that takes the model of this name: its own
        unless the name tells that it cannot train it.
        """
        return self.kind

    def refuse(self, loss: Loss) -> None:
        """Raise `RecipeError` for a loss that it cannot take, or for settings that clash."""


class WholeTraining(Training, kw_only=True):
    """A trainer that makes its model from beginning to end, whatever model is named."""

    patience: Patience = 0

    @abstractmethod
    def teach(self, whole: Whole) -> dict[str, Any]:
        """Train, and write the model. What the account says of it."""


class ModelTraining(Training, kw_only=True):
    """A trainer of a model that is named, and is there before."""

    precision: Annotated[
        Literal["auto", "float32", "bfloat16", "float16"],
        Meta(description="of the computation; auto: bfloat16 on a GPU that has it, else float32"),
    ] = "auto"
    checkpoint: Annotated[
        Count,
        Meta(
            description="steps between checkpoints; 0: at each look at the dev split, and "
            "without looks ten in all, none closer than 100 steps"
        ),
    ] = 0

    @abstractmethod
    def open(self, name: str, *, threads: int, device: str) -> Base:
        """Load `name`, a folder or hub name, or `static`, to be trained.

        Raises `DataError` for a model that does not load, `RecipeError` for one of another sort.
        """


class LessonTraining(ModelTraining, kw_only=True):
    """A trainer of a model by rows of queries and documents."""

    of_negatives: ClassVar[tuple[str, ...]] = ("negatives", "redraw", "labels")

    redraw: Annotated[
        Count,
        Meta(
            description="the first so many negatives of a query, of which every epoch takes "
            "others, evenly spread; 0: always the first"
        ),
    ] = 0
    labels: Annotated[
        str, Meta(description="column of the run's ledger that is the teacher's score; empty: none")
    ] = ""
    patience: Patience = 0

    def check(self) -> None:
        """What is drawn from is more than what is drawn, and is not mined anew on the way."""
        if self.redraw and not 0 < self.negatives < self.redraw:
            raise RecipeError(
                f"of {self.redraw} negatives every epoch cannot take {self.negatives} others",
                where="train.redraw",
                fix=f"set train.redraw above {self.negatives} = train.negatives, or to 0",
            )
        if self.redraw and self.refresh_every:
            raise RecipeError(
                "negatives are mined anew while the model is trained, and drawn anew too",
                where="train.redraw",
                fix="set train.refresh or train.redraw to 0",
            )

    @property
    def negatives_read(self) -> int:
        """Those that an epoch may take."""
        return max(self.negatives, self.redraw)

    @property
    def taught_by(self) -> str:
        """As `labels` says."""
        return self.labels

    @property
    def adapters(self) -> int:
        """The rank of low-rank adapters, in which alone it learns; 0: it learns in everything."""
        return 0

    @abstractmethod
    def prepare(self, base: Base, lesson: Lesson) -> Learning:
        """Make a lesson ready for the model."""

    @abstractmethod
    def look(self, dev: DevSet, frozen: Encode | None) -> Callable[[Any], float]:
        """What says how good the model is; `frozen` encodes documents where their side is."""

    def refuse_dev(self, dev: DevSet, train: Collection) -> None:
        """Raise `DataError` where what is trained with `train` can say nothing of a dev set."""


class TextTraining(LessonTraining, kw_only=True):
    """A trainer of a model that reads the texts of these rows."""

    max_length: Annotated[
        Count, Meta(description="pieces of a text that are read; 0: all that the model can")
    ] = 256
    lora: Adapters = 0

    @property
    def adapters(self) -> int:
        """As `lora` says."""
        return self.lora
