"""The plain trainer of transformers, for a model that is no text encoder's: it is told a loss."""

from __future__ import annotations

from typing import Any

from negatives.optional import require, torch


def id_trainer() -> tuple[Any, Any]:
    """The class of the trainer, and that of its arguments.

    It is told what the trainers of sentence-transformers are: `loss` takes what the collator makes,
    `evaluator` the model; the batches come from `get_batch_sampler`.
    """
    transformers = require("transformers", extra="train")

    class IdTrainer(transformers.Trainer):  # type: ignore[misc, name-defined]
        def __init__(self, *, loss: Any, evaluator: Any, **told: Any) -> None:
            super().__init__(eval_dataset=told["train_dataset"], **told)
            self.loss, self.evaluator = loss, evaluator

        def get_train_dataloader(self) -> Any:
            return torch.utils.data.DataLoader(
                self.train_dataset,
                batch_sampler=self.get_batch_sampler(),
                collate_fn=self.data_collator,
            )

        def get_batch_sampler(self) -> Any:
            raise NotImplementedError

        def compute_loss(self, model: Any, inputs: Any, *_: Any, **__: Any) -> Any:
            return self.loss(inputs)

        def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
            told = {f"eval_{name}": value for name, value in self.evaluator(self.model).items()}
            self.log(dict(told))
            self.callback_handler.on_evaluate(self.args, self.state, self.control, told)
            return told

    return IdTrainer, transformers.TrainingArguments
