"""Mentions of entities: from an ontology and plain texts to queries with positives, unlabelled.

KRISS (Zhang et al., 2022) trains an encoder to link what a text mentions to an entity, and needs no
labels for it: a name that only one entity has is looked for in texts, and the words around it are a
mention of that entity. Here a mention is a query; its positives are the entity's reference text
(its names, type, parents and description) and some mentions that other texts have of it, its
prototypes. Texts are dealt out first: those of prototypes are never those of queries, so that no
context is its own answer. A mention is linked to the entity that its nearest document is of, which
is `negatives evaluate --metric Success@1`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from negatives.chance import id_hashes, stream_key, uniforms
from negatives.errors import DataError
from negatives.read.convert import convert_splits, refuse_to_replace
from negatives.read.documents.tables import table_of_documents
from negatives.read.findings import Findings
from negatives.read.table import ids_of, read_table
from negatives.schema import Collection, check_collection
from negatives.wording import plural

BEGIN, END = "[M_s]", "[M_e]"
"""Marks around a mention, as in the paper."""

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "entity": ("_id", "id", "cui", "concept_id", "entity_id"),
    "name": ("name", "title", "label", "canonical_name", "preferred_label"),
    "aliases": ("aliases", "synonyms", "alt_labels"),
    "type": ("type", "types", "semantic_type", "facet"),
    "parent": ("parent", "parents", "broader"),
    "description": ("description", "definition", "text"),
}
"""What the columns of an ontology may be called."""
_FIRST: Final = 5
_CONTEXT: Final = 12
"""Characters of a word, at most, about: contexts are cut so far away before words are counted."""
_WORD: Final = r"\S+"


@dataclass(frozen=True, kw_only=True)
class Mentions:
    """How mentions are looked for.

    `window`: words around a mention, half before it and half behind. `prototypes`: mentions of each
    entity that are documents; `most`: that are queries. `bank`, `dev`: shares of the texts that
    prototypes, and dev queries, come from. `replace`: how probably the name in a query of train is
    exchanged for another of its entity, so that no model can go by the name alone. `shortest`:
    characters of a name.
    """

    window: int = 64
    prototypes: int = 3
    most: int = 20
    bank: float = 0.4
    dev: float = 0.1
    replace: float = 0.0
    shortest: int = 3
    seed: int = 0


@dataclass(frozen=True)
class Linked:
    """What was made: train and dev queries of one corpus, and the counts of what there was."""

    splits: tuple[Collection, ...]
    figures: dict[str, Any]


def write_mentions(
    entities: str | Path, texts: str | Path, out: str | Path, how: Mentions | None = None
) -> dict[str, Any]:
    """Make a BEIR folder with the splits train and dev; returns the counts of what there was."""
    refuse_to_replace(Path(out))
    made = mentions(read_ontology(Path(entities)), _texts_of(Path(texts)), how or Mentions())
    convert_splits(made.splits, out)
    return made.figures


def read_ontology(path: Path) -> pl.DataFrame:
    """entity, name, aliases (a list), type, parent, description: of a JSONL, CSV, TSV or Parquet.

    Aliases are a list, or a text with | between them. Raises `DataError` for a table without ids or
    names, for an id that comes twice, and for a row that lacks its id or its name.
    """
    table = read_table(path)
    low = {name.lower(): name for name in table.columns}
    found = {
        column: next((low[each] for each in names if each in low), None)
        for column, names in _NAMES.items()
    }
    for column in ("entity", "name"):
        if found[column] is None:
            raise DataError(
                f"no column of {'ids' if column == 'entity' else 'names'} among "
                + ", ".join(map(repr, table.columns[:8])),
                where=str(path),
                fix=f"call it {_NAMES[column][0]}; others are {', '.join(_NAMES[column][1:])}",
            )
    made = table.select(
        ids_of(table, name, path).alias(column)
        if name is not None and column == "entity"
        else _column(table, name, column)
        for column, name in found.items()
    ).with_columns(pl.col("entity", "name").str.strip_chars())
    lacking = made.with_row_index("row", 1).filter(
        pl.any_horizontal((pl.col("entity", "name") == "").fill_null(True))
    )
    if len(lacking):
        rows = ", ".join(map(str, lacking["row"][:_FIRST]))
        raise DataError(
            plural(len(lacking), "entity lacks", "entities lack") + f" an id or a name: row {rows}",
            where=str(path),
            fix="give each an id and a name, or take it out",
        )
    twice = made.filter(pl.col("entity").is_duplicated())["entity"].unique(maintain_order=True)
    if len(twice):
        raise DataError(
            plural(len(twice), "id comes", "ids come") + f" twice: {', '.join(twice[:_FIRST])}",
            where=str(path),
            fix="keep one row an entity, with all its names in it",
        )
    return made.sort("entity")


def _column(table: pl.DataFrame, name: str | None, column: str) -> pl.Expr:
    if name is None:
        empty = pl.lit(None, pl.List(pl.String) if column == "aliases" else pl.String)
        return empty.alias(column)
    values = pl.col(name)
    if isinstance(table.schema[name], pl.List):
        listed = values.cast(pl.List(pl.String))
        return (listed if column == "aliases" else listed.list.join(", ")).alias(column)
    text = values.cast(pl.String)
    return (text.str.split("|") if column == "aliases" else text).alias(column)


def _texts_of(path: Path) -> pl.DataFrame:
    """doc_id, text of a file of documents, or of a folder that has a corpus."""
    held = path / "corpus.jsonl" if path.is_dir() else path
    return table_of_documents(held, Findings()).select("doc_id", "text")


def mentions(ontology: pl.DataFrame, texts: pl.DataFrame, how: Mentions) -> Linked:
    """Queries and documents of what the texts (doc_id, text) mention of an ontology.

    Raises `DataError` where no text names an entity.
    """
    names = _names(ontology, how.shortest)
    clear = names.filter(pl.col("entities") == 1)
    found = _found(texts, clear)
    figures = {
        "entities": len(ontology),
        "names": len(names),
        "names of several entities": len(names) - len(clear),
        "texts": len(texts),
        "mentions": len(found),
        "entities mentioned": found["entity"].n_unique(),
    }
    draw = uniforms(id_hashes(found["doc_id"]), stream_key(how.seed, "mentions/texts"))
    in_bank, in_dev = draw < how.bank, draw >= 1 - how.dev
    dealt = found.with_columns(
        part=pl.select(
            pl.when(pl.Series(in_bank)).then(pl.lit("bank"))
            .when(pl.Series(in_dev)).then(pl.lit("dev"))
            .otherwise(pl.lit("train"))
        ).to_series()
    )  # fmt: skip
    kept = _some(dealt, how)
    written = _written(kept, names, how)
    corpus = _corpus(ontology, written.filter(pl.col("part") == "bank"))
    splits = [
        _split(name, corpus, written.filter(pl.col("part") == name)) for name in ("train", "dev")
    ]
    figures |= {
        "prototypes": len(corpus) - len(ontology),
        **{f"{each.split} queries": len(each.queries) for each in splits},
    }
    made = tuple(each for each in splits if len(each.queries))
    if not any(each.split == "train" for each in made):
        raise DataError(
            "no text names an entity by a name that only one entity has"
            if found.is_empty()
            else f"all of the {len(found):,} mentions are in texts for prototypes or for dev",
            where=f"{len(texts):,} texts, {len(ontology):,} entities",
            fix="give texts that use these names"
            if found.is_empty()
            else "give more texts, or lower the shares of prototypes and dev",
        )
    return Linked(made, figures)


def _names(ontology: pl.DataFrame, shortest: int) -> pl.DataFrame:
    """name (lower case), entity (the first), entities: how many have that name."""
    return (
        ontology.select(
            "entity",
            name=pl.concat_list(
                pl.col("name"), pl.col("aliases").fill_null(pl.lit([], pl.List(pl.String)))
            ),
        )
        .explode("name")
        .select("entity", pl.col("name").str.strip_chars().str.to_lowercase())
        .filter(pl.col("name").str.len_chars() >= shortest)
        .group_by("name")
        .agg(pl.col("entity").min(), entities=pl.col("entity").n_unique())
        .sort("name")
    )


def _found(texts: pl.DataFrame, clear: pl.DataFrame) -> pl.DataFrame:
    """doc_id, text, start (characters), name, entity: of whole words, the longest name first."""
    patterns = clear.sort(pl.col("name").str.len_bytes(), descending=True)["name"]
    low = pl.col("text").str.to_lowercase()
    same = low.str.len_chars() == pl.col("text").str.len_chars()
    # Where lower case has another length, places are those in the lower-case text.
    rows = texts.with_columns(text=pl.when(same).then("text").otherwise(low), low=low)
    if patterns.is_empty():
        rows = rows.clear()
    hits = (
        rows.with_columns(
            start=pl.col("low").str.find_many(patterns.implode(), leftmost=True),
            name=pl.col("low").str.extract_many(patterns.implode(), leftmost=True),
        )
        .explode("start", "name")
        .drop_nulls("start")
    )
    # Places are those of bytes, and begin with a letter.
    passed = pl.col("low").cast(pl.Binary).bin.slice(0, pl.col("start"))
    hits = hits.with_columns(start=passed.cast(pl.String).str.len_chars().cast(pl.Int64))
    before, _, after = _around("low", 1)
    word = r"[\p{L}\p{M}\p{N}_]"
    whole = ~before.str.contains(f"{word}$") & ~after.str.contains(f"^{word}")
    return (
        hits.filter(whole)
        .join(clear.select("name", "entity"), on="name", how="left", maintain_order="left")
        .drop("low")
    )


def _around(column: str, reach: int) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """`reach` characters before each mention, itself, and as many after it."""
    text, begin, length = pl.col(column), pl.col("start"), pl.col("name").str.len_chars()
    first = (begin - reach).clip(0)
    return (
        text.str.slice(first, begin - first),
        text.str.slice(begin, length),
        text.str.slice(begin + length, reach),
    )


def _some(found: pl.DataFrame, how: Mentions) -> pl.DataFrame:
    """At most `prototypes` mentions of an entity in the bank, and `most` in each other part."""
    keys = pl.concat_str(pl.col("doc_id"), pl.lit("\t"), pl.col("start").cast(pl.String))
    found = found.with_columns(mention=keys)
    draw = uniforms(id_hashes(found["mention"]), stream_key(how.seed, "mentions/some"))
    limit = pl.when(pl.col("part") == "bank").then(how.prototypes).otherwise(how.most)
    return (
        found.with_columns(draw=pl.Series(draw))
        .sort("entity", "part", "draw", "mention")
        .filter(pl.int_range(pl.len()).over("entity", "part") < limit)
        .with_columns(number=pl.int_range(pl.len()).over("entity", "part"))
    )


def _written(kept: pl.DataFrame, names: pl.DataFrame, how: Mentions) -> pl.DataFrame:
    """entity, part, number, text: each mention between its marks, with the words around it."""
    half = how.window // 2
    before, itself, after = _around("text", half * _CONTEXT)
    drawn = uniforms(id_hashes(kept["mention"]), stream_key(how.seed, "mentions/replace"))
    clear = names.filter(pl.col("entities") == 1)
    others = clear.group_by("entity").agg(others=pl.col("name").sort())
    choices = pl.col("others").list.set_difference(pl.concat_list("name")).list.sort()
    # A draw below `replace` is, divided by it, a draw of its own.
    share = pl.Series("share", drawn / how.replace if how.replace else drawn + 1)
    at = (pl.col("share") * pl.col("choices").list.len()).floor().cast(pl.Int64)
    exchanged = (pl.col("part") == "train") & (pl.col("share") < 1)
    other = pl.when(exchanged).then(pl.col("choices").list.get(at, null_on_oob=True))
    return (
        kept.with_columns(share)
        .join(others, on="entity", how="left", maintain_order="left")
        .with_columns(choices=choices)
        .select(
            "entity",
            "part",
            "number",
            text=pl.concat_str(
                before.str.extract_all(_WORD).list.tail(half).list.join(" "),
                pl.lit(BEGIN),
                pl.coalesce(other, itself),
                pl.lit(END),
                after.str.extract_all(_WORD).list.head(half).list.join(" "),
                separator=" ",
            ).str.strip_chars(),
        )
    )


def _corpus(ontology: pl.DataFrame, bank: pl.DataFrame) -> pl.DataFrame:
    """The reference text of each entity, and its prototypes, whose parent is the entity."""
    called = ontology.select(parent="entity", above="name")
    aliases = pl.col("aliases").list.join(", ")
    rest = pl.concat_str(aliases, "type", "above", "description", separator=". ", ignore_nulls=True)
    text = pl.concat_str("name", rest, separator=" ").str.strip_chars()
    references = ontology.join(called, on="parent", how="left", maintain_order="left").select(
        doc_id="entity", text=text, title="name", type="type", parent="parent"
    )
    of = ontology.select("entity", "type")
    prototypes = bank.join(of, on="entity", how="left", maintain_order="left").select(
        doc_id=pl.format("{}#{}", "entity", "number"),
        text="text",
        title=pl.lit(None, pl.String),
        type="type",
        parent="entity",
    )
    both = pl.concat([references, prototypes]).sort("doc_id").with_row_index("row")
    kept = [name for name in ("type", "parent") if both[name].null_count() < len(both)]
    return both.select("doc_id", "text", "row", "title", *kept)


def _split(name: str, corpus: pl.DataFrame, asked: pl.DataFrame) -> Collection:
    """Mentions as queries, with the reference text and the prototypes of their entity."""
    named = asked.select(
        "entity", query_id=pl.format("{}@{}{}", "entity", pl.lit(name), "number"), text="text"
    ).sort("query_id")
    docs = corpus.select("doc_id", entity=pl.col("doc_id").str.replace(r"#\d+$", ""))
    qrels = named.join(docs, on="entity").select(
        "query_id", "doc_id", relevance=pl.lit(1, pl.Int32)
    )
    return _checked(
        Collection(
            name="mentions",
            split=name,
            corpus=corpus,
            queries=named.select("query_id", "text")
            .with_row_index("row")
            .select("query_id", "text", "row"),
            qrels=qrels.sort("query_id", "doc_id"),
        )
    )


def _checked(made: Collection) -> Collection:
    return check_collection(made) if len(made.queries) else made
