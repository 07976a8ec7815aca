"""In-context re-ranking: which of the documents of one prompt a model looks at for a query.

    score(d) = sum over the kept tokens t of d of  a(t | query) - a(t | "N/A")

a(t): the attention that the tokens after the last document pay to t, a mean over them, added up
over all layers and heads. What a query without content draws as well is no sign of relevance, so it
is taken off. A token is left out where its difference lies more than two standard deviations below
the mean of its document. Chen, Gutierrez and Su, 2025, "Attention in large language models yields
efficient zero-shot re-rankers" (ICR); the words around the documents are ours.

Scores of one prompt can be compared with one another, and with no others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Final

import numpy as np

from negatives.arrays import Doubles
from negatives.errors import DataError
from negatives.models.attended import attended
from negatives.models.causal_lm import CausalLM

BEFORE: Final = "Here are some paragraphs:\n\n"
AFTER: Final = "Find the paragraphs that tell what the query asks for.\nQuery: "
NOTHING: Final = "N/A"
"""The query without content."""
_BELOW: Final = 2.0
"""Standard deviations below the mean of its document from which on a token is left out."""
_SMALLER: Final = 0.9


def calibrated(asked: Doubles, free: Doubles) -> float:
    """The score of a document from the attention to its tokens with the query and without content.

    asked, free: float64[tokens]. A document of fewer than six tokens cannot lose any.

    >>> import numpy as np
    >>> asked, free = np.array([0.1] * 9 + [0.02]), np.array([0.05] * 9 + [0.6])
    >>> f"{calibrated(asked, free):.2f}"
    '0.45'
    """
    more = asked - free
    if len(more) < 2:
        return float(more.sum())
    kept = more >= more.mean() - _BELOW * more.std(ddof=1)
    return float(more[kept].sum() if kept.any() else more.sum())


def in_windows(
    count: int, score: Callable[[list[int]], Doubles], window: int, stride: int
) -> Doubles:
    """float64[count] scores of a list that is too long for one prompt, in the order they end in.

    `score` gives those of the documents of a window, by number. The last `window` of the list are
    put in order, then those `stride` places further up, and so on to its top, so that the best rise
    through all windows. What is returned falls from the first of the final order to the last: none
    is higher than that of a document that came before it.
    """
    order, own = list(range(count)), np.zeros(count)
    stop = count
    while True:
        start = max(0, stop - window)
        part = order[start:stop]
        found = score(part)
        own[part] = found
        order[start:stop] = [part[at] for at in np.argsort(-found, kind="stable")]
        if start == 0:
            break
        stop -= stride
    made = np.empty(count)
    made[order] = np.minimum.accumulate(own[order])
    return made


class InContext:
    """A language model that scores the documents of a list by its attention.

    `characters` of each document, and of a query, are read; fewer, of all alike, where all together
    would be more than the model reads. `window`: documents in one prompt; longer lists are done in
    windows that overlap by half.
    """

    def __init__(self, model: CausalLM, *, window: int = 20, characters: int = 600) -> None:
        self._model, self._window, self._characters = model, window, characters

    @cached_property
    def fingerprint(self) -> str:
        """The model's, with the words around the texts and how much is read at once."""
        read = f"{BEFORE}{AFTER}{NOTHING}{self._window} {self._characters}"
        return f"{self._model.fingerprint}-icr-{_hash(read)}"

    def score(self, query: str, docs: Sequence[str]) -> Doubles:
        """float64[docs]: the score of each, divided by the number of layers and heads.

        That is, the share of the attention that it draws more for this query than for none.
        """
        query = query[: self._characters]

        def of_window(part: list[int]) -> Doubles:
            return self._one_prompt(query, [docs[number] for number in part])

        return in_windows(len(docs), of_window, self._window, max(1, self._window // 2))

    def _one_prompt(self, query: str, docs: Sequence[str]) -> Doubles:
        """float64[docs] of documents that are read together."""
        shown, spans, asked = self._read(query, docs)
        beginning, end = asked
        free = [piece.token for piece in self._model.pieces(shown + AFTER + NOTHING)]
        ends = [end, free[len(beginning) :]]
        if free[: len(beginning)] == beginning:
            found = attended(self._model, beginning, ends)
        else:  # a tokenizer that reads the documents differently before another query
            found = [
                attended(self._model, start, [rest])[0]
                for start, rest in ((beginning, end), (free[: len(beginning)], ends[1]))
            ]
        with_query, without = (each.sum((0, 1)) for each in found)
        heads = self._model.layers * self._model.heads
        return np.array([calibrated(with_query[span], without[span]) / heads for span in spans])

    def _read(
        self, query: str, docs: Sequence[str]
    ) -> tuple[str, list[slice], tuple[list[int], list[int]]]:
        """The text up to the instruction, the tokens of each document, and those of the prompt.

        All of them from one reading of the whole prompt, up to the last document and from there on.
        """
        most = self._characters
        while True:
            shown, places = _listed([doc[:most] for doc in docs])
            pieces = self._model.pieces(f"{shown}{AFTER}{query}")
            if len(pieces) <= self._model.longest - len(NOTHING):
                break
            if most == 1:
                raise DataError(
                    f"{len(docs):,} documents are too many for one prompt: the model reads "
                    f"{self._model.longest:,} tokens",
                    where=self._model.name,
                    fix="give a smaller window, or fewer characters",
                )
            longest = min(most, max(map(len, docs)))
            shorter = int(_SMALLER * longest * self._model.longest / len(pieces))
            most = max(1, min(longest - 1, shorter))
        starts = np.array([piece.start for piece in pieces])
        ends = np.array([piece.end for piece in pieces])
        spans = []
        for first, last in places:
            inside = np.flatnonzero((ends > first) & (starts < last))
            spans.append(slice(inside[0], inside[-1] + 1) if len(inside) else slice(0, 0))
        after = int(np.flatnonzero(starts >= len(shown))[0])
        tokens = [piece.token for piece in pieces]
        return shown, spans, (tokens[:after], tokens[after:])


def _listed(docs: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """The documents as a numbered list, and where in it the text of each stands."""
    text, places = BEFORE, []
    for number, doc in enumerate(docs, 1):
        text += f"[{number}] "
        places.append((len(text), len(text) + len(doc)))
        text += f"{doc}\n\n"
    return text, places


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
