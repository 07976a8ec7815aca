"""How a model is trained: the settings of the trainer, one kind for each sort of model."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from negatives.stage import PositiveInt, Share, Stage

Count = Annotated[int, Meta(ge=0)]


class Training(Stage, kw_only=True):
    """Settings of a trainer, whatever it trains."""

    section: ClassVar[str] = "train"
    rate: ClassVar[float] = 2e-5
    """The learning rate where none is set."""
    usual_loss: ClassVar[str] = "multiple-negatives"
    """The kind of [learn] where a recipe names none."""

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
    max_length: Annotated[
        Count, Meta(description="pieces of a text that are read; 0: all that the model can")
    ] = 256
    precision: Annotated[
        Literal["auto", "float32", "bfloat16", "float16"],
        Meta(description="of the computation; auto: bfloat16 on a GPU that has it, else float32"),
    ] = "auto"
    lora: Annotated[
        Count, Meta(description="rank of low-rank adapters, merged at the end; 0: train it all")
    ] = 0
    labels: Annotated[
        str, Meta(description="column of the run's ledger that is the teacher's score; empty: none")
    ] = ""
    evaluate: Annotated[
        Count, Meta(description="steps between looks at the dev split; 0: ten looks in all")
    ] = 0
    patience: Annotated[
        Count, Meta(description="looks without a better one before it stops; 0: never stops early")
    ] = 0
    checkpoint: Annotated[
        Count,
        Meta(
            description="steps between checkpoints; 0: at each look at the dev split, and "
            "without looks ten in all, none closer than 100 steps"
        ),
    ] = 0

    @property
    def peak(self) -> float:
        """The highest learning rate."""
        return self.learning_rate or self.rate


class EncoderTraining(Training, kind="encoder"):
    """Train a dense text encoder, with sentence-transformers' trainer."""

    chunk: Annotated[
        Count,
        Meta(description="texts encoded at a time, with gradient caching; 0: the whole batch"),
    ] = 0
    frozen: Annotated[
        Literal["nothing", "docs"],
        Meta(
            description="docs: documents keep the vectors of the model it starts from, which are "
            "looked up, and the side of the queries alone learns"
        ),
    ] = "nothing"
    refresh: Annotated[
        Count, Meta(description="steps between minings with the model as it is; 0: never again")
    ] = 0


class StaticTraining(EncoderTraining, kind="static-embedding"):
    """Train a static embedding: one vector a token, their mean a text."""

    rate: ClassVar[float] = 1e-2


class SparseTraining(EncoderTraining, kind="sparse"):
    """Train a sparse encoder (SPLADE), with sentence-transformers' trainer."""

    flops_query: Annotated[
        float, Meta(ge=0, description="weight of the squared mean activations of queries")
    ] = 5e-5
    flops_doc: Annotated[
        float, Meta(ge=0, description="weight of the squared mean activations of documents")
    ] = 3e-5


class RerankerTraining(Training, kind="reranker"):
    """Train a cross-encoder: query and document in, one score out."""

    usual_loss: ClassVar[str] = "softmax-list"

    batch_size: Annotated[PositiveInt, Meta(description="queries a batch, with their lists")] = 16
    soft: Annotated[
        bool,
        Meta(description="a negative's target is its p_relevant rather than 0, where it has one"),
    ] = False
