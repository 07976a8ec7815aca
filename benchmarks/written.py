"""Negatives that a language model writes, beside mined ones, as training data.

Sinha 2025, "Don't Retrieve, Generate", has a model write a hard negative of each query: in the
first version of the paper from the query alone, and such negatives are found as good as mined
ones; in the third from the query and its positive, and they are found worse. Both are asked here
of a real model through a real HTTP server on this machine: the one whose GGUF file
NEGATIVES_BENCH_GGUF names, or the smallest there is. A few hundred training queries are drawn by
their ids; those for which the model has written a text in both versions are trained with, so that
every arm has the same queries and positives and only the negatives differ. What was written is
taken as it is, as in the paper.

`mined` is the default recipe's first negative, `two mined` its first two; `written` is one text
of the model, by what it was shown; `mined and written` has one of each, to be held against two
mined. All start from the built-in table and train for the same steps. nDCG@10 is the mean over
the queries of a split that nobody trained with, and over seeds, with the whole corpus searched;
differences are tested by paired randomisation over queries, p corrected for the number of arms
(Holm). NEGATIVES_BENCH_SEEDS says how often each arm is trained; what is done is kept.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import polars as pl
from tests.models.small_model import serving_model

import negatives as neg
from benchmarks.data import CACHE, load
from benchmarks.figures import package
from benchmarks.page import write_page
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.learn.compare import compare
from negatives.measure.significance import compare as paired
from negatives.measure.significance import holm
from negatives.recipe import load_recipe
from negatives.schema import Collection

GIVEN = Path(os.environ.get("NEGATIVES_BENCH_GGUF", ""))
FILE = GIVEN if GIVEN.suffix == ".gguf" else None
WRITER = FILE.stem if FILE else "SmolLM2-135M"
SEEDS = int(os.environ.get("NEGATIVES_BENCH_SEEDS", "3"))
QUERIES = int(os.environ.get("NEGATIVES_BENCH_QUERIES", "150"))
WORK = CACHE / "written" / WRITER
SPLITS = {"medquad": ("train", "dev"), "scale_wordnet": ("train", "test")}
METRIC = "nDCG@10"
FIRST = "mined"
RECIPE = "dont-retrieve-generate"
Version = Literal["query", "query+positive"]
VERSIONS: dict[Version, str] = {
    "query": "written, from the query",
    "query+positive": "written, from query and positive",
}
SETTINGS = ("train.steps=60", "train.batch_size=32", "train.negatives=2", "train.checkpoint=400")
PORT = 44468
"""Where the model is served, so that its replies are found again."""
SHOWN = 4
"""Texts of each version on the page."""


@dataclass(frozen=True)
class Texts:
    """What was written: query id -> text, by version; and how many queries it was asked for."""

    by_version: dict[Version, dict[str, str]]
    asked: int

    @property
    def queries(self) -> list[str]:
        """Those with a text of every version."""
        return sorted(set.intersection(*map(set, self.by_version.values())))


def drawn(name: str) -> Collection:
    """The collection with as many of its training queries as are asked about."""
    data = load(f"{name}@{SPLITS[name][0]}")
    asked = data.qrels.filter(pl.col("relevance") > 0)["query_id"].unique().sort()
    draw = uniforms(id_hashes(asked), stream_key(0, "written/queries"))
    kept = pl.DataFrame({"id": asked, "draw": draw}).sort("draw").head(QUERIES)["id"]
    return replace(data, qrels=data.qrels.filter(pl.col("query_id").is_in(kept.implode())))


def texts(name: str, data: Collection) -> Texts:
    """What the model writes, one text a query and version."""
    found = {}
    for given in VERSIONS:
        out = WORK / name / f"run-{given}"
        kept = CACHE / "written" / "replies"
        os.environ["NEGATIVES_CACHE"] = str(kept)
        with serving_model(1024, port=PORT, file=FILE, slots=2) as model:
            writer = neg.WrittenNegatives(
                model=model, given=given, characters=400, tokens=160, unknown=1.0
            )
            recipe = replace(load_recipe("bm25"), make=(writer,), name="written")
            run = neg.mine(data, out, recipe=recipe, threads=2)
        made = run.generated.unique("query_id", keep="first", maintain_order=True)
        found[given] = dict(made.select("query_id", "text").rows())
    return Texts(found, QUERIES)


def mined(name: str, data: Collection) -> dict[str, list[str]]:
    """Query id -> the texts of the default recipe's negatives, the hardest first."""
    run = neg.mine(data, WORK / name / "mined", recipe="default", threads=2)
    texts = data.corpus.select("doc_id", "text")
    rows = run.negatives.sort("query_id", "hardness", descending=[False, True])
    rows = rows.join(texts, on="doc_id", how="left", maintain_order="left")
    return dict(rows.group_by("query_id").agg("text").rows())


def arms(name: str, data: Collection, written: Texts) -> list[Path]:
    """A file of mined negatives an arm, the first the one that the others are tested against."""
    found = mined(name, data)
    asked = [query for query in written.queries if len(found.get(query, ())) > 1]
    of = {
        query: {each: made[query] for each, made in written.by_version.items()} for query in asked
    }
    chosen: dict[str, dict[str, list[str]]] = {
        FIRST: {query: found[query][:1] for query in asked},
        "two mined": {query: found[query][:2] for query in asked},
        **{
            label: {query: [of[query][each]] for query in asked} for each, label in VERSIONS.items()
        },
        "mined and written": {query: [found[query][0], of[query]["query"]] for query in asked},
    }
    positives = (
        data.qrels.filter(pl.col("relevance") > 0)
        .unique("query_id", keep="first", maintain_order=True)
        .join(data.queries.select("query_id", query="text"), on="query_id")
        .join(data.corpus.select("doc_id", positive="text"), on="doc_id")
        .sort("query_id")
    )
    folder = WORK / name / "arms"
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for label, negatives in chosen.items():
        rows = positives.filter(pl.col("query_id").is_in(asked)).select(
            "query_id", "query", "positive"
        )
        table = rows.select(
            "query",
            "positive",
            *(
                pl.Series(
                    f"negative_{place + 1}", [negatives[one][place] for one in rows["query_id"]]
                )
                for place in range(len(negatives[asked[0]]))
            ),
        )
        paths.append(folder / f"{label}.jsonl")
        table.write_ndjson(paths[-1])
    return paths


def carry_out(name: str) -> tuple[Texts, dict[str, list[pl.DataFrame]]]:
    """The comparison on one collection, kept: where it was stopped it goes on."""
    data = drawn(name)
    written = texts(name, data)
    judged = load(f"{name}@{SPLITS[name][1]}")
    made = compare(
        data,
        arms(name, data, written),
        WORK / name / "compared",
        on=judged,
        model="static",
        changes=SETTINGS,
        seeds=SEEDS,
        metrics=(METRIC,),
        threads=2,
    )
    return written, made.per_query


# ---- the page ------------------------------------------------------------------------------------


def mean(frames: Sequence[pl.DataFrame]) -> float:
    """Over queries and seeds."""
    return sum(float(frame[METRIC].mean()) for frame in frames) / len(frames)  # type: ignore[arg-type, misc]


def table(frames: Mapping[str, Sequence[pl.DataFrame]]) -> list[str]:
    """An arm a row, the worst first, each tested against one mined negative."""
    means = {
        arm: [float(frame[METRIC].mean()) for frame in each]  # type: ignore[arg-type]
        for arm, each in frames.items()
    }
    tests = {arm: paired(frames[arm], frames[FIRST], METRIC) for arm in frames if arm != FIRST}
    corrected = dict(zip(tests, holm([test.test.p for test in tests.values()]), strict=True))
    lines = [
        f"| negatives | {METRIC} | by seed | against {FIRST} | 95% interval | p |",
        "|---|---:|---|---:|---|---:|",
    ]
    for arm in sorted(means, key=lambda arm: sum(means[arm])):
        seeds = " ".join(f"{value:.3f}" for value in means[arm])
        row = f"| {'in-batch only' if arm == 'none' else arm} "
        row += f"| **{sum(means[arm]) / len(means[arm]):.4f}** | {seeds} "
        if arm in tests:
            span = tests[arm].difference
            row += f"| {span.value:+.4f} | {span.low:+.4f} to {span.high:+.4f} "
            row += f"| {corrected[arm]:.4f} |"
        else:
            row += "| | | |"
        lines.append(row)
    return lines


def figure(name: str, frames: Mapping[str, Sequence[pl.DataFrame]]) -> dict[str, Any]:
    """What the recipe comes to by the first version of the paper, beside one mined negative."""
    test = paired(frames[VERSIONS["query"]], frames[FIRST], METRIC)
    return {
        "stage": name,
        "title": f"Written by {WRITER}, trained on a few queries of {name}",
        "metric": METRIC,
        "model": "static",
        "seeds": SEEDS,
        "value": round(mean(frames[VERSIONS["query"]]), 5),
        "naive": round(mean(frames[FIRST]), 5),
        "beside": "one mined negative",
        "p": round(test.test.p, 5),
    }


def examples(data: Collection, written: Texts) -> list[str]:
    """A few texts to look at."""
    words = dict(data.queries.select("query_id", "text").rows())
    lines = ["", "| query | shown to the model | what it wrote |", "|---|---|---|"]
    for query in written.queries[:SHOWN]:
        for version, made in written.by_version.items():
            asked, told = (
                text.replace("|", "/").replace("\n", " ") for text in (words[query], made[query])
            )
            lines.append(f"| {asked[:120]} | {version} | {told[:240]} |")
    return [*lines, ""]


def main() -> None:
    """Write, compare, and write the page."""
    lines = [f"The model is {WRITER}; {SEEDS} seeds.", ""]
    figures = []
    for name in SPLITS:
        written, frames = carry_out(name)
        usable = ", ".join(
            f"{len(made)} {VERSIONS[each]}" for each, made in written.by_version.items()
        )
        lines += [
            f"## {name}",
            "",
            f"{written.asked} queries asked for; a usable text: {usable}; both: "
            f"{len(written.queries)}. Judged on {len(frames[FIRST][0]):,} queries.",
            "",
            *table(frames),
            *examples(drawn(name), written),
        ]
        figures.append(figure(name, frames))
    package("written", {RECIPE: figures})
    write_page("written", "Written negatives beside mined ones", __doc__, lines)


if __name__ == "__main__":
    main()
