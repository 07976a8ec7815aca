"""negatives audit: how many of a run's negatives are false, from where, and how sure that is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from negatives.cli.options import Flag, Form, RunFolder
from negatives.cli.streams import print_json
from negatives.wording import figure, percent

if TYPE_CHECKING:
    from negatives.measure.estimate import Estimate
    from negatives.store.run import Run


def audit(
    run: RunFolder,
    /,
    *,
    truth: Path | None = None,
    review: Path | None = None,
    sample: int | None = None,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    form: Annotated[Form, Parameter(name="--format")] = "table",
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

        negatives audit runs/planted --planted

    Parameters
    ----------
    truth
        Judgements that the run did not see: a qrels file, BEIR's or TREC's.
    review
        A judged sample: query_id, doc_id and relevant (1 or 0), as JSONL, CSV, TSV or
        Parquet, or JSON that Label Studio or Argilla exports. By default what was
        judged in random order with `negatives review RUN`.
    sample
        Write so many negatives, drawn at random, to --out, to be judged.
    out
        Where the sample goes; its ending says how: .jsonl, .csv, .tsv or .parquet.
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
        written = draw_sample(opened, sample, out, form)
        if json:
            print_json({"run": str(run), "sample": str(out), "pairs": written})
            return
        print(
            f"{out}: {written:,} of the negatives, drawn at random. Fill in `relevant` (1, 0, or "
            f"nothing), then: negatives audit {run} --review {out}"
        )
        return
    found = check(opened, truth, review, confidence=confidence)
    if json:
        print_json(found.as_dict())
        return
    certificate = found.certificate
    print(f"{run}: {certificate.negatives:,} negatives, coverage {percent(found.coverage)}")
    print("false, by")
    for name, estimate in certificate.estimates.items():
        _row(name, _figures(estimate))
        if estimate.value is not None or estimate.high is not None:
            _row("", f"if {estimate.assumption}")
        for line in _behind(name, estimate.details):
            _row("", line)
    if found.truth:
        _row("truth", _truth(found.truth))
    for row in found.sources:
        _row(f"from {row['source']}", _source(row))
    _row("hubs", _hubs(found.hubness))


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


def _row(name: str, text: str) -> None:
    print(f"  {name:<16} {text}")


def _figures(estimate: Estimate) -> str:
    sure = f"with {estimate.confidence:.0%} confidence"
    if estimate.value is None:
        return f"not known: {estimate.why}"
    if estimate.high is None:
        return f"{percent(estimate.value)}; {estimate.why}"
    if estimate.low is None:
        return f"{percent(estimate.value)}, at most {percent(estimate.high)} {sure}"
    return f"{percent(estimate.value)}, {percent(estimate.low)} to {percent(estimate.high)} {sure}"


def _behind(name: str, details: dict[str, Any]) -> list[str]:
    """The counts an estimate stands on."""
    if name == "known positives" and "leak rate at most" in details:
        return [
            f"{details['picked']:,} of {details['put back']:,} put back would be picked: "
            f"{percent(details['leak rate'])}, at most {percent(details['leak rate at most'])}"
        ]
    if name == "review" and details:
        return [
            f"{details['relevant']:,} of {details['judged']:,} judged are relevant; "
            f"{details['undecided']:,} not judged, {details['not among the negatives']:,} not "
            "among the negatives, left out"
        ]
    return []


def _truth(truth: dict[str, Any]) -> str:
    return (
        f"{percent(truth['share'])}: {truth['relevant']:,} judged relevant, "
        f"{truth['not relevant']:,} judged not relevant, {truth['unjudged']:,} unjudged; "
        f"{truth['queries judged']:,} of {truth['queries']:,} queries are judged"
    )


def _source(row: dict[str, Any]) -> str:
    shares = [
        f"{percent(row[f'share by {name}'])} false by {name}"
        for name in ("p_relevant", "truth")
        if row[f"share by {name}"] is not None
    ]
    return ", ".join([f"{row['negatives']:,} negatives", *shares])


def _hubs(hubness: dict[str, Any]) -> str:
    if not hubness["top"]:
        return "there are no negatives"
    chance = hubness["at random"]
    return (
        f"{hubness['used']:,} of {hubness['documents']:,} documents are used, the most used by "
        f"{percent(hubness['top'][0]['share'])} of the queries (at random "
        f"{percent(chance['top share'])}); Gini {figure(hubness['gini'])} (at random "
        f"{figure(chance['gini'])}), skew {figure(hubness['skew'])} ({figure(chance['skew'])})"
    )
