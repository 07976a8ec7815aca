"""Seconds of a loss's forward and backward pass, beside what others compute of the same embeddings.

One core, float32, random embeddings of 384 numbers with 4 negatives a row. Both sides of a pair are
asked in turn, in the same process, and the ratio is of their medians: below 1 ours is faster. The
embeddings are given, so that the encoder, which costs far more, is left out.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from sentence_transformers.sentence_transformer.losses import (
    GISTEmbedLoss,
    MultipleNegativesRankingLoss,
)
from torch import Tensor

from benchmarks.page import write_page
from negatives.learn.encoded import EncodedBatch
from negatives.learn.guided import Guided
from negatives.learn.loss import Loss
from negatives.learn.multiple_negatives import MultipleNegatives

ROWS = (64, 256, 1024)
NEGATIVES = 4
DIM = 384
SECONDS = 6.0  # of each pair at each size
REPEATS = 301  # at most

Compute = Callable[[EncodedBatch], Tensor]
"""The mean loss of a batch."""


@dataclass(frozen=True)
class Contest:
    """The same loss twice: ours, and theirs or a plain way to write it."""

    name: str
    ours: Loss
    theirs: Compute
    negatives: int = NEGATIVES
    most: int = ROWS[-1]
    same: bool = True
    """Whether the two must give the same number."""


class Given(torch.nn.Module):  # type: ignore[misc]
    """A model whose embeddings are already there, under its name."""

    tokenizer = None

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        """They are found, and that is all."""
        return {"sentence_embedding": features[self.name]}


def of_sentence_transformers(**settings: object) -> Compute:
    """`MultipleNegativesRankingLoss` of given embeddings."""
    loss = MultipleNegativesRankingLoss(None, scale=20.0, **settings)

    def compute(batch: EncodedBatch) -> Tensor:
        columns = [batch.queries, *batch.docs.unbind(1)]
        made: Tensor = loss.compute_loss_from_embeddings(columns, None)
        return made

    return compute


def guided_of_sentence_transformers() -> Compute:
    """`GISTEmbedLoss` of given embeddings, the guide's too; it knows one negative at most."""
    loss = GISTEmbedLoss.__new__(GISTEmbedLoss)  # its __init__ wants tokenizers
    torch.nn.Module.__init__(loss)
    loss.model, loss.guide = Given("student"), Given("guide")
    loss.similarity_fct = torch.nn.CosineSimilarity(dim=-1)
    loss.cross_entropy_loss = torch.nn.CrossEntropyLoss()
    loss.temperature, loss.margin, loss.margin_strategy = 0.01, 0.0, "absolute"
    loss.contrast_anchors = loss.contrast_positives = True
    loss.must_retokenize = loss.gather_across_devices = False

    def compute(batch: EncodedBatch) -> Tensor:
        assert batch.guide is not None
        student = (batch.queries, *batch.docs.unbind(1))
        guide = (batch.guide.queries, *batch.guide.docs.unbind(1))
        columns = [
            {"student": mine, "guide": its} for mine, its in zip(student, guide, strict=True)
        ]
        made: Tensor = loss(columns, None)
        return made

    return compute


CONTESTS: list[Contest] = [
    Contest(
        "`multiple-negatives` and MultipleNegativesRankingLoss",
        MultipleNegatives(),
        of_sentence_transformers(),
    ),
    Contest(
        "the same, both directions",
        MultipleNegatives(directions=["query-doc", "doc-query"], partition="per-direction"),
        of_sentence_transformers(
            directions=("query_to_doc", "doc_to_query"), partition_mode="per_direction"
        ),
    ),
    Contest(
        "the same, four directions in one denominator",
        MultipleNegatives(directions=["query-doc", "query-query", "doc-query", "doc-doc"]),
        of_sentence_transformers(
            directions=("query_to_doc", "query_to_query", "doc_to_query", "doc_to_doc")
        ),
        same=False,  # theirs counts the positive twice
    ),
    Contest(
        "the same, hardness 5",
        MultipleNegatives(hardness=5.0),
        of_sentence_transformers(hardness_mode="all_negatives", hardness_strength=5.0),
    ),
    Contest(
        "`guided` and GISTEmbedLoss, one negative",
        Guided(),
        guided_of_sentence_transformers(),
        negatives=1,
        most=256,  # theirs makes rows x documents x 384 numbers of each block
    ),
]
"""Add a loss here: its settings, and a function that computes the same of a batch."""


def drawn(rows: int, negatives: int, seed: int = 0) -> EncodedBatch:
    """Random embeddings, each document near its query, of which the diagonal alone is known."""
    generator = torch.Generator().manual_seed(seed)
    queries = torch.randn(rows, DIM, generator=generator)
    docs = torch.randn(rows, 1 + negatives, DIM, generator=generator) + queries.unsqueeze(1) / 2
    relevant = torch.zeros(rows, rows * (1 + negatives), dtype=torch.bool)
    own = torch.arange(rows)
    relevant[own, own * (1 + negatives)] = True
    present = torch.ones(rows, 1 + negatives, dtype=torch.bool)
    made = EncodedBatch(queries, docs, relevant, present)
    return made if seed else replace(made, guide=drawn(rows, negatives, 1))


def seconds(compute: Compute, batch: EncodedBatch) -> tuple[float, float]:
    """How long one forward and backward pass took, and the loss."""
    batch = replace(
        batch,
        queries=batch.queries.detach().requires_grad_(),
        docs=batch.docs.detach().requires_grad_(),
    )
    began = time.perf_counter()
    loss = compute(batch)
    loss.backward()
    return time.perf_counter() - began, loss.item()


def compare(contest: Contest, rows: int) -> str:
    """A row of the table: medians and their ratio, both sides asked in turn."""
    batch = drawn(rows, contest.negatives)
    losses = contest.ours.open()

    def ours(batch: EncodedBatch) -> Tensor:
        return batch.mean(losses(batch))

    found: tuple[list[float], list[float]] = ([], [])
    values = [seconds(each, batch)[1] for each in (ours, contest.theirs)]  # not timed: warm
    if contest.same and abs(values[0] - values[1]) > 1e-3 * abs(values[1]):
        raise ValueError(f"{contest.name}: {values[0]} is not {values[1]}")
    began = time.perf_counter()
    while len(found[0]) < 3 or (time.perf_counter() - began < SECONDS and len(found[0]) < REPEATS):
        for side, compute in zip(found, (ours, contest.theirs), strict=True):
            side.append(seconds(compute, batch)[0])
    mine, their = (statistics.median(side) * 1e3 for side in found)
    line = f"| {contest.name} | {rows} | {mine:.2f} | {their:.2f} | {mine / their:.2f} |"
    print(line, flush=True)
    return line


def main() -> None:
    """Time every contest at every size and write the page."""
    torch.set_num_threads(1)
    lines = [
        f"Milliseconds, medians of up to {REPEATS} passes or {SECONDS:.0f} s.",
        "",
        "| loss | rows | ours | theirs | ours / theirs |",
        "|---|---|---|---|---|",
        *(compare(contest, rows) for contest in CONTESTS for rows in ROWS if rows <= contest.most),
    ]
    write_page("losses", "Speed of losses", __doc__, lines)


if __name__ == "__main__":
    main()
