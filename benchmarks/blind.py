"""What is known of made pairs without the image, or the query: SugarCrepe, VALSE and our own edits.

Of two texts small models that see nothing else have to say which is the true one; they are fitted
on other pairs of the same sort (see `negatives.measure.audits.blind`). 0.5 tells nothing. Our own
edits are those of `text-edits`, one rule at a time, of captions of COCO: a caption of an image is a
positive of it, and all captions together are the collection whose slots are looked up. *Kept* are
those that the judge `told-blind` does not reject, at its default, and the models are fitted anew on
these; how it works was chosen on 3,000 other images. NEGATIVES_BENCH_IMAGES says of how many
images, drawn by their names.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

import negatives as neg
from benchmarks.data import folder
from benchmarks.page import write_page
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.measure.audits import subject_of
from negatives.measure.audits.blind import told_blind
from negatives.measure.estimate import Estimate
from negatives.recipe import parse
from negatives.schema import PAIR

IMAGES = int(os.environ.get("NEGATIVES_BENCH_IMAGES", "1500"))
RULES = (
    ("swap",),
    ("replace",),
    ("attributes",),
    ("relations",),
    ("opposites",),
    ("negate",),
    ("attributes", "relations", "numbers", "opposites"),
)
SETS = (("sugarcrepe", "negative_caption"), ("valse", "foil"))


def given(name: str, key: str) -> dict[str, Estimate]:
    """By category of a set of pairs, what is told blind."""
    pairs = pl.read_ndjson(folder(name) / "pairs.jsonl", infer_schema_length=None)
    pairs = pairs.with_columns(query_id=pl.int_range(pl.len()).cast(pl.String))
    sides = {
        side: pairs.select(
            "query_id", doc_id=pl.col("query_id") + side, text=column, source="category"
        )
        for side, column in (("true", "caption"), ("false", key))
    }
    corpus = pl.concat(sides.values()).select("doc_id", "text")
    false = sides["false"].select(*PAIR, "source")
    return told_blind(false, corpus, sides["true"].select(PAIR))


def captions() -> neg.Collection:
    """Images, a query each, and all captions; of some images drawn by name the captions are known.

    The text of a query is its image's name: nothing here reads it.
    """
    rows = pl.read_ndjson(folder("coco_captions") / "captions.jsonl", infer_schema_length=None)
    rows = rows.select(query_id="image", text="caption").explode("text")
    rows = rows.with_columns(
        text=pl.col("text").str.strip_chars(),
        doc_id=pl.col("query_id") + pl.int_range(pl.len()).over("query_id").cast(pl.String),
    )
    images = rows["query_id"].unique().sort()
    drawn = uniforms(id_hashes(images), stream_key(0, "blind/images"))
    kept = images.gather(np.sort(np.argsort(drawn)[:IMAGES])).implode()
    known = rows.filter(pl.col("query_id").is_in(kept))
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        (path / "qrels").mkdir()
        rows.select(_id="doc_id", text="text").write_ndjson(path / "corpus.jsonl")
        queries = known.select("query_id").unique(maintain_order=True)
        queries.select(_id="query_id", text="query_id").write_ndjson(path / "queries.jsonl")
        qrels = known.select("query_id", "doc_id", score=pl.lit(1))
        qrels.write_csv(path / "qrels" / "train.tsv", separator="\t")
        return neg.Collection.load(f"{path}@train")


def ours(work: Path) -> Iterator[tuple[str, list[tuple[int, Estimate | None]]]]:
    """By rules: of all edits, and of those that are kept, how many there are, and what is told."""
    data = captions()
    for number, rules in enumerate(RULES):
        recipe = parse(
            f'name = "edits"\n[[find]]\nkind = "given"\n[[make]]\nkind = "text-edits"\n'
            f'rules = {json.dumps(rules)}\n[[judge]]\nkind = "told-blind"\n'
            '[pick]\nkind = "top"\nper_query = 1\n'
        )
        run = neg.mine(data, work / str(number), recipe=recipe)
        corpus = subject_of(run).collection.corpus
        positives = data.qrels.filter(pl.col("relevance") > 0).select(PAIR)
        made = run.generated.select(*PAIR, source="generator")
        ledger = run.candidates().filter(pl.col("verdict") == "eligible").select(PAIR).collect()
        found = []
        for pairs in (made, made.join(ledger, on=PAIR, how="semi")):
            told = told_blind(pairs, corpus, positives)
            found.append((len(pairs), next(iter(told.values()), None)))
        yield ", ".join(rules), found


def cells(found: Estimate | None) -> str:
    """What is told, and most by which of the models."""
    if found is None:
        return "too few to tell | "
    low, high = found.low or 0.0, found.high or 0.0
    return f"{found.value:.2f} ({low:.2f} to {high:.2f}) | {found.details['by']}"


def main() -> None:
    """Measure, and write the page."""
    lines: list[str] = []
    for name, key in SETS:
        lines += [
            f"## {name}",
            "",
            "| category | pairs | known blind | most by |",
            "|---|---:|---|---|",
        ]
        for category, found in sorted(given(name, key).items()):
            print(name, category, found.value, file=sys.stderr, flush=True)
            lines.append(f"| {category} | {found.details['queries']:,} | {cells(found)} |")
        lines.append("")
    lines += [f"## text-edits, {IMAGES:,} images of COCO", ""]
    lines += ["| rules | edits | known blind | most by | kept | known blind | most by |"]
    lines += ["|---|---:|---|---|---:|---|---|"]
    with tempfile.TemporaryDirectory() as work:
        for rules, both in ours(Path(work)):
            print(rules, both, file=sys.stderr, flush=True)
            told = (f"{count:,} | {cells(each)}" for count, each in both)
            lines.append(f"| {rules} | {' | '.join(told)} |")
    write_page("blind", "Known without looking", __doc__, lines)


if __name__ == "__main__":
    main()
