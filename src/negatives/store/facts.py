"""What a run's manifest knows of it, as typed facts: what it was made from, and what came out.

Fields that hold what some stage has found, in that stage's own words, are open mappings: a picker's
`tuning`, and what stages have `measured`.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import msgspec

from negatives.estimation import Basis


class Inputs(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a run was made from: where it lies, hashes of its tables, and the recipe's settings."""

    name: str = ""
    origin: str = ""
    """What `read.load` was asked for; empty for a collection in memory."""
    quarantined: bool = False
    """Whether bad rows were set aside."""
    read_with: dict[str, Any] = {}
    """What else `read.load` was told: the corpus beside a file of ids, names of columns ..."""
    split: str = ""
    corpus: str = ""
    queries: str = ""
    qrels: str = ""
    given: str = ""
    identity: str = ""
    """`id` where documents and queries go by it; empty: by their texts."""
    corpus_fields: str = ""
    query_fields: str = ""
    recipe: dict[str, Any] | None = None

    @property
    def arguments(self) -> str:
        """What says in a shell which data it is, options included; empty: a collection in memory.

        >>> Inputs(origin="my faq.csv", read_with={"corpus": "kb.jsonl"}).arguments
        "'my faq.csv' --corpus kb.jsonl"
        """
        if not self.origin:
            return ""
        options = [
            f"--{name.replace('_', '-')} {shlex.quote(str(each))}"
            for name, said in self.read_with.items()
            for each in (said if isinstance(said, list) else [said])
        ]
        aside = ["--quarantine FILE"] if self.quarantined else []
        where = f"./{self.origin}" if self.origin.startswith("-") else self.origin
        return " ".join([shlex.quote(where), *options, *aside])


class Counts(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How much there is of what."""

    queries: int = 0
    """Queries that negatives are found for."""
    documents: int = 0
    """Documents with text."""
    candidates: int = 0
    """Rows of the ledger, positives included."""
    asked: int = 0
    negatives: int = 0
    relabelled: int = 0
    verdicts: dict[str, int] = {}
    """Rows of the ledger by verdict."""


class Shortfall(msgspec.Struct, frozen=True):
    """One cause of fewer negatives than asked: queries, negatives missing, and what fixes it."""

    cause: str
    about: str
    queries: int
    missing: int
    fix: str


class Relabelled(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={"threshold": "p_relevant at least", "expected": "expected precision"},
):
    """What was relabelled: the precision asked for, what was found, and what is expected of it."""

    asked: float
    pairs: int
    copies: int
    threshold: float | None
    expected: float | None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What makes two calls of a costly judge the same."""

    judge: dict[str, Any]
    column: str
    fingerprint: str
    budget: int | str | None
    """Pairs, or a number with its unit, calls or tokens; None: all pairs."""
    choice: str = "unsure"
    """By what pairs were chosen, where there was a budget."""
    derived: tuple[str, ...] = ()
    """Further columns of the ledger, made of the judge's own."""


class Facts(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What later passes, and the report, need to know of earlier ones."""

    reference: str = ""
    """The source whose scores hardness is measured in."""
    reference_deviation: float | None = None
    """Standard deviation of those scores over the run."""
    fingerprints: dict[str, str] = {}
    """Source -> what changes whenever its candidates would."""
    named: dict[str, str] = {}
    """File or model folder that the recipe names -> hash, as it was when the run was begun."""
    tuning: dict[str, Any] = {}
    """What the picker found by looking at the ledger, in its own words."""
    shortfall: list[Shortfall] = []
    relabelled: Relabelled | None = None
    cascade: Asked | None = None
    """What a costly judge was asked, where the ledger has its scores."""
    reviewed: str = ""
    """Hash of the verdicts of people that the ledger knows."""
    warned_in_picking: str = ""
    """The picker's warning, which goes when others are picked."""


class Relevance(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={
        "labelled": "labelled pairs",
        "label_rate": "label rate",
        "at_least": "label rate at least",
        "at_most": "label rate at most",
        "basis": "label rate from",
        "auc": "auc of labels",
    },
):
    """What p_relevant rests on."""

    labelled: int | None = None
    queries: int | None = None
    pairs: int | None = None
    label_rate: float | None = None
    """The share of the relevant pairs that is labelled, and the ends of what is credible of it."""
    at_least: float | None = None
    at_most: float | None = None
    basis: Basis = "labels"
    auc: float | None = None
    """How well the evidence tells labelled pairs from others."""
    evidence: list[str] = []
    verdicts: int | None = None
    """Verdicts of people that the label rate was revised by."""


class Worth(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={
        "error": "standard error of the auc",
        "above_chance": "above chance",
        "says_yes": "says yes",
        "expected_yes": "yes expected",
    },
):
    """What a judge's scores are worth by the run's labels: see `estimate.judge_worth`."""

    labelled: int
    others: int
    auc: float
    """Probability that a labelled pair's score is above another's of the same queries."""
    error: float
    above_chance: bool
    sensitivity: float | None = None
    """Share of the relevant pairs that it takes for relevant."""
    specificity: float | None = None
    """Share of the others that it takes for not relevant."""
    says_yes: float | None = None
    """Share of the unlabelled pairs that it takes for relevant,"""
    expected_yes: float | None = None
    """and that are, by the first p_relevant."""

    @property
    def bias(self) -> float | None:
        """Specificity less sensitivity: above 0, it says no too readily; below, yes."""
        if self.sensitivity is None or self.specificity is None:
            return None
        return self.specificity - self.sensitivity


class Cascade(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={
        "full": "pairs of a full judging",
        "calibration": "for calibration",
        "revised": "p_relevant revised",
    },
):
    """What a costly judge did: pairs it has scored, of how many, and what that changed."""

    judge: dict[str, Any]
    budget: int | str | None
    pairs: int
    calls: int
    """Pairs that were scored in the last call, or questions put; the others were known."""
    questions: int = 0
    """Questions by which the pairs were judged, where that is how it is done."""
    unknown: int = 0
    """Pairs whose answer could not be read: they have no score."""
    full: int
    saving: float
    calibration: int
    labelled: int
    revised: bool
    worth: Worth | None = None
    """What its scores say of the labels; null: too few pairs were asked about."""


class Review(msgspec.Struct, frozen=True, kw_only=True, rename={"candidates": "of candidates"}):
    """What people's verdicts were."""

    verdicts: int
    candidates: int
    relevant: int


class Checked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a check answered about the negatives as they are: see `negatives.measure.audits`.

    `of_p_relevant`: what it says of p_relevant, half a sentence. `settings`: those that are not the
    check's own. `truth`: whether it was given judgements.
    """

    check: str
    about: str
    confidence: float
    advice: str
    alarm: bool | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    assumption: str = ""
    why: str = ""
    of_p_relevant: str = ""
    settings: dict[str, Any] = {}
    truth: bool = False
    details: dict[str, Any] = {}
    """The counts behind the figures, in the check's own words; plain JSON values."""


class Notes(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What was measured on the way."""

    p_relevant: Relevance | None = None
    cascade: Cascade | None = None
    review: Review | None = None
    checks: list[Checked] = []
    """The last answer of each check that was asked since the negatives were picked."""
    measured: dict[str, Any] = {}
    """What stages, third parties' included, noted under names of their own; plain JSON values."""

    @property
    def basis(self) -> Basis:
        """What the level of p_relevant rests on."""
        return "labels" if self.p_relevant is None else self.p_relevant.basis

    def keep(self, name: str, value: Any) -> None:
        """Keep what a stage noted."""
        if name == "p_relevant":
            self.p_relevant = msgspec.convert(value, Relevance)
        else:
            self.measured[name] = value

    def add(self, name: str, figures: Mapping[str, float]) -> None:
        """Add to the figures that stages, in whatever process, have counted under a name."""
        before = self.measured.get(name, {})
        self.measured[name] = {k: round(before.get(k, 0) + n, 4) for k, n in figures.items()}
