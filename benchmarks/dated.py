"""Texts that have a time and cite older ones: Python's enhancement proposals (PEPs).

NEGATIVES_BENCH_PEPS names a clone of https://github.com/python/peps. A proposal is a query for
those that it cites, as a judgement is for its precedents: for older ones alone, and never for
itself, which is in the corpus as the document of the same text. The numbers of proposals are struck
out of the texts, so that a citation cannot be read off them.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl

import negatives as neg
from negatives.schema import Collection

CUT = date(2016, 1, 1)
"""Proposals before it are the corpus, and ask in training; those from it on ask on dev."""
READ = 6_000
"""Characters of a proposal, so that a slow processor is done with them: about five parts of it."""
_CITED = re.compile(
    r":pep:`(?:[^`<]*<)?(\d+)[^`]*`|\bPEPs?[ -]?(\d+)|\bpep-(\d{4})\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Proposal:
    """One of them, and the numbers of those that it names."""

    number: int
    title: str
    text: str
    created: date
    cites: frozenset[int]


def proposals() -> list[Proposal]:
    """Those in the clone, by number."""
    clone = os.environ.get("NEGATIVES_BENCH_PEPS", "")
    files = sorted(Path(clone, "peps").glob("pep-[0-9]*.rst")) if clone else []
    if not files:
        sys.exit("NEGATIVES_BENCH_PEPS must name a clone of https://github.com/python/peps")
    return [_read(path.read_text("utf-8")) for path in files]


def _read(text: str) -> Proposal:
    head, _, body = text.partition("\n\n")
    said = dict(re.findall(r"^([A-Za-z-]+):\s*(.*)$", head, re.MULTILINE))
    numbers = {int(next(filter(None, found))) for found in _CITED.findall(body)}
    return Proposal(
        int(said["PEP"]),
        said["Title"],
        _CITED.sub("PEP", body[:READ]),
        datetime.strptime(said["Created"].split()[0], "%d-%b-%Y").date(),
        frozenset(numbers),
    )


def dated() -> tuple[Collection, Collection]:
    """What is trained with, and what is judged on; a corpus of the same proposals."""
    every = proposals()
    old = [each for each in every if each.created < CUT]
    corpus = pl.DataFrame(
        {
            "doc_id": [f"pep-{each.number:04}" for each in old],
            "text": [f"{each.title}\n{each.text}" for each in old],
            "time": [each.created for each in old],
            "parent": [f"pep-{each.number:04}" for each in old],
        }
    )
    created = {each.number: each.created for each in old}
    new = [each for each in every if each.created >= CUT]
    return _asked(corpus, old, created, "train"), _asked(corpus, new, created, "dev")


def _asked(
    corpus: pl.DataFrame, asking: list[Proposal], created: dict[int, date], split: str
) -> Collection:
    """Proposals that cite one which was there before them."""
    cited = {
        each: sorted(n for n in each.cites if n in created and created[n] < each.created)
        for each in asking
    }
    asking = [each for each in asking if cited[each]]
    queries = pl.DataFrame(
        {
            "query_id": [f"q-{each.number:04}" for each in asking],
            "text": [f"{each.title}\n{each.text}" for each in asking],
            "time": [each.created for each in asking],
            "parent": [f"pep-{each.number:04}" for each in asking],
        }
    )
    pairs = [(f"q-{each.number:04}", f"pep-{n:04}", 1) for each in asking for n in cited[each]]
    qrels = pl.DataFrame(
        pairs, schema={"query_id": pl.String, "doc_id": pl.String, "relevance": pl.Int32},
        orient="row",
    )  # fmt: skip
    return neg.Collection.from_pairs(queries, corpus, qrels, name="peps", split=split)
