"""Collections in: one file per format, and what can be asked of a collection once it is read.

`load` reads DATA in any of the formats of `address.py`; `splits` names what `@SPLIT` may be;
`describe` and `validate` tell what is in it and what is wrong with it; `convert` writes it out as
a BEIR folder.
"""

from negatives.read.convert import convert
from negatives.read.describe import describe
from negatives.read.loading import (
    DEV,
    NEW_SPLIT,
    as_collection,
    known_texts,
    load,
    load_parts,
    new_split,
    splits,
    validate,
)

__all__ = [
    "DEV",
    "NEW_SPLIT",
    "as_collection",
    "convert",
    "describe",
    "known_texts",
    "load",
    "load_parts",
    "new_split",
    "splits",
    "validate",
]
