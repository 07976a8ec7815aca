"""Examples whose query helps a language model to foresee the positive, but not much."""

from __future__ import annotations

from typing import Annotated, Any, Final

import numpy as np
from msgspec import Meta

from negatives.arrays import Doubles, Places
from negatives.choose.chooser import Chooser, Pool
from negatives.errors import DataError
from negatives.events import Emit, Progress
from negatives.machine import Machine
from negatives.models.causal_lm import CausalLM
from negatives.models.language_model import LocalModel, run_here
from negatives.store.embedding_shards import text_keys
from negatives.store.pair_scores import pair_keys, pair_scores

_CHUNK: Final = 64
"""Pairs that are read and stored together."""


class FollowingDifficulty(Chooser, kind="ifd"):
    """Highest instruction-following difficulty below 1 first: the query helps, and not too much.

    Li et al. (2023, Cherry LLM): IFD is the perplexity of the answer after the instruction over
    that of the answer alone, exp(L(A | Q) - L(A)) of the mean losses of its tokens. From 1 on the
    instruction does not help, so the two do not belong together: those are never chosen. Here the
    instruction is the query and the answer its positive. Which are chosen depends on a language
    model that is run here; fewer are where fewer qualify.

    >>> from negatives.choose.ifd import FollowingDifficulty
    >>> FollowingDifficulty(model="HuggingFaceTB/SmolLM2-135M", share=0.1).budget(2000)
    200
    """

    model: LocalModel
    characters: Annotated[
        int, Meta(ge=0, description="characters of a positive that are read; 0: all")
    ] = 1000
    shortest: Annotated[
        int, Meta(ge=1, description="tokens of a positive, at least: of fewer it is noise")
    ] = 5

    def ready(self, machine: Machine, emit: Emit) -> None:
        """Open the language model."""
        self._opened(machine)

    def _opened(self, machine: Machine) -> CausalLM:
        try:
            return run_here(self.model, machine)
        except DataError as error:
            raise DataError(
                f"the language model of ifd cannot be used: {error.what}",
                where=f"choose.model = {self.model!r}",
                fix="--set choose.model=FOLDER: a causal language model with safetensors weights",
            ) from None

    def choose(self, pool: Pool, count: int) -> tuple[Places, dict[str, Any]]:
        """Of those below 1, the highest first."""
        value = self.difficulties(pool)
        helped = value < 1
        if not helped.any():
            raise DataError(
                "no query makes its positive more probable to the language model",
                where=f"[choose] {self.kind}: model = {self.model!r}",
                fix="another model, or shortest = 1 where the positives are very short",
            )
        told = {
            "median": round(float(np.nanmedian(value)), 4),
            "not_helped": int((value >= 1).sum()),
            "too_short": int(np.isnan(value).sum()),
        }
        return pool.best(np.where(helped, value, np.nan), count), told

    def difficulties(self, pool: Pool) -> Doubles:
        """float64[n]: IFD of each example, kept in the store; NaN of a positive too short."""
        rows = pool.in_order
        most = self.characters or None
        pairs = list(
            zip(
                (f"{text}\n\n" for text in pool.query_texts(rows)),
                (text[:most] for text in pool.doc_texts(rows)),
                strict=True,
            )
        )
        model = self._opened(pool.machine)
        keys = pair_keys(*(text_keys(side) for side in zip(*pairs, strict=True)))
        distinct, first, which = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        with pair_scores(
            pool.scratch,
            fingerprint=f"{model.fingerprint}-ifd-{self.shortest}",
            name=self.model,
            memory=pool.machine.memory,
        ) as store:
            lacking = np.flatnonzero(~store.get(distinct)[1])
            for start in range(0, len(lacking), _CHUNK):
                part = lacking[start : start + _CHUNK]
                read = [pairs[int(first[place])] for place in part]
                store.add(distinct[part], self._read(model, read).astype(np.float32))
                done = len(distinct) - len(lacking) + start + len(part)
                pool.emit(Progress("choose", done, len(distinct), "examples"))
            found = store.get(distinct)[0][which.reshape(-1)]
        made = np.empty(len(pool))
        made[rows] = found
        return made

    def _read(self, model: CausalLM, pairs: list[tuple[str, str]]) -> Doubles:
        """float64[n] of (query, positive) pairs."""
        after = model.continuations(pairs)
        alone = model.continuations([("", answer) for _, answer in pairs])
        made = np.full(len(pairs), np.nan)
        for at, (given, by_itself) in enumerate(zip(after, alone, strict=True)):
            if min(len(given.log_probs), len(by_itself.log_probs)) >= self.shortest:
                made[at] = difficulty(-given.mean, -by_itself.mean)
        return made


def difficulty(after: float, alone: float) -> float:
    """IFD from the mean loss of the answer's tokens after the instruction, and alone.

    >>> round(difficulty(1.2, 2.0), 6)
    0.449329
    """
    return float(np.exp(np.clip(after - alone, -50, 50)))
