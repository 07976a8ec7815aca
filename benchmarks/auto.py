"""How `--recipe auto` fares: what it sees of the data, what it chooses, and what that costs.

It chooses between the recipes `default` and `passages`. The static table is trained with either,
for the same steps, and judged by nDCG@10 on queries of a dev split (of cosqa, which has none to
train with, on a part of the dev split's; of the skills, on another trade). A difference is that of
`passages` less `default`, over queries, the values of a query averaged over seeds first.
Sub-samples are drawn by ids. The limits of the rule were set between the titled passages and the
FAQ, after a look at medquad, wordnet, debian and skills; the other data sets played no part in it.

*Out of reach*: queries of whose positives none is among the forty that score highest, of a probe of
300. *False at the top*: mean p_relevant of the three highest candidates. *Auto*: what it takes, and
how far that is from the better of the two. *Left out*: the same with both limits set on the other
data sets alone, where they cost least (the middle one of those that cost the same). p is of paired
randomisation over queries; below the table it is corrected for the number of data sets (Holm).
NEGATIVES_BENCH_SETS names data sets (all; none: only the page), NEGATIVES_BENCH_SEEDS says how
often each is trained (5); what is done is kept in auto.json.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import msgspec
import numpy as np

import negatives as neg
from benchmarks.data import CACHE, load
from benchmarks.learning import parted, some
from benchmarks.page import RESULTS, write_page
from benchmarks.passages_data import data as passages
from benchmarks.recipes import planted, skills, small
from negatives.events import silent
from negatives.learn.compare import compare
from negatives.measure.significance import compare as paired
from negatives.measure.significance import holm
from negatives.recipe import load_recipe
from negatives.recipe_changes import override
from negatives.run.automatic import FALSE, UNREACHED, Evidence, choose, probed
from negatives.run.mine import mine
from negatives.schema import Collection

BETWEEN = ("default", "passages")
METRIC = "nDCG@10"
SEEDS = int(os.environ.get("NEGATIVES_BENCH_SEEDS", "5"))
WORK, KEPT = CACHE / "auto", RESULTS / "auto.json"
OUT_OF_REACH = tuple(np.round(np.arange(0.02, 0.62, 0.02), 2).tolist())
FALSE_AT_TOP = tuple(np.round(np.arange(0.05, 0.85, 0.05), 2).tolist())
"""Limits that are tried on the other data sets."""

SURE = 0.05
TOLD = {"auto": "Auto", "left out": "With both limits set on the other data sets alone"}

Pair = tuple[Collection, Collection]


@dataclass(frozen=True)
class Set:
    """What is trained with and judged on, and how."""

    about: str
    data: Callable[[], Pair]
    steps: int = 100
    batch_size: int = 64
    per_query: int = 3


def cut(name: str) -> Callable[[], Pair]:
    """Passages of documents, of which one is labelled in training, and all are when judged on."""

    def made() -> Pair:
        folder = passages(name)
        whole = [neg.Collection.load(f"{folder}@{split}") for split in ("train", "dev")]
        return some(whole[0], 2_000), some(whole[1], 1_000)

    return made


def claims() -> Pair:
    """Tweets, and claims that were checked."""
    return load("checkthat20@train"), load("checkthat20@dev")


def answered() -> Pair:
    """The tutorial's questions, of which every positive is the answer."""
    sides = neg.Collection.load("examples/faq.csv").split_queries(dev=0.2)
    return sides["train"], sides["dev"]


SETS = {
    "medquad": Set("medquad", small("medquad")),
    "wordnet": Set("glosses of WordNet", small("scale_wordnet")),
    "debian": Set("descriptions of packages", small("scale_debian")),
    "skills": Set("skills in sentences (ESCO)", skills, 60, 32, 10),
    "planted": Set("medquad, false negatives planted", planted),
    "titled": Set("passages of medquad with titles", cut("titled")),
    "bare": Set("passages of medquad without titles", cut("bare")),
    "packages": Set("passages of descriptions of packages", cut("debian")),
    "faq": Set("a FAQ (examples/faq.csv)", answered),
    "cosqa": Set("code search (cosqa)", lambda: parted(load("cosqa@dev"), 300), 40, 32),
    "checkthat20": Set("tweets and claims (checkthat20)", claims, 40, 32),
}


def carry_out(name: str) -> dict[str, Any]:
    """The figures of one data set."""
    chosen = SETS[name]
    train, dev = chosen.data()
    found = probed(train, partial(mine, emit=silent))
    arms = [override(load_recipe(each), [f"pick.per_query={chosen.per_query}"]) for each in BETWEEN]
    made = compare(
        train,
        arms,
        WORK / name,
        on=dev,
        changes=[
            f"train.negatives={chosen.per_query}", "train.checkpoint=400",
            f"train.steps={chosen.steps}", f"train.batch_size={chosen.batch_size}",
        ],
        seeds=SEEDS,
        metrics=(METRIC,),
    )  # fmt: skip
    rows = {row["arm"]: row["mean"] for row in made.figures["metrics"][METRIC]}
    return {
        "about": chosen.about,
        "queries": made.figures["queries"],
        "seeds": SEEDS,
        "unreached": found.unreached,
        "false": found.false,
        "values": {each: rows[each] for each in ("none", *BETWEEN)},
        "test": paired(made.per_query["passages"], made.per_query["default"], METRIC).as_dict(),
    }


def body(kept: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The table, and what is to be read from it."""
    yield (
        f"`passages` is taken where at least {UNREACHED:.0%} of the queries have every positive "
        f"out of reach and {FALSE:.0%} of the top is expected to be false, else `default`.\n"
    )
    yield (
        "| data | out of reach | false at the top | none | default | passages | difference | "
        "95% interval | p | auto | less the better | left out | less the better |"
    )
    yield "|---|---:|---:|---:|---:|---:|---:|---|---:|---|---:|---|---:|"
    lost: dict[str, dict[str, float]] = {"auto": {}, "left out": {}}
    for name, found in kept.items():
        others = [each for other, each in kept.items() if other != name]
        taken = {"auto": _by_rule(found), "left out": _taken(found, *_limits(others))}
        values = {each: found["values"][each] for each in BETWEEN}
        for how, recipe in taken.items():
            lost[how][name] = values[recipe] - max(values.values())
        test = found["test"]
        figures = " | ".join(
            f"{value:.4f}" for value in (found["values"]["none"], *values.values())
        )
        yield (
            f"| {found['about']} | {found['unreached'] or 0:.0%} | {found['false'] or 0:.0%} | "
            f"{figures} | {test['difference']:+.4f} | {test['low']:+.4f} to {test['high']:+.4f} | "
            f"{test['p']:.4f} | {taken['auto']} | {lost['auto'][name]:+.4f} | {taken['left out']} "
            f"| {lost['left out'][name]:+.4f} |"
        )
    yield ""
    corrected = dict(zip(kept, holm([each["test"]["p"] for each in kept.values()]), strict=True))
    for how, losses in lost.items():
        worst = min(losses, key=lambda name: losses[name])
        sure = [kept[name]["about"] for name, loss in losses.items()
                if loss < 0 and corrected[name] < SURE]  # fmt: skip
        told = "worse than the other by more than chance makes "
        told += f"on {', '.join(sure)}" if sure else "on none"
        yield (
            f"- {TOLD[how]}: at most {abs(losses[worst]):.4f} below the better one, on "
            f"{kept[worst]['about']}; {told} (p < {SURE}, corrected)."
        )
    for recipe in BETWEEN:
        short = [
            max(found["values"][each] for each in BETWEEN) - found["values"][recipe]
            for found in kept.values()
        ]
        told = f"at most {max(short):.4f} below, {np.mean(short):.4f} on average"
        yield f"- Always `{recipe}`: {told}."
    yield f"- Auto, on average: {-np.mean([*lost['auto'].values()]):.4f} below."


def _by_rule(found: Mapping[str, Any]) -> str:
    """What `--recipe auto` takes."""
    return choose(Evidence(0, 0, 1.0, None, found["false"], None, found["unreached"])).name


def _taken(found: Mapping[str, Any], unreached: float, false: float) -> str:
    """What is taken with other limits."""
    far = (found["unreached"] or 0.0) >= unreached and (found["false"] or 0.0) >= false
    return "passages" if far else "default"


def _limits(others: list[Mapping[str, Any]]) -> tuple[float, float]:
    """The limits that cost least on other data; the middle ones, where several do."""
    costs = {
        limits: sum(
            max(found["values"][each] for each in BETWEEN) - found["values"][_taken(found, *limits)]
            for found in others
        )
        for limits in product(OUT_OF_REACH, FALSE_AT_TOP)
    }
    best = [limits for limits, cost in costs.items() if cost <= min(costs.values()) + 1e-9]
    return tuple(float(np.median(each)) for each in zip(*best, strict=True))  # type: ignore[return-value]


def main() -> None:
    """Each data set that is named, then the page of all that are kept."""
    kept = msgspec.json.decode(KEPT.read_bytes()) if KEPT.is_file() else {}
    for name in filter(None, os.environ.get("NEGATIVES_BENCH_SETS", ",".join(SETS)).split(",")):
        kept[name] = carry_out(name)
        kept = {each: kept[each] for each in SETS if each in kept}
        KEPT.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")
    write_page("auto", "Which recipe auto takes", __doc__, body(kept))


if __name__ == "__main__":
    main()
