"""adapt(): from documents alone to a better model, and what is known of how much better it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final, cast

import polars as pl

from negatives.adaptation.questions import RealQuestions, able_to_write, unseen
from negatives.adaptation.steps import (
    METRICS,
    MODEL,
    PAGE,
    PASSAGES,
    Steps,
    adaptation_folder,
    made_split,
)
from negatives.bounded import read_json
from negatives.card import Card, Showing
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.errors import DataError, InputError, NegativesError, RecipeError
from negatives.events import Emit, silent
from negatives.faults import blames_input
from negatives.find.dense import Dense
from negatives.learn.arms import Arm, negatives_of
from negatives.learn.base_models import weights_of
from negatives.learn.request import completed
from negatives.learn.settings import Training
from negatives.learn.train import Trained, open_base
from negatives.listening import shown, watched
from negatives.machine import Machine
from negatives.measure.estimate import rounded
from negatives.measure.significance import compare
from negatives.models.chat import Chat
from negatives.models.sort import refuse_not_dense
from negatives.opening import Context, Foreseen
from negatives.optional import require
from negatives.read import known_texts
from negatives.read.documents import write_passages
from negatives.read.documents.cut import Cutting
from negatives.read.documents.decoding import check_encoding
from negatives.read.documents.reading import ACCOUNT as READ
from negatives.read.documents.reading import fingerprint
from negatives.recipe import LEARNING, Recipe, load_recipe
from negatives.recipe_changes import adjusted, refuse_contradiction
from negatives.run.inputs import collection_of
from negatives.run.making_cost import budgeted, making_cost, read_budget
from negatives.schema import Collection
from negatives.secrets import refuse_secrets
from negatives.show.adaptation import adaptation_card, adaptation_page
from negatives.stage import build
from negatives.store.atomic import write_text
from negatives.store.lock import locked
from negatives.store.run import Run
from negatives.store.scratch import scratch_folder

RECIPE: Final = "adapt"
EXAMPLES: Final = 8
"""Queries of each generator that the page shows."""
DEV: Final = 0.1


@dataclass(frozen=True, repr=False)
class Adapted(Showing):
    """What came of it: the folder, and `figures` as plain values; `model` is the model's folder."""

    path: Path

    @cached_property
    def figures(self) -> dict[str, Any]:
        """What was read, made and spent, and what it won."""
        found: dict[str, Any] = adaptation_folder(self.path).read()["figures"]
        return found

    @property
    def model(self) -> Path:
        """The folder of the trained model."""
        return self.path / MODEL

    def __repr__(self) -> str:
        return f"Adapted({str(self.path)!r}: {self.card().title})"

    def card(self) -> Card:
        """What it says to a person."""
        return adaptation_card(self.figures)


@watched
def adapt(
    docs: Any,
    out: str | Path,
    *,
    model: str = "static",
    llm: str = "",
    recipe: Recipe | str | Path = RECIPE,
    queries: str | Path | None = None,
    qrels: str | Path | None = None,
    length: int | None = None,
    encoding: str = "utf-8",
    dev: float = DEV,
    changes: Sequence[str] = (),
    seed: int | None = None,
    budget: int | str | None = None,
    threads: int | None = None,
    memory: str | int = "512MB",
    device: str = "auto",
    emit: Emit = shown,
) -> Adapted:
    """Read documents, write queries, mine negatives, train `model`, and judge it before and after.

    `docs`: a folder of files, a file, or a table of documents (`Collection.from_documents`). The
    queries are written by the recipe's [[make]] stages, or by the language model `llm`
    (URL#NAME). A share `dev` of the documents is kept out of training: the model is judged on
    their queries, and on `queries` with `qrels`, questions of real people that it never saw, where
    there are some. `changes` are `PATH=VALUE` texts for the recipe. `budget`: questions that a
    language model is asked at most, or "200k-tokens". `out` keeps every step, and goes on where it
    was stopped. What it would ask a language model is what `adapting_cost` tells.

    Raises `InputError` for what is wrong, before any work where it can be known.
    """
    machine = Machine.checked(threads, memory, device)
    refuse_secrets(model, llm)
    Cutting() if length is None else Cutting(length)
    check_encoding(encoding)
    if (queries is None) != (qrels is None):
        raise InputError(
            "real questions are two files: the questions, and which documents answer them",
            where="--queries, --qrels",
            fix="give both, or neither",
        )
    if not 0 < dev < 1:
        raise InputError(
            f"dev {dev:g} leaves nothing to judge by, or nothing to train with",
            where="--dev",
            fix="give a share of the documents, such as 0.1",
        )
    chosen = _recipe(recipe, llm, changes, seed, emit)
    if budget is not None:
        read_budget(budget)
    learning = [text for text in changes if _of_learning(text)]
    settings = cast("Training", completed(chosen, model, "", learning).train)
    require("sentence_transformers", extra="train")
    refuse_not_dense(model)
    if not settings.encodes:
        raise RecipeError(
            f"adapt trains a dense encoder, and {settings.kind} trains none",
            where="train.kind",
            fix="leave it out, and train on the run afterwards: negatives train OUT/run --kind "
            f"{settings.kind}",
        )
    real = None
    if queries is not None and qrels is not None:
        real = RealQuestions.read(queries, qrels)
    folder = adaptation_folder(Path(out))
    folder.refuse_foreign()
    inputs = {
        "documents": fingerprint(docs),
        "length": length,
        "encoding": encoding,
        "model": model,
        # A model that does not load is told now, and not when all is mined.
        "weights": weights_of(open_base(settings, model, 0, machine)),
        "recipe": chosen.effective(),
        "changes": learning,
        "dev": dev,
        **({} if budget is None else {"budget": str(budget)}),
    }
    account = folder.begun(inputs)
    with locked(folder.path):
        account = account or {"inputs": inputs, "steps": {}, "evaluated": {}}
        steps = Steps(
            folder=folder,
            account=account | {"status": "running"},
            docs=docs,
            model=model,
            recipe=chosen,
            changes=learning,
            length=length,
            encoding=encoding,
            dev=dev,
            budget=None if budget is None else str(budget),
            machine=machine,
            emit=emit,
        )
        folder.write(steps.account)
        try:
            _carry_out(steps, real)
        except NegativesError as error:
            if not steps.account["steps"] or (steps.nothing_made and blames_input(error)):
                folder.wipe()  # nothing could be read, or written of it: nothing is left
            raise
    return Adapted(folder.path)


@watched
def adapting_cost(
    docs: Any,
    *,
    llm: str = "",
    recipe: Recipe | str | Path = RECIPE,
    length: int | None = None,
    encoding: str = "utf-8",
    changes: Sequence[str] = (),
    seed: int | None = None,
    budget: int | str | None = None,
    threads: int | None = None,
    memory: str | int = "512MB",
    device: str = "auto",
    emit: Emit = shown,
) -> Foreseen:
    """What `adapt` of the same would ask a language model to write queries; nobody is asked.

    What documents it would have written for those queries is not foreseen: there are none yet.
    """
    machine = Machine.checked(threads, memory, device)
    refuse_secrets(llm)
    chosen = _recipe(recipe, llm, changes, seed, emit)
    writers = [each for each in chosen.make if each.generates == "queries"]
    with scratch_folder() as scratch:
        out = scratch / PASSAGES
        write_passages(docs, out, length=length, encoding=encoding, emit=emit)
        passages = known_texts(out)
        able = able_to_write(passages, writers, emit)
        shared = {"seed": chosen.seed, "machine": machine, "emit": emit}
        if budget is not None:
            asking = sum(1 for each in chosen.make if each.calls_each)
            able = budgeted(able, budget, passages, among=asking, **shared)  # type: ignore[arg-type]
        return making_cost(passages, able, **shared)  # type: ignore[arg-type]


def _of_learning(change: str) -> bool:
    return change.partition(".")[0] in LEARNING


def _recipe(
    named: Recipe | str | Path, llm: str, changes: Sequence[str], seed: int | None, emit: Emit
) -> Recipe:
    """The recipe, with a language model as its generator where one is named.

    `RecipeError` where `changes` say of that generator, or of the seed, something else.
    """
    chosen = named if isinstance(named, Recipe) else load_recipe(named)
    if llm:
        Chat(llm, Path())  # an address that is none is told now, and nothing is made
        others = tuple(each for each in chosen.make if each.generates == "documents")
        asked = build("make", {"kind": "queries", "model": llm}, "--llm")
        chosen = replace(chosen, make=(asked, *others))  # type: ignore[arg-type]
    own = [text for text in changes if not _of_learning(text)]
    chosen = adjusted(chosen, own, seed=seed, emit=emit)
    if llm:
        made = chosen.make[0].settings()
        refuse_contradiction("make.0.kind", [made["kind"]], "queries")
        refuse_contradiction("make.queries.model", [made["model"]], llm)
    if not any(each.generates == "queries" for each in chosen.make):
        raise RecipeError(
            f"the recipe {chosen.name!r} writes no queries",
            where="--recipe",
            fix=f"give it a [[make]] section, as `negatives recipes show {RECIPE}` has",
        )
    if not chosen.find:
        raise RecipeError(
            f"the recipe {chosen.name!r} mines no negatives, and adapt trains with some",
            where="--recipe",
            fix=f"write `negatives recipes show {RECIPE}` into a file, keep the [[make]] sections "
            "that you want, and name the file",
        )
    return chosen


def _carry_out(steps: Steps, real: RealQuestions | None) -> None:
    passages = steps.passages()
    # Before the hours of mining and training: what is wrong with the questions is told now.
    asked = real and real.on(passages, steps.emit)
    made = steps.made(passages)
    train_queries, dev = made_split(made, "train"), made_split(made, "dev")
    _refuse_unreadable(steps, train_queries)
    on = {"made": dev}
    if asked:
        on["real"] = unseen(asked, train_queries, steps.emit)
    before = {
        name: steps.evaluated(steps.model, each, f"before-{name}") for name, each in on.items()
    }
    run = steps.run(train_queries)
    trained = steps.trained(run, train_queries, dev)
    after = {
        name: steps.evaluated(str(trained.path), each, f"after-{name}") for name, each in on.items()
    }
    gains = {name: _gain(before[name], after[name]) for name in on}
    steps.account["figures"] = _figures(steps, made, train_queries, dev, run, trained, gains)
    steps.account["status"] = "done"
    write_text(steps.path / PAGE, adaptation_page(steps.account["figures"]))
    steps.folder.write(steps.account)


def _refuse_unreadable(steps: Steps, queries: Collection) -> None:
    """Raise `DataError` where the built-in model cannot read what it would be trained with."""
    with scratch_folder() as scratch:
        context = Context(queries, scratch, machine=steps.machine, emit=silent)
        reason = Dense(encoder=steps.model, optional=True).unfit(context)
    if reason:
        raise DataError(
            reason,
            where=f"--model {steps.model}",
            fix="name a model of sentence-transformers that reads these languages, such as --model "
            "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
        )


def _gain(before: pl.DataFrame, after: pl.DataFrame) -> dict[str, Any]:
    """Each metric before and after, and the test of its difference over queries."""
    return {
        "queries": len(after),
        "metrics": {
            name: {
                "before": rounded(float(before[name].mean())),  # type: ignore[arg-type]
                "after": rounded(float(after[name].mean())),  # type: ignore[arg-type]
                **compare(after, before, name).as_dict(),
            }
            for name in METRICS
        },
    }


def _figures(
    steps: Steps,
    made: Path,
    train_queries: Collection,
    dev: Collection,
    run: Run,
    trained: Trained,
    gains: dict[str, Any],
) -> dict[str, Any]:
    """All that the page tells, as plain values."""
    written = pl.read_ndjson(made / "queries.jsonl").group_by("generator").len().sort("generator")
    told = {
        key: trained.account[key] for key in ("examples", "steps", "device", "best", "best_step")
    }
    return {
        "name": steps.name,
        "documents": read_json(steps.path / PASSAGES / READ),
        "written": {
            "queries": dict(written.iter_rows()),
            "train": len(train_queries.mined_queries),
            "dev": len(dev.mined_queries),
        },
        "negatives": negatives_of(Arm("run", run.recipe, run)),
        "examples": _examples(run, made),
        "model": steps.model,
        "training": told,
        "gains": gains,
        "costs": steps.account["steps"],
        "notes": [note for step in steps.account["steps"].values() for note in step["notes"]],
        "out": str(steps.path),
    }


def _examples(run: Run, made: Path) -> list[dict[str, Any]]:
    """A few queries of each generator, drawn by chance, with a positive and hardest negative."""
    collection = collection_of(run)
    texts = collection.corpus.select("doc_id", "text")
    by = pl.read_ndjson(made / "queries.jsonl").select(
        pl.col("_id").alias("query_id"), query="text", generator="generator"
    )
    first = run.negatives.filter(pl.col("position") == 0).select(
        "query_id", "p_relevant", "hardness", negative="doc_id"
    )
    positives = (
        collection.qrels.filter(pl.col("relevance") > 0)
        .group_by("query_id")
        .agg(positive=pl.col("doc_id").first(), positives=pl.len())
    )
    rows = by.join(positives, on="query_id").join(first, on="query_id").sort("query_id")
    draw = uniforms(id_hashes(rows["query_id"]), stream_key(0, "adapt/examples"))
    rows = rows.with_columns(draw=pl.Series(draw)).sort("generator", "draw")
    rows = rows.filter(pl.int_range(pl.len()).over("generator") < EXAMPLES)
    for name in ("positive", "negative"):
        own = texts.rename({"doc_id": name, "text": f"{name}_text"})
        rows = rows.join(own, on=name, how="left", maintain_order="left")
    return rows.drop("draw").to_dicts()
