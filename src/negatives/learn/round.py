"""What a round is: one training of several, or something done with what rounds before it trained.

A recipe of rounds trains models that take each other's place: a retriever that finds the negatives
of the next round, a ranker that judges them. Each is known by its *role*, which is a word of the
recipe's own. This is another thing than `train.refresh`, by which negatives are mined anew *within*
one training, whose optimiser goes on: a round begins its rate and its optimiser anew, and may train
another model, with another loss, on other examples.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

from msgspec import Meta

from negatives.errors import RecipeError, nearest
from negatives.recipe import ROUNDS
from negatives.stage import Stage

if TYPE_CHECKING:
    from negatives.learn.settings import Training
    from negatives.recipe import Recipe

GIVEN: Final = "given"
"""The role of the model that a training was given: nothing fills it, and it is always there."""

Name = Annotated[str, Meta(pattern="^([a-z0-9-]{0,40})$")]
"""The name of a role."""


@dataclass(frozen=True)
class Role:
    """What is known of a role's model before any round is carried out."""

    kind: str
    """The kind of [train] that made it."""
    encodes: bool
    """Whether dense sources and guides can encode with it."""
    began: str
    """The model it once began as: `given`, or a name."""
    training: Training | None = None
    """What trains it, where its model is none that another round has made: it must open `began`."""
    mined: bool = False
    """Whether the round had negatives, which later rounds may take."""
    stages: tuple[Stage, ...] = ()
    """What it mines with: a collection that lacks what these need is refused before any round."""


Roles = Mapping[str, Role]


@dataclass(frozen=True)
class Plan:
    """What a round can know before any is carried out."""

    recipe: Recipe
    """The recipe without its rounds, complete."""
    number: int
    """Of the round, from 0."""
    roles: Roles
    """Those that rounds before it have filled, and `given`."""
    mined: bool
    """Whether a round before it had negatives."""

    @property
    def where(self) -> str:
        """The round's place in the recipe, for messages."""
        return f"{self.recipe.name}: {ROUNDS}.{self.number}"

    def role(self, name: str, setting: str) -> Role:
        """The role that a setting names; `RecipeError` where no round before has filled it."""
        if name in self.roles:
            return self.roles[name]
        known = [role for role in self.roles if role != GIVEN]
        raise RecipeError(
            f"no round before this one has filled the role {name!r}",
            where=f"{self.where}.{setting}",
            fix=nearest(name, known) if known else f"{GIVEN!r} is the model that is trained",
        )


@dataclass(frozen=True)
class Turn:
    """What a round is carried out with."""

    number: int
    """From 0."""
    recipe: Recipe
    """The recipe without its rounds."""
    folder: Path
    """Where the round's model goes."""
    models: Mapping[str, str]
    """Role -> folder of its model; `given` among them."""
    encoder: str
    """What sources encode with before a round has trained what can: --encoder, or the model."""
    data: Any
    """What the whole is trained with: a run, examples, or a collection."""
    last: Any
    """The run, or the examples, of the last round that had negatives; None before there is one."""
    train: Callable[..., Any]
    """`train` of this library, but for data, folder, model, recipe and encoder."""


@dataclass(frozen=True)
class Carried:
    """What a round tells when it is done."""

    account: dict[str, Any] = field(default_factory=dict)
    """For the account of the whole."""
    last: Any = None
    """Its negatives, for rounds that do not mine; None: it had none of its own."""


class Round(Stage, kw_only=True):
    """One of the rounds of a recipe; it fills a role with a model.

    A kind of its own overrides `planned`, which refuses what cannot be before any work, and
    `carry_out`.
    """

    section: ClassVar[str] = "round"
    name_models: ClassVar[frozenset[str]] = frozenset()
    """A text may name a role: only the type tells which are models."""
    trains: ClassVar[bool] = False
    """Whether it takes steps of a trainer."""

    role: Annotated[
        Name, Meta(description="by which later rounds name the model that this round makes")
    ] = "model"

    @property
    def takes(self) -> frozenset[str]:
        """Roles whose models it takes, besides its own."""
        return frozenset()

    @abstractmethod
    def planned(self, plan: Plan) -> Role:
        """What its role will be; `RecipeError` where the round cannot be carried out."""

    @abstractmethod
    def carry_out(self, turn: Turn) -> Carried:
        """Make the model in `turn.folder`; called again after a stop, it goes on."""
