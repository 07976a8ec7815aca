"""negatives audit: how many of a run's negatives are false, and what else could be wrong."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from negatives.cli.options import Changes, Flag, Form
from negatives.cli.output import OptionalOutFile, beside, named, output
from negatives.cli.streams import print_card, print_json

if TYPE_CHECKING:
    from negatives.store.run import Run

Names = Annotated[list[str] | None, Parameter(negative="")]


def audit(
    run: Path,
    /,
    *,
    checks: Names = None,
    fail_on: Names = None,
    set_: Changes = None,
    corpus: str | None = None,
    truth: Path | None = None,
    review: Path | None = None,
    sample: int | None = None,
    out: OptionalOutFile = None,
    form: Form = "table",
    planted: Flag = False,
    confidence: float | None = None,
    max_fnr: float | None = None,
    json: Flag = False,
) -> int:
    """How many of a run's negatives are false: by the model, by known positives, by a review.

    With --checks instead: what else could be wrong with a run, or with a mined file of
    anybody's. Exit code 1 where a check named by --fail-on sounds an alarm. Of a run the
    answers are kept in it, until others are picked: `negatives report RUN` shows them.

    Examples:

        negatives audit runs/cranfield

        negatives audit runs/cranfield --sample 100 -o judge-me.csv

        negatives audit runs/cranfield --review judge-me.csv

        negatives audit runs/cranfield --truth qrels/complete.tsv

        negatives audit runs/umls --truth other-splits

        negatives audit runs/cranfield --truth qrels/complete.tsv --max-fnr 0.1

        negatives audit runs/planted --planted

        negatives audit triplets.parquet --checks all --fail-on all

        negatives audit runs/cranfield --checks equity --set equity.by=type

    Parameters
    ----------
    run
        A finished run directory; with --checks a mined file as well.
    checks
        Checks to ask instead, divided by commas; `all` asks those that can be asked of it.
    fail_on
        Checks, or `all`, whose alarm makes the exit code 1.
    set_
        A setting of a check: CHECK.SETTING=VALUE.
        May be repeated: of two values of one setting the later counts, and that is told.
    corpus
        --checks, of a file of ids: what has the texts, a collection or a file of documents.
    truth
        Judgements that the run did not see: a qrels file, BEIR's or TREC's; DATA@test; or
        other-splits, for all other splits of the data that the run was mined from.
    review
        A judged sample: query_id, doc_id and relevant (1 or 0), as JSONL, CSV, TSV or
        Parquet, or JSON that Label Studio or Argilla exports. By default what was
        judged in random order with `negatives review RUN`.
    sample
        Write so many negatives, drawn at random, to --out, to be judged.
    out
        Where the sample goes; its ending says how: .jsonl, .csv, .tsv or .parquet. `-` is
        standard output, as CSV.
    form
        --sample: a table, or a .json of tasks for label-studio or argilla.
    planted
        What found the false negatives that `negatives data plant` had planted, instead.
    confidence
        How sure the bounds are: 0.9, and of --checks 0.95.
    max_fnr
        --truth: thresholds of p_relevant and of scores that miss no larger share of the
        relevant candidates, and what they let through.
    json
        Print what was found as JSON.
    """
    from negatives.errors import InputError
    from negatives.measure.audit import audit as check
    from negatives.measure.certificate import CONFIDENCE
    from negatives.measure.review import draw_sample
    from negatives.store.run import Run

    if max_fnr is not None and (truth is None or checks):
        raise InputError(
            "--max-fnr goes with --truth, which says what is relevant, and not with --checks",
            fix="negatives audit RUN --truth QRELS --max-fnr 0.1",
        )
    if checks or fail_on or set_ or corpus:
        if planted or review or sample is not None:
            raise InputError(
                "--checks goes with --truth and --confidence, and with no other way to audit",
                fix="audit with --planted, --review or --sample in a second command",
            )
        return _checks(run, checks or ["all"], fail_on, set_, corpus, truth, confidence, json)
    if run.is_file():
        raise InputError(
            "this is a file, not a run",
            where=str(run),
            fix="negatives audit FILE --checks all; or name a run directory",
        )
    opened = Run(run)
    if planted:
        if truth or review or sample is not None:
            raise InputError(
                "--planted looks for what was planted, and for nothing else",
                fix="audit with --truth, --review or --sample in a second command",
            )
        _planted(opened, json)
        return 0
    if (sample is None) != (out is None):
        raise InputError(
            "--sample and --out go together", fix="negatives audit RUN --sample 100 -o FILE.csv"
        )
    if sample is not None and out is not None:
        if truth or review:
            raise InputError(
                "--sample draws pairs, and reads no judgements",
                fix="audit with --truth or --review in a second command",
            )
        with output(out, ".csv" if form == "table" else ".json", json=json) as file:
            written = draw_sample(opened, sample, file, form)
        if json:
            print_json({"run": str(run), "sample": str(out), "pairs": written})
            return 0
        print(
            f"{named(out)}: {written:,} of the negatives, drawn at random. Fill in `relevant` "
            f"(1, 0, or nothing), then: negatives audit {run} --review {named(out)}",
            file=beside(out),
        )
        return 0
    sure = CONFIDENCE if confidence is None else confidence
    found = check(opened, truth, review, confidence=sure, max_fnr=max_fnr)
    if json:
        print_json(found.as_dict())
    else:
        print_card(found.card())
    return 0


def _checks(
    run: Path,
    checks: list[str],
    fail_on: list[str] | None,
    changed: list[str] | None,
    corpus: str | None,
    truth: Path | None,
    confidence: float | None,
    json: bool,
) -> int:
    """Ask checks, tell what they say, and say whether one of `fail_on` sounds an alarm."""
    from negatives.cli.listen import listening
    from negatives.errors import InputError, NegativesError, nearest
    from negatives.measure.audits.asked import ALL, ask, checks_of
    from negatives.measure.audits.kept import keep
    from negatives.measure.audits.subject import CONFIDENCE, subject_of

    names = _divided(checks)
    made, every = checks_of(names, _settings(changed or []))
    asked = [check.kind for check in made]
    stopping = _divided(fail_on or [])
    for name in stopping:
        if name not in (ALL, *asked):
            raise InputError(
                f"--fail-on {name}: that is not asked", fix=nearest(name, [ALL, *asked])
            )
    with listening() as emit:
        subject = subject_of(
            run,
            corpus=corpus,
            truth=truth,
            confidence=CONFIDENCE if confidence is None else confidence,
        )
        found = ask(subject, made, every=every, needed=stopping, emit=emit)
    if json:
        print_json(found.as_dict())
    else:
        print_card(found.card())
    if subject.run is not None and found.answers:
        try:
            keep(subject, made, found)
        except NegativesError as error:  # the answers are told all the same
            print(f"note: not kept in the run: {error}", file=sys.stderr)
        else:
            print(f"kept in the run: negatives report {run}   shows it", file=sys.stderr)
    if found.failed:
        raise next(iter(found.failed.values()))
    if stopping and not found.answers:
        raise InputError(
            "none of the checks can be asked, so that no alarm says nothing",
            where=str(run),
            fix="give what one of them lacks, or ask without --fail-on",
        )
    stopped = ALL in stopping and found.alarms
    return int(bool(stopped or set(stopping) & set(found.alarms)))


def _divided(given: list[str]) -> list[str]:
    return [name.strip() for each in given for name in each.split(",") if name.strip()]


def _settings(changed: list[str]) -> dict[str, dict[str, Any]]:
    """CHECK.SETTING=VALUE as settings by check."""
    from negatives.cli.listen import listening
    from negatives.errors import InputError
    from negatives.recipe_changes import assigned

    made: dict[str, dict[str, Any]] = {}
    with listening() as emit:
        said = assigned(changed, emit)
    for path, value in said.items():
        check, dot, setting = path.partition(".")
        if not dot:
            raise InputError(
                f"--set {path}: no setting of a check",
                fix="write CHECK.SETTING=VALUE, such as equity.by=type",
            )
        made.setdefault(check, {})[setting] = value
    return made


def _planted(run: Run, json: bool) -> None:
    """What tells planted false negatives, a line each."""
    from negatives.measure.plant import planted_pairs
    from negatives.measure.recovered import ALL, recovered
    from negatives.run.inputs import collection_of

    found = recovered(run, planted_pairs(collection_of(run)))
    if json:
        print_json(found.to_dicts())
        return
    width = max(len(name) for name in found["name"])
    print(f"{'by':<12}{'name':<{width}}  planted  caught  recall  precision    AUC")
    for row in found.filter(found["kind"] == ALL).iter_rows(named=True):
        shares = [
            "" if row[name] is None else f"{row[name]:.3f}"
            for name in ("recall", "precision", "auc")
        ]
        caught = "" if row["caught"] is None else f"{row['caught']:,}"
        print(
            f"{row['by']:<12}{row['name']:<{width}}  {row['planted']:>7,}  {caught:>6}  "
            f"{shares[0]:>6}  {shares[1]:>9}  {shares[2]:>5}".rstrip()
        )
