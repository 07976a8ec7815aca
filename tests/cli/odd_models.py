"""Models, losses, splits and places that do not fit the data, of the commands that train.

All of it is known before the first training: nothing may be mined, trained or left behind.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.cli.odd import Odd
from tests.cli.odd_domains import apart

_DOCS = "".join(
    json.dumps({"_id": f"d{n}", "title": "", "text": f"{chr(97 + n) * 4} is the lift of wing {n}"})
    + "\n"
    for n in range(20)
)
_QUERIES = "".join(
    json.dumps({"_id": f"q{n}", "text": f"what is the lift of wing {n}"}) + "\n" for n in range(18)
)


def _qrels(first: int, relevance: int = 1) -> bytes:
    rows = (f"q{n}\td{n}\t{relevance}\n" for n in range(first, first + 6))
    return ("query-id\tcorpus-id\tscore\n" + "".join(rows)).encode()


TEXT = {
    "text/corpus.jsonl": _DOCS.encode(),
    "text/queries.jsonl": _QUERIES.encode(),
    "text/qrels/train.tsv": _qrels(0),
    "text/qrels/dev.tsv": _qrels(6),
    "text/qrels/test.tsv": _qrels(12),
    "text/qrels/nothing.tsv": _qrels(6, relevance=0),
    "a-file": b"x",
}
_QUICK = ("--quiet", "--threads", "1")
_SEVERAL = ("--recipes", "bm25", "--seeds", "1", "--steps", "2", "--out", "out", *_QUICK)
TRAINING = {
    "train": ("train", "text", "--steps", "2", "--out", "out", *_QUICK),
    "compare": ("compare", "text", *_SEVERAL),
    "bench": ("bench", "text", *_SEVERAL),
    "generalise": ("generalise", "text", "--on", "text@test", "--recipes", "bm25", "--steps", "2",
                   "--out", "out", *_QUICK),
}  # fmt: skip
"""Commands that could train on these texts."""


def folder_of(path: str | Path, name: str) -> dict[str, bytes]:
    """A folder's files, as those of a folder `name`."""
    root = Path(path)
    return {
        f"{name}/{file.relative_to(root).as_posix()}": file.read_bytes()
        for file in root.rglob("*")
        if file.is_file()
    }


def models(llama: str | Path, no_numbers: str | Path) -> dict[str, tuple[dict[str, bytes], str]]:
    """Model folders that no retriever is trained from: their files, and what is said of each.

    `llama`: a causal language model without a padding token. `no_numbers`: one with NaN in it.
    """
    sound = folder_of(llama, "model")
    weights = "model/model.safetensors"
    return {
        "a language model": (sound, "padding token"),
        "weights that are no numbers": (folder_of(no_numbers, "model"), "NaN or infinity"),
        "weights that are cut": (sound | {weights: sound[weights][:900]}, "weights cannot be read"),
        "a pickle": (
            {**{name: sound[name] for name in sound if name != weights},
             "model/pytorch_model.bin": b"\x80\x02}q\x00."},
            "pickles",
        ),
        "no model": ({"model/notes.txt": b"mine"}, "could be loaded"),
        "a file": ({"model": b"x"}, "is a file"),
        "nothing": ({}, "no model"),
    }  # fmt: skip


def unfit(llama: str | Path, no_numbers: str | Path) -> Iterator[Odd]:
    """All of them, of every command that trains."""
    for command, words in TRAINING.items():
        for name, (files, said) in models(llama, no_numbers).items():
            yield Odd(
                f"{command} of {name}", (*words, "--model", "./model"), TEXT | files, says=said
            )
        for name, options, said in _settings(command):
            yield Odd(f"{command} with {name}", (*_changed(words, options), *options), TEXT,
                      says=said)  # fmt: skip
    yield from _evaluations()
    yield from _other_data()


def _settings(command: str) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """What is given to a command that cannot be carried out."""
    yield "a loss of sequences", ("--set", "learn.kind=npo"), "learns from sequences"
    guide = ("--set", "learn.kind=guided", "--set", "learn.guide=./nowhere")
    yield "a guide that is nowhere", guide, "cannot be used"
    yield "vectors by id of other queries", ("--kind", "factors"), "trained"
    yield "a place in a file", ("--out", "a-file/out"), "a-file"
    yield "too little memory", ("--memory", "1KB"), "too little memory"
    judged = "--dev" if command == "train" else "--on"
    yield "a split without a positive", (judged, "text@nothing"), "has a positive"
    yield "a split that is not there", (judged, "text@nope"), "no split 'nope'"
    if command == "train":
        yield "a reporter that is none", ("--report-to", "nonsense"), "--report-to"
    if command == "bench":
        yield "a time below none", ("--stop-after", "-1"), "stop_after"
        yield "a time that is no number", ("--stop-after", "nan"), "stop_after"
        yield "an exchange of what is not named", ("--use", "x=y"), "no recipe names"
        yield "an encoder that is nowhere", ("--encoder", "./nowhere"), "nowhere"
    if command == "compare":
        yield "no metric", ("--metric", "nonsense"), "no metric"
    if command == "generalise":
        yield "one cluster", ("--buckets", "1"), "cluster"
        yield "an unknown metric", ("--metric", "nonsense"), "no metric"


def _changed(words: tuple[str, ...], options: tuple[str, ...]) -> tuple[str, ...]:
    """The words without the options that are given otherwise."""
    kept = list(words)
    for option in options[::2]:
        if option in kept and option != "--set":
            at = kept.index(option)
            del kept[at : at + 2]
    return tuple(kept)


def _evaluations() -> Iterator[Odd]:
    """Of one collection, and of several: what is wrong with the last is said at once."""
    one = ("evaluate", "static", "text@test", *_QUICK)
    for option in ("--per-query", "--save-run", "--quarantine"):
        for name, place in {"in a file": "a-file/x.csv", "of the system": "/proc/x.csv"}.items():
            yield Odd(f"evaluate: {option} {name}", (*one, option, place), TEXT)
        yield Odd(f"evaluate: {option} a folder", (*one, option, "text"), TEXT)
    for last, said in {
        "text@test": "two collections",
        "text@nothing": "has a positive",
        "text@nope": "no split",
        "nowhere": "no such file",
        "a-file": "known format",
    }.items():
        words = ("evaluate", "static", "text@test", last, "--save-run", "runs", *_QUICK)
        yield Odd(f"evaluate of two: {last}", words, TEXT, says=said)


def _other_data() -> Iterator[Odd]:
    """Texts are asked for where there are none: said before anything is read by a model."""
    for name, (data, files) in apart().items():
        for command, words in TRAINING.items():
            if command == "bench":
                continue  # it trains vectors by id, or towers, there
            named = (words[0], data, *words[2:])
            if command == "generalise":
                named = tuple(data if word == "text@test" else word for word in named)
            kind = ("--kind", "static-embedding")
            said = "no dev split" if command == "compare" else "needs the text"
            yield Odd(f"{command} of {name}", (*named, *kind), dict(files), says=said)
        words = ("evaluate", "static", data, *_QUICK)
        yield Odd(f"evaluate of {name}", words, dict(files), says="needs the text")
        words = ("evaluate", "static", "text@test", "--protocol", "extrapolation", "--trained-on",
                 data, *_QUICK)  # fmt: skip
        told: Mapping[str, bytes] = {**TEXT, **files}
        if name != "images":  # whose queries are captions
            yield Odd(f"a protocol of {name}", words, told, says="needs the text")
