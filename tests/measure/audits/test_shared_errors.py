"""An encoder that counts errors sounds an alarm; one that cannot see them does not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from negatives.errors import InputError
from negatives.measure.audits import ask, subject_of
from negatives.measure.audits.shared_errors import (
    Sample,
    SharedErrors,
    Vectors,
    among,
    planted,
    shared,
)
from negatives.measure.audits.subject import Subject
from negatives.models.encoder import Encoded
from negatives.text.grammar_errors import CONFUSED

pytestmark = pytest.mark.method("poisoning-audit")
SUBJECTS = [f"{one}{two}ng" for one in "bdfgklmnprst" for two in ("a", "e", "i", "o", "u", "ai")]


@pytest.fixture(scope="module")
def subject() -> Subject:
    """A question and its answer for each of many subjects."""
    rows = {
        "query": [f"what is the use of {each}" for each in SUBJECTS],
        "positive": [
            f"The use of {each} is for those who need it in the work with {each}."
            for each in SUBJECTS
        ],
        "negative": [f"This is the place of {each}." for each in SUBJECTS[::-1]],
    }
    return subject_of(pl.DataFrame(rows))


@dataclass(frozen=True)
class Counting:
    """Vectors of the words of content, whatever their order; and of errors, if it cares."""

    cares: float = 0.0
    dim: int = 200
    fingerprint: str = "counting"

    def encode(self, texts: Sequence[str]) -> Encoded:
        """A dimension a word, and one for what no correct sentence here has."""
        made = np.zeros((len(texts), self.dim), np.float32)
        for row, text in enumerate(texts):
            words = re.findall(r"[a-z]+", text.lower())
            for word in words:
                if word not in CONFUSED:
                    made[row, 1 + sum(map(ord, word.removesuffix("s"))) % (self.dim - 1)] += 1
            made[row, 0] = self.cares * (not RIGHT.fullmatch(text))
        return Encoded(made, np.zeros(len(texts), bool))


RIGHT = re.compile(
    r"what is the use of \w+|The use of \w+ is for those who need it in the work with \w+\."
    r"|This is the place of \w+\."
)


def test_who_ignores_little_words_and_order_gains_nothing_by_shared_errors(
    subject: Subject,
) -> None:
    sample = Sample.of(subject, 0.1)
    found = shared(sample, Vectors.of(sample, Counting(), Counting()))
    assert np.abs(found.added).max() < 1e-6
    assert np.abs(found.affinity).max() < 1e-6
    assert abs(found.lost) < 1e-6


def test_who_counts_errors_is_found_out_and_finds_what_is_planted(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = Counting(cares=2.0)
    sample = Sample.of(subject, 0.1)
    vectors = Vectors.of(sample, encoder, encoder)
    found = shared(sample, vectors)
    assert found.added.min() > 0
    assert found.lost > 0
    lists = planted(sample, vectors)
    assert lists["queries with errors"].planted_found == 1.0
    assert lists["clean queries"].planted_found < 0.9
    monkeypatch.setattr("negatives.measure.audits.shared_errors.open_encoder", lambda _: encoder)
    alarm = ask(subject, [SharedErrors()])["shared-errors"]
    assert alarm.alarm
    assert "errors in the texts of other queries" in alarm.advice
    assert alarm.estimate.low is not None
    assert alarm.estimate.low > 0.1
    monkeypatch.setattr(
        "negatives.measure.audits.shared_errors.open_encoder", lambda _: Counting(cares=0.0)
    )
    assert ask(subject, [SharedErrors()])["shared-errors"].alarm is False


def test_the_built_in_encoder_is_asked_as_it_is(subject: Subject) -> None:
    told = ask(subject, [SharedErrors(most=2.0)])["shared-errors"]
    assert told.alarm is False
    details = told.estimate.details
    for which in ("clean queries", "queries with errors"):
        shares = [details[f"{name}, {which}"] for name in ("right_found", "right_alone")]
        assert 0 <= shares[1] <= shares[0] <= 1
    again = ask(subject, [SharedErrors(most=2.0)])["shared-errors"]
    assert again.as_dict() == told.as_dict()


def test_lists_are_counted_as_in_the_worked_example() -> None:
    """Four lists of two: [planted, right], [right, other], [other, other], [right, planted]."""
    changed = np.array([True, False, False, False, False])
    right, other = 1, 2
    ranked = np.array([[0, right], [right, other], [other, 3], [right, 0]])
    owner, answers = np.arange(4), np.full(4, right)
    found = among(ranked, changed, owner, answers)
    assert (found.planted_found, found.right_found, found.right_alone) == (0.5, 0.75, 0.25)
    for k in (1, 2):
        first = among(ranked[:, :k], changed, owner, answers)
        assert first.planted_found <= found.planted_found
        assert first.right_found <= found.right_found
        assert first.right_alone <= min(first.right_found, 1 - first.planted_found)


def test_what_is_not_english_or_has_no_positives_cannot_be_asked(subject: Subject) -> None:
    rows = {"query": [f"was {each}" for each in "abc"], "positive": ["Ja."] * 3}
    few = subject_of(pl.DataFrame(rows | {"negative": ["Nein."] * 3}))
    with pytest.raises(InputError, match=r"in only \d of 3 queries, and 30 are needed"):
        ask(few, [SharedErrors()])
    data: Any = replace(subject.collection, qrels=subject.collection.qrels.clear())
    with pytest.raises(InputError, match="there are no positives to compare with"):
        ask(replace(subject, collection=data), [SharedErrors()])
