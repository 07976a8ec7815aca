"""Losses against a reference: DPO here and in TRL, and references that are read once.

TOFU's questions, each with its right answers and its perturbed ones, and a Llama of random weights
(128 numbers wide, two layers, a word a token). *TRL* is installed by pip into a folder of its own,
and is no dependency: it gets the same model, the same reference (the policy is the reference with
noise added to its weights) and the same texts, and computes the loss of one batch of its own
making. *Cached* references are sums that are read once and kept; *recomputed* ones are read again
for every batch, as is usual. Both train an epoch from the same weights over the same batches, on
one thread, and are timed by the processor's time, since the machine does other things too. Labels
of steps: gsm8k's model solutions, whose right or wrong answers are known, by the rule of
`learn.steps.reference_labels`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.data import CACHE, folder
from benchmarks.page import write_page
from benchmarks.unlearning import random_model, rows, written
from negatives.learn.sequence.examples import Responses, compared
from negatives.learn.sequence.forward import sums_of
from negatives.learn.sequence.loss import Text
from negatives.learn.sequence.module import SequenceModule
from negatives.learn.sequence.preference import DPO
from negatives.learn.sequence.references import References
from negatives.learn.sequence.writing import Written
from negatives.learn.sequence.writing import written as tokens_of
from negatives.learn.steps.reference_labels import labelled
from negatives.models.causal_lm import CausalLM
from negatives.read import load

WORK = CACHE / "references"
BATCH = 16
TRL = "trl==1.16.0"
THEIRS = """
import json, sys
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer

policy, reference, rows, out = sys.argv[1:]
pairs = Dataset.from_list([json.loads(line) for line in open(rows, encoding="utf-8")])
reader = AutoTokenizer.from_pretrained(policy)
reader.pad_token = reader.eos_token
trainer = DPOTrainer(
    model=AutoModelForCausalLM.from_pretrained(policy, dtype="float32"),
    ref_model=AutoModelForCausalLM.from_pretrained(reference, dtype="float32"),
    args=DPOConfig(
        output_dir=out, per_device_train_batch_size=len(pairs), beta=0.1, report_to="none",
        use_cpu=True, bf16=False, gradient_checkpointing=False, max_length=256,
        disable_dropout=True,
    ),
    train_dataset=pairs,
    processing_class=reader,
)
batch = next(iter(trainer.get_train_dataloader()))
loss = trainer.compute_loss(trainer.model, batch)
counted = int(batch["completion_mask"].sum())
print("FOUND", json.dumps({"loss": float(loss), "counted": counted}))
"""


class Anew(References):
    """References that are read whenever they are asked for, and never kept."""

    def sums(self, texts: Any) -> Any:
        """float32[n], by a pass of the model."""
        self.computed += len(texts)
        return sums_of(self.net, texts, self.at_once)


def models() -> tuple[Path, Path, Path]:
    """The reference, the policy, and the responses as JSON lines."""
    made = rows("forget01_perturbed", 40)
    answers = [
        (row["question"], text, right)
        for row in made
        for right, texts in (
            (True, [row["answer"], row["paraphrased_answer"]]),
            (False, row["perturbed_answer"]),
        )
        for text in texts
    ]
    source = written(WORK / "responses.jsonl", answers)
    texts = [text for prompt, response, _ in answers for text in (prompt, response)]
    reference = random_model(WORK / "reference", texts, 0)
    policy = random_model(WORK / "policy", texts, 0)
    net = CausalLM(str(reference), device="cpu").net
    torch.manual_seed(1)
    with torch.no_grad():
        for each in net.parameters():
            each += 0.02 * torch.randn_like(each)
    net.save_pretrained(str(policy))
    return reference, policy, source


def module(policy: Path, reference: Path, source: Path, scratch: Path, *, anew: bool) -> Any:
    """A DPO training's module, with references of either sort."""
    model, before = (CausalLM(str(each), device="cpu") for each in (policy, reference))
    loss = DPO(beta=0.1)
    kind = Anew if anew else References
    known: dict[Text, Written] = {}

    def write(text: Text) -> Written:
        if text not in known:
            known[text] = tokens_of(text, model, 256, ends=True)
        return known[text]

    return SequenceModule(
        net=model.net.train(),
        loss=loss,
        found=compared(Responses.of(load(source)), loss, 7),
        write=write,
        between="\n",
        references=kind(before.net, "reference", "reference", scratch, at_once=BATCH),
    )


def theirs(made: Any, policy: Path, reference: Path, numbers: list[int]) -> dict[str, Any]:
    """TRL's loss of these examples, from a process of its own."""
    pairs = WORK / "pairs.jsonl"
    lines = []
    for number in numbers:
        prompt, right, wrong = made.found.of(number)
        row = {"prompt": f"{prompt}\n", "chosen": right[0], "rejected": wrong[0]}
        lines.append(json.dumps(row))
    pairs.write_text("\n".join(lines) + "\n", "utf-8")
    with tempfile.TemporaryDirectory() as there:
        pip = (sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", there, TRL)
        subprocess.run(pip, check=True)
        path = os.pathsep.join([there, *filter(None, [os.environ.get("PYTHONPATH")])])
        done = subprocess.run(
            (sys.executable, "-c", THEIRS, str(policy), str(reference), str(pairs), f"{there}/out"),
            env={**os.environ, "PYTHONPATH": path, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    found = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")]
    if not found:
        raise SystemExit(f"TRL failed:\n{done.stderr[-3000:]}")
    told: dict[str, Any] = json.loads(found[0].removeprefix("FOUND "))
    return told


def epoch(made: Any) -> tuple[list[float], float]:
    """The loss of each batch, and the processor's seconds."""
    optimiser = torch.optim.AdamW(made.net.parameters(), lr=3e-4)
    order = np.random.default_rng(0).permutation(len(made.found))
    losses = []
    began = time.process_time()
    for start in range(0, len(order), BATCH):
        numbers = order[start : start + BATCH].tolist()
        optimiser.zero_grad()
        loss = made.losses(numbers, [-1] * len(numbers)).mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
        if isinstance(made.references, Anew):
            made._sums.clear()
    return losses, time.process_time() - began


def steps() -> Iterator[str]:
    """How the rule labels gsm8k's model solutions."""
    there = folder("gsm8k")

    def read(name: str) -> list[dict[str, Any]]:
        text = (there / f"{name}.jsonl").read_text("utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def lines(text: str) -> list[str]:
        return [line for line in text.split("\n") if line.strip()]

    right = {row["question"]: lines(row["answer"]) for row in read("test")}
    told: dict[bool, list[bool]] = {True: [], False: []}
    for row in read("example_model_solutions"):
        for each in row.values():
            solution = [] if isinstance(each, str) else lines(each["solution"])
            if solution:
                labels = labelled(solution, right[row["question"]])
                told[each["is_correct"]].append(all(label.right for label in labels))
    yield "| solutions | | all steps right by the rule |"
    yield "|---|---|---|"
    for side, name in ((True, "right"), (False, "wrong")):
        yield f"| {name} | {len(told[side]):,} | {np.mean(told[side]):.1%} |"


def main() -> None:
    """Measure, and write the page."""
    torch.set_num_threads(1)
    by_rule = [*steps()]
    reference, policy, source = models()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["NEGATIVES_CACHE"] = scratch
        kept = module(policy, reference, source, Path(scratch), anew=False)
        numbers = [*range(0, len(kept.found), len(kept.found) // 24)]
        own = kept.losses(numbers, [-1] * len(numbers)).mean().item()
        counted = sum(kept.write(text).predicted for n in numbers for text in kept.texts(n))
        other = theirs(kept, policy, reference, numbers)
        began = time.process_time()
        read = kept.remember()
        once = time.process_time() - began
        cached, fast = epoch(kept)
        again = module(policy, reference, source, Path(scratch), anew=True)
        recomputed, slow = epoch(again)
    apart = max(abs(a - b) for a, b in zip(cached, recomputed, strict=True))
    lines = [
        f"## DPO here and in TRL ({TRL})", "",
        f"| | loss of {len(numbers)} pairs | tokens that count |", "|---|---|---|",
        f"| here | {own:.7f} | {counted:,} |",
        f"| TRL | {other['loss']:.7f} | {other['counted']:,} |", "",
        f"Apart by {abs(own - other['loss']):.1e}.", "",
        "## References read once", "",
        "| references | texts read | seconds of an epoch | of it for references, once |",
        "|---|---|---|---|",
        f"| cached | {read:,} | {fast:.1f} | {once:.1f} |",
        f"| recomputed | {again.references.computed:,} | {slow:.1f} | |", "",
        f"{len(cached)} batches of {BATCH} pairs; losses apart by {apart:.1e} at most. An epoch "
        f"with cached references takes 1/{slow / fast:.2f} of the time; the first one, with their "
        f"reading, 1/{slow / (fast + once):.2f}. (The target was 1/1.6.)", "",
        "## Labels of steps, by a rule", "", *by_rule,
    ]  # fmt: skip
    write_page("references", "Losses against a reference", __doc__, lines)
    print("\n".join(lines))
