"""Every recipe that runs on a CPU, side by side: what it mines, and what a model learns by it.

All have the same model, steps, batch, time and number of negatives (how two vectors are compared is
the model's, and not the recipe's), and beside them are always no mined negatives, random ones, the
most similar ones that are not labelled (`naive top`, against which all are tested) and the miner of
sentence-transformers with the settings of its documentation. It is `negatives bench`, on data of
several kinds, a stage each, kept in recipes.json. Seconds are of one run each, some of them beside
other work on the machine: read no more of them than their order. What is measured is recipes as
they are here, by small models in a minute: where a method needs a large model, long training or a
batch of thousands, its figure here says little of the paper's.

Rerankers put in order the hundred documents of a query that the static table finds.

*Mined*: half of the positives of each query are hidden, and counted among the negatives, on
collections whose judging is near-complete. *Trained*: nDCG@10 on a dev split. The planted variant
has unlabelled copies of 30% of the positives in the corpus that is trained with; the passages are
those of benchmark `passages`, of the documents that a question asks for and of 500 others. Texts
with a time are Python's enhancement proposals, read by their first 6,000 characters;
NEGATIVES_BENCH_PEPS names a clone of https://github.com/python/peps, and the later ones are asked
about the earlier ones that they cite. Where a language model is to judge,
a simulated one is asked over HTTP, which is right about 90% of the relevant pairs and 95% of the
others, whatever the form of the question (where it may say unsure, it does so of half of what it
would be wrong about): that tells what a recipe makes of a judge's word, and not which form a model
answers best. Sub-samples are drawn by ids. p is of paired randomisation over queries, corrected for
the number of recipes of the stage (Holm); seeds are averaged first, so that a small p with one seed
may be luck of training.

NEGATIVES_BENCH_STAGE names the stages to carry out (none: only the page), NEGATIVES_BENCH_SEEDS how
often, NEGATIVES_BENCH_MINUTES after how many minutes no other recipe is begun (18). What is done is
kept: the same command goes on.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

import negatives as neg
from benchmarks.asked_models import JUDGES, READERS, WRITERS, language_models, simulated
from benchmarks.data import CACHE, load
from benchmarks.dated import dated
from benchmarks.figures import package
from benchmarks.learning import Study, minilm, parted, sampled, some, split, tiny
from benchmarks.page import RESULTS, write_page, write_picture
from benchmarks.passages_data import few as passages
from benchmarks.stand_ins import HUB_GUIDE, HUB_RERANKER, named, stand_in
from benchmarks.with_fields import mentioned, senses, typed
from negatives.measure.plant import plant
from negatives.recipe import Recipe, load_recipe
from negatives.recipe_changes import override
from negatives.schema import Collection
from negatives.show.bench import bench_page_tables, bench_picture, headline

WORK = CACHE / "recipes"
KEPT = RESULTS / "recipes.json"
LIGHT = (
    "default", "passages", "training", "false-negatives", "baseline", "subset",
    "irrelevant-conditions",
)  # fmt: skip
"""What needs neither a guide nor a teacher, which take more time than all else together; what needs
one is left out, and says so."""
TEACHERS = ("teacher", "gist", "lg-anna", "sycl")

Pair = tuple[Collection, Any]


@dataclass(frozen=True)
class Stage:
    """Recipes on one collection, and how they are measured."""

    title: str
    data: Callable[[], Pair]
    recipes: tuple[str, ...]
    model: Callable[[], str] = lambda: "static"
    kind: str = ""
    settings: tuple[str, ...] = ("train.steps=250", "train.batch_size=64")
    seeds: int = 3
    per_query: int = 3
    measure: Literal["trained", "hidden"] = "trained"
    hub: tuple[str, ...] = ()
    """Models that its recipes name and that are not to be had without a network: `stand_in`."""
    asks: Literal["", "model", "judge"] = ""
    """Whether its recipes ask a language model: the one that NEGATIVES_BENCH_GGUF names, or a
    simulated judge that knows the truth and errs."""
    changes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Of some recipes what is changed, so that a slow processor is done with them."""

    def made(self) -> list[str | Recipe]:
        """The recipes and groups, those that are changed as such."""
        return [
            override(load_recipe(name), [*self.changes[name]]) if name in self.changes else name
            for name in self.recipes
        ]


def whole(name: str) -> Callable[[], Pair]:
    """A collection, of which positives will be hidden."""
    return lambda: (load(name), None)


def few(name: str, queries: int) -> Callable[[], Pair]:
    """Some queries of a collection and all its documents, of which positives will be hidden."""

    def made() -> Pair:
        return some(load(name), queries), None

    return made


def part(name: str, queries: int, judged_on: int = 0) -> Callable[[], Pair]:
    """So many training queries, some of dev, and a smaller corpus."""
    study = Study(name, name, "static", "static", (), 1, "", 0)
    return lambda: sampled(*split(study), queries, judged_on=judged_on)


def small(name: str) -> Callable[[], Pair]:
    """What all recipes are done with three times in minutes: 2,000 queries, and 1,000 of dev."""
    return part(name, 2_000, 1_000)


def planted() -> Pair:
    """Copies of 30% of the positives in the corpus, unlabelled; dev is as it was."""
    train_split, dev = small("medquad")()
    return plant(train_split, share=0.3)[0], dev


def cut() -> Pair:
    """Passages, of which one of an answer is labelled."""
    return passages("titled", 2_000, 1_000)


def skills() -> Pair:
    """Sentences and the skills that they name: of houses for training, of technology for dev."""
    return load("esco_skills@test_house"), load("esco_skills@dev_tech")


def graded() -> Pair:
    """The one collection here whose judgements have several grades, its queries parted by ids."""
    return parted(load("cranfield"), 150)


QUICK = ("train.steps=100", "train.batch_size=64")
SMALL = ("train.steps=80", "train.batch_size=32", "train.max_length=64", "train.learning_rate=3e-4")
BY_TEXT = ("cranfield", "cisi", "med")
MINED = {
    f"mining-{name}": Stage(
        f"Mined from {name}, half of the positives hidden",
        whole(name),
        names,
        per_query=5,
        measure="hidden",
    )
    for name, names in {
        **dict.fromkeys(BY_TEXT, ("mining",)),
        "lastfm": ("ids", "popularity"),
    }.items()
}
JUDGED = {
    f"judged-{name}": Stage(
        f"Mined from {name}, half of the positives hidden, a simulated judge asked",
        whole(name),
        ("default", *JUDGES),
        per_query=5,
        measure="hidden",
        asks="judge",
    )
    for name in BY_TEXT
}
STAGES: dict[str, Stage] = MINED | JUDGED | {
    "medquad": Stage(
        "Trained on medquad, 2,000 queries, the static table",
        small("medquad"),
        LIGHT,
        settings=QUICK,
    ),
    "wordnet": Stage(
        "Trained on glosses of WordNet, 2,000 queries, the static table",
        small("scale_wordnet"),
        LIGHT,
        settings=QUICK,
    ),
    "debian": Stage(
        "Trained on descriptions of packages, 2,000 queries, the static table",
        small("scale_debian"),
        LIGHT,
        settings=QUICK,
    ),
    "skills": Stage(
        "Trained on skills in sentences (ESCO), the static table",
        skills,
        LIGHT,
        settings=("train.steps=60", "train.batch_size=32"),
        per_query=10,
    ),
    "planted": Stage(
        "Trained on medquad with planted false negatives, 2,000 queries, the static table",
        planted,
        LIGHT,
        settings=QUICK,
    ),
    "passages": Stage(
        "Trained on passages of medquad, 2,000 queries, the static table",
        cut,
        LIGHT,
        settings=QUICK,
    ),
    "teachers": Stage(
        "Trained on medquad, 1,000 queries, BERT-tiny, with a small teacher",
        part("medquad", 1_000),
        TEACHERS,
        model=tiny,
        settings=SMALL,
        hub=(HUB_GUIDE, HUB_RERANKER),
        seeds=1,
    ),
    "rerankers": Stage(
        "Rerankers trained on medquad, 2,000 queries, from BERT-tiny",
        part("medquad", 2_000),
        ("default", "bm25", "dice-loss"),
        model=tiny,
        kind="reranker",
        settings=("train.steps=250", "train.batch_size=16", "train.max_length=96",
                  "train.learning_rate=3e-4"),
    ),
    "readers": Stage(
        "Mined for 40 queries of cranfield, half of the positives hidden, read by a small model",
        few("cranfield", 40),
        ("default", *READERS),
        per_query=5,
        measure="hidden",
        asks="model",
        changes=READERS,
        seeds=1,
    ),
    "writers": Stage(
        "Trained on 60 queries of medquad, a small language model writes for 30 of them",
        # Of the whole corpus and all queries of dev: among few documents every arm finds all.
        lambda: (some(load("medquad@train"), 60), load("medquad@dev")),
        ("default", *WRITERS),
        settings=("train.steps=30", "train.batch_size=16"),
        hub=(HUB_RERANKER,),
        asks="model",
        changes=WRITERS,
        seeds=1,
    ),
    "difficulty": Stage(
        "Trained on 400 queries of medquad, the examples chosen by a small language model",
        part("medquad", 400),
        ("default", "ifd"),
        settings=("train.steps=60", "train.batch_size=32"),
        asks="model",
    ),
    "types": Stage(
        "Trained on medquad whose answers have types, 5,000 queries, the static table",
        lambda: typed(5_000),
        ("default", "mm-embed"),
        per_query=1,
    ),
    "senses": Stage(
        "Trained on example sentences of WordNet's nouns, 5,000 queries, with their taxonomy",
        lambda: senses(5_000),
        ("default", "skill-extraction"),
        settings=("train.steps=100", "train.batch_size=32"),
        per_query=10,
    ),
    "mentions": Stage(
        "Trained on mentions of WordNet's nouns in medquad's answers, the static table",
        mentioned,
        ("default", "kriss"),
    ),
    "grades": Stage(
        "Trained on two thirds of cranfield's queries, whose judgements have grades",
        graded,
        ("default", "detective"),
        settings=("train.steps=60", "train.batch_size=32"),
    ),
    "dated": Stage(
        "Trained on Python's enhancement proposals before 2016, which cite older ones",
        dated,
        ("default", "ecthr-pcr", "event-driven"),
        settings=("train.steps=60", "train.batch_size=32"),
        per_query=4,
    ),
    "tiny": Stage(
        "Trained on medquad, 2,000 queries, BERT-tiny",
        part("medquad", 2_000),
        ("default", "false-negatives", "baseline"),
        model=tiny,
        settings=SMALL,
    ),
}  # fmt: skip


def carry_out(name: str) -> None:
    """One stage, and its figures into recipes.json."""
    stage = STAGES[name]
    data, on = stage.data()
    use = {name: stand_in(name) for name in stage.hub}
    with ExitStack() as stack:
        if stage.asks:
            models = simulated(data) if stage.asks == "judge" else language_models()
            use |= named(stage.recipes, stack.enter_context(models))
        figures = neg.bench(
            data,
            stage.made(),
            WORK / name,
            measure=stage.measure,
            on=on,
            model=stage.model(),
            kind=stage.kind,
            encoder="static",
            seeds=int(os.environ.get("NEGATIVES_BENCH_SEEDS", stage.seeds)),
            per_query=stage.per_query,
            changes=[] if stage.measure == "hidden" else [*stage.settings, "train.checkpoint=400"],
            use=use,
            stop_after=60 * float(os.environ.get("NEGATIVES_BENCH_MINUTES", "18")),
            emit=said,
        ).figures
    kept = {**all_kept(), name: brief(figures) | {"title": stage.title}}
    kept = {stage: kept[stage] for stage in STAGES if stage in kept}
    KEPT.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")
    write_picture(f"recipes-{name}", bench_picture(figures))


def said(event: Any) -> None:
    """Each recipe that is done, and each that is left out."""
    if type(event).__name__ == "Progress":
        print(f"{event.done} of {event.total} {event.unit}", flush=True)
    elif type(event).__name__ == "Warned":
        print(event.text, flush=True)


def brief(figures: dict[str, Any]) -> dict[str, Any]:
    """Figures without what stands elsewhere, numbers rounded, and a model by its own name."""
    short = {key: value for key, value in figures.items() if key not in ("about", "settings")}
    short["model"] = {tiny(): "BERT-tiny", minilm(): "MiniLM"}.get(short["model"], short["model"])
    if "settings" in figures:
        short["settings"] = {"batch_size": figures["settings"]["batch_size"]}
    short["left_out"] = {name: why.replace(str(Path.cwd()), ".") for name, why in
                         figures["left_out"].items()}  # fmt: skip
    rounded: dict[str, Any] = _rounded(short)
    return rounded


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return round(value, 5) if isinstance(value, float) else value


def all_kept() -> dict[str, Any]:
    """What recipes.json holds: the figures of each stage."""
    return msgspec.json.decode(KEPT.read_bytes()) if KEPT.is_file() else {}


def packaged(kept: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Of each recipe its figures, a stage each: what `negatives recipes show` tells."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, figures in kept.items():
        against = next(row for row in figures["rows"] if row["recipe"] == figures["against"])
        for row in figures["rows"]:
            said = {key: row[key] for key in ("mean", "false_share", "coverage", "hardness")
                    if row.get(key) is not None}  # fmt: skip
            trained = figures["measure"] == "trained"
            found.setdefault(row["recipe"], []).append(
                {
                    "stage": name,
                    "title": figures["title"],
                    "metric": figures["metric"],
                    "model": figures["model"],
                    "seeds": figures["seeds"],
                    "value": row["mean"] if trained else row["false_share"],
                    "naive": against["mean"] if trained else against["false_share"],
                    "p": row.get("test", {}).get("p_holm"),
                    "seconds": row["seconds"],
                    **{key: said[key] for key in ("coverage", "hardness") if key in said},
                }
            )
    return dict(sorted(found.items()))


def body(kept: dict[str, Any]) -> Iterator[str]:
    """The page: a section a stage."""
    for name, figures in kept.items():
        yield f"## {figures['title']} {{ #{name} }}"
        yield f"\n{headline(figures)}.\n"
        yield from bench_page_tables(figures)
        yield f"\n![quality against cost](recipes-{name}.svg)\n"


def main() -> None:
    """The stages that are named, then the page and the packaged figures of all that is kept."""
    for name in filter(None, os.environ.get("NEGATIVES_BENCH_STAGE", "").split(",")):
        if name not in STAGES:
            sys.exit(f"no stage {name!r}; there are {', '.join(STAGES)}")
        carry_out(name)
    kept = all_kept()
    package("recipes", packaged(kept))
    write_page("recipes", "Recipes side by side", __doc__, body(kept))


if __name__ == "__main__":
    main()
