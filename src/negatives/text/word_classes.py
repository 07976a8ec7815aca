"""Classes of English words of which one says what another does not: attributes and relations.

A line is a class, and its words say one sort of thing; between two of them there is a space where
at most one of both holds, and a stroke where both say the same. What is a matter of taste (nice,
interesting) is in no class. A file of one's own is written in the same way.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

from negatives.errors import InputError

Classes = tuple[tuple[tuple[str, ...], ...], ...]
"""Classes of senses of words."""


def classes_of(text: str) -> Classes:
    """The classes that lines of text name.

    >>> classes_of("big/large small")
    ((('big', 'large'), ('small',)),)
    """
    lines = (line.split() for line in text.lower().splitlines())
    return tuple(tuple(tuple(sense.split("/")) for sense in line) for line in lines if line)


def read_classes(path: Path) -> Classes:
    """The classes of a file; `InputError` where a class has one sense, or a word is there twice."""
    try:
        made = classes_of(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"no classes of words can be read: {error}",
            where=str(path),
            fix="name a text file in UTF-8 with one class a line, as in: big/large small",
        ) from None
    words = [word for each in made for sense in each for word in sense]
    what = "" if made and "" not in words else "the file names no classes of words"
    if twice := [word for word, count in Counter(words).items() if count > 1]:
        what = f"{twice[0]!r} is there twice"
    if alone := [each[0][0] for each in made if len(each) < 2]:
        what = f"{alone[0]!r} is alone in its line"
    if what:
        raise InputError(
            what,
            where=str(path),
            fix="write a line for each class, its words divided by spaces, as in: big/large small",
        )
    return made


ATTRIBUTES: Final = classes_of("""
red orange yellow green blue purple/violet pink brown black white gray/grey/silver gold/golden
one two three four five six seven eight nine ten
big/large/huge/giant/enormous small/little/tiny
tall short
young old/older/elderly
wooden metal plastic glass stone/brick/concrete leather paper
round square/rectangular triangular oval
empty full
open closed
wet dry
clean dirty
dark bright
sunny cloudy rainy snowy foggy
striped checkered/plaid spotted plain
sitting/seated standing lying/laying walking running jumping sleeping
left right
first second third last
hot cold
male female
happy sad angry
""")
RELATIONS: Final = classes_of("""
in/inside/within/into on/onto under/below/beneath above/over behind near/by/beside/at through
with without
before after
up down
""")
_FUNCTION_WORDS: Final = """
a an the this that these those some any each every all both no another other others such
i you he she it we they me him her us them my your his its our their who whom whose which
what where when while how why there here
am is are was were be been being do does did done has have had having can could will would shall
should may might must get gets getting got
and or but nor so yet if as than then because though although until since unless
of to at from for up down out about around across along between against toward towards off
like not only very too also just more most much many few several
next front back top side middle group row couple bunch lot number pair piece kind type sort
variety set series
"""
FUNCTION_WORDS: Final = frozenset(_FUNCTION_WORDS.split())
"""Words that hold a sentence together and say little by themselves."""
LISTING: Final = frozenset({",", "and", "or"})
"""What stands between the members of a list."""
SYMMETRIC: Final = LISTING | frozenset(
    ["with", "near", "beside", "by", "next", "to", "between", "a", "an", "the", "is", "are"]
)
"""What may stand between two words that change places, and both orders say the same."""
