"""Whether a language model has seen texts before it is judged by them, or writes about them.

Shi et al. 2024, "Detecting Pretraining Data from Large Language Models" (Min-K%): of a text that
was learned, even the least probable tokens are not improbable. What counts as probable only texts
show that the model cannot have seen, and these must be of the same kind: where the two sorts can be
told apart by their words alone, a difference says nothing. A second model that has seen neither can
measure how hard each text is; it does not make texts of another kind comparable, for two models
differ in what is strange to them. Zhang et al. 2024, "Min-K%++", measure each token by what else
the model held possible in its place.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Doubles, Floats
from negatives.judge.blind_texts import logistic
from negatives.machine import available_threads
from negatives.measure.audits.blindfold import words_of
from negatives.measure.audits.check import Answer, Check, verdict
from negatives.measure.audits.first_tokens import FirstTokens, drawn_texts, first_tokens
from negatives.measure.audits.subject import Subject
from negatives.measure.audits.token_deviations import token_deviations
from negatives.measure.estimate import Estimate, rounded
from negatives.measure.responses import min_k
from negatives.models.causal_lm import CausalLM
from negatives.read.documents.tables import table_of_documents
from negatives.read.findings import Findings
from negatives.schema import PAIR, Side
from negatives.settings import FileName, ModelName
from negatives.stats.auc import auc, auc_interval

FEWEST: Final = 20
"""Texts of either sort, at least."""
FALSE_ALARMS: Final = 0.05
"""Of the unseen texts, for the share of the others that is told."""

Score = Literal["min-k", "min-k++", "loss", "zlib"]


class Contamination(Check, kind="contamination"):
    """How well the texts are told from unseen ones by how probable a language model finds them.

    >>> from negatives.measure.audits.contamination import Contamination
    >>> Contamination(model="SmolLM2", unseen="new.jsonl").score
    'min-k'
    """

    asks_negatives: ClassVar[bool] = False

    model: Annotated[
        ModelName,
        Meta(description="the causal language model that may have seen the texts, a folder or hub "
             "name with safetensors weights"),
    ] = ""  # fmt: skip
    unseen: Annotated[
        FileName, Meta(description="a file of documents of the same kind that it cannot have seen")
    ] = ""
    control: Annotated[
        ModelName,
        Meta(description="a causal language model that has seen neither, by which it is measured "
             "how hard each text is; empty: none"),
    ] = ""  # fmt: skip
    of: Annotated[
        Literal["positives", "negatives", "queries"], Meta(description="the texts asked about")
    ] = "positives"
    score: Annotated[
        Score,
        Meta(description="what is compared: min-k, the mean log-probability of the fifth of the "
             "tokens that are least probable; min-k++, that of the fifth that is lowest in "
             "deviations of all that might stand there; loss, the mean log-probability of all "
             "tokens; zlib, the latter divided by the bytes of the compressed text"),
    ] = "min-k"  # fmt: skip
    tokens: Annotated[
        int,
        Meta(ge=8, le=2048, description="how many of each text are read; shorter texts are left "
             "out"),
    ] = 64  # fmt: skip
    texts: Annotated[
        int, Meta(ge=FEWEST, description="texts of either sort, at most, drawn by chance")
    ] = 300
    most: Annotated[float, Meta(ge=0.5, le=1, description="AUROC, above which it is an alarm")] = (
        0.55
    )

    def lacking(self, subject: Subject) -> str:
        """A model, and what it cannot have seen."""
        if not self.model:
            return "no language model is named; --set contamination.model=FOLDER"
        if not self.unseen:
            return (
                "nothing says what a text looks like that the model has not seen; "
                "--set contamination.unseen=FILE"
            )
        side: Side = "queries" if self.of == "queries" else "docs"
        if not subject.collection.has(side, "text"):
            what = "queries" if self.of == "queries" else "documents"
            return f"the {what} have no texts; name what has them with --corpus"
        if self.of == "negatives" and subject.negatives.is_empty():
            return "there are no negatives; --set contamination.of=positives"
        if self.of == "positives" and subject.collection.positives.is_empty():
            return "there are no positives; --set contamination.of=negatives"
        return ""

    def find(self, subject: Subject) -> Answer:
        """The AUROC, beside that of a model that knows words alone."""
        new = table_of_documents(Path(self.unseen), Findings()).select("doc_id", "text")
        sorts = [
            drawn_texts(texts, self.texts, subject.seed, f"audit/contamination/{name}")
            for name, texts in (("asked", _asked(subject, self.of)), ("unseen", new))
        ]
        threads = available_threads()
        model = CausalLM(self.model, threads=threads, emit=subject.emit)
        other = CausalLM(self.control, threads=threads, emit=subject.emit) if self.control else None
        read = [first_tokens(model, texts, self.tokens) for texts in sorts]
        counts = {
            "texts": [len(each.texts) for each in read],
            "too short": [each.too_short for each in read],
        }
        if min(counts["texts"]) < FEWEST:
            return self._unknown(
                subject, counts,
                f"fewer than {FEWEST} texts of either sort have {self.tokens} tokens",
                "give more texts, or ask about fewer tokens of each: contamination.tokens",
            )  # fmt: skip
        scores = [
            scored([row[-self.tokens :] for row in self._said(model, each)], each.texts, self.score)
            for each in read
        ]
        if other is not None:
            scores = [
                score - scored(self._read(other, each.texts), each.texts, self.score)
                for score, each in zip(scores, read, strict=True)
            ]
        ours, theirs = scores
        value, (low, high) = auc(ours, theirs), auc_interval(ours, theirs, subject.confidence)
        by_words = blind(read[0].texts, read[1].texts)
        beyond = ours > np.quantile(theirs, 1 - FALSE_ALARMS)
        details = {
            **counts,
            "AUROC by words alone": rounded(by_words),
            f"share above {1 - FALSE_ALARMS:.0%} of the unseen": rounded(float(beyond.mean())),
        }
        if low > self.most and by_words >= value:
            return self._unknown(
                subject, details,
                f"the texts are told from the unseen ones with an AUROC of {value:.2f}, and by "
                f"their words alone with {by_words:.2f}",
                "give unseen texts of the same kind and of the same time",
            )  # fmt: skip
        estimate = Estimate(
            value=value,
            low=low,
            high=high,
            confidence=subject.confidence,
            assumption="the model has not seen what is called unseen"
            + (", and the control has seen neither" if self.control else "")
            + ", and both sorts are alike but for that",
            details=details,
        )
        return Answer(self.kind, self._about, estimate, *verdict(estimate, self.most, _SEEN, _FINE))

    def _said(self, model: CausalLM, read: FirstTokens) -> Iterable[Floats]:
        """Of each text what is compared, of what was read already where that is enough."""
        if self.score in _OF_ALL_TOKENS:
            return self._read(model, read.texts)
        return read.log_probs

    def _read(self, model: CausalLM, texts: Sequence[str]) -> list[Floats]:
        """What a model says of texts, each cut into tokens of its own."""
        if self.score in _OF_ALL_TOKENS:
            return token_deviations(model, texts)
        return [each.log_probs for each in model.continuations([("", text) for text in texts])]

    @property
    def _about(self) -> str:
        return f"AUROC by which the {self.of} are told from unseen texts"

    def _unknown(
        self, subject: Subject, details: Mapping[str, Any], why: str, advice: str
    ) -> Answer:
        nothing = Estimate(
            confidence=subject.confidence, assumption="", why=why, details=dict(details)
        )
        return Answer(self.kind, self._about, nothing, None, advice)


_SEEN: Final = (
    "do not judge this model by these texts, and do not let it write about them; "
    "judge it by texts that are newer than it is"
)
_FINE: Final = (
    "nothing to do; what a model has read once among much else leaves no trace that this could see"
)


def _asked(subject: Subject, of: str) -> pl.DataFrame:
    """doc_id, text of what is asked about."""
    data = subject.collection
    if of == "queries":
        return data.queries.select("text", doc_id="query_id")
    positives = data.qrels.filter(pl.col("relevance") > 0).select(PAIR)
    pairs = positives if of == "positives" else subject.negatives
    return data.corpus.select("doc_id", "text").join(pairs, on="doc_id", how="semi")


def scored(said: Iterable[Floats], texts: Sequence[str], score: Score) -> Doubles:
    """float64[texts]: higher of what was learned.

    `said`: float32[tokens] of each text, log-probabilities, or for min-k++ deviations of them.
    """
    read = zip(said, texts, strict=True)
    return np.array([_SCORES[score](each, text) for each, text in read], np.float64)


_SCORES: Final[Mapping[str, Callable[[Floats, str], float]]] = {
    "min-k": lambda log_probs, _: min_k(log_probs),
    "min-k++": lambda deviations, _: min_k(deviations),
    "loss": lambda log_probs, _: float(log_probs.mean()),
    "zlib": lambda log_probs, text: float(log_probs.mean()) / len(zlib.compress(text.encode())),
}
_OF_ALL_TOKENS: Final[frozenset[Score]] = frozenset({"min-k++"})
"""Scores for which it is not enough to know how probable the text's own tokens are."""


def blind(ours: Sequence[str], theirs: Sequence[str]) -> float:
    """AUROC by which two sorts of text are told apart by their words, in texts not fitted on."""
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    label = np.repeat([1, 0], [len(ours), len(theirs)])
    words = words_of(pl.Series([*ours, *theirs]))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    odds = cross_val_predict(logistic(), words, label, cv=folds, method="decision_function")
    return auc(odds[label == 1], odds[label == 0])
