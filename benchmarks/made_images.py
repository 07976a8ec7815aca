"""Negatives that are made for images and captions: how many, whether they give themselves away, and
what they are worth.

*Captions of COCO*, without the images: one caption of an image asks, its others are right. 800
images, none of them in the sets that are tested. A small text tower, begun from the built-in word
vectors, learns the same number of steps by each recipe; *in the batch alone* is the recipe `clip`
on the same pairs. Tested is whether an image's captions are more like the true than the wrong
caption of it in SugarCrepe and VALSE, of the images of which COCO's captions are here, and, of new
images, whether a query that excludes a thing is more like a right caption than like what is like
the query and has the thing. *Told blind* is how often models that see no query tell made from true
(0.5: never). *Figures*: drawings of geometry in families that differ in one fact, two small towers
(images 32 pixels wide); of a test figure its description against a wrong one of its family, and the
other way round. *Digits* of scikit-learn, 8 pixels wide, for the functions of `learn.vision`.
NEGATIVES_BENCH_SEEDS says how many seeds (3), NEGATIVES_BENCH_STEPS how many steps of the text
tower (40; half as many again of two towers). Nothing was chosen by these figures. What is measured
is kept in .cache/benchmarks/made-images, and not measured again.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from statistics import mean
from typing import Any, Final

import numpy as np
import polars as pl
import torch

import negatives as neg
from benchmarks.data import CACHE, folder
from benchmarks.figures import package
from benchmarks.made_digits import DIGITS
from benchmarks.page import write_page
from negatives.arrays import Floats
from negatives.events import silent
from negatives.learn.request import completed
from negatives.learn.train import train
from negatives.make.exclusions import things
from negatives.make.figures import Figures
from negatives.measure.audits import subject_of
from negatives.measure.audits.blind import by_source, told_blind
from negatives.models.open_encoder import open_encoder
from negatives.recipe import load_recipe
from negatives.schema import PAIR
from negatives.store.atomic import write_json
from negatives.text.slots import Tokens

SEEDS: Final = int(os.environ.get("NEGATIVES_BENCH_SEEDS", "3"))
STEPS: Final = int(os.environ.get("NEGATIVES_BENCH_STEPS", "40"))
IMAGES: Final = 800
WORK: Final = CACHE / "made-images"
TEXT_ARMS: Final = ("clip", "negclip", "lrv-negative-instructions", "superedit", "nein")
FIGURE_ARMS: Final = ("clip", "mmgeolm", "tris", "generative-negative-mining")
SETS: Final = (("sugarcrepe", "negative_caption"), ("valse", "foil"))


def number_of(name: str) -> int:
    """The number of an image of COCO in the name of its file; -1: it is none of COCO."""
    found = re.search(r"(\d{12})\.jpg", name)
    return int(found[1]) if found else -1


@cache
def said() -> dict[int, list[str]]:
    """Captions of each image of COCO by its number."""
    rows = pl.read_ndjson(folder("coco_captions") / "captions.jsonl", infer_schema_length=None)
    return {
        number_of(row["image"]): [each.strip() for each in row["caption"]]
        for row in rows.iter_rows(named=True)
    }


@cache
def foils() -> pl.DataFrame:
    """set, category, image, caption, wrong: pairs of images whose captions are known here."""
    parts = []
    for name, wrong in SETS:
        pairs = pl.read_ndjson(folder(name) / "pairs.jsonl", infer_schema_length=None)
        file = "coco_val2017_file" if name == "sugarcrepe" else "image_file"
        image = pl.Series("image", [number_of(each) for each in pairs[file]])
        parts.append(
            pairs.select(pl.lit(name).alias("set"), "category", "caption", wrong=wrong)
            .with_columns(image)
            .filter(pl.col("image").is_in(list(said())))
        )
    return pl.concat(parts)


def texts(images: list[int], name: str) -> Path:
    """A BEIR folder: of each image a caption that asks, and the others, which are right."""
    made = WORK / name
    if not made.is_dir():
        (made / "qrels").mkdir(parents=True)
        rows = [(str(image), at, text) for image in images for at, text in enumerate(said()[image])]
        docs = [{"_id": f"{image}-{at}", "text": text} for image, at, text in rows if at]
        asked = [{"_id": image, "text": text} for image, at, text in rows if not at]
        for table, lines in (("corpus", docs), ("queries", asked)):
            text = "".join(json.dumps(each) + "\n" for each in lines)
            (made / f"{table}.jsonl").write_text(text, "utf-8")
        qrels = [f"{image}\t{image}-{at}\t1\n" for image, at, _ in rows if at]
        (made / "qrels" / "train.tsv").write_text(
            "query-id\tcorpus-id\tscore\n" + "".join(qrels), "utf-8"
        )
    return made


def parted() -> tuple[list[int], list[int]]:
    """Images that are learned from, and others; neither is tested in the sets of foils."""
    free = sorted({*said()} - {*foils()["image"]})
    order = np.random.default_rng(0).permutation(len(free))
    return [free[at] for at in order[:IMAGES]], [free[at] for at in order[IMAGES : IMAGES + 1000]]


Encode = Callable[[list[str]], Floats]


def encoding(model: Any) -> Encode:
    """Vectors of length 1 of texts, or of paths, by an encoder."""

    def encode(items: list[str]) -> Floats:
        found = np.asarray(model.encode(items).vectors, np.float32)
        made: Floats = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)
        return made

    return encode


def told_foils(encode: Encode) -> dict[str, float]:
    """By set and category: how often an image's other captions are more like the true one."""
    pairs = foils()
    true, wrong = (encode(pairs[name].to_list()) for name in ("caption", "wrong"))
    anchors = []
    for image, caption in pairs.select("image", "caption").rows():
        others = [each for each in said()[image] if each != caption.strip()]
        anchors.append(others)
    flat = encode([text for each in anchors for text in each])
    ends = np.cumsum([len(each) for each in anchors])[:-1]
    middle = np.stack([each.mean(0) for each in np.split(flat, ends)])
    right = (((true - wrong) * middle).sum(1) > 0).astype(float)
    rows = pairs.select("set", "category").with_columns(right=pl.Series(right))
    by = rows.group_by("set", "category").agg(pl.col("right").mean())
    found = {f"{name} {category}": share for name, category, share in by.rows()}
    whole = rows.group_by("set").agg(pl.col("right").mean())
    return found | dict(whole.rows())


@cache
def excluding() -> tuple[list[str], list[str], list[str]]:
    """Queries that exclude a thing, a right caption of each, and one like it that has the thing."""
    data = neg.Collection.load(f"{texts(parted()[1], 'new')}@train")
    made = data.made(neg.Exclusions(), seed=7)
    encode = encoding(open_encoder("static"))
    corpus = made.corpus["text"].to_list()
    tokens = Tokens.of(pl.Series(corpus))
    at = np.flatnonzero(things(tokens))
    having = pl.DataFrame({
        "doc": tokens.text[at], "thing": [tokens.spelled[each] for each in tokens.word[at].tolist()]
    })  # fmt: skip
    by_thing = {name: part["doc"].to_numpy() for (name,), part in having.group_by("thing")}
    vectors = encode(corpus)
    triples = []
    pairs = made.qrels.join(made.queries.select("query_id", "text"), on="query_id")
    row = {name: at for at, name in enumerate(made.corpus["doc_id"].to_list())}
    one_each = pairs.with_columns(image=pl.col("doc_id").str.split("-").list.first())
    for text, doc, image in (
        one_each.unique("image", keep="first", maintain_order=True)
        .select("text", "doc_id", "image")
        .rows()
    ):
        asked, _, thing = text.rpartition(", but no ")
        others = [
            at
            for at in by_thing.get(thing, np.empty(0, np.int64)).tolist()
            if not made.corpus["doc_id"][at].startswith(image + "-")
        ]
        if others:
            near = others[int(np.argmax(vectors[others] @ encode([asked])[0]))]
            triples.append((text, corpus[row[doc]], corpus[near]))
    asked_, right, wrong = (list(each) for each in zip(*triples, strict=True))
    return asked_, right, wrong


def told_excluded(encode: Encode) -> float:
    """How often a query that excludes a thing is more like the right caption."""
    asked, right, wrong = (encode(each) for each in excluding())
    nearer = ((right - wrong) * asked).sum(1) > 0
    return float(nearer.mean())


def text_arm(name: str, seed: int) -> dict[str, float]:
    """One training on captions, and what the model tells apart."""
    data = texts(parted()[0], "texts")
    out = WORK / f"text-{name}-{seed}"
    changes = [f"train.steps={STEPS}", "train.batch_size=64"]
    if name != "superedit":  # its margin is of similarities as they are
        changes.append("learn.temperature=0.07")
    recipe = completed(load_recipe(name), "static", "towers", changes)
    began = time.process_time()
    model = train(
        f"{data}@train", out, recipe=recipe, encoder="static", look=False, seed=seed, threads=1,
        emit=silent,
    ).path  # fmt: skip
    spent = time.process_time() - began
    encode = encoding(open_encoder(str(model)))
    return told_foils(encode) | {"excluded": told_excluded(encode), "seconds": spent}


def untrained() -> dict[str, float]:
    """What the built-in word vectors tell apart."""
    encode = encoding(open_encoder("static"))
    return told_foils(encode) | {"excluded": told_excluded(encode)}


def made_of(name: str) -> dict[str, float]:
    """How many negatives a recipe makes of the captions, and what is told of them blind."""
    data = neg.Collection.load(f"{texts(parted()[0], 'texts')}@train")
    recipe = load_recipe(name)
    if name == "nein":
        data = data.made(neg.Exclusions())
        recipe = replace(recipe, make=())
    run = neg.mine(data, WORK / f"mined-{name}", recipe=recipe, encoder="static", emit=silent)
    subject = subject_of(run)
    positives = subject.collection.qrels.filter(pl.col("relevance") > 0).select(PAIR)
    found = told_blind(by_source(subject), subject.collection.corpus, positives)
    told = {
        f"blind {source}": each.value for source, each in found.items() if each.value is not None
    }
    rows = run.negatives
    return {
        "queries": len(run.collection.mined_queries),
        "with": rows["query_id"].n_unique(),
        "negatives": len(rows),
        **told,
    }


def figure_arm(name: str, seed: int) -> dict[str, float]:
    """One training on drawings, and which facts the model tells apart."""
    data = WORK / f"figures-{seed}"
    if not data.is_dir():
        Figures(families=240, size=64).write(data, seed=seed)
    changes = [
        f"train.steps={STEPS * 3 // 2}",
        "train.size=32",
        "train.batch_size=32",
        "train.dim=64",
    ]
    if name == "tris":
        lines = [
            {"child": image, "parent": image.split("/")[1].split("-")[0]}
            for row in (data / "train.jsonl").read_text("utf-8").splitlines()
            for image in [json.loads(row)["image"]]
        ]
        edges = WORK / f"families-{seed}.csv"
        pl.DataFrame(lines).write_csv(edges)
        changes += [f"find.same-parent.edges={edges.absolute()}", "train.negatives=2"]
    out = WORK / f"figure-{name}-{seed}"
    began = time.process_time()
    recipe = completed(load_recipe(name), "static", "towers", changes)
    model = train(
        f"{data}@train", out, recipe=recipe, look=False, seed=seed, threads=1, emit=silent
    ).path
    spent = time.process_time() - began
    return told_figures(open_encoder(str(model)), data) | {"seconds": spent}


def told_figures(model: Any, data: Path) -> dict[str, float]:
    """By rule: how often a figure, and how often its description, is more like its own."""
    rows = [json.loads(line) for line in (data / "test.jsonl").read_text("utf-8").splitlines()]
    image = encoding(model.contents["image"])([str(data / row["image"]) for row in rows])
    text = encoding(model.contents["text"])([row["caption"] for row in rows])
    family = [row["image"].split("-")[0] for row in rows]
    found: dict[str, list[float]] = {}
    for at, row in enumerate(rows):
        if row["rule"] == "right":
            continue
        right = family.index(family[at])
        by_image = float(image[right] @ text[right] > image[right] @ text[at])
        by_text = float(image[right] @ text[right] > image[at] @ text[right])
        for key, value in ((row["rule"], by_image), (row["rule"], by_text), ("all", by_image),
                           ("all", by_text)):  # fmt: skip
            found.setdefault(key, []).append(value)
    return {key: mean(values) for key, values in found.items()}


def once(name: str, measure: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """What was measured before under that name, or what is measured now, with its seconds."""
    path = WORK / "told" / f"{name}.json"
    if not path.is_file():
        began = time.process_time()
        found = dict(measure())
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {"spent": time.process_time() - began, "found": found})
    told = json.loads(path.read_text("utf-8"))["found"]
    print(name, told, flush=True)
    return dict(told)


def average(rows: list[dict[str, Any]], key: str, *, spread: bool = True) -> str:
    """The mean of a figure, and its smallest and largest."""
    values = [float(row[key]) for row in rows]
    more = f" ({min(values):.2f} to {max(values):.2f})" if spread and len(values) > 1 else ""
    return f"{mean(values):.3f}{more}"


def text_lines(found: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    """What is told apart, by set and category, as columns of arms."""
    yield "## captions"
    yield ""
    counts = {f"{name} {each}": count for name, each, count in
              foils().group_by("set", "category").len().sort("set", "category").rows()}  # fmt: skip
    whole = dict(foils().group_by("set").len().sort("set").rows())
    yield f"| told apart | pairs | {' | '.join(_arm(name) for name in found)} |"
    yield f"|---|---:|{'---|' * len(found)}"
    for key, count in [*whole.items(), *counts.items(), ("excluded", len(excluding()[0]))]:
        few = key in counts
        cells = (average(rows, key, spread=not few) for rows in found.values())
        yield f"| {key} | {count:,} | {' | '.join(cells)} |"
    yield ""


def _arm(name: str) -> str:
    return {"clip": "in the batch alone", "static": "not trained"}.get(name, name)


def made_lines(made: dict[str, dict[str, Any]]) -> Iterator[str]:
    """How many negatives of which recipe, and what is told blind."""
    yield "## how many"
    yield ""
    yield "| recipe | queries | with a negative | negatives | told blind |"
    yield "|---|---:|---:|---:|---|"
    for name, each in made.items():
        blind = ", ".join(
            f"{key.removeprefix('blind ')} {value:.2f}"
            for key, value in each.items()
            if key.startswith("blind")
        )
        counts = " | ".join(f"{each[key]:,}" for key in ("queries", "with", "negatives"))
        yield f"| {name} | {counts} | {blind or 'too few'} |"
    yield ""


def figure_lines(found: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    """Facts that are told apart, as columns of rules."""
    rules = ("all", "shape", "labels", "number")
    yield "## figures"
    yield ""
    yield f"| recipe | {' | '.join(rules)} |"
    yield f"|---|{'---|' * len(rules)}"
    for name, rows in found.items():
        yield f"| {_arm(name)} | {' | '.join(average(rows, rule) for rule in rules)} |"
    yield ""


def packaged(
    texts_: dict[str, list[dict[str, Any]]], drawn: dict[str, list[dict[str, Any]]]
) -> dict[str, list[dict[str, Any]]]:
    """The figure of each recipe that is measured here, beside the pairs of the batch alone."""

    def value(rows: list[dict[str, Any]], key: str) -> float:
        return round(mean(float(row[key]) for row in rows), 4)

    def figure(rows: Any, plain: Any, stage: str, title: str, key: str) -> list[dict[str, Any]]:
        return [{
            "stage": stage, "title": title, "metric": "accuracy", "model": "small towers",
            "seeds": SEEDS, "value": value(rows, key), "naive": value(plain, key),
            "beside": "in the batch alone",
        }]  # fmt: skip

    made = {}
    for name in TEXT_ARMS[1:]:
        key = "excluded" if name == "nein" else "sugarcrepe"
        title = "A thing is excluded" if name == "nein" else "SugarCrepe by captions of its images"
        made[name] = figure(texts_[name], texts_["clip"], "captions", title, key)
    for name in FIGURE_ARMS[1:]:
        made[name] = figure(
            drawn[name], drawn["clip"], "figures", "Figures that differ in one fact", "all"
        )
    return made


def main() -> None:
    """Measure, and write the page."""
    torch.set_num_threads(1)
    made = {name: once(f"made-{name}", partial(made_of, name)) for name in TEXT_ARMS[1:]}
    texts_ = {"static": [once("text-static", untrained)]}
    for name in TEXT_ARMS:
        texts_[name] = [once(f"text-{name}-{seed}", partial(text_arm, name, seed))
                        for seed in range(SEEDS)]  # fmt: skip
    drawn = {
        name: [
            once(f"figure-{name}-{seed}", partial(figure_arm, name, seed)) for seed in range(SEEDS)
        ]
        for name in FIGURE_ARMS
    }
    lines = [*text_lines(texts_), *made_lines(made), *figure_lines(drawn)]
    lines += ["## digits", ""]
    for title, measure in DIGITS.items():
        rows = [once(f"digits-{title}-{seed}", partial(measure, seed)) for seed in range(SEEDS)]
        lines += [f"### {title}", "", " ".join((measure.__doc__ or "").split()), ""]
        lines += ["| | |", "|---|---|"]
        lines += [f"| {key} | {average(rows, key)} |" for key in rows[0]]
        lines.append("")
    spent = sum(json.loads(path.read_text())["spent"] for path in (WORK / "told").glob("*.json"))
    lines.append(f"{spent:,.0f} seconds of one core in all.")
    package("made-images", packaged(texts_, drawn))
    write_page("made-images", "Negatives made for images and captions", __doc__, lines)


if __name__ == "__main__":
    main()
