"""A recipe with single settings changed: by words on a command line, or by keywords in Python.

Whatever is not said stays as the recipe has it. Both ways come to the same recipe: `adjusted` is
what `negatives mine` and `negatives.mine` call.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any, Final, cast

from negatives.errors import RecipeError, nearest
from negatives.events import Emit, Warned, silent
from negatives.exchange import exchanged
from negatives.recipe import HEAD, LISTS, SECTIONS, SINGLE, Recipe, from_settings
from negatives.settings import without_numpy
from negatives.stage import Estimator, Picker, build

_SUCH_AS: Final = "such as find.bm25.top=200, judge.margin.margin=0.1 or pick.per_query=4"


def adjusted(
    recipe: Recipe,
    changes: Sequence[str] | Mapping[str, Any] = (),
    *,
    per_query: int | None = None,
    relabel: float | None = None,
    encoder: str | None = None,
    max_false: float | None = None,
    max_p: float | None = None,
    strict: bool | None = None,
    seed: int | None = None,
    emit: Emit = silent,
) -> Recipe:
    """The recipe with what is said changed; `changes` as for `override`.

    `encoder`: see `encoded`; `max_false`, `max_p` and `strict`: see `promised`.
    """
    said = [*_each(changes)]
    named = {
        "pick.per_query": per_query,
        "relabel": relabel,
        "pick.max_false": max_false,
        "pick.max_p": max_p,
        "pick.strict": strict,
        "seed": seed,
    }
    for path, value in named.items():
        if value is not None:
            last = [each for at, each, _ in said if at == path][-1:]
            refuse_contradiction(path, last, without_numpy(value))
    made = override(recipe, changes, emit)
    keywords = {path: named[path] for path in ("pick.per_query", "relabel", "seed")}
    made = override(made, {path: each for path, each in keywords.items() if each is not None}, emit)
    if encoder is not None:
        before, made = made, encoded(made, encoder, required=True)
        _refuse_other_encoder(before, made, encoder, [path for path, _, _ in said])
        tell_unread(made, encoder, emit)
    return promised(made, max_false, max_p, strict, emit)


def override(
    recipe: Recipe, changes: Sequence[str] | Mapping[str, Any], emit: Emit = silent
) -> Recipe:
    """The recipe with settings changed by `PATH=VALUE` texts, or by values under their paths.

    A path is a setting of the recipe (`seed`), of the picker (`pick.by`), or of a stage named by
    its place, label, role or kind (`find.0.top`, `find.bm25.top`); of a setting that is a table an
    entry can be changed (`round.1.set.train.steps`). Values in texts are TOML; a bare word is text.
    A new `kind` keeps every setting that both kinds have; what is lost is a `Warned` event. Of two
    values of one setting the later one counts, and a `Warned` event says so.
    """
    table = recipe.settings()
    stated, said = set(recipe.stated), set[str]()
    values: dict[str, Any] = {}
    for path, value, where in _each(changes):
        asked = value
        section, *inner = str(path).split(".")
        if section in LISTS and section in table and len(inner) >= 2:
            place = _place_of(table[section], inner[0], where)
            stage, name, at = table[section][place], inner[1], f"{section}.{place}."
            if inner[2:] and not isinstance(stage.get(name), dict):
                raise _nowhere(str(path), where, table)
            if inner[2:]:  # an entry of a table: a setting of one round, say
                value = {**stage[name], ".".join(inner[2:]): value}
        elif section in SINGLE and section in table and len(inner) == 1:
            stage, name, at = table[section], inner[0], f"{section}."
        elif section in HEAD and not inner:
            stage, name, at = table, section, ""
        else:
            raise _nowhere(str(path), where, table)
        entry = ".".join((f"{at}{name}", *(inner[2:] if section in LISTS else ())))
        _tell_replaced(str(path), [values[entry]] if entry in values else [], asked, emit)
        values[entry] = asked
        if name == "kind":
            own = (_within(paths, at) for paths in (stated, said))
            kept = exchanged(section, stage, value, emit, *own)
            stage.clear()
            stage.update(kept)
        else:
            stage[name] = value
            said.add(f"{at}{name}")
    if not changes:
        return recipe
    return replace(from_settings(table, f"recipe {recipe.name}"), stated=frozenset(stated | said))


def without(recipe: Recipe, names: Sequence[str]) -> Recipe:
    """The recipe with stages left out: `judge.reranker`, `find.dense`, `make.0`, `estimate`."""
    made = recipe
    for name in names:
        section, _, stage = name.partition(".")
        if section in LISTS and stage:
            rows = made.settings().get(section, [])
            place = _place_of(rows, stage, name)
            kept = (each for at, each in enumerate(getattr(made, section)) if at != place)
            changed: dict[str, Any] = {section: tuple(kept)}
            made = replace(made, stated=_moved_up(made.stated, section, place), **changed)
        elif section == "estimate" and not stage and made.estimate is not None:
            made = replace(made, estimate=None)
        else:
            raise RecipeError(
                f"there is no stage {name!r} to leave out",
                where=name,
                fix='such as "judge.reranker" or "find.dense", or "estimate" where there is one',
            )
    return made


def _moved_up(stated: AbstractSet[str], section: str, left_out: int) -> frozenset[str]:
    """The paths that were written down, of a list of stages without the one at a place."""
    kept = set()
    for path in stated:
        of, *rest = path.split(".")
        at = int(rest[0]) if of == section else -1
        if at < left_out:
            kept.add(path)
        elif at > left_out:
            kept.add(".".join((of, str(at - 1), *rest[1:])))
    return frozenset(kept)


def encoded(recipe: Recipe, encoder: str, *, required: bool = False) -> Recipe:
    """The recipe whose sources compare what `encoder` makes of texts, where they have an encoder.

    `required`: none of them may do without it on texts that it cannot read.
    """
    changes = []
    for place, source in enumerate(recipe.find):
        if source.encodes:
            changes.append(f"find.{place}.encoder={encoder}")
        if source.encodes and required and hasattr(source, "optional"):
            changes.append(f"find.{place}.optional=false")
    return override(recipe, changes)


def tell_unread(recipe: Recipe, encoder: str, emit: Emit) -> None:
    """Warn of an encoder that no source reads: those that have one keep their own, or none has."""
    own = {each.label: each.encoder for each in recipe.find if hasattr(each, "encoder")}
    if encoder in own.values() or any(source.encodes for source in recipe.find):
        return
    if not own:
        emit(
            Warned(
                f"the encoder {encoder!r} is not read: no source of the recipe {recipe.name} has "
                "an encoder; leave it out, or take a recipe with a [[find]] of kind dense"
            )
        )
        return
    said = ", ".join(f"{label} keeps {named!r}" for label, named in own.items())
    path = f"find.{next(iter(own))}.encoder"
    emit(
        Warned(f"the encoder {encoder!r} is not read: {said}; --set {path}={encoder} changes that")
    )


def _refuse_other_encoder(
    before: Recipe, after: Recipe, encoder: str, paths: Sequence[str]
) -> None:
    """Raise `RecipeError` where one of `paths` gave a source another encoder than `encoder`."""
    rows = before.settings()["find"]
    for path in paths:
        section, _, inner = str(path).partition(".")
        stage, _, name = inner.rpartition(".")
        if section == "find" and name == "encoder":
            place = _place_of(rows, stage, path)
            said = rows[place]["encoder"]
            if after.settings()["find"][place]["encoder"] != said:
                refuse_contradiction(path, [said], encoder)


def promised(
    recipe: Recipe,
    max_false: float | None = None,
    max_p: float | None = None,
    strict: bool | None = None,
    emit: Emit = silent,
) -> Recipe:
    """The recipe with a picker that keeps such limits, and with an estimate of p_relevant.

    That is the recipe's own picker where it has these settings, else a risk-limited one, which
    keeps the settings that both have. The same recipe where no limit is given.
    """
    given = {"max_false": max_false, "max_p": max_p, "strict": strict}
    given = {name: value for name, value in given.items() if value is not None}
    if not given:
        return recipe
    settings = recipe.pick.settings()
    if not given.keys() <= settings.keys():
        stated = _within(recipe.stated, "pick.")
        settings = exchanged("pick", settings, "risk-limited", emit, stated)
    return replace(
        recipe,
        estimate=recipe.estimate or cast("Estimator", build("estimate", {"kind": "evidence"})),
        pick=cast("Picker", build("pick", settings | given, "pick")),
    )


def assigned(texts: Sequence[str], emit: Emit = silent) -> dict[str, Any]:
    """Values by path of `PATH=VALUE` texts; of two values of a path the later one counts.

    >>> assigned(["top=3", "by=random", "top=4"])
    {'top': 4, 'by': 'random'}
    """
    made: dict[str, Any] = {}
    for text in texts:
        path, value = assignment(text)
        _tell_replaced(path, [made[path]] if path in made else [], value, emit)
        made[path] = value
    return made


def refuse_contradiction(path: str, said: Sequence[Any], value: Any) -> None:
    """Raise `RecipeError` where an option says `value` of a setting that --set has `said` else of.

    Options and --set have no order in which one of them would have the last word.

    >>> refuse_contradiction("seed", [3], 3)
    """
    for other in said:
        if _differ(other, value):
            raise RecipeError(
                f"{path} is set to {_shown(other)} and to {_shown(value)}",
                where=path,
                fix="give it once: by --set, or by the option that stands for it",
            )


def _tell_replaced(path: str, said: Sequence[Any], value: Any, emit: Emit) -> None:
    """Tell of a value that takes the place of another, which was `said` just before it."""
    for other in said:
        if _differ(other, value):
            emit(
                Warned(
                    f"{path} is set twice: {_shown(value)}, the later, counts, and not "
                    f"{_shown(other)}"
                )
            )


def _differ(one: Any, other: Any) -> bool:
    """Python holds 1, 1.0 and true for the same, and a seed of true is none."""
    return one != other or isinstance(one, bool) != isinstance(other, bool)


def _shown(value: Any) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)


def assignment(text: str) -> tuple[str, Any]:
    """Path and value of `PATH=VALUE`."""
    path, equals, value = text.partition("=")
    if not equals or not path:
        raise RecipeError(f"not PATH=VALUE: {text!r}", fix="such as pick.per_query=4")
    try:
        return path.strip(), tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):  # no TOML value: a bare word
        return path.strip(), value


def _each(changes: Sequence[str] | Mapping[str, Any]) -> list[tuple[str, Any, str]]:
    """Path, value, and what was written, for messages, of each change."""
    if isinstance(changes, Mapping):
        return [
            (path, without_numpy(value), f"settings: {path}") for path, value in changes.items()
        ]
    if isinstance(changes, str):
        changes = [changes]
    return [(*assignment(text), f"--set {text}") for text in changes]


def _nowhere(path: str, where: str, table: Mapping[str, Any]) -> RecipeError:
    """The error for a path at which no recipe has a setting; it names the nearest."""
    section, *inner = path.split(".")
    near = ""
    if section not in (*HEAD, *SECTIONS):
        near = nearest(section, [*HEAD, *SECTIONS])
    elif section in SECTIONS and section not in table:
        near = f"the recipe has no [{section}]"
    elif section in HEAD and inner:
        near = f"did you mean {section!r}?"
    return RecipeError(
        f"no setting at {path!r}", where=where, fix=f"{near} ({_SUCH_AS})" if near else _SUCH_AS
    )


def _within(paths: AbstractSet[str], stage: str) -> set[str]:
    """The settings of one stage among paths of settings."""
    return {path.removeprefix(stage) for path in paths if path.startswith(stage)}


def _place_of(stages: list[dict[str, Any]], name: str, where: str) -> int:
    if name.isdecimal() and int(name) < len(stages):
        return int(name)
    named = [
        at
        for at, row in enumerate(stages)
        if name in (row.get("name"), row.get("role"), row["kind"])
    ]
    if len(named) != 1:
        names = [str(row.get("name") or row.get("role") or row["kind"]) for row in stages]
        raise RecipeError(
            f"{len(named)} stages are called {name!r}",
            where=where,
            fix=nearest(name, names) if not named else "name it by its place, from 0",
        )
    return named[0]
