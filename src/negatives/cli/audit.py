"""negatives audit: how many of a run's negatives are false, from where, and how sure that is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from negatives.cli.options import Flag, Form, RunFolder
from negatives.cli.output import OptionalOutFile, beside, named, output
from negatives.cli.streams import print_card, print_json

if TYPE_CHECKING:
    from negatives.store.run import Run


def audit(
    run: RunFolder,
    /,
    *,
    truth: Path | None = None,
    review: Path | None = None,
    sample: int | None = None,
    out: OptionalOutFile = None,
    form: Form = "table",
    planted: Flag = False,
    confidence: float = 0.9,
    json: Flag = False,
) -> None:
    """How many of a run's negatives are false: by the model, by known positives, by a review.

    Examples:

        negatives audit runs/cranfield

        negatives audit runs/cranfield --sample 100 -o judge-me.csv

        negatives audit runs/cranfield --review judge-me.csv

        negatives audit runs/cranfield --truth qrels/complete.tsv

        negatives audit runs/umls --truth other-splits

        negatives audit runs/planted --planted

    Parameters
    ----------
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
        How sure the bounds are.
    json
        Print what was found as JSON.
    """
    from negatives.errors import InputError
    from negatives.measure.audit import audit as check
    from negatives.measure.review import draw_sample
    from negatives.store.run import Run

    opened = Run(run)
    if planted:
        if truth or review or sample is not None:
            raise InputError(
                "--planted looks for what was planted, and for nothing else",
                fix="audit with --truth, --review or --sample in a second command",
            )
        _planted(opened, json)
        return
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
            return
        print(
            f"{named(out)}: {written:,} of the negatives, drawn at random. Fill in `relevant` "
            f"(1, 0, or nothing), then: negatives audit {run} --review {named(out)}",
            file=beside(out),
        )
        return
    found = check(opened, truth, review, confidence=confidence)
    if json:
        print_json(found.as_dict())
        return
    print_card(found.card())


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
