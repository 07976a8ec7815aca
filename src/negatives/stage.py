"""The stages of mining by their verbs: to find, judge, estimate and pick.

A stage is a small frozen object whose fields are its settings (`stage_base`), with one verb. What
it is opened with, and what it is then, is in `opening`; what generators are, in `generator`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Protocol

import msgspec
import polars as pl

from negatives.estimation import Basis, Estimation, Revised
from negatives.opening import Context, EstimateContext, JudgeContext, Proposer, Ruling
from negatives.schema import Doubles
from negatives.stage_base import PositiveInt as PositiveInt
from negatives.stage_base import Share as Share
from negatives.stage_base import Stage as Stage
from negatives.stage_base import StageMeta as StageMeta
from negatives.stage_base import build as build
from negatives.stage_base import fields_of as fields_of
from negatives.stage_base import stage_class as stage_class


class Source(Stage, kw_only=True):
    """Proposes candidates from the corpus."""

    section: ClassVar[str] = "find"
    name: Annotated[
        str,
        msgspec.Meta(
            description="column prefix in the ledger; empty: the kind", pattern="^[a-z0-9-]{0,64}$"
        ),
    ] = ""

    scores_pairs: ClassVar[bool] = False
    """Whether it can score any pair, and so serve as the run's reference scorer."""
    reads_judgements: ClassVar[bool] = False
    """Whether what it proposes depends on which pairs are judged or given.

    An estimator cannot learn from such proposals: being proposed would give the label away; unless
    the source leaves it out.
    """
    leaves_out_own: ClassVar[bool] = False
    """Whether it proposes, ranks and scores a labelled pair as if its own label was not known, so
    that an estimator can learn from it although it reads other judgements."""
    ranks_by_relevance: ClassVar[bool] = True
    """Whether a better rank says that a pair is more probably relevant: not of a random draw."""
    samples: ClassVar[bool] = False
    """Whether its candidates are random draws, which a trainer can make anew at every step (see
    `find.sampled.SampledSource`)."""
    repeats_others: ClassVar[bool] = False
    """Whether it proposes what other sources of the recipe propose: no evidence of its own."""

    @property
    def encodes(self) -> bool:
        """Whether it compares what the encoder of the day makes of texts: that of a command, or the
        model that is trained. Then `encoder` is one of its settings.

        Of the sources that score any pair, the reference scorer is the last of these.
        """
        return False

    @property
    def saw_labels(self) -> bool:
        """Whether it scores a labelled pair higher because it is labelled, as a model does that was
        trained with these labels: its scores are no evidence for an estimator then.
        """
        return False

    @property
    def blind(self) -> bool:
        """Whether an estimator can learn from it: its proposals do not give a pair's label away."""
        return not self.saw_labels and (self.leaves_out_own or not self.reads_judgements)

    @property
    def label(self) -> str:
        """The name its ranks and scores have in the ledger."""
        return self.name or self.kind

    @property
    def proposes(self) -> int:
        """Candidates it has for a query, about: its `top`, if that is one of its settings."""
        return int(getattr(self, "top", 100))

    @property
    def widened(self) -> str:
        """What a user would change to have it propose more, where that is not its `top`."""
        return ""

    def unfit(self, context: Context) -> str:
        """Why a run should go on without this source on this collection; empty: it should not.

        Asked before anything is opened. A source that is a must says nothing here and raises
        `DataError` when it is opened.
        """
        return ""

    def substitute(self) -> Source | None:
        """The source that takes the place of an unfit one; None: none does."""
        return None

    @abstractmethod
    def open(self, context: Context) -> Proposer:
        """Build or reopen what proposing needs, inside `context.scratch`."""


class Judge(Stage):
    """Adds evidence about pairs; never drops a row."""

    section: ClassVar[str] = "judge"
    tells_what_is_known: ClassVar[bool] = False
    """Whether it gives the verdicts that judgements and copies of texts leave no choice about.

    Every run has one such judge, before all others: `known` where the recipe names none.
    """
    scores: ClassVar[tuple[str, ...]] = ()
    """Columns that are scores of pairs, as a source's: higher for more relevant ones.

    What a source's score can be compared, ordered or exported for, such a column can be, under its
    name without `_score`. The first is the one that a student learns from, unless another is named.
    """
    rules: ClassVar[Mapping[str, str]] = {}
    """Rules by which it objects, with what each of them rejects; empty: one, of its kind's name."""
    same_text: ClassVar[frozenset[str]] = frozenset()
    """Those of a pair whose document has the text of a known positive of its own query."""
    no_answer: ClassVar[frozenset[str]] = frozenset()
    """Those of a pair whose document is no positive, however relevant it seems."""
    takes_all: ClassVar[bool] = False
    """Whether judging takes all processors, as a model does: parts are then judged one by one."""
    evidence: ClassVar[Mapping[str, int]] = {}
    """Columns an estimator may learn from -> 1: p_relevant rises with it, -1: falls, 0: either.

    Only columns that are made as if the pair's own label was not known; others would give it away.
    """

    @abstractmethod
    def open(self, context: JudgeContext) -> Ruling:
        """Build or reopen what judging needs, inside `context.scratch`."""

    @property
    def fix(self) -> str:
        """Which setting a user would change to have this judge reject less."""
        return ""

    @property
    def derived(self) -> tuple[pl.Expr, ...]:
        """Named columns of the ledger that are made of its own columns alone."""
        return ()

    @property
    def copies(self) -> pl.Expr | None:
        """Rows whose text is a copy of *another* positive of their query; None: it looks for none.

        An expression over the columns it adds, true or false of a pair whether or not that pair is
        labelled itself: a judge that calls unlabelled pairs duplicates must say of labelled ones
        that they would be, so that an estimator can leave out both or neither.
        """
        return None


class Estimator(Stage):
    """Says of every pair how probable it is that it is relevant, from the evidence of the run."""

    section: ClassVar[str] = "estimate"

    @abstractmethod
    def open(self, context: EstimateContext) -> Estimation:
        """Build or reopen what estimating needs, inside `context.scratch`."""

    def revised(self, notes: Mapping[str, Any], judged: pl.DataFrame) -> Revised | None:
        """What verdicts on unlabelled pairs change of the whole run; None: nothing is learned.

        `judged`: rows of the ledger, and `relevant` (bool). `notes`: the manifest's, in which an
        estimator finds what it left there when the run was mined.
        """
        return None

    def information(
        self, notes: Mapping[str, Any], judged: pl.DataFrame, rows: pl.DataFrame
    ) -> Doubles | None:
        """How much the verdict on each of `rows` is expected to tell; None: that is not known.

        float64[n], from 0: of how many of these rows, which nobody has judged, are relevant.
        `notes` and `judged` as for `revised`. People are asked about a pair in proportion to it.
        """
        return None


class Ranking(Protocol):
    """An order of candidates in which each has its place by its own values.

    What else is in the query moves nothing; nor does adding the same to every hardness of a query,
    but across 0.
    """

    def ranked(self, rows: pl.DataFrame, seed: int) -> pl.DataFrame:
        """The rows that could be picked, by query, in the order of choice."""


class Picker(Stage, kw_only=True):
    """Decides which of the kept candidates become the negatives."""

    section: ClassVar[str] = "pick"
    reads: ClassVar[tuple[str, ...] | None] = None
    """Columns of the ledger that `pick` looks at, besides the ids; None: any. Others need not be
    read."""
    per_query: Annotated[
        int, msgspec.Meta(ge=1, le=32_767, description="negatives asked for each query")
    ] = 7

    @property
    def takes_from(self) -> tuple[str, ...]:
        """Labels of the sources and generators that it names."""
        return ()

    def tuned(
        self, parts: Sequence[Path], basis: Basis = "labels"
    ) -> tuple[Picker, dict[str, Any]]:
        """The picker to use on a run whose ledger is `parts`, and what the manifest should say.

        Itself and nothing, unless it looks at the whole run first; a `warning` is told to the user.
        `basis`: what the level of the ledger's p_relevant rests on.
        """
        return self, {}

    def asking(self) -> Picker:
        """The picker whose choice is worth asking somebody about, to learn how many are relevant.

        The same one, so that its picks are sampled, unless others say more.
        """
        return self

    def keeping(self) -> Picker:
        """The picker that keeps to the share it was asked for at any cost in hardness.

        The same one, unless it makes compromises. By it the same share is compared before and after
        verdicts.
        """
        return self

    @property
    def fix(self) -> str:
        """Which setting a user would change to have this picker leave fewer candidates aside."""
        return ""

    @property
    def ranking(self) -> Ranking | None:
        """Its order, where it takes the first `per_query` of one; None where it does not."""
        return None

    @abstractmethod
    def pick(self, rows: pl.DataFrame, seed: int) -> pl.DataFrame:
        """Choose among `rows` of the ledger (kept verdicts only, whole queries).

        Returns the chosen rows in the order of choice within each query, at most `per_query` of
        each; the columns are those of `rows`. Random choices depend on (seed, query_id, doc_id)
        only.
        """
