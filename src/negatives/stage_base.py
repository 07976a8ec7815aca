"""What every stage is: a small frozen object whose fields are its settings.

How its settings are declared and checked, what can be asked of any stage, and how one is built from
plain settings. The verbs are in `stage`.
"""

from __future__ import annotations

import importlib
from abc import ABCMeta
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, ClassVar, get_args

import msgspec

from negatives.errors import RecipeError, nearest
from negatives.kinds import kinds, place_of
from negatives.opening import Context
from negatives.schema import Needs
from negatives.secrets import refuse_secrets
from negatives.settings import (
    LARGEST,
    LARGEST_WHOLE,
    Named,
    about,
    computable,
    every,
    finite,
    is_text,
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
    name_models: ClassVar[frozenset[str]] = frozenset(("model", "encoder", "guide", "teacher"))
    """Settings of these names, and of the type `str`, are of the type `ModelName`: a stage of
    another package does not lose what that type does for want of knowing it.
    """

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
        naming = [each.name for each in fields_of(type(self)) if _named_by(self, each) == kind]
        return tuple(name for each in naming for name in texts(getattr(self, each)))

    @property
    def unnamed_texts(self) -> dict[str, tuple[str, ...]]:
        """The texts of the settings whose type does not say whether they name something."""
        others = [each.name for each in fields_of(type(self)) if _named_by(self, each) is None]
        return {each: tuple(texts(getattr(self, each))) for each in others}

    def refuse_absent(self, context: Context) -> None:
        """Raise where somebody it has to ask, such as a model's server, is not there.

        Asked before any work, and cheap. What a stage opens in any case it need not look for here.
        """

    def settings(self) -> dict[str, Any]:
        """Every setting, defaults written out, `kind` first; plain values only."""
        made: dict[str, Any] = msgspec.to_builtins(self)
        return made


def _named_by(stage: Stage, setting: msgspec.structs.FieldInfo) -> Named | None:
    """What the texts of a setting name."""
    said: Named
    for said in get_args(Named):
        if names(said, setting.type):
            return said
    called = setting.name in stage.name_models and is_text(setting.type)
    return "model" if called else None


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
