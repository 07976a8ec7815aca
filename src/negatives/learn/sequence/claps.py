"""Perturbed states: beside each response a near one that is wrong, and a distant one that is right.

Lee, Lee and Hwang 2021, Contrastive Learning with Adversarial Perturbations for Conditional Text
Generation (CLAPS). A model that only ever sees right texts does not know wrong ones. Random other
responses are too easy to tell; so wrong ones are made of the states h that the logits of a response
come from, token by token, with unit(g) = g / |g|:

    h- = h + negative_step unit(d NLL / dh)                  a small step, and less probable
    h1 = h + positive_step unit(d L / dh)                    away from its prompt, and then back to
    h+ = h1 - positive_step unit(d KL(p(h) || p(h1)) / dh1)  what predicts as h does

With a_i the mean state of a prompt, b_i that of its response, b_i- and b_i+ of the perturbed ones,
and s = cosine / temperature:

    L1 = -log (e^s(a_i, b_i) / (sum_j e^s(a_i, b_j) + e^s(a_i, b_i-)))
    L2 = the same with b_i+ in the place of b_i, above and below
    loss = NLL + weight (L1 + L2) / 2

L, which the distant one is made of, is L1 without the near one. What is perturbed is a constant:
no gradient goes through it. Steps are shares of the mean length of the states, since these are as
long as each architecture has them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar, Final

from msgspec import Meta

from negatives.errors import WorkError
from negatives.learn.sequence.batch import Sequences
from negatives.learn.sequence.loss import SequenceLoss, Unit
from negatives.optional import Tensor, torch

Head = Callable[[Tensor], Tensor]
"""Makes logits of states."""

_NEAR: Final = 0.05
"""How far logits may be from those that the head makes again, of the largest of them."""
_SMALLEST: Final = 1e-12

Step = Annotated[float, Meta(ge=0, description="length of a step, of the mean length of states")]


class PerturbedStates(SequenceLoss, kind="perturbed-states"):
    """Right responses, and their prompts nearer to them than to others and to perturbed ones.

    >>> from negatives.learn.sequence.claps import PerturbedStates
    >>> loss = PerturbedStates(negative_step=0.2)
    >>> loss.unit, loss.whole_batch, loss.needs_states
    ('right', True, True)
    """

    unit: ClassVar[Unit] = "right"
    whole_batch: ClassVar[bool] = True
    needs_states: ClassVar[bool] = True

    temperature: Annotated[float, Meta(gt=0, description="cosines are divided by it")] = 0.1
    negative_step: Step = 0.1
    positive_step: Step = 0.3
    weight: Annotated[float, Meta(ge=0, description="of what is contrasted, against the NLL")] = 1.0

    def of(self, batch: Sequences) -> Tensor:
        """float[examples]."""
        likely = -batch.means
        if self.weight:
            likely = likely + self.weight * self._contrasted(batch)
        return batch.per_example(likely)

    def _contrasted(self, batch: Sequences) -> Tensor:
        """float[n]: (L1 + L2) / 2 of each response."""
        states, head = batch.known("states"), batch.head
        if head is None:
            raise WorkError("the loss needs what makes logits of states, and the batch has none")
        prompts, responses = batch.known("prompts"), pooled(states, batch)
        fixed = states.detach()
        length = fixed.norm(dim=-1).mean()
        with torch.enable_grad():
            near = imposter(fixed, batch, head, self.negative_step * length)
            away = self.positive_step * length
            far = distant(fixed, prompts.detach(), batch, head, away, self.temperature)
        near, far = pooled(near, batch), pooled(far, batch)
        return (
            contrast(prompts, responses, responses, near, self.temperature)
            + contrast(prompts, responses, far, near, self.temperature)
        ) / 2


def pooled(states: Tensor, batch: Sequences) -> Tensor:
    """float[n, width]: of `states` float[m, width] the mean of each response's."""
    sums = states.new_zeros(len(batch.right), states.shape[1]).index_add(0, batch.row, states)
    return sums / batch.lengths.clamp(min=1)[:, None]


def imposter(states: Tensor, batch: Sequences, head: Head, step: Tensor) -> Tensor:
    """float[m, width]: states a step further, on which the response is less probable.

    `WorkError` where the head does not make of the states the logits that the model made.
    """
    moved = states.detach().requires_grad_()
    logits = head(moved)
    made = batch.known("logits").detach()
    if not torch.allclose(logits, made, rtol=0, atol=_NEAR * float(made.abs().max())):
        raise WorkError(
            "the model makes its logits otherwise than by its last layer of its last states, which "
            "the loss perturbs",
            where="learn.kind = 'perturbed-states'",
            fix="train a model such as GPT-2, Llama, Qwen or SmolLM, or take another loss",
        )
    lost = torch.nn.functional.cross_entropy(logits, batch.known("targets"), reduction="sum")
    (gradient,) = torch.autograd.grad(lost, moved)
    return (states + step * _unit(gradient)).detach()


def distant(
    states: Tensor, prompts: Tensor, batch: Sequences, head: Head, step: Tensor, temperature: float
) -> Tensor:
    """float[m, width]: states a step away from their prompts, and one back to what they predict."""
    away = moved_away(states, prompts, batch, step, temperature).requires_grad_()
    (gradient,) = torch.autograd.grad(divergence(head(states), head(away)), away)
    return (away - step * _unit(gradient)).detach()


def moved_away(
    states: Tensor, prompts: Tensor, batch: Sequences, step: Tensor, temperature: float
) -> Tensor:
    """float[m, width]: states a step on, by which each response is less like its own prompt."""
    moved = states.detach().requires_grad_()
    logits = _cosines(prompts, pooled(moved, batch)) / temperature
    own = torch.arange(len(logits), device=logits.device)
    (gradient,) = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, own), moved)
    return (states + step * _unit(gradient)).detach()


def divergence(before: Tensor, now: Tensor) -> Tensor:
    """KL(softmax(before) || softmax(now)) of logits float[m, vocabulary], the sum over tokens."""
    made: Tensor = torch.nn.functional.kl_div(
        now.log_softmax(-1), before.detach().log_softmax(-1), log_target=True, reduction="sum"
    )
    return made


def contrast(
    prompts: Tensor, responses: Tensor, positive: Tensor, near: Tensor, temperature: float
) -> Tensor:
    """float[n]: each prompt's own `positive` against the other `responses` and what is `near`.

    All are float[n, width].
    """
    similarity = torch.nn.functional.cosine_similarity
    right = similarity(prompts, positive, dim=-1)
    others = _cosines(prompts, responses)
    own = torch.eye(len(others), dtype=torch.bool, device=others.device)
    every = torch.cat(
        [torch.where(own, right[:, None], others), similarity(prompts, near, dim=-1)[:, None]], 1
    )
    return (every / temperature).logsumexp(-1) - right / temperature


def _cosines(left: Tensor, right: Tensor) -> Tensor:
    """float[n, m]."""
    normalize = torch.nn.functional.normalize
    made: Tensor = normalize(left, dim=-1) @ normalize(right, dim=-1).T
    return made


def _unit(gradient: Tensor) -> Tensor:
    """Each row of length 1; one of zeros stays."""
    return gradient / (gradient.norm(dim=-1, keepdim=True) + _SMALLEST)
