"""One training of a language model: examples, references, steps, and the account of it."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, Final, cast

from negatives.errors import DataError, RecipeError
from negatives.events import Emit, Warned
from negatives.learn.base_models import weights_of
from negatives.learn.lora import add_adapters, merge_adapters
from negatives.learn.model_files import CHECKPOINTS, SCRATCH
from negatives.learn.sampler import Sampler
from negatives.learn.sequence.examples import Compared, Responses, compared
from negatives.learn.sequence.language_model import LanguageModelTraining
from negatives.learn.sequence.loss import SequenceLoss, Text
from negatives.learn.sequence.module import SequenceModule
from negatives.learn.sequence.references import References, reference_space
from negatives.learn.sequence.trainer import LanguageBase, Numbers
from negatives.learn.sequence.watching import LOOKS, Watching, spread
from negatives.learn.sequence.writing import Written, written
from negatives.learn.settings import Learning
from negatives.learn.source import Data
from negatives.learn.trainer import TrainingPlan, carry_out, last_checkpoint, step_of, world_size
from negatives.learn.work import Work
from negatives.models.causal_lm import CausalLM
from negatives.optional import torch
from negatives.store.fingerprints import fingerprints
from negatives.wording import plural

FIRST: Final = 5
SOME: Final = 1 << 13
"""Texts whose tokens are held."""


@dataclass(frozen=True)
class SequenceWork(Work):
    """What `train` does where a language model is trained."""

    @property
    def settings(self) -> LanguageModelTraining:
        """The recipe's [train]."""
        return cast("LanguageModelTraining", self.recipe.train)

    @property
    def loss(self) -> SequenceLoss:
        """The recipe's [learn]."""
        return cast("SequenceLoss", self.recipe.learn)

    def carry_out(self, data: Data, dev: Any, look: bool, overwrite: bool) -> None:
        """Train on responses, or go on with it; it looks at those of `dev`, or at its own."""
        other = None if dev is None else self.source.read(dev)
        read = self.source.read(data)
        began = time.perf_counter()
        self._refuse_what_is_of_rankings()
        responses = Responses.of(read)
        if not self.mined:
            responses = replace(responses, wrong=responses.wrong[:0], about={})
        found = compared(responses, self.loss, self.settings.negatives)
        watched = responses if other is None else Responses.of(other)
        torch.manual_seed(self.recipe.seed)
        base = self._base()
        writing = _Writing(base.language, self.settings)
        weights = weights_of(base)
        inputs = {
            "model": self.model,
            "weights": weights,
            "recipe": self.recipe.settings(),
            "data": fingerprints(responses.collection),
            "examples": found.digest,
            "dev": None if other is None else fingerprints(watched.collection),
        }
        if not self.begin(inputs, overwrite):
            return
        module = self._module(base, found, writing, weights)
        writing.refuse_long(module, self.emit)
        read_for_references = module.remember()
        if self.settings.lora:
            add_adapters(base.model, self.settings.lora)
        sampler = self._sampler(found, module)
        watching = self._watching(base, watched, writing, len(sampler))
        learning = Learning(Numbers(len(found)), module.collate, module)
        history = self._taught(base, learning, sampler, watching)
        if self.settings.lora:
            merge_adapters(base.model)
        base.save(self.path)
        told = {
            "device": str(base.model.device),
            "examples": len(found),
            "steps_planned": len(sampler),
            "data": f"{responses.collection.name}@{responses.collection.split}",
            "negatives": responses.about,
            "right": len(responses.right),
            "wrong": len(responses.wrong),
            "references_read": read_for_references,
            "batches": sampler.told(),
            "loss": {},
            "dev": None if other is None else watched.collection.name,
            "figures": watching.seen,
            **history,
        }
        self.end(inputs, began, told)

    def _base(self) -> LanguageBase:
        """The model that is trained; it has the layer that the loss looks at."""
        base = cast(
            "LanguageBase",
            self.settings.open(
                self.model, threads=self.machine.threads, device=self.machine.device
            ),
        )
        if self.loss.layer is not None and self.loss.layer >= base.language.layers:
            raise RecipeError(
                f"the model has {base.language.layers} layers, numbered from 0",
                where=f"learn.of_layer = {self.loss.layer}",
                fix=f"name one below {base.language.layers}",
            )
        return base

    def _taught(
        self, base: LanguageBase, learning: Learning, sampler: Sampler, watching: Watching
    ) -> dict[str, Any]:
        """Carry out the steps, from the last checkpoint on where there is one; their history."""
        last = last_checkpoint(self.path / CHECKPOINTS)
        watching.begin(0 if last is None else step_of(last))
        plan = TrainingPlan(
            base=base,
            settings=self.settings,
            learning=learning,
            sampler=sampler,
            folder=self.path / CHECKPOINTS,
            seed=self.recipe.seed,
            look=None,
            report_to=self.report_to,
            emit=self.emit,
            at_step=watching,
        )
        history = carry_out(plan)
        watching.end(history["steps"])
        return history

    def _refuse_what_is_of_rankings(self) -> None:
        if world_size() > 1:
            raise RecipeError(
                "a language model is trained by one process",
                where="WORLD_SIZE",
                fix="start it without torchrun",
            )
        if self.recipe.choose is not None:
            raise RecipeError(
                "examples are chosen by their documents' vectors, and these are responses",
                where="choose",
                fix="leave [choose] out",
            )

    def _module(
        self, base: LanguageBase, found: Compared, writing: _Writing, weights: str
    ) -> SequenceModule:
        loss, net = self.loss, base.model
        frozen = _still(copy.deepcopy(net)) if loss.needs_frozen else None
        references = None
        if loss.needs_references:
            references = References(
                net,
                reference_space(weights, writing.said),
                self.model,
                self.path / SCRATCH,
                at_once=self.settings.chunk or self.settings.batch_size,
                memory=self.machine.memory,
                emit=self.emit,
            )
        return SequenceModule(
            net=net,
            loss=loss,
            found=found,
            write=writing.write,
            between=self.settings.between,
            seed=self.recipe.seed,
            chunk=self.settings.chunk,
            from_wrong=self.settings.from_wrong_step,
            references=references,
            frozen=frozen,
            reinforced=self._reinforced(base, weights),
        )

    def _reinforced(self, base: LanguageBase, weights: str) -> Any:
        """The network of the model that the loss names; `DataError` for other tokens."""
        name = self.loss.reinforced_model
        if not name:
            return None
        where = f"learn.reinforced = {name!r}"
        try:
            other = CausalLM(name, threads=self.machine.threads, device=self.machine.device)
        except DataError as error:
            raise DataError(
                error.what,
                where=where,
                fix="train it first, on what is to be forgotten: --set learn.kind=likelihood "
                "--set learn.side=wrong; then --set learn.reinforced=FOLDER",
            ) from error
        if not base.language.reads_as(other):
            raise DataError(
                "the two models have different tokenizers, and their tokens cannot be compared",
                where=f"--model {self.model}, {where}",
                fix="train the reinforced model from the same model",
            )
        if weights_of(replace(base, model=other.net)) == weights:
            raise DataError(
                "the reinforced model is the model itself: it has learned nothing further, and no "
                "label would change",
                where=f"--model {self.model}, {where}",
                fix="train it further on what is to be forgotten: --set learn.kind=likelihood "
                "--set learn.side=wrong",
            )
        return _still(other.net)

    def _sampler(self, found: Compared, module: SequenceModule) -> Sampler:
        batcher = self.batcher
        if batcher.weigh(found.examples, self.recipe.seed) is not None:
            raise RecipeError(
                "examples are not weighed where a language model is trained",
                where="batch.weight",
                fix='set batch.weight = { kind = "equal" }',
            )
        batcher.refuse_few(len(found), len(found), self.settings.batch_size)
        try:
            batches = batcher.open(found.examples, self.settings.batch_size, self.recipe.seed)
        except TypeError:
            raise RecipeError(
                f"batches of kind {batcher.kind!r} follow vectors of texts, and a language model "
                "has none",
                where="batch.kind",
                fix="--set batch.kind=random",
            ) from None
        return Sampler(
            batches,
            self.settings.batch_size,
            epochs=self.settings.epochs,
            steps=self.settings.steps,
            before=module.before,
        )

    def _watching(
        self, base: LanguageBase, responses: Responses, writing: _Writing, steps: int
    ) -> Watching:
        right, wrong = (
            [writing.plain(*pair, ends=False) for pair in responses.texts(side[spread(len(side))])]
            for side in (responses.right, responses.wrong)
        )
        return Watching(
            base.model,
            right,
            wrong,
            self.path / SCRATCH / "figures.json",
            every=self.settings.evaluate or max(1, steps // LOOKS),
            at_once=self.settings.chunk or self.settings.batch_size,
            until=self.settings.until,
        )


@dataclass(frozen=True)
class _Writing:
    """How texts become tokens, by the settings."""

    language: CausalLM
    settings: LanguageModelTraining

    @property
    def longest(self) -> int:
        stated = self.settings.max_length
        return min(stated or self.language.longest, self.language.longest)

    @property
    def said(self) -> str:
        """What the tokens of a text depend on, besides it."""
        return f"{self.settings.between!r} {self.settings.ends} {self.longest}"

    def write(self, text: Text) -> Written:
        return self._once(text)

    @cached_property
    def _once(self) -> Callable[[Text], Written]:
        """Tokens of a text that comes again and again, as in pairs, are made once."""
        return lru_cache(SOME)(self._written)

    def _written(self, text: Text) -> Written:
        return written(text, self.language, self.longest, ends=self.settings.ends)

    def plain(self, prompt: str, response: str, *, ends: bool | None = None) -> Written:
        text = Text(((f"{prompt}{self.settings.between}", False), (response, True)), True)
        ended = self.settings.ends if ends is None else ends
        return written(text, self.language, self.longest, ends=ended)

    def refuse_long(self, module: SequenceModule, emit: Emit) -> None:
        """Raise where responses are longer than is read; prompts that are cut are told."""
        long, cut, total = [], 0, 0
        for number in range(len(module.found)):
            made = [self.write(text) for text in module.texts(number)]
            total += len(made)
            cut += sum(text.cut > 0 for text in made)
            if any(text.over > 0 for text in made):
                long.append(number)
            if any(text.predicted == 0 for text in made):
                raise DataError(
                    "a response has no token that is predicted",
                    where=f"example {module.found.name([number])}",
                    fix="leave it out",
                )
        kept = module.found.responses.texts(module.found.kept)
        over = [at for at, pair in enumerate(kept) if self.plain(*pair).over > 0]
        if long or over:
            named = (
                module.found.name(long[:FIRST])
                if long
                else module.found.responses.named(module.found.kept[over[:FIRST]])
            )
            raise DataError(
                f"{len(long) + len(over):,} of {len(module.found) + len(kept):,} have responses "
                f"longer than the {self.longest:,} tokens that are read: {named}",
                where=f"train.max_length = {self.settings.max_length}, model {self.language.name}",
                fix="shorten them or leave them out"
                + (
                    f"; or raise train.max_length, up to {self.language.longest:,}"
                    if self.longest < self.language.longest
                    else ": the model reads no more"
                ),
            )
        if cut:
            emit(
                Warned(
                    f"{cut:,} of {plural(total, 'prompt')} cut at the beginning, so that prompt "
                    f"and response have {self.longest:,} tokens"
                )
            )


def _still(net: Any) -> Any:
    """A network that does not learn."""
    return net.eval().requires_grad_(False)
