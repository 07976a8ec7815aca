"""train: from a run, a mined file or a collection to a trained encoder or reranker.

The folder it makes is a model that sentence-transformers loads, with the account of how it was made
(`training.json`), the recipe, and a model card. Stopped at any moment and started again, it goes on
from its last checkpoint, and on a CPU comes to the same weights.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import numpy as np

from negatives.batch.batcher import Batcher, Weighing
from negatives.errors import DataError, InputError, RecipeError, RunError
from negatives.events import Emit, Progress, Warned, silent
from negatives.learn.base_models import Base, limit, open_base, settings_for
from negatives.learn.card import write_card
from negatives.learn.dev import DevSet, overlap, refuse_overlap
from negatives.learn.loss import ListLoss, Loss
from negatives.learn.mined_file import read_mined_file
from negatives.learn.rows import Rows
from negatives.learn.sampler import Sampler
from negatives.learn.settings import EncoderTraining, RerankerTraining, SparseTraining, Training
from negatives.learn.trainer import Plan, carry_out, last_checkpoint
from negatives.learn.training_set import NOTHING, TrainingSet, of_run, training_set
from negatives.learn.vectors import Vectors
from negatives.models.torch_model import hash_weights
from negatives.optional import require
from negatives.recipe import LEARNING, Recipe, assignment, load_recipe, override
from negatives.run import Run, mine
from negatives.run.account import available_threads, library_versions, parse_memory
from negatives.run.inputs import fingerprints
from negatives.schema import Collection
from negatives.stage import build
from negatives.store.atomic import write_text, writing
from negatives.store.lock import NAME as LOCK
from negatives.store.lock import locked
from negatives.store.manifest import NAME as MANIFEST

ACCOUNT: Final = "training.json"
RECIPE: Final = "recipe.toml"
CHECKPOINTS: Final = "checkpoints"
MINED: Final = "run"
SCRATCH: Final = ".work"


@dataclass(frozen=True)
class Trained:
    """A trained model's folder, and the account of its training."""

    path: Path

    @cached_property
    def account(self) -> dict[str, Any]:
        """Settings, data, negatives, history of loss and dev figures, best step, seconds."""
        made: dict[str, Any] = msgspec.json.decode((self.path / ACCOUNT).read_bytes())
        return made


def train(
    data: Run | Collection | str | Path,
    out: str | Path,
    *,
    model: str = "static",
    recipe: Recipe | str | Path | None = None,
    settings: Training | None = None,
    kind: str = "",
    mined: bool = True,
    encoder: str | None = None,
    dev: Collection | str | Path | None = None,
    look: bool = True,
    seed: int | None = None,
    threads: int | None = None,
    memory: str | int = "512MB",
    device: str = "auto",
    report_to: str = "none",
    overwrite: bool = False,
    emit: Emit = silent,
) -> Trained:
    """Train `model` (a folder, a hub name, or `static`) with negatives, into the folder `out`.

    `data`: a run, or a file of mined negatives (anybody's), or a collection, which is mined first
    by `recipe` (with `encoder`, or the model that is trained, as its dense encoder); with `mined`
    False it is trained without mined negatives. The recipe's [batch], [learn] and [train] stages
    say how; of a run, its own recipe's do. `settings` replaces [train], `kind` ("encoder",
    "reranker", "sparse", "static-embedding") chooses its defaults. `dev` is a split to look at on
    the way, whose best look is kept; DATA@dev where there is one and none is named; with `look`
    False there are no looks, and the last step is kept.

    Raises `InputError` for what is wrong before anything is trained, `WorkError` where a loss is no
    number or memory is not enough.
    """
    threads = threads or available_threads()
    path = Path(out)
    _refuse_foreign(path)
    chosen = completed(recipe_of(data, recipe), model, kind)
    chosen = replace(
        chosen,
        train=settings or chosen.train,
        seed=chosen.seed if seed is None else seed,
    )
    _refuse_mismatch(chosen)
    work = _Training(
        path=path,
        recipe=chosen,
        model=model,
        encoder=encoder,
        mined=mined,
        threads=threads,
        memory=parse_memory(memory),
        device=device,
        report_to=report_to,
        emit=emit,
    )
    with locked(path):
        try:
            work.carry_out(data, dev, look, overwrite)
        except InputError:
            work.leave_nothing_new()
            raise
    return Trained(path)


@dataclass(frozen=True)
class _Training:
    """One call of `train`."""

    path: Path
    recipe: Recipe
    model: str
    encoder: str | None
    mined: bool
    threads: int
    memory: int
    device: str
    report_to: str
    emit: Emit

    @property
    def settings(self) -> Training:
        return cast("Training", self.recipe.train)

    def carry_out(
        self,
        data: Run | Collection | str | Path,
        dev: Collection | str | Path | None,
        look: bool,
        overwrite: bool,
    ) -> None:
        began = time.perf_counter()
        if overwrite:
            _wipe(self.path)
        torch = require("torch", extra="train")
        torch.manual_seed(self.recipe.seed)  # a scoring head that the model lacks is drawn
        base = open_base(self.model, self.settings.kind, threads=self.threads, device=self.device)
        limit(base, self.settings.max_length)
        found, origin = self._training_set(data)
        dev_set = self._dev(dev, origin, found.collection) if look else None
        inputs = self._inputs(base, found)
        if self._finished(inputs):
            return
        write_text(self.path / RECIPE, self.recipe.to_toml())
        self._account({"status": "running", "inputs": inputs})
        rows = Rows(found, self._guide(found.collection))
        refresher = self._refresher(base, rows)
        plan, sampler = self._plan(base, rows, dev_set, refresher)
        history = carry_out(plan)
        self._save(base)
        self._account(
            {
                "status": "done",
                "inputs": inputs,
                "versions": library_versions(),
                "device": str(base.model.device),
                "examples": len(found),
                "steps_planned": len(sampler),
                "negatives": found.about,
                "batches": sampler.batches.told(),
                "dev": None if dev_set is None else dev_set.collection.name,
                "wall_seconds": round(time.perf_counter() - began, 2),
                **history,
            }
        )
        write_card(self.path, self.recipe, self.model)
        for left in (CHECKPOINTS, SCRATCH):
            shutil.rmtree(self.path / left, ignore_errors=True)

    def leave_nothing_new(self) -> None:
        """Wrong input leaves no folder behind that was not there."""
        left = {entry.name for entry in self.path.iterdir()} if self.path.is_dir() else set()
        if left <= {LOCK, SCRATCH, RECIPE} and ACCOUNT not in left:
            shutil.rmtree(self.path, ignore_errors=True)

    def _training_set(self, data: Run | Collection | str | Path) -> tuple[TrainingSet, str]:
        """The examples, and the address that other splits of the same data may be found at."""
        width, labels = self.settings.negatives, self.settings.labels
        run = as_run(data)
        if run is None and isinstance(data, str | Path) and is_mined_file(Path(data)):
            collection, negatives = read_mined_file(Path(data))
            made = training_set(collection, negatives, width)
            return replace(made, about={"file": Path(data).name, "negatives": len(negatives)}), ""
        if run is None:
            collection = (
                data if isinstance(data, Collection) else Collection.load(cast("str", data))
            )
            if not self.mined or width == 0:
                return training_set(collection, NOTHING, 0), collection.origin
            run = self._mine(collection, self.encoder or self.model, self.path / MINED)
        made = of_run(run, width if self.mined else 0, labels)
        return made, run.collection.origin

    def _mine(self, collection: Collection, encoder: str, out: Path) -> Run:
        changes = [
            f"find.{source.label}.encoder={encoder}"
            for source in self.recipe.find
            if source.kind == "dense"
        ]
        mining = replace(self.recipe, batch=None, learn=None, train=None)
        return mine(
            collection,
            out,
            recipe=override(mining, changes),
            threads=self.threads,
            memory=self.memory,
            device=self.device,
            emit=self.emit,
        )

    def _dev(
        self, dev: Collection | str | Path | None, origin: str, train: Collection
    ) -> DevSet | None:
        if dev is not None:
            named = dev if isinstance(dev, Collection) else Collection.load(dev)
            refuse_overlap(train, named)
            return DevSet.of(named, self.recipe.seed)
        found = _dev_of_the_same(origin)
        if found is not None:
            shared = overlap(train, found)
            if len(shared):
                text = f"{len(shared)} queries of the dev split are trained with, and left out"
                self.emit(Warned(text))
            return DevSet.of(found, self.recipe.seed, shared)
        if self.settings.patience:
            raise RecipeError(
                "stopping early needs a dev split, and there is none",
                where=f"train.patience = {self.settings.patience}",
                mend="name one with --dev, or set train.patience=0",
            )
        return None

    def _inputs(self, base: Base, found: TrainingSet) -> dict[str, Any]:
        """What the final weights depend on."""
        digest = hashlib.blake2b(digest_size=16)
        hash_weights(digest, base.model)
        negatives = hashlib.blake2b(digest_size=16)
        for table in (found.positives, found.negatives, found.p_relevant):
            negatives.update(np.ascontiguousarray(table).tobytes())
        return {
            "model": self.model,
            "weights": digest.hexdigest(),
            "recipe": self.recipe.settings(),
            "data": fingerprints(found.collection),
            "examples": negatives.hexdigest(),
        }

    def _finished(self, inputs: Mapping[str, Any]) -> bool:
        """Whether the folder holds this very training, done; refuses another's."""
        file = self.path / ACCOUNT
        if not file.is_file():
            return False
        before = msgspec.json.decode(file.read_bytes())
        now = msgspec.json.decode(msgspec.json.encode(inputs))
        differing = sorted(key for key, value in now.items() if before["inputs"].get(key) != value)
        if differing:
            raise RunError(
                f"the folder holds another training; it differs in: {', '.join(differing)}",
                where=str(self.path),
                mend="choose another --out, or give --overwrite to replace it",
            )
        return bool(before["status"] == "done")

    def _guide(self, collection: Collection) -> Callable[[Any, Any], Any] | None:
        name = getattr(self.recipe.learn, "guide", "")
        return self._vectors(name, collection).guide if name else None

    def _vectors(self, encoder: str, collection: Collection) -> Vectors:
        return Vectors(
            encoder,
            collection,
            self.path / SCRATCH / "vectors",
            threads=self.threads,
            memory=self.memory,
            device=self.device,
            emit=self.emit,
        )

    def _refresher(self, base: Base, rows: Rows) -> Callable[[int], None] | None:
        every = getattr(self.settings, "refresh", 0)
        if not every:
            return None
        from negatives.learn.refresh import Refresher

        refresher = Refresher(self.path / SCRATCH, base, rows, every, self._mine)
        last = last_checkpoint(self.path / CHECKPOINTS)
        refresher.go_on(0 if last is None else int(last.name.partition("-")[2]))
        return refresher

    def _plan(
        self,
        base: Base,
        rows: Rows,
        dev: DevSet | None,
        at_step: Callable[[int], None] | None,
    ) -> tuple[Plan, Sampler]:
        settings, batcher = self.settings, cast("Batcher", self.recipe.batch)
        found = rows.training_set
        examples = replace(
            found.examples,
            query_vectors=lambda: self._vectors(self.model, found.collection).all_queries(),
            doc_vectors=lambda: self._vectors(self.model, found.collection).all_docs(),
        )
        batches = batcher.open(examples, settings.batch_size, self.recipe.seed)
        self.emit(Progress("batch", 0, len(found), "examples"))
        sampler = Sampler(
            batches, settings.batch_size, epochs=settings.epochs, steps=settings.steps
        )
        self.emit(Progress("batch", len(found), len(found), "examples"))
        weighing = batcher.weigh(examples, self.recipe.seed)
        dataset, collator, loss = self._learning(base, rows, weighing, len(sampler))
        plan = Plan(
            base=base,
            settings=settings,
            dataset=dataset,
            collator=collator,
            loss=loss,
            sampler=sampler,
            folder=self.path / CHECKPOINTS,
            seed=self.recipe.seed,
            look=None if dev is None else _look(dev, settings),
            report_to=self.report_to,
            emit=self.emit,
            weighing=weighing,
            at_step=at_step,
        )
        return plan, sampler

    def _learning(
        self, base: Base, rows: Rows, weighing: Weighing | None, steps: int
    ) -> tuple[Any, Any, Any]:
        """The dataset, the collator (None: the trainer's own) and the module of the loss."""
        loss, settings = cast("Loss", self.recipe.learn), self.settings
        name = rows.training_set.name
        if isinstance(settings, RerankerTraining):
            from negatives.learn.rerank_module import RerankModule

            module = RerankModule(base.model, cast("ListLoss", loss))
            return rows.lists(settings.soft), None, module
        from negatives.learn.collator import Collator
        from negatives.learn.module import LossModule

        made = LossModule(
            base.model,
            loss,
            chunk=cast("EncoderTraining", settings).chunk,
            weighing=weighing,
            steps=steps,
            regulariser=_regulariser(settings),
            name=name,
        )
        return rows.columns(), Collator(base.model.preprocess, rows.training_set.known), made

    def _save(self, base: Base) -> None:
        base.model.save_pretrained(str(self.path), create_model_card=False)

    def _account(self, made: Mapping[str, Any]) -> None:
        with writing(self.path / ACCOUNT) as temporary:
            temporary.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=2))


def completed(recipe: Recipe, model: str, kind: str = "", changes: Sequence[str] = ()) -> Recipe:
    """The recipe with all three stages of learning, the usual ones where it has none.

    `changes` are `PATH=VALUE` texts; one that sets the kind of a stage makes it anew.
    """
    train = cast("Training | None", recipe.train)
    if train is None or (kind and train.kind != kind):
        train = settings_for(model, kind)
    made = replace(
        recipe,
        train=train,
        learn=recipe.learn or _usual_loss(train),
        batch=recipe.batch or build("batch", {"kind": "conflict-free"}),
    )
    kinds: dict[str, Any] = {
        section: build(section, {"kind": value}, "--set")
        for section in LEARNING
        for path, value in map(assignment, changes)
        if path == f"{section}.kind"
    }
    made = replace(made, **kinds)
    return override(made, [text for text in changes if not assignment(text)[0].endswith(".kind")])


def recipe_of(data: Run | Collection | str | Path, recipe: Recipe | str | Path | None) -> Recipe:
    """The recipe that is named; else the run's own, or the default."""
    if isinstance(recipe, Recipe):
        return recipe
    if recipe is not None:
        return load_recipe(recipe)
    run = as_run(data)
    return load_recipe("default") if run is None else run.recipe


def as_run(data: Run | Collection | str | Path) -> Run | None:
    """The run that `data` is, or is the folder of."""
    if isinstance(data, Run):
        return data
    if isinstance(data, str | Path) and (Path(data) / MANIFEST).is_file():
        return Run(data)
    return None


def _dev_of_the_same(origin: str) -> Collection | None:
    """The dev split of the data at an address that names none."""
    if not origin or "@" in Path(origin).name:
        return None
    try:
        return Collection.load(f"{origin}@dev")
    except DataError:
        return None


def is_mined_file(path: Path) -> bool:
    """A file whose columns hold negatives; one of pairs only is a collection."""
    if not path.is_file() or path.suffix == ".onnx":
        return False
    from negatives.measure.lint.layout import layout_of
    from negatives.measure.lint.source import source

    try:
        layout_of(source(path).columns, str(path))
    except DataError:
        return False
    return True


def _usual_loss(training: Training) -> Any:
    kind = "softmax-list" if isinstance(training, RerankerTraining) else "multiple-negatives"
    return build("learn", {"kind": kind})


def _refuse_mismatch(recipe: Recipe) -> None:
    if isinstance(recipe.train, RerankerTraining) and not isinstance(recipe.learn, ListLoss):
        raise RecipeError(
            f"the loss {recipe.learn.kind!r} needs embeddings, and a reranker has none",  # type: ignore[union-attr]
            where="learn.kind",
            mend="use a loss of lists, such as softmax-list or pointwise",
        )


def _look(dev: DevSet, settings: Training) -> Callable[[Any], float]:
    def encoder(model: Any) -> float:
        def encode(texts: list[str]) -> Any:
            made = model.encode(texts, show_progress_bar=False, convert_to_numpy=True)
            made = made.to_dense().numpy() if hasattr(made, "to_dense") else made
            return np.asarray(made, np.float32)

        return dev.ndcg_of_encoder(encode)

    def reranker(model: Any) -> float:
        def score(pairs: list[tuple[str, str]]) -> Any:
            return np.asarray(model.predict(pairs, show_progress_bar=False), np.float32)

        return dev.ndcg_of_reranker(score)

    return reranker if isinstance(settings, RerankerTraining) else encoder


def _regulariser(settings: Training) -> Any:
    if not isinstance(settings, SparseTraining):
        return None
    from negatives.learn.flops import flops

    def regulariser(queries: Any, docs: Any) -> Any:
        return settings.flops_query * flops(queries) + settings.flops_doc * flops(docs)

    return regulariser


def _refuse_foreign(path: Path) -> None:
    if path.is_file():
        raise RunError("this is a file, not a folder", where=str(path), mend="choose another --out")
    if path.is_dir() and not (path / ACCOUNT).is_file():
        own = {LOCK, SCRATCH, MINED, RECIPE}
        foreign = sorted(entry.name for entry in path.iterdir() if entry.name not in own)
        if foreign:
            raise RunError(
                f"the folder is not empty and holds no training: {', '.join(foreign[:5])}",
                where=str(path),
                mend="choose another --out",
            )


def _wipe(path: Path) -> None:
    """Remove a training and its model; the folder held nothing else."""
    for entry in path.iterdir():
        if entry.name == LOCK:
            continue
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
