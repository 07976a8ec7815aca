"""Draws without replacement: of a row's independent draws, the first of each document.

That is the law of drawing one document after another from those not drawn yet (successive
sampling), and a longer row begins with the shorter one. Where a few documents hold nearly all of
the law, repeats could go on for ever: the document at place k (from 0) is looked for among the
first `4 (k + 1) + 32` draws; if it is not there, it and those after it are drawn by rank, each
among what is neither positive nor drawn before.
"""

from __future__ import annotations

import numpy as np

from negatives.arrays import Bools, Keys, Places, Rows, spread
from negatives.chance import mix
from negatives.sample.attempts import GOLDEN, NO_DOC, attempt_offset
from negatives.sample.conditioned import Conditioned
from negatives.sample.exclusion import Exclusion
from negatives.sample.law import LOW_32

_ONE_BY_ONE = 62  # as the number of an attempt: apart from all that independent draws use


def draw_distinct(conditioned: Conditioned, keys: Keys, rows: Places, slots: int) -> Rows:
    """uint32[b, slots]: distinct documents for each row, in order; `NO_DOC` where none is left."""
    docs = conditioned.draw(keys, rows, slots)
    asked = np.minimum(conditioned.drawable[rows], slots)
    short = np.flatnonzero(~_first(docs, conditioned.compiled).all(axis=1))
    docs[short] = NO_DOC
    have = np.full(len(rows), slots)
    for tries in (2 * slots + 8, 4 * slots + 32):
        if len(short) == 0:
            return docs
        drawn = conditioned.draw(keys[short], rows[short], tries)
        new = _first(drawn, conditioned.compiled)
        place = np.cumsum(new, axis=1) - 1
        late = new & (np.arange(tries) >= 4 * (place + 1) + 32)
        new &= (place < asked[short, None]) & ~np.logical_or.accumulate(late, axis=1)
        which, at = np.nonzero(new)
        docs[short[which], place[which, at]] = drawn[which, at]
        have[short] = np.count_nonzero(new, axis=1)
        short = short[have[short] < asked[short]]
    while len(short):
        docs[short, have[short]] = _next(
            conditioned, keys[short], rows[short], docs[short], have[short]
        )
        have[short] += 1
        short = short[have[short] < asked[short]]
    return docs


def _first(docs: Rows, fast: bool) -> Bools:
    """bool, as docs: whether a document stands in its row for the first time."""
    if fast:
        from negatives.sample import draw_loop

        return draw_loop.first(docs)
    first = np.ones(docs.shape, np.bool_)
    ascending = np.sort(docs, axis=1)
    some = np.flatnonzero((ascending[:, 1:] == ascending[:, :-1]).any(axis=1))
    order = docs[some].astype(np.uint64) << np.uint64(32)
    order |= np.arange(docs.shape[1], dtype=np.uint64)
    order.sort(axis=1)
    ascending, slot = (order >> np.uint64(32)), (order & LOW_32).astype(np.int64)
    row, again = np.nonzero(ascending[:, 1:] == ascending[:, :-1])
    first[some[row], slot[row, again + 1]] = False
    return first


def _next(conditioned: Conditioned, keys: Keys, rows: Places, drawn: Rows, have: Places) -> Rows:
    """uint32[b]: one more document for each row, which has the first `have` of `drawn`."""
    known = conditioned.exclusion
    sizes = known.sizes[rows]
    owner = np.repeat(np.arange(len(rows)), sizes)
    member = spread(known.starts[rows], sizes)
    row, slot = np.nonzero(np.arange(drawn.shape[1]) < have[:, None])
    gone = Exclusion.from_pairs(
        np.concatenate([owner, row]),
        np.concatenate([known.members[member], drawn[row, slot]]),
        queries=len(rows),
        docs=known.docs,
    )
    left = Conditioned.of(conditioned.law, gone, "numpy")
    hashes = mix(keys + have.astype(np.uint64) * GOLDEN + attempt_offset(_ONE_BY_ONE))
    return left.by_rank(hashes, np.arange(len(rows)))
