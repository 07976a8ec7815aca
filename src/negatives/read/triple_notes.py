"""What is odd about the triples of a graph, and about its splits: said in words of the graph.

A test triple that train has the other way round is answered by heart where its relation holds both
ways, or where train has it by the inverse relation: the leak for which FB15k and WN18 were made
anew (Toutanova and Chen, 2015). By any other relation the turned triple is another statement.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from negatives.read.findings import FIRST, Findings
from negatives.read.triple_files import PARTS

_INVERSE: Final = 0.8
"""Share of the triples of two relations, of each, that is in the other the other way round; of one
relation, the share that it has the other way round itself.
"""
_FEWEST: Final = 5
"""Triples of a relation, below which nobody can tell of which other one it is the inverse."""

Splits = Mapping[str, pl.DataFrame]


def note_oddities(split: str, splits: Splits, listed: pl.Series | None, findings: Findings) -> None:
    """Note what is odd of `split`, whose triples are true, and of how the others stand to it.

    `listed`: the entities that a file lists; None: there is no such file.
    """
    here = splits[split]
    for name, there in splits.items():
        if there.is_empty():
            findings.note(f"split {name} has no triples", "", 1)
    learned = splits.get("train", here)
    _note_rare(learned, findings)
    tested = {name: rows for name, rows in splits.items() if name != "train" and len(rows)}
    if "train" in splits and split != "train":
        tested = {split: here}
    if "train" in splits and len(learned):
        # By all splits: of what a split holds back, train alone would have the other half only.
        opposite = _opposites(pl.concat([each.select(PARTS) for each in splits.values()]).unique())
        for name, rows in tested.items():
            _note_leaks(name, rows, learned, opposite, findings)
            _note_unknown(name, rows, learned, findings)
    if listed is not None:
        named = _entities(here)
        strange = named.filter(~named.is_in(listed.implode())).sort()
        _note(strange, "entity", "entities", "not in the file of entities", "", findings)


def note_contradictions(
    split: str, false: pl.DataFrame, splits: Splits, findings: Findings
) -> None:
    """Note which triples that `split` says are false are true by another split."""
    for name, rows in splits.items():
        both = false.join(rows, on=PARTS, how="semi").select(PARTS).unique().sort(PARTS)
        if name != split and len(both):
            are = "is" if len(both) == 1 else "are"
            first = ", ".join(str([*row]) for row in both.head(FIRST).iter_rows())
            more = ", ..." if len(both) > FIRST else ""
            findings.note(
                f"{len(both):,} of {len(false):,} triples that {split} says are false {are} true "
                f"in {name} ({first}{more})",
                "",
                1,
            )


def _note_rare(rows: pl.DataFrame, findings: Findings) -> None:
    counts = rows.group_by("relation").len()
    once = counts.filter(pl.col("len") == 1)["relation"].sort()
    _note(once, "relation", "relations", "in one triple only", "hardly to be learned", findings)


def _note_leaks(
    name: str, rows: pl.DataFrame, learned: pl.DataFrame, opposite: pl.DataFrame, findings: Findings
) -> None:
    total = len(rows)
    again = rows.join(learned, on=PARTS, how="semi")
    if len(again):
        findings.note(
            f"leak: {len(again):,} of {total:,} triples of {name} are triples of train too", "", 1
        )
    reversed_ = rows.join(opposite, on="relation").join(
        learned,
        left_on=["tail", "inverse", "head"],
        right_on=["head", "relation", "tail"],
        how="semi",
    )
    found = reversed_.select(PARTS).unique()
    if len(found):
        by = found["relation"].value_counts().sort(["count", "relation"], descending=[True, False])
        findings.note(
            f"leak: {len(found):,} of {total:,} triples of {name} stand in train the other way "
            f"round, by relations that hold both ways or by their inverse ({_first(by['relation'])}"
            "): a model knows them by heart, so that ranks of other relations say more",
            "",
            1,
        )


def _note_unknown(name: str, rows: pl.DataFrame, learned: pl.DataFrame, findings: Findings) -> None:
    known = _entities(learned).implode()
    new = _entities(rows)
    strange = new.filter(~new.is_in(known)).sort()
    after = f"of {name} and in no triple of train", "a model of ids knows nothing of {them}"
    _note(strange, "entity", "entities", *after, findings)
    relations = rows["relation"].unique()
    strange = relations.filter(~relations.is_in(learned["relation"].unique().implode())).sort()
    _note(strange, "relation", "relations", *after, findings)


def _note(ids: pl.Series, one: str, many: str, what: str, why: str, findings: Findings) -> None:
    if ids.is_empty():
        return
    first = _first(ids)
    said = f"{len(ids):,} {one if len(ids) == 1 else many} {'is' if len(ids) == 1 else 'are'}"
    why = why.format(them="it" if len(ids) == 1 else "them")
    findings.note(f"{said} {what} ({first})" + (f": {why}" if why else ""), "", 1)


def _first(ids: pl.Series) -> str:
    return ", ".join(ids[:FIRST]) + (", ..." if len(ids) > FIRST else "")


def _entities(rows: pl.DataFrame) -> pl.Series:
    return pl.concat([rows["head"], rows["tail"].alias("head")]).unique()


def _opposites(rows: pl.DataFrame) -> pl.DataFrame:
    """relation, inverse: each relation that holds both ways with itself, others with inverses.

    A triple whose head is its tail says nothing of it.
    """
    rows = rows.filter(pl.col("head") != pl.col("tail"))
    sizes = rows.group_by("relation").len("size")
    turned = rows.select(head="tail", inverse="relation", tail="head")
    both_ways = pl.col("relation") == pl.col("inverse")
    return (
        rows.join(turned, on=["head", "tail"])
        .group_by("relation", "inverse")
        .len("both")
        .join(sizes, on="relation")
        .join(sizes.rename({"relation": "inverse", "size": "other"}), on="inverse")
        .filter(
            (both_ways | (pl.min_horizontal("size", "other") >= _FEWEST))
            & (pl.col("both") >= _INVERSE * pl.max_horizontal("size", "other"))
        )
        .select("relation", "inverse")
    )
