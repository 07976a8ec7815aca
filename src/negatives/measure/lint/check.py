"""lint(): a mined file, read as keys, asked by every rule."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from negatives.errors import DataError, InputError
from negatives.events import Emit, Progress
from negatives.listening import shown, watched
from negatives.measure.lint.asked import who_wrote
from negatives.measure.lint.examples import examples
from negatives.measure.lint.facts import FileFacts, facts_of
from negatives.measure.lint.findings import Finding, LintRule, Report
from negatives.measure.lint.fix import Fixed, fix
from negatives.measure.lint.reference import ReferenceTexts, test_sets
from negatives.measure.lint.rules import RULES
from negatives.read.address import parse
from negatives.read.file_options import AS_NAMED, FileOptions
from negatives.read.loading import Data, known_texts, load
from negatives.read.memory import is_named, mined_table
from negatives.read.mined.rows import MinedFile, mined_file, understood
from negatives.read.mined.source import parquet
from negatives.read.pair_files import goes_by_id
from negatives.read.quarantine import Quarantine, as_quarantine
from negatives.run.inputs import collection_of, with_generated
from negatives.schema import Collection
from negatives.store.run import Run, is_run

_WORST = ("error", "warning", "info")
_GO_BY_ID = ("triples", "labelled")
"""Formats of data whose documents have no need of texts."""


class Linted(Report):
    """A report together with what can be done about it.

    >>> import polars as pl
    >>> from negatives import lint
    >>> columns = {"query": "why", "positive": "It is so.", "negative": ["it IS so", "No."]}
    >>> pl.DataFrame(columns).write_csv("mined.csv")
    >>> lint("mined.csv").fix("fixed.csv").removed_negatives
    1
    >>> pl.read_csv("fixed.csv").rows()
    [('why', 'It is so.', 'No.')]
    """

    @watched
    def fix(self, out: str | Path, *, emit: Emit = shown) -> Fixed:
        """Write the file to `out` in its own format, without what the rules object to."""
        return fix(self, out, emit=emit)


@watched
def lint(
    file: Data,
    *,
    data: Data = None,
    against: Sequence[Data] = (),
    query_column: str = "",
    positive_column: str = "",
    negative_column: str | Sequence[str] = (),
    quarantine: str | Path | Quarantine | None = None,
    machine_text: str = "",
    emit: Emit = shown,
) -> Linted:
    """What is wrong with a file of mined negatives, anybody's, or with a run.

    `file`: triplets, n-tuples, lists, labelled pairs or lists, responses of a language model,
    FlagEmbedding, Tevatron, qrels or a TREC run, as Parquet, JSONL, CSV, TSV, TREC text or a
    dataset saved by `datasets`; a folder of such files, or a pattern that names them, which are
    read as one; or a frame of the same columns, of pandas, polars or `datasets`.
    `query_column`, `positive_column` and `negative_column` name columns whose names do not tell
    what they are.

    `data`, any form that `Collection.load` takes, knows ids, more positives and the whole texts;
    without it the file's own positives are the known ones. `against` names test sets that training
    must not see; where it names none and `data` is a BEIR folder read as train, its test split is
    one. Bad rows of these collections are set aside in the file `quarantine`; judgements of
    documents that a corpus lacks are left out, and told in the notes. `machine_text`: a language
    model, a folder or hub name, which says how many more negatives than positives read as a
    machine's, as the check `machine-text` does; the answer is `asked`.

    Raises `DataError` when the file cannot be read, holds no negatives, or names ids that `data`
    does not have (or there is no `data`).
    """
    if isinstance(file, Run):
        file = file.path
    options = FileOptions.of(query_column, positive_column, negative_column)
    aside = as_quarantine(quarantine)
    known = None if data is None else known_texts(data, quarantine=aside, lost="count")
    mined = _mined(file, known, options)
    reference = None if mined.known is None else ReferenceTexts(mined.known)
    facts = facts_of(mined, reference, tuple(test_sets(against, data, aside)), emit)
    found = {}
    for number, rule in enumerate(RULES, start=1):
        offences = rule.find(facts).sort("row", "place", nulls_last=True)
        if len(offences):
            found[rule] = offences
        emit(Progress("check", number, len(RULES), "rules"))
    shown = examples(mined, {rule.name: offences for rule, offences in found.items()})
    findings = [_finding(rule, found[rule], facts, shown[rule.name]) for rule in found]
    asked = who_wrote(file, data, machine_text, options, emit) if machine_text else None
    return Linted(
        file=str(file) if is_named(file) else str(mined.path),
        format=mined.layout.name,
        rows=facts.rows,
        queries=facts.distinct_queries,
        negatives=len(facts.negatives),
        findings=tuple(sorted(findings, key=lambda finding: _WORST.index(finding.severity))),
        facts=facts,
        notes=(*facts.notes, *(mined.known.notes if mined.known is not None else ())),
        asked=asked,
    )


def _mined(file: Data, known: Collection | None, options: FileOptions) -> MinedFile:
    """The file, the table, or the negatives of the run directory."""
    if not is_named(file):
        return mined_table(file, known, options)
    if not is_run(Path(file)):
        if known is None and options == AS_NAMED:
            _refuse_data(file)
        responses = _responses(file) if options == AS_NAMED else None
        if responses is None:
            return mined_file(file, known, options)
        return mined_table(responses, known)
    if options != AS_NAMED:
        raise InputError(
            "columns are said of a file, and a run has its own",
            where=str(file),
            fix="leave --query-column, --positive-column and --negative-column out",
        )
    run = Run(file)
    negatives = parquet(run.negatives_file)
    if known is None:
        known = collection_of(run)
    elif len(run.generated):
        known = with_generated(known, run.generated)
    return understood(negatives, known)


def _refuse_data(file: str | Path) -> None:
    """`DataError` for data that go by ids, of which no negatives have been mined."""
    try:
        address = parse(file)
        by_id = address.format in _GO_BY_ID or (
            address.format == "pairs" and goes_by_id(address, AS_NAMED)
        )
    except DataError:
        return  # what is wrong is said by whoever reads it
    if by_id:
        raise DataError(
            "these are data that go by ids, and no negatives of them",
            where=str(file),
            fix=f"what is wrong with data says negatives data validate {file}; negatives mine "
            f"{file} --out RUN makes negatives, and negatives lint RUN looks at these; of a file "
            "of negatives, name with --data what has the texts of its ids",
        )


def _responses(file: str | Path) -> pl.DataFrame | None:
    """Responses of a language model, as labelled pairs; None where the file holds none."""
    try:
        if parse(file).format != "responses":
            return None
    except DataError:
        return None
    data = load(file)
    rows = data.judged
    return pl.DataFrame(
        {
            "query": data.query_texts(rows["query"].to_numpy()),
            "document": data.doc_texts(rows["doc"].to_numpy()),
            "label": rows["relevance"],
        }
    )


def _finding(
    rule: LintRule, offences: pl.DataFrame, facts: FileFacts, shown: tuple[dict[str, Any], ...]
) -> Finding:
    count = len(offences)
    total = {
        "negatives": len(facts.negatives),
        "rows": facts.rows,
        "queries": facts.distinct_queries,
    }[rule.unit]
    return Finding(
        rule=rule.name,
        severity=rule.severity,
        count=count,
        unit=rule.unit,
        score=round(count / total, 6),
        verdict=f"{count:,} {rule.one if count == 1 else rule.many}",
        fix=rule.fix,
        examples=shown,
        removes="nothing" if rule.spares(facts.mined.layout) else rule.removes,
        offences=offences,
    )
