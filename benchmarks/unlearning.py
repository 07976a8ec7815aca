"""A language model that forgets authors: what the rest costs where both have forgotten as much.

TOFU's questions on fictitious authors: two to forget (40 answers), four to keep (80). A Llama of
random weights (128 numbers wide, two layers, a word a token) learns all of them, the *original*,
and another one with the same seed the four alone, the *retrained* control. Every arm starts from
the original, with equal steps, batches and learning rate. *Equal forgetting* is the first step at
which the forgotten answers are as improbable as to the control; there the negative log-likelihood
of what is kept is compared, a token, and 20 steps later once more, with how much further the
forgotten ones have fallen (overshoot): an arm that fades by itself stays. *Half-way* is the same at
half of the control's improbability, which milder arms reach, too; `never` counts seeds in which a
step did not come. Means over seeds, and the smallest and largest.

NEGATIVES_BENCH_SEEDS says how often (5), NEGATIVES_BENCH_TOY=1 cuts all steps to a few. Models and
figures are kept in .cache/benchmarks/unlearning, seed by seed, and what is there is not done again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import torch

from benchmarks.data import CACHE, folder
from benchmarks.figures import package
from benchmarks.page import write_page
from negatives.learn.request import completed
from negatives.learn.train import train
from negatives.measure.responses import at_equal_forgetting, compared_with, said_by
from negatives.models.causal_lm import CausalLM
from negatives.read import load
from negatives.recipe import load_recipe
from negatives.store.atomic import write_json

SEEDS = int(os.environ.get("NEGATIVES_BENCH_SEEDS", "5"))
TOY = bool(os.environ.get("NEGATIVES_BENCH_TOY"))
WORK = CACHE / ("unlearning-toy" if TOY else "unlearning")
FORGET, KEEP = (10, 20) if TOY else (40, 80)
LEARNING, FORGETTING, REINFORCING = (6, 4, 2) if TOY else (400, 80, 40)
LATER = 2 if TOY else 20
"""Steps after equal forgetting at which it is looked once more."""
BATCH = 8
WIDTH = 128

ARMS: dict[str, tuple[str, ...]] = {
    "GA": ("learn.kind=gradient-ascent", "learn.retain=none"),
    "GA + RT": ("learn.kind=gradient-ascent",),
    "NPO": ("learn.kind=npo", "learn.retain=none"),
    "NPO + RT": ("learn.kind=npo",),
    "SimNPO + RT": ("learn.kind=simnpo",),
    "IDK + RT": ("learn.kind=idk",),
    "UNDIAL + RT": ("learn.kind=undial",),
    "WHP + RT": ("learn.kind=generic-labels",),
    "D2O": ("learn.kind=d2o",),
}
"""RT: what is kept is held by its likelihood. D2O's anchors are TOFU's perturbed answers."""


def rows(name: str, count: int) -> list[dict[str, Any]]:
    """The first questions of a file of TOFU."""
    lines = (folder("tofu") / f"{name}.json").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines[:count]]


def written(path: Path, made: Sequence[tuple[str, str, bool]]) -> Path:
    """Responses as JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps({"prompt": p, "response": r, "label": good}) for p, r, good in made)
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


def data() -> dict[str, Path]:
    """What is learned at first, what is kept, what is forgotten beside it, and with anchors."""
    forget, keep = rows("forget01_perturbed", FORGET), rows("retain99", KEEP)
    lost = [(row["question"], row["answer"], True) for row in forget]
    kept = [(row["question"], row["answer"], True) for row in keep]
    unwanted = [(prompt, response, False) for prompt, response, _ in lost]
    anchors = [(row["question"], each, True) for row in forget for each in row["perturbed_answer"]]
    return {
        "all": written(WORK / "all.jsonl", [*lost, *kept]),
        "kept": written(WORK / "kept.jsonl", kept),
        "forget": written(WORK / "forget.jsonl", [*unwanted, *kept]),
        "anchors": written(WORK / "anchors.jsonl", [*unwanted, *anchors]),
    }


def texts(there: dict[str, Path]) -> list[str]:
    """All words that any of the models reads."""
    found = [json.loads(row) for name in ("anchors", "all")
             for row in there[name].read_text().splitlines()]  # fmt: skip
    return [text for row in found for text in (row["prompt"], row["response"])]


def random_model(path: Path, read: list[str], seed: int) -> Path:
    """A Llama of random weights that reads words."""
    if (path / "model.safetensors").is_file():
        return path
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    marks = ["<unk>", "<s>", "</s>"]
    made: Any = Tokenizer(models.WordLevel(unk_token=marks[0]))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split("\n", "isolated"), pre_tokenizers.Whitespace()]
    )
    made.train_from_iterator(read, trainers.WordLevelTrainer(special_tokens=marks))
    fast: Any = PreTrainedTokenizerFast(
        tokenizer_object=made, unk_token=marks[0], bos_token=marks[1], eos_token=marks[2]
    )
    fast.save_pretrained(str(path))
    torch.manual_seed(seed)
    LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(fast),
            hidden_size=WIDTH,
            intermediate_size=4 * WIDTH,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=256,
            bos_token_id=1,
            eos_token_id=2,
            pad_token_id=None,
        )
    ).save_pretrained(str(path))
    return path


def learned(
    name: str, model: Path, source: Path, seed: int, steps: int, *changes: str, dev: Any = None
) -> Path:
    """A training, kept in a folder of its own; what is done is not done again."""
    out = WORK / str(seed) / name
    settings = (
        f"train.steps={steps}", f"train.batch_size={BATCH}", "train.schedule=constant",
        "train.learning_rate=0.001", "train.warmup=0", *changes,
    )  # fmt: skip
    chosen = completed(load_recipe("default"), str(model), "language-model", settings)
    train(source, out, model=str(model), recipe=chosen, seed=seed, dev=dev, threads=1, device="cpu")
    return out


def figures(seed: int) -> dict[str, dict[str, Any]]:
    """What each arm came to, from the models of one seed."""
    kept = WORK / f"{seed}.json"
    found: dict[str, dict[str, Any]] = json.loads(kept.read_text()) if kept.is_file() else {}
    if {*ARMS} <= {*found}:
        return found
    there = data()
    start = random_model(WORK / str(seed) / "random", texts(there), seed)
    likelihood = "learn.kind=likelihood"
    original = learned("original", start, there["all"], seed, LEARNING, likelihood)
    control = learned("retrained", start, there["kept"], seed, LEARNING, likelihood)
    wrong = ("learn.side=wrong", "train.learning_rate=0.0005")
    reinforced = learned(
        "reinforced", original, there["forget"], seed, REINFORCING, likelihood, *wrong
    )
    judged = load(there["forget"])
    retrained = said_by(CausalLM(str(control), device="cpu"), judged)
    level = float(retrained.nll[~retrained.right].mean())
    for arm, changes in ARMS.items():
        if arm in found:
            continue
        more = [f"learn.reinforced={reinforced}"] if arm.startswith("WHP") else []
        source = there["anchors"] if arm == "D2O" else there["forget"]
        name = arm.lower().replace(" ", "").replace("+", "-")
        out = learned(
            name, original, source, seed, FORGETTING, *changes, *more, "train.evaluate=4",
            "train.learning_rate=0.0003", dev=there["forget"],
        )  # fmt: skip
        found[arm] = of_arm(out, level, retrained, judged)
        write_json(kept, found)
    return found


def of_arm(out: Path, level: float, retrained: Any, judged: Any) -> dict[str, Any]:
    """Where it had forgotten as much as the control, and what had become of it later."""
    account = json.loads((out / "training.json").read_text())
    seen = account["figures"]
    equal, half = at_equal_forgetting(seen, level), at_equal_forgetting(seen, level / 2)
    later = None
    if equal is not None:
        later = next((row for row in seen if row["step"] >= equal["step"] + LATER), None)
    ends = compared_with(said_by(CausalLM(str(out), device="cpu"), judged), retrained)
    return {
        "before": seen[0]["right_nll"],
        "level": level,
        "half": half,
        "equal": equal,
        "later": later,
        "end": seen[-1],
        "ks_p": ends["ks_p"],
        "seconds": account["wall_seconds"],
    }


def lines(every: list[dict[str, dict[str, Any]]]) -> Iterator[str]:
    """The table."""
    level = mean(each["level"] for found in every for each in found.values())
    before = mean(each["before"] for found in every for each in found.values())
    yield "## tofu"
    yield ""
    yield (
        f"NLL of a token: kept answers by the original {before:.3f}; forgotten ones by the control "
        f"{level:.3f}. Seeds: {len(every)}."
    )
    yield ""
    yield (
        "| arm | half-way: steps | kept | never | equal: steps | kept | never "
        "| kept 20 steps later | overshoot | at the end: forgotten | kept |"
    )
    yield f"|---|{'---|' * 10}"
    for arm in ARMS:
        of = [found[arm] for found in every]
        later = [each for each in of if each["later"] is not None]
        cells = [
            *_reached([each["half"] for each in of]),
            *_reached([each["equal"] for each in of]),
            _spread([each["later"]["right_nll"] for each in later]),
            _spread([each["later"]["wrong_nll"] - each["level"] for each in later]),
            _spread([each["end"]["wrong_nll"] for each in of]),
            _spread([each["end"]["right_nll"] for each in of]),
        ]
        yield f"| {arm} | {' | '.join(cells)} |"
    seconds = mean(sum(each["seconds"] for each in found.values()) for found in every)
    yield ""
    yield f"{seconds:,.0f} seconds a seed for all arms, without the models they start from."


def _reached(steps: list[dict[str, float] | None]) -> Iterator[str]:
    """When a level was reached, what was kept then, and in how many seeds it was not."""
    there = [step for step in steps if step is not None]
    yield _spread([step["step"] for step in there], 0)
    yield _spread([step["right_nll"] for step in there])
    yield f"{len(steps) - len(there)} of {len(steps)}"


RECIPES = {"NPO + RT": "npo", "WHP + RT": "whp", "D2O": "d2o"}
BESIDE = "GA + RT"


def packaged(every: list[dict[str, dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Of each recipe what it keeps half-way, where all seeds came there, and what it forgets."""
    return {recipe: [*_figures(every, arm)] for arm, recipe in RECIPES.items()}


def _figures(every: list[dict[str, dict[str, Any]]], arm: str) -> Iterator[dict[str, Any]]:
    about = {
        "title": "Forgetting two authors of TOFU",
        "model": "a Llama of two layers",
        "seeds": len(every),
        "beside": BESIDE,
        "seconds": round(mean(found[arm]["seconds"] for found in every), 1),
    }
    for stage, name, metric in (
        ("half", "right_nll", "NLL of what is kept, forgotten half-way (lower is better)"),
        ("end", "wrong_nll", "NLL of what is forgotten, at the end (higher is more forgotten)"),
    ):
        own, beside = ([found[each][stage] for found in every] for each in (arm, BESIDE))
        if None not in own:
            value, naive = (round(mean(at[name] for at in each), 5) for each in (own, beside))
            yield {"stage": "tofu", "metric": metric, "value": value, "naive": naive, **about}


def _spread(values: list[float], places: int = 3) -> str:
    if not values:
        return "-"
    low, high = min(values), max(values)
    return f"{mean(values):.{places}f} ({low:.{places}f} to {high:.{places}f})"


def main() -> None:
    """Measure, and write the page."""
    os.environ["NEGATIVES_CACHE"] = str(WORK / "store")
    every = [figures(seed) for seed in range(SEEDS)]
    if not TOY:
        package("unlearning", packaged(every))
        write_page("unlearning", "Forgetting authors", __doc__, lines(every))
    print("\n".join(lines(every)))
