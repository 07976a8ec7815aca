"""What is wrong with the words of a command, where the parser beneath cannot make it out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from itertools import chain
from typing import Final

import cyclopts

from negatives.errors import InputError, nearest

_ANYWHERE: Final = ("--help", "--version", "--quiet", "--verbose", "--install-completion")
_END: Final = "--"
_STREAM: Final = "-"


def misread(error: cyclopts.CycloptsError, command: str) -> InputError:
    """What the parser says of a command, such as `data validate`, in words and with a fix."""
    words = list(error.root_input_tokens or ())
    help_of = f"{' '.join(['negatives', *command.split()])} --help"
    if isinstance(error, cyclopts.UnknownOptionError):
        return _unknown_option(error, words, help_of)
    if isinstance(error, cyclopts.UnusedCliTokensError):
        return _too_many(error, words, help_of)
    text = str(error).strip()
    if unknown := re.match(r'Unknown command "(-[^"]*)"', text):
        if unknown[1] == _END:
            return _after_the_end([_END], help_of)
        hint = nearest(unknown[1], _ANYWHERE)
        return InputError(f"Unknown option: {unknown[1]}: {hint}", fix=help_of)
    return InputError(text, fix=help_of)


def meant_anywhere(word: str) -> str:
    """The option of every command that was written with one hyphen for two; empty where none is.

    >>> meant_anywhere("-quiet"), meant_anywhere("-vq"), meant_anywhere("-worst")
    ('--quiet', '', '')
    """
    near = get_close_matches(f"-{word}", _ANYWHERE, 1, 0.8)
    return near[0] if near else ""


def _unknown_option(
    error: cyclopts.UnknownOptionError, words: Sequence[str], help_of: str
) -> InputError:
    word = error.token.keyword or error.token.value
    if word == _STREAM:
        return InputError(
            "'-' is no name here: nothing is read from standard input",
            fix=f"write it to a file, and name that; {help_of}",
        )
    names = [*chain.from_iterable(each.names for each in error.argument_collection), *_ANYWHERE]
    if _END in words and word.partition("=")[0] in names:
        return _after_the_end([word], help_of)
    # Letters behind one hyphen are options of one letter each: `-worst` fails at its first.
    for each in words:
        if re.fullmatch(r"-[a-z][\w-]+", each) and f"-{each}" in names:
            return InputError(f"Unknown option: {each}. Did you mean -{each}?", fix=help_of)
    return InputError(str(error).strip(), fix=help_of)


def _too_many(
    error: cyclopts.UnusedCliTokensError, words: Sequence[str], help_of: str
) -> InputError:
    unused = list(error.unused_tokens or ())
    if _END in words:
        return _after_the_end(unused, help_of)
    told = ", ".join(map(repr, unused))
    return InputError(
        f"words that belong to no option: {told}",
        fix=f"name the option before each, or put a name with blanks in quotation marks; {help_of}",
    )


def _after_the_end(found: Sequence[str], help_of: str) -> InputError:
    """Whoever wrote `--` has taken options for names."""
    told = "" if _END in found else f": {', '.join(map(repr, found))}"
    return InputError(
        f"after '--' every word is taken for a name, options too{told}",
        fix=f"leave '--' out; {help_of}",
    )
