"""Settings that stages share which ask a language model, or run one here; their checks are one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Final, NamedTuple

from msgspec import Meta

from negatives.errors import RecipeError, nearest
from negatives.machine import Machine
from negatives.models.causal_lm import CausalLM
from negatives.secrets import names_variable
from negatives.settings import FileName, ModelName
from negatives.stage import Share

Endpoint = Annotated[
    ModelName,
    Meta(
        min_length=1,
        description="URL#NAME of an OpenAI-compatible endpoint, [?concurrency=4&per_minute=60"
        "&seconds=180&price=IN/OUT], prices for a million tokens",
    ),
]
ApiKey = Annotated[str, Meta(description="env:NAME of the variable that holds it")]
Prompts = Annotated[
    dict[str, FileName],
    Meta(description="name of a shipped prompt -> a Jinja file to be used in its place"),
]
Unknown = Annotated[
    Share, Meta(description="share of replies that may be unreadable; more is an error")
]
Shown = Annotated[int, Meta(ge=0, description="characters of a document that are shown; 0: all")]
Tokens = Annotated[int, Meta(ge=0, description="tokens a reply may have; 0: as many as it needs")]
LocalModel = Annotated[
    ModelName, Meta(min_length=1, description="a causal language model's folder or hub name")
]
Read = Annotated[int, Meta(ge=0, description="characters of a document that are read; 0: all")]

SHOWN: Final = 6000
READ: Final = 2000
"""Characters, where nothing else is said."""


class Words(NamedTuple):
    """What a prompt must have, may have lists of, and may ask for: see `models.prompt.Prompt`."""

    needed: tuple[str, ...]
    lists: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


def refuse_literal_keys(kind: str, keys: Mapping[str, str]) -> None:
    """Raise `RecipeError` where a setting holds a key itself: recipes are shown to others."""
    for name, key in keys.items():
        if key and not names_variable(key):
            raise RecipeError(
                f"{kind}: {name} holds a literal key",
                fix=f'write {name} = "env:NAME_OF_VARIABLE"',
            )


def refuse_unused_prompts(kind: str, given: Collection[str], used: Collection[str]) -> None:
    """Raise `RecipeError` where a prompt is replaced that the stage does not use."""
    for name in given:
        if name not in used:
            raise RecipeError(f"{kind} does not use a prompt {name!r}", fix=nearest(name, [*used]))


def run_here(name: str, machine: Machine, *, attention: bool = False) -> CausalLM:
    """A causal language model on what a stage may use of the machine."""
    return CausalLM(
        name,
        threads=machine.threads,
        device=machine.device,
        memory=machine.memory,
        attention=attention,
    )
