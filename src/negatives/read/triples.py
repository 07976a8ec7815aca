"""Knowledge graphs: each triple (h, r, t) asks two questions, (h, r, ?) and (?, r, t).

The queries of a collection are these questions (their ids are `h|r|?` and `?|r|t`), its documents
all entities of all splits, and it goes by ids. Queries have the fields `entity` (the one that is
given), `relation` and `asks` (head or tail), by which sources and trainers know the triple; where
there are names, a query has a text to be read, such as "steroid interacts with ?". Triples that
were verified to be false are judged negatives. Truths of other splits are not in a collection:
measures look them up, and nothing that is drawn may know them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import polars as pl

from negatives.errors import DataError
from negatives.read import pykeen_triples
from negatives.read.address import Address
from negatives.read.findings import CONTRADICTORY, Findings
from negatives.read.gathered import Tables, gather
from negatives.read.id_notes import TRIPLES as WORDS
from negatives.read.id_notes import without_negatives
from negatives.read.triple_files import PARTS, TRIPLES, read_triples, split_files
from negatives.read.triple_names import Names, read_names
from negatives.read.triple_notes import note_contradictions, note_oddities
from negatives.schema import Collection

ENTITY, RELATION, ASKS = "entity", "relation", "asks"
"""The fields of a query: what is given of its triple, and which side is asked for."""
HEAD, TAIL = "head", "tail"
_APART: Final = "|"
_ASKED: Final = "?"
_NO_TRIPLES: Final = pl.DataFrame(schema=TRIPLES)


def is_graph(collection: Collection) -> bool:
    """Whether its queries ask for a side of triples."""
    return all(collection.has("queries", name) for name in (ENTITY, RELATION, ASKS))


def triples_of(collection: Collection, pairs: pl.DataFrame) -> pl.DataFrame:
    """head, relation, tail of what each of the pairs (query_id, doc_id) of a graph says."""
    asked = collection.queries.select("query_id", ENTITY, RELATION, ASKS)
    rows = pairs.join(asked, on="query_id", how="left", maintain_order="left")
    by_tail = pl.col(ASKS) == TAIL
    return rows.select(
        head=pl.when(by_tail).then(ENTITY).otherwise("doc_id"),
        relation=RELATION,
        tail=pl.when(by_tail).then("doc_id").otherwise(ENTITY),
    )


def splits(address: Address) -> list[str]:
    """The splits that the names of the files tell; a file alone is train."""
    if not address.path.is_dir():
        return ["train"]
    return sorted(pykeen_triples.folders(address.path) or split_files(address.path))


def read(address: Address, split: str, findings: Findings) -> Collection:
    """The collection of one split."""
    path = address.path
    if not path.is_dir():
        triples = {split: read_triples(path, findings)}
        return collected(address.name, split, triples, Names(), findings)
    theirs = pykeen_triples.folders(path)
    if theirs:
        triples = {
            name: pykeen_triples.read_numbered(folder, _own(findings, name == split))
            for name, folder in theirs.items()
        }
        names = read_names(path, findings)
    else:
        triples, names = {}, read_names(path, findings)
        for name, files in split_files(path).items():
            own = _own(findings, name == split)
            false = [read_triples(each, own) for each in files.false]
            triples[name] = pl.concat(
                [_NO_TRIPLES]
                + [read_triples(each, own) for each in files.true]
                + [each.with_columns(true=pl.lit(False)) for each in false]
            )
    findings.done()
    return collected(address.name, split, triples, names, findings)


def _own(findings: Findings, own: bool) -> Findings:
    """Faults of another split are told where that one is read."""
    return findings if own else Findings(set_aside=True)


def collected(
    name: str,
    split: str,
    triples: Mapping[str, pl.DataFrame],
    names: Names,
    findings: Findings,
) -> Collection:
    """The collection of one split of a graph; `triples`: every split's, as `read_triples` gives."""
    findings.done()
    here = triples[split]
    if not here["true"].any():
        raise DataError(
            f"the split {split!r} has no triples" if len(triples) > 1 else "there are no triples",
            where=name,
            fix="give it a triple in each line: a head, a relation and a tail",
        )
    once = here.unique([*PARTS, "true"], keep="first", maintain_order=True)
    findings.note(
        "{n} triple is repeated: it counts once",
        "{n} triples are repeated: they count once",
        len(here) - len(once),
    )
    once = _without_contradictions(once, findings)
    listed = names.entities["id"] if names.listed else None
    true = {
        each: (once if each == split else rows).filter("true").select(PARTS)
        for each, rows in triples.items()
    }
    note_oddities(split, true, listed, findings)
    note_contradictions(split, once.filter(~pl.col("true")), true, findings)
    every = pl.concat([once, *(rows for each, rows in triples.items() if each != split)])
    questions = pl.concat([_asked(once, TAIL), _asked(once, HEAD)])
    tables = Tables(
        corpus=_entities(every, names),
        queries=_queries(questions, names, findings),
        qrels=questions.select("query_id", "doc_id", "relevance", "file", "line"),
        identity="id",
    )
    made = gather(name, split, tables, findings)
    return replace(made, notes=(*made.notes, *without_negatives(made, WORDS)))


def _without_contradictions(rows: pl.DataFrame, findings: Findings) -> pl.DataFrame:
    """Triples that are true and verified to be false are reported."""
    both = rows.select(PARTS).is_duplicated()
    for row in rows.filter(both & ~rows["true"]).iter_rows(named=True):
        raw = [row[part] for part in PARTS]
        findings.add(
            CONTRADICTORY, row["file"], row["line"], f"{raw} is false here, and true before", raw
        )
    findings.done()
    return rows.filter(~both | rows["true"])


def _asked(rows: pl.DataFrame, asks: str) -> pl.DataFrame:
    """The questions for one side: query_id, entity, relation, asks, doc_id, relevance, place."""
    given = HEAD if asks == TAIL else TAIL
    sides = (pl.col(given), pl.lit(_ASKED))
    first, last = sides if asks == TAIL else sides[::-1]
    return rows.select(
        pl.concat_str(first, RELATION, last, separator=_APART).alias("query_id"),
        pl.col(given).alias(ENTITY),
        RELATION,
        pl.lit(asks).alias(ASKS),
        pl.col(asks).alias("doc_id"),
        pl.col("true").cast(pl.Int32).alias("relevance"),
        "file",
        "line",
    )


def _queries(questions: pl.DataFrame, names: Names, findings: Findings) -> pl.DataFrame:
    """The questions, each once, with their fields and, where there are names, their texts."""
    own = [ENTITY, RELATION, ASKS]
    once = questions.unique(["query_id", *own], keep="first", maintain_order=True)
    twice = once.filter(once["query_id"].is_duplicated())
    if len(twice):
        row = twice.row(0, named=True)
        raise DataError(
            f"two questions would be called {row['query_id']!r}: an id holds {_APART!r}",
            where=findings.place(row["file"], row["line"]),
            fix=f"write the ids of entities and relations without {_APART!r}",
        )
    table = once.with_row_index("row").select("query_id", "row", "file", "line", *own)
    if not names.told:
        return table
    called = [_called(table[key], side) for key, side in
              ((ENTITY, names.entities), (RELATION, names.relations))]  # fmt: skip
    entity, relation = (pl.lit(each) for each in called)
    before = pl.when(pl.col(ASKS) == TAIL)
    text = pl.concat_str(
        before.then(entity).otherwise(pl.lit(_ASKED)),
        relation,
        before.then(pl.lit(_ASKED)).otherwise(entity),
        separator=" ",
    )
    return table.with_columns(text=text.str.strip_chars())


def _called(ids: pl.Series, names: pl.DataFrame) -> pl.Series:
    """The name of each, or its id where it has none."""
    found = ids.rename("id").to_frame().join(names, on="id", how="left", maintain_order="left")
    return found.select(
        pl.when(pl.col("name").fill_null("") == "").then("id").otherwise("name")
    ).to_series()


def _entities(rows: pl.DataFrame, names: Names) -> pl.DataFrame:
    """All entities, in the order in which they are listed, then named.

    Name and description are their text, the name their title; and their type.
    """
    listed = names.entities.select(doc_id="id").with_columns(
        file=pl.lit(0, pl.UInt32), line=pl.lit(0, pl.UInt32)
    )
    place = ("file", "line")
    sides = [rows.select(pl.col(side).alias("doc_id"), *place) for side in (HEAD, TAIL)]
    named = pl.concat([listed, *sides]).unique("doc_id", keep="first", maintain_order=True)
    table = named.with_row_index("row").join(
        names.entities, left_on="doc_id", right_on="id", how="left", maintain_order="left"
    )
    columns = ["doc_id", "row", *place]
    described = table.select(
        *columns,
        text=pl.concat_str(
            pl.col("name").fill_null(""), pl.col("description").fill_null(""), separator=" "
        ).str.strip_chars(),
        title=pl.col("name").fill_null(""),
        type=pl.when(pl.col("type") == "").then(None).otherwise("type"),
    )
    has_text = (described["text"] != "").any()
    kept = [*columns, *(["text", "title"] if has_text else [])]
    return described.select(
        *kept, *(["type"] if described["type"].null_count() < len(named) else [])
    )
