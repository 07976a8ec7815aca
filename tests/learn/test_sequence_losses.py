"""Losses of sequences: the numbers of their papers, and gradients that are those of the formula."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log
from typing import Any

import pytest

from negatives.errors import RecipeError
from negatives.kinds import kinds
from negatives.learn.loss import Loss
from negatives.learn.sequence.batch import Sequences
from negatives.learn.sequence.loss import SequenceLoss, divergence
from negatives.learn.sequence.topr import effective_share
from negatives.stage import build

torch = pytest.importorskip("torch")

SETTINGS: dict[str, dict[str, Any]] = {
    "generic-labels": {"reinforced": "some-model"},
    "weighted-ascent": {"power": 0.0},  # its weight is a constant to the gradient
    "perturbed-states": {"weight": 0.0},  # what is perturbed is a constant to the gradient
    "quality-margin": {"quality": "equal"},  # what is learned is a constant to the gradient
}
SHIFTS = {"topr": -40.0, "kto": 40.0}
"""Of the references, so that what is a constant to the gradient does not change: a taper of 1, a
level of 0."""


def sequence_losses(**more: Any) -> list[SequenceLoss]:
    """One of each kind."""
    found = []
    for kind in sorted(kinds("learn")):
        loss: Any = build("learn", {"kind": kind, **SETTINGS.get(kind, {}), **more.get(kind, {})})
        assert isinstance(loss, Loss)
        if loss.learns_from == "sequences":
            assert isinstance(loss, SequenceLoss)
            found.append(loss)
    return found


def of_logits(logits: Any, hidden: Any, loss: SequenceLoss, shift: float = 0.0) -> Sequences:
    """Two examples, of two right and one wrong response each, of 3, 2 and 4 tokens."""
    lengths = [3, 2, 4] * 2
    row = torch.repeat_interleave(torch.arange(6), torch.tensor(lengths))
    targets = torch.arange(len(row)) % logits.shape[1]
    made = Sequences(
        log_probs=logits.log_softmax(-1).gather(1, targets[:, None])[:, 0],
        row=row,
        right=torch.tensor([True, True, False] * 2),
        example=torch.tensor([0, 0, 0, 1, 1, 1]),
        examples=2,
        targets=targets,
        logits=logits,
        hidden=hidden,
    )
    still = torch.Generator().manual_seed(5)

    def other() -> Sequences:
        """Another model's numbers, near enough for no ratio to be at the edge of a clip."""
        theirs = torch.randn(logits.shape, generator=still, dtype=torch.float64)
        own = theirs.log_softmax(-1).gather(1, targets[:, None])[:, 0]
        held = torch.randn(hidden.shape, generator=still, dtype=torch.float64)
        return replace(made, log_probs=own, logits=theirs, hidden=held)

    references = torch.linspace(-5, -3, 6, dtype=torch.float64) + shift
    return replace(made, references=references, frozen=other(), reinforced=other())


@pytest.mark.slow
def test_every_gradient_is_that_of_the_formula() -> None:
    generator = torch.Generator().manual_seed(0)
    logits, hidden, step, inner = (
        torch.randn(size, generator=generator, dtype=torch.float64)
        for size in ((18, 5), (18, 4), (18, 5), (18, 4))
    )
    kl = {kind: {"retain": "kl"} for kind in ("npo", "undial")}
    losses = [*sequence_losses(), *sequence_losses(**kl, idk={"form": "dpo"})]
    assert len(losses) >= 2 * 17
    for loss in losses:
        shift = SHIFTS.get(loss.kind, 0.0)

        def value(by: float, loss: SequenceLoss = loss, shift: float = shift) -> Any:
            moved = (logits + by * step).requires_grad_(), (hidden + by * inner).requires_grad_()
            return loss.of(of_logits(*moved, loss, shift)), moved

        values, moved = value(0.0)
        assert values.shape == (2,), loss.kind
        gradients = torch.autograd.grad(values.sum(), moved, allow_unused=True)
        along = sum(
            (gradient * direction).sum().item()
            for gradient, direction in zip(gradients, (step, inner), strict=True)
            if gradient is not None
        )
        size = 1e-5
        difference = (value(size)[0].sum() - value(-size)[0].sum()).item() / (2 * size)
        assert along == pytest.approx(difference, rel=1e-5, abs=1e-8), loss.kind
        assert along != 0, f"{loss.kind} learns nothing"


def single(nll: float, reference: float, right: bool = False) -> Sequences:
    """One response of one token."""
    return Sequences.of([[-nll]], right=[right], example=[0], references=[-reference])


def number(kind: str, batch: Sequences, **settings: Any) -> float:
    loss: Any = build("learn", {"kind": kind, **settings})
    return loss.of(batch).sum().item()  # type: ignore[no-any-return]


@pytest.mark.recipe("npo")
def test_npo_fades_and_comes_to_ascent_as_beta_goes_to_0() -> None:
    for beta, nll, loss, weight in (
        (0.1, 12.0, 11.962777, 0.900332),
        (0.1, 10.0, 13.862944, 1.0),
        (0.1, 50.0, 0.362999, 0.035972),
        (1.0, 12.0, 0.253856, 0.238406),
    ):
        said = {"beta": beta, "retain": "none"}
        assert number("npo", single(nll, 10), **said) == pytest.approx(loss, abs=1e-5)
        slope = number("npo", single(nll + 0.01, 10), **said)
        slope -= number("npo", single(nll - 0.01, 10), **said)
        assert slope / 0.02 == pytest.approx(-weight, abs=1e-3)
    almost = number("npo", single(12, 10), beta=1e-3, retain="none") - 2 / 1e-3 * log(2)
    assert almost == pytest.approx(-2.0, abs=2e-3)
    dpo_of_losers = number("npo", single(12, 10), beta=0.1, retain="none") * 0.1 / 2
    assert dpo_of_losers == pytest.approx(-float(torch.nn.functional.logsigmoid(torch.tensor(0.2))))


def test_gradient_difference_of_what_is_kept_and_forgotten_alike_is_0() -> None:
    batch = Sequences.of([[-1.0, -2.0]] * 2, right=[True, False], example=[0, 0])
    assert number("gradient-ascent", batch) == 0
    assert number("gradient-ascent", batch, retain="none") == -1.5


@pytest.mark.recipe("d2o")
def test_d2o_with_one_anchor_is_dpo_and_never_above_the_mean_of_several() -> None:
    wrong, anchors = -2.0, [0.5, -0.2, 0.3]

    def against(some: list[float]) -> float:
        batch = Sequences.of(
            [[each] for each in (*some, wrong)],
            right=[*[True] * len(some), False],
            example=[0] * (len(some) + 1),
            references=[0.0] * (len(some) + 1),
        )
        return number("d2o", batch, beta=0.1, alpha=0.1)

    assert against(anchors) == pytest.approx(0.589185, abs=1e-6)
    assert against([0.5]) == pytest.approx(0.575939, abs=1e-6)
    pair = Sequences.of(
        [[0.5], [wrong]], right=[True, False], example=[0, 0], references=[0.0, 0.0]
    )
    assert against([0.5]) == pytest.approx(number("dpo", pair, beta=0.1), abs=1e-7)
    assert against(anchors) <= sum(against([each]) for each in anchors) / 3
    assert against(anchors) == pytest.approx(against(anchors[::-1]))


@pytest.mark.recipe("negative-gradient")
def test_dpo_ipo_and_slic_are_made_of_one_lead() -> None:
    pair = Sequences.of([[0.4], [-0.6]], right=[True, False], example=[0, 0], references=[0.0, 0.0])
    level = Sequences.of([[-1.0]] * 2, right=[True, False], example=[0, 0], references=[-1.0] * 2)
    assert number("dpo", pair, beta=0.1) == pytest.approx(0.644397, abs=1e-6)
    assert number("ipo", pair, beta=0.1) == pytest.approx(16.0, abs=1e-5)
    assert number("slic", pair, beta=0.1) == pytest.approx(0.9)
    assert number("dpo", level) == pytest.approx(log(2))
    assert number("ipo", level, beta=0.1) == pytest.approx(25.0)
    shared = 0.8 * number("dpo", pair) + 0.2 * (number("dpo", pair) + 0.1)  # -log s(-x) = x + ...
    assert number("dpo", pair, smoothing=0.2) == pytest.approx(shared, abs=1e-6)


def test_losses_of_preference_by_their_formulas_and_slopes_by_the_worked_numbers() -> None:
    moved = torch.tensor([0.4, -0.6], requires_grad=True)
    pair = Sequences.of([[0.0], [0.0]], right=[True, False], example=[0, 0], references=[0.0, 0.0])
    for kind, weight in (("dpo", 0.047502), ("ipo", 8.0)):
        loss: Any = build("learn", {"kind": kind, "beta": 0.1})
        (slope,) = torch.autograd.grad(loss.of(replace(pair, log_probs=moved)).sum(), moved)
        assert slope.tolist() == pytest.approx([-weight, weight], abs=1e-5), kind
    least = replace(pair, log_probs=torch.tensor([5.0, 0.0]))  # h = 1 / (2 beta)
    assert number("ipo", least, beta=0.1) == pytest.approx(0.0, abs=1e-6)
    # Means of -.75 and -2, and ratios of +2 and -1.5 with a level of their mean, .25.
    uneven = Sequences.of([[-0.5, -1.0], [-2.0]], right=[True, False], example=[0, 0])
    odds = [-0.75 - log(1 - exp(-0.75)), -2 - log(1 - exp(-2))]
    assert number("orpo", uneven, weight=0.3) == pytest.approx(
        0.75 + 0.3 * log(1 + exp(odds[1] - odds[0])), abs=1e-6
    )
    assert number("simpo", uneven, beta=2.0, margin=1.0) == pytest.approx(
        log(1 + exp(1 - 2 * 1.25)), abs=1e-6
    )
    each = Sequences.of(
        [[-1.0], [-3.0]], right=[True, False], example=[0, 1], references=[-3.0, -1.5]
    )
    assert number("kto", each) == pytest.approx(
        1 / (1 + exp(0.1 * 1.75)) + 1 / (1 + exp(0.1 * 1.75)), abs=1e-6
    )
    lost = Sequences.of(
        [[-2.0], [-2.0]], right=[True, False], example=[0, 0], references=[-1.5, -1.0]
    )
    assert number("dpo", lost, beta=0.1, keep=5.0) == pytest.approx(
        log(1 + exp(-0.1 * (0.5 - 5 * 0.5))), abs=1e-6
    )


def test_not_knowing_by_preference_is_dpo_of_the_phrase_and_the_true_answer() -> None:
    said, kept = [[-1.0], [-2.0]], [-1.5, -1.0]
    of = {"example": [0, 0], "references": kept}
    pair = Sequences.of(said, right=[True, False], **of)  # type: ignore[arg-type]
    forgotten = Sequences.of(said, right=[False, False], **of)  # type: ignore[arg-type]
    made = number("idk", forgotten, form="dpo", retain="none")
    assert made == pytest.approx(number("dpo", pair), abs=1e-7)


def test_what_is_kept_is_held_by_the_divergence_from_the_model_as_it_was() -> None:
    now, before = torch.tensor([[2.0, 1.0, 0.0]]), torch.tensor([[0.0, 1.0, 0.0]])
    batch = Sequences.of([[-1.0]], right=[True], example=[0])
    batch = replace(batch, logits=now, frozen=replace(batch, logits=before))
    p, q = before.softmax(-1), now.softmax(-1)
    assert divergence(batch).item() == pytest.approx((p * (p / q).log()).sum().item(), abs=1e-6)


def test_settings_that_teach_nothing_or_the_wrong_are_refused() -> None:
    refused: tuple[tuple[str, dict[str, Any], str], ...] = (
        ("chain-of-hindsight", {"good": "It is ", "bad": "It is"}, "which response is wrong"),
        ("chain-of-hindsight", {"good": " "}, "which response is wrong"),
        ("chain-of-hindsight", {"include": ["p", "n", "p"]}, "included twice: p, n, p"),
        ("kto", {"right_weight": 0.0, "wrong_weight": 0.0}, "nothing is learned"),
        ("marked", {"good": " "}, "the mark is blank"),
        ("marked", {"good": "[a] "}, "ends with a space"),
        ("idk", {"answers": [" "]}, "an answer is blank"),
    )
    for kind, settings, said in refused:
        with pytest.raises(RecipeError, match=said) as error:
            build("learn", {"kind": kind, **settings})
        assert error.value.fix, kind


@pytest.mark.recipe("topr")
def test_topr_tapers_wrong_responses_alone() -> None:
    for right, nll, loss in ((True, 5, 5.0), (False, 5, -1.839397), (False, 3, -3.0)):
        assert number("topr", single(nll, 4, right)) == pytest.approx(loss, abs=1e-6)
    assert [round(effective_share(0.4, c), 6) for c in (-0.5, 0, 0.5)] == [0.666667, 0.4, 0.181818]
    assert number("topr", single(5, 4, True), baseline=0.5) == pytest.approx(2.5)


@pytest.mark.recipe("whp")
def test_undial_and_generic_labels_have_no_gradient_where_nothing_is_taken() -> None:
    logits = torch.tensor([[2.0, 1.0, 0.0]], requires_grad=True)
    base = Sequences.of([[0.0]], right=[False], example=[0])
    for kind, settings in (
        ("undial", {"strength": 0.0}),
        ("generic-labels", {"strength": 0.0, "reinforced": "x"}),
    ):
        before = replace(base, logits=logits.detach(), targets=torch.tensor([0]))
        batch = replace(before, logits=logits, frozen=before, reinforced=before)
        loss: Any = build("learn", {"kind": kind, "retain": "none", **settings})
        (gradient,) = torch.autograd.grad(loss.of(batch).sum(), logits)
        assert gradient.abs().max() < 1e-6, kind


def test_no_constant_of_a_models_logits_changes_generic_labels() -> None:
    logits = torch.tensor([[2.0, 1.0, 0.0]])
    other = torch.tensor([[5.0, 1.0, -1.0]])
    base = Sequences.of([[0.0]], right=[False], example=[0])
    seen = [
        number(
            "generic-labels",
            replace(base, logits=logits, frozen=replace(base, logits=logits),
                    reinforced=replace(base, logits=other + shift)),
            retain="none", reinforced="x",
        )
        for shift in (0.0, 7.0)
    ]  # fmt: skip
    assert seen[0] == pytest.approx(seen[1])


@pytest.mark.recipe("negative-only-rl")
def test_a_wrong_token_that_is_punished_gives_its_mass_to_the_others() -> None:
    logits = torch.tensor([[2.0, 1.0, 0.0]], requires_grad=True)
    own = logits.log_softmax(-1)[:, 0]
    before = replace(Sequences.of([[0.0]], right=[False], example=[0]), log_probs=own.detach())
    loss: Any = build("learn", {"kind": "negative-only"})
    batch = replace(before, log_probs=own, frozen=before)
    (gradient,) = torch.autograd.grad(loss.of(batch).sum(), logits)
    assert (-gradient[0]).tolist() == pytest.approx([-0.334759, 0.244728, 0.090031], abs=1e-6)


@pytest.mark.recipe("chain-of-hindsight")
def test_chain_of_hindsight_counts_responses_and_never_the_words() -> None:
    loss: Any = build("learn", {"kind": "chain-of-hindsight"})
    made = loss.written("Q", ["right"], ["wrong"], "\n")
    assert [text.right for text in made] == [True, True, False, False]
    for text in made:
        counted = [part for part, predicted in text.parts if predicted]
        assert {*counted} <= {"right", "wrong"}
        before = "".join(part for part, _ in text.parts).split("wrong")[0]
        assert "wrong" not in counted or before.endswith(loss.bad)


def test_prompts_and_padding_cannot_be_in_a_sum_or_a_mean() -> None:
    batch = Sequences.of([[-1.0, -2.0, -3.0], [-4.0]], right=[True, False], example=[0, 0])
    assert (batch.sums.tolist(), batch.means.tolist()) == ([-6.0, -4.0], [-2.0, -4.0])
    assert batch.lengths.tolist() == [3.0, 1.0]


@pytest.mark.recipe("thought-refinement")
def test_a_draft_is_read_and_never_learned() -> None:
    loss: Any = build("learn", {"kind": "refinement"})
    (text,) = loss.written("Q", ["right"], ["wrong"], "\n")
    assert [part for part, predicted in text.parts if predicted] == ["right"]
    assert text.text == f"Q\nwrong\n{loss.ask}right"
    batch = Sequences.of([[-1.0, -3.0]], right=[True], example=[0])
    assert loss.of(batch).tolist() == [2.0]


@pytest.mark.recipe("grounding-supervision")
def test_of_a_context_in_the_prompt_nothing_is_learned() -> None:
    from negatives.recipe import load_recipe

    loss: Any = load_recipe("grounding-supervision").learn
    prompt = "Who wrote it?\nIn 1990 Ana Lem wrote Blue Hour."
    (text,) = loss.written(prompt, ["Ana Lem"], [], "\n")
    assert text.parts == ((f"{prompt}\n", False), ("Ana Lem", True))
    batch = Sequences.of([[-1.0, -3.0]], right=[True], example=[0])
    assert loss.of(batch).tolist() == [2.0]
