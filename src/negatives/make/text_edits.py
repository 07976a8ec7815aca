"""Negatives by rules: a positive of the query, changed so that it no longer says what it said.

    positive   The bridge was finished in 1889 and is 324 m high.
    numbers    The bridge was finished in 324 and is 1889 m high.
    negate     The bridge was not finished in 1889 and is 324 m high.
    siblings   what is said of one, said of another of the same parent

    positive   A man rides on a brown horse.
    swap       A horse rides on a brown man.
    replace    A woman rides on a brown horse.
    attributes A man rides on a white horse.
    relations  A man rides behind a brown horse.

The last four are those of NegCLIP (Yuksekgonul et al. 2023) and SugarCrepe (Hsieh et al. 2023),
without a parser: `slot_edits` says how. Such texts share nearly every word with a positive, so that
a model that compares words alone cannot tell them apart. Whether one still answers the query is not
known: a question that has nothing to do with the number is answered as before, and a red cup may be
large as well. They are candidates like others, and near-duplicate
rules of a recipe reject them all, for they are copies but for a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Rows
from negatives.chance import id_hashes, mix, pair_uniforms, stream_key, uniforms
from negatives.errors import RecipeError
from negatives.events import Counted
from negatives.generator import WRITTEN_DOCS, Generator, Written
from negatives.make.drawn import drawn_positives, query_draws
from negatives.make.slot_edits import SlotEdits, Texts
from negatives.opening import Context
from negatives.schema import Collection, Needs
from negatives.settings import FileName
from negatives.text.edits import RULES, renamed
from negatives.text.word_classes import ATTRIBUTES, RELATIONS, Classes, read_classes

Rule = Literal[
    "numbers", "names", "negate", "opposites", "siblings", "swap", "replace", "attributes",
    "relations",
]  # fmt: skip
ALL: Final[tuple[Rule, ...]] = ("numbers", "names", "negate", "opposites")
OF_SLOTS: Final[frozenset[Rule]] = frozenset({"swap", "replace", "attributes", "relations"})
KNOWN: Final = 200_000
"""Documents, drawn by their ids, in which it is counted what stands in which slot, at most."""


class TextEdits(Generator, kind="text-edits"):
    """A positive of each query with its numbers or names swapped, or a statement turned round.

    Rules that find nothing to change are passed over, and counted; those that are left come in an
    order drawn for each query. `siblings` puts the title of another document of the same `parent`
    in the place of the positive's own. `swap`, `replace`, `attributes` and `relations` put words
    where the corpus has them, and never a word that another positive of the query has. Names are
    told by capital letters; negations, opposites, and which words have content are English.

    >>> from negatives import TextEdits, tiny
    >>> tiny.made(TextEdits(rules=["opposites"]))["planes"]
    ['A plane stays up, for its wings push air up.']
    """

    rules: Annotated[
        list[Rule],
        Meta(description="changes that may be made; empty: numbers, names, negate, opposites"),
    ] = []
    count: Annotated[int, Meta(ge=1, description="texts a query, each by another rule")] = 1
    parent: Annotated[str, Meta(description="siblings: field that documents of a kind share")] = (
        "parent"
    )
    title: Annotated[str, Meta(description="siblings: field with what a document is about")] = (
        "title"
    )
    attribute_words: Annotated[
        FileName,
        Meta(description="attributes: file with a class of words a line; empty: English ones"),
    ] = ""
    relation_words: Annotated[
        FileName,
        Meta(description="relations: file with a class of words a line; empty: English ones"),
    ] = ""

    generates: ClassVar[Written] = "documents"

    @property
    def needs(self) -> Needs:
        """Texts of the positives; for siblings their titles and what they share."""
        others = (self.title, self.parent) if "siblings" in self.rules else ()
        return Needs(docs=("text", *others), instead="give texts, or other rules")

    def check(self) -> None:
        """Each rule is named once, and files of words can be read."""
        if len(set(self.rules)) < len(self.rules):
            raise RecipeError(
                f"text-edits: a rule twice in {self.rules}", fix="name each rule once"
            )
        for path in filter(None, (self.attribute_words, self.relation_words)):
            read_classes(Path(path))

    def write(self, context: Context, rows: Rows) -> pl.DataFrame:
        """`count` texts of each query at most; none where no rule finds anything to change."""
        data, rules = context.collection, self.rules or ALL
        pairs = drawn_positives(context, rows, f"{self.kind}/positive")
        begin = query_draws(context, pairs["query"].to_numpy(), f"{self.kind}/rule")
        texts = data.doc_texts(pairs["doc"].to_numpy())
        changed = self._changed(context, pairs, texts, rules)
        made: list[tuple[int, str, None]] = []
        for place, query in enumerate(pairs["query"].to_list()):
            first = int(begin[place] * len(rules))
            found: list[str] = []
            for rule in (*rules[first:], *rules[:first]):
                text = changed[rule][place]
                if text is not None and text != texts[place] and text not in found:
                    found.append(text)
            made += [(query, each, None) for each in found[: self.count]]
        left = {f"{rule}: nothing to change": each.count(None) for rule, each in changed.items()}
        context.emit(Counted(f"make {self.label}", left))
        return pl.DataFrame(made, schema=dict(WRITTEN_DOCS), orient="row")

    def _changed(
        self, context: Context, pairs: pl.DataFrame, texts: list[str], rules: Sequence[Rule]
    ) -> dict[Rule, Texts]:
        """Rule -> what it makes of each text."""
        data = context.collection
        changed: dict[Rule, Texts] = {}
        for rule in rules:
            if rule in RULES:
                draws = pair_uniforms(data.ids_of(pairs), context.seed, f"{self.kind}/{rule}")
                changed[rule] = [
                    RULES[rule](text, draw) for text, draw in zip(texts, draws, strict=True)
                ]
        if "siblings" in rules:
            named = self._siblings(context, pairs)
            own = [named.get(doc, ("", "")) for doc in pairs["doc"].to_list()]
            changed["siblings"] = [
                renamed(text, *each) for text, each in zip(texts, own, strict=True)
            ]
        if wanted := [rule for rule in rules if rule in OF_SLOTS]:
            edits = _slot_edits(context, pairs, texts)
            attributes = self._classes(self.attribute_words, ATTRIBUTES)
            relations = self._classes(self.relation_words, RELATIONS)
            for rule in wanted:
                stream = f"{self.kind}/{rule}"
                match rule:
                    case "swap":
                        changed[rule] = edits.swapped(stream)
                    case "replace":
                        changed[rule] = edits.replaced(stream)
                    case "attributes":
                        changed[rule] = edits.attributes(stream, attributes)
                    case _:
                        changed[rule] = edits.relations(stream, relations)
        return changed

    @staticmethod
    def _classes(path: str, instead: Classes) -> Classes:
        return read_classes(Path(path)) if path else instead

    def _siblings(self, context: Context, pairs: pl.DataFrame) -> dict[int, tuple[str, str]]:
        """Document -> its title and that of another of the same parent, drawn by their ids."""
        return _siblings(context.collection, pairs["doc"], self.title, self.parent, context.seed)


def _slot_edits(context: Context, pairs: pl.DataFrame, texts: list[str]) -> SlotEdits:
    """Edits of the positives; what any positive of a query says is not put into one of them."""
    data = context.collection
    ids = data.ids_of(pairs)
    drawn = uniforms(id_hashes(data.corpus["doc_id"]), stream_key(context.seed, "text-edits/known"))
    known = np.sort(np.argpartition(drawn, min(KNOWN, len(drawn)) - 1)[:KNOWN])
    numbered = pairs.select("query").with_row_index("number")
    said = data.positives.join(numbered, on="query", how="inner").sort("number", "doc")
    return SlotEdits.of(
        pl.Series(texts, dtype=pl.String),
        data.corpus["text"].gather(known),
        mix(id_hashes(ids["query_id"])) ^ id_hashes(ids["doc_id"]),
        (said["number"].to_numpy().astype(np.int64), data.corpus["text"].gather(said["doc"])),
        context.seed,
    )


def _siblings(
    data: Collection, docs: pl.Series, title: str, parent: str, seed: int
) -> dict[int, tuple[str, str]]:
    """The sibling of a document is the next one in an order of its parent's drawn by their ids."""
    key = stream_key(seed, "text-edits/sibling")
    drawn = pl.Series("drawn", uniforms(id_hashes(data.corpus["doc_id"]), key))
    ring = (
        data.corpus.select(pl.col(title).cast(pl.String).alias("title"), parent=parent)
        .with_columns(drawn)
        .with_row_index("doc")
        .drop_nulls(["title", "parent"])
        .sort("parent", "drawn")
        .with_columns(
            other=pl.coalesce(
                pl.col("title").shift(-1).over("parent"), pl.col("title").first().over("parent")
            )
        )
        .filter(pl.col("doc").is_in(docs.unique().implode()))
    )
    return {doc: (own, other) for doc, own, other in ring.select("doc", "title", "other").rows()}
