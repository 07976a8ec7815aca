"""Whether what was forgotten is gone: as it is, in context, and after relearning a tenth of it.

The models of benchmark `unlearning`: a small Llama that learned two authors of TOFU to forget and
four to keep, and the *retrained* control, which learned the four alone. Each arm forgets for as
many steps as there; *nothing* is the original, and *never saw* another control, of another seed,
for which no alarm should sound. Figures are nats a token by which the forgotten answers are more
probable than to the control, of the nine tenths of the questions that are not learned again: below
0 they are less probable. Both models relearn the same tenth, in the same steps. *Extracted*: how
often one of a hundred draws is the answer itself, after relearning, and by the control. It is
`negatives audit --checks unlearned`; ± is the deviation over seeds, and NEGATIVES_BENCH_SEEDS says
how many (3).

*Power*: controls that never saw what was forgotten are the clean cases; planted ones learned it for
a few steps, each model of a seed of its own, and NEGATIVES_BENCH_CASES says how many (20).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, pstdev
from typing import Any

from benchmarks.page import write_page
from benchmarks.unlearning import (
    ARMS,
    FORGETTING,
    LEARNING,
    WORK,
    data,
    learned,
    random_model,
    texts,
)
from negatives.learn.unlearn.unlearned import AS_IT_IS, IN_CONTEXT, RELEARNED, Unlearned
from negatives.measure.audits import ask, subject_of
from negatives.store.atomic import write_json

SEEDS = int(os.environ.get("NEGATIVES_BENCH_SEEDS", "3"))
FORGET = ("GA", "GA + RT", "NPO + RT", "SimNPO + RT", "IDK + RT")
NOTHING, NEVER = "nothing", "never saw"
STEPS, RATE = 5, 0.001
CASES = int(os.environ.get("NEGATIVES_BENCH_CASES", "20"))
LEAKED = (1, 2, 5, 10)
"""For how many steps a planted case learns what it should not have seen."""


def figures(seed: int) -> dict[str, Any]:
    """The check's answer for each arm of a seed, kept."""
    kept = WORK / f"unlearned-{seed}.json"
    if kept.is_file():
        found: dict[str, Any] = json.loads(kept.read_text())
        return found
    there = data()
    start = random_model(WORK / str(seed) / "random", texts(there), seed)
    likelihood = "learn.kind=likelihood"
    original = learned("original", start, there["all"], seed, LEARNING, likelihood)
    control = learned("retrained", start, there["kept"], seed, LEARNING, likelihood)
    other = random_model(WORK / str(seed) / "random-other", texts(there), seed + 1000)
    made = {
        NOTHING: original,
        NEVER: learned("never-saw", other, there["kept"], seed, LEARNING, likelihood),
    }
    for arm in FORGET:
        name = f"{arm.lower().replace(' ', '').replace('+', '-')}-to-the-end"
        made[arm] = learned(
            name, original, there["forget"], seed, FORGETTING, *ARMS[arm],
            "train.learning_rate=0.0003",
        )  # fmt: skip
    told = {arm: asked(seed, model, control) for arm, model in made.items()}
    write_json(kept, told)
    return told


def case(seed: int) -> dict[str, Any]:
    """The check's answer for a clean model and for planted ones, kept."""
    kept = WORK / f"unlearned-case-{seed}.json"
    found: dict[str, Any] = json.loads(kept.read_text()) if kept.is_file() else {}
    there = data()
    start = random_model(WORK / str(seed) / "random", texts(there), seed)
    other = random_model(WORK / str(seed) / "random-other", texts(there), seed + 1000)
    likelihood = "learn.kind=likelihood"
    control = learned("retrained", start, there["kept"], seed, LEARNING, likelihood)
    never = learned("never-saw", other, there["kept"], seed, LEARNING, likelihood)
    for steps in (0, *LEAKED):
        if str(steps) in found:
            continue
        model = never
        if steps:
            model = learned(
                f"leaked-{steps}", never, there["forget"], seed, steps, likelihood,
                "learn.side=wrong", "train.learning_rate=0.0003",
            )  # fmt: skip
        found[str(steps)] = asked(seed, model, control)
        write_json(kept, found)
    return found


def asked(seed: int, model: Path, control: Path) -> dict[str, Any]:
    """The check's answer for one model beside its control."""
    check = Unlearned(model=str(model), retrained=str(control), steps=STEPS, learning_rate=RATE)
    return ask(subject_of(data()["forget"], seed=seed), [check])["unlearned"].as_dict()


def lines(every: list[dict[str, Any]]) -> Iterator[str]:
    """The table: an arm a row."""
    prompts = every[0][NOTHING]["prompts"]
    yield (
        f"{SEEDS} seeds; {prompts[0]} questions relearned in {STEPS} steps, {prompts[1]} asked. An "
        "alarm sounds where the interval of the last difference is above 0.1."
    )
    head = (
        "forgotten by",
        AS_IT_IS,
        IN_CONTEXT,
        RELEARNED,
        "alarms",
        "extracted",
        "by the control",
    )
    yield from ("", f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}")
    for arm in every[0]:
        of = [found[arm] for found in every]
        cells = [_spread([_gap(each, way) for each in of])
                 for way in (AS_IT_IS, IN_CONTEXT, RELEARNED)]  # fmt: skip
        drawn = [mean(each[name][RELEARNED]["extracted in 100 tries"] for each in of)
                 for name in ("model", "retrained")]  # fmt: skip
        alarms = sum(bool(each["alarm"]) for each in of)
        yield (
            f"| {arm} | {' | '.join(cells)} | {alarms} of {len(of)} | "
            f"{drawn[0]:.1%} | {drawn[1]:.1%} |"
        )


def power(cases: list[dict[str, Any]]) -> Iterator[str]:
    """The table of alarms: how long it was learned in secret, a row."""
    yield from ("", "## Power", "", f"{len(cases)} cases a row.", "")
    yield f"| steps on what should not be seen | {AS_IT_IS} | {RELEARNED} | alarms |"
    yield "|---:|---:|---:|---:|"
    for steps in (0, *LEAKED):
        of = [found[str(steps)] for found in cases]
        gaps = [_spread([_gap(each, way) for each in of]) for way in (AS_IT_IS, RELEARNED)]
        rate = mean(bool(each["alarm"]) for each in of)
        yield f"| {steps or 'none: clean'} | {' | '.join(gaps)} | {rate:.0%} |"


def _gap(told: dict[str, Any], way: str) -> float:
    return float(told["retrained"][way]["nll"] - told["model"][way]["nll"])


def _spread(values: list[float]) -> str:
    return f"{mean(values):+.2f} ± {pstdev(values):.2f}"


def main() -> None:
    """Measure what is not yet kept, and write the page."""
    os.environ["NEGATIVES_CACHE"] = str(WORK / "store")
    every = [figures(seed) for seed in range(SEEDS)]
    cases = [case(seed) for seed in range(CASES)]
    made = (*lines(every), *power(cases))
    write_page("unlearned", "Whether what was forgotten is gone", __doc__, made)


if __name__ == "__main__":
    main()
