"""The rounds of a recipe, carried out one after another, each in a numbered folder of its own.

    OUT/rounds/01-ROLE, 02-ROLE, ...     a model each, with its run, its recipe and its account
    OUT                                  the model of the last round, with the account of all

A round whose folder is done is not done again, and one that was stopped goes on, so that the whole
ends in the same weights however often it was killed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from negatives.errors import InputError, NegativesError, RecipeError
from negatives.events import Emit, Progress
from negatives.learn.card import card
from negatives.learn.curve import curve
from negatives.learn.model_files import ACCOUNT, CARD, CURVE, ROUNDS, copy_model
from negatives.learn.round import GIVEN, Plan, Role, Round, Turn
from negatives.learn.settings import Training
from negatives.learn.source import content_of, to_mine
from negatives.learn.trained import Trained
from negatives.learn.training_set import TrainingSet
from negatives.needs import refuse_unmet
from negatives.recipe import ROUNDS as ROUND
from negatives.recipe import Recipe, load_recipe
from negatives.schema import Collection
from negatives.store.atomic import write_text
from negatives.store.fingerprints import fingerprints
from negatives.store.lock import NAME as LOCK
from negatives.store.run import RECIPE, Run
from negatives.store.work_folder import WorkFolder

Weights = Callable[[Training, str], str]
"""A hash of a model's weights, as a trainer opens it: it raises where there is no such model."""


def planned(recipe: Recipe) -> list[Role]:
    """What each round's role will be; `RecipeError` for a round that cannot be carried out.

    `recipe` is complete: it says what is trained, with which loss and batches.
    """
    roles = {GIVEN: Role("", True, GIVEN)}
    found: list[Role] = []
    rounds = _rounds(recipe)
    for number, each in enumerate(rounds):
        plan = Plan(_plain(recipe), number, roles, any(role.mined for role in found))
        if each.role in ("", GIVEN):
            raise RecipeError(
                f"{each.role!r} is no role that a round can fill",
                where=f"{plan.where}.role",
                fix='role = "model"',
            )
        found.append(each.planned(plan))
        roles = {**roles, each.role: found[-1]}
    if rounds and not any(each.trains for each in rounds):
        raise RecipeError(
            "no round trains a model",
            where=f"{recipe.name}: {ROUND}",
            fix='add [[round]] with kind = "train"',
        )
    for number, each in enumerate(rounds[:-1]):
        if not any(each.role in {later.role, *later.takes} for later in rounds[number + 1 :]):
            raise RecipeError(
                f"the model of the role {each.role!r} is made for nothing: no round after this one "
                "takes it, and it is not the last",
                where=f"{recipe.name}: {ROUND}.{number}.role",
                fix="use it in a later round, or leave this one out",
            )
    return found


def trainings(recipe: Recipe) -> int:
    """Trainings of models of the kind that comes out at the end: 1 where there are no rounds."""
    roles = planned(recipe)
    pairs = zip(_rounds(recipe), roles, strict=True)
    return sum(each.trains and role.kind == roles[-1].kind for each, role in pairs) or 1


def _rounds(recipe: Recipe) -> tuple[Round, ...]:
    return cast("tuple[Round, ...]", recipe.round)


def _plain(recipe: Recipe) -> Recipe:
    return replace(recipe, round=())


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """One training in rounds."""

    folder: WorkFolder
    recipe: Recipe
    model: str
    encoder: str
    mined: bool
    """Whether there are mined negatives at all."""
    weights: Weights
    train: Callable[..., Any]
    emit: Emit

    def carry_out(self, data: TrainingSet | Run | Collection, overwrite: bool) -> None:
        """Every round in turn, and the model of the last one as the whole's.

        Where it fails before anything was mined or trained, nothing is left.
        """
        began = time.perf_counter()
        path = self.folder.path
        if not self.mined:
            raise RecipeError(
                f"the rounds of {self.recipe.name!r} are of mined negatives, and there are to be "
                "none",
                where="--control none",
                fix="train the control by a recipe without rounds, such as default",
            )
        inputs = self._inputs(data, planned(self.recipe))
        if overwrite:
            there = {entry.name for entry in path.iterdir()} - {LOCK, ACCOUNT}
            self.folder.remove(*there, ACCOUNT)
        before = self.folder.begun(inputs)
        if before is not None and before["status"] == "done":
            return
        account: dict[str, Any] = {"status": "running", "inputs": inputs, "rounds": []}
        write_text(path / RECIPE, self.recipe.to_toml())
        self.folder.write(account)
        try:
            last = self._each(data, account)
        except NegativesError:
            if not any((path / ROUNDS).glob("*/*")):
                self.folder.remove(ROUNDS, RECIPE, ACCOUNT)
            raise
        self._finish(account, last, began)

    def _each(self, data: TrainingSet | Run | Collection, account: dict[str, Any]) -> Path:
        """Carry out every round, and enter it in the account; the folder of the last."""
        path, rounds = self.folder.path, _rounds(self.recipe)
        models, last = {GIVEN: self.model}, None
        for number, each in enumerate(rounds):
            stage = f"round {number + 1} of {len(rounds)}"
            self.emit(Progress(stage, 0, 1, each.role))
            turn = Turn(
                number=number,
                recipe=_plain(self.recipe),
                folder=path / ROUNDS / f"{number + 1:02}-{each.role}",
                models=models,
                encoder=self.encoder,
                data=data,
                last=last,
                train=self.train,
            )
            done = each.carry_out(turn)
            last = last if done.last is None else done.last
            models = {**models, each.role: str(turn.folder.resolve())}
            place = turn.folder.relative_to(path).as_posix()
            told = {"round": number + 1, "kind": each.kind, "role": each.role, "folder": place}
            account["rounds"].append({**told, **done.account})
            self.folder.write(account)
            self.emit(Progress(stage, 1, 1, each.role))
        return turn.folder

    def _inputs(self, data: TrainingSet | Run | Collection, roles: list[Role]) -> dict[str, Any]:
        """What the final weights depend on; a model that cannot be opened is told now."""
        weights = {}
        for number, role in enumerate(roles):
            if role.stages and (number or isinstance(data, Collection)):  # else they are there
                refuse_unmet(role.stages, to_mine(data))
            if role.training is None:
                continue
            name = self.model if role.began == GIVEN else role.began
            try:
                weights[f"{role.kind} {name}"] = self.weights(role.training, name)
            except InputError as error:
                raise RecipeError(
                    f"round {number + 1} cannot begin: {error.what}",
                    where=error.where or name,
                    fix=f"--set {ROUND}.{number}.model=MODEL names another; or {error.fix}",
                ) from None
        return {
            "model": self.model,
            "encoder": self.encoder,
            "weights": weights,
            "recipe": self.recipe.effective(),
            "data": fingerprints(content_of(data)),
            "examples": data.digest if isinstance(data, TrainingSet) else "",
        }

    def _finish(self, account: dict[str, Any], last: Path, began: float) -> None:
        """The last round's model, with an account and a card of the whole."""
        path = self.folder.path
        copy_model(last, path)
        trained = [entry for entry in account["rounds"] if "steps" in entry]
        own = Trained(path / trained[-1]["folder"])
        made = {
            **own.account,
            **account,
            "status": "done",
            "steps": sum(entry["steps"] for entry in trained),
            "seconds": sum(entry["seconds"] or 0.0 for entry in trained),
            "wall_seconds": round(time.perf_counter() - began, 2),
        }
        if not _rounds(self.recipe)[-1].trains:
            made |= {"best": None, "best_step": None}  # nobody has looked at what it made
        write_text(path / CURVE, curve(made["history"]))
        recipe = load_recipe(own.path / RECIPE)
        write_text(path / CARD, card(made, recipe, self.model, whole=self.recipe))
        self.folder.write(made)  # last: now the model is there
