"""Negatives by rules: a positive of the query, changed so that it no longer says what it said.

    positive   The bridge was finished in 1889 and is 324 m high.
    numbers    The bridge was finished in 324 and is 1889 m high.
    negate     The bridge was not finished in 1889 and is 324 m high.
    siblings   what is said of one, said of another of the same parent

Such texts share nearly every word with a positive, so that a model that compares words alone cannot
tell them apart. Whether one still answers the query is not known: a question that has nothing to do
with the number is answered as before. They are candidates like others, and near-duplicate rules of
a recipe reject them all, for they are copies but for a word.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

import polars as pl
from msgspec import Meta

from negatives.arrays import Rows
from negatives.chance import id_hashes, pair_uniforms, stream_key, uniforms
from negatives.errors import RecipeError
from negatives.generator import WRITTEN_DOCS, Generator, Written
from negatives.make.drawn import drawn_positives, query_draws
from negatives.opening import Context
from negatives.schema import Collection, Needs
from negatives.text.edits import RULES, renamed

Rule = Literal["numbers", "names", "negate", "opposites", "siblings"]
ALL: Final[tuple[Rule, ...]] = ("numbers", "names", "negate", "opposites")


class TextEdits(Generator, kind="text-edits"):
    """A positive of each query with its numbers or names swapped, or a statement turned round.

    Rules that find nothing to change are passed over, those that are left come in an order drawn
    for each query. `siblings` puts the title of another document of the same `parent` in the place
    of the positive's own. Names are told by capital letters; negations and opposites are English.

    >>> from negatives import TextEdits, tiny
    >>> tiny.made(TextEdits(rules=["opposites"]))["planes"]
    ['A plane stays up, for its wings push air up.']
    """

    rules: Annotated[
        list[Rule], Meta(description="changes that may be made; empty: all but siblings")
    ] = []
    count: Annotated[int, Meta(ge=1, description="texts a query, each by another rule")] = 1
    parent: Annotated[str, Meta(description="siblings: field that documents of a kind share")] = (
        "parent"
    )
    title: Annotated[str, Meta(description="siblings: field with what a document is about")] = (
        "title"
    )

    generates: ClassVar[Written] = "documents"

    @property
    def needs(self) -> Needs:
        """Texts of the positives; for siblings their titles and what they share."""
        others = (self.title, self.parent) if "siblings" in self.rules else ()
        return Needs(docs=("text", *others), instead="give texts, or other rules")

    def check(self) -> None:
        """Each rule is named once."""
        if len(set(self.rules)) < len(self.rules):
            raise RecipeError(
                f"text-edits: a rule twice in {self.rules}", fix="name each rule once"
            )

    def write(self, context: Context, rows: Rows) -> pl.DataFrame:
        """`count` texts of each query at most; none where no rule finds anything to change."""
        data, rules = context.collection, self.rules or ALL
        pairs = drawn_positives(context, rows, f"{self.kind}/positive")
        texts = data.doc_texts(pairs["doc"].to_numpy())
        begin = query_draws(context, pairs["query"].to_numpy(), f"{self.kind}/rule")
        draws = {
            rule: pair_uniforms(data.ids_of(pairs), context.seed, f"{self.kind}/{rule}")
            for rule in rules
        }
        siblings = self._siblings(context, pairs)
        made: list[tuple[int, str, None]] = []
        for place, (query, doc) in enumerate(pairs.iter_rows()):
            first = int(begin[place] * len(rules))
            found: list[str] = []
            for rule in (*rules[first:], *rules[:first]):
                text = texts[place]
                if rule == "siblings":
                    own, other = siblings.get(doc, ("", ""))
                    changed = renamed(text, own, other)
                else:
                    changed = RULES[rule](text, draws[rule][place])
                if changed is not None and changed != text and changed not in found:
                    found.append(changed)
            made += [(query, each, None) for each in found[: self.count]]
        return pl.DataFrame(made, schema=dict(WRITTEN_DOCS), orient="row")

    def _siblings(self, context: Context, pairs: pl.DataFrame) -> dict[int, tuple[str, str]]:
        """Document -> its title and that of another of the same parent, drawn by their ids."""
        if "siblings" not in self.rules:
            return {}
        return _siblings(context.collection, pairs["doc"], self.title, self.parent, context.seed)


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
