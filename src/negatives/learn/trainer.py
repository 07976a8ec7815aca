"""A library's trainer, set up for one training: arguments, callbacks, what it tells."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from safetensors.numpy import load_file, save_file

from negatives.batch.batcher import Weighing
from negatives.errors import RecipeError, WorkError
from negatives.events import Emit, Progress
from negatives.learn.base_models import Base
from negatives.learn.sampler import Sampler
from negatives.learn.settings import Learning, ModelTraining
from negatives.models.torch_model import hush
from negatives.optional import require, torch
from negatives.store.atomic import explained, write_text, writing

WEIGHING: Final = "weighing.safetensors"
WHOLE: Final = "whole"
"""An empty file, the last that is written of a checkpoint."""
METRIC: Final = "dev_ndcg@10"
LOOKS: Final = 10
_SEEDS: Final = 2**32
"""Seeds that torch and numpy take at once."""
APART: Final = 100
"""Least steps between checkpoints that no look asks for: so few are soon done again."""

Look = Callable[[Any], float]
"""nDCG@10 of a model on the dev set."""

AtStep = Callable[[int], bool | None]


@dataclass(frozen=True)
class TrainingPlan:
    """Everything a trainer is told, in the words of this library."""

    base: Base
    settings: ModelTraining
    learning: Learning
    sampler: Sampler
    folder: Path
    """Where checkpoints go."""
    seed: int
    look: Look | None
    report_to: str
    emit: Emit
    weighing: Weighing | None = None
    patience: int = 0
    """Looks without a better one before it stops; 0: never."""
    at_step: AtStep | None = None
    """Called after each step, with how many are done; true ends the training."""


def refuse_reporter(name: str) -> None:
    """Raise `RecipeError` where the trainer cannot report to `name`, before any work."""
    found = require("transformers.integrations", extra="train")
    try:
        for callback in found.get_reporting_integration_callbacks(name):
            callback()
    except (ValueError, RuntimeError, ImportError) as error:
        raise RecipeError(
            f"nothing can be reported to {name!r}: {error}",
            where="--report-to",
            fix="install what it needs, name another, or leave it out",
        ) from None


def carry_out(plan: TrainingPlan) -> dict[str, Any]:
    """Train, going on from the last checkpoint there is; the history, and how it ended."""
    hush()
    trainer = _trainer(plan)
    last = last_checkpoint(plan.folder)
    if last is not None and plan.weighing is not None:
        plan.weighing.restore(load_file(last / WEIGHING))
        plan.learning.loss.step = step_of(last)
    try:
        trainer.train(resume_from_checkpoint=None if last is None else str(last))
    except (RuntimeError, MemoryError) as error:
        text = str(error) or type(error).__name__
        full = isinstance(error, torch.OutOfMemoryError | MemoryError) or "allocate memory" in text
        if not full:
            raise
        raise _out_of_memory(plan.settings, text) from None
    state = trainer.state
    return {
        "steps": state.global_step,
        "history": [_entry(row) for row in state.log_history if "loss" in row or _named(row)],
        "best": state.best_metric,
        "best_step": _best_step(state),
        "seconds": _runtime(state.log_history),
    }


def _trainer(plan: TrainingPlan) -> Any:
    class Trainer(plan.base.trainer):  # type: ignore[misc, name-defined]
        def get_batch_sampler(self, *_: Any, **__: Any) -> Sampler:
            return plan.sampler

        def _save_checkpoint(self, *args: Any, **options: Any) -> None:
            with explained(plan.folder):
                super()._save_checkpoint(*args, **options)

        def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
            plan.base.save(Path(str(output_dir)))

        def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
            """The card is our own, and names the negatives."""

    transformers = require("transformers", extra="train")
    trainer = Trainer(
        model=plan.base.model,
        args=_arguments(plan),
        train_dataset=plan.learning.dataset,
        loss=plan.learning.loss,
        evaluator=None if plan.look is None else _evaluator(plan.look),
        data_collator=plan.learning.collator,
        callbacks=_callbacks(plan),
    )
    trainer.remove_callback(transformers.PrinterCallback)  # the library never prints
    return trainer


def _arguments(plan: TrainingPlan) -> Any:
    settings, cuda = plan.settings, plan.base.model.device.type == "cuda"
    precision = settings.precision
    if precision == "auto":
        precision = "bfloat16" if cuda and torch.cuda.is_bf16_supported() else "float32"
    steps = max(1, len(plan.sampler) // world_size())
    between = settings.evaluate or max(1, steps // LOOKS)
    looking = plan.look is not None
    saving = settings.checkpoint or (between if looking else max(between, APART))
    if looking and saving % between:
        saving = between * max(1, round(saving / between))  # the trainer wants it so
    return plan.base.arguments(
        output_dir=str(plan.folder),
        max_steps=steps,
        per_device_train_batch_size=settings.batch_size,
        learning_rate=settings.peak,
        lr_scheduler_type="constant_with_warmup"
        if settings.schedule == "constant"
        else settings.schedule,
        warmup_steps=int(settings.warmup * steps),
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.clip,
        bf16=precision == "bfloat16",
        fp16=precision == "float16",
        use_cpu=not cuda,
        seed=plan.seed % _SEEDS,
        data_seed=plan.seed % _SEEDS,
        logging_strategy="steps",
        logging_steps=max(1, steps // 100),
        logging_nan_inf_filter=False,
        eval_strategy="steps" if looking else "no",
        eval_steps=between if looking else None,
        save_strategy="steps",
        save_steps=saving,
        save_total_limit=2,
        load_best_model_at_end=looking,
        metric_for_best_model=f"eval_{METRIC}" if looking else None,
        greater_is_better=True if looking else None,
        report_to=plan.report_to,
        disable_tqdm=True,
        dataloader_pin_memory=cuda,
    )


def world_size() -> int:
    """Processes that train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def _callbacks(plan: TrainingPlan) -> list[Any]:
    transformers = require("transformers", extra="train")

    class Telling(transformers.TrainerCallback):  # type: ignore[misc, name-defined]
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.began = time.monotonic()

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            spent = time.monotonic() - self.began
            if plan.settings.seconds and spent > plan.settings.seconds:
                control.should_training_stop = True
            plan.emit(Progress("train", state.global_step, state.max_steps, "steps"))
            if plan.at_step is not None and plan.at_step(state.global_step):
                control.should_training_stop = control.should_save = True

        def on_evaluate(self, args: Any, state: Any, control: Any, **told: Any) -> None:
            best, found = state.best_metric, told["metrics"].get(f"eval_{METRIC}")
            if found is not None and (best is None or found > best):
                control.should_save = True  # the best look must have its checkpoint

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            made = plan.folder / f"checkpoint-{state.global_step}"
            if plan.weighing is not None:
                with writing(made / WEIGHING) as file:
                    save_file(plan.weighing.state(), file)
            write_text(made / WHOLE, "")

    found: list[Any] = [Telling()]
    if plan.look is not None and plan.patience:
        found.append(transformers.EarlyStoppingCallback(plan.patience))
    return found


def _evaluator(look: Look) -> Any:
    base = require("sentence_transformers.base.evaluation", extra="train").BaseEvaluator

    class DevEvaluator(base):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            super().__init__()
            self.primary_metric = METRIC

        def __call__(self, model: Any, *_: Any, **__: Any) -> dict[str, float]:
            return {METRIC: look(model)}

    return DevEvaluator()


def last_checkpoint(folder: Path) -> Path | None:
    """The newest that was written to its end."""
    whole = [path.parent for path in folder.glob(f"checkpoint-*/{WHOLE}")]
    return max(whole, key=step_of, default=None)


def step_of(checkpoint: Path) -> int:
    """How many steps were done when it was made."""
    return int(checkpoint.name.partition("-")[2])


def _named(row: dict[str, Any]) -> bool:
    return f"eval_{METRIC}" in row


def _entry(row: dict[str, Any]) -> dict[str, Any]:
    kept = {"step": row["step"]}
    for key, name in (("loss", "loss"), (f"eval_{METRIC}", METRIC), ("learning_rate", "rate")):
        if key in row:
            kept[name] = row[key]
    return kept


def _best_step(state: Any) -> int | None:
    found = state.best_model_checkpoint
    return None if found is None else step_of(Path(found))


def _runtime(history: list[dict[str, Any]]) -> float | None:
    found = [row["train_runtime"] for row in history if "train_runtime" in row]
    return round(found[-1], 2) if found else None


def _out_of_memory(settings: ModelTraining, text: str) -> WorkError:
    batch, pieces = settings.batch_size, getattr(settings, "max_length", None)
    at_once = getattr(settings, "chunk", 0) or batch
    ways = []
    if settings.caches_gradients and at_once > 1:
        ways.append(
            f"--set train.chunk={min(16, at_once // 2)} keeps the batch and needs the memory of so "
            "many texts"
        )
    if batch > 1:
        ways.append(f"--set train.batch_size={batch // 2}")
    if pieces is not None and not 0 < pieces <= 128:
        ways.append("--set train.max_length=128")
    return WorkError(
        f"out of memory: {text.splitlines()[0][:200]}",
        where=f"a batch of {batch}" + (f", texts of up to {pieces} pieces" if pieces else ""),
        fix="; or ".join(ways) or "take a smaller model, or a machine with more memory",
    )
