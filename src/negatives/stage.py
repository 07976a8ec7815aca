"""What a stage is: a small frozen object whose fields are its settings, with one verb.

The settings base class, the verbs, and how a stage is built from plain settings. What a stage is
opened with, and what it is then, is in `opening`.
"""

from __future__ import annotations

import importlib
from abc import ABCMeta, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Protocol

import msgspec
import polars as pl

from negatives.errors import RecipeError, nearest
from negatives.estimation import Basis, Estimation, Revised
from negatives.kinds import kinds, place_of
from negatives.opening import Context, EstimateContext, JudgeContext, Proposer, Ruling
from negatives.schema import Doubles, Needs
from negatives.secrets import refuse_secrets
from negatives.settings import (
    LARGEST,
    LARGEST_WHOLE,
    Named,
    about,
    computable,
    every,
    finite,
    names,
    required,
    texts,
    without_numpy,
)

PositiveInt = Annotated[int, msgspec.Meta(ge=1)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class StageMeta(msgspec.StructMeta, ABCMeta):
    """Makes every stage frozen, keyword-only unless it says otherwise, and tagged by its kind.

    A stage that lacks a method of its base class cannot be made.
    """

    def __new__(
        mcls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any
    ) -> StageMeta:
        """Take `kind` from the class statement and pass the rest on."""
        kind = options.pop("kind", None)
        if kind is not None:
            options |= {"tag": kind, "tag_field": "kind"}
        options.setdefault("kw_only", True)
        return super().__new__(
            mcls, name, bases, namespace, frozen=True, forbid_unknown_fields=True, **options
        )


@cache
def fields_of(cls: type[Stage]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """The settings of a class of stages, whose annotations are evaluated once and not each time."""
    return msgspec.structs.fields(cls)


class Stage(msgspec.Struct, metaclass=StageMeta, kw_only=True):
    """Settings with one verb. Its repr is its configuration, and its fields are the documentation.

    A field is annotated with its bounds and a one-line description: `Annotated[int, Meta(ge=1,
    description="candidates per query")]`. Values are checked however the stage is made, and stored
    as the field's type: 1 given for a float is 1.0, so that equal stages have one repr.
    """

    section: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for setting in fields_of(type(self)):
            value = without_numpy(getattr(self, setting.name))
            try:
                value = msgspec.convert(value, setting.type)
                if not every(value, finite):
                    raise msgspec.ValidationError("Expected a finite number")
                if not every(value, computable):
                    raise msgspec.ValidationError(
                        f"Expected a number up to {LARGEST:g}, a whole one up to {LARGEST_WHOLE}"
                    )
            except msgspec.ValidationError as error:
                raise RecipeError(
                    f"{self.kind}: {setting.name} = {value!r}: {error}", fix=about(setting)
                ) from None
            if isinstance(value, str):
                refuse_secrets(value)
            msgspec.structs.force_setattr(self, setting.name, value)
        self.check()

    def check(self) -> None:
        """Hook for settings that must agree with each other; raises `RecipeError`."""

    @property
    def kind(self) -> str:
        """The name this stage has in a recipe."""
        return str(self.__struct_config__.tag)

    @property
    def needs(self) -> Needs:
        """What documents and queries must have for this stage: nothing but ids, unless it says so.

        A collection without it is refused before any work; a document without it, in a collection
        that has it, is not proposed by a source that needs it.
        """
        return Needs()

    @property
    def opens(self) -> tuple[str, ...]:
        """The models that it opens, by the names that it was given: those of its settings of the
        type `ModelName`, unless the class says more.
        """
        return self.names("model")

    def names(self, kind: Named) -> tuple[str, ...]:
        """The files that its settings of the type `FileName` name, or the models of `ModelName`.

        A run whose files have changed since is not gone on with.
        """
        naming = [each for each in fields_of(type(self)) if names(kind, each.type)]
        return tuple(name for each in naming for name in texts(getattr(self, each.name)))

    def refuse_absent(self, context: Context) -> None:
        """Raise where somebody it has to ask, such as a model's server, is not there.

        Asked before any work, and cheap. What a stage opens in any case it need not look for here.
        """

    def settings(self) -> dict[str, Any]:
        """Every setting, defaults written out, `kind` first; plain values only."""
        made: dict[str, Any] = msgspec.to_builtins(self)
        return made


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


def stage_class(section: str, kind: str) -> type[Stage]:
    """The class of a kind, imported now; `RecipeError` names the nearest kind there is."""
    place = place_of(section, kind)
    if place is None:
        raise RecipeError(f"there is no {section} kind {kind!r}", fix=nearest(kind, kinds(section)))
    module, _, name = place.partition(":")
    made: type[Stage] = getattr(importlib.import_module(module), name)
    if missing := sorted(made.__abstractmethods__):
        raise RecipeError(
            f"the {section} kind {kind!r} does not define {missing[0]}()",
            where=place,
            fix=f"define {', '.join(missing)} in {name}, or update the package that it is from",
        )
    return made


def build(section: str, settings: Mapping[str, Any], where: str = "") -> Stage:
    """A stage from plain settings with a `kind`; errors name the path and the nearest valid key."""
    if "kind" not in settings:
        raise RecipeError(
            "a stage without a kind",
            where=where,
            fix=f"kind = one of {', '.join(sorted(kinds(section)))}",
        )
    kind = settings["kind"]
    try:
        cls = stage_class(section, str(kind))
    except RecipeError as error:
        raise RecipeError(error.what, where=f"{where}.kind", fix=error.fix) from None
    fields = {field.name: field for field in fields_of(cls)}
    for key in settings:
        if key != "kind" and key not in fields:
            raise RecipeError(
                f"{kind!r} has no setting {key!r}",
                where=f"{where}.{key}",
                fix=nearest(key, fields),
            )
    try:
        return msgspec.convert(without_numpy(settings), cls)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$.")
        key = path.rstrip("`").split("[")[0]
        fix = about(fields[key]) if key in fields else f"give {required(fields.values())}"
        raise RecipeError(f"{kind}: {what}", where=f"{where}.{key}".rstrip("."), fix=fix) from None
    except RecipeError as error:
        raise RecipeError(error.what, where=where, fix=error.fix) from None
