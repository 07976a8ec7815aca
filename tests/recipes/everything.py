"""What any shipped recipe needs, small: data with grades and titles, and models of random weights.

What a recipe needs is read off its settings, so that one that comes to the package is tried, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from negatives.read import load
from negatives.recipe import LISTS, SINGLE, Recipe
from negatives.stage import Stage
from tests.learn.small import save_static
from tests.models.tiny_lm import save_llama
from tests.models.tiny_reranker import save_cross_encoder

QUERIES, DOCS = 24, 80
FEW = {"steps": 5, "batch_size": 6, "max_length": 32, "checkpoint": 5}
"""Five steps of batches that leave something to arrange of so few queries."""
RERANKER, CAUSAL, GUIDE = "cross-encoder/", "HuggingFaceTB/", "sentence-transformers/"
"""How the names of models begin that recipes name."""
ADDRESSES = ("http://", "https://")
"""How the addresses begin at which recipes ask a language model."""

BESIDE = ("rudder", "flap", "nozzle", "spoiler")
"""Things of which queries name one, so that another can be excluded."""
FIELDS = ("text", "title", "time")
"""Columns of the small data."""
CHEAP = {"most": 4, "longest": 16, "trials": 2, "top": 2}
"""Settings of what asks a language model: of four queries, in a few words, of two candidates."""


@dataclass(frozen=True)
class Everything:
    """A BEIR folder, and models by the beginnings of the names that they stand for."""

    data: Path
    models: dict[str, str]
    encoder: str
    responses: Path
    learner: str
    """A language model to be trained, of other weights than those that recipes name."""

    @classmethod
    def saved(cls, folder: Path) -> Everything:
        """All of it, written into a folder."""
        data = _save_data(folder / "data")
        texts = load(data).corpus["text"].to_list()
        encoder = str(save_static(folder / "static", texts))
        models = {
            RERANKER: save_cross_encoder(folder / "reranker", scale=3.0),
            CAUSAL: save_llama(folder / "language-model"),
            GUIDE: encoder,
        }
        learner = save_llama(folder / "learner", seed=1)
        return cls(data, models, encoder, _save_responses(folder / "responses.jsonl"), learner)

    def changes(self, recipe: Recipe, address: str = "") -> list[str]:
        """Settings that put the small models in the place of those that a recipe names.

        `address` takes the place of every one at which a language model is to be asked.
        """
        made = []
        for path, value in settings_of(recipe):
            begins = next((name for name in self.models if value.startswith(name)), None)
            asked = value.startswith(ADDRESSES)
            if begins is not None:
                made.append(f"{path}={self.models[begins]}")
            stage, at = _stage_of(recipe, path)
            if asked:
                several = isinstance(getattr(stage, path.rpartition(".")[2]), list | tuple)
                made.append(f"{path}={json.dumps([address, address + '-2'])}" if several
                            else f"{path}={address}")  # fmt: skip
            if begins == CAUSAL or asked:
                cheap = [name for name in CHEAP if name in stage.__struct_fields__]
                made += [f"{at}.{name}={CHEAP[name]}" for name in cheap]
        return list(dict.fromkeys(made))


def asks_a_server(recipe: Recipe) -> bool:
    """Whether it needs a language model behind an address, read off its settings."""
    return any(value.startswith(ADDRESSES) for _, value in settings_of(recipe))


def further_fields(recipe: Recipe) -> set[str]:
    """Columns of documents and queries that it needs and the small data have not."""
    return _fields(stage for _, several in _stages(recipe) for _, stage in several)


def mining_fields(recipe: Recipe) -> set[str]:
    """Those of them that mining needs."""
    return _fields((*recipe.find, *recipe.make, *recipe.judge))


def _fields(needing: Iterable[Stage]) -> set[str]:
    stages = list(needing)
    asked = {name for stage in stages for name in (*stage.needs.docs, *stage.needs.queries)}
    return asked - {*FIELDS}


def settings_of(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Path and value of every setting of a recipe that is a text, those in lists one by one."""
    for section, stages in _stages(recipe):
        for place, stage in stages:
            for name in stage.__struct_fields__:
                value: Any = getattr(stage, name)
                for text in value if isinstance(value, list | tuple) else [value]:
                    if isinstance(text, str):
                        yield f"{section}{place}.{name}", text


def _stage_of(recipe: Recipe, path: str) -> tuple[Stage, str]:
    """The stage that a setting is of, and its own path."""
    at = path.rpartition(".")[0]
    named = {
        f"{section}{place}": stage for section, all_ in _stages(recipe) for place, stage in all_
    }
    return named[at], at


def _stages(recipe: Recipe) -> Iterator[tuple[str, list[tuple[str, Stage]]]]:
    for section in LISTS:
        several: tuple[Stage, ...] = getattr(recipe, section)
        yield section, [(f".{place}", stage) for place, stage in enumerate(several)]
    for section in SINGLE:
        stage: Stage | None = getattr(recipe, section)
        yield section, [] if stage is None else [("", stage)]


def _save_responses(path: Path) -> Path:
    """Prompts with two right and two wrong responses each."""
    rows = [
        {"prompt": f"{a} and one?", "response": f"{said} {a + 1 + off}", "label": off == 0}
        for a in range(4)
        for said in ("it is", "that makes")
        for off in (0, 1)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def _save_data(folder: Path) -> Path:
    """Queries of the sample with one positive each, of two grades; titles and times."""
    whole = load("cranfield")
    rows = whole.judged.filter(pl.col("relevance") > 0).sort("query", "relevance", "doc")
    kept = rows.unique("query", keep="first", maintain_order=True)
    kept = kept.filter(~pl.col("doc").is_in(whole.empty_docs.tolist())).head(QUERIES)
    docs = sorted({*kept["doc"].to_list(), *range(DOCS)} - {*whole.empty_docs.tolist()})
    (folder / "qrels").mkdir(parents=True)
    with (folder / "corpus.jsonl").open("w") as file:
        for doc in whole.corpus[docs].iter_rows(named=True):
            title, _, text = doc["text"].partition(" . ")
            row = {"_id": doc["doc_id"], "title": title[:80], "text": text or title}
            row |= {"time": 1950}
            file.write(json.dumps(row) + "\n")
    with (folder / "queries.jsonl").open("w") as file:
        for n, row in enumerate(whole.queries[kept["query"].to_list()].iter_rows(named=True)):
            asked = f"{row['text'].rstrip(' .')}, of a wing and a {BESIDE[n % len(BESIDE)]}."
            made = {"_id": row["query_id"], "text": asked, "time": 1960}
            file.write(json.dumps(made) + "\n")
    kept.select(
        whole.queries["query_id"].gather(kept["query"]).alias("query-id"),
        whole.corpus["doc_id"].gather(kept["doc"]).alias("corpus-id"),
        (pl.int_range(pl.len()) % 2 + 1).alias("score"),
    ).write_csv(folder / "qrels" / "train.tsv", separator="\t")
    return folder
