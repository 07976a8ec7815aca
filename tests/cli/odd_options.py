"""Odd values of each option of each command, and odd commands."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from negatives.cli import (
    audit,
    cache,
    compare,
    data,
    data_instructions,
    data_planting,
    doctor,
    evaluate,
    export,
    judge,
    lint,
    mine,
    pick,
    recipes,
    report,
    train,
)
from tests.cli.odd import Odd
from tests.cli.odd_files import ANY, BEIR, PAIRS

VALUES = {
    "empty": "",
    "5,000 letters": "x" * 5000,
    "below zero": "-1",
    "no number": "nan",
    "huge": "9" * 30,
    "a list": "[1]",
    "a place that is none": "/proc/nope/x.csv",
    "the folder": ".",
    "half a character": "caf\udce9",
}
MINE = ("mine", "data", "--recipe", "bm25", "--quiet", "--threads", "1")
COMMANDS: dict[tuple[str, ...], Callable[..., Any]] = {
    (*MINE, "--out", "out"): mine.mine,
    ("evaluate", "bm25", "data", "--quiet", "--threads", "1"): evaluate.evaluate,
    ("lint", "pairs.jsonl", "--quiet"): lint.lint,
    ("train", "pairs.jsonl", "--out", "out", "--model", "./nowhere", "--quiet"): train.train,
    ("compare", "data", "--recipes", "bm25", "--out", "out", "--on", "data", "--model", "./nowhere",
     "--quiet"): compare.compare,
    ("doctor",): doctor.doctor,
    ("data", "validate", "data"): data.validate,
    ("data", "describe", "data"): data.describe,
    ("data", "convert", "data", "--out", "out"): data.convert,
    ("data", "plant", "data", "--out", "out", "--share", "1"): data_planting.plant,
    ("data", "instructions", "data", "--out", "out.md", "--quiet"):
        data_instructions.instructions,
    ("cache", "list"): cache.list_,
    ("cache", "size"): cache.size,
    ("cache", "prune"): cache.prune,
    ("cache", "verify"): cache.verify,
    ("recipes", "list"): recipes.list_,
}  # fmt: skip
"""Words of a command that can be carried out -> its function, whose options are changed."""

KEPT = (("compare", "--model"), ("compare", "--quarantine"))
"""What stays, rightly, where the base command fails late: mined arms, and rows set aside."""

ON_A_RUN: dict[tuple[str, ...], Callable[..., Any]] = {
    ("pick", "RUN", "--quiet"): pick.pick,
    ("export", "RUN", "-f", "triplet", "-o", "out.jsonl", "--quiet"): export.export,
    ("audit", "RUN"): audit.audit,
    ("judge", "RUN", "--set", "model=./nowhere", "--quiet"): judge.judge,
    ("report", "RUN"): report.report,
}


def options(run: Mapping[str, bytes]) -> Iterator[Odd]:
    """Every option that takes a value, with every value of `VALUES`."""
    files = {**BEIR, "pairs.jsonl": PAIRS.encode()}
    for words, function in {**COMMANDS, **ON_A_RUN}.items():
        for option in _options(function):
            if (words[0], option) in KEPT:
                continue
            for name, value in VALUES.items():
                yield Odd(
                    f"{words[0]} {words[1] if words[1:] else ''}: {option} {name}",
                    (*_without(words, option), option, value),
                    {**files, **run} if "RUN" in words else files,
                    ANY,
                )


def _options(function: Callable[..., Any]) -> list[str]:
    """The options of a command that take a value."""
    return [
        f"--{parameter.name.strip('_').replace('_', '-')}"
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        and "Flag" not in str(parameter.annotation)
        and parameter.default is not False
        and "bool" not in str(parameter.annotation)
    ]


def _without(words: tuple[str, ...], option: str) -> tuple[str, ...]:
    """The words without an option that is given again; options of one letter have a long name."""
    names = {"-f": "--format", "-o": "--out"}
    kept = list(words)
    for place, word in enumerate(words):
        if names.get(word, word) == option and option != "--set":
            del kept[place : place + 2]
            break
    return tuple(kept)


def commands(run: Mapping[str, bytes]) -> Iterator[Odd]:
    """Odd commands: words missing, too many, twice, unknown; places that are something else."""
    files = {**BEIR, "pairs.jsonl": PAIRS.encode(), "a-file": b"x",
             "others.tsv": b"query-id\tcorpus-id\tscore\nother\td1\t1\n"}  # fmt: skip
    long = "x" * 5000
    odd: dict[str, tuple[str, ...]] = {
        "an unknown command": ("mien",),
        "a command of 5,000 letters": (long,),
        "an unknown option": (*MINE, "--out", "out", "--nonsense", "3"),
        "an unknown flag": (*MINE, "--out", "out", "--nonsense"),
        "an option without a value": (*MINE, "--out"),
        "an option twice": (*MINE, "--out", "out", "--out", "other"),
        "a flag twice": (*MINE, "--out", "out", "--json", "--json"),
        "a flag with a value": (*MINE, "--out", "out", "--json=maybe"),
        "too many words": (*MINE, "more", "--out", "out"),
        "no data": ("mine", "--out", "out"),
        "data that is empty": ("mine", "", "--out", "out"),
        "out is empty": ("mine", "data", "--out", ""),
        "out is a file": (*MINE, "--out", "a-file"),
        "out is in a file": (*MINE, "--out", "a-file/out"),
        "out is the data": (*MINE, "--out", "data"),
        "out is here": (*MINE, "--out", "."),
        "a split of 5,000 letters": ("mine", f"data@{long}", "--out", "out"),
        "a split that is empty": ("mine", "data@", "--out", "out"),
        "two splits": ("mine", "data@a@b", "--out", "out"),
        "data of 5,000 letters": ("mine", long, "--out", "out"),
        "data of 300 letters": ("mine", long[:300], "--out", "out"),
        "data that is half a character": ("mine", "caf\udce9", "--out", "out"),
        "data with a null byte": ("mine", "a\0b", "--out", "out"),
        "data that is a pattern": ("mine", "[", "--out", "out"),
        "data that is many": ("mine", "**", "--out", "out"),
        "a device": ("mine", "/dev/null", "--out", "out"),
        "a folder of the system": ("mine", "/proc/self", "--out", "out"),
        "a file of the system": ("data", "validate", "/proc/self/mem"),
        "ir_datasets of nothing": ("mine", "ir_datasets:", "--out", "out"),
        "ir_datasets of nonsense": ("mine", "ir_datasets:nonsense/x", "--out", "out"),
        "a run that is data": ("pick", "data"),
        "a run that is a file": ("report", "a-file"),
        "a run that is nowhere": ("export", "nowhere", "-f", "triplet", "-o", "x.jsonl"),
        "a run of 5,000 letters": ("audit", long),
        "an unknown picker": ("pick", "RUN", "nonsense"),
        "a picker of 5,000 letters": ("pick", "RUN", long),
        "a picker's setting that it has not": ("pick", "RUN", "top", "--set", "a=1"),
        "a setting without a value": ("pick", "RUN", "top", "--set", "by"),
        "a setting without a name": ("pick", "RUN", "top", "--set", "=1"),
        "a path of settings": ("pick", "RUN", "top", "--set", "a.b.c=1"),
        "a column that is not there": ("pick", "RUN", "top", "--set", "by=nonsense"),
        "a column of lists": ("pick", "RUN", "top", "--set", "by=sources"),
        "a column of texts": ("pick", "RUN", "random", "--set", "by=query_id"),
        "an unknown judge": ("judge", "RUN", "--judge", "nonsense"),
        "a judge without a model": ("judge", "RUN"),
        "an unknown format": ("export", "RUN", "-f", "nonsense", "-o", "x.jsonl"),
        "a format of 5,000 letters": ("export", "RUN", "-f", long, "-o", "x.jsonl"),
        "an ending that a format has not": ("export", "RUN", "-f", "flagembedding", "-o", "x.csv"),
        "an ending of nothing": ("export", "RUN", "-f", "triplet", "-o", "x"),
        "an export into a folder": ("export", "RUN", "-f", "triplet", "-o", "data"),
        "an export into a file": ("export", "RUN", "-f", "triplet", "-o", "a-file/x.jsonl"),
        "an export to the system": ("export", "RUN", "-f", "triplet", "-o", "/proc/x.jsonl"),
        "an export of 300 letters": ("export", "RUN", "-f", "triplet", "-o", f"{long[:300]}.jsonl"),
        "a sample of none": ("audit", "RUN", "--sample", "0", "-o", "x.csv"),
        "a sample below none": ("audit", "RUN", "--sample", "-3", "-o", "x.csv"),
        "a sample without a place": ("audit", "RUN", "--sample", "3"),
        "a sample into a folder": ("audit", "RUN", "--sample", "3", "-o", "data"),
        "a sample into the system": ("audit", "RUN", "--sample", "3", "-o", "/proc/x.csv"),
        "a review of a folder": ("audit", "RUN", "--review", "data"),
        "a truth of other queries": ("audit", "RUN", "--truth", "others.tsv"),
        "a share of all": ("audit", "RUN", "--truth", "others.tsv", "--max-fnr", "2"),
        "reviews that nobody made": ("judge", "RUN", "--reviews"),
        "canaries in a file": (
            "data",
            "canaries",
            "data",
            "--out",
            "a-file/out",
            "--lists",
            "lists",
            "--model",
            "./nowhere",
        ),
        "lists in a file": (
            "data",
            "canaries",
            "data",
            "--out",
            "out",
            "--lists",
            "a-file/lists",
            "--model",
            "./nowhere",
        ),
        "queries made in a file": ("make", "data", "--out", "a-file/out"),
        "distraction of no answers": (
            "distract",
            "RUN",
            "--llm",
            "http://127.0.0.1:9/v1#m",
            "--answers",
            "others.tsv",
        ),
        "a review of a file": ("review", "a-file", "--no-browser"),
        "a port that is none": ("review", "RUN", "--no-browser", "--port", "70000"),
        "a share that is no number": ("review", "RUN", "--no-browser", "--twice", "nan"),
        "a truth that is an empty file": ("audit", "RUN", "--truth", "empty"),
        "no model": ("evaluate", "./nowhere", "data"),
        "a model that is a file": ("evaluate", "a-file", "data"),
        "a model that is empty": ("evaluate", "", "data"),
        "an onnx file that is none": ("evaluate", "./nowhere.onnx", "data"),
        "an address without a model": ("evaluate", "http://localhost:1/v1", "data"),
        "an unknown metric": ("evaluate", "bm25", "data", "--metric", "nonsense"),
        "a metric of 5,000 letters": ("evaluate", "bm25", "data", "--metric", long),
        "a metric at nothing": ("evaluate", "bm25", "data", "--metric", "nDCG@"),
        "a metric at zero": ("evaluate", "bm25", "data", "--metric", "nDCG@0"),
        "a metric below zero": ("evaluate", "bm25", "data", "--metric", "nDCG@-3"),
        "a metric at a fraction": ("evaluate", "bm25", "data", "--metric", "nDCG@1.5"),
        "a metric at a huge number": ("evaluate", "bm25", "data", "--metric", f"P@{'9' * 30}"),
        "a metric of nothing": ("evaluate", "bm25", "data", "--metric", "@10"),
        "a metric with a bracket": ("evaluate", "bm25", "data", "--metric", "nDCG("),
        "a metric with a wrong argument": ("evaluate", "bm25", "data", "--metric", "AP(foo=1)"),
        "a metric with a wrong value": ("evaluate", "bm25", "data", "--metric", "AP(rel=x)@3"),
        "a metric with code": ("evaluate", "bm25", "data", "--metric", "__import__('os')"),
        "recall at nothing": ("evaluate", "bm25", "data", "--metric", "Recall"),
        "ERR": ("evaluate", "bm25", "data", "--metric", "ERR"),
        "a fix without a place": ("lint", "pairs.jsonl", "--fix"),
        "a place without a fix": ("lint", "pairs.jsonl", "-o", "x.jsonl"),
        "a fix into itself": ("lint", "pairs.jsonl", "--fix", "-o", "pairs.jsonl"),
        "a fix into the system": ("lint", "pairs.jsonl", "--fix", "-o", "/proc/x.jsonl"),
        "a fix into a folder": ("lint", "pairs.jsonl", "--fix", "-o", "data"),
        "lint of a folder": ("lint", "data"),
        "lint against nothing": ("lint", "pairs.jsonl", "--against", "nowhere"),
        "training from nothing": ("train", "nowhere", "--out", "out"),
        "training a nonsense": ("train", "pairs.jsonl", "--out", "out", "--kind", "nonsense"),
        "a comparison of nothing": ("compare", "data", "--recipes", "--out", "out"),
        "a comparison of nonsense": ("compare", "data", "--recipes", "nonsense", "--out", "out"),
        "pruning nothing": ("cache", "prune"),
        "pruning to nonsense": ("cache", "prune", "--to", "nonsense"),
        "pruning to a long number": ("cache", "prune", "--to", "9" * 400),
        "pruning what is old as nonsense": ("cache", "prune", "--older-than", "yesterday"),
        "pruning what is old as a long number": ("cache", "prune", "--older-than", "9" * 400 + "d"),
        "a recipe that is not there": ("recipes", "show", "nonsense"),
        "a recipe file that is not there": ("recipes", "check", "nowhere.toml"),
        "a recipe that is a folder": ("recipes", "check", "data"),
        "a recipe of 5,000 letters": ("recipes", "show", long),
        "a recipe file of 5,000 letters": ("recipes", "check", f"{long}.toml"),
        "converting into the data": ("data", "convert", "data", "--out", "data"),
        "converting into the system": ("data", "convert", "data", "--out", "/proc/x"),
        "planting nothing": ("data", "plant", "data", "--out", "out", "--share", "0"),
        "planting more than all": ("data", "plant", "data", "--out", "out", "--share", "1.1"),
    }
    for name, words in odd.items():
        yield Odd(
            name,
            words,
            {**files, **run} if "RUN" in words else files,
            (2,) if name not in ACCEPTED else ANY,
        )


ACCEPTED = ("ERR", "recall at nothing", "a metric with a wrong value",
            "a metric at a huge number", "out is here", "a column of texts")  # fmt: skip
"""What is refused or carried out, by what is installed or what lies there."""

NO_POSITIVE = {
    **BEIR,
    "data/qrels/test.tsv": b"query-id\tcorpus-id\tscore\nq1\td1\t0\nq2\td3\t0\n",
    "pairs.jsonl": json.dumps({"anchor": "a", "negative": "b"}).encode(),
}


def no_positive() -> Iterator[Odd]:
    """Data in which nothing is a positive."""
    for words in (
        (*MINE, "--out", "out"),
        ("evaluate", "bm25", "data"),
        ("data", "plant", "data", "--out", "out"),
        ("data", "instructions", "data", "--out", "out.md"),
        ("train", "data", "--out", "out"),
        ("compare", "data", "--recipes", "bm25", "--out", "out", "--on", "data"),
    ):
        yield Odd(f"{words[0]} without a positive", words, NO_POSITIVE, (2,), "positive")
