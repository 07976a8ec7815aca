"""From documents alone to a better model: what `negatives adapt` wins on real questions.

Answers of MedQuAD as a plain folder, one Markdown file each with its topic as the heading: 500 of
those that answer a dev question, and 4,500 others, drawn by their ids. `negatives adapt` reads
nothing else: it cuts them into passages, writes queries from headings and sentences without a
language model, mines, and trains. It is judged on the real dev questions, which nobody wrote the
queries from: of an answer every passage counts. That titles stay before the passages was chosen on
dev questions of 500 other answers, which are not among these documents.

Every arm starts from the same model and trains for 250 steps of 64, with three negatives a query,
mined once by that model. `p_relevant` is the run of `adapt`; `same document too` rejects besides
every passage of a positive's document; `naive top-3` takes the most similar passages; `in-batch
only` has no mined negatives. `heading` and `inverse-cloze` are the first with queries of one
generator alone. `real questions` is trained with the real questions of the train split that these
documents answer, every passage of an answer a positive: what labels would have won. nDCG@10 is the
mean over questions and seeds; differences are tested by paired randomisation over questions, p
corrected for the number of arms (Holm). MiniLM is trained on less: 1,000 other answers, 40 steps of
16, texts cut at 64 tokens, and without the arms that differ from the first in a detail.
NEGATIVES_BENCH_SEEDS says how often each arm is trained, NEGATIVES_BENCH_MODEL what it starts from
(static, MiniLM); what is done is kept, and the page has the newest section of each model.

Where NEGATIVES_BENCH_GGUF names a language model (a GGUF file), it writes queries of 300 passages
besides, drawn by their ids, three each, of which those stay that find their passage (GPL's way),
through a real HTTP server on this machine. They are held against the headings of the same passages:
mined and trained alike, for 60 steps of 32.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import msgspec
import polars as pl
from tests.models.small_model import serving_model

import negatives as neg
from benchmarks.data import CACHE, folder, load
from benchmarks.figures import package
from benchmarks.learning import minilm
from benchmarks.page import RESULTS, write_page
from negatives.adaptation.adapt import Adapted, adapt
from negatives.adaptation.questions import RealQuestions, unseen, written_queries
from negatives.adaptation.steps import MADE, PASSAGES, RUN
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.events import silent
from negatives.generator import Generator
from negatives.judge.same_document import SameDocument
from negatives.learn.compare import compare
from negatives.learn.request import completed
from negatives.learn.source import mined_run
from negatives.learn.train import train
from negatives.machine import MODEST, Machine
from negatives.measure.evaluation import evaluate
from negatives.measure.significance import compare as paired
from negatives.measure.significance import holm
from negatives.read import known_texts
from negatives.recipe import Recipe, load_recipe
from negatives.recipe_changes import override
from negatives.schema import Collection
from negatives.stage import build

SEEDS = int(os.environ.get("NEGATIVES_BENCH_SEEDS", "3"))
WORK = CACHE / "adapt"
LOOKED_AT, ANSWERS = 500, 500
"""Answers of dev questions that a setting was chosen with and that are left out, and those that are
judged on."""
FILE = Path(os.environ.get("NEGATIVES_BENCH_GGUF", ""))
DRAWN, PORT = 300, 44469
"""Passages that a language model writes queries of; where it is served, to find its replies."""
METRIC = "nDCG@10"
Frames = dict[str, list[pl.DataFrame]]
"""Of each arm the values of each question, a table a seed."""
FEW = ("train.steps=60", "train.batch_size=32", "train.negatives=3")


@dataclass(frozen=True)
class Scale:
    """What a model is trained on, and for how long."""

    model: str
    name: str = "static"
    others: int = 4500
    """Answers beside those that are judged on."""
    settings: tuple[str, ...] = ("train.steps=250", "train.batch_size=64", "train.negatives=3")
    command: tuple[str, ...] = ()
    """What is changed of the recipe for the command; empty: nothing, as a user has it."""
    details: bool = True
    """Whether the arms are there that differ from the first in a detail."""

    @property
    def work(self) -> Path:
        """Where all is kept."""
        return WORK / self.name


def scales() -> dict[str, Scale]:
    """By the name of the model."""
    cpu = ("train.steps=40", "train.batch_size=16", "train.max_length=64", "train.negatives=3")
    return {
        "static": Scale("static"),
        "MiniLM": Scale(minilm(), "MiniLM", 1000, cpu, cpu, details=False),
    }


KEPT = RESULTS / "adapt.json"
FIRST = "run"
NAMES = {
    FIRST: "p_relevant (adapt)",
    "none": "in-batch only",
    "before": "nothing (before)",
}


# ---- the data ------------------------------------------------------------------------------------


def documents(scale: Scale) -> Path:
    """The folder of Markdown files."""
    made, whole = WORK / f"docs-{scale.others}" / "docs", folder("medquad")
    if made.is_dir():
        return made
    rows = [*map(msgspec.json.decode, (whole / "corpus.jsonl").read_bytes().splitlines())]
    ids = pl.Series("id", [row["_id"] for row in rows])
    dev = load("medquad@dev").qrels.filter(pl.col("relevance") > 0)["doc_id"].unique()
    answers = ids.is_in(dev.implode())
    draw = uniforms(id_hashes(ids), stream_key(0, "adapt/documents"))
    drawn = pl.DataFrame({"id": ids, "answers": answers, "draw": draw}).sort("draw")
    kept = {
        *drawn.filter("answers")["id"][LOOKED_AT : LOOKED_AT + ANSWERS],
        *drawn.filter(~pl.col("answers"))["id"][: scale.others],
    }
    partial = made.with_name("docs-partial")
    partial.mkdir(parents=True, exist_ok=True)
    for row in rows:
        if row["_id"] in kept:
            name = f"{row['_id'].removesuffix('.txt')}.md"
            (partial / name).write_text(f"# {row['title']}\n\n{row['text']}\n", "utf-8")
    partial.rename(made)
    return made


def questions(split: str, scale: Scale) -> list[Path]:
    """The real questions of a split, and which files answer them."""
    docs = documents(scale)
    at = docs.parent / split
    at.mkdir(parents=True, exist_ok=True)
    data, there = load(f"medquad@{split}"), {path.stem for path in docs.iterdir()}
    pairs = data.qrels.filter(pl.col("relevance") > 0).select(
        "query_id", pl.col("doc_id").str.strip_suffix(".txt"), "relevance"
    )
    pairs = pairs.filter(pl.col("doc_id").is_in(sorted(there)))
    asked = data.queries.join(pairs, on="query_id", how="semi").select("query_id", "text")
    asked.rename({"query_id": "_id"}).write_ndjson(at / "queries.jsonl")
    pairs.write_csv(at / "qrels.tsv", separator="\t")
    return [at / "queries.jsonl", at / "qrels.tsv"]


def adapted(scale: Scale) -> Adapted:
    """What the command makes of the folder; kept."""
    queries, qrels = questions("dev", scale)
    return adapt(
        documents(scale),
        scale.work / "adapted",
        model=scale.model,
        queries=queries,
        qrels=qrels,
        changes=scale.command,
        threads=2,
    )


def real(split: str, passages: Collection, scale: Scale) -> Collection:
    """Real questions on the passages."""
    return RealQuestions.read(*questions(split, scale)).on(passages, silent)


def asked_of(passages: Collection, made: Path, scale: Scale) -> Collection:
    """The real questions that are judged on, but for those that were written word for word."""
    return unseen(real("dev", passages, scale), neg.Collection.load(f"{made}@train"), silent)


# ---- the arms ------------------------------------------------------------------------------------


def mining() -> Recipe:
    """How the command mines."""
    return replace(load_recipe("adapt"), make=(), name="adapt")


def others(scale: Scale) -> list[Recipe]:
    """The arms beside the command's own run, on the same queries."""
    judges = (*mining().judge, SameDocument())
    top = load_recipe("ance-static").with_pick(neg.Top(per_query=3))
    naive = replace(override(top, ["find.dense.top=100"]), name="naive top-3")
    same = replace(mining(), judge=judges, name="same document too")
    return [naive, same] if scale.details else [naive]


def carry_out(passages: Collection, made: Path, scale: Scale) -> Frames:
    """Values of each question by arm, a table a seed; where it was stopped it goes on."""
    both, dev = neg.Collection.load(f"{made}@train"), asked_of(passages, made, scale)
    before = evaluate(scale.model, dev, metrics=(METRIC,), threads=2).per_query
    found = {"before": [before]}
    found |= compare(
        both,
        [made.with_name(RUN), *others(scale)],
        scale.work / "compared",
        on=dev,
        model=scale.model,
        changes=[*scale.settings, "train.checkpoint=400"],
        control="none",
        seeds=SEEDS,
        metrics=(METRIC,),
        threads=2,
    ).per_query
    asked = replace(real("train", passages, scale), split="train")
    found["real questions"] = alone("real", asked, dev, scale)
    for generator in load_recipe("adapt").make if scale.details else ():
        asked = written_queries(passages, [generator], seed=0, machine=MODEST, emit=silent)
        found[f"{generator.kind} alone"] = alone(generator.kind, asked, dev, scale)
    return found


def by_language_model(passages: Collection, dev: Collection, scale: Scale) -> Frames:
    """Queries that a language model writes, and headings, of the same drawn passages."""
    same = {"name": "drawn", "most": DRAWN}
    heading = {**load_recipe("adapt").make[0].settings(), **same}
    os.environ["NEGATIVES_CACHE"] = str(CACHE / "adapt" / "replies")
    found = {}
    with serving_model(1536, port=PORT, file=FILE, slots=2) as model:
        written = {"kind": "queries", "model": model, "characters": 1500, "unknown": 1.0, **same}
        for name, settings in (("headings", heading), (FILE.stem, written)):
            generator = cast("Generator", build("make", settings))
            asked = written_queries(passages, [generator], seed=0, machine=MODEST, emit=silent)
            label = f"{name}, {len(asked.queries):,} queries"
            found[label] = alone(f"drawn-{name}", asked, dev, replace(scale, settings=FEW))
    return found


def alone(name: str, data: Collection, dev: Collection, scale: Scale) -> list[pl.DataFrame]:
    """The command's recipe with other queries."""
    out = scale.work / "alone" / name
    recipe = completed(mining(), scale.model, "", [*scale.settings, "train.checkpoint=400"])
    frames = []
    for seed in range(SEEDS):
        table = out / f"seed-{seed}.parquet"
        if not table.is_file():
            run = mined_run(data, out / "run", recipe, scale.model, Machine(threads=2), silent)
            model = out / f"model-{seed}"
            train(
                neg.Run(run.path, collection=data),
                model,
                model=scale.model,
                recipe=recipe,
                look=False,
                seed=seed,
                threads=2,
            )
            found = evaluate(str(model), dev, metrics=(METRIC,), threads=2)
            found.per_query.write_parquet(table)
        frames.append(pl.read_parquet(table))
    return frames


# ---- the page ------------------------------------------------------------------------------------


def table(frames: Mapping[str, Sequence[pl.DataFrame]], first: str = FIRST) -> list[str]:
    """An arm a row, the worst first, the first tested against each."""
    means = {
        arm: [float(frame[METRIC].mean()) for frame in each]  # type: ignore[arg-type]
        for arm, each in frames.items()
    }
    tests = {arm: paired(frames[first], frames[arm], METRIC) for arm in frames if arm != first}
    corrected = dict(zip(tests, holm([test.test.p for test in tests.values()]), strict=True))
    lines = [
        f"| trained with | {METRIC} | by seed | {NAMES.get(first, first)} against it "
        "| 95% interval | p "
        "| better / worse |",
        "|---|---:|---|---:|---|---:|---:|",
    ]
    for arm in sorted(means, key=lambda arm: sum(means[arm]) / len(means[arm])):
        seeds = " ".join(f"{value:.3f}" for value in means[arm])
        name = NAMES.get(arm, arm)
        row = f"| {name} | **{sum(means[arm]) / len(means[arm]):.4f}** | {seeds} "
        if arm in tests:
            test = tests[arm]
            span = test.difference
            row += (
                f"| {span.value:+.4f} | {span.low:+.4f} to {span.high:+.4f} | "
                f"{corrected[arm]:.4f} | {test.better} / {test.worse} |"
            )
        else:
            row += "| | | | |"
        lines.append(row)
    return lines


def command(made: Adapted, scale: Scale) -> list[str]:
    """What the command itself printed, with the model by its name."""
    printed = made.card().text(96).replace(scale.model, scale.name)
    return ["## The command", "", "```text", printed, "```", ""]


def section(scale: Scale) -> tuple[list[str], dict[str, Any]]:
    """What a model came to: a section of the page, and what is packaged."""
    made = adapted(scale)
    passages = replace(known_texts(made.path / PASSAGES), name="answers")
    frames = carry_out(passages, made.path / MADE, scale)
    read = made.figures["documents"]
    written = made.figures["written"]["queries"]
    lines = [
        f"## {scale.name}, {SEEDS} seeds {{ #{scale.name.lower()} }}",
        "",
        f"{read['documents']:,} documents, {read['passages']:,} passages; "
        + ", ".join(f"{number:,} queries by {name}" for name, number in written.items())
        + f"; judged on {len(frames['before'][0]):,} real questions.",
        "",
        *table(frames),
        "",
        *command(made, scale),
    ]
    if FILE.suffix == ".gguf" and scale.details:
        dev = asked_of(passages, made.path / MADE, scale)
        drawn = {"before": frames["before"], **by_language_model(passages, dev, scale)}
        lines += [f"## Queries by {FILE.stem}", "", *table(drawn, [*drawn][-1]), ""]
    return lines, packaged(scale, frames)


def packaged(scale: Scale, frames: Frames) -> dict[str, Any]:
    """What `negatives recipes show adapt` tells of a model."""
    value, naive = (
        float(pl.concat(frames[arm])[METRIC].mean())  # type: ignore[arg-type]
        for arm in (FIRST, "naive top-3")
    )
    return {
        "stage": scale.name.lower(),
        "title": f"From answers of medquad alone, {scale.name}",
        "metric": METRIC,
        "model": scale.name,
        "seeds": SEEDS,
        "value": round(value, 5),
        "naive": round(naive, 5),
        "p": round(paired(frames[FIRST], frames["naive top-3"], METRIC).test.p, 4),
        "beside": "naive top-3",
    }


def main() -> None:
    """Adapt, compare, keep the section of the model, and write the page of all."""
    scale = scales()[os.environ.get("NEGATIVES_BENCH_MODEL", "static")]
    lines, figures = section(scale)
    kept = msgspec.json.decode(KEPT.read_bytes()) if KEPT.is_file() else {}
    kept[scale.name] = {"figures": figures, "lines": lines}
    KEPT.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")
    sections = [kept[name] for name in scales() if name in kept]
    package("adapt", {"adapt": [each["figures"] for each in sections if each["figures"]]})
    lines = [line for each in sections for line in each["lines"]]
    write_page("adapt", "From documents alone", __doc__, lines)


if __name__ == "__main__":
    main()
