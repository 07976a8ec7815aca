"""What can be set of the training of a model of a knowledge graph."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from negatives.learn.settings import Count, WholeTraining
from negatives.sample.triples import KnownDraws
from negatives.stage import PositiveInt, Share


class GraphSettings(WholeTraining, kw_only=True):
    """Which model, how large, and how its triples are corrupted."""

    architecture: Annotated[
        str, Meta(description="the model's name in PyKEEN: TransE, DistMult, ComplEx, RotatE, ...")
    ] = "TransE"
    dim: Annotated[PositiveInt, Meta(description="numbers of the vector of an entity")] = 64
    epochs: Annotated[PositiveInt, Meta(description="passes over the triples")] = 50
    batch_size: Annotated[PositiveInt, Meta(description="triples a batch")] = 256
    negatives: Annotated[Count, Meta(description="corruptions of each triple")] = 16
    mix: Annotated[
        Share,
        Meta(description="of the corruptions, the share of a run's negatives; others are any"),
    ] = 1.0
    known_draws: Annotated[
        KnownDraws,
        Meta(
            description="what becomes of a corruption that is a known triple: redrawn, or dropped, "
            "so that a question with many answers has fewer negatives"
        ),
    ] = "dropped"
