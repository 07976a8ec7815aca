"""Whether negatives were written by a machine while people wrote what they stand beside.

Xu et al. 2025, "Training-free LLM-generated Text Detection by Mining Token Probability Sequences"
(Lastde): the text of a machine is probable throughout, and how probable its tokens are varies in
the same way at every scale. Lastde++ measures it in deviations of what the model would have said in
the text's place. Texts of people, the positives unless others are given, say which score is usual.
What is asked is how many negatives score higher than people do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Doubles, Floats
from negatives.machine import available_threads
from negatives.measure.audits.check import Answer, Check, verdict
from negatives.measure.audits.drawn_tokens import drawn_tokens
from negatives.measure.audits.first_tokens import drawn_texts, first_tokens
from negatives.measure.audits.subject import Subject
from negatives.measure.estimate import Estimate, rounded
from negatives.models.causal_lm import CausalLM
from negatives.read.documents.tables import table_of_documents
from negatives.read.findings import Findings
from negatives.schema import PAIR
from negatives.settings import FileName, ModelName
from negatives.stats.auc import auc
from negatives.stats.bounds import upper_bound

FEWEST: Final = 40
"""Texts of people, at least: half of them say what is usual, the others try it."""
UNUSUAL: Final = 0.05
"""Share of people's texts that score higher than what is called usual."""


class MachineText(Check, kind="machine-text"):
    """How many more negatives than texts of people read as a machine writes.

    >>> from negatives.measure.audits.machine_text import MachineText
    >>> MachineText(model="SmolLM2").tokens
    100
    """

    model: Annotated[
        ModelName,
        Meta(description="a causal language model, a folder or hub name with safetensors weights; "
             "the nearer it is to the one that may have written, the more it sees"),
    ] = ""  # fmt: skip
    human: Annotated[
        FileName,
        Meta(description="a file of documents that people wrote; empty: the positives, which "
             "people must then have written"),
    ] = ""  # fmt: skip
    tokens: Annotated[
        int,
        Meta(ge=24, le=2048, description="how many of each text are read; shorter texts are left "
             "out"),
    ] = 100  # fmt: skip
    texts: Annotated[
        int, Meta(ge=FEWEST, description="texts of either sort, at most, drawn by chance")
    ] = 300
    draws: Annotated[
        int,
        Meta(ge=0, description="texts that the model might have written in the place of each, by "
             "which its score is measured (Lastde++, 100 in the paper); 0: none (Lastde), faster"),
    ] = 0  # fmt: skip
    most: Annotated[
        float,
        Meta(ge=0, le=1, description="share of the negatives, beyond that of people's texts, that "
             "may read as a machine writes; more is an alarm"),
    ] = 0.02  # fmt: skip

    def lacking(self, subject: Subject) -> str:
        """A model, and texts of people."""
        if not self.model:
            return "no language model is named; --set machine-text.model=FOLDER"
        if self.draws == 1:
            return "of one draw there is no deviation; --set machine-text.draws=100"
        if not subject.collection.has("docs", "text"):
            return "the documents have no texts; name what has them with --corpus"
        if not self.human and subject.collection.positives.is_empty():
            return "there are no positives; name texts of people: --set machine-text.human=FILE"
        return ""

    def find(self, subject: Subject) -> Answer:
        """The share of the negatives beyond what is usual, less that of people's texts."""
        data = subject.collection
        docs = data.corpus.select("doc_id", "text")
        positive = data.qrels.filter(pl.col("relevance") > 0).select(PAIR)
        negative = subject.negatives.join(positive, on="doc_id", how="anti")
        human = docs.join(positive, on="doc_id", how="semi")
        if self.human:
            human = table_of_documents(Path(self.human), Findings()).select("doc_id", "text")
        model = CausalLM(self.model, threads=available_threads(), emit=subject.emit)
        sorts = {"people": human, "negatives": docs.join(negative, on="doc_id", how="semi")}
        read = {
            name: first_tokens(
                model,
                drawn_texts(texts, self.texts, subject.seed, f"audit/machine-text/{name}"),
                self.tokens,
            )
            for name, texts in sorts.items()
        }
        counts = {name: len(each.texts) for name, each in read.items()}
        details = {**counts, "too short": sum(each.too_short for each in read.values())}
        if counts["people"] < FEWEST or counts["negatives"] < FEWEST:
            nothing = Estimate(
                confidence=subject.confidence,
                assumption="",
                why=f"fewer than {FEWEST} negatives, or texts of people, have {self.tokens} tokens",
                details=details,
            )
            advice = "give more texts, or ask about fewer tokens of each: machine-text.tokens"
            return Answer(self.kind, _ABOUT, nothing, None, advice)
        people, negatives = (
            lastde_plus(model, each.texts, self.tokens, self.draws, subject.seed)
            if self.draws
            else lastde(each.log_probs)
            for each in read.values()
        )
        estimate = excess(people, negatives, subject.confidence)
        estimate.details.update(details, AUROC=rounded(auc(negatives, people)))
        return Answer(self.kind, _ABOUT, estimate, *verdict(estimate, self.most, _WRITTEN, _FINE))


_ABOUT: Final = "share of the negatives, beyond that of people's texts, that read as a machine's"
_WRITTEN: Final = (
    "a model may learn who wrote a text instead of what it says: write positives by the same "
    "machine, or leave these negatives out, and ask the check shortcuts"
)
_FINE: Final = "nothing to do; a machine that this model is unlike may still have written some"


def excess(people: Doubles, negatives: Doubles, confidence: float = 0.95) -> Estimate:
    """How many more negatives than people's texts score higher than what is usual for people.

    Every other text of people, in the order given, says what is usual; the rest is counted beside
    the negatives. Each of the two shares has an exact interval of half the doubt.
    """
    usual = np.quantile(people[::2], 1 - UNUSUAL)
    others = people[1::2]
    counts = [(int((each > usual).sum()), len(each)) for each in (negatives, others)]
    sure = (1 + confidence) / 2
    ends = [
        (1 - upper_bound(of - count, of, sure), upper_bound(count, of, sure))
        for count, of in counts
    ]
    shares = [count / of for count, of in counts]
    return Estimate(
        value=shares[0] - shares[1],
        low=ends[0][0] - ends[1][1],
        high=ends[0][1] - ends[1][0],
        confidence=confidence,
        assumption="people wrote what stands for their texts, of the same kind as the negatives",
        details={"unusual": [rounded(each) for each in shares]},
    )


@dataclass(frozen=True)
class Scales:
    """How Lastde looks at a sequence: windows of `window` tokens at the scales 1 to `last`.

    Cosines of windows are counted in `bins` bins for each token of the sequence.
    """

    window: int
    last: int
    bins: int


PLAIN: Final = Scales(3, 5, 10)
"""Of Lastde (section 3 and the authors' code),"""
PLUS: Final = Scales(4, 15, 8)
"""and of Lastde++."""


def lastde(log_probs: Floats, scales: Scales = PLAIN) -> Doubles:
    """float64[texts]: Lastde of each text, higher of what a machine wrote; float32[texts, tokens].

    The mean log-probability, divided by how much the diversity entropy of the sequence varies over
    scales. Both numbers are small where a machine wrote, the second more so.
    """
    at_scales = [
        diversity(log_probs, scale, scales.bins * log_probs.shape[1], scales.window)
        for scale in range(1, scales.last + 1)
    ]
    varied = np.std(at_scales, axis=0, ddof=1)
    made: Doubles = log_probs.mean(axis=1, dtype=np.float64) / (varied + 1e-8)
    return made


def lastde_plus(
    model: CausalLM, texts: Sequence[str], tokens: int, draws: int, seed: int
) -> Doubles:
    """float64[texts]: Lastde++ of each text, in deviations of what the model would have said."""
    return np.array(
        [
            in_deviations(lastde(own[None], PLUS)[0], lastde(drawn, PLUS))
            for own, drawn in drawn_tokens(model, texts, tokens, draws, seed)
        ]
    )


def in_deviations(value: float, others: Doubles) -> float:
    """How far a value is above the mean of others, in their standard deviation; 0 where all agree.

    >>> import numpy as np
    >>> from negatives.measure.audits.machine_text import in_deviations
    >>> in_deviations(5.0, np.array([1.0, 2.0, 3.0]))
    3.0
    """
    spread = float(others.std(ddof=1))
    return float(value - others.mean()) / spread if spread else 0.0


def diversity(
    sequences: Floats | Doubles, scale: int, bins: int, window: int = PLAIN.window
) -> Doubles:
    """float64[n]: diversity entropy of sequences, float[n, t], averaged over `scale` neighbours.

    Of the cosines of each window with the next, in so many bins between -1 and 1.

    >>> import numpy as np
    >>> from negatives.measure.audits.machine_text import diversity
    >>> sequence = np.array([[1.0, 2, 13, 7, 9, 5, 4]])
    >>> [round(float(diversity(sequence, scale, bins=10)[0]), 6) + 0.0 for scale in (1, 2, 3)]
    [0.30103, 0.0, 0.0]
    """
    values = sequences.astype(np.float64)
    if scale > 1:
        values = np.lib.stride_tricks.sliding_window_view(values, scale, axis=1).mean(axis=2)
    orbits = np.lib.stride_tricks.sliding_window_view(values, window, axis=1)
    lengths = np.linalg.norm(orbits, axis=2)
    product = np.einsum("ntw,ntw->nt", orbits[:, :-1], orbits[:, 1:])
    cosine = product / np.maximum(lengths[:, :-1] * lengths[:, 1:], 1e-12)
    place = np.minimum((np.clip(cosine, -1, 1) + 1) / 2 * bins, bins - 1).astype(np.int64)
    found = np.zeros(len(place))
    for row, each in enumerate(place):
        share = np.unique(each, return_counts=True)[1] / len(each)
        found[row] = -(share * np.log(share)).sum() / np.log(bins)
    return found
