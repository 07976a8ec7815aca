"""negatives evaluate, where MODEL is a language model: right and wrong responses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from negatives.cli.data_options import DataOptions
from negatives.cli.resources import Resources
from negatives.cli.streams import print_json


def is_of_responses(model: str, said: Mapping[str, str | None], ranks: bool) -> bool:
    """Whether `model` is a language model, measured by its responses; `InputError` for options
    that do not fit. `said`: those that are of language models; `ranks`: some are of rankings.
    """
    from negatives.errors import InputError
    from negatives.models.model_folder import is_language_model

    if not is_language_model(model):
        if first := next((option for option, value in said.items() if value is not None), None):
            raise InputError(
                "this is of a language model, and none is measured",
                where=first,
                fix="name a causal language model's folder, or leave it out",
            )
        return False
    if ranks:
        raise InputError(
            "a language model is measured by its likelihoods, on one collection",
            where=model,
            fix="leave metrics, rankings and further collections out",
        )
    return True


def evaluate_responses(
    model: str,
    data: str,
    said: Mapping[str, str | None],
    resources: Resources,
    reading: DataOptions,
    json: bool,
) -> None:
    """Measure, and print the figures."""
    from negatives.cli.listen import listening
    from negatives.learn.model_files import ACCOUNT
    from negatives.learn.trained import model_folder
    from negatives.machine import Machine
    from negatives.measure.responses import evaluate_responses as carry_out
    from negatives.read import load
    from negatives.wording import plural

    unseen, between = said["--unseen"], said["--between"]
    machine = Machine.checked(resources.threads, resources.memory, resources.device)
    account = model_folder(Path(model)).read() if (Path(model) / ACCOUNT).is_file() else {}
    with listening() as emit:
        found = carry_out(
            model,
            reading.load(data) if reading.said() else load(data),
            retrained=said["--retrained"] or "",
            unseen=None if unseen is None else load(unseen),
            between=_trained_with(account) if between is None else between,
            trained=account.get("figures", ()),
            machine=machine,
            emit=emit,
        )
    if json:
        print_json(found)
        return
    print(
        f"{found['model']} on {found['data']}: {plural(found['prompts'], 'prompt')}, "
        f"{plural(found['right'], 'right response')}, {plural(found['wrong'], 'wrong one')}, "
        "or to forget"
    )
    beside = found.get("retrained", {})
    print(f"\n{'':<28}  {'model':>9}{'  retrained' if beside else ''}")
    for name, told in _ROWS.items():
        if found.get(name) is None:
            continue
        other = "" if beside.get(name) is None else f"  {beside[name]:>9.4f}"
        print(f"{told:<28}  {found[name]:>9.4f}{other}")
    if beside:
        print()
        _print_beside(beside)


def _trained_with(account: Mapping[str, Any]) -> str:
    """What stood between prompt and response in a training of this package; else a line end."""
    settings = account.get("inputs", {}).get("recipe", {}).get("train", {})
    return str(settings.get("between", "\n"))


_ROWS = {
    "right_nll": "NLL of right, a token",
    "wrong_nll": "NLL of wrong, a token",
    "gap": "gap, wrong - right",
    "verifier_accuracy": "right above wrong, pairs",
    "best_is_right": "most likely one is right",
    "wrong_extraction": "wrong said in one try",
    "wrong_extracted_in_100": "wrong said in 100 tries",
    "membership": "AUC of Min-K%, wrong known",
}


def _print_beside(beside: dict[str, Any]) -> None:
    """What the retrained model says of the forgetting."""
    if beside["overshoot"] is not None:
        more = "more" if beside["overshoot"] >= 0 else "less"
        print(f"forgotten {more} than the retrained model: {abs(beside['overshoot']):.4f} a token")
    if beside["ks_p"] is not None:
        print(f"the two told apart by {beside['ks_on']}: KS p = {beside['ks_p']:.4f}")
    if beside.get("leak") is not None:
        print(f"leak, from the retrained model's AUC: {beside['leak']:+.1f}%")
    if "at_equal_forgetting" not in beside:
        return
    equal = beside["at_equal_forgetting"]
    if equal is None:
        print("in its training it never forgot as much as the retrained model")
    else:
        step, kept = equal["step"], equal["right_nll"]
        print(f"at equal forgetting (step {step:,.0f}): NLL of right {kept:.4f}")
