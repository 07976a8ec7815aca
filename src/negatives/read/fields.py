"""What documents and queries have besides an id and a text: fields, by the names they may have.

| field     | names                  | values                                                      |
|-----------|------------------------|-------------------------------------------------------------|
| image     | image, image_path      | the path of a file                                          |
| series    | series                 | a time series, as in .ts files; or lists of numbers         |
| time      | time, date, timestamp  | ISO 8601, from 2019 to 2019-05-03T10:00:00Z; or numbers     |
| parent    | parent, parent_id      | an id                                                       |
| type      | type                   | texts, numbers, true and false                              |
| language  | language, lang         | texts                                                       |
| weight    | weight                 | numbers                                                     |
| written   | written                | whether a machine wrote it: true and false                  |
| heading   | heading, headline      | texts                                                       |
| latitude  | latitude, lat          | degrees north of the equator                                |
| longitude | longitude, lon, lng    | degrees east of Greenwich                                   |
| entity    | entity                 | of a question of a knowledge graph: the entity it gives     |
| relation  | relation               | its relation                                                |
| asks      | asks                   | and whether it asks for the head or the tail                |

They stand beside the text: in JSON lines, in the columns of a table, or in an object `metadata` of
JSON lines; other keys are not read, but for a `title` (`texts`). A row may lack a field. A field
that the first lines of a file do not have is not read, nor is one whose values are of several
sorts; a note says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import polars as pl

from negatives.read.findings import Findings
from negatives.read.jsonl import Field
from negatives.schema import CONTENT

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "image": ("image", "image_path"),
    "series": ("series",),
    "time": ("time", "date", "timestamp"),
    "parent": ("parent", "parent_id"),
    "type": ("type",),
    "language": ("language", "lang"),
    "weight": ("weight",),
    "written": ("written",),
    "heading": ("heading", "headline"),
    "latitude": ("latitude", "lat"),
    "longitude": ("longitude", "lon", "lng"),
    "entity": ("entity",),
    "relation": ("relation",),
    "asks": ("asks",),
}
METADATA: Final = "metadata"
_FIELD_OF: Final = {name: field for field, names in NAMES.items() for name in names}
_NUMBERS: Final = r"^\[[^\"{]*\]$"
_NUMBER: Final = r"^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$"
_TIME: Final = r"^\d{4}(-\d\d(-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?)?)?$"
_FORMATS: Final = ("%Y-%m", "%Y-%m-%d")
_DAY: Final = len("2019-05-03")
_NO_DAY: Final = "a year or a month alone in field 'time' is read as its first day"


def is_known(name: str) -> bool:
    """Whether a key is one of a field, or of `metadata`."""
    return name in _FIELD_OF or name == METADATA


def fields_of(columns: Sequence[str]) -> dict[str, Field]:
    """The same of the columns of a table."""
    return fields_in([dict.fromkeys((name for name in columns if name != METADATA), True)])


def fields_in(rows: Sequence[Mapping[str, Any]]) -> dict[str, Field]:
    """The columns to read for the fields that some rows have: the first name of each."""
    there = dict.fromkeys(name for row in rows for name, value in row.items() if value is not None)
    made: dict[str, Field] = {}
    for field, names in NAMES.items():
        name = next((name for name in names if name in there), None)
        if name is not None:
            made[field] = Field(name, "field", required=False)
    inside = [row[METADATA] for row in rows if isinstance(row.get(METADATA), dict)]
    if any(name in _FIELD_OF for each in inside for name in each):
        made[METADATA] = Field(METADATA, "any", required=False)
    return made


def typed(table: pl.DataFrame, findings: Findings, *, spelled: bool = False) -> pl.DataFrame:
    """`table` with its fields, which are JSON so far, in their types; what has none is left out.

    `spelled`: every value is a text, as in CSV files, numbers and true and false too.
    """
    named = [name for name in table.columns if name in NAMES]
    raw = {name: table[name] for name in named}
    if METADATA in table.columns:
        for name, values in _inside(table[METADATA]).items():
            raw[name] = pl.select(pl.coalesce(raw.get(name, values), values)).to_series()
    made = []
    for name, values in raw.items():
        values = _meant(name, values) if spelled else values
        found = _typed(name, values, findings)
        if found is not None:
            made.append(found.alias(name))
    return table.drop([*named, METADATA], strict=False).with_columns(made)


def _inside(metadata: pl.Series) -> dict[str, pl.Series]:
    """The fields in objects written as JSON, by name: JSON once more."""
    found: dict[str, list[str | None]] = {}
    decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
    for row, text in enumerate(metadata):
        if text is None or not text.startswith("{"):
            continue
        for name, value in decoder.decode(text).items():
            if name in _FIELD_OF and bytes(value) != b"null":
                values = found.setdefault(_FIELD_OF[name], [None] * len(metadata))
                values[row] = bytes(value).decode()
    return {name: pl.Series(values, dtype=pl.String) for name, values in found.items()}


def _meant(name: str, values: pl.Series) -> pl.Series:
    """Texts that all are numbers, or true and false, as such; a year stays the text of a time."""
    bare = values.str.json_decode(pl.String).str.strip_chars()
    bare = bare.set(bare == "", None)
    there = bare.drop_nulls()
    if name == "time" and there.str.contains(_TIME).all():
        return values.set(bare.is_null(), None)
    lower = there.str.to_lowercase()
    if len(lower) and lower.is_in(["true", "false"]).all():
        return bare.str.to_lowercase()
    if len(there) and there.str.contains(_NUMBER).all():
        return bare
    return values.set(bare.is_null(), None)


def _typed(name: str, values: pl.Series, findings: Findings) -> pl.Series | None:
    """A field in its type; None where it has no values, or values of several sorts."""
    there = values.drop_nulls()
    if there.is_empty():
        return None
    if name == "series" and there.str.contains(_NUMBERS).all():
        return _as_in_ts(values)
    texts = there.str.starts_with('"')
    if texts.all():
        found = values.str.json_decode(pl.String)
        return _times(found, findings) if name == "time" else _plain(name, found)
    if not texts.any():
        if there.is_in(["true", "false"]).all():
            return values == "true"
        numbers = values.cast(pl.Float64, strict=False)
        if numbers.null_count() == values.null_count() and name not in (*CONTENT, "parent"):
            return numbers
        whole = there.cast(pl.Int64, strict=False).null_count() == 0
        if whole and name == "parent":
            return values
    first = there.unique(maintain_order=True)[:2].to_list()
    findings.note(f"field {name!r} is not read: it holds {' and '.join(first)}", "", 1)
    return None


def _plain(name: str, found: pl.Series) -> pl.Series:
    return found.fill_null("").str.strip_chars() if name in CONTENT else found


def _as_in_ts(lists: pl.Series) -> pl.Series:
    """A list of numbers, or a list of them a dimension, as `.ts` files have it."""
    bare = lists.fill_null("").str.replace_all(r"\s", "").str.replace_all("null", "?", literal=True)
    return bare.str.replace_all("],[", ":", literal=True).str.strip_chars("[]")


def _times(found: pl.Series, findings: Findings) -> pl.Series | None:
    """Times of a day or a moment, in UTC; None where some text is no time."""
    times = found.str.strip_chars()
    wrong = times.filter(~times.str.contains(_TIME))
    if wrong.is_empty():
        padded = pl.coalesce(
            *(
                pl.col("time").str.to_datetime(form, strict=False, time_unit="us")
                for form in _FORMATS
            ),
            (pl.col("time") + "-01-01").str.to_datetime("%Y-%m-%d", strict=False, time_unit="us"),
            _moment(pl.col("time")),
        )
        made = times.alias("time").to_frame().select(padded).to_series()
        wrong = times.filter(made.is_null() & times.is_not_null())
        if wrong.is_empty():
            findings.note(_NO_DAY, f"{_NO_DAY} ({{n}})", int((times.str.len_chars() < _DAY).sum()))
            return made
    findings.note(f"field 'time' is not read: {wrong[0]!r} is no time such as 2019-05-03", "", 1)
    return None


def _moment(text: pl.Expr) -> pl.Expr:
    """A day and a time of day, with or without a zone."""
    text = text.str.replace(" ", "T", literal=True).str.replace(r"Z$", "+00:00")
    text = pl.when(text.str.contains(r"[+-]\d\d:?\d\d$")).then(text).otherwise(text + "+00:00")
    text = text.str.replace(r"(T\d\d:\d\d)([+-])", "$1:00$2")
    zoned = text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", strict=False, time_unit="us")
    return zoned.dt.replace_time_zone(None)
