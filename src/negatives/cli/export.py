"""negatives export: the negatives in a trainer's own format."""

from __future__ import annotations

from typing import Annotated, Any, cast

from cyclopts import Parameter

from negatives.cli.options import Flag, Out, Quiet, RunFolder
from negatives.cli.streams import print_json


def export(
    run: RunFolder,
    /,
    *,
    format: Annotated[str, Parameter(name=["--format", "-f"])],
    out: Out,
    scores: Flag = False,
    ids: Flag = False,
    short: str | None = None,
    mined: str | None = None,
    positives: str = "known",
    labels: str | None = None,
    above: float | None = None,
    reviews: Flag = False,
    quiet: Quiet = False,
    json: Flag = False,
) -> None:
    """Write a run's negatives as a file that a trainer reads.

    Examples:

        negatives export runs/cranfield --format triplet -o triplets.parquet

        negatives export runs/cranfield -f flagembedding --scores -o train.jsonl

    Parameters
    ----------
    format
        triplet, n-tuple, labeled-pair, labeled-list, flagembedding, tevatron, trec-run,
        qrels, masks or text-ids.
    out
        The file to write; its ending chooses Parquet, JSONL or CSV where the format allows.
    scores
        Write scores too, for distillation.
    ids
        Write ids instead of texts.
    short
        n-tuple: queries with fewer negatives than others `repeat` theirs (the
        default), or `drop`.
    mined
        qrels: `omit` the mined negatives (the default), or write them as `zero`.
    positives
        The `known` ones, those the run `relabelled`, or `all`.
    labels
        labeled-pair, labeled-list: `hard` (1 and 0, the default), or `soft`: p_relevant.
    above
        masks: mask pairs at least so probably relevant; 0.5 by default.
    reviews
        qrels: add what people said of the run's pairs (negatives review).
    json
        Print what was written as JSON.
    """
    from negatives.api import Run
    from negatives.cli.listen import listening

    with listening(quiet=quiet) as emit:
        rows = Run(run).export(
            out,
            format=format,
            scores=scores,
            ids=ids,
            short=cast("Any", short),  # these four are checked, and refused in plain words, there
            mined=cast("Any", mined),
            positives=cast("Any", positives),
            labels=cast("Any", labels),
            above=above,
            reviews=reviews,
            emit=emit,
        )
    if json:
        print_json({"file": str(out), "format": format, "rows": rows})
    else:
        print(f"{rows:,} rows of {format} in {out}")
