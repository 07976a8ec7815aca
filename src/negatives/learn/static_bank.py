"""Negatives from a bank of document vectors that are kept from batch to batch."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from negatives.errors import DataError
from negatives.learn.contrast import against, joined, leave_out, log_sum
from negatives.learn.encoded import EncodedBatch
from negatives.learn.loss import Loss, Losses
from negatives.learn.pairs import TrainingPairs, times
from negatives.optional import Tensor, torch

ALIKE = 0.9999
"""Cosine from which a vector of the bank is the positive itself, rounding allowed for."""


class StaticBank(Loss, kind="static-bank"):
    """The positive against a bank of all documents (SPN4CIR, Feng et al., 2024).

    For a second stage in which the documents' side is frozen, as `train.frozen = "docs"` has it.
    `negatives train` fills the bank; in a loop of your own, encode every document once (in eval
    mode, copies removed) and give the vectors to `fill()` of what `open()` returns, also when
    training is resumed. A bank whose encoder is still trained goes stale.

    >>> from negatives import tiny
    >>> from negatives.learn.static_bank import StaticBank
    >>> tiny.losses(StaticBank(temperature=0.5))  # the bank holds the six documents of the batch
    [1.0, 1.53]
    >>> tiny.losses(StaticBank(temperature=0.5, in_batch="hard"))
    [1.16, 1.82]
    """

    temperature: Annotated[float, Meta(gt=0, description="cosines are divided by it")] = 0.02
    sample: Annotated[
        int, Meta(ge=0, description="vectors of the bank drawn for each batch; 0: all of them")
    ] = 0
    in_batch: Annotated[
        Literal["none", "hard", "all"],
        Meta(description="documents of the batch that are negatives, too; hard: the row's own"),
    ] = "none"
    needs_bank: ClassVar[bool] = True

    def open(self) -> Losses:
        """The loss of each row of a batch; it has `fill(vectors)` and `known(relevant)`."""
        return BankLosses(self)


class BankLosses:
    """`StaticBank` opened: a function of a batch, and the bank it looks into."""

    def __init__(self, settings: StaticBank) -> None:
        self.settings = settings
        self.bank: Tensor | None = None
        """float[size, dim], of unit length, without gradient."""
        self._known: Tensor | None = None

    def fill(self, vectors: Tensor) -> None:
        """Keep `vectors` float[size, dim] in place of whatever was kept.

        Raises `DataError` for one that has no length or is no number: it would be a negative of
        cosine 0 to everything.
        """
        vectors = vectors.detach().float() if vectors.element_size() < 4 else vectors.detach()
        length = vectors.norm(dim=-1, keepdim=True)
        wrong = ~((length > 0) & (length < float("inf"))).flatten()
        if bool(wrong.any()):
            rows = wrong.nonzero().flatten().tolist()
            raise DataError(
                f"{len(rows)} of {len(vectors)} vectors of the bank are zero or no numbers",
                where=f"rows {', '.join(map(str, rows[:5]))}",
                fix="encode these documents again",
            )
        self.bank = vectors / length
        self._known = None

    def known(self, relevant: Tensor) -> None:
        """Say which vectors are relevant to which query of the next batch: bool[n, size].

        Without it only those are known whose vectors are in the batch: where the documents' side
        is frozen, they are found by them.
        """
        self._known = relevant

    def __call__(self, batch: EncodedBatch) -> Tensor:
        """float[n]"""
        if self.bank is None:
            raise DataError(
                "static-bank: the bank is empty", fix="losses.fill(vectors) before the first batch"
            )
        pairs = TrainingPairs(batch, "cosine", self.settings.temperature)
        known, self._known = self._known, None
        bank = self.bank.to(pairs.queries)
        if 0 < self.settings.sample < len(bank):
            some = torch.randperm(len(bank), device=bank.device)[: self.settings.sample]
            bank, known = bank[some], None if known is None else known[:, some]
        with torch.no_grad():
            row, column = (batch.relevant & batch.present.flatten()).nonzero().unbind(-1)
            pair, place = (times(pairs.pool[column], bank) > ALIKE).nonzero().unbind(-1)
            never = bank.new_zeros(len(pairs.queries), len(bank), dtype=torch.bool)
            never[row[pair], place] = True
            if known is not None:
                never |= known
        sums = [log_sum(leave_out(times(pairs.queries, bank), never))]
        if self.settings.in_batch == "all":
            sums.append(log_sum(leave_out(pairs.query_doc(), pairs.query_doc_never())))
        elif self.settings.in_batch == "hard":
            sums.append(log_sum(leave_out(pairs.own(), pairs.own_never())))
        return against(pairs.positive(), joined(sums))
