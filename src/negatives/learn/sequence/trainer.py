"""transformers' trainer for a loss of sequences: a batch is read in parts, and divided right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from negatives.learn.base_models import Base
from negatives.models.causal_lm import CausalLM
from negatives.optional import require, torch
from negatives.store.atomic import explained


@dataclass(frozen=True)
class LanguageBase(Base):
    """A language model ready to be trained: its network, and what reads and writes its texts."""

    language: CausalLM

    def save(self, folder: Path) -> None:
        """Write the weights, as safetensors, and the tokenizer."""
        with explained(folder):
            self.model.save_pretrained(str(folder))
            self.language.reader.save_pretrained(str(folder))


def language_base(name: str, *, threads: int, device: str) -> LanguageBase:
    """Open a causal language model, from a folder or the hub, with transformers' trainer."""
    language = CausalLM(name, threads=threads, device=device)
    library = require("transformers", extra="train")
    arguments = partial(library.TrainingArguments, remove_unused_columns=False)
    return LanguageBase(name, language.net, trainer_class(), arguments, language)


def trainer_class() -> type:
    """The trainer: made when it is asked for, since its library takes seconds to import."""
    library = require("transformers", extra="train")

    class SequenceTrainer(library.Trainer):  # type: ignore[misc, name-defined]
        """A `loss` is a `SequenceModule`; how good the model is on the way is not its business."""

        def __init__(self, *, loss: Any, evaluator: Any = None, **options: Any) -> None:
            super().__init__(**options)
            self.sequence_loss = loss

        def get_train_dataloader(self) -> Any:
            loader = torch.utils.data.DataLoader(
                self.train_dataset,
                batch_sampler=self.get_batch_sampler(),
                collate_fn=self.data_collator,
            )
            self.accelerator.even_batches = False
            return self.accelerator.prepare(loader)

        def training_step(self, model: Any, inputs: dict[str, Any], *_: Any) -> Any:
            """The loss of a batch, its gradient added part by part."""
            model.train()
            module, total = self.sequence_loss, 0.0
            for numbers, kept, share in module.parts(inputs["example"], inputs["kept"]):
                with self.compute_loss_context_manager():
                    loss = share * module.losses(numbers, kept).mean()
                self.accelerator.backward(loss)
                total = total + loss.detach()
            return total

    return SequenceTrainer


class Numbers:
    """A data set of so many examples, each of which is its number."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, number: int) -> int:
        return number

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.size))
