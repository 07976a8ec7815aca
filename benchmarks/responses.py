"""Right and wrong solutions of gsm8k: what each loss makes of them, and of wrong labels.

Model solutions of 303 questions that have both, a right and a wrong one, at most 75 words long;
questions are parted (55, 15 and 30%), anew for every seed. A Llama of random weights (128 numbers
wide, two layers, a word or a digit a token) learns for 150 steps solutions of gsm8k's own train,
written by people, and is the *start* of all arms. Each then has 24 steps of 8 responses (a pair is
two), its recipe as it is shipped but for model, steps, batch and learning rate, of which two are
tried at the first seed without errors, on the verifier of the validation part. That is little, so
that all arms, seeds and errors take half an hour of one processor. Of the test part, which nothing
else sees: the negative log-likelihood of a token of right and of wrong solutions; the *gap*, of
wrong ones less that of right ones of the same question, the mean over questions; *less the
control's* (the likelihood of right ones), by question, over seeds, with a 95% interval and Holm's p
of sign flips; the *verifier*, how often a right solution has the higher mean log-probability than a
wrong one of its question (each question counts once; .5 is chance); AUC over all solutions. Arms
that learn words before each response are asked with the words of right ones, and once more by the
difference to the words of wrong ones, whose gap is of that difference. Labels are turned round,
right to wrong and wrong to right alike, in the train part only. Controls without a model: the
shorter solution is right; the one whose author has more right ones in the train part.

NEGATIVES_BENCH_SEEDS says how often (3), NEGATIVES_BENCH_PLANTED how many of the shares 0, .2 and
.1 of labels are turned (3), NEGATIVES_BENCH_TOY=1 cuts all steps to a few. Figures are kept in
.cache/benchmarks/responses, seed by seed, and what is there is not done again; with labels turned
only seeds that have all shares are compared.
"""

from __future__ import annotations

import os
from collections import Counter
from functools import cache
from pathlib import Path

import torch

from benchmarks.data import CACHE
from benchmarks.figures import package
from benchmarks.page import write_page
from benchmarks.solutions import parted, spaced, words_of
from benchmarks.solutions import written_by_people as people
from benchmarks.told_responses import lines, packaged
from benchmarks.unlearning import random_model, written
from benchmarks.verifying import ARMS, PLANTED, PUT_IN, START, Arm, Task, learned

SEEDS = int(os.environ.get("NEGATIVES_BENCH_SEEDS", "3"))
TOY = bool(os.environ.get("NEGATIVES_BENCH_TOY"))
WORK = CACHE / ("responses-toy" if TOY else "responses")
BEGINNING, STEPS = (6, 2) if TOY else (150, 24)
RATES = (3e-4, 1e-3)
WORDS = 2_000
"""The model's vocabulary: the most frequent ones."""
TRIED = int(os.environ.get("NEGATIVES_BENCH_PLANTED", "3"))


@cache
def vocabulary() -> tuple[str, ...]:
    """The most frequent words of what people wrote, and those that losses put in."""
    texts = [spaced(text) for pair in people() for text in pair]
    counted = Counter(word for text in texts for word in words_of(text))
    return (*{word for text in PUT_IN for word in words_of(text)},
            *(word for word, _ in counted.most_common(WORDS)))  # fmt: skip


def beginning(folder: Path, seed: int) -> Path:
    """The model that all arms of a seed start from."""
    out = folder / "start"
    if (out / "model.safetensors").is_file():
        return out
    own = [(spaced(prompt), spaced(text), True) for prompt, text in people()]
    source = written(WORK / "people.jsonl", own)
    random = random_model(folder / "random", [*vocabulary()], seed)
    likelihood = Arm("default", ("learn.kind=likelihood",))
    learned(out, likelihood, random, source, 0.003, BEGINNING, seed)
    return out


TASK = Task(WORK, STEPS, RATES, beginning, parted)


def main() -> None:
    """Measure, and write the page."""
    os.environ["NEGATIVES_CACHE"] = str(WORK / "store")
    torch.set_num_threads(1)
    for share in PLANTED[:TRIED]:
        every = [TASK.figures(seed, share) for seed in range(SEEDS)]
    told = ["## gsm8k", "", *lines(every, [*ARMS], PLANTED, START, authors=True)]
    if not TOY:
        package("responses", packaged(every, ARMS, "gsm8k", "Right and wrong solutions of gsm8k"))
        write_page("responses", "Right and wrong solutions", __doc__, told)
    print("\n".join(told))
