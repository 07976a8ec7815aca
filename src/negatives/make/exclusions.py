"""Queries that say what they do not want, made of queries that are there.

    query      A man rides a horse.                    its image, or its text
    written    A man rides a horse, but no dog         the same is right
    found      what has a dog: the word that is excluded draws a search to it

NeIn (Bui et al. 2024) has images edited by what they are not to show, and finds that models show
it all the more. Every written query has the same form, whether or not a document is right, so that
the form gives nothing away. What is excluded is a thing that stands beside one of the query's own
things elsewhere in the collection, and that neither the query nor anything that is known of its
documents says.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

import numpy as np
import polars as pl
from msgspec import Meta

from negatives.arrays import Bools, Keys, Rows
from negatives.chance import id_hashes, mix, stream_key, uniforms
from negatives.errors import RecipeError
from negatives.generator import WRITTEN_QUERIES, Generator, Written
from negatives.opening import Context
from negatives.schema import Collection, Needs
from negatives.store.atomic import writing
from negatives.text.slots import Tokens
from negatives.text.word_classes import ATTRIBUTES, FUNCTION_WORDS

ARTICLES: Final = ("a", "an", "the")


class Exclusions(Generator, kind="exclusions"):
    """Each query once more, with something excluded that its documents do not have.

    English. A thing is a word behind an article, at most a colour, number or the like between, with
    a mark or a word of grammar behind it. A query without
    any, or whose things nobody else has, gives none.

    >>> from negatives import Collection, Exclusions
    >>> asked = {"a": "A man rides a horse.", "b": "A horse and a dog."}
    >>> data = Collection.from_pairs(asked, {"x": "x", "y": "y"}, {"a": {"x": 1}, "b": {"y": 1}})
    >>> data.made(Exclusions()).queries["text"].to_list()
    ['A man rides a horse, but no dog']
    """

    wording: Annotated[
        str, Meta(description="how it is said; {query} and {thing} stand for both")
    ] = "{query}, but no {thing}"

    generates: ClassVar[Written] = "queries"

    @property
    def needs(self) -> Needs:
        """Texts of the queries that are there."""
        return Needs(queries=("text",), instead="where images ask, take their captions as queries")

    def check(self) -> None:
        """Both parts are named once."""
        if any(self.wording.count(part) != 1 for part in ("{query}", "{thing}")):
            raise RecipeError(
                f"exclusions: {self.wording!r} does not name both {{query}} and {{thing}} once",
                where="make.wording",
                fix='wording = "{query}, but no {thing}"',
            )

    def write(self, context: Context, rows: Rows) -> pl.DataFrame:
        """A query for each that has one of these documents as a positive."""
        data = context.collection
        excluded = self._excluded(context)
        pairs = data.positives.filter(pl.col("doc").is_in(pl.Series(rows).implode()))
        made = pairs.join(excluded, on="query").sort("doc", "query")
        before, _, rest = self.wording.partition("{query}")
        said = pl.col("text").str.strip_chars().str.strip_chars_end(".!?").str.strip_chars()
        text = pl.concat_str(pl.lit(before), said, pl.lit(rest))
        return made.with_columns(
            text=text.str.replace("{thing}", pl.col("thing"), literal=True),
            passage=pl.lit(None, pl.String),
        ).select(pl.col(name).cast(dtype) for name, dtype in WRITTEN_QUERIES.items())

    def _excluded(self, context: Context) -> pl.DataFrame:
        """The same of all queries, whichever documents are asked about: worked out once."""
        kept = context.scratch / f"{self.kind}.arrow"
        if not kept.exists():
            with writing(kept) as temporary:
                _excluded(context.collection, context.seed).write_ipc(temporary)
        return pl.read_ipc(kept)


def _excluded(data: Collection, seed: int) -> pl.DataFrame:
    """query, text, thing: what each query is to exclude, of those for which something is found."""
    asked = data.positives["query"].unique().sort()
    texts = data.queries["text"].gather(asked)
    tokens = Tokens.of(texts)
    at = np.flatnonzero(things(tokens))
    said = pl.DataFrame({"text": tokens.text[at], "word": tokens.word[at]}).unique()
    hashes = id_hashes(data.queries["query_id"].gather(asked))
    cell = mix(hashes[said["text"].to_numpy()]) ^ said["word"].to_numpy()
    said = said.with_columns(
        drawn=pl.Series(uniforms(cell, stream_key(seed, "exclusions/ring")))
    ).sort("word", "drawn")
    # The next text around a ring of those that have the same thing, and each of its other things.
    following = pl.coalesce(
        pl.col("text").shift(-1).over("word"), pl.col("text").first().over("word")
    )
    beside = said.with_columns(other=following).filter(pl.col("other") != pl.col("text"))
    found = beside.select("text", "other").join(
        said.select(other="text", thing="word"), on="other", how="inner"
    )
    known = _known(data, asked, tokens)
    pair = mix(mix(found["text"].to_numpy().astype(np.uint64)) + found["thing"].to_numpy())
    found = found.filter(pl.Series(~np.isin(pair, known)))
    cell = mix(hashes[found["text"].to_numpy()]) ^ found["thing"].to_numpy()
    found = found.with_columns(drawn=pl.Series(uniforms(cell, stream_key(seed, "exclusions"))))
    chosen = found.sort("text", "drawn").unique("text", keep="first", maintain_order=True)
    spelled = chosen["thing"].to_list()
    things_ = pl.Series("thing", [tokens.spelled[each] for each in spelled], dtype=pl.String)
    return pl.DataFrame(
        {"query": asked.gather(chosen["text"]), "text": texts.gather(chosen["text"])}
    ).with_columns(things_)


def _known(data: Collection, asked: pl.Series, own: Tokens) -> Keys:
    """Hashes of a query's number and of a word that is said of one of its documents: by the query,
    by another query that has that document, or by the document's text.
    """
    number = pl.DataFrame({"query": asked}).with_row_index("number")
    positives = data.positives.join(number, on="query")
    alike = positives.join(data.positives.rename({"query": "also"}), on="doc")
    alike = alike.select("number", "also").unique()
    also = Tokens.of(data.queries["text"].gather(alike["also"]))
    parts = [(own.text, own.word), (alike["number"].to_numpy()[also.text], also.word)]
    if data.has("docs", "text"):
        doc = Tokens.of(data.corpus["text"].gather(positives["doc"]))
        parts.append((positives["number"].to_numpy()[doc.text], doc.word))
    return np.unique(
        np.concatenate([mix(mix(text.astype(np.uint64)) + word) for text, word in parts])
    )


def things(tokens: Tokens) -> Bools:
    """bool[tokens]: nouns behind an article, told by what stands about them."""
    small = {word for word in tokens.spelled.values() if len(word) > 2 and word.islower()}
    content = tokens.among(word for word in small - FUNCTION_WORDS if word[0].isalpha())
    article = tokens.among(ARTICLES)
    first, last = tokens.place == 0, np.ones(len(content), bool)
    last[:-1] = first[1:]
    before, two_before = np.roll(article, 1) & ~first, np.roll(article, 2) & (tokens.place > 1)
    behind = last | ~np.roll(content, -1)
    attributes = tokens.among(word for each in ATTRIBUTES for alike in each for word in alike)
    between = np.roll(attributes, 1) & ~first
    found: Bools = content & ~attributes & behind & (before | (two_before & between))
    return found
