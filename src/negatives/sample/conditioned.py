"""A law given that the query's known positives cannot come: what is left, and draws from it.

Draws are counter-based: the hash of (key of the query row, slot, attempt), and of nothing else, so
that they do not depend on who shares the batch, on threads, or on how exclusions are stored. A draw
that hits a positive is made again; after `ATTEMPTS`, or at once where positives hold more than half
of the law, it is made among what is left by rank: a ticket of those left is counted past the
positives' tickets. That is exact and always ends, so nothing is rejected for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from negatives.arrays import Floats, Keys, Places, Rows, starts_of
from negatives.chance import mix
from negatives.compiling import Engine, to_compile
from negatives.errors import InputError
from negatives.sample.attempts import ATTEMPTS, BY_RANK, GOLDEN, NO_DOC, attempt_offset
from negatives.sample.exclusion import Exclusion
from negatives.sample.law import Law, Tickets, scaled

_BLOCK: Final = 8192  # draws at a time: a few arrays of them stay in the second-level cache


@dataclass(frozen=True, slots=True)
class Conditioned:
    """`law` without what `exclusion` excludes, for every query row.

    `left: int64[queries]` tickets and `drawable: int64[queries]` documents remain to each query;
    `taken: int64[pairs + 1]` adds up the tickets of excluded pairs (empty for a uniform law);
    `log_left: float32[queries]` is the log of the documents left to a uniform law, of the share of
    the law left to another.
    """

    law: Law
    exclusion: Exclusion
    left: Tickets
    drawable: Places
    taken: Tickets
    log_left: Floats
    compiled: bool

    @staticmethod
    def of(law: Law, exclusion: Exclusion, engine: Engine = "auto") -> Conditioned:
        """Add up what each query has left.

        `engine`: `numba` draws several times as fast as `numpy`, to the same bits; `auto` takes it
        where it is installed. Raises `InputError` where law and exclusion differ in documents, and
        `MissingExtra` where `numba` is asked for and missing.
        """
        if law.docs != exclusion.docs:
            raise InputError(
                f"the law has {law.docs:,} documents, the exclusion {exclusion.docs:,}",
                fix="make both for the same corpus",
            )
        if law.is_uniform:
            taken = np.empty(0, np.int64)
            left = drawable = law.docs - exclusion.sizes
        else:
            tickets = law.tickets[exclusion.members]
            taken = starts_of(tickets)
            left = law.total - np.diff(taken[exclusion.starts])
            gone = starts_of(tickets > 0)
            drawable = np.count_nonzero(law.tickets) - np.diff(gone[exclusion.starts])
        whole = 1 if law.is_uniform else law.total
        log_left = np.log(np.maximum(left, 1) / whole).astype(np.float32)
        return Conditioned(law, exclusion, left, drawable, taken, log_left, to_compile(engine))

    def draw(self, keys: Keys, rows: Places, slots: int) -> Rows:
        """uint32[b, slots]: independent draws for each query row; `NO_DOC` where nothing is left.

        `keys: uint64[b]` is the random key of each of `rows: int64[b]`.
        """
        if self.compiled:
            from negatives.sample import draw_loop

            return draw_loop.draw(
                self.law, self.exclusion, self.left, self.taken, keys, rows, slots
            )
        docs = np.full((len(rows), slots), NO_DOC, np.uint32)
        left = self.left[rows]
        some = (left > 0) & (left * 2 < self.law.total)
        docs[some] = self._among_left(keys[some], rows[some], slots)
        most = left * 2 >= self.law.total
        docs[most] = self._until_clean(keys[most], rows[most], slots)
        return docs

    def by_rank(self, hashes: Keys, rows: Places) -> Rows:
        """uint32[n]: one draw for each hash among what is left to each of rows: int64[n].

        The k-th positive pushes a ticket on by its own tickets if at least as many tickets are left
        before it as the ticket counts: found by binary search.
        """
        ticket = scaled(hashes, self.left[rows])
        start = self.exclusion.starts[rows]
        low, high = start.copy(), self.exclusion.starts[rows + 1]
        while (low < high).any():
            open_ = low < high
            middle = (low + high) >> 1
            member = self.exclusion.members.take(middle, mode="clip")
            before = self.law.before(member) - self._tickets_of_members(start, middle)
            passed = open_ & (before <= ticket)
            high = np.where(open_ & ~passed, middle, high)
            low = np.where(passed, middle + 1, low)
        last = self.law.total - 1  # matters only where nothing is left
        return self.law.docs_at(np.minimum(ticket + self._tickets_of_members(start, low), last))

    def log_q(self, rows: Places, docs: Rows) -> Floats:
        """float32[b, m]: log-probability that one draw for row b gives document (b, m).

        -inf for `NO_DOC`, and where nothing is left; excluded documents are not looked for.
        """
        left = self.log_left[rows]
        if self.law.is_uniform:
            found = np.repeat(-left, docs.shape[1]).reshape(docs.shape)
        elif self.compiled:
            from negatives.sample import draw_loop

            found = draw_loop.log_q(self.law.log_shares, docs, left)
        else:
            found = self.law.log_shares.take(docs, mode="clip")
            found -= left[:, None]
        short = np.flatnonzero(self.drawable[rows] < docs.shape[1])
        found[short] = np.where(docs[short] == NO_DOC, -np.inf, found[short])
        return found

    def _until_clean(self, keys: Keys, rows: Places, slots: int) -> Rows:
        """Draw from the whole law, and again for what is excluded; by rank after `ATTEMPTS`."""
        docs = np.empty((len(rows), slots), np.uint32)
        counter = np.arange(slots, dtype=np.uint64) * GOLDEN
        hits = [np.empty(0, np.int64)]
        step = max(1, _BLOCK // max(slots, 1))
        for first in range(0, len(rows), step):
            block = slice(first, first + step)
            docs[block] = self.law.drawn(mix(keys[block, None] + counter))
            seen = self.exclusion.seems_in(rows[block, None], docs[block])
            hits.append(np.flatnonzero(seen) + first * slots)
        hit, flat = np.concatenate(hits), docs.reshape(-1)
        owner, slot = np.divmod(hit, max(slots, 1))
        start = keys[owner] + counter[slot]
        for attempt in range(1, ATTEMPTS + 1):
            wrong = self.exclusion.has(rows[owner], flat[hit])
            hit, owner, start = hit[wrong], owner[wrong], start[wrong]
            if len(hit) == 0:
                return docs
            if attempt < ATTEMPTS:
                flat[hit] = self.law.drawn(mix(start + attempt_offset(attempt)))
        flat[hit] = self.by_rank(mix(start + attempt_offset(BY_RANK)), rows[owner])
        return docs

    def _among_left(self, keys: Keys, rows: Places, slots: int) -> Rows:
        """By rank from the start."""
        counter = np.arange(slots, dtype=np.uint64) * GOLDEN + attempt_offset(BY_RANK)
        hashes = mix(keys[:, None] + counter).reshape(-1)
        return self.by_rank(hashes, np.repeat(rows, slots)).reshape(len(rows), slots)

    def _tickets_of_members(self, start: Places, end: Places) -> Tickets:
        return end - start if self.law.is_uniform else self.taken[end] - self.taken[start]
