"""Language models as judges: what calls buy, measured through a real HTTP endpoint.

Half of each query's positives are hidden, as in truth.md, and negatives are mined as if they had
never been labelled; then `negatives judge --judge llm --budget N-calls` asks a model, revises
p_relevant by what its answers say of the run's own labels, and picks again at the same asked false
share. First the real model that a laptop without a graphics card runs at once, SmolLM2 with 135M
parameters (4 bits, llama.cpp): its worth by the labels of the run, what the order of the words yes
and no does to it, and what becomes of the negatives. Then SIMULATED judges, which answer over
HTTP from the true judgements with the stated sensitivity and specificity, each answer a bare yes or
no of probability 0.9: what a strong model would buy with so many calls, and that one at chance does
no harm. The evidence, p_relevant, the choice of pairs and the promise are the run's own.
NEGATIVES_BENCH_GGUF names the file of another real model, which then stands beside the small one.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

import negatives as neg
from benchmarks.coverage import Case, hide
from benchmarks.data import CACHE, load, minilm_vectors
from benchmarks.judge_server import serving
from benchmarks.page import write_page
from benchmarks.processes import ask, told
from negatives.estimate.choices import CHOICES
from negatives.events import Counted, Event
from negatives.opening import JudgeContext

COLLECTIONS = ("cranfield", "cisi", "med")
HIDINGS = 2
PER_QUERY = 5
ASKED = (0.02, 0.05)
QUALITIES = ((0.9, 0.95), (0.8, 0.9), (0.6, 0.8), (0.5, 0.5))
CALLS = (500, 1000, 2000)
SMALLEST = "SmolLM2-135M"
GIVEN = Path(os.environ.get("NEGATIVES_BENCH_GGUF", ""))
MODELS = {SMALLEST: None} | ({GIVEN.stem: GIVEN} if GIVEN.suffix == ".gguf" else {})
"""The file of each real model; None: the one that a package brings."""
SMALL = 100
"""Pairs that a real model is asked about, on a slow processor,"""
TWICE = 24
"""and those of them that it is asked about in both orders."""
PORT = 44467
"""Where it is served, so that its replies are found again."""
CHARACTERS = 400
READ = 10_000
KEPT = CACHE / "judges"
PAIR = ["query_id", "doc_id"]


def one(name: str, seed: int, which: str) -> None:
    """The simulated judges, the choices, or the small model, on one hiding of one collection."""
    data = load(name)
    case = hide(data, minilm_vectors(name, data), seed)
    with tempfile.TemporaryDirectory() as folder:
        if which == "reread":
            told(_reread(case, Path(folder)))
            return
        # Replies are kept from one budget to the next, as a user's are.
        os.environ["NEGATIVES_CACHE"] = str(KEPT / "cache" if which in MODELS else folder)
        run = _mined(case, seed, Path(folder))
        if which in MODELS:
            told(_small(run, case, MODELS[which]))
        else:
            told({"simulated": _simulated, "choices": _by_choice}[which](run, case))


def _mined(case: Case, seed: int, folder: Path) -> neg.Run:
    return neg.mine(
        case.data,
        folder / "run",
        sources=[neg.BM25(), case.dense],
        judges=[neg.NearDuplicate(), neg.SelfAware(), neg.ScoreAgreement()],
        estimate=neg.Evidence(),
        pick=neg.RiskLimited(per_query=PER_QUERY, max_false=ASKED[-1]),
        seed=seed,
    )


def _simulated(run: neg.Run, case: Case) -> dict[str, Any]:
    """By quality and number of calls: worth, hardness and false share."""
    found: dict[str, Any] = {"none": _picked(run, case)}
    with serving(case.data, _truth(case)) as server:
        for quality in QUALITIES:
            for calls in CALLS:
                judge = neg.LLMJudge(model=f"{server.spec(*quality)}?concurrency=2", characters=0)
                run = run.judge(judge, f"{calls}-calls")
                found[f"{quality} {calls}"] = _judged(run) | _picked(run, case)
    return found


def _by_choice(run: neg.Run, case: Case) -> dict[str, Any]:
    """What becomes of the negatives by each choice of the pairs that are asked about."""
    found: dict[str, Any] = {"none": _picked(run, case)}
    with serving(case.data, _truth(case)) as server:
        judge = neg.LLMJudge(model=f"{server.spec(*QUALITIES[0])}?concurrency=2", characters=0)
        for choice in CHOICES:
            run = run.judge(judge, f"{CALLS[0]}-calls", choice=choice)
            found[choice] = _judged(run) | _picked(run, case)
    return found


def _truth(case: Case) -> list[tuple[int, int]]:
    truth = pl.concat([case.hidden, case.data.qrels.filter(pl.col("relevance") > 0).select(PAIR)])
    return case.data.rows_of(truth.unique()).select("query", "doc").rows()


def _reread(case: Case, folder: Path) -> dict[str, Any]:
    """Seconds that judging many pairs takes, and then again when every reply is kept."""
    os.environ["NEGATIVES_CACHE"] = str(folder / "cache")
    pairs = np.arange(READ)
    query = (pairs // len(case.data.corpus)).astype(np.uint32)
    doc = (pairs % len(case.data.corpus)).astype(np.uint32)
    found = {}
    with serving(case.data, _truth(case)) as server:
        judge = neg.LLMJudge(model=f"{server.spec(*QUALITIES[0])}?concurrency=8")
        for way in ("asked", "kept"):
            ruling = judge.open(JudgeContext(case.data, folder, reference="dense"))
            wall, used = time.perf_counter(), time.process_time()
            ruling.score(query, doc)
            found[way] = (time.perf_counter() - wall, time.process_time() - used, ruling.calls)
    return found


def _small(run: neg.Run, case: Case, file: Path | None) -> dict[str, Any]:
    """The real model's worth, its order effect, and what becomes of the negatives."""
    from tests.models.small_model import serving_model

    found: dict[str, Any] = {"none": _picked(run, case)}
    heard: list[Event] = []
    slots = 1 if file is None else 2
    serving_it = serving_model(port=PORT, file=file, slots=slots)
    with serving_it as spec, tempfile.TemporaryDirectory() as folder:
        judge = neg.LLMJudge(model=spec, characters=CHARACTERS)
        run = run.judge(judge, SMALL)
        found["judged"] = _judged(run) | _picked(run, case)
        scored = run.candidates().filter(pl.col("llm_score").is_not_null()).select(PAIR).collect()
        rows = case.data.rows_of(scored).sort("query", "doc").head(TWICE)
        context = JudgeContext(case.data, Path(folder), reference="dense", emit=heard.append)
        both = msgspec.structs.replace(judge, orders=2).open(context)
        both.score(rows["query"].to_numpy(), rows["doc"].to_numpy())
    (counted,) = (
        event.figures
        for event in heard
        if isinstance(event, Counted) and "asked twice" in event.figures
    )
    return found | {"counted": dict(counted)}


def _judged(run: neg.Run) -> dict[str, Any]:
    note = run.manifest.notes.cascade
    if note is None or note.worth is None:
        return {"pairs": getattr(note, "pairs", 0)}
    worth = note.worth
    return {
        "pairs": note.pairs,
        "revised": note.revised,
        "worth": [worth.auc, worth.error, worth.sensitivity, worth.specificity],
        "yes": [worth.says_yes, worth.expected_yes],
    }


def _picked(run: neg.Run, case: Case) -> dict[str, Any]:
    """By asked share: mean hardness, and the share that is false in truth."""
    made: dict[str, Any] = {}
    for asked in ASKED:
        run = run.repick(neg.RiskLimited(per_query=PER_QUERY, max_false=asked))
        hardness = float(run.negatives["hardness"].cast(pl.Float64).mean() or 0.0)  # type: ignore[arg-type]
        wrong = len(run.negatives.join(case.hidden, on=PAIR, how="semi"))
        made[str(asked)] = (hardness, wrong / max(1, len(run.negatives)))
    return made


def main() -> None:
    """Measure what is not measured yet, and write the page."""
    if sys.argv[1:2] == ["one"]:
        one(sys.argv[2], int(sys.argv[3]), sys.argv[4])
        return
    small = {
        (model, name): _asked(name, 0, model) for model in MODELS for name in reversed(COLLECTIONS)
    }
    strong = {
        name: [_asked(name, seed, "simulated") for seed in range(HIDINGS)] for name in COLLECTIONS
    }
    choices = {name: _asked(name, 0, "choices") for name in COLLECTIONS}
    kept = _asked("med", 0, "reread")
    lines = [
        *_small_page(small),
        *_page(strong),
        *_choices_page(choices),
        "",
        f"{READ:,} judgements through HTTP, server included: {kept['asked'][1]:.0f} CPU-seconds; "
        f"again, from the kept replies: {kept['kept'][1]:.1f} CPU-seconds "
        f"({kept['kept'][0]:.1f} s on the clock) and {kept['kept'][2]:,} calls.",
    ]
    write_page("judges", "Language models as judges", __doc__, lines)


def _asked(name: str, seed: int, which: str) -> dict[str, Any]:
    """A result; measured once, so that a long benchmark can go on."""
    path = KEPT / f"{which}-{name}-{seed}.json"
    if not path.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(ask("benchmarks.judges", name, seed, which)))
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def _small_page(results: dict[tuple[str, str], dict[str, Any]]) -> list[str]:
    lines = [
        "## Real small models",
        "",
        f"{SMALL} pairs, {CHARACTERS} characters of a document each. AUC with its standard error "
        "by chance; to how many of the relevant pairs it says yes, and no to how many of the "
        f"others; in how many of {TWICE} pairs, asked again with the words yes and no the other "
        "way round, the order decided; hardness and real false share before and after.",
        "",
        "| model | collection | AUC | says yes to relevant | says no to others | order decides "
        "| believed | asked | before | after |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for (model, name), result in results.items():
        told, counted = result["judged"], result["counted"]
        auc, error, yes, no = told["worth"]
        order = counted["other by order"] / max(1, counted["asked twice"])
        for asked in map(str, ASKED):
            before, after = (
                "{:.2f}, {:.3f}".format(*each[asked]) for each in (result["none"], told)
            )
            lines.append(
                f"| {model} | {name} | {auc:.2f} ± {error:.2f} | {yes:.0%} | {no:.0%} "
                f"| {order:.0%} | {'yes' if told['revised'] else 'no'} "
                f"| {float(asked):.0%} | {before} | {after} |"
            )
    return lines


def _page(found: dict[str, list[dict[str, Any]]]) -> list[str]:
    lines = [
        "",
        "## Simulated judges, by calls",
        "",
        f"{HIDINGS} hidings, means; {PER_QUERY} negatives a query. Cells: hardness, real false "
        "share. Measured: sensitivity and specificity as the run's own labels tell them at the "
        "most calls.",
        "",
        "| collection | sensitivity, specificity | measured | asked | no calls | "
        + " | ".join(f"{calls:,} calls" for calls in CALLS)
        + " |",
        "|---|---|---|---|---|" + "---|" * len(CALLS),
    ]
    for name, results in found.items():
        for quality in QUALITIES:
            last = [result[f"{quality} {CALLS[-1]}"].get("worth") for result in results]
            rates = np.mean([each[2:] for each in last if each], axis=0)
            for asked in map(str, ASKED):
                ways = ["none", *(f"{quality} {calls}" for calls in CALLS)]
                means = [
                    np.mean([result[way][asked] for result in results], axis=0) for way in ways
                ]
                cells = [f"{hardness:.2f}, {false:.3f}" for hardness, false in means]
                lines.append(
                    f"| {name} | {quality[0]:.0%}, {quality[1]:.0%} | {rates[0]:.0%}, "
                    f"{rates[1]:.0%} | {float(asked):.0%} | {' | '.join(cells)} |"
                )
    return lines


def _choices_page(results: dict[str, dict[str, Any]]) -> list[str]:
    lines = [
        "",
        "## Which pairs are asked about",
        "",
        f"The simulated judge of {QUALITIES[0][0]:.0%} and {QUALITIES[0][1]:.0%}, {CALLS[0]} "
        "calls, one hiding. Cells: hardness, real false share, by each `--choice`.",
        "",
        "| collection | asked | no calls | " + " | ".join(CHOICES) + " |",
        "|---|---|---|" + "---|" * len(CHOICES),
    ]
    for name, result in results.items():
        for asked in map(str, ASKED):
            cells = ["{:.2f}, {:.3f}".format(*result[way][asked]) for way in ("none", *CHOICES)]
            lines.append(f"| {name} | {float(asked):.0%} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    main()
