"""negatives lint: what is wrong with a file of mined negatives, anybody's."""

from __future__ import annotations

from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from negatives.cli.options import Flag
from negatives.cli.output import OptionalFile, OptionalOutFile, beside, output
from negatives.cli.streams import print_json

if TYPE_CHECKING:
    from negatives.measure.lint import Finding, Report


def lint(
    file: Path,
    /,
    *,
    data: Annotated[str | None, Parameter(name=["--data", "--corpus"])] = None,
    against: Annotated[list[str] | None, Parameter(negative="")] = None,
    query_column: str = "",
    positive_column: str = "",
    negative_column: Annotated[list[str] | None, Parameter(negative="")] = None,
    machine_text: str = "",
    fix: Flag = False,
    out: OptionalOutFile = None,
    quarantine: OptionalFile = None,
    json: Flag = False,
) -> int:
    """Find what is wrong with mined negatives: positives among them, copies, leaks into test.

    FILE is anybody's: triplets, n-tuples, lists, labelled pairs or lists,
    FlagEmbedding, Tevatron, qrels or a TREC run, as Parquet, JSONL, CSV, TSV, TREC
    text or a saved dataset; a folder of such files, which are read as one; or a
    run. Exit code 0 where there is no error (warnings may be), 1 where there is, 2
    for bad input; with --fix 0 once the clean file is written.

    Examples:

        negatives lint triplets.parquet

        negatives lint train.jsonl --data beir-folder --against beir-folder@test

        negatives lint triplets.csv --fix -o clean.csv

        negatives lint triplets.csv --machine-text a-small-llm

    Parameters
    ----------
    file
        The mined file, a folder of its shards or a pattern that names them, or a run directory.
    data
        The collection it was mined from; knows ids, more positives and whole texts. Other commands
        call it --corpus.
    against
        Test sets that training must not see, such as my-beir-folder@test; may be repeated.
    query_column
        The column of FILE that holds the queries, where its name does not tell.
    positive_column
        The column of the positives.
    negative_column
        A column of negatives; may be repeated.
    machine_text
        A causal language model, a folder or hub name with safetensors weights: how many more
        negatives than positives read as a machine writes. Of ids the texts come from --data.
    fix
        Write the file again, without what is wrong, to --out.
    out
        The clean file, of the same format; `-` is standard output.
    quarantine
        Set bad rows of --data and --against aside in this file instead of stopping at them.
    json
        Print the findings as JSON.
    """
    from negatives.cli.listen import listening
    from negatives.errors import InputError
    from negatives.measure.lint import lint as check

    if fix != (out is not None):
        raise InputError(
            "--fix and --out go together",
            fix="negatives lint FILE --fix -o CLEAN",
        )
    with listening() as emit:
        report = check(
            file,
            data=data,
            against=against or (),
            query_column=query_column,
            positive_column=positive_column,
            negative_column=negative_column or (),
            quarantine=quarantine,
            machine_text=machine_text,
            emit=emit,
        )
        fixed = None
        if out is not None:
            first = report.facts.mined.source.files[0].path
            with output(out, "".join(first.suffixes[-2:]), json=json) as clean:
                fixed = report.fix(clean, emit=emit)
    if json:
        found = report.as_dict() | ({"fixed": fixed.as_dict()} if fixed else {})
        print_json(found)
    else:
        with redirect_stdout(beside(out)):
            _show(report)
            if fixed:
                print(
                    f"\nfixed: {out}, {_many(fixed.rows, 'row')}; "
                    f"dropped {_many(fixed.dropped_rows, 'row')}, "
                    f"removed {_many(fixed.removed_negatives, 'negative')}"
                )
    return 0 if report.ok or fixed else 1


def _show(report: Report) -> None:
    print(
        f"{report.file}: {report.format}, {_many(report.rows, 'row')}, "
        f"{_many(report.queries, 'query')}, {_many(report.negatives, 'negative')}"
    )
    for note in report.notes:
        print(f"note: {note}")
    if not report.findings:
        print("nothing is wrong")
    for finding in report.findings:
        _show_finding(finding)
    if report.asked is not None:
        print()
        for name, said in report.asked.card().rows:
            print(f"{name}: {said}" if name else f"  {said}")


def _show_finding(finding: Finding) -> None:
    share = f"{finding.score:.2%}" if finding.score >= 0.0001 else "<0.01%"
    print(f"\n{finding.severity}: {finding.rule}, {share} of the {finding.unit}")
    print(f"  {finding.verdict}")
    for example in finding.examples:
        print(f"  {_example(example, finding.unit)}")
    print(f"  fix: {finding.fix}")


def _example(example: dict[str, Any], unit: str) -> str:
    note = f" ({example['note']})" if "note" in example else ""
    text = f" / {example['negative']!r}" if unit == "negatives" else ""
    return f"row {example['row']:,}{note}: {example['query']!r}{text}"


def _many(count: int, what: str) -> str:
    several = "queries" if what == "query" else f"{what}s"
    return f"{count:,} {what if count == 1 else several}"
