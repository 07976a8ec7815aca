"""negatives distract: what a run's negatives do to the answers of a language model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from negatives.cli.options import Flag, RunFolder
from negatives.cli.resources import ALL_THREADS, Threads
from negatives.cli.streams import print_card, print_json


def distract(
    run: RunFolder,
    /,
    *,
    llm: str,
    answers: Path,
    api_key: str = "",
    prompt: str = "",
    distractors: int = 4,
    questions: int = 200,
    characters: int = 800,
    dry_run: Flag = False,
    resources: Threads = ALL_THREADS,
    json: Flag = False,
) -> None:
    """A language model's answers with the run's negatives beside a positive, and without.

    Examples:

        negatives distract runs/faq --answers answers.csv \\
            --llm http://127.0.0.1:8080/v1#qwen

    Each question is asked with a positive alone, with random documents beside it,
    with the run's negatives, and with these reordered: the best at both ends.
    Which answers flip is tested exactly. A passage that holds an answer itself is
    no distractor, and is left out.

    Parameters
    ----------
    llm
        URL#NAME of an OpenAI-compatible endpoint.
    answers
        A table of query_id and answer, a row for each answer.
    api_key
        env:NAME of the variable that holds the key.
    prompt
        A Jinja file in place of ours, with query and the list passages.
    distractors
        Passages beside the positive.
    questions
        Questions that are asked, at most, each in four ways.
    characters
        Characters of a passage that are shown.
    dry_run
        Say what it would cost, and ask nobody.
    json
        Print what was found as JSON.
    """
    resources.limit_pools()
    from negatives.cli.costs import tell_cost
    from negatives.cli.listen import listening
    from negatives.measure.distraction import distraction, distraction_cost
    from negatives.store.run import Run

    opened = Run(run)
    how: dict[str, Any] = {
        "llm": llm,
        "prompt": prompt,
        "distractors": distractors,
        "questions": questions,
        "characters": characters,
    }
    if dry_run:
        cost = distraction_cost(opened, answers, api_key=api_key, **how)
        tell_cost(cost, how, json=json)
        return
    with listening() as emit:
        found = distraction(opened, answers, api_key=api_key, emit=emit, **how)
    if json:
        print_json(found.as_dict())
        return
    print_card(found.card())
