"""negatives evaluate, where MODEL is a language model: right and wrong responses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from negatives.cli.data_options import DataOptions
from negatives.cli.options import refuse_said
from negatives.cli.resources import Resources
from negatives.cli.streams import print_json


def refuse_responses(of_responses: Mapping[str, str | None]) -> None:
    """`InputError` for options of language models, where none is measured."""
    refuse_said(
        {option: value is not None for option, value in of_responses.items()},
        "this is of a language model, and none is measured",
        "name a causal language model's folder, or leave it out",
    )


def evaluate_responses(
    model: str,
    data: str,
    of_responses: Mapping[str, str | None],
    of_rankings: Mapping[str, Any],
    resources: Resources,
    reading: DataOptions,
    json: bool,
) -> None:
    """Measure, and print the figures.

    `of_rankings`: options of what is measured by rankings of documents, none of which may be said.
    """
    refuse_said(
        of_rankings,
        "a language model is measured by its likelihoods of responses, on one collection",
        "leave it out, or name a model of embeddings or a reranker",
    )
    from negatives.cli.listen import listening
    from negatives.learn.model_files import ACCOUNT
    from negatives.learn.trained import model_folder
    from negatives.machine import Machine
    from negatives.measure.responses import evaluate_responses as carry_out
    from negatives.read import load
    from negatives.wording import plural

    unseen, between = of_responses["--unseen"], of_responses["--between"]
    machine = Machine.checked(resources.threads, resources.memory, resources.device)
    account = model_folder(Path(model)).read() if (Path(model) / ACCOUNT).is_file() else {}
    with listening() as emit:
        found = carry_out(
            model,
            reading.load(data),
            retrained=of_responses["--retrained"] or "",
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
