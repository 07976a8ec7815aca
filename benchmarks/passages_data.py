"""Documents cut into passages, one of them labelled: made of MedQuAD and of Debian's packages."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import polars as pl

import negatives as neg
from benchmarks.data import CACHE, folder, load
from benchmarks.learning import some
from negatives.chance import id_hashes, pair_uniforms, stream_key, uniforms
from negatives.schema import Collection

WORK = CACHE / "passages"
MOST = 6
SENTENCE = re.compile(r"(?<=[.!?])\s+")
BETWEEN = "#"  # between the id of a document and the number of its passage


@dataclass(frozen=True)
class Made:
    """What is cut: `long` characters a passage, at most; with the title before it, or without.

    `share` of the documents; `held_out` of those are judged on where the data have no dev split.
    """

    source: str
    long: int
    titled: bool = False
    share: float = 1.0
    held_out: float = 0.0

    def labels(self) -> Mapping[str, pl.DataFrame]:
        """query_id, doc_id of the right documents, to train with and to judge on."""
        if not self.held_out:
            return {split: _right(f"{self.source}@{split}") for split in ("train", "dev")}
        right = _right(f"{self.source}@train").filter(self.kept())
        judged = pl.col("doc_id").map_batches(
            lambda ids: _draw(ids, "judged") < self.held_out, pl.Boolean
        )
        return {"train": right.filter(~judged), "dev": right.filter(judged)}

    def kept(self) -> pl.Expr:
        """Whether a document is one of those that are cut."""
        return pl.col("doc_id").map_batches(lambda ids: _draw(ids, "kept") < self.share, pl.Boolean)


MADE = {
    "titled": Made("medquad", 350, titled=True),
    "bare": Made("medquad", 350),
    "debian": Made("scale_debian", 150, share=1 / 3, held_out=0.1),
}


def passages(text: str, long: int) -> list[str]:
    """`text` cut between sentences into parts of up to `long` characters, the first `MOST`."""
    parts: list[str] = []
    for sentence in SENTENCE.split(text.strip()):
        if parts and len(parts[-1]) + 1 + len(sentence) <= long:
            parts[-1] += f" {sentence}"
        else:
            parts.append(sentence)
    return parts[:MOST]


def answer_of(doc_id: pl.Expr) -> pl.Expr:
    """The document that a passage is a part of."""
    return doc_id.str.split(BETWEEN).list.first()


def data(study: str) -> Path:
    """A BEIR folder: all passages, one labelled passage a document in train, all of them in dev."""
    made, cut = WORK / study / "data", MADE[study]
    whole = folder(cut.source)
    if (made / "qrels" / "dev.tsv").is_file():
        return made
    (made / "qrels").mkdir(parents=True, exist_ok=True)
    shutil.copy(whole / "queries.jsonl", made)
    documents = [msgspec.json.decode(line) for line in (whole / "corpus.jsonl").open("rb")]
    ids = pl.DataFrame({"doc_id": [document["_id"] for document in documents]})
    kept = ids.select(cut.kept()).to_series().to_list()
    rows = [
        {
            "_id": f"{document['_id']}{BETWEEN}{number}",
            "title": document["title"] if cut.titled else "",
            "text": part,
        }
        for document, there in zip(documents, kept, strict=True)
        if there
        for number, part in enumerate(passages(document["text"], cut.long))
    ]
    (made / "corpus.jsonl").write_bytes(msgspec.json.Encoder().encode_lines(rows))
    parts = pl.DataFrame({"part": [row["_id"] for row in rows]})
    parts = parts.with_columns(doc_id=answer_of(pl.col("part")))
    for split, right in cut.labels().items():
        all_parts = right.join(parts, on="doc_id").select("query_id", "doc_id", "part")
        if split == "train":
            all_parts = _one_of_each(all_parts)
        table = all_parts.select(
            pl.col("query_id").alias("query-id"), pl.col("part").alias("corpus-id"), score=1
        ).sort("query-id", "corpus-id")
        table.write_csv(made / "qrels" / f"{split}.tsv", separator="\t")
    return made


def _right(name: str) -> pl.DataFrame:
    return load(name).qrels.filter(pl.col("relevance") > 0)


def _draw(ids: pl.Series, stream: str) -> pl.Series:
    return pl.Series(uniforms(id_hashes(ids), stream_key(0, f"passages/{stream}")))


def _one_of_each(all_parts: pl.DataFrame) -> pl.DataFrame:
    """One passage of each (query, document), drawn by its ids."""
    named = all_parts.select("query_id", doc_id="part")
    drawn = all_parts.with_columns(draw=pl.Series(pair_uniforms(named, 0, "passages/label")))
    return drawn.sort("query_id", "doc_id", "draw").unique(["query_id", "doc_id"], keep="first")


def few(study: str, trained: int, judged: int, beside: int = 500) -> tuple[Collection, Collection]:
    """Some questions to train with and to judge on, drawn by ids; in the corpus every passage of
    each document that one of them asks for, or of so many others.
    """
    made = data(study)
    train = some(neg.Collection.load(f"{made}@train"), trained)
    dev = some(neg.Collection.load(f"{made}@dev"), judged)
    answers = train.corpus.select(answer_of(pl.col("doc_id"))).to_series()
    asked = pl.concat([train.qrels["doc_id"], dev.qrels["doc_id"]]).to_frame()
    needed = asked.select(answer_of(pl.col("doc_id"))).to_series().unique()
    others = answers.filter(~answers.is_in(needed.implode())).unique().sort()
    draw = uniforms(id_hashes(others), stream_key(0, "benchmark/passages-minilm"))
    kept = pl.DataFrame({"id": others, "draw": draw}).sort("draw").head(beside)["id"]
    there = train.corpus.filter(answers.is_in(pl.concat([needed, kept]).implode()))
    return replace(train, corpus=there), replace(dev, corpus=there)
