"""negatives judge: more evidence for a finished run, from a costly judge or from people."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from negatives.cli.engine_options import HERE, EngineOptions
from negatives.cli.options import Changes, Flag, Form, RunFolder
from negatives.cli.output import OptionalOutFile, beside, named, output
from negatives.cli.resources import EVERYTHING, Resources
from negatives.cli.streams import print_json
from negatives.wording import percent

if TYPE_CHECKING:
    from negatives.api import Run
    from negatives.opening import Foreseen
    from negatives.stage import Judge
    from negatives.store.facts import Cascade, Notes, Worth

LEANS: Final = 0.2
"""Specificity and sensitivity so far apart are a bias worth telling."""


def judge(
    run: RunFolder,
    /,
    *,
    judge: str | None = None,
    set_: Changes = None,
    budget: str | None = None,
    choice: str = "unsure",
    ask: int | None = None,
    out: OptionalOutFile = None,
    form: Form = "table",
    verdicts: Path | None = None,
    reviews: Flag = False,
    dry_run: Flag = False,
    resources: Resources = EVERYTHING,
    engine: EngineOptions = HERE,
    json: Flag = False,
) -> None:
    """More evidence for a finished run: from a costly judge, or from people.

    A costly judge looks first where its answer can change what is picked, and at
    some pairs for calibration. People are asked about the pairs that tell most of
    how many relevant ones have no label: sixty verdicts settle it. p_relevant is
    revised, and negatives are picked again.

    Examples:

        negatives judge runs/cranfield --ask 60 -o judge-me.csv

        negatives judge runs/cranfield --verdicts judge-me.csv

        negatives judge runs/cranfield --reviews

        negatives judge runs/mine --set model=cross-encoder/ms-marco-MiniLM-L6-v2

        negatives judge runs/cranfield --set model=my-reranker.onnx --budget 5000

        negatives judge runs/cranfield --judge llm --budget 200 --dry-run \\
            --set model=http://127.0.0.1:8080/v1#qwen

    The same command again goes on from where it was stopped. No pair is scored
    twice by the same model.

    Parameters
    ----------
    judge
        The kind of judge: reranker, which is the default, or llm, a language model behind
        an OpenAI-compatible endpoint.
    set_
        A setting of the judge, such as model=FOLDER or high=0.9.
        May be repeated: of two values of one setting the later counts, and that is told.
    budget
        Judge this many pairs at most; all by default. Of a language model also
        so many calls or tokens: 500-calls, 200k-tokens.
    choice
        Which pairs a budget goes to: unsure, those whose answer is least known;
        gain, those whose answer wins most hardness; active-judging, the same at
        worst; robust-active-distillation, drawn, informative and probably right;
        judging-budget-allocation, shared out among the queries.
    ask
        Write so many pairs, with their texts, to --out, for somebody to judge.
    out
        Where they go; its ending says how: .jsonl, .csv, .tsv or .parquet. `-` is standard
        output, as CSV.
    form
        --ask: a table, or a .json of tasks for label-studio or argilla.
    verdicts
        A judged file: query_id, doc_id and relevant (1 or 0), such as --ask or
        `negatives audit RUN --sample` writes, or the JSON that Label Studio or
        Argilla exports. Verdicts are kept in the run.
    reviews
        Learn from the verdicts that the run has: those of `negatives review RUN`.
    dry_run
        Say what judging would cost, in calls, tokens and money, and ask nobody.
    json
        Print what was found as JSON.
    """
    resources.limit_pools()
    from negatives.api import Run
    from negatives.cli.listen import listening
    from negatives.cli.summary import show_run
    from negatives.errors import InputError
    from negatives.recipe_changes import assigned, refuse_contradiction
    from negatives.stage import build

    opened = Run(run)
    if (ask is None) != (out is None):
        raise InputError("--ask and --out go together", fix="negatives judge RUN --ask 60 -o FILE")
    if ask is not None and out is not None:
        if verdicts or reviews:
            raise InputError(
                "--ask writes pairs to be judged, and reads no verdicts",
                fix="give --verdicts or --reviews in a second command",
            )
        _ask(opened, ask, out, form, json)
        return
    if verdicts is not None or reviews:
        with listening() as emit:
            shared = {"threads": resources.threads, **asdict(engine)}
            opened = opened.review(verdicts, emit=emit, **shared)
        if not json:
            print(_settled(opened.manifest.notes))
        show_run(opened, json=json)
        return
    with listening() as emit:
        said = assigned(set_ or [], emit)
    if "kind" in said and judge is not None:
        refuse_contradiction("kind", [said["kind"]], judge)
    settings = {"kind": judge or "reranker", **said}
    stage = cast("Judge", build("judge", settings, "--judge"))
    if dry_run:
        _foretell(
            opened.judging_cost(stage, budget, choice=choice, **asdict(resources)), stage, json
        )
        return
    with listening() as emit:
        opened = opened.judge(
            stage, budget, choice=choice, **asdict(resources), **asdict(engine), emit=emit
        )
    if not json:
        print(_told(opened.manifest.notes.cascade))
    show_run(opened, json=json)


def _told(note: Cascade | None) -> str:
    if note is None:
        return "judged nothing"
    revised = "revised" if note.revised else "as before"
    how, done = "", "scored"
    if note.questions not in (0, note.pairs):
        how, done = f"by {note.questions:,} questions ", "asked"
    return (
        f"judged {note.pairs:,} of {note.full:,} pairs {how}"
        f"({note.calls:,} {done} now{_unknown(note)}); p_relevant {revised}{_worth(note.worth)}"
    )


def _worth(found: Worth | None) -> str:
    if found is None:
        return ""
    told = f"; its scores tell labels with an AUC of {found.auc:.2f} ± {found.error:.2f}"
    if found.sensitivity is None or found.specificity is None or found.bias is None:
        return told
    lean = (
        "" if abs(found.bias) < LEANS else f", so it leans to {'no' if found.bias > 0 else 'yes'}"
    )
    return (
        f"{told}; it says yes to {percent(found.sensitivity)} of the relevant pairs and no to "
        f"{percent(found.specificity)} of the others{lean}"
    )


def _unknown(note: Cascade) -> str:
    return f", {note.unknown:,} unknown: no answer that can be used" if note.unknown else ""


def _foretell(cost: Foreseen, stage: Judge, json: bool) -> None:
    if json:
        print_json({"judge": stage.settings(), "calls": cost.calls} | asdict(cost))
        return
    known = f", {cost.known:,} of them known already" if cost.known else ""
    questions = "" if cost.asked == cost.pairs else f" by {cost.asked:,} questions at most"
    print(
        f"would judge {cost.pairs:,} pairs{questions}{known}: {cost.calls:,} calls{_tokens(cost)}"
    )


def _tokens(cost: Foreseen) -> str:
    if not cost.read:
        return ""
    money = "" if cost.money is None else f", {cost.money:,.4g} in the unit of the price"
    return f", some {cost.read:,} tokens read and {cost.written:,} at most written{money}"


def _ask(run: Run, count: int, out: Path, form: Form, json: bool) -> None:
    from negatives.measure.review import draw_questions

    with output(out, ".csv" if form == "table" else ".json", json=json) as file:
        written = draw_questions(run, count, file, form)
    if json:
        print_json({"run": str(run.path), "questions": str(out), "pairs": written})
        return
    how = "Judge them there, export them as JSON"
    if form == "table":
        how = "Fill in `relevant` (1, 0, or nothing where you cannot tell)"
    print(
        f"{named(out)}: {written:,} pairs. {how}, then: negatives judge {run.path} --verdicts "
        f"{named(out)}",
        file=beside(out),
    )


def _settled(notes: Notes) -> str:
    review, found = notes.review, notes.p_relevant
    text = ""
    if review is not None:
        text = f"{review.verdicts:,} verdicts, {review.relevant:,} of them relevant"
    if found is None or found.verdicts is None:
        return f"{text}; p_relevant as before"
    return (
        f"{text}; label rate {percent(found.label_rate)}, "
        f"{percent(found.at_least)} to {percent(found.at_most)} "
        "credible; p_relevant revised"
    )
