"""A recipe: a method as a list of stages, and its TOML form. What a run resolves, it writes back.

The TOML written is complete (every default, the seed) and documented (each setting's description
beside it), so that a run's recipe.toml says by itself what was done.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from negatives.arguments import checked
from negatives.bounded import read_small
from negatives.errors import DataError, RecipeError, nearest
from negatives.generator import Generator
from negatives.misplaced import refuse_misplaced
from negatives.older import without_old
from negatives.recipe_toml import line, stage_lines
from negatives.settings import without_numpy
from negatives.stage import Estimator, Judge, Picker, Source, Stage, build

HEAD = {
    "name": (str, ""),
    "paper": (str, ""),
    "differs": (str, "what is not as in the paper"),
    "purpose": (str, "what it is for, by which `negatives recipes list` groups it"),
    "about": (str, ""),
    "seed": (int, "every random choice derives from this and the ids of the pair"),
    "reference": (
        str,
        "source or reranker whose scores define hardness; empty: the last dense source",
    ),
    "relabel": (
        float,
        "candidates become positives, as many as are right with this precision; 0: none do",
    ),
    "shard": (
        int,
        "queries in one shard, the unit of work and of resuming; 0: as candidates allow",
    ),
}

WORDS = ("name", "paper", "differs", "purpose", "about")
"""What is said of a recipe, and changes nothing that it does."""

PURPOSES: Mapping[str, str] = {
    "start": "to start with",
    "false-negatives": "to keep false negatives out",
    "baseline": "baselines to compare with",
    "teacher": "with a cross-encoder as judge or teacher",
    "language-model": "with a language model as judge",
    "loss": "with a loss of their own",
    "batches": "with batches, or an order, of their own",
    "bare": "without labels, or without texts",
    "written": "with texts that are written for them",
    "subset": "to choose a few of many",
    "": "others",
}
"""What a recipe may say that it is for, in the order in which they are listed, and in words."""

LARGEST = 1 << 20
"""Bytes of a file of settings, at most."""
_EXAMPLE = "see negatives recipes show default, or correct the line that is named"

LEARNING = ("choose", "batch", "learn", "train")
"""Sections, one stage each, that say how a model learns from the negatives; mining ignores them."""

ROUNDS = "round"
"""The section of the rounds in which a model is trained, one after another; mining ignores it."""

LISTS = ("find", "make", "judge", ROUNDS)
"""Sections of any number of stages."""
SINGLE = ("estimate", "pick", *LEARNING)
SECTIONS = (*LISTS, *SINGLE)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A method: sources, judges, an estimator of p_relevant and a picker, with its seed.

    Where there are generators (`make`) there need be no source: what they write is picked from.
    `choose`, `batch`, `learn` and `train` say how a model is trained with the negatives: which
    examples it learns from (None: all), which of them share a batch, the loss, and the trainer's
    settings; None leaves the defaults of `negatives train`. `round` says in which rounds, where
    there is more than one training.

    >>> from negatives import BM25, Margin, Recipe, Top
    >>> recipe = Recipe(find=(BM25(top=50),), judge=(Margin(2.5),), pick=Top(per_query=4))
    >>> recipe.with_pick(Top(per_query=2)).settings()["pick"]
    {'kind': 'top', 'per_query': 2, 'by': 'hardness'}
    """

    find: tuple[Source, ...] = ()
    make: tuple[Generator, ...] = ()
    judge: tuple[Judge, ...] = ()
    estimate: Estimator | None = None
    pick: Picker
    choose: Stage | None = None
    batch: Stage | None = None
    learn: Stage | None = None
    train: Stage | None = None
    round: tuple[Stage, ...] = ()
    name: str = "custom"
    paper: str = ""
    differs: str = ""
    purpose: str = ""
    about: str = ""
    seed: int = 0
    reference: str = ""
    relabel: float = 0.0
    shard: int = 0
    stated: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    """Paths of the stages' settings that were written down, such as `train.batch_size`."""

    def __post_init__(self) -> None:
        for key in HEAD:
            object.__setattr__(self, key, without_numpy(getattr(self, key)))
        for name in SECTIONS:
            held = getattr(self, name)
            single = (held,) if held is not None else ()
            refuse_misplaced(name, held if name in LISTS else single, f"{self.name}: {name}")
        if not self.find and not self.make:
            raise RecipeError(
                "a recipe needs a [[find]] stage, or a [[make]] stage",
                where=f"{self.name}: find",
                fix='add [[find]] with kind = "bm25"',
            )
        labels = [source.label for source in self.find]
        named = [*labels, *(generator.label for generator in self.make)]
        for label in named:
            if named.count(label) > 1:
                raise RecipeError(
                    f"two sources are both called {label!r}",
                    where=f"{self.name}: find",
                    fix="give one of them another `name`",
                )
        labels += self._judges_scores
        if self.reference and self.reference not in labels:
            raise RecipeError(
                f"reference names no source: {self.reference!r}",
                where=f"{self.name}: reference",
                fix=nearest(self.reference, labels),
            )
        if self.round and self.train is None:
            raise RecipeError(
                "a recipe of rounds needs a [train] stage: a round is a training",
                where=f"{self.name}: {ROUNDS}",
                fix='add [train] with kind = "encoder", or leave the rounds out to mine alone',
            )
        if self.purpose not in PURPOSES:
            raise RecipeError(
                f"there is no purpose {self.purpose!r}",
                where=f"{self.name}: purpose",
                fix=nearest(self.purpose, [purpose for purpose in PURPOSES if purpose]),
            )
        if not 0 <= self.relabel <= 1:
            raise RecipeError(
                f"relabel is a precision between 0 and 1, not {self.relabel}",
                where=f"{self.name}: relabel",
                fix="relabel = 0.9, or 0 for nothing",
            )
        if not -(2**63) <= self.seed < 2**63:
            raise RecipeError(
                f"seed must fit in 64 bits, which {self.seed} does not",
                where=f"{self.name}: seed",
                fix="seed = 0",
            )
        if not 0 <= self.shard < 2**31:
            bound = "at least 0" if self.shard < 0 else "below two billion"
            raise RecipeError(
                f"shard must be {bound}, not {self.shard}",
                where=f"{self.name}: shard",
                fix="shard = 0, which lets the candidates say",
            )

    @property
    def stages(self) -> tuple[Stage, ...]:
        """All its stages: those of the sections of several, then those of the sections of one."""
        several = (stage for _, stages in self._lists() for stage in stages)
        return (*several, *(stage for _, stage in self._single()))

    @property
    def reference_source(self) -> str:
        """Label of the source by whose scores judges compare; empty where none scores any pair."""
        if self.reference and self.reference not in self._judges_scores:
            return self.reference
        scorers = [source for source in self.find if source.scores_pairs]
        encoding = [source for source in scorers if source.encodes]
        return (encoding or scorers)[-1].label if scorers else ""

    @property
    def reference_scorer(self) -> str:
        """Label of what gives the scores that define hardness: a judge that is named, or a source.

        A judge's scores are not there for judges, which compare by `reference_source`.
        """
        return self.reference or self.reference_source

    @property
    def _judges_scores(self) -> list[str]:
        columns = [column for judge in self.judge for column in judge.scores]
        return [column[: -len("_score")] for column in columns if column.endswith("_score")]

    @property
    def mines(self) -> bool:
        """Whether there is something to mine: not where it trains without mined negatives."""
        return bool(getattr(self.train, "negatives", 1)) and not self.draws

    @property
    def draws(self) -> bool:
        """Whether all its negatives are drawn while a model is trained, anew at every step."""
        able = bool(getattr(self.train, "draws", False))
        return able and not self.make and all(source.samples for source in self.find)

    @property
    def trains(self) -> bool:
        """Whether it says of its own how a model is trained."""
        return bool(self.round) or any(getattr(self, name) is not None for name in LEARNING)

    def refuse_unnamed(self) -> None:
        """Raise `RecipeError` where the picker takes from a source or generator that is not here.

        Asked before any work: a recipe that is being put together may not have it yet.
        """
        named = [*(each.label for each in self.find), *(each.label for each in self.make)]
        for label in self.pick.takes_from:
            if label not in named:
                raise RecipeError(
                    f"{self.pick.kind}: nothing is called {label!r}, by which it would pick",
                    where=f"{self.name}: pick",
                    fix=nearest(label, named),
                )

    def with_pick(self, pick: Picker) -> Recipe:
        """The same recipe with another picking policy."""
        return replace(self, pick=pick)

    def settings(self) -> dict[str, Any]:
        """Plain values of everything, defaults written out."""
        return {
            **{key: getattr(self, key) for key in HEAD},
            **{name: [stage.settings() for stage in stages] for name, stages in self._lists()},
            **{name: stage.settings() for name, stage in self._single()},
        }

    def effective(self) -> dict[str, Any]:
        """The settings that results depend on: without what is only said of it (`WORDS`).

        Work that goes on, or is kept, is of the same recipe where these are the same.
        """
        return {key: value for key, value in self.settings().items() if key not in WORDS}

    def does(self) -> dict[str, Any]:
        """The settings that results depend on, but for the seed."""
        return {key: value for key, value in self.effective().items() if key != "seed"}

    def to_toml(self) -> str:
        """The complete recipe as TOML, each setting with its description."""
        lines = [line(key, getattr(self, key), about) for key, (_, about) in HEAD.items()]
        mining = [(name, stages) for name, stages in self._lists() if name != ROUNDS]
        for section, stages in mining:
            for stage in stages:
                lines += ["", f"[[{section}]]", *stage_lines(stage)]
        for name, single in self._single():
            lines += ["", f"[{name}]", *stage_lines(single)]
        for stage in self.round:
            lines += ["", f"[[{ROUNDS}]]", *stage_lines(stage)]
        return "\n".join([*lines, ""])

    def _lists(self) -> list[tuple[str, tuple[Stage, ...]]]:
        """The sections of any number of stages; those that few have, where it has some."""
        lists = [(name, getattr(self, name)) for name in LISTS]
        return [(name, stages) for name, stages in lists if stages or name in ("find", "judge")]

    def _single(self) -> list[tuple[str, Stage]]:
        """The sections of one stage that this recipe has, in the order of a recipe."""
        return [(name, stage) for name in SINGLE if (stage := getattr(self, name)) is not None]


def parse(text: str, where: str = "recipe") -> Recipe:
    """A recipe from TOML text; errors name the path in it and the nearest valid name."""
    try:
        table = tomllib.loads(text.removeprefix("\ufeff"))  # editors of Windows write one
    except RecursionError:
        raise RecipeError("not TOML: nested too deeply", where=where, fix=_EXAMPLE) from None
    except ValueError as error:  # of its own, and Python's of a number with thousands of digits
        raise RecipeError(f"not TOML: {error}", where=where, fix=_EXAMPLE) from None
    return from_settings(without_old(table), where)


def from_settings(table: Mapping[str, Any], where: str = "recipe") -> Recipe:
    """A recipe from plain settings (what `Recipe.settings` gives, or a parsed TOML file)."""
    for key, value in without_numpy(table).items():
        if key not in HEAD and key not in SECTIONS:
            raise RecipeError(
                f"unknown key {key!r}",
                where=f"{where}: {key}",
                fix=nearest(key, [*HEAD, *SECTIONS]),
            )
        expected = HEAD[key][0] if key in HEAD else dict if key in SINGLE else list
        valid = (int, float) if expected is float else expected
        if not isinstance(value, valid) or isinstance(value, bool):
            raise RecipeError(
                f"{key} is {type(value).__name__}, expected {expected.__name__}",
                where=f"{where}: {key}",
                fix=_written(key),
            )
    if "pick" not in table:
        raise RecipeError(
            "a recipe needs a [pick] stage", where=where, fix='add [pick] with kind = "top"'
        )

    def stages(section: str) -> tuple[Stage, ...]:
        rows: Sequence[Any] = table.get(section, [])
        for place, row in enumerate(rows):
            if not isinstance(row, Mapping):
                raise RecipeError(
                    f"a stage is {type(row).__name__}, expected a table",
                    where=f"{where}: {section}[{place}]",
                    fix=f"write it as [[{section}]] with a kind",
                )
        return tuple(
            build(section, row, f"{where}: {section}[{place}]") for place, row in enumerate(rows)
        )

    parts: dict[str, Any] = {name: stages(name) for name in LISTS}
    for name in SINGLE:
        if name in table:
            parts[name] = build(name, table[name], f"{where}: {name}")
    rows = {f"{name}.{at}": row for name in LISTS for at, row in enumerate(table.get(name, []))}
    rows |= {name: table[name] for name in SINGLE if name in table}
    parts["stated"] = frozenset(f"{path}.{key}" for path, row in rows.items() for key in row)
    head: dict[str, Any] = {key: HEAD[key][0](table[key]) for key in HEAD if key in table}
    try:
        return Recipe(**parts, **head)
    except RecipeError as error:  # name the file rather than the recipe
        path = error.where.rpartition(": ")[2]
        raise RecipeError(error.what, where=f"{where}: {path}", fix=error.fix) from None


def _written(key: str) -> str:
    """How a key of a recipe is written."""
    if key in SINGLE:
        return f"write it as [{key}] with a kind"
    if key in SECTIONS:
        return f"write it as [[{key}]] with a kind"
    return f"such as {line(key, {str: 'mine', int: 1, float: 0.9}[HEAD[key][0]], '')}"


def shipped() -> dict[str, str]:
    """Name -> TOML text of every recipe that comes with the package, sorted by name."""
    folder = files("negatives") / "recipes"
    found = {
        entry.name.removesuffix(".toml"): entry.read_text("utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    }
    return dict(sorted(found.items()))


@checked
def load_recipe(name: str | Path) -> Recipe:
    """A recipe by shipped name or by path of a TOML file."""
    path = Path(name)
    if path.suffix == ".toml":
        try:
            text = read_small(path, LARGEST)
        except DataError as error:
            what = f"cannot read the recipe: {error.what}"
            raise RecipeError(what, where=error.where, fix=error.fix) from None
        return parse(text, str(path))
    known = shipped()
    if str(name) not in known:
        raise RecipeError(
            f"there is no recipe {str(name)!r}",
            fix=f"{nearest(str(name), known)} (or give the path of a .toml file)",
        )
    return parse(known[str(name)], f"recipe {name}")
