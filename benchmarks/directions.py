"""Directions that papers report, checked one by one where they can show.

A paper says that one way of choosing or learning negatives is better than another. Each row here is
one such claim, with the two ways as recipes that differ in nothing else, on the same questions and
with the same steps. The data are made so that false negatives are known: of a share of MedQuAD's
answers (0, 10 and 30%), the text is cut into two halves of which one, drawn by chance, is labelled
and the other is not, although it answers as well. 3,000 training questions, the answers of these
and of the dev questions, and 4,000 other answers; judged on 1,000 dev questions, of which every
half counts. The built-in table is trained for 120 steps of 64 with three negatives a query, unless
the claim is about their number.

nDCG@10 is the mean over questions and seeds; a difference is tested by paired randomisation over
questions, p corrected for all claims at that share (Holm). `confirmed`: as the paper says, p below
.05; `contradicted`: the other way round, p below .05; `not seen`: neither, at this scale and with
this model. Nothing was chosen by these figures. NEGATIVES_BENCH_SHARES (0,0.1,0.3) and
NEGATIVES_BENCH_SEEDS say which shares, and how often each way is trained; what is done is kept in
directions.json.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

import negatives as neg
from benchmarks.data import CACHE, load
from benchmarks.page import RESULTS, write_page
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.events import silent
from negatives.learn.request import completed
from negatives.learn.source import mined_run
from negatives.learn.train import train
from negatives.machine import Machine
from negatives.measure.evaluation import evaluate
from negatives.measure.significance import compare as paired
from negatives.measure.significance import holm
from negatives.recipe import Recipe, load_recipe
from negatives.recipe_changes import override
from negatives.schema import Collection

WORK, KEPT = CACHE / "directions", RESULTS / "directions.json"
SHARES = [float(each) for each in os.environ.get("NEGATIVES_BENCH_SHARES", "0,0.1,0.3").split(",")]
SEEDS = int(os.environ.get("NEGATIVES_BENCH_SEEDS", "3"))
TRAINED, JUDGED, OTHERS = 3_000, 1_000, 4_000
METRIC = "nDCG@10"
SETTINGS = ["train.steps=120", "train.batch_size=64", "train.checkpoint=1000"]
SENTENCE = re.compile(r"(?<=[.!?])\s+")
SURE = 0.05


@dataclass(frozen=True)
class Claim:
    """That `better` is better than `worse`, two of `WAYS`, and who says so."""

    says: str
    source: str
    better: str
    worse: str


THREE = "pick.per_query=3"
TOP = [THREE, "find.dense.top=100"]
COSINE = ["learn.similarity=cosine", "learn.temperature=0.05"]
"""What the built-in table was made for; the papers' models take dot products."""
OF_ALL = [THREE, "find.random.top=20"]
WAYS: dict[str, tuple[str, list[str]]] = {
    "in-batch": ("bm25", ["train.negatives=0"]),
    "top": ("ance-static", ["pick.kind=top", *TOP]),
    "top, guided": (
        "ance-static",
        [
            "pick.kind=top",
            *TOP,
            "learn.kind=guided",
            "learn.guide=static",
            "learn.temperature=0.05",
        ],
    ),
    "below 95%": ("nv-retriever", TOP),
    "around the positive": ("simans", [THREE]),
    "random of the top": (
        "ance-static",
        [THREE, "find.dense.top=200"],
    ),
    "random": ("hcl", [*OF_ALL, "learn.kind=multiple-negatives", "learn.temperature=0.05"]),
    "random, debiased": (
        "hcl",
        [*OF_ALL, "learn.beta=0.0", "learn.tau_plus=0.01"],
    ),
    "random, hardness-weighted": (
        "hcl",
        [*OF_ALL, "learn.beta=0.5"],
    ),
    "lexical": ("bm25", [THREE]),
    "lexical, one topic a batch": ("bm25", [THREE, "batch.kind=topic-aware"]),
    "p_relevant": ("default", [THREE]),
    "p_relevant, relabelled": ("default", [THREE, "relabel=0.8"]),
    "p_relevant, as a weight": ("default", [THREE, "learn.doubt=weight"]),
    "easy first": ("mmtg-curriculum", [THREE, "pick.strata=3"]),
    "one order for all": (
        "mmtg-curriculum",
        [THREE, "pick.strata=3", 'batch.weight={kind="equal"}'],
    ),
    "focal": ("kalm-v2", [THREE, "learn.pairs=0"]),
    "not focal": ("kalm-v2", [THREE, "learn.pairs=0", "learn.gamma=0.0"]),
    "mixed": ("kalm-v2", [THREE, "learn.gamma=0.0"]),
    "mined once": ("star", [*COSINE, "train.negatives=1"]),
    "mined anew": ("star", [*COSINE, "train.negatives=1", "train.refresh=40"]),
    "adore": ("adore", [THREE, *COSINE, "train.refresh=40", "train.frozen=nothing"]),
}
CLAIMS = (
    Claim("Mined negatives beside those of the batch", "Karpukhin et al. 2020", "top", "in-batch"),
    Claim("Denoised hard negatives rather than the hardest", "Qu et al. 2021", "below 95%", "top"),
    Claim(
        "Around the positive's score rather than the hardest",
        "Zhou et al. 2022",
        "around the positive",
        "top",
    ),
    Claim(
        "Around the positive's score rather than at random of the top",
        "Zhou et al. 2022",
        "around the positive",
        "random of the top",
    ),
    Claim("Hard rather than random ones", "Xiong et al. 2021", "random of the top", "random"),
    Claim("By p_relevant rather than the hardest", "this library", "p_relevant", "top"),
    Claim("By p_relevant rather than below 95%", "this library", "p_relevant", "below 95%"),
    Claim("A guide masks false negatives of the batch", "Solatorio 2024", "top, guided", "top"),
    Claim(
        "Relabelled rather than removed",
        "Thakur et al. 2025",
        "p_relevant, relabelled",
        "p_relevant",
    ),
    Claim(
        "Doubtful negatives count less", "Cai et al. 2022", "p_relevant, as a weight", "p_relevant"
    ),
    Claim(
        "One topic a batch rather than by chance",
        "Hofstätter et al. 2021",
        "lexical, one topic a batch",
        "lexical",
    ),
    Claim("A debiased loss", "Chuang et al. 2020", "random, debiased", "random"),
    Claim(
        "Hard ones of random negatives weighed up",
        "Robinson et al. 2021",
        "random, hardness-weighted",
        "random",
    ),
    Claim("Easy first, then all", "Cao et al. 2022", "easy first", "one order for all"),
    Claim("Learned rows count less (focal)", "Zhao et al. 2025", "focal", "not focal"),
    Claim("Mixtures of hard negatives", "Zhao et al. 2025", "mixed", "not focal"),
    Claim("Mined anew rather than once", "Xiong et al. 2021", "mined anew", "mined once"),
    Claim("ADORE rather than STAR", "Zhan et al. 2021", "adore", "mined once"),
)


# ---- the data ------------------------------------------------------------------------------------


def drawn(ids: pl.Series, number: int, name: str) -> set[str]:
    """So many of some ids, drawn by the ids."""
    draw = uniforms(id_hashes(ids), stream_key(0, f"directions/{name}"))
    return {*pl.DataFrame({"id": ids, "draw": draw}).sort("draw").head(number)["id"]}


def data(share: float) -> Path:
    """A BEIR folder in which `share` of the answers are two halves, one labelled in train."""
    made = WORK / f"{share:g}" / "data"
    if (made / "qrels" / "dev.tsv").is_file():
        return made
    whole = {split: load(f"medquad@{split}") for split in ("train", "dev")}
    pairs = {
        split: each.qrels.filter(pl.col("relevance") > 0).select("query_id", "doc_id")
        for split, each in whole.items()
    }
    for split, number in (("train", TRAINED), ("dev", JUDGED)):
        kept = drawn(pairs[split]["query_id"].unique().sort(), number, split)
        pairs[split] = pairs[split].filter(pl.col("query_id").is_in(kept))
    answers = pl.concat([*pairs.values()])["doc_id"].unique()
    corpus = whole["train"].corpus.select("doc_id", "text")
    others = drawn(corpus["doc_id"].filter(~corpus["doc_id"].is_in(answers.implode())), OTHERS, "")
    corpus = corpus.filter(pl.col("doc_id").is_in([*answers, *others]))
    halves = [*parts(corpus, share)]
    (made / "qrels").mkdir(parents=True, exist_ok=True)
    pl.DataFrame(halves, schema=["_id", "text"], orient="row").write_ndjson(made / "corpus.jsonl")
    asked = pl.concat([*pairs.values()])["query_id"].unique()
    queries = pl.concat([each.queries.select("query_id", "text") for each in whole.values()])
    queries = queries.filter(pl.col("query_id").is_in(asked.implode())).unique("query_id")
    queries.sort("query_id").rename({"query_id": "_id"}).write_ndjson(made / "queries.jsonl")
    of = pl.DataFrame({"part": [part for part, _ in halves]}).with_columns(
        doc_id=pl.col("part").str.split("#").list.first()
    )
    for split in ("train", "dev"):
        table = pairs[split].join(of, on="doc_id").sort("query_id", "part")
        if split == "train":
            key = pl.Series(uniforms(id_hashes(table["part"]), stream_key(0, "directions/label")))
            table = table.with_columns(key=key).sort("query_id", "doc_id", "key")
            table = table.unique(["query_id", "doc_id"], keep="first", maintain_order=True)
        table.select(
            pl.col("query_id").alias("query-id"), pl.col("part").alias("corpus-id"), score=1
        ).write_csv(made / "qrels" / f"{split}.tsv", separator="\t")
    return made


def parts(corpus: pl.DataFrame, share: float) -> Iterator[tuple[str, str]]:
    """Documents, those of a drawn share as two halves cut between sentences."""
    draw = uniforms(id_hashes(corpus["doc_id"]), stream_key(0, "directions/cut"))
    for (name, text), number in zip(corpus.iter_rows(), draw, strict=True):
        sentences = SENTENCE.split(text)
        if number >= share or len(sentences) < 2:
            yield name, text
            continue
        middle, before = len(text) / 2, 0
        for place, sentence in enumerate(sentences[:-1], 1):
            before += len(sentence) + 1
            if before >= middle or place == len(sentences) - 1:
                yield f"{name}#0", " ".join(sentences[:place])
                yield f"{name}#1", " ".join(sentences[place:])
                break


# ---- the ways ------------------------------------------------------------------------------------


def recipe(way: str) -> Recipe:
    """One of `WAYS`, with the settings that all have."""
    base, changes = WAYS[way]
    kept = {change.partition("=")[0] for change in changes}
    settings = [*SETTINGS, *(() if "train.negatives" in kept else ("train.negatives=3",))]
    plain = replace(load_recipe(base), name=re.sub(r"\W+", "-", way), train=None, round=())
    whole = replace(load_recipe(base), name=plain.name, round=())
    started = (
        whole if any(name.startswith(("train.refresh", "train.frozen")) for name in kept) else plain
    )
    outside = [text for text in changes if text.startswith(("find", "pick", "relabel"))]
    learned = [text for text in changes if text not in outside]
    return completed(override(started, outside), "static", "", [*settings, *learned])


def trained(way: str, share: float, both: Collection, dev: Collection) -> list[pl.DataFrame]:
    """Values of each question, a table a seed; what is done is kept."""
    out, made, frames = WORK / f"{share:g}" / recipe(way).name, recipe(way), []
    for seed in range(SEEDS):
        table = out / f"seed-{seed}.parquet"
        if not table.is_file():
            run = mined_run(both, out / "run", made, "static", Machine(threads=2), silent)
            model = out / f"model-{seed}"
            train(
                run,
                model,
                model="static",
                recipe=made,
                look=False,
                seed=seed,
                threads=2,
                emit=silent,
            )
            found = evaluate(str(model), dev, metrics=(METRIC,), threads=2)
            found.per_query.write_parquet(table)
        frames.append(pl.read_parquet(table))
    return frames


# ---- the page ------------------------------------------------------------------------------------


def tested(frames: Mapping[str, Sequence[pl.DataFrame]]) -> list[list[str]]:
    """A claim a row, as the page has it."""
    tests = [paired(frames[each.better], frames[each.worse], METRIC) for each in CLAIMS]
    corrected = holm([test.test.p for test in tests])
    rows = []
    for claim, test, p in zip(CLAIMS, tests, corrected, strict=True):
        span = test.difference
        found = "not seen" if p >= SURE else "confirmed" if span.value > 0 else "contradicted"
        means = [f"{way} {mean(frames[way]):.4f}" for way in (claim.better, claim.worse)]
        between = f"{span.low:+.4f} to {span.high:+.4f}"
        rows.append([claim.says, claim.source, *means, f"{span.value:+.4f}", between, f"{p:.4f}",
                     found])  # fmt: skip
    return rows


def section(share: str, kept: Mapping[str, Any]) -> Iterator[str]:
    """The table of a share."""
    yield f"## {float(share):.0%} of the answers have an unlabelled half"
    yield f"\n{kept['seeds']} seeds.\n"
    yield "| claim | source | better by claim | than | difference | 95% interval | p | found |"
    yield "|---|---|---:|---:|---:|---|---:|---|"
    for row in kept["rows"]:
        yield f"| {' | '.join(row)} |"
    yield ""


def mean(frames: Sequence[pl.DataFrame]) -> float:
    """Over questions and seeds."""
    return sum(float(frame[METRIC].mean()) for frame in frames) / len(frames)  # type: ignore[arg-type, misc]


def main() -> None:
    """Train each way at each share that is named, and write the page of all that are kept."""
    kept = msgspec.json.decode(KEPT.read_bytes()) if KEPT.is_file() else {}
    for share in SHARES:
        both, dev = (neg.Collection.load(f"{data(share)}@{split}") for split in ("train", "dev"))
        frames = {way: trained(way, share, both, dev) for way in WAYS}
        kept[f"{share:g}"] = {"seeds": SEEDS, "rows": tested(frames)}
        kept = {name: kept[name] for name in sorted(kept, key=float)}
        KEPT.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")
    lines = [line for share, found in kept.items() for line in section(share, found)]
    write_page("directions", "Directions that papers report", __doc__, lines)


if __name__ == "__main__":
    main()
