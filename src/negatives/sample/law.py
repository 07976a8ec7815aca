"""How likely each document is to be drawn, in whole numbers, so that nothing is ever rounded away.

A law gives each document a number of tickets; a draw is one ticket of all of them. Because tickets
are whole, leaving documents out is exact however little is left: what remains is their sum, and
the probability that log_q states is the one that draws have.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from negatives.arrays import Doubles, Floats, Keys, Places, Rows
from negatives.errors import InputError

LOW_32: Final = np.uint64(2**32 - 1)

Tickets = Places


@dataclass(frozen=True)
class Law:
    """`docs` documents, each with one ticket, or with `tickets[d]` where `tickets` is not empty.

    Tickets of document `d` are those from `ends[d] - tickets[d]` to `ends[d]`. For fast draws they
    are also dealt out into `2^columns` columns of `2^shift` tickets (Walker's alias method, 1974):
    column `c` holds tickets of document `c`, as many as the lower half of `alias[c]` says, and of
    the document in its upper half.
    """

    docs: int
    total: int
    tickets: Tickets
    ends: Tickets
    alias: Keys
    columns: int
    shift: int

    @staticmethod
    def uniform(docs: int) -> Law:
        """Every document as likely as any other."""
        none = np.empty(0, np.int64)
        return Law(docs, docs, none, none, np.empty(0, np.uint64), 0, 0)

    @staticmethod
    def weighted(weights: ArrayLike, power: float = 1.0) -> Law:
        """Documents in proportion to weight ** power; weight 0 is never drawn, whatever the power.

        Weights are kept to about 2^-32 of their mean; less, but not 0, counts as that. Raises
        `InputError` where one is negative or not finite, or all are 0, or the power is negative.
        """
        given = np.asarray(weights, np.float64)
        if given.ndim != 1 or not np.isfinite(given).all() or (given < 0).any():
            raise InputError(
                "weights must be one finite number >= 0 for each document",
                where=f"weights of shape {given.shape}",
                fix="give one weight for each document",
            )
        if not (np.isfinite(power) and power >= 0):
            raise InputError(
                f"power is {power}", fix="0 draws uniformly, 1 in proportion to the weights"
            )
        if not given.any():
            raise InputError(
                "every weight is 0: there is nothing to draw",
                fix="give some document a weight above 0",
            )
        columns = max(1, (len(given) - 1).bit_length())
        shift = min(32, 53 - columns)
        total = 1 << (columns + shift)
        tickets = _tickets(given, power, total)
        alias = _alias(tickets, 1 << columns, 1 << shift)
        return Law(len(given), total, tickets, np.cumsum(tickets), alias, columns, shift)

    @property
    def is_uniform(self) -> bool:
        """Whether every document has one ticket."""
        return len(self.tickets) == 0

    @cached_property
    def log_shares(self) -> Floats:
        """float32[docs]: log of each document's share of all tickets; -inf for none.

        Empty for a uniform law.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.tickets / self.total).astype(np.float32)

    def before(self, docs: Rows) -> Tickets:
        """int64, as `docs`: the tickets of all documents before each."""
        return docs.astype(np.int64) if self.is_uniform else self.ends[docs] - self.tickets[docs]

    def drawn(self, hashes: Keys) -> Rows:
        """uint32, as `hashes`: the document that each random number draws."""
        if self.is_uniform:
            return scaled(hashes, self.docs).astype(np.uint32)
        column = (hashes >> np.uint64(64 - self.columns)).view(np.int64)
        entry = self.alias.take(column, mode="clip")
        inside = hashes >> np.uint64(64 - self.columns - self.shift)
        inside &= np.uint64((1 << self.shift) - 1)
        own = inside < (entry & LOW_32)
        entry >>= np.uint64(32)
        return np.where(own, column, entry.view(np.int64)).astype(np.uint32)

    def docs_at(self, ticket: Tickets) -> Rows:
        """uint32, as `ticket`: the document that each ticket belongs to."""
        found = ticket if self.is_uniform else np.searchsorted(self.ends, ticket, side="right")
        return found.astype(np.uint32)


def scaled(hashes: Keys, total: int | Tickets) -> Tickets:
    """int64, as hashes: a whole number from 0 to total - 1; total at most 2^53, of 53 random bits.

    A double holds both exactly, so the product is rounded once, and never up to the total.
    """
    found = (hashes >> np.uint64(11)).view(np.int64).astype(np.float64)
    found *= np.asarray(total) * 2.0**-53
    return found.astype(np.int64)


def _tickets(weights: Doubles, power: float, total: int) -> Tickets:
    """`total` tickets, at least one to each weight that is not 0."""
    drawable = np.flatnonzero(weights)
    # Relative to the largest, so that no power overflows.
    shares = np.exp(power * (np.log(weights[drawable]) - np.log(weights.max())))
    dealt = np.floor(shares * ((total - 2 * len(drawable)) / shares.sum())).astype(np.int64) + 1
    each, some = divmod(total - int(dealt.sum()), len(drawable))
    dealt += each
    dealt[:some] += 1
    tickets = np.zeros(len(weights), np.int64)
    tickets[drawable] = dealt
    return tickets


def _alias(tickets: Tickets, columns: int, height: int) -> Keys:
    """uint64[columns]: (other document << 32) | own tickets, made in one sweep.

    Light documents leave room in their columns, heavy ones have too much. Laid end to end, the room
    of each light column starts within the surplus of one heavy document, which fills it (Huebschle-
    Schneider and Sanders, 2022, section 4); what this takes too much of a heavy document's own
    column, the next heavy one makes good.
    """
    own = np.zeros(columns, np.int64)
    own[: len(tickets)] = tickets
    heavy, light = np.flatnonzero(own > height), np.flatnonzero(own < height)
    other = np.arange(columns)
    surplus = np.cumsum(own[heavy] - height)
    room = np.cumsum(height - own[light])
    starts = room - (height - own[light])
    other[light] = heavy[np.searchsorted(surplus, starts, side="right")]
    filled = np.searchsorted(starts, surplus, side="left")  # light columns filled so far
    own[heavy] = height - (np.concatenate([[0], room])[filled] - surplus)
    other[heavy[:-1]] = heavy[1:]
    full = np.flatnonzero(own == height)  # may not fit the lower half: the other is its own instead
    own[full], other[full] = 0, full
    return (other.astype(np.uint64) << np.uint64(32)) | own.astype(np.uint64)
