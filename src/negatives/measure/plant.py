"""False negatives planted into a collection: copies of positives, edited in known ways.

A method that is said to find false negatives can be tried on them: they are relevant for certain,
nobody has labelled them, and what was done to each is known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
import polars as pl

from negatives.chance import id_hashes, stream_key, uniforms
from negatives.errors import InputError
from negatives.needs import check_needs
from negatives.schema import TEXTS, Collection, check_collection

PREFIX: Final = "planted:"
_EDITED = (0.1, 0.3)  # the share of words that an edit touches


def plant(
    collection: Collection, seed: int = 0, share: float = 0.2
) -> tuple[Collection, pl.DataFrame]:
    """A collection with unlabelled copies of a share of its positives, and which they are.

    Each document drawn is planted once, as `planted:KIND:ID`, in one of the `KINDS`, which take
    turns. The truth is query_id, doc_id, kind: every query that the document is a positive of. Only
    documents with text are planted. `InputError` where none is.
    """
    if not 0 < share <= 1:
        raise InputError(f"a share of {share}", fix="give a share above 0, and at most 1")
    check_needs(collection, TEXTS, "planting copies of documents")
    empty = collection.corpus["doc_id"].gather(collection.empty_docs)
    positives = collection.qrels.filter(
        (pl.col("relevance") > 0) & ~pl.col("doc_id").is_in(empty.implode())
    ).select("query_id", "doc_id")
    docs = positives.select("doc_id").unique().sort("doc_id")
    draw = uniforms(id_hashes(docs["doc_id"]), stream_key(seed, "plant"))
    docs = docs.with_columns(pl.Series("draw", draw)).filter(pl.col("draw") < share)
    docs = docs.sort("draw", "doc_id").join(collection.corpus, on="doc_id", maintain_order="left")
    if docs.is_empty():
        raise InputError(
            f"none of the positives was drawn at a share of {share}",
            where=f"collection {collection.name!r}",
            fix="raise the share, or plant into a larger collection",
        )
    kinds = list(KINDS)
    made = [
        (f"{PREFIX}{kinds[n % len(kinds)]}:{doc}", KINDS[kinds[n % len(kinds)]](text, seed, doc))
        for n, (doc, text) in enumerate(docs.select("doc_id", "text").iter_rows())
    ]
    last = int(collection.corpus["row"].cast(pl.Int64).max() or 0)  # type: ignore[arg-type]
    added = pl.DataFrame(made, schema={"doc_id": pl.String, "text": pl.String}, orient="row")
    added = added.with_row_index("row", last + 1).cast({"row": pl.UInt32})
    corpus = pl.concat([collection.corpus, added], how="diagonal").sort("doc_id")
    grown = replace(collection, corpus=corpus, origin="", name=f"{collection.name}, planted")
    return check_collection(grown), planted_pairs(grown)


def planted_pairs(collection: Collection) -> pl.DataFrame:
    """What was planted into a collection: query_id, doc_id, kind; their ids say of what.

    `InputError` where nothing was.
    """
    ids = collection.corpus["doc_id"]
    named = ids.filter(ids.str.starts_with(PREFIX)).to_frame("planted")
    parts = pl.col("planted").str.strip_prefix(PREFIX).str.splitn(":", 2)
    found = named.with_columns(
        kind=parts.struct.field("field_0"), doc_id=parts.struct.field("field_1")
    )
    positives = collection.qrels.filter(pl.col("relevance") > 0).select("query_id", "doc_id")
    truth = positives.join(found, on="doc_id").select("query_id", doc_id="planted", kind="kind")
    if truth.is_empty():
        raise InputError(
            "no false negative was planted into this collection",
            where=f"collection {collection.name!r}",
            fix="negatives data plant DATA -o FOLDER, and mine that folder",
        )
    return truth.sort("query_id", "doc_id")


def _written_otherwise(text: str, seed: int, doc: str) -> str:
    """Other case, other punctuation, the same words."""
    kept = "".join(letter if letter.isalnum() else " " for letter in text)
    return " ".join(kept.upper().split()) + "."


def _edited(text: str, seed: int, doc: str) -> str:
    """Sentences in another order, and 10 to 30% of the words dropped or moved by one."""
    chance = np.random.Generator(np.random.PCG64(int(stream_key(seed, f"plant/{doc}"))))
    sentences = [part.strip() for part in text.split(". ") if part.strip()]
    words = ". ".join(sentences[place] for place in chance.permutation(len(sentences))).split()
    touched = chance.random(len(words)) < chance.uniform(*_EDITED)
    dropped = touched & (chance.random(len(words)) < 0.5)
    for place in np.flatnonzero(touched & ~dropped):
        if place + 1 < len(words) and not dropped[place + 1]:
            words[place], words[place + 1] = words[place + 1], words[place]
    left = [word for word, gone in zip(words, dropped, strict=True) if not gone]
    return " ".join(left or words)


def _truncated(text: str, seed: int, doc: str) -> str:
    """The first half of the words."""
    words = text.split()
    return " ".join(words[: max(1, len(words) // 2)])


KINDS: Final[dict[str, Callable[[str, int, str], str]]] = {
    "exact": lambda text, seed, doc: text,
    "case": _written_otherwise,
    "edited": _edited,
    "truncated": _truncated,
}
"""What is done to a planted copy: nothing; case and punctuation; words and order; cut to half."""
