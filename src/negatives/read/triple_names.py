"""What the entities and relations of a knowledge graph are called: files beside its triples.

| file                            | holds                                                        |
|---------------------------------|--------------------------------------------------------------|
| entities (.jsonl, .csv, .tsv)   | _id or id; name, label or title; description; type or types  |
| relations (likewise)            | _id or id; name, label or text                               |
| entity_types (likewise)         | _id or id; type or types                                     |
| entity2text.txt, relation2text.txt, entity2textlong.txt | an id, a tab, a text (KG-BERT's)     |

None of them is needed. Several types of one entity stand in one text with | between them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import polars as pl

from negatives.errors import DataError
from negatives.read.delimited import records
from negatives.read.files import first_existing
from negatives.read.findings import RAGGED, Findings
from negatives.read.mined.names import plain
from negatives.read.table import ids_of, read_table
from negatives.wording import plural

BETWEEN: Final = "|"
"""Stands between several types of one entity."""

_TABLES: Final = (".jsonl", ".csv", ".tsv", ".parquet")
_ID: Final = ("_id", "id", "entity", "relation", "entity_id", "relation_id")
_NAME: Final = ("name", "label", "title", "text")
_DESCRIPTION: Final = ("description", "definition", "gloss")
_TYPE: Final = ("types", "type")
_NOTHING: Final[dict[str, Any]] = {
    "id": pl.String,
    "name": pl.String,
    "description": pl.String,
    "type": pl.String,
}


@dataclass(frozen=True)
class Names:
    """id, name, description, type (all texts, empty where there is none) of entities and relations.

    `listed`: whether there is a file of entities, so that one that is not in it is unknown.
    """

    entities: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_NOTHING))
    relations: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_NOTHING))
    listed: bool = False

    @property
    def told(self) -> bool:
        """Whether any entity, or any relation, has a name."""
        return any((side["name"] != "").any() for side in (self.entities, self.relations))


def read_names(folder: Path, findings: Findings) -> Names:
    """What the files of a folder say."""
    entities, relations, types = (
        _side(folder, name, findings) for name in ("entities", "relations", "entity_types")
    )
    listed = entities is not None
    if entities is None:
        entities = _of_two_columns(folder, "entity2text.txt", "entity2textlong.txt", findings)
    if relations is None:
        relations = _of_two_columns(folder, "relation2text.txt", "", findings)
    if types is not None:
        said = types.select("id", said="type")
        entities = entities.join(
            said, on="id", how="full", coalesce=True, maintain_order="left_right"
        ).select(
            "id",
            *(pl.col(name).fill_null("") for name in ("name", "description")),
            type=pl.when(pl.col("said").fill_null("") != "")
            .then("said")
            .otherwise(pl.col("type").fill_null("")),
        )
    return Names(entities, relations, listed)


def _side(folder: Path, name: str, findings: Findings) -> pl.DataFrame | None:
    path = first_existing(folder, *(f"{name}{end}" for end in _TABLES))
    if path is None:
        return None
    table = read_table(path)
    low = {plain(column): column for column in reversed(table.columns)}
    own = next((low[each] for each in _ID if each in low), None)
    if own is None:
        raise DataError(
            f"no column of ids among {', '.join(map(repr, table.columns[:8]))}",
            where=str(path),
            fix="call it id",
        )
    made = table.select(
        id=ids_of(table, own, path).str.strip_chars(),
        **{
            key: _text(table, next((low[each] for each in names if each in low), None))
            for key, names in (("name", _NAME), ("description", _DESCRIPTION), ("type", _TYPE))
        },
    )
    lacking = made.filter(pl.col("id").fill_null("") == "")
    twice = made.filter(pl.col("id").is_duplicated())["id"].unique(maintain_order=True)
    if len(lacking) or len(twice):
        what = (
            plural(len(lacking), "row has no id", "rows have no id")
            if len(lacking)
            else plural(len(twice), "id comes twice", "ids come twice")
        )
        first = "" if len(lacking) else f": {', '.join(twice[:5])}"
        raise DataError(
            f"{what}{first}",
            where=str(path),
            fix="give every row an id of its own",
        )
    return made


def _text(table: pl.DataFrame, name: str | None) -> pl.Expr:
    if name is None:
        return pl.lit("")
    values = pl.col(name)
    if isinstance(table.schema[name], pl.List):
        values = values.cast(pl.List(pl.String)).list.join(BETWEEN)
    return values.cast(pl.String).fill_null("").str.strip_chars()


def _of_two_columns(folder: Path, name: str, long: str, findings: Findings) -> pl.DataFrame:
    """Ids and texts of KG-BERT's files; the longer text is the description."""
    short = _pairs(folder, name, findings)
    described = _pairs(folder, long, findings) if long else short.clear()
    both = short.join(described, on="id", how="left", suffix="_long", maintain_order="left")
    return both.select(
        "id",
        name="text",
        description=pl.when(pl.col("text_long") == pl.col("text"))
        .then(pl.lit(""))
        .otherwise(pl.col("text_long").fill_null("")),
        type=pl.lit(""),
    )


def _pairs(folder: Path, name: str, findings: Findings) -> pl.DataFrame:
    path = first_existing(folder, name)
    rows = [] if path is None else [*records(path, "\t", findings)]
    for line, row in rows:
        if len(row) != 2 and path is not None:
            reason = f"expected an id and a text, found {len(row)} columns"
            findings.add(RAGGED, findings.file(path), line, reason, row)
    kept = [[part.strip() for part in row] for _, row in rows if len(row) == 2]
    made = pl.DataFrame(kept, schema={"id": pl.String, "text": pl.String}, orient="row")
    return made.unique("id", keep="first", maintain_order=True)
