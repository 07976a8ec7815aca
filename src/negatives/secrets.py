"""Secrets are named (`env:NAME`), never written: what a user writes is kept in many places.

An endpoint's address stands in the recipe, the manifest, the report and the shared cache, so one
that holds a key or a password is refused before any of them is written. The patterns are compiled
when first used: few settings are addresses.
"""

from __future__ import annotations

import itertools
import os
import re
from typing import Final
from urllib.parse import quote, unquote

from negatives.errors import RecipeError

_SCHEME: Final = re.compile(r"(https?:|[a-z][a-z0-9+.-]*:(?=//))[/\\]*", re.IGNORECASE)
"""What an address begins with; a user and a password would come right after."""
_HOST: Final = r"([\w.-]*|\[[0-9a-fA-F:.]+\])(:\d+)?"
_HARMLESS: Final = r"api-version=[\w.-]{1,32}"
"""The one parameter an address may have, which some services ask for."""
_NAMED: Final = (
    r"(?i)(?:^|[_.-])(api[_.-]?key|keys?|tokens?|secrets?|password|passwd|pwd|auth|authorization|"
    r"bearer|credentials?|signature|sig)$"
)
"""A name of a secret: what follows it, after a slash, = or :, is taken to be one."""
_LOOKS_SECRET: Final = (
    r"(?:^|[^A-Za-z0-9])(?:(?:sk|gsk|xai|nvapi|glpat)-|(?:hf|gh[a-z]|github_pat|jina)_|xox[a-z]-"
    r"|A[KS]IA|AIza|eyJ)(?=[\w.-]*\d)[A-Za-z0-9_.-]{14,}"
)
"""How services begin their keys, followed by what is long and holds a digit."""

MEND: Final = (
    "leave it out, put the key into an environment variable and write api_key = env:NAME "
    "(--api-key env:NAME)"
)


def refuse_secrets(*addresses: str) -> None:
    """Raise `RecipeError` where an address (SCHEME://...) holds a secret, without repeating it.

    A user or password, a parameter before the model's name other than `api-version`, a path or a
    model's name that names a key or holds what looks like one. Whatever has no scheme passes.
    """
    for address in addresses:
        scheme = _SCHEME.match(address.strip())
        if scheme is not None:
            _refuse(scheme[1].lower(), address.strip()[scheme.end() :])


def _refuse(scheme: str, after: str) -> None:
    before, _, model = unquote(unquote(after)).partition("#")
    place, _, parameters = before.partition("?")
    host, _, path = place.replace("\\", "/").partition("/")
    found = ""
    if not re.fullmatch(_HOST, host):
        found = "a user or a password is written into the address"
    elif any(not re.fullmatch(_HARMLESS, one) for one in parameters.split("&") if one):
        found = "a parameter is written into the address, which may be a secret"
    elif _holds_secret(path) or _holds_secret(model) or "#" in model:
        found = "a key or a token is written into the address"
    if found:
        shown = host.rpartition("@")[2]
        shown = shown if re.fullmatch(_HOST, shown) else ""
        raise RecipeError(found, where=f"{scheme}//{shown}/...", fix=MEND)


def _holds_secret(part: str) -> bool:
    """Whether a path or a model's name names a secret, or looks like one."""
    if re.search(_LOOKS_SECRET, part):
        return True
    words = re.split(r"[/=:&;,?]+", part)
    return any(re.search(_NAMED, name) and after for name, after in itertools.pairwise(words))


def names_variable(api_key: str) -> bool:
    """Whether a setting names the environment variable that holds a key: `env:NAME`."""
    return re.fullmatch(r"env:[A-Za-z_]\w*", api_key, re.ASCII) is not None


def read_key(api_key: str) -> str:
    """The key that `env:NAME` names, or nothing; `RecipeError` where it cannot be one."""
    if not api_key:
        return ""
    if not names_variable(api_key):
        raise RecipeError(
            "an API key is written out where only its variable's name may be",
            where="api_key",
            fix="put the key into an environment variable and write env:NAME",
        )
    name = api_key.removeprefix("env:")
    key = os.environ.get(name)
    if not key:
        raise RecipeError(
            f"the environment variable {name} is not set",
            where=f"api_key = env:{name}",
            fix=f"export {name}=...",
        )
    if not re.fullmatch(r"[\x21-\x7e]+", key):
        raise RecipeError(
            f"the environment variable {name} holds what no key does: a space, a line feed or a "
            "character outside ASCII",
            where=f"api_key = env:{name}",
            fix=f"export {name}=... again, the key alone",
        )
    return key


def without(text: str, key: str) -> str:
    """`text` with `key` blotted out, in the forms that a service may repeat it in."""
    forms = {key, quote(key), quote(key, safe=""), key.replace("/", "\\/")} if key else set()
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "***")
    return text
