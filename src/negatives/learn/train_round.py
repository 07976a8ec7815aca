"""A round that trains: which model, from where it begins, and on which negatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast

from msgspec import Meta
from msgspec import field as setting

from negatives.errors import RecipeError
from negatives.learn.model_files import MINED
from negatives.learn.needed import refuse_loss
from negatives.learn.round import GIVEN, Carried, Name, Plan, Role, Round, Turn
from negatives.learn.source import content_of, to_mine
from negatives.recipe import HEAD, LEARNING, SINGLE, Recipe
from negatives.recipe_changes import override, without
from negatives.schema import Collection
from negatives.settings import ModelName
from negatives.store.run import Run, is_run

if TYPE_CHECKING:
    from negatives.learn.loss import Loss
    from negatives.learn.settings import Training
    from negatives.learn.training_set import TrainingSet
    from negatives.stage import Source

_OF_LEARNING = (*LEARNING, "seed")
"""What can be set in a round that does not mine."""


class TrainRound(Round, kind="train"):
    """Train the model of a role, with negatives that are mined anew by the models as they are.

    The role's model goes on from where the last round left it. Dense sources encode with it, or
    with the model of another role; a judge, a guide or a teacher may be the model of another role,
    too: that is how two models swap roles. So may a dense source with `keeps_encoder`, beside the
    others: its candidates are those of an earlier model. Every round's seed is the recipe's plus
    its number.

    >>> from negatives.learn.train_round import TrainRound
    >>> round = TrainRound(role="ranker", encoder="retriever", set={"train.kind": "reranker"})
    >>> round.takes
    frozenset({'retriever'})
    >>> TrainRound(role="retriever", uses={"judge.reranker.model": "ranker"}).takes
    frozenset({'ranker'})
    >>> TrainRound(role="third", encoder="second", uses={"find.momentum.encoder": "first"}).encoder
    'second'
    """

    trains: ClassVar[bool] = True

    model: Annotated[
        ModelName,
        Meta(description="what the role begins as where no round has filled it; empty: the model "
        "that is trained"),
    ] = ""  # fmt: skip
    start: Annotated[
        Name,
        Meta(description="the role whose model it goes on from; `given`: the model that is "
        "trained, anew; empty: its own"),
    ] = ""  # fmt: skip
    mine: Annotated[
        bool, Meta(description="mine anew; false: the negatives of the last round that had some")
    ] = True
    encoder: Annotated[
        Name,
        Meta(description="the role that dense sources encode with; empty: its own, if it encodes"),
    ] = ""
    set: Annotated[
        dict[str, Any],
        Meta(description="settings of the recipe in this round, by the paths of --set"),
    ] = setting(default_factory=dict)
    without: Annotated[
        list[str],
        Meta(description='stages that this round does without, such as "judge.reranker"'),
    ] = setting(default_factory=list)
    uses: Annotated[
        dict[str, Any],
        Meta(description="settings that are the model of a role, such as a judge's `model`"),
    ] = setting(default_factory=dict)

    def check(self) -> None:
        """A role is a word, under a path that says what is to be its model."""
        for path, role in _flat(self.uses).items():
            if not isinstance(role, str):
                raise RecipeError(
                    f"train: uses = {self.uses!r} names no role under {path}",
                    fix='uses = { "judge.reranker.model" = "ranker" }',
                )

    @property
    def takes(self) -> frozenset[str]:
        """Roles whose models it begins from, mines with, or judges and is taught by."""
        named = {self.start, self.encoder, *_flat(self.uses).values()}
        return frozenset(named - {"", GIVEN})

    def planned(self, plan: Plan) -> Role:
        """Its role as it will be; refuses roles that are not filled, and settings that clash."""
        begins = self.start or self.role
        own = plan.role(self.start, "start") if self.start else plan.roles.get(self.role)
        if own is not None and self.model:
            raise RecipeError(
                f"the role {begins!r} is filled already, and {self.model!r} would never be read",
                where=f"{plan.where}.model",
                fix=f'leave it out, or write start = "{GIVEN}" to begin anew',
            )
        if self.encoder:
            _refuse_no_encoder(plan, self.encoder, "encoder")
        for path, role in _flat(self.uses).items():
            plan.role(role, f"uses.{path}")
            if _is_encoder(path):
                _refuse_no_encoder(plan, role, f"uses.{path}")
        changed = self.recipe(plan.recipe, dict.fromkeys(plan.roles, GIVEN), plan.number)
        found = override(plan.recipe, _flat(self.set)).find
        for path in filter(_is_encoder, (*_flat(self.set), *_flat(self.uses))):
            _refuse_overruled(plan, found, path)
        training = cast("Training", changed.train)
        if not self.mine:
            self._refuse_mining(plan, training)
        try:
            refuse_loss(training, cast("Loss", changed.learn))
        except RecipeError as error:
            raise RecipeError(
                error.what, where=f"{plan.where}: {error.where}", fix=error.fix
            ) from None
        mined = self.mine and training.negatives > 0
        stages = (*changed.find, *changed.judge) if mined else ()
        if own is not None and begins != GIVEN:
            if own.kind != training.kind:
                raise RecipeError(
                    f"the role {begins!r} is trained as {own.kind!r} and then as {training.kind!r}",
                    where=f"{plan.where}.set",
                    fix="give the two models roles of their own",
                )
            return replace(own, training=None, mined=mined, stages=stages)
        return Role(
            kind=training.kind,
            encodes=training.encodes,
            began=self.model or GIVEN,
            training=training,
            mined=training.negatives > 0,
            stages=stages,
        )

    def _refuse_mining(self, plan: Plan, training: Training) -> None:
        """A round that does not mine has negatives from before, and no settings of mining."""
        paths = (path for path in _flat(self.set) if path.partition(".")[0] not in _OF_LEARNING)
        for path in [*sorted(paths), *self.without]:
            raise RecipeError(
                f"{path} is about mining, and this round does not mine",
                where=f"{plan.where}.set",
                fix="set it in the round that mines, or write mine = true",
            )
        if training.negatives and not plan.mined:
            raise RecipeError(
                "no round before this one has mined negatives",
                where=f"{plan.where}.mine",
                fix="write mine = true, or set train.negatives = 0 to do without them",
            )

    def recipe(self, recipe: Recipe, models: Mapping[str, str], number: int) -> Recipe:
        """The recipe of this round alone, with the models that it uses."""
        changes = {"seed": recipe.seed + number, **_flat(self.set)}
        changes |= {path: models[role] for path, role in _flat(self.uses).items()}
        # What is of another kind comes first: other settings may be its own.
        first = {path: value for path, value in changes.items() if path.endswith(".kind")}
        try:
            made = without(override(override(recipe, first), changes), self.without)
        except RecipeError as error:
            where = f"{recipe.name}: round.{number}: {error.where}"
            raise RecipeError(error.what, where=where, fix=error.fix) from None
        return replace(made, name=recipe.name)

    def begins(self, models: Mapping[str, str]) -> str:
        """The model that it goes on from."""
        return models.get(self.start or self.role) or self.model or models[GIVEN]

    def carry_out(self, turn: Turn) -> Carried:
        """Mine, where it does, and train."""
        recipe = self.recipe(turn.recipe, turn.models, turn.number)
        training = cast("Training", recipe.train)
        if not training.negatives:
            data = content_of(turn.data)
        elif turn.number == 0:
            data = turn.data
        else:
            data = to_mine(turn.data) if self.mine else turn.last
        model = self.begins(turn.models)
        encoder = turn.encoder
        if self.encoder:
            encoder = turn.models[self.encoder]
        elif training.encodes and (self.start or self.role) in turn.models:
            encoder = model
        trained = turn.train(data, turn.folder, model=model, recipe=recipe, encoder=encoder)
        mined = turn.folder / MINED
        told = {name: trained.account[name] for name in _TOLD}
        last: Run | TrainingSet | Collection | None = data if turn.number == 0 else None
        if is_run(mined):  # which a collection in memory cannot be read again for
            last = Run(mined, collection=data if isinstance(data, Collection) else None)
        made = {folder for role, folder in turn.models.items() if role != GIVEN}
        began = Path(model).name if model in made else model
        return Carried({"began": began, "trained": training.kind, **told}, last)


_TOLD = ("examples", "steps", "best", "seconds", "negatives")
"""Of a round's account, what the account of the whole repeats."""


def _is_encoder(path: str) -> bool:
    """Whether the setting is the encoder of a source."""
    return path.startswith("find.") and path.endswith(".encoder")


def _refuse_no_encoder(plan: Plan, role: str, setting: str) -> None:
    if not plan.role(role, setting).encodes:
        raise RecipeError(
            f"the role {role!r} is no encoder",
            where=f"{plan.where}.{setting}",
            fix="name a role whose rounds train one",
        )


def _refuse_overruled(plan: Plan, sources: Sequence[Source], path: str) -> None:
    """Sources that encode take the round's encoder; others that have one keep what they name."""
    _, name, *_ = path.split(".")
    for place, source in enumerate(sources):
        named = name in (str(place), source.name, source.kind)
        if named and hasattr(source, "encoder") and not source.encodes:
            return
    raise RecipeError(
        f"{path} would not be read: dense sources encode with the encoder of the round",
        where=plan.where,
        fix='write encoder = "ROLE", which is for all dense sources of the round but those with '
        "keeps_encoder = true",
    )


def _flat(table: Mapping[str, Any]) -> dict[str, Any]:
    """Path -> value. In TOML a path without quotes makes tables in tables: they are undone."""
    found: dict[str, Any] = {}
    for path, value in table.items():
        section, *inner = path.split(".")
        depth = 1 if section in HEAD else 2 if section in SINGLE else 3
        found |= _deeper(path, value, depth - 1 - len(inner))
    return found


def _deeper(path: str, value: Any, depth: int) -> dict[str, Any]:
    if depth <= 0 or not isinstance(value, Mapping):
        return {path: value}
    found: dict[str, Any] = {}
    for name, inner in value.items():
        found |= _deeper(f"{path}.{name}", inner, depth - 1 - name.count("."))
    return found
