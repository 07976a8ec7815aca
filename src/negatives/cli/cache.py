"""negatives cache: what runs share, such as vectors and replies: told, pruned, checked."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Annotated, Any

import cyclopts
from cyclopts import Parameter

from negatives.cli.options import Flag
from negatives.cli.streams import print_json
from negatives.errors import InputError
from negatives.machine import UNITS, parse_bytes

app = cyclopts.App(
    name="cache",
    help="Vectors, exported models and replies of language models that runs share: what is kept, "
    "making room, finding damage.",
)

_SECONDS = {"h": 3600, "d": 86_400, "w": 604_800}


@app.command(name="list")
def list_(*, json: Flag = False) -> None:
    """List what is kept, by model and prompt.

    That is vectors of an encoder, scores of a reranker, ONNX models, and replies of a language
    model.

    Example:

        negatives cache list

    Parameters
    ----------
    json
        Print them as JSON.
    """
    from negatives.store.embedding_care import spaces
    from negatives.store.onnx_models import held_models
    from negatives.store.pair_scores import DTYPE
    from negatives.store.replies import held_replies

    rows: list[dict[str, Any]] = [
        {
            "encoder": held.about.encoder,
            "prompt": held.about.prompt,
            "dim": held.about.dim,
            "vectors": held.vectors,
            "scores": held.about.dtype == DTYPE,
            "model": False,
            "replies": 0,
            "bytes": held.bytes,
            "last_used": _date(held.used),
            "folder": str(held.folder),
        }
        for held in spaces(_store())
    ] + [
        {
            "encoder": f"onnx:{model.about.name}",
            "prompt": model.about.prompt,
            "dim": model.about.dim,
            "vectors": 0,
            "scores": False,
            "model": True,
            "replies": 0,
            "bytes": model.bytes,
            "last_used": _date(model.used),
            "folder": str(model.folder),
        }
        for model in held_models(_store())
    ]
    rows += [
        {
            "encoder": kept.about.model,
            "prompt": kept.about.prompt,
            "dim": 0,
            "vectors": 0,
            "scores": False,
            "model": False,
            "replies": kept.replies,
            "bytes": kept.bytes,
            "last_used": _date(kept.used),
            "folder": str(kept.folder),
        }
        for kept in held_replies(_store())
    ]
    if json:
        print_json(rows)
    elif not rows:
        print(f"nothing is kept in {_store()}")
    else:
        _table([_line(row) for row in rows])


@app.command
def size(*, json: Flag = False) -> None:
    """How much is kept, and where.

    Example:

        negatives cache size

    Parameters
    ----------
    json
        Print the figures as JSON.
    """
    from negatives.store.embedding_care import spaces
    from negatives.store.onnx_models import held_models
    from negatives.store.replies import held_replies

    held, models, kept = spaces(_store()), held_models(_store()), held_replies(_store())
    vectors, total = sum(one.vectors for one in held), sum(one.bytes for one in held)
    total += sum(model.bytes for model in models) + sum(one.bytes for one in kept)
    replies = sum(one.replies for one in kept)
    if json:
        found = {"folder": str(_store()), "spaces": len(held), "vectors": vectors, "bytes": total}
        found["replies"] = replies
        print_json(found)
    else:
        counted = "1 space" if len(held) == 1 else f"{len(held):,} spaces"
        others = _and(len(models), replies)
        print(f"{_store()}: {_amount(total)}, {vectors:,} vectors in {counted}{others}")


@app.command
def prune(
    *,
    older_than: str | None = None,
    to: str | None = None,
    all_: Annotated[bool, Parameter(name="--all", negative="", show_default=False)] = False,
    json: Flag = False,
) -> None:
    """Remove vectors, exported models and replies: those long unread, or as many as must go.

    What is in use is left alone. A language model's replies to one prompt go together.

    Examples:

        negatives cache prune --older-than 30d

        negatives cache prune --to 2GB

    Parameters
    ----------
    older_than
        Remove what was not read for so long: 12h, 30d, 8w.
    to
        Remove the longest unread until no more than this is kept: 500MB, 2GB.
    all_
        Remove everything.
    json
        Print what was freed as JSON.
    """
    from negatives.store.embedding_care import prune as carry_out

    if older_than is None and to is None and not all_:
        raise InputError(
            "nothing says what to remove",
            fix="give --older-than 30d, --to 2GB, or --all",
        )
    freed = carry_out(
        _store(),
        older_than=None if older_than is None else _seconds(older_than),
        to=0 if all_ else None if to is None else _bytes(to),
    )
    if json:
        busy = [str(folder) for folder in freed.busy]
        removed = {"vectors": freed.vectors, "models": freed.models, "replies": freed.replies}
        print_json(removed | {"bytes": freed.bytes, "in_use": busy})
    else:
        others = _and(freed.models, freed.replies)
        print(f"freed {_amount(freed.bytes)}: {freed.vectors:,} vectors{others}")
        _tell_busy(freed.busy)


@app.command
def verify(*, repair: Flag = False, json: Flag = False) -> int:
    """Read everything that is kept: exit code 0 if it is sound, 1 if damage was found and left.

    Example:

        negatives cache verify --repair

    Parameters
    ----------
    repair
        Remove damaged files, and what killed runs left; the next run encodes those texts again.
    json
        Print what was found as JSON.
    """
    from negatives.store.embedding_care import verify as carry_out

    found = carry_out(_store(), repair=repair)
    if json:
        told = {
            "files": found.files,
            "damaged": [str(path) for path in found.damaged],
            "vectors_in_them": found.lost,
            "repaired": repair and not found.busy,
            "in_use": [str(folder) for folder in found.busy],
        }
        print_json(told)
    else:
        for path in found.damaged:
            print(f"damaged: {path}")
        done = "removed" if repair else "that may be wrong"
        lost = f"; {found.lost:,} vectors {done}" if found.damaged else ""
        print(f"{found.files:,} files read, {len(found.damaged):,} damaged{lost}")
        if found.damaged and not repair:
            print("fix: negatives cache verify --repair")
        _tell_busy(found.busy)
    return 1 if found.damaged and not repair else 0


def _store() -> Path:
    from negatives.cache_folder import OFF, VARIABLE
    from negatives.store.embeddings import store_folder

    folder = store_folder()
    if folder is None:
        raise InputError(
            f"there is no shared store: {VARIABLE} is {OFF}",
            fix=f"unset {VARIABLE}, or name a folder",
        )
    return folder


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    prompt = f"prompt {row['prompt']!r}" if row["prompt"] else "no prompt"
    return (
        row["encoder"],
        prompt,
        *(
            ("replies", f"{row['replies']:,} replies")
            if row["dim"] == 0
            else ("scores of pairs", f"{row['vectors']:,} scores")
            if row["scores"]
            else (f"{row['dim']} dimensions", "the model")
            if row["model"]
            else (f"{row['dim']} dimensions", f"{row['vectors']:,} vectors")
        ),
        _amount(row["bytes"]),
        f"last used {row['last_used'][:10]}",
    )


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _and(models: int, replies: int) -> str:
    """The exported models and the replies, where there are any."""
    made = f" and {models:,} exported model{'s' * (models != 1)}" if models else ""
    return made + (f" and {replies:,} repl{'ies' if replies != 1 else 'y'}" if replies else "")


def _table(lines: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(f"{cell:<{w}}" for cell, w in zip(line, widths, strict=True)).rstrip())


def _tell_busy(busy: list[Path]) -> None:
    for folder in busy:
        print(f"in use by a run, left alone: {folder}")


def _amount(size: int) -> str:
    """Bytes as a person reads them: 812 bytes, 14.0 MB."""
    unit = max((unit for unit in UNITS if size >= UNITS[unit]), key=UNITS.__getitem__, default="")
    return f"{size / UNITS[unit]:,.1f} {unit}B" if unit else f"{size} bytes"


def _bytes(text: str) -> int:
    found = parse_bytes(text)
    if found is None:
        raise InputError(f"not a size: {text!r}", where="--to", fix="such as 500MB or 2GB")
    return found


def _seconds(text: str) -> float:
    match = re.fullmatch(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*([hdw])\s*", text, re.IGNORECASE)
    if match is None:
        raise InputError(f"not an age: {text!r}", where="--older-than", fix="such as 12h or 30d")
    return float(match[1]) * _SECONDS[match[2].lower()]
