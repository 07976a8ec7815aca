"""negatives judge: a costly judge looks at the pairs of a finished run where it matters most."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, cast

from cyclopts import Parameter

from negatives.cli.flag import Flag


def judge(
    run: Path,
    /,
    *,
    judge: str = "reranker",
    set_: Annotated[list[str] | None, Parameter(name="--set", negative="")] = None,
    budget: int | None = None,
    threads: int | None = None,
    memory: str = "512MB",
    device: str = "auto",
    quiet: Flag = False,
    json: Flag = False,
) -> None:
    """More evidence for a finished run: a costly judge, on as many pairs as you can pay for.

    It looks first where its answer can change what is picked, and at some pairs
    for calibration. p_relevant is revised, and negatives are picked again.

    Examples:

        negatives judge runs/cranfield --set model=cross-encoder/ms-marco-MiniLM-L6-v2

        negatives judge runs/cranfield --set model=my-reranker.onnx --budget 5000

    The same command again goes on from where it was stopped. No pair is scored
    twice by the same model.

    Parameters
    ----------
    run
        A finished run directory.
    judge
        The kind of judge: reranker.
    set_
        A setting of the judge, such as model=FOLDER or high=0.9.
    budget
        Judge this many pairs at most; all by default.
    threads
        Processors to use; all by default.
    memory
        What it may hold beyond the collection itself.
    device
        Where the model runs: `auto` (a GPU where there is one), `cpu`, or `cuda`.
    quiet
        Show no progress.
    json
        Print what was found as JSON.
    """
    if threads is not None:
        # Read by the thread pools when they are first loaded, so it comes before any import.
        for pool in ("POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS"):
            os.environ[pool] = str(threads)
    from negatives.cli.listen import listening
    from negatives.cli.summary import show_run
    from negatives.recipe import assignment
    from negatives.run import Run
    from negatives.stage import Judge, build

    opened = Run(run)
    settings = {"kind": judge, **dict(assignment(text) for text in set_ or [])}
    stage = cast("Judge", build("judge", settings, "--judge"))
    with listening(quiet=quiet) as emit:
        opened = opened.judge(
            stage, budget, threads=threads, memory=memory, device=device, emit=emit
        )
    if not json:
        print(_told(opened.manifest.notes.get("cascade", {})))
    show_run(opened, json=json)


def _told(note: dict[str, object]) -> str:
    revised = "revised" if note.get("p_relevant revised") else "as before"
    return (
        f"judged {note.get('pairs', 0):,} of {note.get('pairs of a full judging', 0):,} pairs "
        f"({note.get('calls', 0):,} scored now); p_relevant {revised}"
    )
