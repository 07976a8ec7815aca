"""Every format that is written is read back, by all commands alike, or refused by all alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from negatives.api import Run
from negatives.errors import InputError
from negatives.export import FORMATS
from tests.build import collection
from tests.export.conftest import DOCS, POSITIVES, QUERIES
from tests.read.understood import understood

ENDINGS = (".parquet", ".jsonl", ".json", ".csv", ".tsv", ".trec", ".run", ".qrels", ".txt")
OPTIONS: list[dict[str, Any]] = [{}, {"ids": True, "scores": True}, {"scores": True}, {"ids": True}]
SIBLINGS = (".json", ".tsv")
"""Types that divide rows otherwise than .jsonl and .csv do, and hold the same: the first two of
the options are enough."""

ALL = (3, 4, 6)
"""The queries that have negatives, their positives that have a text, and their negatives."""
WITH_EMPTY = (3, 5, 6)
"""Ids are also written of a positive without text."""
NO_LABELS = "scores of a teacher do not tell"
NO_NEGATIVES = "this file is a dataset of LlamaIndex"
FOR_BATCHERS = "this file holds masks for a batcher"


def expected(format: str, options: dict[str, Any]) -> object:
    """What everybody should understand of an export; a text is a part of the refusal."""
    if format in ("masks", "text-ids"):
        return FOR_BATCHERS
    if format == "llama-index":
        return NO_NEGATIVES
    if format == "labeled-list" and options.get("scores"):
        return WITH_EMPTY if options.get("ids") else NO_LABELS
    if format == "labeled-pair" and options.get("scores"):
        return "a relevance that is no whole number"
    if format == "qrels":
        return (4, 6, 7)  # with the query that has no negative, and what is judged 0
    if format in ("trec-run", "pylate-kd"):
        return WITH_EMPTY  # whose positives the collection tells
    return WITH_EMPTY if options.get("ids") and format != "flagembedding" else ALL


@pytest.mark.slow
def test_what_is_exported_is_understood_by_all_commands(run: Run, tmp_path: Path) -> None:
    read = {name: text.strip() for name, text in DOCS.items()}  # as every reader strips them
    known = collection(read, QUERIES, [(q, d, 1) for q, docs in POSITIVES.items() for d in docs])
    tried: set[tuple[str, str, str]] = set()
    for format in FORMATS:
        for ending in ENDINGS:
            for options in OPTIONS[:2] if ending in SIBLINGS else OPTIONS:
                file = tmp_path / f"x{len(tried)}-{format}{ending}"
                more: dict[str, Any] = {"mined": "zero"} if format == "qrels" else {}
                try:
                    run.export(file, format=format, **options, **more)
                except InputError:
                    continue  # a type of file that cannot hold it
                ids_alone = bool(options.get("ids")) and format != "flagembedding"
                needs = ids_alone or format in ("trec-run", "qrels", "pylate-kd")
                found = understood(file, known if needs else None)
                wanted = expected(format, options)
                for command, said in found.items():
                    where = (format, ending, options, command, said)
                    if format == "llama-index" and said == (3, 4, 0):
                        continue  # who needs no negatives reads queries and positives
                    if isinstance(wanted, str):
                        assert wanted in str(said), where
                    else:
                        assert said == wanted, where
                tried.add((format, ending, str(options)))
    assert {format for format, *_ in tried} == set(FORMATS)
    assert len(tried) > 40
