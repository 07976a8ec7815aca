"""Odd recipes: each setting of each stage out of its range, and what else a file can hold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from negatives.errors import RecipeError
from negatives.kinds import KINDS
from negatives.recipe import parse
from negatives.settings import describe_field
from negatives.stage import stage_class
from tests.cli.odd import Odd
from tests.cli.odd_files import ANY, BEIR

WRONG: dict[str, str] = {
    "a text": '"nonsense"',
    "below zero": "-1",
    "huge": "1e300",
    "a huge whole number": "2147483647",
    "no number": "nan",
    "a list": "[1]",
    "5,000 letters": f'"{"x" * 5000}"',
}
PICK = '[pick]\nkind = "top"\n'
FIND = '[[find]]\nkind = "bm25"\n[[find]]\nkind = "dense"\n'


def settings() -> Iterator[Odd]:
    """Every setting of every stage that comes with the package, with every value of `WRONG`."""
    for section, kind, field, name, text in _changed():
        yield Odd(
            f"[{section}] {kind}.{field} is {name}",
            ("recipes", "check", "r.toml"),
            {"r.toml": text.encode()},
            (0, 2),
        )


def misread(recipe: bytes) -> str:
    """What is wrong with how a recipe is read, which is right or refused; empty: nothing."""
    try:
        parse(recipe.decode())
    except RecipeError as refused:
        return "" if refused.fix and refused.exit_code == 2 else f"no fix: {refused}"
    except BaseException as error:  # the very thing that must not be
        return f"raised {error!r}"
    return ""


def accepted() -> Iterator[Odd]:
    """Mining by the recipes of `settings` that are right as far as a recipe alone can tell."""
    for section, kind, field, name, text in _changed():
        if section not in ("find", "judge", "estimate", "pick"):
            continue
        try:
            parse(text)
        except RecipeError:
            continue
        yield Odd(
            f"mining with [{section}] {kind}.{field} that is {name}",
            ("mine", "data", "--out", "out", "--recipe", "r.toml", "--quiet", "--threads", "1"),
            {"r.toml": text.encode(), **BEIR},
            ANY,
        )


def _changed() -> Iterator[tuple[str, str, str, str, str]]:
    """Section, kind and setting, what is odd about its value, and a recipe that holds it."""
    for section, known in KINDS.items():
        for kind in known:
            fields = msgspec.structs.fields(stage_class(section, kind))
            for field in fields:
                for name, value in WRONG.items():
                    lines = [
                        f'kind = "{kind}"',
                        f"{field.name} = {value}",
                        *_required(fields, field),
                    ]
                    head = f"[[{section}]]" if section in ("find", "judge") else f"[{section}]"
                    stage = "\n".join([head, *lines, ""])
                    parts = {"find": [stage, PICK], "pick": [FIND, stage]}
                    text = "".join(parts.get(section, [FIND, stage, PICK]))
                    yield section, kind, field.name, name, text


def _required(fields: Iterable[Any], but: Any) -> list[str]:
    """Lines for what a stage requires besides the setting that is changed."""
    abouts = [describe_field(field) for field in fields if field.name != but.name]
    return [
        f"{about['name']} = {json.dumps(_plain(about['type']))}"
        for about in abouts
        if about["required"]
    ]


def _plain(kind: str) -> object:
    if kind.startswith("list"):
        return ["a"]
    return {"int": 1, "float": 0.5, "bool": True}.get(kind, "a")


def files() -> Iterator[Odd]:
    """Odd recipe files, checked and mined with."""
    right = FIND + PICK
    texts: dict[str, str | bytes] = {
        "empty": "",
        "only spaces": "   ",
        "no TOML": "what is this",
        "binary": bytes(range(256)),
        "utf-16": right.encode("utf-16"),
        "null bytes": right + "\0",
        "a key twice": right + 'kind = "top"\n',
        "no pick": FIND,
        "no find": PICK,
        "find is a table": '[find]\nkind = "bm25"\n' + PICK,
        "pick is a list": FIND + '[[pick]]\nkind = "top"\n',
        "find is a number": "find = 3\n" + PICK,
        "find is a list of numbers": "find = [3]\n" + PICK,
        "find is an empty list": "find = []\n" + PICK,
        "a stage without a kind": "[[find]]\ntop = 3\n" + PICK,
        "a kind that is a number": "[[find]]\nkind = 3\n" + PICK,
        "a kind that is empty": '[[find]]\nkind = ""\n' + PICK,
        "a kind of 5,000 letters": f'[[find]]\nkind = "{"x" * 5000}"\n' + PICK,
        "a kind of another section": '[[find]]\nkind = "top"\n' + PICK,
        "a setting of 5,000 letters": FIND + f"{'x' * 5000} = 1\n" + PICK,
        "an unknown key": "nonsense = 1\n" + right,
        "an unknown section": right + "[nonsense]\na = 1\n",
        "a quoted key": '"a b" = 1\n' + right,
        "an empty key": '"" = 1\n' + right,
        "a dotted key": "find.bm25.top = 3\n" + PICK,
        "the same source twice": FIND + FIND + PICK,
        "a name with spaces": '[[find]]\nkind = "bm25"\nname = "a b"\n' + PICK,
        "a name of 5,000 letters": f'[[find]]\nkind = "bm25"\nname = "{"x" * 5000}"\n' + PICK,
        "a name like a column": '[[find]]\nkind = "bm25"\nname = "p"\n' + PICK,
        "another reference": 'reference = "nonsense"\n' + right,
        "a reference that is a number": "reference = 3\n" + right,
        "a seed below zero": "seed = -1\n" + right,
        "a huge seed": f"seed = {'9' * 30}\n" + right,
        "a seed that is a text": 'seed = "a"\n' + right,
        "a seed that is true": "seed = true\n" + right,
        "a fraction for a seed": "seed = 1.5\n" + right,
        "shards of fewer than none": "shard = -1\n" + right,
        "a huge shard": f"shard = {'9' * 30}\n" + right,
        "a relabel that is no number": "relabel = nan\n" + right,
        "an infinite relabel": "relabel = inf\n" + right,
        "a relabel above one": "relabel = 2.0\n" + right,
        "a name that is a list": "name = []\n" + right,
        "deep": "x = " + "[" * 5000 + "]" * 5000 + "\n" + right,
        "a long number": f"seed = {'9' * 5000}\n" + right,
        "a picker by no column": FIND + '[pick]\nkind = "top"\nby = "nonsense"\n',
        "a picker by a text column": FIND + '[pick]\nkind = "top"\nby = "query_id"\n',
        "a picker by a list column": FIND + '[pick]\nkind = "top"\nby = "sources"\n',
        "an encoder that is not there": '[[find]]\nkind = "dense"\nencoder = "./nowhere"\n' + PICK,
        "an encoder with a null byte": '[[find]]\nkind = "dense"\nencoder = "a\\u0000b"\n' + PICK,
        "an encoder of 5,000 letters": (
            f'[[find]]\nkind = "dense"\nencoder = "./{"x" * 5000}"\n' + PICK
        ),
        "a judge without a model": FIND + '[[judge]]\nkind = "reranker"\n' + PICK,
    }
    for name, text in texts.items():
        content = text if isinstance(text, bytes) else text.encode()
        yield Odd(
            f"checking a recipe, {name}", ("recipes", "check", "r.toml"), {"r.toml": content},
            (0, 2),
        )  # fmt: skip
        yield Odd(
            f"mining by a recipe, {name}",
            ("mine", "data", "--out", "out", "--recipe", "r.toml", "--quiet", "--threads", "1"),
            {"r.toml": content, **BEIR},
            (0, 2),
        )
