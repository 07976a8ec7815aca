"""CLAPS: a near copy that is wrong and a distant one that is right, made of a response's states."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from negatives.errors import WorkError  # noqa: E402
from negatives.learn.sequence.batch import Sequences  # noqa: E402
from negatives.learn.sequence.claps import (  # noqa: E402
    PerturbedStates,
    contrast,
    distant,
    divergence,
    imposter,
    moved_away,
    pooled,
)
from negatives.learn.sequence.forward import Padded, sequences  # noqa: E402
from negatives.learn.sequence.loss import Text  # noqa: E402
from negatives.learn.sequence.writing import written  # noqa: E402
from negatives.models.causal_lm import CausalLM  # noqa: E402
from negatives.optional import Tensor  # noqa: E402
from tests.models.tiny_lm import tiny_llama  # noqa: E402

LENGTHS = [3, 2, 4]


def batch(seed: int = 0, width: int = 6, words: int = 5) -> tuple[Sequences, Any]:
    """Three responses of 3, 2 and 4 tokens, and the linear layer that makes logits of states."""
    chance = torch.Generator().manual_seed(seed)

    def some(*shape: int) -> Tensor:
        made: Tensor = torch.randn(*shape, generator=chance, dtype=torch.float64)
        return made

    layer = torch.nn.Linear(width, words, bias=False, dtype=torch.float64)
    layer.weight.data = some(words, width)
    row = torch.repeat_interleave(torch.arange(3), torch.tensor(LENGTHS))
    states, targets = some(len(row), width), torch.arange(len(row)) % words
    logits = layer(states)
    made = Sequences(
        log_probs=logits.log_softmax(-1).gather(1, targets[:, None])[:, 0],
        row=row,
        right=torch.ones(3, dtype=torch.bool),
        example=torch.arange(3),
        examples=3,
        targets=targets,
        logits=logits,
        states=states,
        prompts=some(3, width),
        head=layer,
    )
    return made, layer


def nll(states: Tensor, made: Sequences) -> Tensor:
    assert made.head is not None
    total: Tensor = torch.nn.functional.cross_entropy(
        made.head(states), made.known("targets"), reduction="sum"
    )
    return total


@pytest.mark.recipe("claps")
def test_the_worked_state() -> None:
    state = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    made = Sequences(
        log_probs=state.log_softmax(-1)[:, 0],
        row=torch.tensor([0]),
        right=torch.tensor([True]),
        example=torch.tensor([0]),
        examples=1,
        targets=torch.tensor([0]),
        logits=state,
    )
    near = imposter(state, made, lambda states: states * 1.0, torch.tensor(1.0))
    assert near.tolist()[0] == pytest.approx([0.292893, 0.707107], abs=1e-6)
    before, after = (-each.log_softmax(-1)[0, 0].item() for each in (state, near))
    assert before == pytest.approx(0.313262, abs=1e-6)
    assert after == pytest.approx(0.921549, abs=1e-6)


@pytest.mark.recipe("claps")
@pytest.mark.parametrize("seed", range(5))
def test_the_near_one_is_less_probable_and_the_distant_one_further_and_back(seed: int) -> None:
    made, _ = batch(seed)
    states, prompts, head = made.known("states"), made.known("prompts"), made.head
    assert head is not None
    step = torch.tensor(0.01, dtype=torch.float64)
    near = imposter(states, made, head, step)
    assert (near - states).norm(dim=-1).tolist() == pytest.approx([0.01] * 9)
    assert nll(near, made) > nll(states, made)

    def unlike(states: Tensor) -> float:
        b = pooled(states, made)
        return float(contrast(prompts, b, b, torch.zeros_like(b), 0.1).sum())

    away = moved_away(states, prompts, made, step, 0.1)
    assert unlike(away) > unlike(states)
    far = distant(states, prompts, made, head, step, 0.1)
    assert (far - away).norm(dim=-1).tolist() == pytest.approx([0.01] * 9)
    back = moved_away(states, prompts, made, torch.tensor(1.0, dtype=torch.float64), 0.1)
    small = torch.tensor(1e-3, dtype=torch.float64)
    back.requires_grad_()
    (slope,) = torch.autograd.grad(divergence(head(states), head(back)), back)
    returned = back - small * slope / slope.norm(dim=-1, keepdim=True)
    assert divergence(head(states), head(returned)) < divergence(head(states), head(back))


@pytest.mark.recipe("claps")
def test_without_steps_the_near_one_is_the_positive_counted_once_more() -> None:
    made, _ = batch(1)
    found = PerturbedStates(negative_step=0.0, positive_step=0.0).of(made) + made.means
    a, b = made.known("prompts"), pooled(made.known("states"), made)
    s = torch.nn.functional.cosine_similarity(a[:, None], b[None], dim=-1) / 0.1
    expected = [
        math.log(sum(math.exp(each) for each in row) + math.exp(row[i])) - row[i]
        for i, row in enumerate(s.tolist())
    ]
    assert found.tolist() == pytest.approx(expected)


@pytest.mark.recipe("claps")
def test_the_gradient_of_what_is_contrasted_is_that_of_finite_differences() -> None:
    made, _ = batch(2)
    a = made.known("prompts").requires_grad_()
    b = pooled(made.known("states"), made).requires_grad_()
    near, far = (each.detach() + 0.1 for each in (b, a))
    assert torch.autograd.gradcheck(lambda a, b: contrast(a, b, b, near, 0.1).sum(), (a, b))
    assert torch.autograd.gradcheck(lambda a, b: contrast(a, b, far, near, 0.1).sum(), (a, b))


@pytest.mark.recipe("claps")
def test_nothing_is_left_in_the_gradients_of_the_head_and_none_goes_through_what_is_perturbed() -> (
    None
):
    made, layer = batch(3)
    states = made.known("states").requires_grad_()
    held = replace(made, log_probs=made.log_probs.detach(), logits=made.known("logits").detach())
    PerturbedStates().of(held).sum().backward()
    assert layer.weight.grad is None
    assert states.grad is not None
    assert states.grad.abs().sum() > 0


@pytest.mark.recipe("claps")
def test_without_weight_it_is_the_likelihood() -> None:
    made, _ = batch(4)
    assert PerturbedStates(weight=0.0).of(made).tolist() == (-made.means).tolist()
    assert (PerturbedStates().of(made) > -made.means).all()


def seen(net: Any, texts: list[tuple[str, str]], model: CausalLM) -> Sequences:
    made = [
        written(Text(((f"{prompt}\n", False), (response, True)), True), model, 512, ends=False)
        for prompt, response in texts
    ]
    return sequences(
        net,
        Padded.of(made, "cpu"),
        right=torch.ones(len(made), dtype=torch.bool),
        example=torch.arange(len(made)),
        examples=len(made),
        references=None,
        layer=None,
        states=True,
    )


@pytest.mark.recipe("claps")
def test_of_a_model_states_make_its_logits_and_padding_changes_nothing() -> None:
    model = CausalLM(tiny_llama(), device="cpu")
    model.net.eval()
    one = seen(model.net, [("Was it one?", "it was")], model)
    both = seen(model.net, [("Was it one?", "it was"), ("And was it?" * 5, "no" * 20)], model)
    assert one.head is not None
    assert torch.allclose(one.head(one.known("states")), one.known("logits"), atol=1e-5)
    mine = both.row == 0
    assert torch.allclose(both.known("states")[mine], one.known("states"), atol=1e-5)
    assert torch.allclose(both.known("prompts")[0], one.known("prompts")[0], atol=1e-5)
    scaled = replace(one, logits=one.known("logits") * 0.5)
    with pytest.raises(WorkError, match="makes its logits otherwise"):
        PerturbedStates().of(scaled)


@pytest.mark.slow
@pytest.mark.recipe("claps")
def test_a_model_learns_by_it(tmp_path: Path) -> None:
    from tests.learn.test_language_model import recipe, sums, trained

    made = trained(sums(tmp_path), tmp_path / "m", recipe("perturbed-states"))
    first, last = made["figures"][0], made["figures"][-1]
    assert last["right_nll"] < first["right_nll"]
