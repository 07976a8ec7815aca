"""What labels mean: whether chosen examples and words find a label's items better than its name.

Labels of Debian packages (debtags_xmc, train: 200 drawn by their ids of those with ten distinct
items or more), and skills that sentences ask for (esco_skills, the two test splits: all with five
or more). Each of five times a fifth of each label's items is held out, and of the others up to
three examples and five words are chosen that find the rest of them best, by the static encoder and
with no training. The figures are of the items held out, among as many of all other items: mean
average precision, where no order at all gets about the share that has the label. An interval is
that of a mean over labels (the mean of a label's five folds counts once), as if labels had been
drawn; they share items, so it is rather too narrow. Every baseline has as many members as the
chosen set, but for the name alone. Labels are incomplete, so that the figures are lower than the
truth, for all sets. Items of one text are in one part, but packages of one source say much the same
and are not kept together, which favours all sets with examples or words of items over the name.
Where a label has few items (esco_skills) its name is hard to beat: on one of the two splits it is
not beaten. Chosen by us on one fold of 60 labels of debtags_xmc and on all of esco_skills'
test_tech were how likeness is put together (the mean of the members' cosines; their maximum, and
scores standardised first, were tried too) and that an example comes first, at no loss: of these two
figures the first is little touched by that, the second is not independent of it, and the third,
test_house, is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

import negatives as neg
from benchmarks.data import load
from benchmarks.page import write_page
from negatives.arrays import Doubles
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.measure.instructions import (
    CHOSEN,
    NAME,
    SETS,
    Instructions,
    Wanted,
    instructions,
)
from negatives.stats.bootstrap import interval

FOLDS: Final = 5
LABELS: Final = 200
STAGES: Final = {
    "debtags_xmc": ("debtags_xmc@train", 10),
    "esco_skills-tech": ("esco_skills@test_tech", 5),
    "esco_skills-house": ("esco_skills@test_house", 5),
}
EXAMPLES_ALONE: Final = "chosen examples, no words"
BINS: Final = ((0, 19), (20, 99), (100, 10**9))


def drawn(data: neg.Collection, least: int) -> list[str]:
    """Ids of at most `LABELS` labels that may have enough items."""
    counts = data.positives.group_by("doc").len().sort("doc")
    rows = counts.filter(counts["len"] >= least)["doc"].to_numpy()
    ids = data.ids("docs").gather(rows)
    order = np.argsort(uniforms(id_hashes(ids), stream_key(0, "benchmarks/instructions")))
    return [ids[int(place)] for place in order[:LABELS]]


def folds(data: neg.Collection, least: int, **settings: int) -> list[Instructions]:
    """What is chosen without each fold."""
    labels = drawn(data, least)
    return [
        instructions(data, wanted=Wanted(least=least, fold=fold, **settings), labels=labels)
        for fold in range(FOLDS)
    ]


def of_labels(made: list[Instructions], name: str) -> Doubles:
    """float64[folds, labels]: average precisions of a set, of labels that are in every fold."""
    found = [{each.doc: each.found[name] for each in fold.categories} for fold in made]
    docs = sorted(set.intersection(*(set(each) for each in found)))
    return np.array([[each[doc] for doc in docs] for each in found])


def table(values: Mapping[str, Doubles]) -> Iterator[str]:
    """A row a set."""
    yield (
        "| set | mean average precision | 95% interval | folds, from | to | chosen is higher by | "
        "95% interval | labels where chosen is higher |"
    )
    yield "|---|---:|---|---:|---:|---:|---|---:|"
    ours = values[CHOSEN].mean(axis=0)
    for name, found in values.items():
        each, per_fold = found.mean(axis=0), found.mean(axis=1)
        mean = interval(each)
        row = [
            f"{mean.value:.3f}", f"{mean.low:.3f} to {mean.high:.3f}",
            f"{per_fold.min():.3f}", f"{per_fold.max():.3f}",
        ]  # fmt: skip
        if name == CHOSEN:
            row += ["", "", ""]
        else:
            more = interval(ours - each)
            row += [
                f"{more.value:.3f}", f"{more.low:.3f} to {more.high:.3f}",
                f"{(ours > each).mean():.0%}",
            ]  # fmt: skip
        yield f"| {name} | {' | '.join(row)} |"


def by_size(made: list[Instructions], values: Mapping[str, Doubles]) -> Iterator[str]:
    """The same of labels with few items and with many."""
    docs = sorted(set.intersection(*({each.doc for each in fold.categories} for fold in made)))
    items = {each.doc: each.items for each in made[0].categories}
    sizes = np.array([items[doc] for doc in docs])
    rows = [(low, high, (sizes >= low) & (sizes <= high)) for low, high in BINS]
    rows = [row for row in rows if row[2].any()]
    yield f"| items of the label | labels | {' | '.join(values)} |"
    yield f"|---|---:|{'---:|' * len(values)}"
    for low, high, some in rows:
        span = f"{max(low, int(sizes.min()))} to {min(high, int(sizes.max())):,}"
        means = [f"{found[:, some].mean():.3f}" for found in values.values()]
        yield f"| {span} | {some.sum()} | {' | '.join(means)} |"


def stage(name: str, place: str, least: int) -> Iterator[str]:
    """All of one collection."""
    data = load(place)
    made = folds(data, least)
    values = {each: of_labels(made, each) for each in SETS}
    values[EXAMPLES_ALONE] = of_labels(folds(data, least, words=0), CHOSEN)
    every = [each for fold in made for each in fold.categories]
    examples = np.mean([len(each.examples) for each in every])
    words = np.mean([len(each.words) for each in every])
    reached = np.mean([each.reached[-1] for each in every])
    first = np.mean([each.reached[0] for each in every])
    yield f"## {name}"
    yield ""
    yield from table(values)
    yield ""
    yield (
        f"{values[NAME].shape[1]} labels; {examples:.1f} examples and {words:.1f} words are chosen "
        f"on average. On the part chosen on, where fewer others stand against more items, the "
        f"average precision is {first:.3f} with the first example and {reached:.3f} in the end."
    )
    yield ""
    yield from by_size(made, values)
    yield ""


def main() -> None:
    """Measure, and write the page."""
    lines = [line for name, (place, least) in STAGES.items() for line in stage(name, place, least)]
    write_page("instructions", "What labels mean", __doc__, lines)
