"""Products of 8-bit integers by onnxruntime, a sieve before those in float32.

A processor multiplies bytes nearly twice as fast as floats, and more than twice as fast where it
has instructions for that (VNNI). Documents are rounded to 8 bits, by one scale for a block; queries
to 7, each by a scale of its own, because the instruction of the others adds two products of an
unsigned and a signed byte in 16 bits, which 2 x 255 x 64 fits into. What rounding may have changed
is bounded by the inequality of Cauchy and Schwarz, |q.d - q'.d'| <= |q - q'| |d| + |q'| |d - d'|,
and what may reach its query's bar is multiplied again in float32. Where that would be much, as it
is while the bar is low, the block is.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from negatives.arrays import Floats, Places
from negatives.optional import require
from negatives.search.blas import Blas, BlasProduct
from negatives.search.by_blocks import ByBlocks
from negatives.search.product import Nominated, Product, least
from negatives.stats.lengths import lengths

MOST: Final = 64
"""Of a query's components, rounded."""
MOST_OF_DOC: Final = 127
ZERO: Final = 128
"""The byte that stands for 0 in a document."""

_SHUT = np.iinfo(np.int32).min
_PART = 256  # documents rounded at once: they stay in a core's cache
_PAIRS = 1024  # multiplied again at once, for the same reason
_SHARE = 1 / 24  # of the cells: so many pairs take as long as a float32 product of all
_LONGEST_REST = 64
_MARGIN = np.float32(1.001)  # more than float32 can lose in a length
_SHORT, _LONG = 1e-15, 1e15  # lengths between which the scales of rounding are numbers of float32

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Int8(ByBlocks):
    """8-bit products by onnxruntime, one thread to a block of documents."""

    workers: int = 1
    name: str = "onnxruntime int8"
    batch: int = 2048
    block: int = 1024  # larger ones are hardly faster and hold more memory

    def open(self, queries: Floats) -> Product:
        """Round the queries, and build what multiplies by them."""
        plain = Blas(block=self.block).open(queries)
        sizes = lengths(queries)
        if ((sizes > 0) & ~_ordinary(sizes)).any():
            return plain
        scale = np.abs(plain.queries).max(axis=1, initial=0) / np.float32(MOST)
        scale[scale == 0] = 1
        rounded = np.rint(plain.queries / scale[:, None])
        return Int8Product(
            plain=plain,
            session=open_session(rounded.astype(np.int8)),
            scale=scale,
            length=lengths(rounded) * scale,
            lost=lengths(plain.queries - rounded * scale[:, None]),
            space=_Space(plain.queries.shape[1], self.block),
        )


class _Space(threading.local):
    """What each thread keeps: bytes of a block, and how many blocks it leaves to float32."""

    def __init__(self, width: int, block: int) -> None:
        self.codes = np.empty((block, width), np.uint8)
        self.part = np.empty((_PART, width), np.float32)
        self.rest = 0
        self.rested = 0


@dataclass(frozen=True, slots=True)
class Int8Product:
    """A batch of queries as bytes.

    scale, length, lost (float32[q]): of each query, what 1 stands for, the length of what it was
    rounded to, and that of what was lost.
    """

    plain: BlasProduct
    session: Any
    scale: Floats
    length: Floats
    lost: Floats
    space: _Space

    def above(self, docs: Floats, bar: Floats, query: Places, column: Places) -> Nominated:
        """See `Product.above`."""
        own = self.space
        longest = lengths(docs).max()
        if own.rest or not (np.isfinite(bar).all() and _ordinary(longest)):
            own.rest = max(own.rest - 1, 0)
            return self.plain.above(docs, bar, query, column)
        found, exact = self._sieved(docs, longest, bar, query, column)
        if len(found) > _SHARE * len(docs) * len(bar):
            own.rested = min(2 * own.rested + 1, _LONGEST_REST)
            own.rest = own.rested
            return self.plain.above(docs, bar, query, column)
        own.rested = 0
        column, query = np.divmod(found, len(bar))
        products = np.empty(len(found), np.float32)
        for start in range(0, len(found), _PAIRS):
            some = slice(start, start + _PAIRS)
            left, right = self.plain.queries[query[some]], docs[column[some]]
            np.einsum("nd,nd->n", left, right, out=products[some])
        near = np.flatnonzero(products >= least(bar, exact)[query])
        query, column = query[near], column[near]
        return Nominated(query, column, products[near] - exact[query], exact)

    def _sieved(
        self, docs: Floats, longest: np.float32, bar: Floats, query: Places, column: Places
    ) -> tuple[Places, Floats]:
        """Cells (column x queries + query) that may reach the bar; float32[q]: `plain`'s slack."""
        codes, scale, lost = self._rounded(docs)
        exact = self.plain.slack * longest
        slack = (self.lost * longest + self.length * lost) * _MARGIN + 2 * exact
        cells = self._multiplied(codes)
        cells[column, query] = _SHUT
        # In float64 every int32 is exact; one less, for the rounding of this division.
        floor = np.floor((bar.astype(np.float64) - slack) / (self.scale * np.float64(scale))) - 1
        mask = self.plain.space.mask[: cells.size].reshape(cells.shape)
        np.greater_equal(cells, np.clip(floor, _SHUT + 1, -_SHUT - 1).astype(np.int32), out=mask)
        return np.flatnonzero(mask), exact

    def _rounded(self, docs: Floats) -> tuple[Bytes, np.float32, np.float32]:
        """The block in bytes, what 1 of them stands for, and the most that a document lost."""
        codes, most = self.space.codes[: len(docs)], np.float32(0)
        scale = max(docs.max(), -docs.min()) / np.float32(MOST_OF_DOC) or np.float32(1)
        for start in range(0, len(docs), _PART):
            part, into = docs[start : start + _PART], codes[start : start + _PART]
            left = np.multiply(part, 1 / scale, out=self.space.part[: len(part)])
            np.rint(left, out=left)
            np.copyto(into.view(np.int8), left, casting="unsafe")
            np.bitwise_xor(into, np.uint8(ZERO), out=into)
            left *= scale
            left -= part
            most = max(most, np.einsum("nd,nd->n", left, left).max())
        return codes, scale, np.sqrt(most)

    def _multiplied(self, codes: Bytes) -> NDArray[np.int32]:
        """int32[b, q]: products of the block, in this thread's own cells."""
        shape = (len(codes), len(self.scale))
        cells = self.plain.space.cells.view(np.int32)[: shape[0] * shape[1]].reshape(shape)
        binding = self.session.io_binding()
        binding.bind_cpu_input("docs", codes)
        binding.bind_output("cells", "cpu", 0, np.int32, shape, cells.ctypes.data)
        self.session.run_with_iobinding(binding)
        return cells


def _ordinary(length: Floats | np.float32) -> Any:
    """Whether vectors of this length can be rounded to bytes; others are multiplied as they are."""
    return (length > _SHORT) & (length < _LONG)


def open_session(queries: NDArray[np.int8]) -> Any:
    """What multiplies `docs` (uint8[b, d], `ZERO` being 0) by int8[q, d]: `cells`, int32[b, q]."""
    onnx = require("onnx", extra="onnx")
    runtime = require("onnxruntime", extra="onnx")
    make, types = onnx.helper, onnx.TensorProto
    count, width = queries.shape
    graph = make.make_graph(
        [make.make_node("MatMulInteger", ["docs", "queries", "zero"], ["cells"])],
        "products",
        [make.make_tensor_value_info("docs", types.UINT8, ["block", width])],
        [make.make_tensor_value_info("cells", types.INT32, ["block", count])],
        [
            make.make_tensor("queries", types.INT8, [width, count], queries.T.tobytes(), raw=True),
            make.make_tensor("zero", types.UINT8, [], [ZERO]),
        ],
    )
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 13)], ir_version=8)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return runtime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
