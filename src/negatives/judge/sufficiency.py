"""Whether a document is enough to answer: a critic of an answer that was made from it alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from negatives.judge.asking import Asking
from negatives.judge.llm_score import log_odds
from negatives.judge.prompted import PAIR, PromptedJudge
from negatives.judge.shown_pairs import ShownPairs
from negatives.models.chat import Form
from negatives.models.language_model import Words

_ANSWER: Final = "judge-answer"
_CRITIC: Final = "judge-sufficient"


class Sufficiency(PromptedJudge, kind="sufficiency"):
    """Has the query answered from the document alone, and a critic say whether that was enough.

    After Yang et al. (2025, SIM-RAG), whose critic is trained on a system's own failed searches and
    accepts or rejects an answer with the information at hand. Here the critic is the same model,
    asked, so this is a reconstruction. Two calls a pair. Documents that only touch the subject are
    found insufficient, which is what a hard negative is.

    >>> from negatives import Sufficiency
    >>> Sufficiency(model="http://127.0.0.1:8080/v1#qwen").column
    'sufficiency_score'
    """

    scores: ClassVar[tuple[str, ...]] = ("sufficiency_score",)
    evidence: ClassVar[Mapping[str, int]] = {"sufficiency_held": 1}

    @property
    def words(self) -> Mapping[str, Words]:
        """What is answered, and what the critic is asked."""
        return {
            _ANSWER: PAIR._replace(lists=()),
            _CRITIC: PAIR._replace(needed=("query", "document", "answer")),
        }

    def scored(self, pairs: ShownPairs, ask: Asking) -> Sequence[float | None]:
        """Log-odds that it was enough."""
        texts = pairs.one_by_one()
        alone = [{name: each[name] for name in ("query", "document")} for each in texts]
        answers = ask.answers(_ANSWER, alone, Form(120))
        said = ["" if answer is None else answer.said for answer in answers]
        both = [{**text, "answer": answer} for text, answer in zip(texts, said, strict=True)]
        return ask.scores(_CRITIC, both, Form(8, alternatives=20), log_odds)
