"""Training a model of a knowledge graph: triples, each with corruptions that are drawn anew."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from negatives.batch.order import permutation
from negatives.errors import DataError, WorkError
from negatives.events import Progress, Warned
from negatives.learn.graph.laws import drawn, draws_alone, run_pools
from negatives.learn.graph.measuring import measured, triples_of_splits
from negatives.learn.graph.model import GraphAbout, GraphModel, new_model
from negatives.learn.graph.settings import GraphSettings
from negatives.learn.graph.triples import Numbering
from negatives.learn.loss import ListLoss
from negatives.learn.settings import Whole
from negatives.optional import torch
from negatives.run.inputs import collection_of
from negatives.sample.triples import Corruptions, Graph, Triples
from negatives.schema import Collection
from negatives.store.run import Run

METRIC = "dev_mrr"
_LOOKS = 10
_LOOKED_AT = 500
"""Triples of the dev split that a look measures, at most."""


def teach(settings: GraphSettings, whole: Whole) -> dict[str, Any]:
    """Train, save, and measure on every other split; what the account says of it."""
    started = time.perf_counter()
    read = whole.read
    if not isinstance(read, Run | Collection):
        raise DataError(
            "a file of mined negatives has no triples", fix="give the graph, or a run of it"
        )
    alone = isinstance(read, Collection) and draws_alone(whole.recipe.find)
    run = read if isinstance(read, Run) else None
    if isinstance(read, Collection) and not alone:
        run = whole.mine(read)
    collection = read if isinstance(read, Collection) else collection_of(read)
    numbering = Numbering.of(collection)
    triples = numbering.triples(collection)
    graph = numbering.graph(triples)
    if run is None:
        corruptions = drawn(
            whole.recipe.find, collection, numbering, graph,
            settings.known_draws,
            seed=whole.recipe.seed, machine=whole.machine, emit=whole.emit,
        )  # fmt: skip
    else:
        pools = run_pools(run, numbering, graph)
        corruptions = Corruptions(graph, settings.mix, pools, known_draws=settings.known_draws)
    _tell_of_full(graph, whole)
    about = GraphAbout(architecture=settings.architecture, dim=settings.dim)
    torch.set_num_threads(whole.machine.threads)
    torch.manual_seed(whole.recipe.seed % 2**32)
    model = new_model(about, numbering.factory(triples), whole.recipe.seed % 2**32)
    made = GraphModel(about, numbering, model.to(_device(whole.machine.device)))
    splits = triples_of_splits(collection, numbering)
    loop = _Loop(settings, whole, made, corruptions, splits)
    history = loop.run(triples)
    made.save(whole.path)
    return {
        "device": str(model.device),
        "examples": len(triples),
        "data": f"{collection.name}@{collection.split}",
        "negatives": _about(run, whole),
        "batches": {"per epoch": -(-len(triples) // settings.batch_size)},
        "loss": {},
        "measured": {
            split.name: measured(made, split, splits, whole.machine)
            for split in splits
            if split.name != collection.split and len(split.true)
        },
        "wall_seconds": round(time.perf_counter() - started, 2),
        **history,
    }


def _about(run: Run | None, whole: Whole) -> dict[str, Any]:
    if run is None:
        return {"drawn": [source.settings() for source in whole.recipe.find]}
    return {"run": str(run.path), "negatives": len(run.negatives), "recipe": run.recipe.name}


def _device(asked: str) -> str:
    if asked != "auto":
        return asked
    return "cuda" if torch.cuda.is_available() else "cpu"


def _tell_of_full(graph: Graph, whole: Whole) -> None:
    """Questions that every entity answers have no negatives."""
    full = int((graph.answers.lengths >= graph.entities).sum())
    if full == len(graph.keys):
        raise DataError(
            "every entity answers every question: there are no negatives",
            fix="give a graph with triples that are not true",
        )
    if full:
        whole.emit(
            Warned(
                f"{full:,} of {len(graph.keys):,} questions are answered by every entity: their "
                "triples are corrupted on the other side alone"
            )
        )


@dataclass
class _Loop:
    """The steps of one training."""

    settings: GraphSettings
    whole: Whole
    made: GraphModel
    corruptions: Corruptions
    splits: list[Any]

    def run(self, triples: Triples) -> dict[str, Any]:
        """Every batch; the history, and how it ended."""
        settings, recipe, model = self.settings, self.whole.recipe, self.made.model
        per_epoch = -(-len(triples) // settings.batch_size)
        steps = settings.steps or settings.epochs * per_epoch
        optimizer = torch.optim.AdamW(
            model.get_grad_params(), lr=settings.peak, weight_decay=settings.weight_decay
        )
        rates = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: self._rate(step, steps))
        dev = next((s for s in self.splits if s.name in self.whole.dev and len(s.true)), None)
        between = settings.evaluate or max(1, steps // _LOOKS)
        history: list[dict[str, Any]] = []
        best, best_step, kept, since = None, None, None, 0
        losses, began, done = [], time.monotonic(), 0
        order = np.empty(0, np.int64)
        model.train()
        for step in range(steps):
            place = step % per_epoch
            if not place:
                order = permutation(len(triples), recipe.seed, f"kg/{step // per_epoch}")
            size = settings.batch_size
            batch = triples[order[place * size : (place + 1) * size]]
            losses.append(self._step(batch, step, optimizer))
            rates.step()
            done = step + 1
            self.whole.emit(Progress("train", done, steps, "steps"))
            last = done == steps or self._late(began)
            if done % max(1, steps // 100) == 0 or last:
                history.append(
                    {"step": done, "loss": float(np.mean(losses)), "rate": rates.get_last_lr()[0]}
                )
                losses = []
            if dev is not None and (done % between == 0 or last):
                found = self._look(dev)
                history.append({"step": done, METRIC: found})
                since = 0 if best is None or found > best else since + 1
                if best is None or found > best:
                    best, best_step = found, done
                    kept = {name: each.clone() for name, each in model.state_dict().items()}
                if settings.patience and since >= settings.patience:
                    break
            if last:
                break
        if kept is not None:
            model.load_state_dict(kept)
        model.eval()
        return {
            "steps": done,
            "steps_planned": steps,
            "history": history,
            "best": best,
            "best_step": best_step,
            "metric": "filtered MRR",
            "seconds": round(time.monotonic() - began, 2),
        }

    def _step(self, batch: Triples, step: int, optimizer: Any) -> float:
        settings, model = self.settings, self.made.model
        key = self.whole.recipe.seed * 1_000_003 + step
        drawn_, valid = self.corruptions.draw(batch, key & (2**63 - 1), settings.negatives)
        every = np.concatenate([batch[:, None, :], drawn_], axis=1)
        present = np.concatenate([np.ones((len(batch), 1), np.bool_), valid], axis=1)
        device = model.device
        scores = model.score_hrt(torch.from_numpy(every.reshape(-1, 3)).to(device))
        loss = cast("ListLoss", self.whole.recipe.learn).of(
            scores.view(len(batch), -1), torch.from_numpy(present).to(device)
        )
        total = loss.mean() + model.collect_regularization_term()
        if not torch.isfinite(total):
            raise WorkError(
                f"the loss is {float(total.detach())} at step {step + 1:,}",
                where=f"train.learning_rate = {settings.peak:g}",
                fix=f"lower it: --set train.learning_rate={settings.peak / 10:g}",
            )
        optimizer.zero_grad()
        total.backward()
        if settings.clip:
            torch.nn.utils.clip_grad_norm_(model.get_grad_params(), settings.clip)
        optimizer.step()
        model.post_parameter_update()
        return float(loss.detach().mean())

    def _rate(self, step: int, steps: int) -> float:
        """The share of the highest learning rate at a step."""
        settings = self.settings
        warm = int(settings.warmup * steps)
        if step < warm:
            return (step + 1) / (warm + 1)
        if settings.schedule == "constant":
            return 1.0
        left = (steps - step) / max(1, steps - warm)
        return float(left if settings.schedule == "linear" else 0.5 - 0.5 * np.cos(np.pi * left))

    def _late(self, began: float) -> bool:
        limit = self.settings.seconds
        return bool(limit) and time.monotonic() - began > limit

    def _look(self, dev: Any) -> float:
        self.made.model.eval()
        found = measured(self.made, dev, self.splits, self.whole.machine, most=_LOOKED_AT)
        self.made.model.train()
        return float(found["MRR"])
