"""negatives pick: another policy from the same ledger."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, cast

from negatives.cli.engine_options import HERE, EngineOptions
from negatives.cli.options import Changes, Flag, RunFolder
from negatives.cli.output import OptionalOutFolder
from negatives.cli.resources import ALL_THREADS, Threads


def pick(
    run: RunFolder,
    kind: str | None = None,
    /,
    *,
    per_query: int | None = None,
    max_false: float | None = None,
    max_p: float | None = None,
    strict: Flag = False,
    relabel: float | None = None,
    set_: Changes = None,
    out: OptionalOutFolder = None,
    threads: Threads = ALL_THREADS,
    engine: EngineOptions = HERE,
    json: Flag = False,
) -> None:
    """Pick other negatives from a finished run's ledger; nothing is found or judged again.

    They take the place of those that were picked before; with --out those stay, and
    `negatives diff RUN OUT` shows what differs.

    Examples:

        negatives pick runs/cranfield --per-query 4

        negatives pick runs/cranfield --max-false 0.02

        negatives pick runs/cranfield simans --set a=1.0 --set center_offset=-0.5

        negatives pick runs/cranfield --relabel 0.9

        negatives pick runs/cranfield top --out runs/hardest

    No number of threads or workers changes a byte of the result.

    Parameters
    ----------
    kind
        The picker: risk-limited, top, random, simans, stratified or quotas; by default the
        run's own.
    per_query
        Negatives asked for each query.
    max_false
        Expected share of false negatives, at most, such as 0.02: as hard as that allows.
    max_p
        Take no negative that is more probably relevant than this.
    strict
        Keep to --max-false at any cost in hardness, even where it cannot be promised.
    relabel
        Take candidates for positives, as many as are right with this precision
        (0: none). By default as before.
    set_
        Change a setting of the picker, such as by=dense_score.
        May be repeated: of two values of one setting the later counts, and that is told.
    out
        A new folder for a copy of the run with these negatives; its ledger takes no room twice
        where the file system has links. By default the run itself is changed.
    json
        Print what was found as JSON.
    """
    threads.limit_pools()
    from negatives.api import Run
    from negatives.cli.listen import listening
    from negatives.cli.summary import show_run
    from negatives.exchange import exchanged
    from negatives.recipe_changes import assigned, refuse_contradiction
    from negatives.stage import Picker, build

    opened = Run(run)
    settings: dict[str, Any] = opened.recipe.pick.settings()
    limits = {"max_false": max_false, "max_p": max_p, "strict": strict or None}
    given = {name: value for name, value in limits.items() if value is not None}
    with listening() as emit:
        said = assigned(set_ or [], emit)
    for name, value in {**given, "per_query": per_query, "kind": kind}.items():
        if value is not None and name in said:
            refuse_contradiction(name, [said[name]], value)
    if not given.keys() <= settings.keys():
        kind = kind or "risk-limited"
    if per_query is not None:
        given["per_query"] = per_query
    given |= said
    with listening() as emit:
        if new := given.pop("kind", kind):
            settings = exchanged("pick", settings, str(new), emit, settings.keys())
        picker = cast("Picker", build("pick", settings | given, "pick"))
        shared = asdict(threads) | asdict(engine)
        opened = opened.repick(picker, relabel=relabel, out=out, emit=emit, **shared)
    show_run(opened, json=json)
