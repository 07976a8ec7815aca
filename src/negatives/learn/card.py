"""The model card: what the model was trained on, with which negatives, how, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from negatives.learn.settings import Training
from negatives.learn.trainer import METRIC
from negatives.recipe import Recipe


def card(account: dict[str, Any], recipe: Recipe, model: str, whole: Recipe | None = None) -> str:
    """The text of the card, with the front matter that the hub reads.

    `recipe`: of the training that made the model; `whole`: of all rounds, where there are several.
    """
    train = cast("Training", recipe.train)
    kind, loads = train.kind, train.loaded_by
    base = Path(model).name or model
    lines = [
        "---",
        *([f"library_name: {train.library}"] if loads else []),
        f"pipeline_tag: {train.task}",
        f"tags: [{f'{train.library}, ' if loads else ''}negatives]",
        "---",
        "",
        f"# {base}, fine-tuned as {'an' if kind[0] in 'aeiou' else 'a'} {kind}"
        if train.reads_texts
        else ("# Vectors by id" if train.by_id else f"# A small model, trained by {kind}"),
        "",
        f"{_about(account, recipe, base)}",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in _facts(account, recipe)),
        "",
        "```python",
        *_loading(train),
        "```",
        "",
        *_rounds(account),
        *_history(account),
        "## Recipe",
        "",
        "```toml",
        (whole or recipe).to_toml().strip(),
        "```",
        "",
    ]
    return "\n".join(lines)


def _loading(train: Training) -> list[str]:
    """The lines of Python that open the model."""
    if loads := train.loaded_by:
        first = f"from {train.library.replace('-', '_')} import {loads}"
        return [first, "", f'model = {loads}{train.loading}("path/to/this/folder")']
    if not train.by_id:
        return [
            "from negatives.models.open_encoder import open_encoder",
            "",
            'contents = open_encoder("path/to/this/folder").contents  # by what they read',
            "vectors = {name: each.encode([]).vectors for name, each in contents.items()}",
        ]
    return [
        "from negatives.models.open_encoder import open_encoder",
        "",
        'queries, docs = open_encoder("path/to/this/folder").sides',
        'vectors = docs.encode(["some id", "another"]).vectors',
    ]


def _about(account: dict[str, Any], recipe: Recipe, base: str) -> str:
    how = f"{account['examples']:,} examples in {account['steps']:,} steps"
    negatives = account["negatives"]
    if recipe.draws and not negatives:
        return f"Trained on {how}, with negatives drawn at every step: {_drawn(recipe)}."
    if not negatives:
        return f"Trained from {base} on {how}, without mined negatives."
    return (
        f"Trained from {base} on {how}, with negatives "
        f"{'of the recipe ' + repr(negatives['recipe']) if 'recipe' in negatives else 'of a file'}."
    )


def _drawn(recipe: Recipe) -> str:
    """The sources that they are drawn by."""
    return ", ".join(repr(source) for source in recipe.find)


def _facts(account: dict[str, Any], recipe: Recipe) -> list[tuple[str, str]]:
    negatives, train = account["negatives"], recipe.train
    found = [
        ("data", account["data"]),
        *([("examples chosen by", repr(recipe.choose))] if recipe.choose else []),
        ("loss", repr(recipe.learn)),
        ("batches", repr(recipe.batch)),
    ]
    if negatives:
        found.append(("negatives", f"{negatives['negatives']:,}"))
    if negatives.get("expected_false") is not None:
        share = f"{negatives['expected_false']:.1%} (mean p_relevant, an estimate)"
        found.append(("of them false, expected", share))
    if train is not None:
        found += [("settings", repr(train))]
    found += [("seed", str(recipe.seed)), ("device", account["device"])]
    if account.get("best_step") is not None:
        found.append(
            (
                "nDCG@10 on a part of the dev split",
                f"{account['best']:.4f} at step {account['best_step']:,}",
            )
        )
    return found


def _history(account: dict[str, Any]) -> list[str]:
    looks = [row for row in account["history"] if METRIC in row]
    rows = [f"| {row['step']:,} | {row[METRIC]:.4f} |" for row in looks]
    table = ["| step | nDCG@10 (dev) |", "|---:|---:|", *rows, ""] if looks else []
    return ["## On the way", "", "![loss and dev figures by step](curve.svg)", "", *table]


def _rounds(account: dict[str, Any]) -> list[str]:
    """A row for each round, where the model was made in several."""
    if "rounds" not in account:
        return []
    lines = ["## Rounds", "", "| round | model | what | steps | nDCG@10 (dev) |"]
    lines.append("|---:|---|---|---:|---:|")
    for entry in account["rounds"]:
        what = entry["kind"]
        if "averaged" in entry:
            what = f"the mean of {', '.join(entry['averaged'])}"
        elif "trained" in entry:
            what = f"trained as {entry['trained']} from {Path(entry['began']).name}"
        best = entry.get("best")
        told = "" if best is None else f"{best:.4f}"
        lines.append(
            f"| {entry['round']} | {entry['role']} | {what} | {entry.get('steps', '')} | {told} |"
        )
    return [*lines, ""]
