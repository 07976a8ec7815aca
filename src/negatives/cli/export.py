"""negatives export: the negatives in a trainer's own format."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, cast

from cyclopts import Parameter

from negatives.cli.options import Flag, RunFolder
from negatives.cli.output import OptionalOutFile, output
from negatives.cli.streams import print_json
from negatives.cli.telling import telling
from negatives.errors import InputError

if TYPE_CHECKING:
    from negatives.api import Run
    from negatives.export.ask import Choices


def export(
    run: RunFolder,
    /,
    *,
    format: Annotated[str, Parameter(name=["--format", "-f"])] = "",
    out: OptionalOutFile = None,
    scores: Annotated[
        list[str] | None,
        Parameter(consume_multiple=True, negative="", show_default=False),
    ] = None,
    ids: Flag = False,
    rows_per_query: int | None = None,
    seed: int | None = None,
    short: str | None = None,
    mined: str | None = None,
    positives: str = "known",
    labels: str | None = None,
    above: float | None = None,
    reviews: Flag = False,
    push_to_hub: str | None = None,
    public: Flag = False,
    overwrite: Flag = False,
    json: Flag = False,
) -> None:
    """Write a run's negatives as a file that a trainer reads.

    Examples:

        negatives export runs/cranfield --format triplet -o triplets.parquet

        negatives export runs/cranfield -f triplet --rows-per-query 7 -o t.parquet

        negatives export runs/cranfield -f flagembedding --scores -o train.jsonl

        negatives export runs/cranfield -f cohere -o -

    Parameters
    ----------
    format
        triplet, n-tuple, labeled-pair, labeled-list, flagembedding, tevatron, ms-swift,
        ms-swift-reranker, contrastors, pylate-kd, dpr, cohere, llama-index, preference,
        kto, trec-run, qrels, masks or text-ids.
    out
        The file to write; its ending chooses Parquet, JSONL or CSV where the format
        allows. `-` is standard output, as text.
    scores
        Write scores too, for distillation: those of the run's last reranker, or else of
        its reference scorer; or of the source or judge that is named after it.
    ids
        Write ids instead of texts.
    rows_per_query
        triplet, preference: (positive, negative) pairs of a query, every negative once
        before any twice. n-tuple, ms-swift, contrastors: positives of a query. All, unless
        it is given.
    seed
        Which rows those are; 0 by default.
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
    push_to_hub
        OWNER/NAME of a dataset on the hub to push to, instead of a file or besides one. Log
        in with `hf auth login`, or set HF_TOKEN.
    public
        Make the dataset that is pushed public; private otherwise.
    overwrite
        Replace a file that is there.
    json
        Print what was written as JSON.
    """
    from negatives.api import Run
    from negatives.cli.listen import listening
    from negatives.export.frames import check_repository

    choices: Choices = {
        "scores": _scorer(scores),
        "ids": ids,
        "rows_per_query": rows_per_query,
        "seed": seed,
        "short": cast("Any", short),  # these four are checked, and refused in plain words, there
        "mined": cast("Any", mined),
        "positives": cast("Any", positives),
        "labels": cast("Any", labels),
        "above": above,
        "reviews": reviews,
    }
    if out is None and push_to_hub is None:
        raise InputError("no file is named to write to", fix="-o FILE, or -o - for standard output")
    if public and push_to_hub is None:
        raise InputError("--public is for --push-to-hub", fix="leave it out")
    if push_to_hub is not None:
        check_repository(push_to_hub)  # before a file is written
    told: dict[str, Any] = {"format": format}
    opened = Run(run)
    with listening() as emit:
        if out is not None and str(out) != "-":
            if str(out).startswith("-"):
                raise InputError("-o needs a file", where=f"-o {out}", fix="-o FILE, or -o -")
            rows = opened.export(out, format=format, overwrite=overwrite, emit=emit, **choices)
            told |= {"file": str(out), "rows": rows}
        elif out is not None:
            ending = _text_ending(opened, format, choices)
            with output(out, ending, json=json) as file:  # whole, or nothing is written
                rows = opened.export(file, format=format, emit=emit, **choices)
        if push_to_hub is not None:
            told["address"] = opened.push_to_hub(
                push_to_hub, format, private=not public, emit=emit, **choices
            )
    if json:
        print_json(told)
        return
    if "file" in told:
        print(f"{rows:,} rows of {format} in {out}")
    elif out is not None and not telling().quiet:
        print(f"{rows:,} rows of {format}", file=sys.stderr)
    if "address" in told:
        print(f"pushed to {told['address']}")


def _scorer(scores: list[str] | None) -> bool | str:
    """Whose scores: nobody's, the run's teacher's, or those of the one that is named."""
    if scores is None:
        return False
    if len(scores) > 1:
        raise InputError(
            f"--scores takes one source, not {len(scores)}: {', '.join(scores)}",
            fix="put the run before it: negatives export RUN --scores SOURCE",
        )
    return scores[0] if scores else True


def _text_ending(run: Run, format: str, choices: Choices) -> str:
    """The ending of a file that is text; `InputError` where there would be files beside it."""
    from negatives.export.choices import asked

    chosen, ask = asked(run, format, **choices)
    beside = [] if chosen.packed is not None else [part.name for part in chosen.parts(ask)]
    if beside:
        raise InputError(
            f"{format} writes {' and '.join(beside)} to files beside its rows", fix="-o FILE"
        )
    return ".jsonl" if ".jsonl" in chosen.suffixes else chosen.suffixes[0]
