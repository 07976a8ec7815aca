"""A language model trained by right and wrong responses: what it forgets, and how it is stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from negatives.errors import NegativesError, WorkError
from negatives.events import Event, Progress
from negatives.learn.request import completed
from negatives.learn.sequence.examples import Responses, compared
from negatives.learn.sequence.forward import sums_of
from negatives.learn.sequence.loss import Text
from negatives.learn.sequence.module import SequenceModule
from negatives.learn.sequence.writing import Written, written
from negatives.learn.train import train
from negatives.models.causal_lm import CausalLM
from negatives.read import load
from negatives.recipe import Recipe, load_recipe
from negatives.stage import build
from tests.models.tiny_lm import save_llama, tiny_llama

pytest.importorskip("transformers")
FEW = ("train.steps=4", "train.batch_size=4", "train.learning_rate=0.003", "train.evaluate=2")
QUIET: dict[str, Any] = {"threads": 1, "device": "cpu", "emit": lambda _: None}


def saved(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def sums(folder: Path) -> Path:
    """Six sums, each with a right and a wrong answer."""
    return saved(
        folder / "sums.jsonl",
        [
            {"prompt": f"{a}+{b}?", "response": f"it is {a + b + off}", "label": not off}
            for a in range(3)
            for b in range(2)
            for off in (0, 1)
        ],
    )


def recipe(loss: str, *changes: str) -> Recipe:
    return completed(
        load_recipe("default"),
        tiny_llama(),
        "language-model",
        [f"learn.kind={loss}", *FEW, *changes],
    )


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.numpy import load_file

    made: dict[str, Any] = load_file(folder / "model.safetensors")
    return made


def trained(data: Any, out: Path, chosen: Recipe, **more: Any) -> dict[str, Any]:
    return train(data, out, model=tiny_llama(), recipe=chosen, **{**QUIET, **more}).account


@pytest.mark.slow
def test_it_forgets_what_is_wrong_and_a_batch_in_parts_is_the_same_batch(tmp_path: Path) -> None:
    data = sums(tmp_path)
    made = trained(data, tmp_path / "whole", recipe("npo"))
    assert (made["examples"], made["right"], made["wrong"], made["steps"]) == (6, 6, 6, 4)
    first, last = made["figures"][0], made["figures"][-1]
    assert (first["step"], last["step"]) == (0, 4)
    lost = last["wrong_nll"] - first["wrong_nll"]
    assert lost > last["right_nll"] - first["right_nll"]
    assert "AutoModelForCausalLM.from_pretrained" in (tmp_path / "whole/README.md").read_text()
    parted = trained(data, tmp_path / "parts", recipe("npo", "train.chunk=1"))
    for row, other in zip(made["history"], parted["history"], strict=True):
        assert row["loss"] == pytest.approx(other["loss"], rel=1e-4)
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    for name, tensor in whole.items():
        np.testing.assert_allclose(tensor, parts[name], atol=3e-4, err_msg=name)


@pytest.mark.slow
def test_stopped_and_started_again_it_comes_to_the_same_weights(tmp_path: Path) -> None:
    data, chosen = sums(tmp_path), recipe("gradient-ascent", "train.checkpoint=2")

    def stop(event: Event) -> None:
        if isinstance(event, Progress) and event.stage == "train" and event.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(data, tmp_path / "stopped", chosen, emit=stop)
    again = trained(data, tmp_path / "stopped", chosen)
    once = trained(data, tmp_path / "once", chosen)
    assert [row["step"] for row in again["figures"]] == [row["step"] for row in once["figures"]]
    for name, tensor in weights(tmp_path / "once").items():
        assert np.array_equal(tensor, weights(tmp_path / "stopped")[name]), name


@pytest.mark.slow
def test_a_reference_is_read_once_for_all_trainings_of_the_same_model(tmp_path: Path) -> None:
    data = sums(tmp_path)
    first = trained(data, tmp_path / "a", recipe("dpo"))
    second = trained(data, tmp_path / "b", recipe("topr"))
    assert (first["references_read"], second["references_read"]) in ((12, 0), (0, 0))


@pytest.mark.slow
def test_what_is_predicted_is_the_response_and_its_end_and_a_prompt_is_cut_at_its_beginning() -> (
    None
):
    model = CausalLM(tiny_llama(), device="cpu")
    pairs = [("Was it one\u00e9?\n", "it was"), ("", "alone"), ("x" * 30, "y")]
    texts = [Text(((prompt, False), (response, True)), True) for prompt, response in pairs]
    plain = [written(text, model, 512, ends=False) for text in texts]
    assert [each.predicted for each in plain] == [6, 5, 1]
    assert [written(text, model, 512, ends=True).predicted for text in texts] == [7, 6, 2]
    totals = [each.total for each in model.continuations(pairs)]
    np.testing.assert_allclose(sums_of(model.net, plain, 3), totals, rtol=1e-4)
    short = written(texts[2], model, 11, ends=False)
    assert (len(short.tokens), short.predicted, short.cut, short.over) == (11, 1, 20, 0)
    assert written(texts[1], model, 4, ends=False).over > 0


def test_right_steps_of_a_wrong_response_are_read_and_not_predicted(tmp_path: Path) -> None:
    rows = [
        {"prompt": "a?", "steps": ["one", "two", "three"], "labels": [True, False, True]},
        {"prompt": "b?", "steps": ["one"], "labels": [False]},
    ]
    loss: Any = build("learn", {"kind": "unlikelihood", "retain": "none"})
    found = compared(Responses.of(load(saved(tmp_path / "steps.jsonl", rows))), loss, 1)
    made = {}
    for number in range(2):
        module = SequenceModule(None, loss, found, lambda _: Written([], []), "\n", from_wrong=True)
        (text,) = module.texts(number)
        made[text.parts[0][0]] = text.parts[1:]
    assert made == {
        "a?\n": (("one\n", False), ("two\nthree", True)),
        "b?\n": (("one", True),),
    }


def test_a_response_that_is_right_for_another_prompt_is_learned_whole_there(tmp_path: Path) -> None:
    rows = [
        {"prompt": "a?", "steps": ["one", "two"], "labels": [True, True]},
        {"prompt": "b?", "steps": ["one", "two"], "labels": [True, False]},
    ]
    loss: Any = build("learn", {"kind": "kto"})
    for order in (rows, rows[::-1]):
        found = compared(Responses.of(load(saved(tmp_path / "steps.jsonl", order))), loss, 1)
        module = SequenceModule(None, loss, found, lambda _: Written([], []), "\n", from_wrong=True)
        made = [module.texts(number)[0].parts for number in range(2)]
        assert {parts[0][0]: parts[1:] for parts in made} == {
            "a?\n": (("one\ntwo", True),),
            "b?\n": (("one\n", False), ("two", True)),
        }


@pytest.mark.slow
def test_what_nobody_can_learn_from_is_refused(tmp_path: Path) -> None:
    def row(prompt: str, response: str, label: bool) -> dict[str, Any]:
        return {"prompt": prompt, "response": response, "label": label}

    good = [row("a?", "yes", True), row("a?", "no", False)]
    pair = [{"prompt": "a?", "chosen": "no", "rejected": "No."}] * 2
    other = save_llama(tmp_path / "other")
    reads = json.loads((Path(other) / "tokenizer.json").read_text())
    letters = reads["model"]["vocab"]
    letters["A"], letters["B"] = letters["B"], letters["A"]
    (Path(other) / "tokenizer.json").write_text(json.dumps(reads))
    cases: list[tuple[str, list[dict[str, Any]], str]] = [
        ("npo", [*good, row("b?", "x" * 600, False)], "longer than the 512 tokens"),
        ("npo", [row("a?", "yes", True), row("b?", "no", True)], "all responses are right"),
        ("npo", [row("a?", "yes", False), row("b?", "no", False)], "nothing is to be kept"),
        ("dpo", [row("a?", "yes", False), row("b?", "no", False)], "needs right responses too"),
        ("dpo", [row("a?", "yes", True), row("b?", "no", False)], "no prompt has both"),
        ("dpo", pair, "chosen is what is rejected"),
        ("dpo", pair[:1], "1 response is right and wrong at once"),
        ("npo", [*good, row("b?", "", False)], "empty"),
    ]
    for loss, rows, said in cases:
        with pytest.raises(NegativesError) as error:
            trained(saved(tmp_path / "rows.jsonl", rows), tmp_path / "m", recipe(loss))
        assert said in error.value.what, error.value.what
        assert error.value.fix, said
    settings = (
        ("npo", ("train.patience=2",), "has no setting 'patience'"),
        ("kto", ("train.chunk=2",), "read in parts"),
        ("rmu", ("learn.of_layer=7",), "the model has 2 layers"),
        ("margin-mse", (), "learns from embeddings"),
        ("generic-labels", (f"learn.reinforced={other}",), "different tokenizers"),
        ("generic-labels", (f"learn.reinforced={tiny_llama()}",), "is the model itself"),
    )
    data = saved(tmp_path / "rows.jsonl", good)
    for loss, changes, said in settings:
        with pytest.raises(NegativesError, match=said):
            trained(data, tmp_path / "m", recipe(loss, *changes))
    with pytest.raises(NegativesError, match="learns from sequences"):
        train(data, tmp_path / "m", settings=None, recipe=completed(
            load_recipe("default"), "static", "", ["learn.kind=npo"]), **QUIET)  # fmt: skip


@pytest.mark.slow
def test_how_long_a_response_may_be_is_told_as_far_as_that_helps(tmp_path: Path) -> None:
    rows = [
        {"prompt": "a?", "response": "x" * 600, "label": False},
        {"prompt": "b?", "response": "yes", "label": True},
    ]
    data = saved(tmp_path / "long.jsonl", rows)
    for longest, said in ((0, "the model reads no more"), (100, "train.max_length, up to 512")):
        with pytest.raises(NegativesError, match="longer than") as error:
            trained(data, tmp_path / "m", recipe("npo", f"train.max_length={longest}"))
        assert said in error.value.fix


@pytest.mark.slow
def test_a_reinforced_model_that_is_not_there_is_told_of_as_such(tmp_path: Path) -> None:
    with pytest.raises(NegativesError) as error:
        trained(sums(tmp_path), tmp_path / "m", recipe("generic-labels", "learn.reinforced=./gone"))
    assert error.value.where == "learn.reinforced = './gone'"
    assert "--set learn.side=wrong" in error.value.fix


def test_a_model_of_spoiled_weights_is_not_taken_for_one_that_looks_ahead(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    spoiled = Path(save_llama(tmp_path / "spoiled"))
    held = weights(spoiled)
    held["model.embed_tokens.weight"] = np.full_like(held["model.embed_tokens.weight"], np.nan)
    save_file(held, spoiled / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(NegativesError, match="what the model predicts is no number"):
        CausalLM(str(spoiled), device="cpu")


@pytest.mark.slow
def test_a_loss_that_is_no_number_stops_and_names_the_batch(tmp_path: Path) -> None:
    chosen = recipe("gradient-ascent", "learn.retain=none", "train.learning_rate=1e12")
    with pytest.raises(WorkError, match=r"no number for \d of \d examples of batch \d") as error:
        trained(load(sums(tmp_path)), tmp_path / "m", chosen)
    assert "it is" in str(error.value.where)
