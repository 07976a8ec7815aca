"""A language model that forgets authors in other ways than by a loss of responses.

Models and data are those of the benchmark `unlearning`: a small Llama, the *original*, has learned
40 answers on two authors of TOFU to forget and 80 to keep, and another one, *never saw it*, the 80
alone. *Without a loss of responses*: LAF, whose representation of an answer is the mean state that
its tokens are predicted by, and whose head then learns kept answers again for 40 steps (control:
without LAF); ROCR, by which each author's name is redirected to those of the kept authors in one of
the two layers (control: a kept author's name is redirected). *A private base*: DP-SGD on all
answers from random weights, 40 steps with a tenth of the answers each, and then kept answers by
likelihood, as from random weights. *At generation*: GUARD on the original, with the static encoder;
half of the kept questions are known to its index. *Worst-case sets*: 40 of the 120 answers are
forgotten by NPO with what is kept: those found hardest, those that the original knows best, or sets
drawn by chance. Settings are the library's defaults or those of `unlearning`, chosen by no figure.

NEGATIVES_BENCH_SEEDS says how often (3). Models and figures are kept in
.cache/benchmarks/unlearning, seed by seed, and what is there is not done again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import mean
from typing import Any, Final

import torch

from benchmarks import forgetting_guard as guard
from benchmarks import forgetting_hardest as hardest
from benchmarks import forgetting_ways as ways
from benchmarks.page import write_page
from benchmarks.unlearning import FORGET, KEEP, WORK
from negatives.store.atomic import write_json

SEEDS: Final = int(os.environ.get("NEGATIVES_BENCH_SEEDS", "3"))
Found = list[dict[str, Any]]
"""Of each seed its figures."""


def once(name: str, measure: Callable[[int], Mapping[str, Any]], work: Path = WORK) -> Found:
    """What was measured before of each seed, or is now; kept in `work`."""
    made = []
    for seed in range(SEEDS):
        path = work / f"{name}-{seed}.json"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, dict(measure(seed)))
        made.append(json.loads(path.read_text("utf-8")))
    return made


def lines() -> Iterator[str]:
    """Measure what is not there, and tell it."""
    yield from _forgotten(once("ways", ways.figures))
    yield from _bases(once("bases", ways.bases))
    yield from _held(once("guard", guard.figures))
    yield from _hardest(once("hardest", hardest.figures))


def _forgotten(every: Found) -> Iterator[str]:
    yield from ("## without a loss of responses", "")
    yield "LAF and ROCR. NLL of a token; seconds beside other work of the machine."
    yield f"Seeds: {len(every)}."
    head = ("way", "forgotten", "forgotten, asked in other words", "kept", "seconds")
    yield from _table(head)
    for name in every[0]:
        cells = [spread([each[name][side] for each in every])
                 for side in ("forgotten", "reworded", "kept")]  # fmt: skip
        spent = [each[name]["seconds"] for each in every if "seconds" in each[name]]
        yield (
            f"| {name} | {' | '.join(cells)} | {mean(spent):.1f} |"
            if spent
            else (f"| {name} | {' | '.join(cells)} | |")
        )
    yield ""


def _bases(every: Found) -> Iterator[str]:
    yield from ("## a private base", "")
    yield (
        f"DP2Unlearning. Kept answers learned for {ways.FURTHER} steps from each base; epsilon "
        f"of an answer at delta {ways.DELTA:g}; the steps until the NLL of kept ones is "
        f"{ways.WELL:g}, looked at every 10. From random weights is the control: "
        f"nothing was ever known. Seeds: {len(every)}."
    )
    head = (
        "base", "epsilon", "seconds", "kept by the base", "forgotten by the base", "steps", "kept",
        "forgotten", "KS p against random weights",
    )  # fmt: skip
    yield from _table(head)
    for name, first in every[0].items():
        cells = [
            "∞" if first["epsilon"] is None else f"{first['epsilon']:.2g}",
            f"{mean(each[name]['seconds'] for each in every):.0f}",
            *(spread([each[name][key] for each in every], 0 if key == "steps" else 2)
              for key in ("kept by the base", "forgotten by the base", "steps", "kept",
                          "forgotten", "ks_p")),
        ]  # fmt: skip
        yield f"| {name} | {' | '.join(cells)} |"
    yield ""


def _held(every: Found) -> Iterator[str]:
    yield from ("## at generation", "")
    yield (
        "GUARD: shares of questions. A *phrase* is a name or number of the answer that its "
        "question does not have; *whole*: the answer word for word, as the most probable text and "
        f"among {guard.DRAWS} draws at temperature 1. Seeds: {len(every)}."
    )
    head = (
        "questions", "recognised", "whole: free", "held", f"whole in {guard.DRAWS}: free",
        "held", "a phrase: free", "held", f"a phrase in {guard.DRAWS}: free", "held",
    )  # fmt: skip
    yield from _table(head)
    keys = [f"{what}, {how}" for what in ("whole", f"whole in {guard.DRAWS} draws", "phrase",
            f"phrase in {guard.DRAWS} draws") for how in ("free", "held")]  # fmt: skip
    for name, first in every[0].items():
        cells = [spread([each[name][key] for each in every], 2) if key in first else ""
                 for key in ("recognised", *keys)]  # fmt: skip
        yield f"| {name} | {' | '.join(cells)} |"
    yield ""


def _hardest(every: Found) -> Iterator[str]:
    yield from ("## worst-case sets", "")
    pairs = [(a, b) for a in every for b in every if a is not b]
    again = ""
    if pairs:
        same = mean(_common(a["items"]["the worst case"], b["items"]["the worst case"])
                    for a, b in pairs)  # fmt: skip
        again = f"Worst-case sets of two seeds share {same:.0%} of their answers. "
    chance = mean(_shared(each["items"], "the worst case", "by chance 0") for each in every)
    best = mean(_shared(each["items"], "the worst case", "known best") for each in every)
    words = {name: mean(each["words"][name] for each in every) for name in every[0]["words"]}
    yield (
        f"{FORGET} of {FORGET + KEEP} answers. {again}The worst-case set has {best:.0%} of its "
        f"answers in common with those that the original knows best, and {chance:.0%} with a set "
        f"by chance; its answers have {words['the worst case']:.0f} words on average, by chance "
        f"{mean(words[name] for name in words if 'chance' in name):.0f}. Half forgotten: an NLL "
        f"of {hardest.LEVEL:g} a token. Seeds: {len(every)}."
    )
    head = ("set", "forgotten by", "half-way: steps", "kept", "never", "at the end: forgotten",
            "kept")  # fmt: skip
    yield from _table(head)
    sets = [name for name in every[0]["items"] if "chance" not in name]
    for by in hardest.BY:
        for name in (*sets, "by chance"):
            chosen = [name] if name in sets else [f"{name} {at}" for at in range(hardest.CHANCE)]
            of = [each[f"{one}, {by}"] for each in every for one in chosen]
            there = [each for each in of if each["steps"] is not None]
            cells = [
                spread([each["steps"] for each in there], 1),
                spread([each["kept"] for each in there]),
                f"{len(of) - len(there)} of {len(of)}",
                *(spread([each[key] for each in of])
                  for key in ("forgotten at the end", "kept at the end")),
            ]  # fmt: skip
            yield f"| {name} | {by} | {' | '.join(cells)} |"


def _shared(items: Mapping[str, list[int]], one: str, other: str) -> float:
    return _common(items[one], items[other])


def _common(one: list[int], other: list[int]) -> float:
    return len({*one} & {*other}) / len(one)


def _table(head: tuple[str, ...]) -> Iterator[str]:
    yield from ("", f"| {' | '.join(head)} |", f"|---|{'---|' * (len(head) - 1)}")


def spread(values: list[float], places: int = 3) -> str:
    """The mean, and of several the smallest and largest; a dash of none."""
    if not values:
        return "-"
    low, high = min(values), max(values)
    if len(values) == 1:
        return f"{low:.{places}f}"
    return f"{mean(values):.{places}f} ({low:.{places}f} to {high:.{places}f})"


def main() -> None:
    """Measure, and write the page."""
    torch.set_num_threads(1)
    os.environ["NEGATIVES_CACHE"] = str(WORK / "store")
    write_page("forgetting", "Forgetting authors in other ways", __doc__, lines())


if __name__ == "__main__":
    main()
