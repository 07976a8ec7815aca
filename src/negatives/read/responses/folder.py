"""Files of responses: which of them are a split, and the collection of one.

Every file is a split of its own name. A file whose name is `forget` with a number or a word is what
a model is to forget: all its responses are judged negatives, whatever they say, and what it is to
keep, in the file `retain` with the same word, or with the number that adds up to 100, is the
positives of the same split. That is how the sets of TOFU are named (Maini et al., 2024).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl

from negatives.read.address import Address
from negatives.read.files import ending, stem
from negatives.read.findings import MISSING, NOT_JSON, WRONG_TYPE, Fault, Findings, shown
from negatives.read.gathered import Tables, gather
from negatives.read.jsonl import UNDECODED
from negatives.read.mined.json_rows import json_blocks
from negatives.read.responses.found import asks_to_forget, files_of, kept_beside
from negatives.read.responses.shapes import NotUnderstood, Response
from negatives.read.responses.shapes import responses_of as understood
from negatives.read.texts import made_ids
from negatives.schema import Collection

WRONG_FROM: Final = "wrong_from"
"""The field of a response whose steps are labelled: its first wrong step, from 1; 0: none."""
_NO_RESPONSE: Final = Fault(
    "no-response",
    "row has no prompt, or no response",
    "rows have no prompt, or no response",
    "give every row a prompt and a response, both with a text",
)
_COLUMNS: Final = {
    "prompt": pl.String,
    "text": pl.String,
    "relevance": pl.Int32,
    WRONG_FROM: pl.Int32,
    "file": pl.UInt32,
    "line": pl.UInt32,
}


def splits(address: Address) -> list[str]:
    """One for each file, by its name."""
    return [*_by_split(address)]


def read(address: Address, split: str, findings: Findings) -> Collection:
    """The collection of one split."""
    there = _by_split(address)
    own = there[split]
    rows = [_rows(own, findings, forget=asks_to_forget(own))]
    kept = kept_beside(own, there)
    if kept is not None:
        rows.append(_rows(kept, findings, forget=False))
    findings.done()
    return _collected(address.name, split, pl.concat(rows), findings)


def _by_split(address: Address) -> dict[str, Path]:
    path = address.path
    if not path.is_dir():
        return {"train": path}
    return {stem(file): file for file in files_of(path)}


def _rows(path: Path, findings: Findings, *, forget: bool) -> pl.DataFrame:
    """The responses of a file, one a row."""
    file = findings.file(path, "row" if ending(path) == ".parquet" else "line")
    made: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
    for line, row in _objects(path, file, findings):
        try:
            prompt, responses = understood(row)
        except NotUnderstood as error:
            fault = _NO_RESPONSE if error.lacking else WRONG_TYPE
            findings.add(fault, file, line, str(error), row)
            findings.enough()
            continue
        for response in responses:
            values = (prompt, response.text, _grade(response, forget), response.wrong_from)
            for name, value in zip(_COLUMNS, (*values, file, line), strict=True):
                made[name].append(value)
    return pl.DataFrame(made, schema=_COLUMNS)


def _grade(response: Response, forget: bool) -> int:
    return int(response.right and not forget)


def _objects(path: Path, file: int, findings: Findings) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a file with their numbers from 1; what is no object is reported."""
    if ending(path) == ".parquet":
        rows = pl.read_parquet(path).iter_rows(named=True)
        yield from ((line, dict(row)) for line, row in enumerate(rows, 1))
        return
    decoder, line = msgspec.json.Decoder(), 0
    for block in json_blocks(path):
        for raw in block.removesuffix(b"\n").split(b"\n"):
            line += 1
            if not raw.strip():
                continue
            try:
                row = decoder.decode(raw)
            except UNDECODED as error:
                text = raw.decode(errors="replace")
                findings.add(NOT_JSON, file, line, f"{error}: {shown(text)}", text)
            else:
                if isinstance(row, dict):
                    yield line, row
                else:
                    findings.add(MISSING, file, line, "it is no object", row)
            findings.enough()


def _collected(name: str, split: str, rows: pl.DataFrame, findings: Findings) -> Collection:
    place = ("file", "line")
    rows = _first_wrong_steps(rows, findings)
    prompts, responses = (
        rows.unique(column, keep="first", maintain_order=True).with_row_index("row")
        for column in ("prompt", "text")
    )
    prompts = prompts.select(
        made_ids("q-", prompts["prompt"]).alias("query_id"), "row", *place, text="prompt"
    )
    steps = [WRONG_FROM] if responses[WRONG_FROM].null_count() < len(responses) else []
    responses = responses.select(
        made_ids("d-", responses["text"]).alias("doc_id"), "row", *place, "text", *steps
    )
    qrels = rows.join(prompts.select("query_id", prompt="text"), on="prompt", maintain_order="left")
    qrels = qrels.join(responses.select("doc_id", "text"), on="text", maintain_order="left")
    wrong = int((rows["relevance"] == 0).sum())
    findings.note(
        "{n} response is wrong, or to forget: a judged negative",
        "{n} responses are wrong, or to forget: judged negatives",
        wrong,
    )
    tables = Tables(
        corpus=responses,
        queries=prompts,
        qrels=qrels.select("query_id", "doc_id", "relevance", *place),
    )
    return gather(name, split, tables, findings)


def _first_wrong_steps(rows: pl.DataFrame, findings: Findings) -> pl.DataFrame:
    """The rows, in which a text has one first wrong step: the earliest that some prompt has of it.

    A text may be right for one prompt and wrong for another, of which the step is the field.
    """
    step, wrong = pl.col(WRONG_FROM), pl.col(WRONG_FROM) > 0
    steps = rows.filter(wrong).group_by("text").agg(least=step.min(), several=step.n_unique() > 1)
    findings.note(
        "{n} response has other first wrong steps for other prompts: the earliest counts",
        "{n} responses have other first wrong steps for other prompts: the earliest counts",
        int(steps["several"].sum()),
    )
    joined = rows.join(steps.drop("several"), on="text", how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce("least", step).alias(WRONG_FROM)).drop("least")
